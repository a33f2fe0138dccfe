"""docs/management.md: its tables and pictures are the code's, its examples work, its commands can be written."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from diagrams import states
from docs_examples import ROOT, example
from management_world import CARD, World
from registry_world import BORN, NOW, OTHER_URA, URA, add_card, add_person, uzi_pass
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.cli import app
from zorgid_card.ports.registry import IssuedCertificate, Membership, MobileID, Organisation, SmartCard
from zorgid_card.workflows import people
from zorgid_card.workflows.management.roles import as_markdown

PAGE = "docs/management.md"


def run(name: str, names: dict[str, Any], **changes: str) -> dict[str, Any]:
    source = example(PAGE, name)
    for old, new in changes.items():
        assert old in source
        source = source.replace(old, new)
    exec(compile(source, f"{PAGE}: {name}", "exec"), names)
    return names


@pytest.fixture
def world(tmp_path: Path) -> World:
    store = SQLRegistry.file(tmp_path / "registry.db")
    store.create()
    return World(store)


def test_the_table_of_roles_is_the_codes() -> None:
    assert as_markdown() in (ROOT / PAGE).read_text(), f"{PAGE} wants:\n{as_markdown()}"


@pytest.mark.parametrize("machine", ["request", "organisation"])
def test_the_pictures_are_drawn_from_the_tables(machine: str) -> None:
    picture = f"```mermaid\n{states(machine)}\n```"
    assert picture in (ROOT / PAGE).read_text(), f"{PAGE} wants:\n{picture}"


def test_org_1_to_org_4_the_way_in_works_as_written(tmp_path: Path) -> None:
    names = run("open", {}, **{"/var/lib/portal": str(tmp_path)})
    run("organisation", names | {"form_id": "f1"})
    run("organisation", found := names | {"form_id": "f2"}, **{"90000382": "90000383"})
    member = found["register"](uzi_pass(ura="90000383"), BORN, b"consent")
    with names["registry"].begin() as unit:
        assert unit.get(Organisation, "90000383").state == "validated"
        assert unit.get(Membership, member.id).role == people.ADMINISTRATOR
    names["registry"].close()


def test_crd_11_crd_13_people_are_linked_as_written(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    with world.store.begin() as unit:
        add_person(unit, "locum", uzi_number="700000000")
        add_card(unit, "22222222", "locum", certificate="bb")
    names = {"holder": "holder0", "their_administrator": "administrator1", "end_of_august": NOW + timedelta(days=30)}
    run("link", names | {"management": world.management, "locum_uzi_number": "700000000", "locum_card": "22222222"})
    assert "holder0" in capsys.readouterr().out
    with world.store.begin() as unit:
        ends = {one.person_id: one.until for one in unit.find(Membership, ura=OTHER_URA)}
    assert (ends["holder0"], ends["locum"]) == (None, names["end_of_august"])


def test_org_8_who_shows_a_pass_joins_as_written(world: World) -> None:
    asked: list[str] = []
    identity = uzi_pass("900077777", pass_type="N")
    names = {
        "management": world.management,
        "identity": identity,
        "birth_date": BORN,
        "confirms": lambda text: not asked.append(text),
    }
    joined = run("pass", names)["joined"]
    assert (joined.ending, asked) == ("new", ["José Maria de Vries, new: is that you?"])


def test_adm_1_to_adm_4_cards_are_managed_as_written(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    run("cards", {"management": world.management, "person": "manager0", "serial": CARD, "request_id": "r1"})
    assert CARD in capsys.readouterr().out
    assert world.get(IssuedCertificate, "aa01").reason == "keyCompromise"


def test_adm_7_phones_are_managed_as_written(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.add_phone("m0", "manager0")
    run("phones", {"management": world.management, "colleague": "administrator0", "lost": "m0"})
    assert "linked" in capsys.readouterr().out
    assert world.get(MobileID, "m0").state == "revoked"


def test_what_happened_is_told_and_handed_out_as_written(
    world: World, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    world.acting("manager0").block(CARD, "mislaid")
    names = {"manager": world.acting("manager0"), "administrator": world.acting("administrator0")}
    run("trail", names | {"serial": CARD, "monday": NOW})
    assert "Manager0 Jansen card.block mislaid" in capsys.readouterr().out
    assert '"EventID":"card.block"' in (tmp_path / "events.jsonl").read_text()


def test_the_asyncio_example_works_as_written(world: World) -> None:
    block = run("asyncio", {"management": world.management})["block"]
    for _ in range(2):
        assert asyncio.run(block("manager0", URA, CARD, "mislaid", "r1")).state == "suspended"
    assert world.get(SmartCard, CARD).state == "suspended"


def test_the_commands_can_be_written(world: World, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Each command of the page is understood: what it is told is no mistake in the command line."""
    commands = re.findall(r"^zorgid-card (.*)$", (ROOT / PAGE).read_text(), re.MULTILINE)
    assert len(commands) > 8
    for command in commands:
        words = [word.strip("'") for word in re.findall(r"'[^']*'|\S+", command)]
        code = app.run([*words, "--db", f"sqlite:///{tmp_path}/registry.db", "--lang", "en", "--json"])
        said = capsys.readouterr()
        assert code in (0, 3, 7), (command, said.err)
        assert "Usage:" not in said.err
