"""The registry in SQL: records come back as they went in, and a transaction is whole or has not been."""

from __future__ import annotations

import dataclasses
import os
import signal
import sqlite3
import stat
import string
import subprocess
import sys
import threading
import types
import typing
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.errors import NotFoundError, ReplayError, StorageError
from zorgid_card.ports import registry as records
from zorgid_card.ports.registry import AuditEvent, Membership, Organisation, Person, TryCount

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


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "registry.db"


@pytest.fixture
def registry(path: Path) -> Iterator[SQLRegistry]:
    made = SQLRegistry(f"sqlite:///{path}")
    made.create()
    yield made
    made.close()


def values_of(kind: type) -> st.SearchStrategy[Any]:
    def of(hint: Any) -> st.SearchStrategy[Any]:
        if typing.get_origin(hint) in (types.UnionType, typing.Union):
            inner = next(h for h in typing.get_args(hint) if h is not type(None))
            return st.none() | PLAIN[inner]
        return PLAIN[hint]

    hints = typing.get_type_hints(kind)
    return st.builds(kind, **{f.name: of(hints[f.name]) for f in dataclasses.fields(kind)})


@pytest.fixture(scope="module")
def in_memory() -> Iterator[SQLRegistry]:
    made = SQLRegistry("sqlite://")
    made.create()
    yield made
    made.close()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_of_record_comes_back_equal(in_memory: SQLRegistry, kind: type) -> None:
    @settings(max_examples=25, deadline=None, database=None)
    @given(values_of(kind))
    def round_trip(record: Any) -> None:
        key = getattr(record, dataclasses.fields(kind)[0].name)
        with in_memory.begin() as unit:
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


def test_count_up_gives_each_number_once_to_concurrent_workers(path: Path, registry: SQLRegistry) -> None:
    numbers: list[int] = []

    def work() -> None:
        worker = SQLRegistry(f"sqlite:///{path}")
        for _ in range(20):
            with worker.begin() as unit:
                numbers.append(unit.count_up("crl"))
        worker.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 81))


def test_read_then_write_loses_no_update(path: Path, registry: SQLRegistry) -> None:
    with registry.begin() as unit:
        unit.add(TryCount(id="t", count=0))

    def work() -> None:
        for _ in range(20):
            with registry.begin() as unit:
                seen = unit.get(TryCount, "t")
                unit.replace(dataclasses.replace(seen, count=seen.count + 1))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with registry.begin() as unit:
        assert unit.get(TryCount, "t").count == 80


# --- the file -----------------------------------------------------------------------------------------------


def test_the_file_is_private_whatever_the_umask(path: Path) -> None:
    before = os.umask(0)
    try:
        registry = SQLRegistry(f"sqlite:///{path}")
        registry.create()
        with registry.begin() as unit:
            unit.add(organisation("1"))
            modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes["registry.db"] == 0o600
    assert set(modes.values()) == {0o600}  # the write-ahead log too
    registry.close()


def test_create_keeps_what_is_there(path: Path, registry: SQLRegistry) -> None:
    with registry.begin() as unit:
        unit.add(organisation("1"))
    again = SQLRegistry(f"sqlite:///{path}")
    again.create()
    with again.begin() as unit:
        assert unit.get(Organisation, "1").name == "Praktijk"
    again.close()


def write(registry: SQLRegistry) -> None:
    with registry.begin() as unit:
        unit.add(organisation("new"))


def reason_of(registry: SQLRegistry, *, create: bool = False) -> object:
    with pytest.raises(StorageError) as error:
        registry.create() if create else write(registry)
    return error.value.reason


def test_a_missing_directory(tmp_path: Path) -> None:
    nowhere = SQLRegistry(f"sqlite:///{tmp_path}/none/registry.db")
    assert reason_of(nowhere, create=True) == "missing"
    assert reason_of(nowhere) == "missing"


def test_a_lost_file_is_not_made_anew_by_a_transaction(path: Path) -> None:
    assert reason_of(SQLRegistry(f"sqlite:///{path}")) == "missing"
    assert not path.exists()


def test_a_file_without_tables(path: Path) -> None:
    sqlite3.connect(path).close()
    path.touch()
    assert reason_of(SQLRegistry(f"sqlite:///{path}")) == "not_created"


@pytest.mark.parametrize("contents", [b"this is no database " * 200, b"SQLite format 3\x00" + b"\xff" * 4080])
def test_a_file_that_is_no_database(path: Path, contents: bytes) -> None:
    path.write_bytes(contents)
    assert reason_of(SQLRegistry(f"sqlite:///{path}"), create=True) in ("corrupt", "io")
    assert reason_of(SQLRegistry(f"sqlite:///{path}")) in ("corrupt", "io")
    assert path.read_bytes() == contents


def test_a_tampered_value_is_corrupt(path: Path, registry: SQLRegistry) -> None:
    with registry.begin() as unit:
        unit.add(Organisation(ura="1", name="x", state="validated", validated_at=NOW))
    registry.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE zorgid_organisation SET validated_at='yesterday'")
    with pytest.raises(StorageError) as error, registry.begin() as unit:
        unit.get(Organisation, "1")
    assert error.value.reason == "corrupt"


