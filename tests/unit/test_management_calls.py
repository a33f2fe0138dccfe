"""Calls that come twice, and callers that come together: on SQLite and on PostgreSQL, from threads and from asyncio."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from management_world import CARD, FOREIGN, World
from registry_world import NOW, URA, add_person
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.errors import NotAllowedError, ReplayError, StorageError, TransitionError, UsageError, ZorgIDError
from zorgid_card.ports.registry import AuditEvent, IssuedCertificate, Membership, Reply, Request, SmartCard
from zorgid_card.workflows import housekeeping, people
from zorgid_card.workflows.management import Operator


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    if request.param == "sqlite":
        store = SQLRegistry.file(tmp_path / "registry.db")
    else:
        store = request.getfixturevalue("server").registry()
    store.create()
    made = World(store)
    yield made
    made.store.close()


def events(world: World, action: str) -> list[AuditEvent]:
    with world.store.begin() as unit:
        return list(unit.find(AuditEvent, action=action))


def together(calls: list[Callable[[], Any]]) -> list[Any]:
    """What each call gives, or the error of it, all begun at the same moment."""
    outcomes: list[Any] = [None] * len(calls)
    barrier = threading.Barrier(len(calls))

    def one(number: int) -> None:
        barrier.wait()
        try:
            outcomes[number] = calls[number]()
        except ZorgIDError as error:
            outcomes[number] = error

    threads = [threading.Thread(target=one, args=(number,)) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return outcomes


# --- answers that somebody has changed --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"no JSON",
        b"[]",
        b"{}",
        b'{"serial":1}',
        b'{"no such field":"x"}',
        b'{"created_at":"yesterday"}',
        b"[" * 9999,
    ],
    ids=["empty", "text", "list", "nothing", "number", "field", "time", "deep"],
)
def test_an_answer_that_somebody_has_changed_is_refused_and_nothing_is_done_again(world: World, answer: bytes) -> None:
    world.acting().block(CARD, "lost", key="k")
    with world.store.begin() as unit:
        (kept,) = unit.find(Reply)
        unit.replace(replace(kept, answer=answer))
    with pytest.raises(StorageError) as error:
        world.acting().block(CARD, "lost", key="k")
    assert error.value.reason == "corrupt"
    assert len(events(world, "card.block")) == 1


# --- callers that come together ---------------------------------------------------------------------------------------


def test_adm_2_two_administrators_block_one_card_once(world: World) -> None:
    outcomes = together([
        lambda: world.acting("manager0").block(CARD, "mislaid"), lambda: world.acting("administrator0").block(CARD, "lost")
    ])  # fmt: skip
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["SmartCard", "TransitionError"]
    assert world.get(IssuedCertificate, "aa01").status == "hold"
    assert len(events(world, "card.block")) == 1


def test_adm_4_blocking_and_revoking_at_once_ends_revoked_or_in_their_order(world: World) -> None:
    outcomes = together(
        [lambda: world.acting("manager0").block(CARD, "x"), lambda: world.acting("administrator0").revoke(CARD, "y")]
    )
    assert isinstance(outcomes[0], SmartCard | TransitionError)
    assert outcomes[1].state == "revoked"
    assert (world.get(SmartCard, CARD).state, world.get(IssuedCertificate, "aa01").status) == ("revoked", "revoked")


@pytest.mark.parametrize("how", ["appoint", "unlink"])
def test_adm_5_two_administrators_who_resign_at_once_leave_one(world: World, how: str) -> None:
    world.acting("administrator0").appoint("manager0", "administrator", "stands in")

    def resign(person: str) -> Callable[[], object]:
        acting = world.acting(person)
        return lambda: acting.appoint(person, "holder", "x") if how == "appoint" else acting.unlink(person, "x")

    outcomes = together([resign("administrator0"), resign("manager0")])
    assert sum(isinstance(outcome, NotAllowedError) for outcome in outcomes) == 1
    with world.store.begin() as unit:
        assert len(people.administrators(unit, URA, NOW)) == 1


def test_adm_5_two_administrators_who_demote_each_other_at_once_leave_one(world: World) -> None:
    world.acting("administrator0").appoint("manager0", "administrator", "stands in")
    one, other = world.acting("administrator0"), world.acting("manager0")
    together([lambda: one.appoint("manager0", "holder", "x"), lambda: other.appoint("administrator0", "holder", "x")])
    with world.store.begin() as unit:
        assert len(people.administrators(unit, URA, NOW)) == 1


def test_crd_11_a_leave_to_link_serves_one_of_two_who_use_it_at_once(world: World) -> None:
    with world.store.begin() as unit:
        add_person(unit, "locum", uzi_number="700000000", ura="90000999")
    code = world.acting("locum", "90000999").offer_link(URA).code
    outcomes = together([lambda: world.acting("administrator0").link(code, "x") for _ in range(2)])
    assert sum(isinstance(outcome, Membership) for outcome in outcomes) == 1


# --- calls that come twice --------------------------------------------------------------------------------------------


def test_a_call_that_comes_again_is_done_once_and_answered_the_same(world: World) -> None:
    manager = world.acting()
    first = manager.block(CARD, "mislaid", key="k1")
    manager.unblock(CARD, "found", key="k2")
    assert manager.block(CARD, "mislaid", key="k1") == first
    assert world.get(SmartCard, CARD).state == "active"
    assert len(events(world, "card.block")) == 1


def test_the_same_call_from_eight_threads_at_once_is_done_once(world: World) -> None:
    manager = world.acting()
    outcomes = together([lambda: manager.block(CARD, "mislaid", key="k1")] * 8)
    assert outcomes == [outcomes[0]] * 8
    assert outcomes[0].state == "suspended"
    assert len(events(world, "card.block")) == 1


def test_a_key_that_served_another_request_is_refused(world: World) -> None:
    manager = world.acting()
    manager.block(CARD, "mislaid", key="k1")
    for act in (lambda: manager.block(CARD, "stolen", key="k1"), lambda: manager.revoke(CARD, "mislaid", key="k1")):
        with pytest.raises(ReplayError):
            act()
    assert world.get(SmartCard, CARD).state == "suspended"


def test_a_key_is_one_actors_at_one_organisation(world: World) -> None:
    world.acting("manager0").block(CARD, "mislaid", key="k1")
    with pytest.raises(TransitionError):  # not the other's answer
        world.acting("administrator0").block(CARD, "mislaid", key="k1")
    assert world.management.acting_as(Operator("manager0"), URA).block(CARD, "mislaid", key="k1").state == "suspended"
    assert len(events(world, "card.block")) == 2


def test_what_was_refused_may_be_asked_again_with_its_key(world: World) -> None:
    manager = world.acting()
    with pytest.raises(TransitionError):
        manager.unblock(CARD, "found", key="k1")
    manager.block(CARD, "mislaid")
    assert manager.unblock(CARD, "found", key="k1").state == "active"


def test_who_may_not_any_more_gets_no_kept_answer_either(world: World) -> None:
    manager = world.acting()
    manager.block(CARD, "mislaid", key="k1")
    world.acting("administrator0").unlink("manager0", "left")
    with pytest.raises(NotAllowedError):
        manager.block(CARD, "mislaid", key="k1")


def test_a_key_serves_for_a_day_and_its_answer_is_removed_then(world: World) -> None:
    manager = world.acting()
    manager.block(CARD, "mislaid", key="k1")
    world.clock.forward(hours=24)
    with pytest.raises(TransitionError):
        manager.block(CARD, "mislaid", key="k1")
    housekeeping.remove_expired(world.store, world.clock())
    with world.store.begin() as unit:
        assert list(unit.find(Reply)) == []


@pytest.mark.parametrize("key", ["", "x" * 201, "a\nb"])
def test_what_is_no_key_is_refused(world: World, key: str) -> None:
    with pytest.raises(UsageError):
        world.acting().block(CARD, "mislaid", key=key)
    assert world.get(SmartCard, CARD).state == "active"


def test_every_answer_is_kept_and_given_as_it_was(world: World) -> None:
    """Each kind of record that a service answers, with its times."""
    operator, administrator = Operator("operator"), world.acting("administrator0")
    world.add_phone()
    applicant = world.management.acting_as(None, "90000777")
    form = {"organisation_name": "Praktijk", "contact_name": "J. Jansen", "contact_email": "j@example.nl"}
    request = applicant.request(**form, key="k")
    calls: list[Callable[[], object]] = [
        lambda: applicant.request(**form, key="k"),
        lambda: world.management.acting_as(operator).approve(request.id, "fine", key="k1"),
        lambda: world.management.acting_as(operator, URA).suspend("why", key="k2"),
        lambda: world.management.acting_as(operator, URA).resume("why", key="k3"),
        lambda: administrator.approve_uzi_number("holder0", "900000077", "why", key="k4"),
        lambda: administrator.appoint("manager0", "administrator", "why", key="k5"),
        lambda: administrator.block_phone("m0", "why", key="k6"),
        lambda: administrator.revoke(CARD, "why", key="k7"),
        lambda: administrator.unlink("holder0", "why", key="k8"),
    ]
    for call in calls:
        first = call()
        world.clock.forward(minutes=1)
        assert call() == first
    with world.store.begin() as unit:
        assert len(list(unit.find(Request))) == 1


# --- asyncio ----------------------------------------------------------------------------------------------------------


def test_from_asyncio_the_same_services_in_threads(world: World) -> None:
    async def many() -> list[Any]:
        acting = world.acting()
        calls = [asyncio.to_thread(acting.block, CARD, "mislaid", key=f"k{number}") for number in range(4)]
        return await asyncio.gather(*calls, asyncio.to_thread(acting.list_cards), return_exceptions=True)

    *blocked, page = asyncio.run(many())
    assert sorted(type(outcome).__name__ for outcome in blocked) == ["SmartCard"] + ["TransitionError"] * 3
    assert [row.card.serial for row in page.rows] == [CARD]


def test_a_task_that_was_cancelled_is_asked_again_with_its_key(world: World) -> None:
    """Whether the thread had come to its end does not matter: the card is blocked once, and the answer is told."""

    async def impatient() -> SmartCard:
        acting = world.acting()
        task = asyncio.ensure_future(asyncio.to_thread(acting.block, CARD, "mislaid", key="k1"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await asyncio.to_thread(acting.block, CARD, "mislaid", key="k1")

    assert asyncio.run(impatient()).state == "suspended"
    assert len(events(world, "card.block")) == 1


def test_crd_13_a_guests_link_ends_by_itself(world: World) -> None:
    until = NOW + timedelta(days=2)
    assert world.acting("administrator0").link_guest("900001200", FOREIGN, until, "holidays", key="k").until == until
    assert "holder1" in [row.person.id for row in world.acting().list_people().rows]
    world.clock.forward(days=2)
    assert "holder1" not in [row.person.id for row in world.acting().list_people().rows]
