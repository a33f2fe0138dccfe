"""The registry on a PostgreSQL server that is restarted, crashes, or loses a client in the middle of what it does."""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from postgres import Server, running
from registry_world import BORN
from zorgid_card.adapters.data_keys import MemoryDataKeys
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.errors import StorageError
from zorgid_card.ports.registry import Organisation, Person, TryCount, Unit


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture
def registry(server: Server) -> Iterator[SQLRegistry]:
    made = server.registry()
    yield made
    made.close()


def organisation(ura: str) -> Organisation:
    return Organisation(ura=ura, name="x" * 500, state="approved", validated_at=None)


def there(registry: SQLRegistry) -> list[str]:
    return registry.run(lambda unit: [found.ura for found in unit.find(Organisation)])


def test_a_conflict_is_told_as_one_that_may_pass(registry: SQLRegistry) -> None:
    other = SQLRegistry(registry.engine.url, registry.keys)
    with registry.begin() as unit:
        unit.add(TryCount(id="t", count=0))

    def add_one(unit: Unit) -> None:
        seen = unit.get(TryCount, "t")
        unit.replace(dataclasses.replace(seen, count=seen.count + 1))

    with pytest.raises(StorageError) as error, registry.begin() as unit:  # noqa: PT012
        unit.get(TryCount, "t")
        thread = threading.Thread(target=other.run, args=(add_one,))
        thread.start()
        thread.join()
        add_one(unit)
    assert error.value.reason == "conflict"
    with registry.begin() as unit:
        assert unit.get(TryCount, "t").count == 1
    other.close()


def test_a_restarted_server_is_no_error_of_the_next_transaction(registry: SQLRegistry, server: Server) -> None:
    with registry.begin() as unit:
        unit.add(organisation("1"))
    server.restart()
    assert there(registry) == ["1"]


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restart_in_mid_transaction_changes_nothing(registry: SQLRegistry, server: Server, mode: str) -> None:
    with pytest.raises(StorageError) as error, registry.begin() as unit:  # noqa: PT012
        unit.add(organisation("half"))
        server.restart(mode)
        unit.add(organisation("other half"))
    assert error.value.reason == "unreachable"
    assert there(registry) == []


def test_a_server_that_is_away_is_told_as_that(registry: SQLRegistry, server: Server) -> None:
    server.stop()
    try:
        with pytest.raises(StorageError) as error, registry.begin():
            pass
    finally:
        server.start()
    assert error.value.reason == "unreachable"
    assert there(registry) == []


CLIENT = """
import os, signal, sys
from pathlib import Path
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.ports.registry import Organisation
registry = SQLRegistry(sys.argv[1])
def organisation(ura): return Organisation(ura=ura, name="x" * 5000, state="approved", validated_at=None)
with registry.begin() as unit:
    unit.add(organisation("kept"))
with registry.begin() as unit:
    for number in range(500):
        unit.add(organisation(f"half-{number}"))
        unit.count_up("n")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_client_killed_in_mid_transaction_leaves_nothing_half_and_holds_nobody_up(registry: SQLRegistry) -> None:
    where = registry.engine.url.render_as_string()
    killed = subprocess.run([sys.executable, "-c", CLIENT, where], check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert there(registry) == ["kept"]
    assert registry.run(lambda unit: unit.count_up("n")) == 1  # what the dead one had locked
    registry.run(lambda unit: unit.add(organisation("half-0")))


def test_a_server_that_crashes_under_workers_keeps_what_was_committed_and_nothing_half(
    registry: SQLRegistry, server: Server
) -> None:
    committed: list[str] = []
    ended = threading.Event()

    def work(name: str) -> None:
        worker = SQLRegistry(registry.engine.url, registry.keys)
        number = 0
        while not ended.is_set():
            number += 1
            key = f"{name}-{number:06d}"
            try:
                with worker.begin() as unit:
                    unit.add(organisation(f"{key}-a"))
                    unit.add(organisation(f"{key}-b"))
                committed.append(key)
            except StorageError as error:
                assert error.reason == "unreachable"
                time.sleep(0.02)
        worker.close()

    threads = [threading.Thread(target=work, args=(name,)) for name in "pqrs"]
    for thread in threads:
        thread.start()
    for _ in range(3):
        before = len(committed)
        while len(committed) < before + 50:
            time.sleep(0.01)
        server.restart("immediate")
    ended.set()
    for thread in threads:
        thread.join()
    found = there(registry)
    assert {f"{key}-{part}" for key in committed for part in "ab"} <= set(found)
    assert {ura[:-2] for ura in found if ura.endswith("a")} == {ura[:-2] for ura in found if ura.endswith("b")}


def test_who_may_not_is_told_so_without_what_was_to_be_written(registry: SQLRegistry, server: Server) -> None:
    server.sql("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC; DROP ROLE IF EXISTS guest", "postgres")
    server.sql("CREATE ROLE guest LOGIN", "postgres")
    name = str(registry.engine.url.database)
    server.sql("GRANT SELECT ON zorgid_version TO guest", name)
    guest = SQLRegistry(registry.engine.url.set(username="guest"), registry.keys)
    with pytest.raises(StorageError) as error, guest.begin() as unit:
        unit.add(organisation("secret-word"))
    assert error.value.reason == "denied"
    assert "secret-word" not in f"{error.value} {error.value.__cause__}"
    guest.close()
    server.sql("REVOKE ALL ON zorgid_version FROM guest", name)


def test_personal_data_need_keys(server: Server) -> None:
    registry = SQLRegistry(server.database())
    registry.create()
    registry.run(lambda unit: unit.add(organisation("1")))
    with pytest.raises(StorageError) as error, registry.begin() as unit:  # noqa: PT012
        assert unit.get(Organisation, "1").ura == "1"
        unit.find(Person, birth_date=BORN)
    assert error.value.reason == "no_keys"
    assert SQLRegistry(registry.engine.url, MemoryDataKeys()).run(lambda unit: list(unit.find(Person))) == []
