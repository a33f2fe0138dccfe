"""A unit on either database: records come back as they went in, and a transaction is whole or has not been."""

from __future__ import annotations

import contextvars
import dataclasses
import functools
import itertools
import string
import threading
import types
import typing
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.errors import NotFoundError, ReplayError, StorageError
from zorgid_card.ports import registry as records
from zorgid_card.ports.registry import AuditEvent, Membership, Organisation, TryCount, Unit

NOW = datetime(2026, 11, 2, 9, 0, 0, 123456, tzinfo=UTC)
KINDS = [k for k in vars(records).values() if isinstance(k, type) and dataclasses.is_dataclass(k)]
TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=40)
ZONES = [UTC, timezone(timedelta(hours=5, minutes=45)), timezone(timedelta(hours=-9))]
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    int: st.integers(-(2**63), 2**63 - 1),
    bytes: st.binary(max_size=100),
    date: st.dates(),
    datetime: st.datetimes(
        timezones=st.sampled_from(ZONES), min_value=datetime(1000, 1, 2), max_value=datetime(9999, 12, 30)
    ),
}


def organisation(ura: str, name: str = "Praktijk") -> Organisation:
    return Organisation(ura=ura, name=name, state="approved", validated_at=None)


def values_of(kind: type) -> st.SearchStrategy[Any]:
    def of(hint: Any) -> st.SearchStrategy[Any]:
        if typing.get_origin(hint) in (types.UnionType, typing.Union):
            inner = next(h for h in typing.get_args(hint) if h is not type(None))
            return st.none() | PLAIN[inner]
        return PLAIN[hint]

    hints = typing.get_type_hints(kind)
    return st.builds(kind, **{f.name: of(hints[f.name]) for f in dataclasses.fields(kind)})


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_of_record_comes_back_equal(registry: SQLRegistry, kind: type) -> None:
    @settings(max_examples=25, deadline=None, database=None)
    @given(values_of(kind))
    def round_trip(record: Any) -> None:
        key = getattr(record, dataclasses.fields(kind)[0].name)
        with registry.begin() as unit:
            unit.add(record)
            found = unit.get(kind, key)
            unit.remove(record)
        assert found == record

    round_trip()


def test_times_come_back_aware_and_in_utc(registry: SQLRegistry) -> None:
    winter = NOW.astimezone(timezone(timedelta(hours=1)))
    with registry.begin() as unit:
        unit.add(Organisation(ura="1", name="x", state="validated", validated_at=winter))
    with registry.begin() as unit:
        found = unit.get(Organisation, "1").validated_at
    assert found == NOW
    assert found is not None
    assert found.tzinfo is UTC


def test_a_time_without_zone_is_refused(registry: SQLRegistry) -> None:
    with pytest.raises(sa.exc.StatementError, match="zone"), registry.begin() as unit:
        unit.add(Organisation(ura="1", name="x", state="validated", validated_at=datetime(2026, 1, 1)))


def test_find_gives_what_is_equal_in_the_order_of_keys(registry: SQLRegistry) -> None:
    with registry.begin() as unit:
        for key in "cab":
            unit.add(Membership(id=key, person_id="p", ura="1" if key != "b" else "2", role="holder", until=None))
        assert [m.id for m in unit.find(Membership)] == ["a", "b", "c"]
        assert [m.id for m in unit.find(Membership, person_id="p", ura="1", until=None)] == ["a", "c"]
        assert list(unit.find(Membership, ura="3")) == []


def test_pages_follow_each_other_without_gap_or_repetition(registry: SQLRegistry) -> None:
    with registry.begin() as unit:
        for letter in string.ascii_lowercase:
            unit.add(organisation(letter))
        seen, after = [], ""
        while page := unit.page(Organisation, after=after, limit=7, state="approved"):
            assert len(page) <= 7
            seen += [o.ura for o in page]
            after = page[-1].ura
    assert seen == list(string.ascii_lowercase)


def test_a_second_record_with_the_same_key_is_a_replay_and_the_rest_of_the_unit_lives(registry: SQLRegistry) -> None:
    with registry.begin() as unit:
        unit.add(organisation("1", "first"))
        with pytest.raises(ReplayError) as error:
            unit.add(organisation("1", "second"))
        assert error.value.what == "Organisation"
        unit.add(organisation("2"))
    with registry.begin() as unit:
        assert [o.name for o in unit.find(Organisation)] == ["first", "Praktijk"]


def test_what_is_not_there_is_not_found(registry: SQLRegistry) -> None:
    with registry.begin() as unit:
        for act in (
            lambda: unit.get(Organisation, "1"),
            lambda: unit.replace(organisation("1")),
            lambda: unit.remove(organisation("1")),
        ):
            with pytest.raises(NotFoundError):
                act()


