"""The pages of both manuals, one's own card, and help with the agent; and the modules behind them, in node."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import zorgid_card.web
from fake_agent import HELLO, FakeAgent, Script, Wanted, fake_agent

STATIC = Path(zorgid_card.web.__path__[0]) / "static"
NODE = Path(__file__).parents[1] / "node"


def start(step: str, **fields: Any) -> Wanted:
    return Wanted({"type": "start", "step": step, "lang": "nl", **fields})


def answer(question: int, value: Any) -> Wanted:
    return Wanted({"type": "answer", "question": question, "value": value})


def event(name: str, **fields: Any) -> dict[str, Any]:
    return {"type": "event", "id": "$id", "event": name, **fields}


def question(number: int, code: str, *facts: list[str]) -> dict[str, Any]:
    return event("question", question=number, code=code, facts=list(facts))


def done(**result: Any) -> dict[str, Any]:
    return {"type": "done", "id": "$id", "result": result}


def problem(code: str, message: str = "") -> dict[str, Any]:
    return {"code": code, "message": message, "retryable": True, "details": {}}


def failed(code: str, message: str = "") -> dict[str, Any]:
    return {"type": "failed", "id": "$id", "error": problem(code, message)}


TOKEN = {
    "unverifiedCertificate": "MII…",
    "algorithm": "RS256",
    "signature": "c2ln",
    "format": "web-eid:1.0",
    "appVersion": "https://web-eid.eu/web-eid-app/releases/v2.5.0",
}
READERS = done(readers=[{"name": "Desk 1", "card": False}])
PASS = (["name", "Jan de Vries"], ["ura", "90000382"])

CONNECTING: dict[str, Script] = {
    "known": [HELLO],
    "pairing": [{**HELLO, "paired": False, "code": "4821"}, {"type": "paired"}],
    "refused": [{**HELLO, "paired": False, "code": "4821"}, 4403],
    "too-often": [4429],
    "old": [{**HELLO, "protocol": 0, "version": "0.0.1"}],
    "new": [{**HELLO, "protocol": 2}],
    "other-program": [{"type": "welcome"}],
    "no-json": ["220 smtp.example ESMTP"],
    "too-long": ['{"type":"hello","padding":"' + "x" * 65_536 + '"}'],
    "paired-first": [{"type": "paired"}],
    "silent-end": [1000],
}
STEPS: dict[str, Script] = {
    "two-steps": [
        HELLO, start("readers"), done(readers=[]), start("pin-status"), failed("reader.none", "Er is geen paslezer."),
    ],
    "goes-away": [HELLO, start("create"), event("cue", cue="insert-pass"), 1001],
    "register": [
        HELLO, start("register"), event("cue", cue="insert-pass"), event("prompting", what="consent"),
        event("prompting", what="pin"), question(1, "pass-data", *PASS), answer(1, True),
        question(2, "organisation-data", ["ura", "90000382"]), answer(2, True), question(3, "birth-date"),
        answer(3, "1980-12-31"), event("prompting", what="consent"), event("prompting", what="pin"),
        event("phone", qr_svg="<svg/>", expires_at="2026-11-25T12:02:00+00:00"), event("scanned"),
        question(4, "compare-code"), answer(4, "123456"),
        done(ura="90000382", name="De Linde", person="p", user_name="jan.de.vries", phone="f"),
    ],
    "create": [
        HELLO, start("readers"), READERS, start("create", reader="Desk 1", replaces={"cause": "lost"}),
        event("cue", cue="insert-pass"), event("other-card", kind="blank"), event("prompting", what="consent"),
        event("prompting", what="pin"), event("refused", error=problem("user.wrong_pin")),
        event("prompting", what="pin"), question(1, "birth-date"), answer(1, "1980-12-31"),
        event("cue", cue="remove-pass"), event("cue", cue="insert-blank"), event("prompting", what="new-pin"),
        event("progress", step="generate", share=0.25, seconds_left=None),
        event("refused", error=problem("reader.card_removed")), question(2, "insert-again"), answer(2, True),
        event("cue", cue="insert-again"), event("progress", step="puk", share=0.9, seconds_left=2.0),
        event("prompting", what="puk"), done(serial="0001", user_name="jan", ura="90000382"),
    ],
    "declined": [
        HELLO, start("register"), question(1, "pass-data", *PASS), answer(1, None), failed("user.declined"),
    ],
    "overtaken": [HELLO, start("create"), question(1, "birth-date"), failed("portal.session")],
    "newer": [HELLO, start("pin-status"), event("weather", what="rain"), {"type": "advert"}, done(kind="zorgid")],
    "stopped": [HELLO, start("create"), Wanted({"type": "cancel"}), failed("user.cancelled")],
    "goes-away-early": [HELLO, start("readers"), READERS, start("create"), 1001],
    "again": [HELLO, start("readers"), READERS, start("create"), done(serial="0002")],
    "log-in": [
        HELLO, start("log-in", nonce="n" * 44), event("cue", cue="insert-card"), event("prompting", what="consent"),
        event("prompting", what="pin"), done(token=TOKEN),
    ],
}  # fmt: skip


@pytest.fixture
def agent() -> Iterator[FakeAgent]:
    with fake_agent({**CONNECTING, **STEPS}) as running:
        yield running


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
@pytest.mark.parametrize("name", ["agent", "card"])
def test_the_modules_of_the_pages_in_node(agent: FakeAgent, name: str) -> None:
    where = {"STATIC": STATIC.as_uri(), "AGENT": f"ws://127.0.0.1:{agent.port}"}
    command = ["node", "--experimental-websocket", "--test", "--test-timeout=20000", "--test-reporter=spec", str(NODE / f"{name}.test.mjs")]
    found = subprocess.run(command, env={**os.environ, **where}, capture_output=True, text=True, timeout=120)
    assert found.returncode == 0, found.stdout + found.stderr
    assert agent.wrong == []
