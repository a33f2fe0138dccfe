"""Attacks on the making of cards that were tried, and are refused: by a card side, a portal, a colleague, a lost answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from world import CARD_PIN, DESKTOP, DOCTOR, NOW, ORIGIN, PASS_PIN, PRACTICE, WORKER, ScriptedHolder, World
from zorgid_card.errors import (
    CommitLateError,
    DeclinedError,
    MessageError,
    NotAllowedError,
    NotBlankError,
    OneMeansError,
    OrganisationUnknownError,
    PortalAnswerError,
    ResidencyError,
    SessionError,
    ZorgIDError,
)
from zorgid_card.pki.identity import read_uzi_identity
from zorgid_card.ports.registry import (
    CardAttempt,
    CardLink,
    IssuedCertificate,
    Membership,
    Organisation,
    Person,
    SmartCard,
    TryCount,
)
from zorgid_card.recipes import registry_log_in
from zorgid_card.secret import Secret
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.testkit.uzi_profile import Person as PassHolder
from zorgid_card.testkit.uzi_profile import Subscriber, Usage
from zorgid_card.workflows import organisation, people
from zorgid_card.workflows.card_side import log_in
from zorgid_card.workflows.creation import CardCreation
from zorgid_card.workflows.creation_messages import CardAccepted, OfferCard, RequestCertificates
from zorgid_card.workflows.messages import Message, canonical, from_json, parse, to_json
from zorgid_card.workflows.policy import CreationPolicy
from zorgid_card.workflows.registration import Registration
from zorgid_card.workflows.session import PortalClient

OTHER = Subscriber("Apotheek Het Noorden", "90000555")


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.validated()
    return world


def records(world: World, kind: type) -> list[Any]:
    with world.registry.begin() as unit:
        return list(unit.find(kind))


def pass_token(world: World, nonce: str) -> str:
    if world.reader.card is not world.worker_pass:
        world.reader.insert(world.worker_pass)
    card = world.presented()
    signer = card.authentication_signer(lambda _: Secret.of(PASS_PIN))
    return log_in(signer, card.authentication_certificate(), origin=ORIGIN, nonce=nonce)


def statuses(world: World) -> list[str]:
    return sorted(c.status for c in records(world, IssuedCertificate))


def stranger(world: World) -> VirtualUZIPass:
    """A worker of another validated organisation."""
    with world.registry.begin() as unit:
        unit.add(Organisation(ura=OTHER.ura, name=OTHER.name, state="validated", validated_at=NOW))
    contents = world.pki.pass_(PassHolder("Eve", "Kwaad", "900000099"), OTHER, "N")
    return VirtualUZIPass(contents, pin=b"271828")


def matched(world: World, holder: ScriptedHolder, client: PortalClient | None = None) -> PortalClient:
    client = client or world.client()
    client.open("create-card", **DESKTOP)
    CardCreation(world.reader, client, holder, world.journal, card_timeout=1).identify()
    return client


def offer(client: PortalClient, serial: str, found: str = "blank") -> CardAccepted:
    return client.ask(
        OfferCard(serial=serial, dialect="yubico", firmware="9.9.9", found=found, channel=False), CardAccepted
    )


# --- a hostile card side -----------------------------------------------------------------------------------------------


def test_crd_5_naming_a_serial_changes_nothing_of_a_card(world: World) -> None:
    administrator = world.register().person
    made = world.create(world.worker())
    manager = world.management.acting_as(administrator, PRACTICE.ura)
    manager.revoke(made.serial, "stolen")
    before = (records(world, SmartCard), records(world, CardLink), manager.show(made.serial))
    client = matched(world, ScriptedHolder(world.reader, stranger(world), born=date(1970, 1, 1)))
    offer(client, made.serial)
    assert (records(world, SmartCard), records(world, CardLink), manager.show(made.serial)) == before


def test_crd_5_naming_ones_own_active_card_does_not_revoke_it(world: World) -> None:
    made = world.create(world.worker())
    offer(matched(world, world.worker()), made.serial)
    assert statuses(world) == ["good"]


@pytest.mark.parametrize("serial", ["", "x", "1" * 21, "-1", "\u0661"])
def test_crd_5_what_is_no_serial_is_refused(world: World, serial: str) -> None:
    client = matched(world, world.worker())
    with pytest.raises(MessageError):
        offer(client, serial)


def test_crd_11_a_card_made_anew_for_another_person_is_unlinked_from_the_first_organisation(world: World) -> None:
    administrator = world.register().person
    blank = world.maker.blank()
    made = world.create(world.worker(blank))
    manager = world.management.acting_as(administrator, PRACTICE.ura)
    manager.revoke(made.serial, "left")
    world.create(ScriptedHolder(world.reader, stranger(world), blank, born=date(1970, 1, 1)))
    assert [link.ura for link in records(world, CardLink)] == [OTHER.ura]
    with pytest.raises(ZorgIDError):
        manager.revoke(made.serial, "mine")


class Changed(PortalClient):
    """Sends something else than the card side means."""

    change: Callable[[RequestCertificates], RequestCertificates]

    def ask(self, message: Message, expected: type[Any]) -> Any:
        return super().ask(self.change(message) if isinstance(message, RequestCertificates) else message, expected)


def changed(world: World, change: Callable[[RequestCertificates], RequestCertificates], **seam: Any) -> CardCreation:
    client = Changed(seam.get("seam") or world.portal)
    client.change = change
    return CardCreation(world.reader, client, world.worker(), world.journal, card_timeout=1)


def test_crd_7_a_key_is_not_certified_twice(world: World) -> None:
    seen: list[RequestCertificates] = []
    changed(world, lambda m: seen.append(m) or m).run(**DESKTOP)  # type: ignore[func-returns-value]
    administrator = world.register().person
    (card,) = records(world, SmartCard)
    world.management.acting_as(administrator, PRACTICE.ura).revoke(card.serial, "stolen", cause="keyCompromise")
    client = matched(world, world.worker())
    offer(client, card.serial, "zorgid")
    with pytest.raises(ResidencyError) as caught:
        client.ask(seen[0], Message)
    assert caught.value.details["reason"] == "used"
    assert statuses(world) == ["revoked"]


def test_crd_7_a_key_of_another_algorithm_than_the_policys_is_refused(tmp_path: Path) -> None:
    world = World(tmp_path, creation=CreationPolicy(key_algorithm="ECCP384"))
    world.validated()

    class Weaker:
        origin = world.portal.origin

        def ask(self, request: bytes) -> bytes:
            answer = from_json(parse(world.portal.ask(request)))
            if isinstance(answer, CardAccepted):
                answer = replace(answer, algorithms=("ECCP256",))
            return canonical(to_json(answer))

    with pytest.raises(ResidencyError):
        world.creation(world.worker(), Weaker()).run(**DESKTOP)
    assert records(world, IssuedCertificate) == []


def test_crd_7_the_firmware_is_the_attested_one_and_not_too_old(tmp_path: Path) -> None:
    world = World(tmp_path, creation=CreationPolicy(key_algorithm="ECCP256", minimum_firmware="5.7.1"))
    world.validated()
    world.create(world.worker())
    assert [card.firmware for card in records(world, SmartCard)] == ["5.7.1"]
    with pytest.raises(ResidencyError):
        world.create(world.worker(world.maker.blank(firmware=(5, 7, 0))))


def test_crd_7_a_session_certifies_only_so_often(tmp_path: Path) -> None:
    world = World(tmp_path, creation=CreationPolicy(key_algorithm="ECCP256", certificates_per_session=2))
    world.validated()
    holder = world.worker()
    holder.declines = {"puk"}
    creation = world.creation(holder)
    with pytest.raises(DeclinedError):
        creation.run(**DESKTOP)
    with pytest.raises(DeclinedError):
        creation.make()
    with pytest.raises(SessionError):
        creation.make()
    assert statuses(world) == ["revoked", "revoked"]


def test_crd_8_a_commit_that_comes_too_late_activates_nothing(world: World) -> None:
    holder = world.worker()
    object.__setattr__(world.services.policy, "session_lifetime", timedelta(hours=2))

    def tarry(puk: Secret) -> None:
        world.now += timedelta(minutes=15)

    holder.show_puk = tarry  # type: ignore[method-assign]
    with pytest.raises(CommitLateError):
        world.create(holder)
    assert "good" not in statuses(world)


# --- what was judged at the start is judged again ----------------------------------------------------------------------


def suspend(world: World) -> None:
    with world.registry.begin() as unit:
        organisation.suspend(unit, PRACTICE.ura, operator="operator", reason="fraud", now=world.now)


def test_crd_2_an_organisation_suspended_meanwhile_gets_no_card(world: World) -> None:
    creation = world.creation(world.worker())
    creation._client.open("create-card", **DESKTOP)
    creation.identify()
    suspend(world)
    creation.change_cards()
    with pytest.raises(OrganisationUnknownError):
        creation.make()
    assert records(world, IssuedCertificate) == []


def test_crd_12_who_became_manager_meanwhile_gets_no_card(world: World) -> None:
    holder = world.worker()
    identity = read_uzi_identity(world.worker_pass.contents.certificates[Usage.AUTHENTICITY])
    with world.registry.begin() as unit:
        people.match_person(unit, identity, WORKER.birth_date, world.now, means=people.SMARTCARD)

    def appointed(puk: Secret) -> None:
        with world.registry.begin() as unit:
            member = next(unit.find(Membership, role=people.HOLDER))
            unit.replace(replace(member, role=people.MANAGER))

    holder.show_puk = appointed  # type: ignore[method-assign]
    with pytest.raises(OneMeansError):
        world.create(holder)
    assert "good" not in statuses(world)


def test_org_6_a_suspended_organisation_and_a_former_administrator_get_no_phone(world: World) -> None:
    made = Registration(world.reader, world.client(), world.doctor())
    made.register(**DESKTOP)
    with world.registry.begin() as unit:
        member = next(unit.find(Membership, role=people.ADMINISTRATOR))
        unit.replace(replace(member, role=people.HOLDER))
    with pytest.raises(NotAllowedError):
        made.offer_phone()
    suspend(world)
    with pytest.raises(OrganisationUnknownError):
        made.offer_phone()


def test_org_8_who_may_not_become_administrator_learns_nothing_of_a_birth_date(world: World) -> None:
    world.register()
    namesake = world.uzi_pass(replace(DOCTOR, uzi_number="900000777"), "Z", role="01.015")
    for born in (DOCTOR.birth_date, date(1971, 2, 4)):
        with pytest.raises(NotAllowedError):
            world.register(ScriptedHolder(world.reader, namesake, born=born))
    assert records(world, TryCount) == []


def test_org_8_a_guests_organisation_does_not_change_their_identity(world: World) -> None:
    administrator = world.register().person
    with world.registry.begin() as unit:
        unit.add(
            Person(id="guest", user_name="g", given_names="G", surname="Ast", birth_date=date(1980, 1, 1),
                   uzi_number="900000555", role_code="00.000")
        )  # fmt: skip
        people.link(unit, "guest", PRACTICE.ura, world.now, until=world.now + timedelta(days=7))
    manager = world.management.acting_as(administrator, PRACTICE.ura)
    with pytest.raises(NotAllowedError):
        manager.approve_uzi_number("guest", "900000666", "new pass")
    assert "birth" not in repr(manager.list_people())


# --- a hostile portal --------------------------------------------------------------------------------------------------


class Lying:
    """A portal that says something else than the true one."""

    def __init__(self, world: World, **lies: Any) -> None:
        self.world, self.lies, self.origin = world, lies, world.portal.origin

    def ask(self, request: bytes) -> bytes:
        call = from_json(parse(request)["body"])
        if isinstance(call, OfferCard):
            answer = CardAccepted(
                **{
                    "renew": False, "channel": False, "residency": "attested", "slots": (0x9A,), "algorithms": ("ECCP256",),
                    "requests": (b"0",), "administration_algorithm": "AES192", "guid": bytes(16), "expires": date(2030, 1, 1),
                    "pin_minimum": 6, "pin_maximum": 8, "pin_tries": 0, "puk_tries": 0,
                    "key_officer": b"", **self.lies,
                }
            )  # fmt: skip
            return canonical(to_json(answer))
        return self.world.portal.ask(request)


@pytest.mark.parametrize("renew", [True, False])
def test_crd_5_a_portals_word_does_not_wipe_somebody_elses_card(world: World, tmp_path: Path, renew: bool) -> None:
    foreign = world.maker.blank()
    world.reader.insert(foreign)
    card = world.card()
    with card.session():
        card.authenticate_administration(card.factory_secrets()[2])
        card.generate(0x9D, "ECCP256")
    foreign.save(tmp_path / "card")
    before = (tmp_path / "card").read_bytes()
    with pytest.raises(NotBlankError):
        world.creation(world.worker(foreign), Lying(world, renew=renew)).run(**DESKTOP)
    foreign.save(tmp_path / "card")
    assert (tmp_path / "card").read_bytes() == before


@pytest.mark.parametrize(
    "lie",
    [
        {"slots": (0x9E,)},
        {"slots": (0x9D,)},
        {"slots": (0x9A, 0x9A), "algorithms": ("ECCP256", "ECCP256"), "requests": (b"\x30\x00", b"\x30\x00")},
        {"algorithms": ("RSA1024",)},
        {"algorithms": ()},
        {"residency": "trust me"},
        {"pin_tries": 3},
        {"pin_tries": 16, "puk_tries": 16},
        {"guid": b""},
        {"pin_minimum": 4},
        {"pin_maximum": 9},
    ],
)
def test_crd_7_the_card_side_makes_nothing_else_than_a_zorgid_card(
    world: World, tmp_path: Path, lie: dict[str, Any]
) -> None:
    blank = world.maker.blank()
    with pytest.raises((MessageError, PortalAnswerError)):
        world.creation(world.worker(blank), Lying(world, **lie)).run(**DESKTOP)
    world.reader.insert(blank)
    world.card().require_blank()


def test_crd_8_the_holder_is_told_whose_certificate_is_on_the_card_to_be_emptied(world: World) -> None:
    administrator = world.register().person
    blank = world.maker.blank()
    made = world.create(world.worker(blank))
    world.management.acting_as(administrator, PRACTICE.ura).revoke(made.serial, "left")
    holder = world.worker(blank)
    holder.declines = {"empty-card"}
    with pytest.raises(DeclinedError):
        world.create(holder)
    assert holder.questions[-1].facts == (("serial", made.serial), ("certificate", "Zoë el Amrani"))
    world.card().verify_pin(Secret.of(CARD_PIN))


# --- lost answers ------------------------------------------------------------------------------------------------------


class Losing:
    """A way to the portal that loses the answers to one kind of message, so many times."""

    def __init__(self, world: World, kind: str, times: int) -> None:
        self.world, self.kind, self.times, self.origin = world, kind, times, world.portal.origin

    def ask(self, request: bytes) -> bytes:
        answer = self.world.portal.ask(request)
        body = parse(request)["body"]
        if isinstance(body, dict) and body["kind"] == self.kind and self.times:
            self.times -= 1
            raise OSError("connection reset")
        return answer


@pytest.mark.parametrize("times", [1, 2, 3, 7])
def test_crd_10_a_finished_card_is_told_as_finished_however_often_the_answer_is_lost(world: World, times: int) -> None:
    holder = world.worker()
    world.creation(holder, Losing(world, "commit-card", times)).run(**DESKTOP)
    assert statuses(world) == ["good"]
    assert holder.asked.count("ask-again") == times // 3


def test_crd_4_a_birth_date_that_was_mistyped_is_not_kept(world: World) -> None:
    holder = world.worker()
    holder.born, holder.declines = date(1985, 7, 6), {"new-pin"}
    with pytest.raises(DeclinedError):
        world.create(holder)
    assert records(world, Person) == []
    world.create(world.worker(holder.blank))
    assert [person.birth_date for person in records(world, Person)] == [WORKER.birth_date]


@pytest.mark.parametrize("kind", ["request-certificates", "offer-card", "fetch-administration-key"])
def test_crd_8_a_lost_answer_does_not_keep_the_card_side_from_telling_that_it_gave_up(world: World, kind: str) -> None:
    holder = world.worker()
    world.creation(holder, Losing(world, kind, 3)).run(**DESKTOP)
    assert [status for status in statuses(world) if status != "revoked"] == ["good"]
    assert records(world, CardAttempt) == []


# --- log-in ------------------------------------------------------------------------------------------------------------


def test_aut_2_a_suspended_organisation_logs_nobody_in_with_a_uzi_pass(world: World) -> None:
    suspend(world)
    with pytest.raises(OrganisationUnknownError):
        world.log_in.verify(pass_token(world, world.log_in.challenge("b")), binding="b")


def test_aut_2_a_portal_may_want_registered_organisations_only(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.log_in.verify(pass_token(world, world.log_in.challenge("b")), binding="b")
    policy = replace(world.services.policy, login_registered_only=True)
    door = registry_log_in(replace(world.services, policy=policy), world.revocation)
    with pytest.raises(OrganisationUnknownError):
        door.verify(pass_token(world, door.challenge("b")), binding="b")


@pytest.mark.parametrize(
    "raw",
    [
        b'{"version":1,"session":"\\ud800","sequence":1,"body":{"kind":"ask-phone"},"signature":""}',
        b'{"version":1,"session":"","sequence":1,"body":{"kind":"authenticated","not_after":"0001-01-01T00:00:00+23:59"},"signature":""}',
    ],
)
def test_the_portal_never_raises(world: World, raw: bytes) -> None:
    assert b'"kind":"refusal"' in world.portal.ask(raw)
