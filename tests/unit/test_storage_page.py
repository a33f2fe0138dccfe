"""docs/storage.md: its examples work, and what it says of sealed values is so."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from docs_examples import ROOT, example
from postgres import Server
from registry_world import URA, add_card, add_organisation, add_person
from zorgid_card.adapters.data_keys import FileDataKeys
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.errors import StorageError
from zorgid_card.ports.registry import SmartCard, TryCount

PAGE = "docs/storage.md"


def ran(name: str, places: dict[str, str], **known: Any) -> dict[str, Any]:
    text = example(PAGE, name)
    for place, here in places.items():
        assert place in text
        text = text.replace(place, here)
    exec(compile(text, f"{PAGE}: {name}", "exec"), known)
    return known


def test_the_examples_with_postgresql(server: Server, tmp_path: Path) -> None:
    url = server.database()
    FileDataKeys(tmp_path / "data.keys").create()
    places = {
        "postgresql+psycopg://portal@/portal?host=/run/postgresql": url,
        "/etc/portal/data.keys": f"{tmp_path}/data.keys",
    }
    known = ran("registry", places)
    registry: SQLRegistry = known["registry"]
    registry.run(lambda unit: unit.add(TryCount(id="an id", count=4)))
    known |= ran("run", {}, registry=registry)
    assert known["count"] == 5
    known |= ran("upgrade", {}, registry=registry)
    with registry.engine.connect().execution_options(isolation_level="READ COMMITTED") as connection:
        known["upgrade_with"](connection)
    registry.close()


def test_the_example_in_asyncio(tmp_path: Path) -> None:
    registry = SQLRegistry.file(tmp_path / "registry.db")
    registry.create()
    with registry.begin() as unit:
        add_organisation(unit)
        add_person(unit, "manager", uzi_number="900000001", role="administrator")
        add_person(unit, "holder", uzi_number="900000002")
        add_card(unit, "S-1", "holder", certificate="c1")
    block = ran("asyncio", {"sqlite:////var/lib/portal/registry.db": f"sqlite:///{tmp_path}/registry.db"})["block"]
    asyncio.run(block("manager", URA, "S-1"))
    with registry.begin() as unit:
        assert unit.get(SmartCard, "S-1").state == "suspended"
    registry.close()


def test_every_reason_of_a_storage_error_that_is_told_has_words() -> None:
    from zorgid_card.cli.options import texts_of

    rows = [line for line in (ROOT / PAGE).read_text().splitlines() if "| nothing" in line]
    reasons = [word.strip("` ") for row in rows for word in row.split("|")[1].split(",")]
    assert {"conflict", "unreachable", "version", "no_keys", "keys"} <= set(reasons)
    general = texts_of("nl").error(StorageError("x"))
    for reason in reasons:
        assert texts_of("nl").error(StorageError("x", reason=reason)) != general, reason
