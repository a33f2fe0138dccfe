"""An organisation's way in (ORG-1 to ORG-4), and who is who (ORG-8, CRD-12)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_world import BORN, NOW, OTHER_URA, URA, add_card, add_organisation, add_person, registry, uzi_pass
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.errors import (
    BirthDateError,
    ClientTooOldError,
    MessageError,
    NotAllowedError,
    NotFoundError,
    OneMeansError,
    OrganisationMismatchError,
    OrganisationUnknownError,
    OtherPersonError,
    PassTypeError,
    PlatformError,
    TooManyTriesError,
    TransitionError,
    UsageError,
)
from zorgid_card.pki.identity import UZIIdentity
from zorgid_card.ports.registry import (
    Adoption,
    AuditEvent,
    Consent,
    Membership,
    MobileID,
    Organisation,
    Person,
    Request,
    TryCount,
)
from zorgid_card.workflows import organisation, people
from zorgid_card.workflows.policy import Policy
from zorgid_card.workflows.turn import turn

FORM: dict[str, Any] = {
    "ura": URA,
    "organisation_name": "Praktijk De Linde",
    "contact_name": "J. de Vries",
    "contact_email": "j.devries@delinde.example",
}


@pytest.fixture
def store() -> Iterator[SQLRegistry]:
    made = registry()
    yield made
    made.close()


def file(store: SQLRegistry, **changes: str) -> Request:
    with store.begin() as unit:
        return organisation.file_request(unit, **FORM | changes, now=NOW)


def approve(store: SQLRegistry, request: Request) -> Organisation:
    with store.begin() as unit:
        return organisation.approve(unit, request.id, operator="op", reason="in order", now=NOW)


def match(store: SQLRegistry, identity: UZIIdentity, born: date = BORN, **options: Any) -> Person:
    with turn(store) as unit:
        return people.match_person(
            unit, identity, born, options.pop("now", NOW), **{"means": people.SMARTCARD} | options
        )


# --- ORG-1 --------------------------------------------------------------------------------------------------


def test_org_1_a_request_is_filed_and_approved(store: SQLRegistry) -> None:
    request = file(store)
    assert request.state == "filed"
    assert approve(store, request) == Organisation(
        ura=URA, name="Praktijk De Linde", state="approved", validated_at=None
    )
    with store.begin() as unit:
        decided = unit.get(Request, request.id)
        actions = [(e.action, e.actor, e.reason) for e in unit.find(AuditEvent)]
    assert (decided.state, decided.reason, decided.decided_at) == ("approved", "in order", NOW)
    assert actions == [("request.file", "applicant", None), ("request.approve", "op", "in order")]


def test_org_1_a_rejected_request_gives_its_reason_and_no_organisation(store: SQLRegistry) -> None:
    request = file(store)
    with store.begin() as unit:
        assert (
            organisation.reject(unit, request.id, operator="op", reason="no such care provider", now=NOW).state
            == "rejected"
        )
        assert list(unit.find(Organisation)) == []
    with pytest.raises(TransitionError):
        approve(store, request)


@pytest.mark.parametrize(
    ("field", "value"),
    [("ura", "1234567"), ("ura", "123456789"), ("ura", "1234567x"), ("ura", "١٢٣٤٥٦٧٨"), ("ura", "12345678\n"),
     ("organisation_name", "  "), ("organisation_name", "x" * 201), ("contact_name", ""), ("contact_name", "a\x1b[31m"),
     ("contact_email", "nobody"), ("contact_email", "a@b"), ("contact_email", "a b@c.nl"), ("contact_email", "a@c.nl\nBcc: x"),
     ("contact_email", "a@[c.nl"), ("contact_email", "a@c.nl,d.nl"), ("contact_email", "b<a@c.nl>"), ("contact_email", "a()@c.nl"),
     ("contact_email", "a\u202e@c.nl"), ("contact_email", f"a@{'c' * 250}.nl")],
)  # fmt: skip
def test_org_1_what_does_not_fit_is_refused_by_name(store: SQLRegistry, field: str, value: str) -> None:
    with pytest.raises(UsageError) as error:
        file(store, **{field: value})
    assert error.value.reason == field
    with store.begin() as unit:
        assert list(unit.find(Request)) == []


@pytest.mark.parametrize("decide", [organisation.approve, organisation.reject])
def test_org_1_a_decision_needs_a_reason_and_an_operator(store: SQLRegistry, decide: Any) -> None:
    request = file(store)
    for operator, reason in (("op", " "), ("", "fine")):
        with pytest.raises(UsageError), store.begin() as unit:
            decide(unit, request.id, operator=operator, reason=reason, now=NOW)
    with pytest.raises(NotFoundError), store.begin() as unit:
        decide(unit, "none", operator="op", reason="fine", now=NOW)


def test_org_1_a_second_request_never_makes_a_second_organisation(store: SQLRegistry) -> None:
    first, second = file(store), file(store, organisation_name="Somebody else")
    approve(store, first)
    with pytest.raises(TransitionError):
        approve(store, second)
    with store.begin() as unit:
        assert unit.get(Organisation, URA).name == "Praktijk De Linde"
        assert unit.get(Request, second.id).state == "filed"  # the refused decision left nothing


# --- ORG-2, CRD-14 ------------------------------------------------------------------------------------------


def needed(purpose: str, **seen: Any) -> dict[str, bool | None]:
    options = {"client_version": "9.0", "platform": "Windows"} | seen
    return {r.name: r.met for r in organisation.requirements(purpose, Policy(), **options)}


def test_org_2_what_is_needed_to_register() -> None:
    assert needed(organisation.REGISTER) == {"phone": None, "reader": None, "pass": None, "client": True}
    seen = needed(organisation.REGISTER, has_phone=True, has_reader=False, pass_type="N", client_version="0.0.9")
    assert seen == {"phone": True, "reader": False, "pass": False, "client": False}
    assert needed(organisation.REGISTER, pass_type="Z")["pass"] is True


def test_crd_14_what_is_needed_to_make_a_card() -> None:
    seen = needed(organisation.CREATE, platform="Darwin", pass_type="N", has_blank=True, has_reader=True)
    assert seen == {"pass": True, "blank": True, "reader": True, "client": True, "platform": False}
    with pytest.raises(PlatformError) as error:
        organisation.require_platform(Policy(), "Darwin")
    assert error.value.platform == "Darwin"
    organisation.require_platform(Policy(), "Windows")


def test_org_2_an_old_client_is_refused() -> None:
    policy = Policy(minimum_client="1.10")
    for version in ("1.10", "1.10.0", "1.11", "2", "10.0"):
        organisation.require_client(policy, version)
    for version in ("1.9", "1.9.99", "0", "1"):
        with pytest.raises(ClientTooOldError) as error:
            organisation.require_client(policy, version)
        assert error.value.details == {"found": version, "needed": "1.10"}


@given(st.text(max_size=10).filter(lambda t: not t.replace(".", "").isdigit()))
def test_org_2_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(MessageError):
        organisation.require_client(Policy(), text)


# --- ORG-3 --------------------------------------------------------------------------------------------------


def test_org_3_the_pass_validates_its_own_organisation_and_gives_its_name(store: SQLRegistry) -> None:
    approve(store, file(store))
    with store.begin() as unit:
        validated = organisation.validate_organisation(unit, uzi_pass(), NOW, ura=URA)
    assert validated == Organisation(ura=URA, name="Tést Zorginstelling 03", state="validated", validated_at=NOW)
    with store.begin() as unit:
        assert organisation.registered(unit, URA) == validated
        again = organisation.validate_organisation(unit, uzi_pass(), NOW + timedelta(days=1))
        assert again == validated


def test_org_3_other_passes_are_refused(store: SQLRegistry) -> None:
    approve(store, file(store))
    refused: list[tuple[UZIIdentity, type[Exception]]] = [
        (uzi_pass(pass_type="N"), PassTypeError),
        (uzi_pass(pass_type="M"), PassTypeError),
        (uzi_pass(ura=OTHER_URA), OrganisationMismatchError),
    ]
    for identity, error in refused:
        with pytest.raises(error), store.begin() as unit:
            organisation.validate_organisation(unit, identity, NOW, ura=URA)
    with store.begin() as unit:
        assert unit.get(Organisation, URA).state == "approved"


def test_org_1_nothing_is_possible_before_approval(store: SQLRegistry) -> None:
    file(store)
    with pytest.raises(OrganisationUnknownError) as error, store.begin() as unit:
        organisation.validate_organisation(unit, uzi_pass(), NOW)
    assert error.value.details == {"ura": URA, "state": "unknown"}


@pytest.mark.parametrize("state", ["approved", "suspended"])
def test_crd_2_an_organisation_that_is_not_validated_is_not_registered(store: SQLRegistry, state: str) -> None:
    with store.begin() as unit:
        add_organisation(unit, state=state)
    with pytest.raises(OrganisationUnknownError) as error, store.begin() as unit:
        organisation.registered(unit, URA)
    assert error.value.state == state


def test_a_suspended_organisation_is_not_validated_by_a_pass(store: SQLRegistry) -> None:
    with store.begin() as unit:
        add_organisation(unit, state="suspended")
    with pytest.raises(OrganisationUnknownError), store.begin() as unit:
        organisation.validate_organisation(unit, uzi_pass(), NOW)


def test_an_operator_suspends_an_organisation_and_resumes_it(store: SQLRegistry) -> None:
    with store.begin() as unit:
        add_organisation(unit)
        organisation.suspend(unit, URA, operator="op", reason="fraud", now=NOW)
    with pytest.raises(OrganisationUnknownError), store.begin() as unit:
        organisation.registered(unit, URA)
    with pytest.raises(TransitionError), store.begin() as unit:
        organisation.suspend(unit, URA, operator="op", reason="again", now=NOW)
    with pytest.raises(UsageError), store.begin() as unit:
        organisation.resume(unit, URA, operator="op", reason="", now=NOW)
    with store.begin() as unit:
        organisation.resume(unit, URA, operator="op", reason="a mistake", now=NOW)
        assert organisation.registered(unit, URA).state == "validated"
        assert [e.reason for e in unit.find(AuditEvent)] == ["fraud", "a mistake"]


# --- ORG-4, ADM-5 -------------------------------------------------------------------------------------------


def register(store: SQLRegistry, identity: UZIIdentity, born: date = BORN) -> tuple[Person, Membership]:
    with turn(store) as unit:
        return organisation.register_administrator(unit, identity, born, b"signed consent", NOW)


def test_org_4_the_representative_becomes_administrator_and_the_consent_is_kept(store: SQLRegistry) -> None:
    with store.begin() as unit:
        add_organisation(unit)
    person, member = register(store, uzi_pass())
    assert person.user_name == "jose.de-vries.900016528"
    assert (person.birth_date, person.role_code) == (BORN, "01.000")
    assert (member.person_id, member.ura, member.role) == (person.id, URA, "administrator")
    with store.begin() as unit:
        kept = list(unit.find(Consent, person_id=person.id))
        event = next(unit.find(AuditEvent, action="administrator.register"))
    assert [c.evidence for c in kept] == [b"signed consent"]
    assert BORN.isoformat() not in event.detail


def test_org_4_needs_a_validated_organisation(store: SQLRegistry) -> None:
    approve(store, file(store))
    with pytest.raises(OrganisationUnknownError):
        register(store, uzi_pass())


def test_adm_5_a_second_representative_does_not_become_administrator_by_a_pass(store: SQLRegistry) -> None:
    with store.begin() as unit:
        add_organisation(unit)
    person, _ = register(store, uzi_pass())
    with pytest.raises(NotAllowedError):
        register(store, uzi_pass("900099999", given_names="Piet", surname="Bakker"))
    with store.begin() as unit:
        assert [p.id for p in unit.find(Person)] == [person.id]


def test_org_7_the_administrator_comes_this_way_again_for_a_new_phone(store: SQLRegistry) -> None:
    with store.begin() as unit:
        add_organisation(unit)
    assert register(store, uzi_pass()) == register(store, uzi_pass())


# --- ORG-8 --------------------------------------------------------------------------------------------------


def test_org_8_a_new_person_gets_a_user_name_and_is_linked(store: SQLRegistry) -> None:
    person = match(store, uzi_pass(given_names="Zoë  Anna", surname="van 't Hoff-Ørsted"))
    assert person.user_name == "zoe.van-t-hoff-rsted.900016528"
    with store.begin() as unit:
        assert people.membership(unit, person.id, URA, NOW).role == "holder"


def test_org_8_a_known_person_is_found_by_uzi_number_and_the_role_adopted(store: SQLRegistry) -> None:
    first = match(store, uzi_pass())
    again = match(store, uzi_pass(role="01.015", given_names="JOSÉ MARIA ", surname="De Vries", ura=OTHER_URA))
    assert again == replace(first, role_code="01.015")
    with store.begin() as unit:
        assert {m.ura for m in unit.find(Membership, person_id=first.id)} == {URA, OTHER_URA}


WRONG = [
    (uzi_pass(), date(1980, 5, 18)),
    (uzi_pass(surname="Bakker"), BORN),
    (uzi_pass(given_names="Piet"), BORN),
    (uzi_pass(given_names="Piet", surname="Bakker"), date(1999, 1, 1)),
]


def test_org_8_the_answer_does_not_tell_which_field_differs(store: SQLRegistry) -> None:
    match(store, uzi_pass())
    answers = set()
    for identity, born in WRONG:
        with pytest.raises(BirthDateError) as error:
            match(store, identity, born)
        answers.add((str(error.value), tuple(error.value.details)))
    assert len(answers) == 1


def test_org_8_five_tries_a_pass_a_day(store: SQLRegistry) -> None:
    person = match(store, uzi_pass())
    for _ in range(5):
        with pytest.raises(BirthDateError):
            match(store, uzi_pass(), date(1999, 1, 1))
    for born in (date(1999, 1, 1), BORN):  # not even the right one
        with pytest.raises(TooManyTriesError):
            match(store, uzi_pass(), born)
    assert match(store, uzi_pass("900000001", given_names="Piet")).id != person.id  # another pass has its own tries
    assert match(store, uzi_pass(), now=NOW + timedelta(days=1)) == person


def test_org_8_a_refused_try_is_counted_although_all_else_is_rolled_back(store: SQLRegistry) -> None:
    match(store, uzi_pass())
    with pytest.raises(BirthDateError):
        match(store, uzi_pass(), date(1999, 1, 1))
    with store.begin() as unit:
        assert [t.count for t in unit.find(TryCount)] == [1]
        assert "1999" not in next(unit.find(TryCount)).id


def test_org_8_the_same_person_with_another_uzi_number_needs_approval_which_serves_once(store: SQLRegistry) -> None:
    person = match(store, uzi_pass())
    with pytest.raises(OtherPersonError):
        match(store, uzi_pass("900000002"))
    with store.begin() as unit:
        assert [t.count for t in unit.find(TryCount)] == [1]
        unit.add(Adoption(id="a", person_id=person.id, ura=URA, uzi_number="900000002", approved_by="admin", at=NOW))
    with pytest.raises(OtherPersonError):
        match(store, uzi_pass("900000003"))  # another number than the approved one
    assert match(store, uzi_pass("900000002")) == replace(person, uzi_number="900000002")
    with store.begin() as unit:
        assert list(unit.find(Adoption)) == []
    with pytest.raises(OtherPersonError):
        match(store, uzi_pass())  # the old pass: its number is no longer this person's, and the approval is spent


def test_org_8_a_namesake_at_another_organisation_is_another_person(store: SQLRegistry) -> None:
    first = match(store, uzi_pass())
    assert match(store, uzi_pass("900000002", ura=OTHER_URA)).id != first.id


@pytest.mark.parametrize(
    "identity", [uzi_pass(pass_type="M", given_names=None, surname=None), uzi_pass(given_names=" ")]
)
def test_org_8_a_pass_without_a_name_is_refused(store: SQLRegistry, identity: UZIIdentity) -> None:
    with pytest.raises(PassTypeError):
        match(store, identity)


@pytest.mark.parametrize("born", [NOW.date() + timedelta(days=1), date(1850, 1, 1), date.min, date.max])
def test_org_8_what_cannot_be_a_birth_date_costs_no_try(store: SQLRegistry, born: date) -> None:
    with pytest.raises(UsageError):
        match(store, uzi_pass(), born)
    with store.begin() as unit:
        assert list(unit.find(TryCount)) == []


@given(st.text(min_size=1, max_size=30), st.text(min_size=1, max_size=30))
def test_org_8_user_names_are_plain_whatever_the_name(given_names: str, surname: str) -> None:
    name = people.user_name(given_names, surname, "900016528")
    assert name.isascii()
    assert name.endswith("900016528")
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")


# --- CRD-12 -------------------------------------------------------------------------------------------------


def add_phone(store: SQLRegistry, person_id: str, state: str) -> None:
    with store.begin() as unit:
        unit.add(
            MobileID(id="m", person_id=person_id, ura=URA, state=state, secret_hash=b"", expires_at=NOW + timedelta(minutes=2),
                     public_key=None, salt=b"", verifier=None, tries_left=5, last_used_at=None, binding="", code=None)
        )  # fmt: skip


@pytest.mark.parametrize(
    ("state", "after", "excluded"),
    [("offered", 1, True), ("offered", 3, False), ("linking", 1, True), ("linked", 999, True), ("blocked", 999, True),
     ("revoked", 1, False), ("expired", 1, False)],
)  # fmt: skip
def test_crd_12_who_has_a_phone_gets_no_smartcard(store: SQLRegistry, state: str, after: int, excluded: bool) -> None:
    person = match(store, uzi_pass())
    add_phone(store, person.id, state)
    later = NOW + timedelta(minutes=after)
    if excluded:
        with pytest.raises(OneMeansError) as error:
            match(store, uzi_pass(), now=later)
        assert error.value.has == people.PHONE
    else:
        match(store, uzi_pass(), now=later)
    match(store, uzi_pass(), now=later, one_means=False)


@pytest.mark.parametrize(
    ("state", "excluded"),
    [("creating", True), ("active", True), ("suspended", True), ("revoked", False), ("abandoned", False)],
)
def test_crd_12_who_has_a_smartcard_gets_no_phone(store: SQLRegistry, state: str, excluded: bool) -> None:
    person = match(store, uzi_pass())
    with store.begin() as unit:
        add_card(unit, "123", person.id, certificate="aa", state=state)
    if excluded:
        with pytest.raises(OneMeansError):
            match(store, uzi_pass(), means=people.PHONE)
    else:
        match(store, uzi_pass(), means=people.PHONE)


@pytest.mark.parametrize("role", ["manager", "administrator"])
def test_crd_12_who_manages_gets_no_smartcard(store: SQLRegistry, role: str) -> None:
    with store.begin() as unit:
        person = add_person(unit, "jan", uzi_number="900000005", role=role)
    with pytest.raises(OneMeansError):
        match(store, uzi_pass("900000005", given_names=person.given_names, surname=person.surname))


def test_crd_12_a_refusal_leaves_nothing(store: SQLRegistry) -> None:
    person = match(store, uzi_pass())
    add_phone(store, person.id, "linked")
    with pytest.raises(OneMeansError):
        match(store, uzi_pass(role="01.015"))
    with store.begin() as unit:
        assert unit.get(Person, person.id) == person


# --- membership ---------------------------------------------------------------------------------------------


def test_crd_13_a_guests_link_ends_and_gives_no_role_back(store: SQLRegistry) -> None:
    with store.begin() as unit:
        ends = NOW + timedelta(days=1)
        add_person(unit, "jan", uzi_number="900000005", role="manager", until=ends)
        assert people.membership(unit, "jan", URA, NOW).role == "manager"
        with pytest.raises(NotFoundError):
            people.membership(unit, "jan", URA, ends)
        assert people.link(unit, "jan", URA, ends).role == "holder"
        assert people.membership(unit, "jan", URA, ends + timedelta(days=99)).until is None


def test_linking_again_takes_neither_role_nor_time(store: SQLRegistry) -> None:
    with store.begin() as unit:
        add_person(unit, "jan", uzi_number="900000005", role="administrator")
        member = people.link(unit, "jan", URA, NOW, until=NOW + timedelta(days=1))
    assert (member.role, member.until) == ("administrator", None)
