"""Registering an organisation (ORG-2 to ORG-7), both sides over the seam, with a simulated pass and phone."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from world import DESKTOP, DOCTOR, PRACTICE, ScriptedHolder, World
from zorgid_card.errors import (
    CertificateExpiredError,
    ClientTooOldError,
    DeclinedError,
    LastTryError,
    OrganisationMismatchError,
    OrganisationUnknownError,
    PairingError,
    PassTypeError,
    PhoneDigitsError,
    PINFormError,
    ReaderError,
    RevokedError,
    SessionError,
    SignatureError,
    WrongCardError,
    WrongPINError,
)
from zorgid_card.pki.statement import CONSENT, DOMAIN, verify_statement
from zorgid_card.ports.registry import AuditEvent, Consent, Membership, MobileID, Organisation, Person
from zorgid_card.secret import Secret
from zorgid_card.testkit.uzi_profile import Subscriber
from zorgid_card.workflows.messages import Message
from zorgid_card.workflows.registration import Registration
from zorgid_card.workflows.registration_messages import RegisterAdministrator
from zorgid_card.workflows.session import PortalClient

DIGITS = b"135790"


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.approve()
    return world


def records(world: World, kind: type) -> list:
    with world.registry.begin() as unit:
        return list(unit.find(kind))


def test_org_3_the_pass_validates_the_approved_organisation(world: World) -> None:
    holder = world.doctor()
    registered = world.register(holder)
    assert (registered.ura, registered.name) == ("90000123", "Huisartsenpraktijk De Linde")
    (organisation,) = records(world, Organisation)
    assert organisation.state == "validated"
    assert holder.asked[:4] == ["insert-pass", "grant-access", "pin", "pass-data"]
    assert holder.asked[4:] == ["organisation-data", "birth-date", "consent-administrator"]


def test_org_4_the_consent_is_kept_as_the_pass_signed_it(world: World) -> None:
    registered = world.register()
    (consent,) = records(world, Consent)
    (person,) = records(world, Person)
    assert (consent.person_id, person.birth_date) == (registered.person, DOCTOR.birth_date)
    evidence = json.loads(consent.evidence)
    domain, kind, text = evidence["statement"].encode().removesuffix(b"\n").split(b"\n")
    assert (domain + b"\n", kind) == (DOMAIN, CONSENT.encode())
    verify_statement(
        bytes.fromhex(evidence["certificate"]),
        CONSENT,
        json.loads(text),
        bytes.fromhex(evidence["signature"]),
        evidence["algorithm"],
    )
    assert json.loads(text)["action"] == "register-administrator"
    assert [m.role for m in records(world, Membership)] == ["administrator"]


def test_org_1_nothing_is_possible_before_approval(tmp_path: Path) -> None:
    world = World(tmp_path)
    with pytest.raises(OrganisationUnknownError):
        world.register()
    assert records(world, Person) == []


def test_org_2_an_old_client_is_refused_before_anything_starts(world: World) -> None:
    holder = world.doctor()
    with pytest.raises(ClientTooOldError):
        Registration(world.reader, world.client(), holder).register(platform="Linux", client_version="0.0.9")
    assert holder.asked == []


def test_org_3_a_pass_of_another_organisation(world: World) -> None:
    contents = world.pki.pass_(DOCTOR, Subscriber("Andere praktijk", "90000999"), "Z", "01.015")
    from world import PASS_PIN
    from zorgid_card.testkit.uzi import VirtualUZIPass

    other = ScriptedHolder(world.reader, VirtualUZIPass(contents, pin=PASS_PIN), born=DOCTOR.birth_date)
    with pytest.raises(OrganisationUnknownError):
        world.register(other)


def test_org_3_a_pass_of_another_type(world: World) -> None:
    with pytest.raises(PassTypeError):
        world.register(ScriptedHolder(world.reader, world.worker_pass))


def test_org_3_an_expired_pass(world: World) -> None:
    world.now += timedelta(days=4 * 365)
    with pytest.raises(CertificateExpiredError):
        world.register()


def test_org_3_a_revoked_pass(world: World) -> None:
    world.pki.revoke(world.doctor_pass.contents, at=world.now - timedelta(hours=1))
    with pytest.raises(RevokedError):
        world.register()
    assert records(world, Person) == []


def test_org_3_a_pass_of_another_organisation_than_the_approved_one(world: World) -> None:
    with pytest.raises(OrganisationMismatchError) as caught:
        Registration(world.reader, world.client(), world.doctor()).register(**DESKTOP, ura="90000999")
    assert caught.value.details == {"ura": "90000123", "expected": "90000999"}
    assert [o.state for o in records(world, Organisation)] == ["approved"]


def test_org_3_a_zorgid_card_or_a_blank_is_no_uzi_pass(world: World) -> None:
    blank = world.maker.blank()
    with pytest.raises(WrongCardError) as caught:
        world.register(ScriptedHolder(world.reader, blank))
    assert caught.value.details == {"expected": "uzi-pass", "found": "blank"}


PROMPTS = ["grant-access", "pin", "pass-data", "organisation-data", "birth-date", "consent-administrator"]


@pytest.mark.parametrize("prompt", PROMPTS)
def test_org_3_a_pass_pulled_at_any_prompt_registers_nothing_half(world: World, prompt: str) -> None:
    holder = world.doctor()
    holder.pulls_when_asked = prompt
    try:
        world.register(holder)
    except ReaderError:
        assert records(world, Consent) == []
        assert records(world, Membership) == []
    world.reader.remove()
    world.register()
    assert [m.role for m in records(world, Membership)] == ["administrator"]


@pytest.mark.parametrize("said", [True, False])
def test_pin_1_the_last_try_of_a_pass_is_spent_on_its_holders_word_only(world: World, said: bool) -> None:
    for left in (2, 1):
        holder = world.doctor()
        holder.pass_pin = b"999999"
        with pytest.raises(WrongPINError) as caught:
            world.register(holder)
        assert caught.value.details["tries_left"] == left
    holder = world.doctor()
    holder.last_try = said
    if said:
        world.register(holder)
        assert world.presented().tries().left == 3
    else:
        with pytest.raises(LastTryError):
            world.register(holder)
        assert world.presented().tries().left == 1


@pytest.mark.parametrize("pin", [b"1", b"12345", b"123456789"])
def test_pin_1_what_cannot_be_a_pin_costs_no_try(world: World, pin: bytes) -> None:
    holder = world.doctor()
    holder.pass_pin = pin
    with pytest.raises(PINFormError) as caught:
        world.register(holder)
    assert caught.value.details == {"minimum": 6, "maximum": 8}
    assert world.presented().tries().left == 3


def test_org_3_a_wrong_pin(world: World) -> None:
    holder = world.doctor()
    holder.pass_pin = b"999999"
    with pytest.raises(WrongPINError):
        world.register(holder)
    assert world.presented().tries().left == 2


@pytest.mark.parametrize("what", ["grant-access", "pass-data", "organisation-data", "consent-administrator"])
def test_org_4_who_does_not_confirm_registers_nothing(world: World, what: str) -> None:
    holder = world.doctor()
    holder.declines = {what}
    with pytest.raises(DeclinedError):
        world.register(holder)
    assert records(world, Person) == []
    assert records(world, Consent) == []


def test_org_4_a_consent_over_other_data_is_refused(world: World) -> None:
    class Forger(PortalClient):
        def ask(self, message: Message, expected: type) -> Message:
            if isinstance(message, RegisterAdministrator):
                message = RegisterAdministrator(
                    birth_date=date(1971, 2, 4), algorithm=message.algorithm, signature=message.signature
                )
            return super().ask(message, expected)

    with pytest.raises(SignatureError):
        Registration(world.reader, Forger(world.portal), world.doctor()).register(**DESKTOP)
    assert records(world, Person) == []


def registration(world: World) -> Registration:
    made = Registration(world.reader, world.client(), world.doctor())
    made.register(**DESKTOP)
    return made


def test_org_5_the_code_is_shown_once(world: World) -> None:
    made = registration(world)
    made.offer_phone()
    with pytest.raises(SessionError):
        made.offer_phone()


def test_org_6_the_phone_is_linked_when_both_codes_are_the_same(world: World) -> None:
    made, phone = registration(world), world.phone()
    offered = made.offer_phone()
    phone.set_digits(Secret.of(DIGITS))
    phone.scan(offered.qr)
    waits: list[float] = []

    def scans(seconds: float) -> None:
        waits.append(seconds)
        phone.link()

    linked = made.link_phone(offered, wait=scans)
    assert waits == [0.5]
    assert [(m.id, m.state) for m in records(world, MobileID)] == [(linked.phone, "linked")]


def test_org_6_a_code_that_is_not_the_same_links_nothing(world: World) -> None:
    holder = world.doctor()
    made = Registration(world.reader, world.client(), holder)
    made.register(**DESKTOP)
    offered = made.offer_phone()
    phone = world.phone()
    phone.set_digits(Secret.of(DIGITS))
    phone.scan(offered.qr)
    phone.link()
    holder.declines = {"compare-code"}
    with pytest.raises(DeclinedError):
        made.link_phone(offered)
    assert [m.state for m in records(world, MobileID)] == ["linking"]


def test_org_5_a_code_that_nobody_scans_expires(world: World) -> None:
    made = registration(world)
    offered = made.offer_phone()

    def time_passes(seconds: float) -> None:
        world.now += timedelta(minutes=1)

    with pytest.raises(PairingError):
        made.link_phone(offered, wait=time_passes)


def test_org_7_the_administrator_logs_in_with_the_phone(world: World) -> None:
    made, phone = registration(world), world.phone()
    offered = made.offer_phone()
    phone.set_digits(Secret.of(DIGITS))
    phone.scan(offered.qr)
    phone.link()
    made.link_phone(offered)
    (person,) = records(world, Person)
    asked = world.phones.ask(person.user_name, PRACTICE.ura, binding="browser")
    assert world.phones.finish(asked.nonce, binding="browser") is None
    question = phone.question()
    assert question is not None
    with pytest.raises(PhoneDigitsError) as caught:
        phone.approve(question, number=asked.number, digits=Secret.of(b"000000"))
    assert caught.value.details["tries_left"] == 4
    asked = world.phones.ask(person.user_name, PRACTICE.ura, binding="browser")
    question = phone.question()
    assert question is not None
    assert (question.origin, question.organisation) == (world.portal.origin, PRACTICE.name)
    phone.approve(question, number=asked.number, digits=Secret.of(DIGITS))
    logged_in = world.phones.finish(asked.nonce, binding="browser")
    assert logged_in is not None
    assert (logged_in.person, logged_in.membership.role) == (person, "administrator")


def test_org_5_the_secret_of_the_code_is_kept_nowhere(world: World, tmp_path: Path) -> None:
    offered = registration(world).offer_phone()
    secret = offered.qr.rsplit(".", 1)[1].encode()
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert secret not in file.read_bytes()


def test_adm_4_what_happened_is_audited_without_the_birth_date(world: World) -> None:
    world.register()
    events = records(world, AuditEvent)
    assert [e.action for e in events][:3] == ["request.file", "request.approve", "organisation.validate"]
    assert DOCTOR.birth_date.isoformat() not in repr(events)
