"""The registry in an SQLite file: what is wrong with the file, and what a crash leaves."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from management_world import CARD, World
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.adapters.sql_tables import TABLES
from zorgid_card.errors import StorageError
from zorgid_card.ports.registry import (
    AuditEvent,
    AuditHead,
    AuditLink,
    CardLink,
    IssuedCertificate,
    MobileID,
    Organisation,
    Person,
    Reply,
    SmartCard,
)

NOW = datetime(2026, 11, 2, 9, 0, 0, 123456, tzinfo=UTC)


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


COLUMNS = [
    (kind, column.name)
    for kind in (Organisation, Person, SmartCard, CardLink, IssuedCertificate, MobileID, AuditEvent, AuditLink, AuditHead, Reply)
    for column in TABLES[kind].columns
    if column.name != "birth_date_mark"  # which is only compared
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "column"), COLUMNS, ids=lambda value: value if isinstance(value, str) else value.__name__
)
def test_a_value_of_another_type_than_its_columns_is_corrupt(kind: type, column: str) -> None:
    """SQLite keeps anything anywhere; whoever may write there has no worker stumble over it."""
    world = World()
    world.acting().block(CARD, "lost", key="k")
    world.add_phone()
    octets = isinstance(TABLES[kind].c[column].type, sa.LargeBinary)
    with world.store.engine.begin() as connection:
        changed = f"UPDATE {TABLES[kind].name} SET {column} = {'42' if octets else 'x' + repr('ff00')}"
        assert connection.exec_driver_sql(f"{changed} WHERE rowid = 1").rowcount == 1
    with pytest.raises(StorageError) as error, world.store.begin() as unit:
        list(unit.find(kind))
    assert error.value.reason == "corrupt"
    world.store.close()


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
