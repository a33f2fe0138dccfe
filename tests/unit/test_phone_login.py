"""Logging in with a linked phone (ORG-7)."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from phone_world import BROWSER, PORTAL, STRANGER, World
from registry_world import NOW, OTHER_URA, URA, add_person
from zorgid_card.errors import (
    MessageError,
    NotLinkedError,
    OrganisationUnknownError,
    PairingError,
    PhoneDigitsError,
    PhoneLimitError,
    PhoneNumberError,
    PortalAnswerError,
    ReplayError,
    SessionError,
    SignatureError,
    TransitionError,
)
from zorgid_card.pki.signing import SoftwareSigner
from zorgid_card.ports.registry import AuditEvent, Membership, MobileID, Organisation
from zorgid_card.secret import Secret
from zorgid_card.testkit.phone import PhoneAsked, direct
from zorgid_card.workflows.pairing import PHONES, fingerprint
from zorgid_card.workflows.policy import PhonePolicy


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.store.close()


# --- ORG-7 --------------------------------------------------------------------------------------------------


def test_org_7_the_phone_approves_and_the_page_is_logged_in(world: World) -> None:
    phone, mobile = world.linked()
    asked = world.ask()
    assert world.finish(asked) is None
    question = phone.question()
    assert question is not None
    assert (question.origin, question.ura, question.organisation) == (PORTAL.origin, URA, f"Praktijk {URA}")
    assert "number" not in question.fields
    world.clock.forward(seconds=20)
    phone.approve(question, number=asked.number, digits=Secret.of(b"314159"))
    logged_in = world.finish(asked)
    assert logged_in is not None
    assert (logged_in.person, logged_in.membership.role, logged_in.mobile_id) == (
        world.person,
        "administrator",
        mobile.id,
    )
    assert world.mobile(mobile.id).last_used_at == NOW + timedelta(seconds=20)
    assert world.counts.counts() == {"phone.linked": 1, "log-in.phone": 1}


def test_org_7_a_log_in_serves_once(world: World) -> None:
    phone, _ = world.linked()
    asked = world.ask()
    world.approve(phone, asked.number)
    answer = json.dumps(world.line.sent[-1]).encode()
    assert b"phone-done" in world.door.seam.ask(answer)  # its answer was lost, and it comes again
    world.finish(asked)
    with pytest.raises(ReplayError):
        world.finish(asked)
    world.door.seam.ask(answer)
    with pytest.raises(ReplayError):
        world.finish(asked)
    assert world.status(asked) == "over"
    assert phone.question() is None


def test_org_7_a_log_in_belongs_to_its_browser_session(world: World) -> None:
    phone, _ = world.linked()
    asked = world.ask()
    world.approve(phone, asked.number)
    assert world.status(asked, STRANGER) == "over"
    with pytest.raises(ReplayError):
        world.finish(asked, STRANGER)
    assert world.status(asked) == "approved"
    assert world.finish(asked) is not None


def test_org_7_a_log_in_lives_thirty_seconds(world: World) -> None:
    phone, _ = world.linked()
    asked = world.ask()
    question = phone.question()
    assert question is not None
    world.clock.forward(seconds=30)
    assert phone.question() is None
    with pytest.raises(SessionError) as error:
        phone.approve(question, number=asked.number, digits=Secret.of(b"314159"))
    assert error.value.reason == "expired"
    with pytest.raises(SessionError):
        world.finish(asked)


def test_org_7_a_wrong_number_ends_the_log_in(world: World) -> None:
    phone, mobile = world.linked()
    asked = world.ask()
    question = phone.question()
    assert question is not None
    with pytest.raises(PhoneNumberError):
        phone.approve(question, number=f"{(int(asked.number) + 1) % 100:02d}", digits=Secret.of(b"314159"))
    with pytest.raises(ReplayError):
        phone.approve(question, number=asked.number, digits=Secret.of(b"314159"))
    with pytest.raises(SessionError) as error:
        world.finish(asked)
    assert error.value.reason == "refused"
    assert world.mobile(mobile.id).tries_left == PHONES.tries


def test_org_7_five_wrong_digits_block_the_phone_and_are_counted_by_the_portal(world: World) -> None:
    phone, mobile = world.linked()
    for left in (4, 3, 2, 1, 0):
        with pytest.raises(PhoneDigitsError) as error:
            world.approve(phone, world.ask().number, b"000000")
        assert error.value.tries_left == left
    assert world.mobile(mobile.id).state == "blocked"
    world.ask()
    assert phone.view().asked is None


def test_org_7_right_digits_give_the_tries_back(world: World) -> None:
    phone, mobile = world.linked()
    for _ in range(4):
        with pytest.raises(PhoneDigitsError):
            world.approve(phone, world.ask().number, b"000000")
    world.approve(phone, world.ask().number)
    assert world.mobile(mobile.id).tries_left == PHONES.tries


def test_org_7_without_the_phones_key_no_try_is_spent(world: World) -> None:
    phone, mobile = world.linked()
    asked = world.ask()
    question = phone.question()
    assert question is not None
    thief = world.new_phone()
    thief._link = phone._link
    with pytest.raises(SignatureError):
        thief.approve(question, number=asked.number, digits=Secret.of(b"000000"))
    assert world.mobile(mobile.id).tries_left == PHONES.tries
    with pytest.raises(SignatureError):
        thief.refuse(question)
    assert world.status(asked) == "asked"


@pytest.mark.parametrize("field", ["number", "nonce", "signature", "phone"])
def test_org_7_an_answer_changed_on_the_way_is_refused(world: World, field: str) -> None:
    phone, mobile = world.linked()
    asked = world.ask()
    question = phone.question()
    assert question is not None
    other = {
        "number": "77" if asked.number != "77" else "78",
        "nonce": "AAAA",
        "signature": "AAAAAAAAAAA",
        "phone": "x",
    }
    world.line.tamper = lambda answer: {**answer, field: other[field]}
    with pytest.raises((SignatureError, ReplayError)):
        phone.approve(question, number=asked.number, digits=Secret.of(b"314159"))
    assert world.finish(asked) is None
    assert world.mobile(mobile.id).tries_left == PHONES.tries


def test_org_7_an_answer_of_one_phone_is_none_of_another(world: World) -> None:
    with world.store.begin() as unit:
        other = add_person(unit, "bert", uzi_number="900000002", role="manager")
    phone, _ = world.linked()
    world.person, anna = other, world.person
    other_phone, _ = world.linked()
    world.person = anna
    asked = world.ask()
    assert other_phone.question() is None
    question = phone.question()
    assert question is not None
    with pytest.raises(PortalAnswerError):
        other_phone.approve(question, number=asked.number, digits=Secret.of(b"314159"))
    ours = PhoneAsked(question.kind, {**question.fields, "phone": other_phone._linked().phone})
    with pytest.raises(ReplayError):
        other_phone.approve(ours, number=asked.number, digits=Secret.of(b"314159"))


def test_org_7_a_question_relayed_by_another_portal_is_refused_by_the_phone(world: World) -> None:
    """A page that passes the true portal's question on is not at the end of the phone's line, and what it asks names it."""
    phone, _ = world.linked()
    asked = world.ask()
    question = phone.question()
    assert question is not None
    relayed = PhoneAsked(question.kind, {**question.fields, "origin": "https://evil.example"})
    with pytest.raises(PortalAnswerError):
        phone.approve(relayed, number=asked.number, digits=Secret.of(b"314159"))
    phone._connect = direct(world.line, b"the key of who sits between")
    with pytest.raises(PairingError) as error:
        phone.question()
    assert error.value.reason == "portal"


def test_org_7_a_log_in_asked_elsewhere_says_so_and_opens_no_other_session(world: World) -> None:
    """Relayed: a page asks in its own session what the person believes to ask in theirs. The phone shows from where, and whoever
    approves all the same opens that session alone, which the trail names."""
    phone, _ = world.linked()
    asked = world.ask(STRANGER, client="203.0.113.7")
    question = phone.question()
    assert question is not None
    assert (question.client, question.origin) == ("203.0.113.7", PORTAL.origin)
    phone.approve(question, number=asked.number, digits=Secret.of(b"314159"))
    with pytest.raises(ReplayError):
        world.finish(asked, BROWSER)


def test_org_7_there_is_no_qr_code_for_a_log_in(world: World) -> None:
    phone, _ = world.linked()
    asked = world.ask()
    for text in (f"{PORTAL.origin}/phone#{asked.nonce}", f"{PORTAL.origin}/login#1.{asked.nonce}"):
        with pytest.raises(MessageError):
            phone.scan(text)


def test_org_7_the_person_may_refuse_and_it_is_kept(world: World) -> None:
    phone, mobile = world.linked()
    asked = world.ask()
    question = phone.question()
    assert question is not None
    phone.refuse(question)
    phone.refuse(question)  # its answer was lost
    assert world.status(asked) == "refused"
    with pytest.raises(ReplayError):
        phone.approve(question, number=asked.number, digits=Secret.of(b"314159"))
    with pytest.raises(SessionError) as error:
        world.finish(asked)
    assert error.value.reason == "refused"
    with world.store.begin() as unit:
        assert [e.subject for e in unit.find(AuditEvent, action="phone.refuse")] == [mobile.id]


def test_org_7_a_refusal_of_one_question_is_none_of_another(world: World) -> None:
    phone, _ = world.linked()
    world.ask()
    first = phone.question()
    asked = world.ask()
    assert first is not None
    world.line.tamper = lambda message: {**message, "nonce": asked.nonce}
    with pytest.raises(SignatureError):
        phone.refuse(first)
    assert world.status(asked) == "asked"


def test_org_7_a_poll_is_signed_and_fresh_and_a_stranger_hears_what_nobody_hears(world: World) -> None:
    phone, _ = world.linked()
    world.ask()
    assert phone.question() is not None
    poll = world.line.sent[-1]
    for change in ({"phone": "nobody"}, {"signature": "AAAAAAAAAAA"}, {"at": "2026-11-02T09:00:01+00:00"}):
        answer = json.loads(world.door.seam.ask(json.dumps({**poll, **change}).encode()))
        assert (answer["kind"], answer["code"], answer["values"]) == ("refusal", "portal.pairing", ['"unknown"'])
    world.clock.forward(minutes=3)
    answer = json.loads(world.door.seam.ask(json.dumps(poll).encode()))
    assert (answer["code"], answer["values"][0]) == ("portal.session", '"clock"')


def test_org_7_the_phone_learns_the_key_that_will_follow(world: World) -> None:
    phone, _ = world.linked()
    coming = SoftwareSigner.generate().public_key
    world.services.identity = dataclasses.replace(PORTAL, next_fingerprint=fingerprint(coming))  # type: ignore[misc]
    phone.view()
    phone._connect = direct(world.line, coming)
    assert phone.view().state == "linked"
    phone._connect = direct(world.line, SoftwareSigner.generate().public_key)
    with pytest.raises(PairingError):
        phone.view()


@pytest.mark.parametrize(
    "request_",
    [b"", b"{}", b"[]", b'{"kind":"ask-phone"}', b'{"kind":"phone-poll"}', b"\xff" * 70000],
    ids=["none", "empty", "list", "page", "bare", "long"],
)
def test_org_7_what_is_no_message_of_a_phone_is_refused(world: World, request_: bytes) -> None:
    answer = json.loads(world.door.seam.ask(request_))
    assert (answer["kind"], answer["code"]) == ("refusal", "encoding.message")


# --- limits -------------------------------------------------------------------------------------------------


def test_org_7_a_name_is_asked_so_often_and_no_more(world: World) -> None:
    phone, _ = world.linked()
    for _ in range(PhonePolicy().asks_per_name):
        asked = world.ask()
    with pytest.raises(PhoneLimitError) as error:
        world.ask()
    assert error.value.retry_after == 600
    world.approve(phone, asked.number)  # who approves one may go on
    world.ask()


@pytest.mark.parametrize(
    "user_name",
    ["nobody", "anna.900016528", "", "\ud800", "x" * 100_000],
    ids=["nobody", "known", "empty", "surrogate", "long"],
)
def test_org_7_the_limit_is_the_same_for_names_that_are_nobodys(world: World, user_name: str) -> None:
    for _ in range(PhonePolicy().asks_per_name):
        world.door.ask(user_name, URA, binding=BROWSER)
    with pytest.raises(PhoneLimitError):
        world.door.ask(user_name, URA, binding=STRANGER)
    world.clock.forward(minutes=10)
    world.door.ask(user_name, URA, binding=BROWSER)


def test_org_7_who_tries_many_names_is_limited_by_where_they_come_from(world: World) -> None:
    for number in range(PhonePolicy().asks_per_client):
        world.ask(user_name=f"guess-{number}", client="203.0.113.7")
    with pytest.raises(PhoneLimitError):
        world.ask(user_name="guess", client="203.0.113.7")
    world.ask(client="203.0.113.8")


def test_org_7_a_new_question_ends_the_one_before(world: World) -> None:
    phone, _ = world.linked()
    first, second = world.ask(STRANGER), world.ask()
    world.approve(phone, second.number)
    with pytest.raises(SessionError):
        world.finish(first, STRANGER)
    assert world.finish(second) is not None


def test_org_7_whether_there_is_such_a_person_is_not_told(world: World) -> None:
    phone, _ = world.linked()
    known, unknown = world.ask(), world.ask(user_name="nobody")
    assert (len(known.nonce), len(known.number)) == (len(unknown.nonce), len(unknown.number))
    assert known.expires_at == unknown.expires_at
    assert (world.status(known), world.finish(known)) == (world.status(unknown), world.finish(unknown))
    asked = phone.question()
    assert asked is not None
    assert asked.nonce == known.nonce
    world.clock.forward(seconds=30)
    for one in (known, unknown):
        with pytest.raises(SessionError) as error:
            world.finish(one)
        assert error.value.reason == "expired"
    with pytest.raises(OrganisationUnknownError):
        world.ask(ura=OTHER_URA)


@pytest.mark.parametrize("state", ["blocked", "revoked"])
def test_adm_7_a_phone_blocked_between_question_and_answer_does_not_log_in(world: World, state: str) -> None:
    phone, mobile = world.linked()
    asked = world.ask()
    question = phone.question()
    assert question is not None
    with world.store.begin() as unit:
        unit.replace(dataclasses.replace(mobile, state=state))
    world.clock.forward(seconds=1)
    with pytest.raises(TransitionError):
        phone.approve(question, number=asked.number, digits=Secret.of(b"314159"))
    assert phone.view().asked is None


def change_membership(world: World) -> None:
    with world.store.begin() as unit:
        unit.remove(next(unit.find(Membership, person_id=world.person.id)))


def change_organisation(world: World) -> None:
    with world.store.begin() as unit:
        unit.replace(dataclasses.replace(unit.get(Organisation, URA), state="suspended"))


def change_phone(world: World) -> None:
    with world.store.begin() as unit:
        unit.replace(dataclasses.replace(next(unit.find(MobileID, state="linked")), state="blocked"))


@pytest.mark.parametrize("change", [change_membership, change_organisation, change_phone])
def test_adm_6_what_changed_before_the_page_asked_counts(world: World, change: Callable[[World], None]) -> None:
    phone, _ = world.linked()
    asked = world.ask()
    world.approve(phone, asked.number)
    change(world)
    with pytest.raises((NotLinkedError, OrganisationUnknownError, SessionError)):
        world.finish(asked)
