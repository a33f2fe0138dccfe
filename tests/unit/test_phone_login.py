"""Logging in with a linked phone (ORG-7)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from phone_world import PORTAL, STRANGER, World
from registry_world import NOW, OTHER_URA, URA, add_person
from zorgid_card.errors import (
    NotLinkedError,
    OrganisationUnknownError,
    PairingError,
    PhoneDigitsError,
    PhoneNumberError,
    ReplayError,
    SessionError,
    SignatureError,
    TransitionError,
)
from zorgid_card.ports.phone import PhoneAnswer
from zorgid_card.ports.registry import Membership, MobileID, Organisation
from zorgid_card.secret import Secret
from zorgid_card.workflows import pairing


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
    assert asked.number not in dataclasses.astuple(question)
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


def test_org_7_a_log_in_serves_once(world: World) -> None:
    phone, _ = world.linked()
    asked = world.ask()
    world.approve(phone, asked.number)
    answer = world.desk.sent[-1]
    with pytest.raises(ReplayError):
        world.desk.answer(answer)
    world.finish(asked)
    with pytest.raises(ReplayError):
        world.finish(asked)
    with pytest.raises(ReplayError):
        world.desk.answer(answer)
    assert phone.question() is None


def test_org_7_a_log_in_belongs_to_its_browser_session(world: World) -> None:
    phone, _ = world.linked()
    asked = world.ask()
    world.approve(phone, asked.number)
    with pytest.raises(ReplayError):
        world.finish(asked, STRANGER)
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
    assert world.mobile(mobile.id).tries_left == pairing.TRIES


def test_org_7_five_wrong_digits_block_the_phone_and_are_counted_by_the_portal(world: World) -> None:
    phone, mobile = world.linked()
    for left in (4, 3, 2, 1, 0):
        with pytest.raises(PhoneDigitsError) as error:
            world.approve(phone, world.ask().number, b"000000")
        assert error.value.tries_left == left
    assert world.mobile(mobile.id).state == "blocked"
    with pytest.raises(NotLinkedError):
        world.ask()


def test_org_7_right_digits_give_the_tries_back(world: World) -> None:
    phone, mobile = world.linked()
    for _ in range(4):
        with pytest.raises(PhoneDigitsError):
            world.approve(phone, world.ask().number, b"000000")
    world.approve(phone, world.ask().number)
    assert world.mobile(mobile.id).tries_left == pairing.TRIES


def test_org_7_without_the_phones_key_no_try_is_spent(world: World) -> None:
    _, mobile = world.linked()
    asked = world.ask()
    with pytest.raises(SignatureError):
        world.desk.answer(
            PhoneAnswer(
                mobile_id=mobile.id, nonce=asked.nonce, number=asked.number, verifier=bytes(32), signature=b"0" * 70
            )
        )
    assert world.mobile(mobile.id).tries_left == pairing.TRIES
    assert world.finish(asked) is None


@pytest.mark.parametrize("field", ["number", "nonce"])
def test_org_7_an_answer_changed_on_the_way_is_refused(world: World, field: str) -> None:
    phone, _ = world.linked()
    asked = world.ask()
    world.desk.tamper = lambda answer: dataclasses.replace(answer, **{field: "77" if asked.number != "77" else "78"})
    with pytest.raises((SignatureError, ReplayError)):
        world.approve(phone, asked.number)
    assert world.finish(asked) is None


def test_org_7_an_answer_of_one_phone_is_none_of_another(world: World) -> None:
    with world.store.begin() as unit:
        other = add_person(unit, "bert", uzi_number="900000002", role="manager")
    phone, _ = world.linked()
    world.person, anna = other, world.person
    _, other_mobile = world.linked()
    world.person = anna
    asked = world.ask()
    world.desk.tamper = lambda answer: dataclasses.replace(answer, mobile_id=other_mobile.id)
    with pytest.raises(ReplayError):
        world.approve(phone, asked.number)


def test_org_7_the_phone_refuses_a_question_of_another_portal(world: World) -> None:
    phone, _ = world.linked()
    asked = world.ask()
    question = phone.question()
    assert question is not None
    relayed = dataclasses.replace(question, origin="https://evil.example")
    with pytest.raises(PairingError):
        phone.approve(relayed, number=asked.number, digits=Secret.of(b"314159"))


def test_org_7_a_new_question_ends_the_one_before(world: World) -> None:
    phone, _ = world.linked()
    first, second = world.ask(STRANGER), world.ask()
    world.approve(phone, second.number)
    with pytest.raises(SessionError):
        world.finish(first, STRANGER)
    assert world.finish(second) is not None


def test_org_7_who_is_not_known_or_not_linked_cannot_be_asked(world: World) -> None:
    world.linked()
    with pytest.raises(NotLinkedError):
        world.ask(user_name="nobody")
    with pytest.raises(OrganisationUnknownError):
        world.ask(ura=OTHER_URA)


@pytest.mark.parametrize("state", ["blocked", "revoked"])
def test_adm_7_a_phone_blocked_between_question_and_answer_does_not_log_in(world: World, state: str) -> None:
    phone, mobile = world.linked()
    asked = world.ask()
    with world.store.begin() as unit:
        unit.replace(dataclasses.replace(mobile, state=state))
    with pytest.raises(TransitionError):
        world.approve(phone, asked.number)


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
