"""Block, unblock, revoke and appoint are signed on the phone, each by itself (ADM-2 to ADM-7)."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from phone_signing_world import CARD, OTHER_CARD, REASON, Signing
from phone_world import BROWSER, STRANGER
from registry_world import OTHER_URA, URA, add_card, add_organisation, add_person
from zorgid_card.errors import (
    NotAllowedError,
    NotFoundError,
    NotLinkedError,
    NotSignedError,
    PhoneDigitsError,
    PhoneLimitError,
    ReplayError,
    SignatureError,
    StorageError,
    TransitionError,
    UsageError,
)
from zorgid_card.pki.statement import PHONE_APPROVAL, verify_statement
from zorgid_card.ports.registry import AuditEvent, Consent, MobileID, SmartCard
from zorgid_card.secret import Secret
from zorgid_card.testkit.phone import PhoneAsked, SimulatedPhone
from zorgid_card.workflows.management import Acting, Management, Operator
from zorgid_card.workflows.policy import UNSIGNED, PhonePolicy, Policy


@pytest.fixture
def world() -> Iterator[Signing]:
    made = Signing()
    yield made
    made.store.close()


CHANGES: dict[str, Callable[[Signing], object]] = {
    "card.block": lambda w: w.manager().block(CARD, REASON),
    "card.revoke": lambda w: w.manager().revoke(CARD, REASON, cause="keyCompromise"),
    "person.appoint": lambda w: w.manager().appoint("bert", "manager", REASON),
    "phone.block": lambda w: w.manager().block_phone(w.mobile_.id, REASON),
    "phone.revoke": lambda w: w.manager().revoke_phone(w.mobile_.id, REASON),
}
ASKS: dict[str, dict[str, str]] = {
    "card.block": {"subject": CARD},
    "card.revoke": {"subject": CARD, "cause": "keyCompromise"},
    "person.appoint": {"subject": "bert", "role": "manager"},
    "phone.block": {"subject": "own"},
    "phone.revoke": {"subject": "own"},
}


def sign(world: Signing, action: str, **changes: str) -> PhoneAsked:
    asked = ASKS[action] | changes
    return world.sign(
        action, **asked | {"subject": world.mobile_.id if asked["subject"] == "own" else asked["subject"]}
    )


@pytest.mark.parametrize("action", CHANGES)
def test_adm_2_without_the_phones_signature_nothing_is_changed(world: Signing, action: str) -> None:
    before = world.everything()
    with pytest.raises(NotSignedError) as error:
        CHANGES[action](world)
    assert error.value.action == action
    assert world.everything() == before


@pytest.mark.parametrize("action", CHANGES)
def test_adm_2_the_phone_shows_who_what_for_whom_and_why_and_its_signature_is_kept(world: Signing, action: str) -> None:
    shown = sign(world, action)
    assert (shown.kind, shown.action, shown.person, shown.ura, shown.reason) == (
        PHONE_APPROVAL,
        action,
        "anna",
        URA,
        REASON,
    )
    assert (shown.organisation, shown.origin) == (f"Praktijk {URA}", "https://portal.example")
    assert shown.name == "Anna Jansen"
    assert shown.about in ("Holder0 Jansen", "Bert Jansen", "Anna Jansen")
    CHANGES[action](world)
    with world.store.begin() as unit:
        [kept] = [json.loads(c.evidence) for c in unit.find(Consent)]
        events = [e.action for e in unit.find(AuditEvent)][-2:]
        key = unit.get(MobileID, world.mobile_.id).public_key or b""
    assert events == ["phone.sign", action]
    fields = json.loads(kept["statement"].splitlines()[2])
    assert {name: fields[name] for name in shown.fields} == dict(shown.fields)
    verify_statement(key, PHONE_APPROVAL, fields, bytes.fromhex(kept["signature"]), kept["algorithm"])


def test_adm_2_a_signature_serves_once(world: Signing) -> None:
    world.sign()
    world.manager().block(CARD, REASON)
    world.sign("card.unblock")
    world.manager().unblock(CARD, REASON)
    before = world.everything()
    with pytest.raises(NotSignedError):
        world.manager().block(CARD, REASON)
    assert world.everything() == before


@pytest.mark.parametrize(
    ("change", "fits"),
    [
        ({}, True),
        ({"subject": OTHER_CARD}, False),
        ({"reason": "another reason"}, False),
        ({"action": "card.unblock"}, False),
        ({"action": "card.revoke"}, False),
        ({"cause": "keyCompromise"}, False),
    ],
    ids=["just-this", "another-card", "another-reason", "unblock", "revoke", "more-said"],
)
def test_adm_2_a_signature_for_one_change_is_none_for_another(
    world: Signing, change: dict[str, str], fits: bool
) -> None:
    world.sign(**change)
    before = world.everything()
    if fits:
        world.manager().block(CARD, REASON)
        return
    with pytest.raises(NotSignedError):
        world.manager().block(CARD, REASON)
    assert world.everything() == before


def test_adm_5_a_signature_for_a_manager_appoints_no_administrator(world: Signing) -> None:
    sign(world, "person.appoint")
    with pytest.raises(NotSignedError):
        world.manager().appoint("bert", "administrator", REASON)
    world.manager().appoint("bert", "manager", REASON)


def test_adm_2_a_signature_is_fresh_or_none(world: Signing) -> None:
    world.sign()
    world.clock.forward(minutes=2)
    with pytest.raises(NotSignedError):
        world.manager().block(CARD, REASON)


@pytest.mark.parametrize("state", ["blocked", "revoked"])
def test_adm_7_what_a_lost_phone_signed_does_nothing_any_more(world: Signing, state: str) -> None:
    world.sign()
    signed = world.mobile(world.mobile_.id)
    with world.store.begin() as unit:
        unit.replace(dataclasses.replace(signed, state=state))
    with pytest.raises(NotSignedError):
        world.manager().block(CARD, REASON)


def test_adm_2_a_log_in_is_no_signature_under_a_change_and_the_reverse(world: Signing) -> None:
    world.approve(world.phone_, world.ask().number)
    with pytest.raises(NotSignedError):
        world.manager().block(CARD, REASON)
    asked = world.ask_signature()
    world.approve(world.phone_, asked.number)
    with pytest.raises(ReplayError):
        world.finish(asked)


def test_adm_2_one_persons_signature_is_none_of_anothers(world: Signing) -> None:
    world.sign()
    with world.store.begin() as unit:
        add_person(unit, "chris", uzi_number="900000400", role="manager")
    with pytest.raises(NotSignedError):
        world.management.acting_as("chris", URA).block(CARD, REASON)


def test_adm_2_a_stolen_session_changes_nothing_without_the_phone(world: Signing) -> None:
    """Whoever holds the browser session asks; the phone's person reads what for, and refuses."""
    asked = world.ask_signature(binding=STRANGER)
    shown = world.phone_.question()
    assert shown is not None
    world.phone_.refuse(shown)
    assert world.status(asked, STRANGER) == "refused"
    before = world.everything()
    with pytest.raises(NotSignedError):
        world.manager().block(CARD, REASON)
    assert world.everything() == before


