"""The same units and services in asyncio: on both databases, many tasks at once, none in another's transaction."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import URL

from registry_world import NOW, URA, add_card, add_organisation, add_person
from zorgid_card.adapters.data_keys import FileDataKeys, MemoryDataKeys
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.adapters.sql_async import AsyncSQLRegistry
from zorgid_card.errors import NotFoundError, StorageError
from zorgid_card.ports.registry import Organisation, SmartCard, TryCount, Unit
from zorgid_card.workflows.management import Management
from zorgid_card.workflows.policy import UNSIGNED, PhonePolicy, Policy


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database that others can reach too."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/a registry%20.db"
    return str(request.getfixturevalue("server").database())


def fill(unit: Unit) -> None:
    add_organisation(unit)
    add_person(unit, "manager", uzi_number="900000001", role="administrator")
    for number in range(8):
        add_person(unit, f"p{number}", uzi_number=f"90000010{number}")
        add_card(unit, f"S-{number}", f"p{number}", certificate=f"c{number}")


def test_a_service_of_plain_code_is_used_from_many_tasks(where: str) -> None:
    async def portal() -> list[SmartCard]:
        registry = AsyncSQLRegistry(where, MemoryDataKeys())
        await registry.create()
        await registry.run(fill)
        management = Management(registry.registry, lambda: NOW, Policy(phones=PhonePolicy(signed=UNSIGNED)))
        manager = await registry.call(management.acting_as, "manager", URA)
        blocked = [again(registry, manager.block, f"S-{number}", "lost") for number in range(8)]
        found = await asyncio.gather(*blocked)
        with pytest.raises(NotFoundError):
            await registry.call(manager.show, "nobody's")
        await registry.close()
        return found

    assert [card.state for card in asyncio.run(portal())] == ["suspended"] * 8


async def again(registry: AsyncSQLRegistry, service: Any, *arguments: Any) -> Any:
    """A service that opens its transaction itself is called again where another one came between."""
    while True:
        try:
            return await registry.call(service, *arguments)
        except StorageError as error:
            if error.reason != "conflict":
                raise


@pytest.fixture(params=["sqlite", "postgresql", "memory"])
def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return str(request.getfixturevalue("server").database())
    return "sqlite://" if request.param == "memory" else f"sqlite:///{tmp_path}/registry.db"


def test_tasks_lose_no_update(anywhere: str) -> None:
    def add_one(unit: Unit) -> None:
        seen = unit.get(TryCount, "t")
        unit.replace(dataclasses.replace(seen, count=seen.count + 1))

    async def count() -> int:
        registry = AsyncSQLRegistry(anywhere, MemoryDataKeys())
        await registry.create()
        await registry.run(lambda unit: unit.add(TryCount(id="t", count=0)))
        await asyncio.gather(*(registry.run(add_one) for _ in range(30)))
        counted = await registry.run(lambda unit: unit.get(TryCount, "t").count)
        await registry.close()
        return counted

    assert asyncio.run(count()) == 30


def test_the_event_loop_goes_on_while_the_database_is_waited_for(where: str) -> None:
    async def wait() -> int:
        keys, ticks = MemoryDataKeys(), 0
        registry = AsyncSQLRegistry(where, keys)
        await registry.create()
        await registry.run(lambda unit: unit.add(TryCount(id="t", count=0)))
        other = SQLRegistry(where, keys)
        with other.begin() as unit:
            unit.replace(TryCount(id="t", count=1))
            waiting = asyncio.create_task(registry.run(lambda unit: unit.replace(TryCount(id="t", count=2))))
            while ticks < 20:
                await asyncio.sleep(0.01)
                ticks += 1
            assert not waiting.done()
        await waiting
        with other.begin() as unit:
            assert unit.get(TryCount, "t").count == 2
        await registry.close()
        other.close()
        return ticks

    assert asyncio.run(wait()) == 20


def test_a_cancelled_task_leaves_nothing_half_and_nothing_locked(where: str) -> None:
    """Whatever the database was doing at that moment; the task, and what its error refers to, is still at hand."""

    async def cancelled() -> list[str]:
        registry = AsyncSQLRegistry(where, MemoryDataKeys())
        await registry.create()
        found: list[str] = []
        for turns in range(24):
            begun = asyncio.Event()

            def work(unit: Unit, begun: asyncio.Event = begun) -> None:
                unit.add(Organisation(ura="half", name="x", state="approved", validated_at=None))
                begun.set()
                for _ in range(100_000):
                    list(unit.find(Organisation))

            task = asyncio.create_task(registry.run(work))
            await begun.wait()
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            found += await registry.run(lambda unit: [organisation.ura for organisation in unit.find(Organisation)])
        await registry.close()
        return found

    assert asyncio.run(cancelled()) == []


def test_a_file_made_in_asyncio_is_the_one_that_plain_code_opens(tmp_path: Path) -> None:
    path = tmp_path / "ünïque 100%25.db"

    async def make() -> None:
        registry = AsyncSQLRegistry(URL.create("sqlite", database=str(path)))
        await registry.create()
        await registry.run(fill)
        await registry.close()

    asyncio.run(make())
    plain = SQLRegistry.file(path)
    with plain.begin() as unit:
        assert len(unit.cards(URA, at=NOW)) == 8
    plain.close()
    assert path.stat().st_mode & 0o777 == 0o600
    assert FileDataKeys(path.with_name(path.name + ".keys")).generations() == (1,)