def test_an_error_in_the_block_rolls_everything_back(registry: SQLRegistry) -> None:
    with pytest.raises(KeyError), registry.begin() as unit:  # noqa: PT012
        unit.add(organisation("1"))
        unit.count_up("n")
        raise KeyError
    with registry.begin() as unit:
        assert list(unit.find(Organisation)) == []
        assert unit.count_up("n") == 1


def test_a_second_transaction_in_one_thread_is_refused_at_once(registry: SQLRegistry) -> None:
    with registry.begin(), pytest.raises(RuntimeError), registry.begin():
        pass
    with registry.begin() as unit:
        unit.add(organisation("1"))


def test_a_transaction_may_be_ended_in_another_context_than_it_was_begun_in(registry: SQLRegistry) -> None:
    """As a web framework does that runs the two halves of a dependency in threads of a pool."""
    transaction = registry.begin()
    begun, ended = contextvars.copy_context(), contextvars.copy_context()
    begun.run(transaction.__enter__).add(organisation("1"))
    ended.run(transaction.__exit__, None, None, None)
    for context in (begun, ended):
        assert context.run(registry.run, lambda unit: unit.get(Organisation, "1").ura) == "1"


def at_once(work: Callable[[SQLRegistry], None], registry: SQLRegistry, workers: int = 4) -> None:
    """The same in several workers, each with connections of its own."""

    def with_its_own() -> None:
        worker = SQLRegistry(registry.engine.url, registry.keys)
        work(worker)
        worker.close()

    threads = [threading.Thread(target=with_its_own) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_count_up_gives_each_number_once_to_concurrent_workers(registry: SQLRegistry) -> None:
    numbers: list[int] = []

    def work(worker: SQLRegistry) -> None:
        numbers.extend(worker.run(lambda unit: unit.count_up("crl")) for _ in range(20))

    at_once(work, registry)
    assert sorted(numbers) == list(range(1, 81))


def test_read_then_write_loses_no_update(registry: SQLRegistry) -> None:
    with registry.begin() as unit:
        unit.add(TryCount(id="t", count=0))

    def add_one(unit: Unit) -> None:
        seen = unit.get(TryCount, "t")
        unit.replace(dataclasses.replace(seen, count=seen.count + 1))

    def work(worker: SQLRegistry) -> None:
        for _ in range(20):
            worker.run(add_one)

    at_once(work, registry)
    with registry.begin() as unit:
        assert unit.get(TryCount, "t").count == 80


def test_what_two_workers_read_and_each_changed_in_part_stays_true(registry: SQLRegistry) -> None:
    """Neither may remove the last one, though each removes another record than the other."""
    with registry.begin() as unit:
        for number in range(24):
            unit.add(organisation(f"{number:02d}"))
    turns = itertools.count()

    def remove_one(unit: Unit, turn: int) -> None:
        there = [it for it in unit.find(Organisation) if it.state == "approved"]
        if len(there) > 1:
            unit.remove(there[turn % len(there)])

    def work(worker: SQLRegistry) -> None:
        for _ in range(12):
            worker.run(functools.partial(remove_one, turn=next(turns)))

    at_once(work, registry)
    with registry.begin() as unit:
        assert len(list(unit.find(Organisation))) == 1


def test_two_workers_that_wait_for_each_other_both_come_through(registry: SQLRegistry) -> None:
    with registry.begin() as unit:
        unit.add(TryCount(id="a", count=0))
        unit.add(TryCount(id="b", count=0))
    directions = iter(["ab", "ba"])

    def work(worker: SQLRegistry) -> None:
        order = next(directions)

        def both(unit: Unit) -> None:
            for name in order:
                unit.replace(TryCount(id=name, count=unit.get(TryCount, name).count + 1))

        for _ in range(20):
            worker.run(both)

    at_once(work, registry, workers=2)
    with registry.begin() as unit:
        assert [count.count for count in unit.find(TryCount)] == [40, 40]


def test_what_cannot_pass_is_not_tried_again(registry: SQLRegistry) -> None:
    tries: list[int] = []

    def work(unit: Unit) -> None:
        tries.append(1)
        unit.get(Organisation, "none")

    with pytest.raises(NotFoundError):
        registry.run(work)
    assert len(tries) == 1


def test_a_conflict_that_does_not_pass_is_told_in_the_end(
    registry: SQLRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zorgid_card.adapters.sql.PATIENCE_SECONDS", 0.2)
    tries: list[int] = []

    def work(unit: Unit) -> None:
        tries.append(1)
        raise StorageError("came between", reason="conflict")

    with pytest.raises(StorageError):
        registry.run(work)
    assert len(tries) > 2


def test_audit_events_are_in_order(registry: SQLRegistry) -> None:
    from zorgid_card.workflows import audit

    with registry.begin() as unit:
        for _ in range(12):
            audit.record(unit, NOW, "operator", "90000382", "card.block", "123", "lost", b=2, a="é")
        events = list(unit.find(AuditEvent))
    assert [e.id for e in events] == [f"90000382:{n:012d}" for n in range(1, 13)]
    assert events[0].detail == '{"a":"é","b":2}'
