"""Whose card it is, where it serves, who blocked it (CRD-11 to CRD-13, ADM-2 to ADM-6); who shows a pass (ORG-3, ORG-4, ORG-8)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest

from management_world import CARD, CERTIFICATE, FOREIGN, World, serials
from registry_world import BORN, NOW, OTHER_URA, URA, add_card, uzi_pass
from zorgid_card.errors import (
    BirthDateError,
    NotAllowedError,
    NotFoundError,
    NotLinkedError,
    OrganisationMismatchError,
    OrganisationUnknownError,
    OtherPersonError,
    PassTypeError,
    TooManyTriesError,
    TransitionError,
    UsageError,
)
from zorgid_card.pki.identity import UZIIdentity
from zorgid_card.ports.links import PresentedCard
from zorgid_card.ports.registry import (
    AuditEvent,
    CardLink,
    IssuedCertificate,
    Organisation,
    Person,
    Request,
    SmartCard,
    Suspension,
)
from zorgid_card.workflows.management import Operator
from zorgid_card.workflows.registry_links import RegistryLinks

OPERATOR = Operator("operator")


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.store.close()


def link(world: World, person: str = "holder0") -> None:
    """The other organisation links a person of the first."""
    code = world.acting(person).offer_link(OTHER_URA).code
    world.acting("administrator1", OTHER_URA).link(code, "works here")


def link_guest(world: World, until: datetime) -> None:
    """The same for a time."""
    world.acting("administrator1", OTHER_URA).link_guest("900000200", CARD, until, "stands in")


def status(world: World) -> tuple[str, str]:
    return world.get(SmartCard, CARD).state, world.get(IssuedCertificate, CERTIFICATE).status


# --- CRD-11, CRD-13 ---------------------------------------------------------------------------------------------------


def test_crd_11_another_organisation_links_a_person_and_their_card_with_their_leave(world: World) -> None:
    link(world)
    assert CARD in serials(world.acting("manager1", OTHER_URA).list_cards())
    world.acting("administrator0").unlink("holder0", "left")
    assert world.acting("manager1", OTHER_URA).block(CARD, "mislaid").state == "suspended"


def test_crd_11_a_leave_serves_once_for_one_organisation_for_a_week(world: World) -> None:
    offered = world.acting("holder0").offer_link(OTHER_URA)
    assert offered.code not in repr(offered)
    with pytest.raises(NotFoundError):
        world.acting("administrator0").link(offered.code, "mine")
    theirs = world.acting("administrator1", OTHER_URA)
    for code in ("", "AAAA-AAAA-AAAA-AAAA", offered.code[:-1]):
        with pytest.raises(NotFoundError):
            theirs.link(code, "works here")
    assert theirs.link(f" {offered.code.lower().replace('-', ' ')}\n", "works here").person_id == "holder0"
    with pytest.raises(NotFoundError):
        theirs.link(offered.code, "once more")
    late = world.acting("holder0").offer_link(OTHER_URA).code
    world.clock.forward(days=7)
    with pytest.raises(NotFoundError):
        theirs.link(late, "too late")


def test_crd_11_a_new_leave_ends_the_one_before(world: World) -> None:
    first = world.acting("holder0").offer_link(OTHER_URA).code
    world.acting("holder0").offer_link(OTHER_URA)
    with pytest.raises(NotFoundError):
        world.acting("administrator1", OTHER_URA).link(first, "x")


def test_crd_11_nobody_offers_somebody_else_but_an_operator(world: World) -> None:
    with pytest.raises(NotAllowedError):
        world.acting("administrator0").offer_link(OTHER_URA, "holder0")
    with pytest.raises(OrganisationUnknownError):
        world.acting("holder0").offer_link("00000000")
    world.acting("administrator0").unlink("holder0", "left")
    code = world.management.acting_as(OPERATOR).offer_link(OTHER_URA, "holder0").code
    assert world.acting("administrator1", OTHER_URA).link(code, "x").role == "holder"


def presented() -> PresentedCard:
    return PresentedCard(certificate=b"0", serial=CERTIFICATE, uzi_number="900000200")


def test_crd_13_a_locums_card_logs_in_at_another_organisation_for_that_time(world: World) -> None:
    until = NOW + timedelta(days=5)
    link_guest(world, until)
    links = RegistryLinks(world.store)
    assert links.acting_for(presented(), ura=OTHER_URA, at=NOW, used=False).until == until
    with pytest.raises(NotLinkedError):
        links.acting_for(presented(), ura=OTHER_URA, at=until, used=False)
    assert links.acting_for(presented(), ura=URA, at=until, used=False).until is None


def test_crd_13_a_guests_card_is_managed_by_its_own_organisation_and_its_holder(world: World) -> None:
    link_guest(world, NOW + timedelta(days=5))
    for act in (world.acting("manager1", OTHER_URA).block, world.acting("administrator1", OTHER_URA).revoke):
        with pytest.raises(NotAllowedError):
            act(CARD, "x")
    assert world.acting("holder0", OTHER_URA).block(CARD, "lost here").state == "suspended"
    assert world.acting("manager0").unblock(CARD, "found there").state == "active"


def test_crd_13_a_guest_who_comes_to_stay_is_linked_with_their_leave(world: World) -> None:
    link_guest(world, NOW + timedelta(days=5))
    link(world)
    with world.store.begin() as unit:
        assert [one.until for one in unit.find(CardLink, card_serial=CARD, ura=OTHER_URA)] == [None]
    with pytest.raises(NotAllowedError):  # one of their own now
        link_guest(world, NOW + timedelta(days=1))


# --- whose block it is ------------------------------------------------------------------------------------------------


def test_adm_3_unblocking_never_undoes_what_another_suspended_for_a_reason_of_its_own(world: World) -> None:
    link(world)
    ours, theirs = world.acting(), world.acting("manager1", OTHER_URA)
    ours.block(CARD, "mislaid")
    assert theirs.block(CARD, "suspected fraud").state == "suspended"
    assert ours.unblock(CARD, "found").state == "suspended"
    assert status(world) == ("suspended", "hold")
    with pytest.raises(NotAllowedError):
        ours.unblock(CARD, "found, I said")
    assert theirs.unblock(CARD, "cleared").state == "active"
    assert status(world) == ("active", "good")


def test_adm_3_resuming_an_organisation_unblocks_no_card(world: World) -> None:
    world.acting().block(CARD, "mislaid")
    operator = world.management.acting_as(OPERATOR, URA)
    operator.suspend("inspection")
    operator.resume("in order")
    assert status(world) == ("suspended", "hold")


def test_adm_2_a_holder_blocks_and_revokes_their_own_card_and_no_other(world: World) -> None:
    with world.store.begin() as unit:
        add_card(unit, "22222222", "manager0", certificate="bb", ura=URA)
    holder = world.acting("holder0")
    assert serials(holder.list_cards()) == [CARD]
    assert holder.show(CARD).person.id == "holder0"
    for act in (holder.show, lambda serial: holder.block(serial, "x"), lambda serial: holder.revoke(serial, "x")):
        for serial in ("22222222", FOREIGN):
            with pytest.raises(NotFoundError):
                act(serial)
    assert holder.block(CARD, "lost").state == "suspended"
    with pytest.raises(NotAllowedError):
        holder.unblock(CARD, "found")
    assert world.acting().unblock(CARD, "found, seen by me").state == "active"
    assert holder.revoke(CARD, "lost for good").state == "revoked"


def test_adm_4_revoking_forgets_the_blocks_so_that_a_card_made_anew_has_none(world: World) -> None:
    world.acting().block(CARD, "mislaid")
    world.acting().revoke(CARD, "gone")
    with world.store.begin() as unit:
        assert list(unit.find(Suspension)) == []


def test_an_operator_blocks_any_card_and_only_an_operator_undoes_that(world: World) -> None:
    operator = world.management.acting_as(OPERATOR)
    operator.block(CARD, "reported by the police")
    world.acting().block(CARD, "we too")
    assert world.acting().unblock(CARD, "found").state == "suspended"
    with pytest.raises(NotAllowedError):
        world.acting().unblock(CARD, "found")
    assert operator.unblock(CARD, "in order").state == "active"
    assert serials(operator.list_cards()) == sorted([CARD, FOREIGN])


def test_an_operator_who_names_an_organisation_acts_for_that_one(world: World) -> None:
    operator = world.management.acting_as(OPERATOR, URA)
    assert serials(operator.list_cards()) == [CARD]
    with pytest.raises(NotFoundError):
        operator.block(FOREIGN, "x")
    with pytest.raises(OrganisationUnknownError):
        world.management.acting_as(OPERATOR, "00000000")
    with pytest.raises(UsageError):
        world.management.acting_as(OPERATOR).list_people()
    with pytest.raises(UsageError):
        world.management.acting_as(Operator(" "))


# --- ORG-1 ------------------------------------------------------------------------------------------------------------

FORM = {"organisation_name": "Praktijk", "contact_name": "J. Jansen", "contact_email": "j@example.nl"}


def test_org_1_anybody_requests_and_an_operator_decides(world: World) -> None:
    filed = world.management.acting_as(None, "90000777").request(**FORM)
    operator = world.management.acting_as(OPERATOR)
    assert [request.id for request in operator.requests(state="filed").rows] == [filed.id]
    assert operator.show_request(filed.id) == filed
    assert operator.approve(filed.id, "in order").state == "approved"
    assert world.get(Request, filed.id).state == "approved"
    with pytest.raises(NotFoundError):
        world.management.acting_as(OPERATOR, URA).show_request(filed.id)
    assert [one.ura for one in operator.organisations(state="approved").rows] == ["90000777"]


def test_org_1_pages_give_every_request_and_organisation_once(world: World) -> None:
    for number in range(7):
        world.management.acting_as(None, f"9000070{number}").request(**FORM)
    operator = world.management.acting_as(OPERATOR)
    for request in operator.requests(limit=200).rows:
        operator.approve(request.id, "in order")
    for page in (operator.requests, operator.organisations):
        seen: list[object] = []
        after = None
        while True:
            found = page(limit=3, after=after)
            seen += found.rows
            if (after := found.after) is None:
                break
        assert len(seen) == len(set(seen)) == (7 if page == operator.requests else 9)


# --- who shows a pass -------------------------------------------------------------------------------------------------


def doctor(**options: str) -> UZIIdentity:
    return uzi_pass("900099999", **options)


def test_org_3_org_4_the_representative_validates_and_becomes_administrator(world: World) -> None:
    with world.store.begin() as unit:
        unit.add(Organisation(ura="90000777", name="as requested", state="approved", validated_at=None))
    acting = world.management.acting_as(doctor(ura="90000777"), "90000777")
    with pytest.raises(OrganisationUnknownError):
        acting.register_administrator(BORN, b"signed")
    assert acting.validate().name == "Tést Zorginstelling 03"
    member = acting.register_administrator(BORN, b"signed")
    assert member.role == "administrator"
    assert world.acting(member.person_id, "90000777").organisation().state == "validated"
    with pytest.raises(OrganisationMismatchError):
        world.management.acting_as(doctor(ura=URA), "90000777")


def test_org_3_an_employees_pass_neither_validates_nor_registers(world: World) -> None:
    acting = world.management.acting_as(doctor(pass_type="N"), URA)
    for act in (acting.validate, lambda: acting.register_administrator(BORN, b"signed")):
        with pytest.raises(PassTypeError):
            act()


def test_org_8_new_known_and_adopted_are_told_and_confirmed(world: World) -> None:
    acting = world.management.acting_as(doctor(), URA)
    shown = acting.identify(BORN)
    assert shown.ending == "new"
    with pytest.raises(NotFoundError):
        world.get(Person, shown.person.id)
    assert acting.join(BORN, shown.person.id).ending == "new"
    assert acting.identify(BORN).ending == "known"
    assert acting.join(BORN, shown.person.id).person == shown.person
    world.acting("administrator0").approve_uzi_number(shown.person.id, "900088888", "married")
    married = world.management.acting_as(uzi_pass("900088888"), URA)
    assert (married.identify(BORN).ending, married.identify(BORN).person.id) == ("adopted", shown.person.id)
    assert married.join(BORN, shown.person.id).person.uzi_number == "900088888"


def test_org_8_who_comes_with_a_number_that_somebody_had_before_is_not_taken_for_them(world: World) -> None:
    """Not even while a birth date is only judged: what is done for the person of a session is done by their id."""
    first = world.management.acting_as(doctor(), URA)
    person = first.identify(BORN).person.id
    first.join(BORN, person)
    world.acting("administrator0").approve_uzi_number(person, "900088888", "married")
    world.management.acting_as(uzi_pass("900088888"), URA).join(BORN, person)
    other = world.management.acting_as(doctor(ura=OTHER_URA), OTHER_URA)
    shown = other.identify(date(1990, 1, 1))
    assert (shown.ending, shown.person.id == person) == ("new", False)
    assert other.join(date(1990, 1, 1), shown.person.id).person == shown.person
    assert other.identify(date(1990, 1, 1)).ending == "known"


def test_org_8_joining_as_somebody_else_than_was_shown_is_refused(world: World) -> None:
    acting = world.management.acting_as(doctor(), URA)
    with pytest.raises(OtherPersonError):
        acting.join(BORN, "holder0")
    with world.store.begin() as unit:
        assert not [event for event in unit.find(AuditEvent) if event.action == "person.join"]


def test_org_8_five_wrong_birth_dates_a_day_and_no_more(world: World) -> None:
    acting = world.management.acting_as(doctor(), URA)
    acting.join(BORN, acting.identify(BORN).person.id)
    for _ in range(5):
        with pytest.raises(BirthDateError):
            acting.identify(date(1970, 1, 1))
    with pytest.raises(TooManyTriesError):
        acting.identify(BORN)
    world.clock.forward(days=1)
    assert acting.identify(BORN).ending == "known"


def test_crd_11_who_comes_with_a_pass_of_another_organisation_brings_their_card(world: World) -> None:
    identity = uzi_pass("900000200", pass_type="N", ura=OTHER_URA, given_names="Holder0", surname="Jansen")
    acting = world.management.acting_as(identity, OTHER_URA)
    assert acting.join(BORN, acting.identify(BORN).person.id).person.id == "holder0"
    assert CARD in serials(world.acting("manager1", OTHER_URA).list_cards())


def test_adm_3_a_second_block_by_the_same_party_is_told(world: World) -> None:
    world.acting("manager0").block(CARD, "x")
    with pytest.raises(TransitionError):
        world.acting("administrator0").block(CARD, "x")
