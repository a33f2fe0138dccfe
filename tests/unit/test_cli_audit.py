"""``zorgid-card audit``, on a registry in a file: signed, verified, exported; and what it says of who was in the database."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from audit_world import Log
from registry_world import NOW, OTHER_URA, URA
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.cli import app
from zorgid_card.workflows.audit_export import action_code

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    store = SQLRegistry.file(tmp_path / "registry.db")
    store.create()
    made = Log(store)
    made.write(3, URA)
    made.write(2, None)
    yield made
    store.close()


@pytest.fixture
def run(log: Log, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: str, lang: str = "en") -> tuple[int, str, str]:
        code = app.run(["audit", *words, "--db", f"sqlite:///{tmp_path}/registry.db", "--lang", lang, "--no-color"])
        said = capsys.readouterr()
        return code, " ".join(said.out.split()), said.err

    assert app.run(["audit", "key", str(tmp_path / "audit.key")]) == 0
    (tmp_path / "audit.pem").write_text(capsys.readouterr().out)
    return run


@pytest.fixture
def signed(run: Run, tmp_path: Path) -> list[str]:
    assert run("heads", "--key", f"{tmp_path}/audit.key", "--heads", f"{tmp_path}/heads.jsonl")[0] == 0
    return ["verify", "--heads", f"{tmp_path}/heads.jsonl", "--public-key", f"{tmp_path}/audit.pem"]


def test_what_was_signed_is_verified_and_it_is_said_what_that_proves(run: Run, signed: list[str], log: Log) -> None:
    log.write(1)
    code, out, _ = run(*signed)
    assert code == 0
    assert "6 events in 2 chains" in out
    assert "Proven: 5 events" in out
    assert "Of the 1 that came later, this proves nothing" in out
    told = json.loads(run(*signed, "--json")[1])
    assert told | {"signed_at": ""} == {
        "whole": True, "chains": 2, "events": 6, "proven": 5, "erased": 0, "signed_at": "",
    }  # fmt: skip
    assert "proves nothing" in run("verify")[1]
    assert "niets bewezen" in run("verify", lang="nl")[1]


def test_who_changed_a_record_by_sql_is_found(run: Run, signed: list[str], tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "registry.db") as database:
        database.execute("UPDATE zorgid_audit_event SET reason = 'found' WHERE id = ?", (f"{URA}:000000000002",))
    database.close()
    code, out, err = run(*signed)
    assert code == 8
    assert f"{URA} 2 is not what was written" in out
    assert "keep the database as it is now" in err
    assert "is niet wat er is vastgelegd" in run(*signed, lang="nl")[1]
    code, out, _ = run(*signed, "--json")
    assert (code, json.loads(out)["findings"]) == (8, [{"what": "event", "chain": URA, "number": 2}])


def test_signing_again_adds_nothing_where_nothing_is_new(run: Run, signed: list[str], tmp_path: Path) -> None:
    again = ("heads", "--key", f"{tmp_path}/audit.key", "--heads", f"{tmp_path}/heads.jsonl")
    assert "nothing was added" in run(*again)[1]
    assert len((tmp_path / "heads.jsonl").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--heads", "heads.jsonl"], 3, "--public-key"),
        (["--heads", "nowhere.jsonl", "--public-key", "audit.pem"], 8, ""),
        (["--heads", "heads.jsonl", "--public-key", "audit.key"], 8, ""),
    ],
    ids=["key", "file", "kind"],
)
def test_verifying_with_the_wrong_files_is_no_proof(
    run: Run, signed: list[str], tmp_path: Path, words: list[str], code: int, said: str
) -> None:
    found, out, err = run("verify", *(word if word.startswith("--") else f"{tmp_path}/{word}" for word in words))
    assert (found, out) == (code, "")
    assert said in err


def test_events_are_exported_with_the_names_of_nen_7513(run: Run, log: Log, tmp_path: Path) -> None:
    log.write(1, OTHER_URA)
    code, out, _ = run("export", "--ura", URA, "--out", f"{tmp_path}/out.jsonl", "--source", "portal-1")
    assert code == 0
    assert "3 events" in out
    assert (tmp_path / "out.jsonl").stat().st_mode & 0o777 == 0o600
    told: list[Any] = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    own = told[0].pop("zorgid")
    assert told[0] == {
        "EventID": "card.block",
        "EventActionCode": "U",
        "EventDateTime": NOW.isoformat(timespec="microseconds"),
        "EventOutcomeIndicator": "0",
        "UserID": "p1",
        "UserIsRequestor": True,
        "AuditSourceID": "portal-1",
        "AuditEnterpriseSiteID": URA,
        "ParticipantObjectTypeCode": "2",
        "ParticipantObjectIDTypeCode": "card",
        "ParticipantObjectID": "S-0",
        "ParticipantObjectDetail": {"certificate": "aa"},
    }
    assert (own["id"], own["reason"], own["erased"]) == (f"{URA}:000000000001", "lost", [])
    assert run("export", "--out", f"{tmp_path}/out.jsonl")[0] == 8


def test_an_export_is_of_a_time(run: Run) -> None:
    assert len(run("export")[1].split()) == 5
    out = run("export", "--since", "2026-11-02T09:00:01Z", "--until", "2026-11-02T09:00:02Z")[1]
    assert [json.loads(line)["ParticipantObjectID"] for line in out.split()] == ["S-1", "S-1"]
    assert run("export", "--since", "yesterday")[0] == 3


@pytest.mark.parametrize(
    ("action", "code"),
    [("request.file", "C"), ("puk.release", "R"), ("card.block", "U"), ("card.revoke", "D"), ("phone.log-in", "E")],
)
def test_actions_have_codes(action: str, code: str) -> None:
    assert action_code(action) == code