def test_adm_2_what_is_signed_is_what_was_asked(world: Signing) -> None:
    """A phone that shows one thing and signs another has signed nothing."""
    asked = world.ask_signature()
    shown = world.phone_.question()
    assert shown is not None
    other = PhoneAsked(shown.kind, {**shown.fields, "subject": OTHER_CARD})
    with pytest.raises(SignatureError):
        world.phone_.approve(other, number=asked.number, digits=Secret.of(b"314159"))
    for wanted in (CARD, OTHER_CARD):
        with pytest.raises(NotSignedError):
            world.manager().block(wanted, REASON)


def test_adm_2_a_record_changed_in_the_database_does_not_verify(world: Signing) -> None:
    from zorgid_card.ports.registry import PhoneRequest

    world.sign()
    with world.store.begin() as unit:
        [request] = unit.find(PhoneRequest, state="approved")
        content = request.content.replace(CARD, OTHER_CARD)
        unit.replace(dataclasses.replace(request, content=content))
    with pytest.raises(NotSignedError):
        world.manager().block(OTHER_CARD, REASON)


@pytest.mark.parametrize("content", ["no JSON", "[]", "1", '{"a":1e999}'])
def test_adm_2_a_question_that_somebody_has_changed_is_corrupt_and_no_crash(world: Signing, content: str) -> None:
    from zorgid_card.ports.registry import PhoneRequest

    asked = world.ask_signature()
    question = world.phone_.question()
    assert question is not None
    with world.store.begin() as unit:
        [request] = unit.find(PhoneRequest, state="asked")
        unit.replace(dataclasses.replace(request, content=content))
    with pytest.raises(StorageError) as error:
        world.phone_.approve(question, number=asked.number, digits=Secret.of(b"314159"))
    assert error.value.reason == "corrupt"


def test_org_7_wrong_digits_for_a_change_are_counted_too(world: Signing) -> None:
    for left in (4, 3, 2, 1, 0):
        asked = world.ask_signature()
        with pytest.raises(PhoneDigitsError) as error:
            world.approve(world.phone_, asked.number, b"000000")
        assert error.value.tries_left == left
    assert world.mobile(world.mobile_.id).state == "blocked"
    with pytest.raises(NotLinkedError):
        world.ask_signature()


