"""``zorgid-card db``: the registry is made, upgraded, and given new keys, on both databases."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from alembic import command

from registry_world import BORN, add_person
from zorgid_card.adapters import migrations
from zorgid_card.adapters.data_keys import FileDataKeys
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.cli import app
from zorgid_card.ports.registry import Person


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    """The words that name the registry."""
    if request.param == "sqlite":
        return ["--db", f"sqlite:///{tmp_path}/registry.db", "--data-keys", f"{tmp_path}/data.keys"]
    url = request.getfixturevalue("server").database()
    return ["--db", str(url), "--data-keys", f"{tmp_path}/data.keys"]


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> object:
    assert app.run([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_registry_is_made_once_and_upgraded_after(where: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with SQLRegistry("sqlite://").engine.begin() as connection:
        assert migrations.version(connection) is None
    assert told(capsys, "db", "upgrade", *where) == {"from": None, "to": migrations.HEAD}
    assert told(capsys, "db", "upgrade", *where) == {"from": migrations.HEAD, "to": migrations.HEAD}
    assert app.run(["db", "upgrade", *where, "--lang", "nl"]) == 0
    assert f"schema {migrations.HEAD} al" in " ".join(capsys.readouterr().out.split())


def test_an_older_registry_is_upgraded(where: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "registry.db").touch()
    with SQLRegistry(where[1]).engine.begin() as connection:
        command.upgrade(migrations.configuration(connection), "0001")
    assert app.run(["db", "rotate-keys", *where, "--lang", "en"]) != 0  # no keys yet, and an older schema
    assert app.run(["db", "upgrade", *where, "--lang", "en"]) == 0
    assert f"from schema 0001 to {migrations.HEAD}" in " ".join(capsys.readouterr().out.split())


def test_keys_are_rotated_and_retired(where: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["db", "upgrade", *where]) == 0
    capsys.readouterr()
    portal = SQLRegistry(where[1], FileDataKeys(tmp_path / "data.keys"))
    with portal.begin() as unit:
        add_person(unit, "a", uzi_number="1")
    assert told(capsys, "db", "rotate-keys", *where) == {"generation": 2, "sealed": 1}
    assert told(capsys, "db", "retire-keys", *where) == {"generations": [2], "sealed": 0}
    with portal.begin() as unit:  # it runs on
        assert unit.get(Person, "a").birth_date == BORN
        assert [person.id for person in unit.find(Person, birth_date=BORN)] == ["a"]
    portal.close()


@pytest.mark.parametrize(
    "url", ["nonsense", "mysql://x/y", "sqlite+nodriver:///x", "postgresql+psycopg://u:p@h:port/x"]
)
def test_what_is_no_database_is_told_without_its_password(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["db", "upgrade", "--db", url, "--lang", "en"]) == 3
    assert "This database cannot be used" in capsys.readouterr().err


def test_keys_that_are_not_named_or_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["db", "rotate-keys", "--db", "postgresql+psycopg://x@/y?host=/none", "--lang", "en"]) == 3
    assert "--data-keys" in capsys.readouterr().err
    assert app.run(["db", "rotate-keys", "--db", f"sqlite:///{tmp_path}/none.db", "--lang", "nl"]) == 8
    assert "sleutels van de persoonsgegevens ontbreken" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_url_may_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ZORGID_CARD_DB", f"sqlite:///{tmp_path}/registry.db")
    assert told(capsys, "db", "upgrade") == {"from": None, "to": migrations.HEAD}
    assert {file.name for file in tmp_path.iterdir()} >= {"registry.db", "registry.db.keys"}
