"""``zorgid-card outbox``, ``db tidy`` and ``db erase-person``, on a registry in a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from management_world import CARD, World
from registry_world import NOW, URA
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.cli import app
from zorgid_card.errors import FetchError
from zorgid_card.ports.notices import Letter
from zorgid_card.ports.registry import Person
from zorgid_card.workflows import outbox
from zorgid_card.workflows.management import Operator

Run = Callable[..., tuple[int, str, str]]
USER = "holder0.900000200"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    store = SQLRegistry.file(tmp_path / "registry.db")
    store.create()
    yield World(store)
    store.close()


@pytest.fixture
def run(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: str, lang: str = "en") -> tuple[int, str, str]:
        code = app.run([*words, "--db", f"sqlite:///{tmp_path}/registry.db", "--lang", lang, "--no-color"])
        said = capsys.readouterr()
        return code, " ".join(said.out.split()), said.err

    return run


class Refusing:
    def send(self, letter: Letter, /) -> None:
        raise FetchError("no", reason="refused")


def test_what_was_given_up_is_listed_without_to_whom_and_tried_anew(run: Run, world: World) -> None:
    with world.store.begin() as unit:
        values = {"organisation": "x", "contact": "x", "ura": URA, "reason": "x"}
        made = outbox.put(unit, NOW, "request.approve", "k@x.example", **values)
    assert "no notices that were given up" in run("outbox", "list")[1]
    assert "geen berichten die zijn opgegeven" in run("outbox", "list", lang="nl")[1]
    outbox.Outbox(world.store, Refusing(), world.clock).deliver()
    code, out, _ = run("outbox", "list")
    assert code == 0
    assert made.id[:12] in out.replace(" ", "")
    told = json.loads(run("outbox", "list", "--json")[1])
    assert [(row["id"], row["state"], row["error"]) for row in told["notices"]] == [(made.id, "dead", "refused")]
    assert "k@x.example" not in json.dumps(told)
    assert run("outbox", "retry", made.id)[0] == 0
    assert run("outbox", "retry", made.id)[0] == 7
    assert run("outbox", "retry", "nothing")[0] == 7
    assert len(json.loads(run("outbox", "list", "--state", "waiting", "--json")[1])["notices"]) == 1


def test_a_person_who_has_left_is_erased(run: Run, world: World) -> None:
    words = ("db", "erase-person", USER, "--operator", "Ria")
    assert run(*words, "--yes")[0] == 7
    assert run(*words, "--json")[0] == 3
    assert run("db", "erase-person", "nobody", "--operator", "Ria", "--yes")[0] == 7
    operator = world.management.acting_as(Operator(name="Ria"), URA)
    operator.revoke(CARD, "left")
    operator.unlink("holder0", "left")
    code, out, _ = run(*words, "--yes", "--json")
    assert (code, json.loads(out)) == (0, {"events": 2, "records": 2})
    with world.store.begin() as unit:
        assert not list(unit.find(Person, user_name=USER))
    assert run(*words, "--yes")[0] == 7


def test_what_was_kept_long_enough_is_removed(run: Run, world: World) -> None:
    told = json.loads(run("db", "tidy", "--json")[1])
    assert told == {"expired": 0, "events": 0, "contacts": 0, "notices": 0}
    assert "Removed: 0 expired" in run("db", "tidy")[1]
    assert "Opgeruimd" in run("db", "tidy", lang="nl")[1]