def test_adm_2_rules_of_the_service_hold_whatever_was_signed(world: Signing) -> None:
    world.sign("card.unblock")
    with pytest.raises(TransitionError):
        world.manager().unblock(CARD, REASON)
    world.sign("person.appoint", "anna", role="manager")
    with pytest.raises(NotAllowedError, match="one administrator"):
        world.manager().appoint("anna", "manager", REASON)


def test_adm_2_only_what_belongs_to_the_organisation_can_be_asked(world: Signing) -> None:
    with world.store.begin() as unit:
        add_organisation(unit, OTHER_URA)
        add_person(unit, "foreign", uzi_number="900000500", ura=OTHER_URA)
        add_card(unit, "99999999", "foreign", certificate="ff01", ura=OTHER_URA)
    for action, subject in (("card.block", "99999999"), ("person.appoint", "foreign"), ("phone.block", "nothing")):
        with pytest.raises(NotFoundError):
            world.ask_signature(action, subject)
    with pytest.raises(NotLinkedError):
        world.door.ask_approval("foreign", URA, binding=BROWSER, action="card.block", subject=CARD, reason=REASON)


@pytest.mark.parametrize(
    "change", [{"action": "log-in"}, {"reason": "  "}, {"reason": "x" * 1001}], ids=["action", "blank", "long"]
)
def test_adm_2_what_cannot_be_signed_is_not_asked(world: Signing, change: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        world.ask_signature(**change)


def test_adm_2_a_policy_that_names_no_change_is_refused() -> None:
    with pytest.raises(UsageError) as error:
        PhonePolicy(signed=frozenset({"card.blok"}))
    assert error.value.reason == "signed"


def test_adm_2_operators_and_holders_have_no_phone_to_sign_with(world: Signing) -> None:
    world.management.acting_as("holder0", URA).block(CARD, REASON)
    world.management.acting_as(Operator("desk"), URA).block(OTHER_CARD, REASON)


@pytest.mark.parametrize(
    "change",
    [
        lambda manager, world: manager.block(CARD, REASON),
        lambda manager, world: manager.revoke(CARD, REASON),
        lambda manager, world: manager.appoint("bert", "administrator", REASON),
        lambda manager, world: manager.unlink("bert", REASON),
        lambda manager, world: manager.approve_uzi_number("holder0", "900055555", REASON),
        lambda manager, world: manager.block_phone(world.mobile_.id, REASON),
        lambda manager, world: manager.revoke_phone(world.mobile_.id, REASON),
    ],
    ids=["block", "revoke", "appoint", "unlink", "approve", "block-phone", "revoke-phone"],
)
def test_adm_2_at_a_portal_that_says_nothing_a_session_alone_changes_nothing(
    world: Signing, change: Callable[[Acting, Signing], object]
) -> None:
    before = world.everything()
    with pytest.raises(NotSignedError):
        change(world.manager(), world)
    assert world.everything() == before


def test_adm_6_an_administrator_who_leaves_signs_that_with_the_phone_that_ends_with_it(world: Signing) -> None:
    with world.store.begin() as unit:
        add_person(unit, "carla", uzi_number="900000400", role="administrator")
    world.sign("person.unlink", "anna", "retires")
    world.manager().unlink("anna", "retires")
    assert world.mobile(world.mobile_.id).state == "revoked"


def test_adm_2_a_portal_that_wants_no_signature_goes_on_without(world: Signing) -> None:
    policy = Policy(phones=PhonePolicy(signed=UNSIGNED))
    Management(world.store, world.clock, policy).acting_as("anna", URA).block(CARD, REASON)
    with world.store.begin() as unit:
        assert unit.get(SmartCard, CARD).state == "suspended"


def test_adm_2_who_holds_a_session_can_ask_so_often_and_no_more(world: Signing) -> None:
    for _ in range(PhonePolicy().asks_per_name):
        world.ask_signature(binding=STRANGER)
    with pytest.raises(PhoneLimitError):
        world.ask_signature(binding=STRANGER)
    world.clock.forward(minutes=10)
    for _ in range(2 * PhonePolicy().asks_per_name):  # who signs may go on
        world.sign()


def test_adm_2_two_changes_asked_at_once_only_the_last_waits(world: Signing) -> None:
    first = world.ask_signature()
    second = world.ask_signature(subject=OTHER_CARD)
    assert world.status(first) == "refused"
    world.approve(world.phone_, second.number)
    world.manager().block(OTHER_CARD, REASON)


def test_org_7_a_log_in_asked_by_a_stranger_does_not_push_a_change_aside(world: Signing) -> None:
    asked = world.ask_signature()
    world.ask(STRANGER)
    shown = [world.phone_.question()]
    assert shown[0] is not None
    world.phone_.refuse(shown[0])
    assert isinstance(world.phone_, SimulatedPhone)
    world.approve(world.phone_, asked.number)
    world.manager().block(CARD, REASON)
