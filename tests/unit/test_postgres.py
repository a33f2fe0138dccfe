"""The registry on a PostgreSQL server, as on SQLite: the same transactions, whole or not at all, whoever comes between."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator

import pytest

from postgres import Server, running
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.errors import StorageError
from zorgid_card.ports.registry import Organisation, TryCount, Unit


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture
def url(server: Server) -> str:
    return server.database()


@pytest.fixture
def registry(url: str) -> Iterator[SQLRegistry]:
    made = SQLRegistry(url)
    made.create()
    yield made
    made.close()


def organisation(ura: str) -> Organisation:
    return Organisation(ura=ura, name="Praktijk", state="approved", validated_at=None)


def at_once(*works: Callable[[], None]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_a_conflict_is_told_as_one_that_may_pass(registry: SQLRegistry, url: str) -> None:
    other = SQLRegistry(url)
    with registry.begin() as unit:
        unit.add(TryCount(id="t", count=0))

    def add_one(unit: Unit) -> None:
        unit.replace(dataclasses.replace(unit.get(TryCount, "t"), count=unit.get(TryCount, "t").count + 1))

    with pytest.raises(StorageError) as error, registry.begin() as unit:  # noqa: PT012
        unit.get(TryCount, "t")
        at_once(lambda: other.run(add_one))
        add_one(unit)
    assert error.value.reason == "conflict"
    with registry.begin() as unit:
        assert unit.get(TryCount, "t").count == 1
    other.close()


def test_two_workers_lose_no_update(registry: SQLRegistry, url: str) -> None:
    with registry.begin() as unit:
        unit.add(TryCount(id="t", count=0))

    def add_one(unit: Unit) -> None:
        seen = unit.get(TryCount, "t")
        unit.replace(dataclasses.replace(seen, count=seen.count + 1))

    def work() -> None:
        worker = SQLRegistry(url)
        for _ in range(20):
            worker.run(add_one)
        worker.close()

    at_once(*[work] * 4)
    with registry.begin() as unit:
        assert unit.get(TryCount, "t").count == 80


def test_a_restarted_server_is_no_error_of_the_next_transaction(registry: SQLRegistry, server: Server) -> None:
    with registry.begin() as unit:
        unit.add(organisation("1"))
    server.restart()
    with registry.begin() as unit:
        assert unit.get(Organisation, "1").name == "Praktijk"
