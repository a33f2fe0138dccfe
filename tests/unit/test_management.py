"""Managing cards, phones and people (ADM-1 to ADM-7)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from management_world import CARD, CERTIFICATE, FOREIGN, FOREIGN_CERTIFICATE, World, serials
from registry_world import BORN, NOW, OTHER_URA, URA, add_card, add_person, uzi_pass
from zorgid_card.errors import (
    NotAllowedError,
    NotFoundError,
    NotLinkedError,
    OneMeansError,
    OrganisationUnknownError,
    OtherPersonError,
    TransitionError,
    UsageError,
    ZorgIDError,
)
from zorgid_card.ports.links import Link, PresentedCard
from zorgid_card.ports.registry import (
    AuditEvent,
    CardLink,
    IssuedCertificate,
    Membership,
    MobileID,
    Organisation,
    Person,
    SmartCard,
)
from zorgid_card.workflows import people
from zorgid_card.workflows.management import Management
from zorgid_card.workflows.policy import UNSIGNED, PhonePolicy, Policy
from zorgid_card.workflows.registry_links import RegistryLinks


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.store.close()


# --- ADM-1 --------------------------------------------------------------------------------------------------


def test_adm_1_a_card_is_shown_with_its_holder(world: World) -> None:
    row = world.acting().show(CARD)
    assert (row.card.state, row.person.id, row.not_after) == ("active", "holder0", NOW + timedelta(days=1000))
    assert serials(world.acting().list_cards()) == [CARD]


def many(world: World, count: int = 23) -> list[str]:
    with world.store.begin() as unit:
        for n in range(count):
            person = add_person(unit, f"worker{n:02d}", uzi_number=f"8000000{n:02d}")
            add_card(
                unit, f"2{n:07d}", person.id, certificate=f"bb{n:02d}", state="suspended" if n % 3 == 0 else "active"
            )
    return sorted([CARD, *(f"2{n:07d}" for n in range(count))])


def test_adm_1_pages_give_every_card_once(world: World) -> None:
    expected, seen, after = many(world), [], None
    while True:
        page = world.acting().list_cards(limit=5, after=after)
        seen += serials(page)
        if page.after is None:
            break
        assert len(page.rows) == 5
        after = page.after
    assert sorted(seen) == expected
    assert len(seen) == len(set(seen))


def test_adm_1_a_full_last_page_has_no_next(world: World) -> None:
    many(world, 4)
    assert world.acting().list_cards(limit=5).after is None
    assert world.acting().list_cards(limit=4).after is not None


@pytest.mark.parametrize(
    ("search", "found"),
    [("WORKER07", ["20000007"]), ("jansen", None), ("800000003", ["20000003"]), ("20000011", ["20000011"]), ("x", []), ("", None)],
)  # fmt: skip
def test_adm_1_search(world: World, search: str, found: list[str] | None) -> None:
    expected = many(world)
    assert sorted(serials(world.acting().list_cards(search=search, limit=200))) == (
        expected if found is None else found
    )


def test_adm_1_filter_by_state_fills_its_pages(world: World) -> None:
    many(world)
    page = world.acting().list_cards(state="suspended", limit=5)
    assert len(page.rows) == 5
    rest = world.acting().list_cards(state="suspended", limit=5, after=page.after)
    assert len(rest.rows) == 3
    assert rest.after is None


@pytest.mark.parametrize("limit", [0, -1, 201])
def test_adm_1_the_size_of_a_page_is_limited(world: World, limit: int) -> None:
    with pytest.raises(UsageError):
        world.acting().list_cards(limit=limit)


# --- ADM-2 to ADM-4 -----------------------------------------------------------------------------------------


def test_adm_2_3_4_block_unblock_revoke(world: World) -> None:
    manager = world.acting()
    steps: list[tuple[Callable[[], SmartCard], str, str, str | None]] = [
        (lambda: manager.block(CARD, "mislaid"), "suspended", "hold", "certificateHold"),
        (lambda: manager.unblock(CARD, "found"), "active", "good", None),
        (lambda: manager.revoke(CARD, "stolen", cause="keyCompromise"), "revoked", "revoked", "keyCompromise"),
    ]
    for act, state, status, reason in steps:
        now = world.clock.forward(hours=1)
        assert act().state == state
        issued = world.get(IssuedCertificate, CERTIFICATE)
        assert (issued.status, issued.reason, issued.changed_at) == (status, reason, now)
    with world.store.begin() as unit:
        audited = [(e.actor, e.ura, e.action, e.subject, e.reason) for e in unit.find(AuditEvent)]
    assert audited == [
        ("manager0", URA, "card.block", CARD, "mislaid"),
        ("manager0", URA, "card.unblock", CARD, "found"),
        ("manager0", URA, "card.revoke", CARD, "stolen"),
    ]


def test_adm_4_revoking_is_final(world: World) -> None:
    world.acting().revoke(CARD, "stolen")
    for act in (world.acting().block, world.acting().unblock, world.acting().revoke):
        with pytest.raises(TransitionError):
            act(CARD, "again")
    assert world.get(IssuedCertificate, CERTIFICATE).status == "revoked"


def test_adm_4_a_blocked_card_can_be_revoked(world: World) -> None:
    world.acting().block(CARD, "mislaid")
    world.acting().revoke(CARD, "not found", cause="privilegeWithdrawn")
    assert world.get(IssuedCertificate, CERTIFICATE).reason == "privilegeWithdrawn"


@pytest.mark.parametrize("reason", ["", "  ", "x" * 1001])
@pytest.mark.parametrize("name", ["block", "revoke"])
def test_adm_2_4_a_reason_is_needed_and_nothing_changes_without(world: World, name: str, reason: str) -> None:
    with pytest.raises(UsageError):
        getattr(world.acting(), name)(CARD, reason)
    assert world.get(SmartCard, CARD).state == "active"
    assert world.get(IssuedCertificate, CERTIFICATE).status == "good"


def test_adm_4_only_causes_of_rfc_5280(world: World) -> None:
    for cause in ("certificateHold", "removeFromCRL", "because"):
        with pytest.raises(UsageError):
            world.acting().revoke(CARD, "gone", cause=cause)


def test_adm_3_unblocking_does_not_activate_a_card_in_the_making(world: World) -> None:
    with world.store.begin() as unit:
        add_card(
            unit,
            "333",
            "holder0",
            certificate="cc",
            state="creating",
            status="hold",
            commit_by=NOW + timedelta(minutes=15),
        )
    for act in (world.acting().unblock, world.acting().block):
        with pytest.raises(TransitionError):
            act("333", "please")
    assert world.get(IssuedCertificate, "cc").status == "hold"
    world.acting().revoke("333", "no")
    assert world.get(IssuedCertificate, "cc").status == "revoked"


def test_adm_3_an_earlier_revoked_certificate_of_the_card_stays_revoked(world: World) -> None:
    with world.store.begin() as unit:
        old = replace(unit.get(IssuedCertificate, CERTIFICATE), serial="0a", status="revoked", reason="superseded")
        unit.add(old)
    world.acting().block(CARD, "mislaid")
    world.acting().unblock(CARD, "found")
    assert world.get(IssuedCertificate, "0a") == old


def test_adm_2_two_managers_at_once_block_once(world: World) -> None:
    ends: list[str] = []

    def work(person: str) -> None:
        try:
            ends.append(world.acting(person).block(CARD, "mislaid").state)
        except TransitionError:
            ends.append("refused")

    threads = [threading.Thread(target=work, args=(p,)) for p in ("manager0", "administrator0")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ends) == ["refused", "suspended"]


def test_crd_13_a_guests_card_can_be_seen_but_not_managed(world: World) -> None:
    with world.store.begin() as unit:
        unit.add(CardLink(id="guest", card_serial=FOREIGN, ura=URA, until=NOW + timedelta(days=1)))
    assert FOREIGN in serials(world.acting().list_cards())
    with pytest.raises(NotAllowedError):
        world.acting().block(FOREIGN, "no")
    world.clock.forward(days=1)
    assert serials(world.acting().list_cards()) == [CARD]
    with pytest.raises(NotFoundError):
        world.acting().show(FOREIGN)


def test_crd_11_what_one_organisation_blocked_another_does_not_unblock(world: World) -> None:
    with world.store.begin() as unit:
        unit.add(CardLink(id="second", card_serial=CARD, ura=OTHER_URA, until=None))
    world.acting().block(CARD, "mislaid")
    with pytest.raises(NotAllowedError):
        world.acting("manager1", OTHER_URA).unblock(CARD, "we need it")
    assert world.acting().unblock(CARD, "found").state == "active"


# --- roles --------------------------------------------------------------------------------------------------


def test_adm_5_holders_and_strangers_do_not_manage(world: World) -> None:
    for person, ura in (("administrator1", URA), ("nobody", URA)):
        with pytest.raises(NotAllowedError):
            world.acting(person, ura)
    with pytest.raises(OrganisationUnknownError):
        world.acting("manager0", "00000000")
    with pytest.raises(NotAllowedError):
        world.acting("holder0").list_people()


def test_adm_5_a_role_taken_away_ends_at_once(world: World) -> None:
    manager = world.acting()
    world.acting("administrator0").appoint("manager0", "holder", "other work")
    with pytest.raises(NotFoundError):
        manager.block(CARD, "mislaid")
    with pytest.raises(NotAllowedError):
        manager.unblock(CARD, "found")
    assert serials(manager.list_cards()) == []


def test_a_suspended_organisation_manages_nothing(world: World) -> None:
    manager = world.acting()
    world.change(replace(world.get(Organisation, URA), state="suspended"))
    with pytest.raises(OrganisationUnknownError):
        manager.revoke(CARD, "gone")


def test_adm_5_managers_do_not_do_what_is_for_administrators(world: World) -> None:
    manager = world.acting()
    world.add_phone()
    acts: list[Callable[[], object]] = [
        lambda: manager.appoint("holder0", "manager", "x"),
        lambda: manager.unlink("holder0", "x"),
        lambda: manager.approve_uzi_number("holder0", "900000009", "x"),
        manager.phones,
        lambda: manager.block_phone("m0", "x"),
        lambda: manager.revoke_phone("m0", "x"),
    ]
    for act in acts:
        with pytest.raises(NotAllowedError):
            act()
    assert len(manager.list_people().rows) == 3


def test_adm_5_one_administrator_always_remains(world: World) -> None:
    administrator = world.acting("administrator0")
    for act in (
        lambda: administrator.appoint("administrator0", "manager", "x"),
        lambda: administrator.unlink("administrator0", "x"),
    ):
        with pytest.raises(NotAllowedError):
            act()
    administrator.appoint("manager0", "administrator", "stands in")
    assert administrator.appoint("administrator0", "holder", "leaves").role == "holder"
    assert world.acting("manager0").list_people().rows


def test_crd_12_making_a_card_holder_manager_is_refused(world: World) -> None:
    with pytest.raises(OneMeansError):
        world.acting("administrator0").appoint("holder0", "manager", "x")
    world.acting().revoke(CARD, "becomes manager")
    assert world.acting("administrator0").appoint("holder0", "manager", "x").role == "manager"


def test_crd_13_a_guest_gets_no_role(world: World) -> None:
    with world.store.begin() as unit:
        add_person(unit, "guest", uzi_number="700000000", until=NOW + timedelta(days=1))
    with pytest.raises(NotAllowedError):
        world.acting("administrator0").appoint("guest", "administrator", "x")


def test_crd_13_a_guest_is_linked_with_their_card_for_as_long_as_the_policy_allows(world: World) -> None:
    administrator, until = world.acting("administrator0"), NOW + timedelta(days=30)
    guest = world.get(Person, "holder1")
    assert administrator.link_guest(guest.uzi_number, FOREIGN, until, "locum").until == until
    assert FOREIGN in serials(world.acting().list_cards())
    assert _acting_for(world, until - timedelta(seconds=1)).until == until
    with pytest.raises(NotLinkedError):
        _acting_for(world, until)
    assert administrator.link_guest(guest.uzi_number, FOREIGN, until + timedelta(days=1), "stays").until != until
    administrator.unlink("holder1", "left early")
    with pytest.raises(NotLinkedError):
        _acting_for(world, NOW)


def _acting_for(world: World, at: datetime) -> Link:
    issued = world.get(IssuedCertificate, FOREIGN_CERTIFICATE)
    card = PresentedCard(serial=issued.serial, certificate=issued.der, uzi_number="900001200")
    return RegistryLinks(world.store).acting_for(card, ura=URA, at=at, used=False)


@pytest.mark.parametrize(
    ("person", "serial", "days", "error"),
    [
        ("holder1", FOREIGN, 0, UsageError),
        ("holder1", FOREIGN, 367, UsageError),
        ("holder1", CARD, 1, NotFoundError),
        ("holder0", FOREIGN, 1, NotFoundError),
        ("holder1", "123", 1, NotFoundError),
        ("holder0", CARD, 1, NotAllowedError),
    ],
)
def test_crd_13_what_is_no_guests_card_is_not_linked(
    world: World, person: str, serial: str, days: int, error: type[ZorgIDError]
) -> None:
    number, until = world.get(Person, person).uzi_number, NOW + timedelta(days=days)
    with pytest.raises(error):
        world.acting("administrator0").link_guest(number, serial, until, "locum")
    with world.store.begin() as unit:
        assert [link.until for link in unit.find(CardLink)] == [None, None]
        assert [member for member in unit.find(Membership) if member.until is not None] == []


def test_crd_13_a_revoked_card_and_a_policy_without_guests_and_who_is_no_administrator_link_nothing(
    world: World,
) -> None:
    number, until = world.get(Person, "holder1").uzi_number, NOW + timedelta(days=1)
    with pytest.raises(NotAllowedError):
        world.acting("manager0").link_guest(number, FOREIGN, until, "locum")
    closed = Management(world.store, world.clock, Policy(guest_use=None)).acting_as("administrator0", URA)
    with pytest.raises(NotAllowedError):
        closed.link_guest(number, FOREIGN, until, "locum")
    world.acting("manager1", OTHER_URA).revoke(FOREIGN, "lost")
    with pytest.raises(NotFoundError):
        world.acting("administrator0").link_guest(number, FOREIGN, until, "locum")


def test_adm_6_crd_11_unlinking_takes_the_link_and_leaves_the_card(world: World) -> None:
    with world.store.begin() as unit:
        unit.add(Membership(id="second", person_id="holder0", ura=OTHER_URA, role="holder", until=None))
        unit.add(CardLink(id="second", card_serial=CARD, ura=OTHER_URA, until=None))
    world.acting("administrator0").unlink("holder0", "left")
    assert serials(world.acting().list_cards()) == []
    assert world.get(SmartCard, CARD).state == "active"
    assert world.get(IssuedCertificate, CERTIFICATE).status == "good"
    assert CARD in serials(world.acting("manager1", OTHER_URA).list_cards())


def test_adm_6_unlinking_revokes_the_phone(world: World) -> None:
    world.add_phone()
    world.acting("administrator0").unlink("manager0", "left")
    assert world.get(MobileID, "m0").state == "revoked"


def test_org_8_an_administrator_approves_another_uzi_number(world: World) -> None:
    identity = uzi_pass("900055555", pass_type="N", given_names="Holder0", surname="Jansen")
    with pytest.raises(OtherPersonError), world.store.begin() as unit:
        people.match_person(unit, identity, BORN, NOW, means=people.SMARTCARD)
    world.acting("administrator0").approve_uzi_number("holder0", "900055555", "married")
    with world.store.begin() as unit:
        assert people.match_person(unit, identity, BORN, NOW, means=people.SMARTCARD).id == "holder0"
    with pytest.raises(UsageError):
        world.acting("administrator0").approve_uzi_number("holder0", "12345", "x")


# --- ADM-7 --------------------------------------------------------------------------------------------------


def test_adm_7_a_phone_is_blocked_unblocked_and_revoked(world: World) -> None:
    world.add_phone()
    administrator = world.acting("administrator0")
    assert [p.last_used_at for p in administrator.phones()] == [NOW]
    assert administrator.block_phone("m0", "lost").state == "blocked"
    unblocked = administrator.unblock_phone("m0", "found")
    assert (unblocked.state, unblocked.tries_left) == ("linked", 5)
    assert administrator.revoke_phone("m0", "gone").state == "revoked"
    with pytest.raises(TransitionError):
        administrator.unblock_phone("m0", "found after all")


def test_adm_7_an_unblocked_phone_has_the_tries_of_the_policy(world: World) -> None:
    world.add_phone(state="blocked")
    management = Management(world.store, world.clock, Policy(phones=PhonePolicy(tries=3, signed=UNSIGNED)))
    assert management.acting_as("administrator0", URA).unblock_phone("m0", "found").tries_left == 3


# --- one organisation and another ---------------------------------------------------------------------------


class OneOrganisation(RuleBasedStateMachine):
    """Whatever people of one organisation do, nothing of the other is shown or changed."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.world.add_phone("m0", "manager0", URA)
        self.world.add_phone("m1", "manager1", OTHER_URA)
        self.before = self.theirs()

    def teardown(self) -> None:
        self.world.store.close()

    def theirs(self) -> list[object]:
        with self.world.store.begin() as unit:
            return [
                unit.get(Organisation, OTHER_URA),
                unit.get(SmartCard, FOREIGN),
                unit.get(IssuedCertificate, FOREIGN_CERTIFICATE),
                unit.get(MobileID, "m1"),
                *unit.find(Membership, ura=OTHER_URA),
                *unit.find(CardLink, ura=OTHER_URA),
                *unit.find(AuditEvent, ura=OTHER_URA),
            ]

    @rule(
        person=st.sampled_from(["administrator0", "manager0", "holder0", "administrator1", "manager1"]),
        name=st.sampled_from(["block", "unblock", "revoke", "show"]),
        serial=st.sampled_from([CARD, FOREIGN, "none"]),
    )
    def card(self, person: str, name: str, serial: str) -> None:
        self.act(person, name, serial)

    @rule(
        person=st.sampled_from(["administrator0", "administrator1"]),
        name=st.sampled_from(["block_phone", "unblock_phone", "revoke_phone"]),
        mobile=st.sampled_from(["m0", "m1"]),
    )
    def phone(self, person: str, name: str, mobile: str) -> None:
        self.act(person, name, mobile)

    @rule(
        person=st.sampled_from(["administrator0", "administrator1"]),
        other=st.sampled_from(["holder0", "manager0", "holder1", "manager1", "administrator1"]),
        role=st.sampled_from(["holder", "manager", "administrator", None]),
    )
    def people(self, person: str, other: str, role: str | None) -> None:
        self.act(person, "unlink", other) if role is None else self.act(person, "appoint", other, role)

    def act(self, person: str, name: str, *arguments: str) -> None:
        given = arguments if name == "show" else (*arguments, "reason")
        try:
            self.world.acting(person, URA).__getattribute__(name)(*given)
        except ZorgIDError:
            return
        assert not person.endswith("1")
        assert arguments[0] not in (FOREIGN, "m1", "holder1", "manager1", "administrator1")

    @invariant()
    def nothing_of_the_other_has_changed(self) -> None:
        assert self.theirs() == self.before

    @invariant()
    def nothing_of_the_other_is_listed(self) -> None:
        manager = self.world.acting("administrator0")
        assert FOREIGN not in serials(manager.list_cards(limit=200))
        assert "m1" not in [p.id for p in manager.phones()]
        assert all(row.membership.ura == URA for row in manager.list_people().rows)


TestNoCallReachesAnotherOrganisation = OneOrganisation.TestCase
TestNoCallReachesAnotherOrganisation.settings = settings(max_examples=30, stateful_step_count=15, deadline=None)
