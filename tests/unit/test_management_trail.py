"""What happened at an organisation, shown by its own chain of the audit log: the newest first, a page at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from management_world import CARD, FOREIGN, World
from registry_world import NOW, OTHER_URA, URA
from zorgid_card.codec.audit import name
from zorgid_card.errors import NotFoundError, StorageError, UsageError
from zorgid_card.ports.registry import AuditEvent, MobileID
from zorgid_card.workflows import audit
from zorgid_card.workflows.management import EventPage, Operator
from zorgid_card.workflows.management import trail as module

HOURS = 40


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.store.close()


@pytest.fixture(scope="module")
def long() -> Iterator[World]:
    """Forty events, an hour apart, of which some were removed when they had been kept long enough."""
    made = World()
    with made.store.begin() as unit:
        for n in range(HOURS):
            thing = "card" if n % 4 else "person"
            audit.record(unit, NOW + timedelta(hours=n), "manager0", URA, f"{thing}.block", CARD)
            audit.record(unit, NOW, "manager1", OTHER_URA, "card.block", FOREIGN)
        for number in (1, 2, 3):
            unit.remove(unit.get(AuditEvent, name(URA, number)))
    yield made
    made.store.close()


def numbers(page: EventPage) -> list[int]:
    return [row.number for row in page.rows]


@given(
    limit=st.integers(1, 50),
    since=st.none() | st.integers(-2, HOURS + 2),
    until=st.none() | st.integers(-2, HOURS + 2),
    thing=st.sampled_from([None, "card", "person", "phone"]),
)
def test_all_pages_together_are_what_was_asked_for(
    long: World, limit: int, since: int | None, until: int | None, thing: str | None
) -> None:
    acting = long.acting("administrator0")
    span = {
        key: None if hours is None else NOW + timedelta(hours=hours)
        for key, hours in (("since", since), ("until", until))
    }
    found: list[int] = []
    after: str | None = None
    while True:
        page = acting.events(thing=thing, limit=limit, after=after, **span)
        assert len(page.rows) <= limit
        found += numbers(page)
        after = page.after
        if after is None:
            break
    wanted = [
        n + 1
        for n in reversed(range(HOURS))
        if n >= 3
        and (since is None or n >= since)
        and (until is None or n < until)
        and thing in (None, "card" if n % 4 else "person")
    ]
    assert found == wanted


def test_a_page_gives_up_looking_in_good_time_and_says_where_to_go_on(
    long: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LOOKED_AT", 10)
    acting = long.acting("administrator0")
    first = acting.events(thing="phone")
    assert (first.rows, first.after) == ((), "31")
    assert acting.events(thing="person", after=first.after).rows


@pytest.mark.parametrize("after", ["", "x", "-1", "1.0", "١", "9" * 13])
def test_what_is_no_page_is_refused(world: World, after: str) -> None:
    with pytest.raises(UsageError) as error:
        world.acting("administrator0").events(after=after)
    assert error.value.reason == "after"


def test_who_did_it_and_whose_it_is_are_told_by_name(world: World) -> None:
    world.acting("manager0").block(CARD, "mislaid")
    [row] = world.acting("administrator0").events().rows
    assert (row.actor_name, row.subject_name, row.reason) == ("Manager0 Jansen", "Holder0 Jansen", "mislaid")
    assert world.acting("administrator0").events() == world.management.acting_as(Operator("Ria"), URA).events()


def test_an_operator_who_names_no_organisation_sees_the_portals_own(world: World) -> None:
    everywhere = world.management.acting_as(Operator("Ria"))
    everywhere.block(CARD, "looked into")
    [row] = everywhere.events().rows
    assert (row.action, row.actor, row.actor_name) == ("card.block", "Ria", None)
    assert world.acting("administrator0").events().rows == ()
    assert [row.reason for row in world.acting("manager0").card_events(CARD)] == ["looked into"], "the portal did it"
    assert [line for line in everywhere.export_events("portal") if '"card.block"' in line]


def test_crd_11_what_another_organisation_did_with_the_same_card_or_person_is_not_told(world: World) -> None:
    code = world.management.acting_as("holder0", URA).offer_link(OTHER_URA).code
    theirs = world.acting("administrator1", OTHER_URA)
    theirs.link(code, "works here too")
    theirs.block(CARD, "theirs")
    world.acting("manager0").block(CARD, "ours")
    assert [row.reason for row in world.acting("manager0").card_events(CARD)] == ["ours"]
    assert [row.reason for row in theirs.card_events(CARD)] == ["theirs"]
    assert [row.action for row in theirs.person_events("holder0")] == ["person.link"]
    assert [row.action for row in world.acting("manager0").person_events("holder0")] == ["person.offer"]
    with pytest.raises(NotFoundError):
        world.acting("manager0").card_events(FOREIGN)


def test_an_event_that_cannot_be_read_is_told_as_a_fault_of_the_store(world: World) -> None:
    world.acting("manager0").block(CARD, "mislaid")
    with world.store.begin() as unit:
        event = unit.get(AuditEvent, name(URA, 1))
        unit.replace(AuditEvent(**{field: getattr(event, field) for field in event.__slots__} | {"detail": "{"}))
    with pytest.raises(StorageError):
        world.acting("administrator0").events()


def test_adm_7_phones_are_paged_and_those_of_who_left_have_no_name(world: World) -> None:
    for n in range(5):
        world.add_phone(f"m{n}", "manager0" if n % 2 else "holder0", state="linked" if n % 2 else "blocked")
    acting = world.acting("administrator0")
    first = acting.list_phones(limit=3)
    assert first.after is not None
    rest = acting.list_phones(limit=3, after=first.after)
    assert [row.phone.id for row in (*first.rows, *rest.rows)] == [f"m{n}" for n in range(5)]
    assert rest.after is None
    acting.unlink("holder0", "left")
    assert {row.person for row in acting.list_phones(state="revoked").rows} == {None}
    assert len(acting.list_phones(state="linked").rows) == 2
    with world.store.begin() as unit:
        assert unit.get(MobileID, "m0").state == "revoked"