def test_a_registry_held_by_another_program(path: Path, registry: SQLRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zorgid_card.adapters.sql_engine.BUSY_SECONDS", 0.1)
    registry.close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert reason_of(registry) == "locked"
    other.execute("ROLLBACK")
    other.close()
    with registry.begin() as unit:
        unit.add(organisation("1"))


def test_a_read_only_file(path: Path, registry: SQLRegistry) -> None:
    registry.close()
    engine = sa.create_engine("sqlite://", creator=lambda: sqlite3.connect(f"file:{path}?mode=ro", uri=True))
    assert reason_of(SQLRegistry(engine)) == "read_only"


def fill(registry: SQLRegistry) -> int:
    """Write until the store is full; the number of units that were committed."""
    for number in range(10_000):
        try:
            with registry.begin() as unit:
                unit.add(organisation(f"{number:08d}-a", "x" * 2000))
                unit.add(organisation(f"{number:08d}-b", "x" * 2000))
        except StorageError as error:
            return number if error.reason == "full" else -1
    raise AssertionError("the store is never full")


def assert_whole(registry: SQLRegistry, units: int) -> None:
    with registry.begin() as unit:
        found = [o.ura for o in unit.find(Organisation)]
    assert found == [f"{n:08d}-{part}" for n in range(units) for part in "ab"]


def test_a_full_store_changes_nothing(path: Path, registry: SQLRegistry) -> None:
    limited = SQLRegistry(f"sqlite:///{path}")

    def limit(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA max_page_count=200")

    sa.event.listen(limited.engine, "connect", limit)
    units = fill(limited)
    assert units > 10
    assert_whole(limited, units)
    limited.close()
    assert_whole(registry, units)
    with registry.begin() as unit:  # and works again once there is room
        unit.add(organisation("later"))


def test_a_caller_that_swallows_the_error_commits_nothing(path: Path, registry: SQLRegistry) -> None:
    limited = SQLRegistry(f"sqlite:///{path}")

    def limit(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA max_page_count=200")

    sa.event.listen(limited.engine, "connect", limit)
    with pytest.raises(StorageError), limited.begin() as unit:  # noqa: PT012
        unit.add(organisation("small"))
        with pytest.raises(StorageError):
            unit.add(organisation("large", "x" * 2_000_000))
        with pytest.raises(StorageError):
            unit.add(organisation("after"))
    with registry.begin() as unit:
        assert list(unit.find(Organisation)) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("a disk of 1 MiB can be mounted by root only, where mounting is allowed")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_changes_nothing(small_disk: Path) -> None:
    registry = SQLRegistry(f"sqlite:///{small_disk}/registry.db")
    registry.create()
    units = fill(registry)
    assert units > 10
    assert_whole(registry, units)
    registry.close()
    assert_whole(registry, units)
    registry.close()


def test_no_room_for_the_file_itself(small_disk: Path) -> None:
    with pytest.raises(OSError, match="No space"):
        (small_disk / "filler").write_bytes(b"x" * 2_000_000)
    registry = SQLRegistry(f"sqlite:///{small_disk}/registry.db")
    assert reason_of(registry, create=True) == "full"
    registry.close()


CRASH = """
import os, signal, sys
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.ports.registry import Organisation
registry = SQLRegistry("sqlite:///" + sys.argv[1])
def organisation(ura): return Organisation(ura=ura, name="x" * 5000, state="approved", validated_at=None)
with registry.begin() as unit:
    unit.add(organisation("kept"))
with registry.begin() as unit:
    for number in range(int(sys.argv[2])):
        unit.add(organisation(f"half-{number}"))
        unit.count_up("n")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(
    "writes", [1, 800]
)  # the second is more than SQLite's page cache holds: it has spilt to the log
def test_killed_in_mid_transaction_nothing_half_is_left(path: Path, registry: SQLRegistry, writes: int) -> None:
    registry.close()
    killed = subprocess.run([sys.executable, "-c", CRASH, str(path), str(writes)], check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    with registry.begin() as unit:
        assert [o.ura for o in unit.find(Organisation)] == ["kept"]
        assert unit.count_up("n") == 1


def test_removed_personal_data_are_gone_from_the_file(path: Path, registry: SQLRegistry) -> None:
    person = Person(id="p", user_name="u", given_names="Zeldzaamnaam", surname="y", birth_date=date(1980, 1, 1),
                    uzi_number="9", role_code="01.000")  # fmt: skip
    with registry.begin() as unit:
        unit.add(person)
    with registry.begin() as unit:
        unit.remove(person)
    registry.close()
    assert b"Zeldzaamnaam" not in path.read_bytes()


def test_audit_events_are_in_order(registry: SQLRegistry) -> None:
    from zorgid_card.workflows import audit

    with registry.begin() as unit:
        for _ in range(12):
            audit.record(unit, NOW, "operator", "90000382", "card.block", "123", "lost", b=2, a="é")
        events = list(unit.find(AuditEvent))
    assert [e.id for e in events] == [f"90000382:{n:012d}" for n in range(1, 13)]
    assert events[0].detail == '{"a":"é","b":2}'
