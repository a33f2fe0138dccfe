"""Making a ZORG-ID Smartcard (CRD-1 to CRD-10), both sides over the seam, with simulated cards and a real registry and CA."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from world import CARD_PIN, DESKTOP, NOW, WORKER, ScriptedHolder, World
from zorgid_card.errors import (
    BirthDateError,
    CardInUseError,
    CardRemovedError,
    CertificateExpiredError,
    DeclinedError,
    NoCardError,
    NotBlankError,
    OneMeansError,
    OrganisationUnknownError,
    PassTypeError,
    PINBlockedError,
    PINMismatchError,
    PINPolicyError,
    PlatformError,
    PortalUnreachableError,
    ResidencyError,
    RevokedError,
    StorageError,
    WrongPINError,
    ZorgIDError,
)
from zorgid_card.pki.csr import build_csr
from zorgid_card.pki.identity import read_uzi_identity
from zorgid_card.pki.signing import SoftwareSigner
from zorgid_card.ports.registry import CardLink, IssuedCertificate, Membership, Organisation, Person, SmartCard
from zorgid_card.secret import Secret
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.faults import Fault, FaultyReader, Kind
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.uzi_profile import Usage
from zorgid_card.workflows import pairing, people
from zorgid_card.workflows.creation import CardCreation
from zorgid_card.workflows.creation_messages import (
    AbandonCard,
    RequestCertificates,
)
from zorgid_card.workflows.holder import Progress, Step
from zorgid_card.workflows.policy import CreationPolicy
from zorgid_card.workflows.session import PortalClient

R = TypeVar("R")


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.validated()
    return world


def records(world: World, kind: type[R]) -> list[R]:
    with world.registry.begin() as unit:
        return list(unit.find(kind))


def nothing_is_valid(world: World) -> None:
    assert [c.status for c in records(world, IssuedCertificate) if c.status == "good"] == []
    assert [c.state for c in records(world, SmartCard) if c.state == "active"] == []


def test_crd_10_the_finished_card_is_active_linked_and_usable_at_once(world: World) -> None:
    holder = world.worker()
    made = world.create(holder)
    (card,) = records(world, SmartCard)
    (issued,) = records(world, IssuedCertificate)
    (person,) = records(world, Person)
    assert (card.serial, card.state, card.residency) == (made.serial, "active", "attested")
    assert (issued.status, issued.der) == ("good", made.certificate)
    assert (person.given_names, person.surname, person.uzi_number) == ("Zoë", "el Amrani", "900000022")
    assert [m.role for m in records(world, Membership)] == ["holder"]
    assert [link.ura for link in records(world, CardLink)] == ["90000123"]
    assert holder.steps == [step for step in Step if step is not Step.EMPTY]
    world.card().verify_pin(Secret.of(CARD_PIN))


@pytest.mark.parametrize("takes", [True, False])
def test_crd_7_a_card_is_made_with_extended_length_where_it_takes_it(world: World, takes: bool) -> None:
    """It says so in its answer to reset (7816-4, 12.1.1.9); one of the two breaks its word."""
    blank = world.maker.blank(extended=takes)
    blank._atr = bytes.fromhex("3B8501807300004037")
    answer, sent = blank.transmit, []

    def watched(command: bytes) -> bytes:
        sent.append(bytes(command))
        return answer(command)

    blank.transmit = watched  # type: ignore[method-assign]  # a test stands between reader and card
    world.create(world.worker(blank))
    chained = [command for command in sent if command[0] & 0x10]
    continued = [command for command in sent if command[1] == 0xC0]
    assert bool(chained) is bool(continued) is not takes


def test_crd_9_the_puk_that_was_shown_unblocks_the_card_and_is_kept_nowhere(world: World, tmp_path: Path) -> None:
    holder = world.worker()
    world.create(holder)
    card = world.card()
    for _ in range(3):
        with pytest.raises((WrongPINError, PINBlockedError)):
            card.verify_pin(Secret.of(b"999999"), last_try_allowed=True)
    with pytest.raises(PINBlockedError):
        card.verify_pin(Secret.of(CARD_PIN))
    card.unblock_pin(Secret.of(holder.puk), Secret.of(b"246813"))
    card.verify_pin(Secret.of(b"246813"))
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert holder.puk not in file.read_bytes()
            assert CARD_PIN not in file.read_bytes()


def test_crd_9_without_acknowledgement_the_puk_is_not_written_and_nothing_is_valid(world: World) -> None:
    holder = world.worker()
    holder.declines = {"puk"}
    with pytest.raises(DeclinedError):
        world.create(holder)
    nothing_is_valid(world)
    card = world.card()
    card.unblock_pin(Secret.of(b"12345678"), Secret.of(b"246813"))  # the factory's PUK is still the card's


def test_crd_7_the_factory_administration_key_does_not_work_afterwards(world: World) -> None:
    world.create(world.worker())
    card = world.card()
    _, _, factory = card.factory_secrets()
    with card.session(), pytest.raises(ZorgIDError):
        card.authenticate_administration(factory)
    derived = world.keys.derive(card.serial, "AES192")
    with card.session():
        card.authenticate_administration(derived)


# --- what is refused before anything starts ----------------------------------------------------------------------------


def test_crd_14_a_platform_that_may_not_make_cards_is_refused_first(world: World) -> None:
    holder = world.worker()
    with pytest.raises(PlatformError):
        world.creation(holder).run(platform="Darwin", client_version="0.1")
    assert holder.asked == []


def test_crd_2_an_organisation_that_is_not_registered(tmp_path: Path) -> None:
    world = World(tmp_path)
    with pytest.raises(OrganisationUnknownError):
        world.create(world.worker())
    with world.registry.begin() as unit:
        unit.add(Organisation(ura="90000123", name="x", state="approved", validated_at=None))
    with pytest.raises(OrganisationUnknownError):
        world.create(world.worker())
    assert records(world, Person) == []


def test_crd_1_a_pass_of_another_type(world: World) -> None:
    with pytest.raises(PassTypeError) as caught:
        world.create(ScriptedHolder(world.reader, world.doctor_pass, world.maker.blank()))
    assert caught.value.details == {"found": "Z", "expected": "N"}


def test_crd_1_an_expired_pass(world: World) -> None:
    old = world.uzi_pass(WORKER, "N", not_before=NOW - timedelta(days=400), not_after=NOW - timedelta(days=1))
    with pytest.raises(CertificateExpiredError):
        world.create(ScriptedHolder(world.reader, old, world.maker.blank()))


def test_crd_1_a_revoked_pass(world: World) -> None:
    world.pki.revoke(world.worker_pass.contents, at=NOW - timedelta(hours=1))
    with pytest.raises(RevokedError):
        world.create(world.worker())


def test_crd_7_a_pass_revoked_meanwhile_gets_no_certificate(world: World) -> None:
    holder = world.worker()
    creation = world.creation(holder)
    creation._client.open("create-card", **DESKTOP)
    creation.identify()
    creation.change_cards()
    world.pki.revoke(world.worker_pass.contents, at=NOW - timedelta(seconds=1))
    with pytest.raises(RevokedError):
        creation.make()
    assert records(world, IssuedCertificate) == []


def test_crd_4_a_wrong_pin_spends_one_try_and_tells_what_is_left(world: World) -> None:
    holder = world.worker()
    holder.pass_pin = b"000001"
    with pytest.raises(WrongPINError) as caught:
        world.create(holder)
    assert caught.value.details["tries_left"] == 2
    assert world.presented().tries().left == 2


def test_crd_4_a_wrong_birth_date_is_counted_and_not_told_apart(world: World) -> None:
    world.create(world.worker())
    for _ in range(2):
        holder = world.worker()
        holder.born = date(1985, 6, 8)
        with pytest.raises(BirthDateError):
            world.create(holder)


def test_crd_12_who_has_a_phone_gets_no_card(world: World) -> None:
    identity = read_uzi_identity(world.worker_pass.contents.certificates[Usage.AUTHENTICITY])
    with world.registry.begin() as unit:
        person = people.match_person(unit, identity, WORKER.birth_date, world.now, means=people.PHONE)
        pairing.offer(unit, world.services.identity, person, identity.ura, "browser", world.now)
    with pytest.raises(OneMeansError):
        world.create(world.worker())
    nothing_is_valid(world)


@pytest.mark.parametrize("what", ["grant-access", "pin", "pass-data", "birth-date"])
def test_crd_4_no_is_no_and_changes_nothing(world: World, what: str) -> None:
    holder = world.worker()
    holder.declines = {what}
    with pytest.raises(DeclinedError):
        world.create(holder)
    assert records(world, SmartCard) == []


# --- CRD-5, CRD-6 ------------------------------------------------------------------------------------------------------


def saved(card: VirtualCard, path: Path) -> bytes:
    """All there is on a simulated card: contents, keys, counters."""
    card.save(path)  # type: ignore[attr-defined]
    return path.read_bytes()


def test_crd_5_another_card_is_refused_and_left_untouched(world: World, tmp_path: Path) -> None:
    used, foreign = world.maker.blank(), world.maker.blank()
    world.create(world.worker(used))
    world.reader.insert(foreign)
    somebodys = world.card()
    with somebodys.session():
        somebodys.authenticate_administration(somebodys.factory_secrets()[2])
        somebodys.generate(0x9A, "ECCP256")
    for other in (world.doctor_pass, used, foreign):
        before = saved(other, tmp_path / "card")
        with pytest.raises(NotBlankError):
            world.create(world.worker(other))
        assert saved(other, tmp_path / "card") == before


def test_crd_5_a_card_of_no_known_kind_is_refused(world: World) -> None:
    plain = VirtualCard(bytes.fromhex("3B80800101"))
    with pytest.raises(NotBlankError) as caught:
        world.create(world.worker(plain))
    assert caught.value.details["found"] == "unknown"


def test_crd_5_a_card_in_use_by_somebody_else_is_not_made_anew(world: World) -> None:
    blank = world.maker.blank()
    world.create(world.worker(blank))
    other = world.pki_person("Ilse", "Jansen", "900000033")
    holder = ScriptedHolder(world.reader, other, blank, born=date(1990, 1, 1))
    with pytest.raises(NotBlankError):
        world.create(holder)
    world.card().factory_reset()
    with pytest.raises(CardInUseError):
        world.create(ScriptedHolder(world.reader, other, blank, born=date(1990, 1, 1)))
    assert [c.status for c in records(world, IssuedCertificate)] == ["good"]


@pytest.mark.parametrize(
    ("first", "second", "error"),
    [
        (b"314159", b"314158", PINMismatchError),
        (b"123456", b"123456", PINPolicyError),
        (b"31415", b"31415", PINPolicyError),
        (b"314159265", b"314159265", PINPolicyError),
        (b"abcdef", b"abcdef", PINPolicyError),
        (b"777777", b"777777", PINPolicyError),
        (b"987654", b"987654", PINPolicyError),
        (b"121212", b"121212", PINPolicyError),
    ],
)
def test_crd_6_the_pin_is_asked_again_and_three_bad_ones_end_it(
    world: World, first: bytes, second: bytes, error: type[ZorgIDError]
) -> None:
    holder = world.worker()
    holder.pins = [(first, second), (CARD_PIN, CARD_PIN)]
    world.create(holder)
    assert [type(e) for e in holder.errors] == [error]
    again = world.worker()
    again.pins = [(first, second)]
    with pytest.raises(error):
        world.create(again)
    assert len([c for c in records(world, SmartCard) if c.state == "active"]) == 1


# --- CRD-7: residency --------------------------------------------------------------------------------------------------


class HostileClient(PortalClient):
    """Changes what the card side says about the key."""

    change: Any = None

    def ask(self, message: Any, expected: Any) -> Any:
        if isinstance(message, RequestCertificates):
            message = self.change(message)
        return super().ask(message, expected)


def hostile(world: World, change: Any) -> CardCreation:
    client = HostileClient(world.portal)
    client.change = change
    return CardCreation(world.reader, client, world.worker(), world.journal, card_timeout=1)


def test_crd_7_a_software_key_gets_no_certificate(world: World) -> None:
    software = build_csr(SoftwareSigner.generate("ES256"))
    creation = hostile(world, lambda m: replace(m, csrs=(software,)))
    with pytest.raises(ResidencyError):
        creation.run(**DESKTOP)
    assert records(world, IssuedCertificate) == []


def test_crd_7_an_attestation_of_another_maker_is_worth_nothing(world: World) -> None:
    from zorgid_card.testkit.maker import Maker

    with pytest.raises(ResidencyError):
        world.create(world.worker(Maker.create("Another Maker").blank()))
    assert records(world, IssuedCertificate) == []


def test_crd_7_another_cards_attestation_is_refused(world: World) -> None:
    seen: list[RequestCertificates] = []
    hostile(world, lambda m: seen.append(m) or m).run(**DESKTOP)
    with pytest.raises(ResidencyError):
        hostile(world, lambda m: seen[0]).run(**DESKTOP)
    assert len(records(world, IssuedCertificate)) == 1


def test_crd_7_a_damaged_attestation_is_refused(world: World) -> None:
    creation = hostile(world, lambda m: replace(m, attestations=(m.attestations[0][:-3],)))
    with pytest.raises(ResidencyError):
        creation.run(**DESKTOP)


# --- CRD-8: torn -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [step for step in Step if step is not Step.EMPTY])
def test_crd_8_pulled_at_a_step_the_card_is_made_anew_after_reinsertion(world: World, step: Step) -> None:
    holder = world.worker()
    holder.pulls_at = step
    made = world.create(holder)
    assert holder.blank is not None
    if step is Step.ACTIVATE:  # everything had been written: the portal activates what works
        assert holder.errors == []
    else:
        assert len(holder.errors) == 1
    assert [(c.serial, c.state) for c in records(world, SmartCard)] == [(made.serial, "active")]
    good = [c for c in records(world, IssuedCertificate) if c.status == "good"]
    assert [c.der for c in good] == [made.certificate]
    if world.reader.card is None:
        world.reader.insert(holder.blank)
    world.card().verify_pin(Secret.of(CARD_PIN))


@pytest.mark.parametrize("prompt", ["grant-access", "pin", "pass-data", "birth-date", "new-pin", "puk"])
def test_crd_8_pulled_at_a_prompt_nothing_stays_valid_and_the_card_can_be_made(world: World, prompt: str) -> None:
    holder = world.worker()
    holder.pulls_when_asked = prompt
    holder.declines = {"insert-again"}
    try:
        world.create(holder)
    except (CardRemovedError, NoCardError, DeclinedError):
        nothing_is_valid(world)
        world.reader.remove()
        world.create(world.worker(holder.blank))
    world.card().verify_pin(Secret.of(CARD_PIN))


def test_crd_3_a_blank_is_asked_for_and_an_empty_reader_is_told(world: World) -> None:
    holder = world.worker()
    holder.blank = None
    with pytest.raises(NoCardError):
        CardCreation(world.reader, world.client(), holder, world.journal, card_timeout=0.05).run(**DESKTOP)
    assert holder.asked[-2:] == ["remove-pass", "insert-blank"]
    assert records(world, SmartCard) == []


def commands_of_making(world: World, blank: VirtualPIVCard) -> int:
    reader = FaultyReader(world.reader)  # type: ignore[arg-type]
    CardCreation(reader, world.client(), world.worker(blank), world.journal, card_timeout=1).run(**DESKTOP)
    return reader.count


@pytest.mark.parametrize("dialect", ["yubico", "nist"])
def test_crd_8_whatever_breaks_at_whatever_command_nothing_stays_valid_without_a_working_card(
    tmp_path: Path, dialect: str
) -> None:
    policy = CreationPolicy(key_algorithm="ECCP256", residency=frozenset({"attested", "channel"}))
    world = World(tmp_path, creation=policy)
    world.validated()
    blank = world.nist_blank if dialect == "nist" else world.maker.blank
    commands = commands_of_making(world, blank())
    assert commands > 40
    for at in range(1, commands + 1, 7):  # the torture takes every one of them
        kind = list(Kind)[at // 7 % 3]
        _torn_once(world, Fault(at, kind, after=at % 2 == 0), blank())


def _torn_once(world: World, fault: Fault, blank: VirtualPIVCard) -> None:
    reader = FaultyReader(world.reader, fault)  # type: ignore[arg-type]
    holder = world.worker(blank)
    holder.declines = {"insert-again"}
    creation = CardCreation(reader, world.client(), holder, world.journal, card_timeout=1)
    try:
        creation.run(**DESKTOP)
    except ZorgIDError:
        serial = str(blank._state.number)
        with world.registry.begin() as unit:
            live = [c for c in unit.find(IssuedCertificate, card_serial=serial) if c.status != "revoked"]
        assert live == [], fault
        again = world.worker(blank)
        world.create(again)
    world.card().verify_pin(Secret.of(CARD_PIN))


def test_crd_8_what_is_not_committed_in_time_is_revoked_by_the_portal_alone(world: World) -> None:
    class Silent(PortalClient):
        def ask(self, message: Any, expected: Any) -> Any:
            if isinstance(message, AbandonCard):
                raise PortalUnreachableError
            return super().ask(message, expected)

        def deliver(self, sealed: bytes, expected: Any) -> Any:
            raise PortalUnreachableError

    holder = world.worker()
    holder.declines = {"ask-again"}
    with pytest.raises(DeclinedError):
        CardCreation(world.reader, Silent(world.portal), holder, world.journal, card_timeout=1).run(**DESKTOP)
    assert [c.status for c in records(world, IssuedCertificate)] == ["hold"]
    world.now += timedelta(minutes=16)
    world.revocation.current()
    assert [c.status for c in records(world, IssuedCertificate)] == ["revoked"]
    assert [c.state for c in records(world, SmartCard)] == ["abandoned"]


def test_crd_8_a_full_disk_at_the_portal_leaves_nothing_valid(world: World) -> None:
    class Full:
        def __init__(self) -> None:
            self.full = False

        def begin(self) -> Any:
            self.require_room()
            return world.registry.begin()

        def run(self, work: Any) -> Any:
            self.require_room()
            return world.registry.run(work)

        def require_room(self) -> None:
            if self.full:
                raise StorageError("the registry cannot be written", reason="disk full")

    full = Full()
    object.__setattr__(world.services, "registry", full)
    holder = world.worker()
    holder.pulls_at = None

    def fill(progress: Progress) -> None:
        full.full = progress.step is Step.CERTIFY

    holder.progress = fill  # type: ignore[method-assign]
    with pytest.raises(StorageError):
        world.create(holder)
    full.full = False
    nothing_is_valid(world)
    object.__setattr__(world.services, "registry", world.registry)
    world.create(world.worker(holder.blank))


def test_crd_6_the_holders_birth_date_is_no_pin_of_a_new_card_and_told_apart(world: World) -> None:
    holder = world.worker()
    holder.pins = [(b"07061985", b"07061985"), (CARD_PIN, CARD_PIN)]
    world.create(holder)
    assert [error.details["rule"] for error in holder.errors] == ["birth-date"]
    world.card().verify_pin(Secret.of(CARD_PIN))
