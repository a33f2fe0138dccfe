"""Trying it without a reader and without a system package: a trial's portal, and the agent with simulated cards (CRD-10)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from demo_portal import demo_portal
from terminal import Terminal
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.uzi import DEFAULT_PIN
from zorgid_card.testkit.uzi_profile import FATIMA_EL_AMRANI

pytest.importorskip("websockets")
from websockets.sync.client import ClientConnection, connect

CHOSEN = b"271828"


class Trying:
    """Somebody with a page, and the agent's terminal."""

    def __init__(self, page: ClientConnection, terminal: Terminal) -> None:
        self._page, self._terminal = page, terminal
        self.cues: list[str] = []
        self._steps = 0

    def do(self, step: str, pin: bytes, **fields: str) -> dict[str, Any]:
        """Have a step done, to its end."""
        self._steps += 1
        name = str(self._steps)
        self._page.send(json.dumps({"type": "start", "id": name, "step": step, "lang": "en", **fields}))
        while (told := json.loads(self._page.recv(60)))["type"] == "event":
            if told["event"] == "question":
                value = FATIMA_EL_AMRANI.birth_date.isoformat() if told["code"] == "birth-date" else True
                number = told["question"]
                self._page.send(json.dumps({"type": "answer", "id": name, "question": number, "value": value}))
            elif told["event"] == "prompting":
                self._prompted(told["what"], pin)
            elif told["event"] == "cue":
                self.cues.append(told["cue"])
        assert told["type"] == "done", told
        return dict(told["result"])

    def agree(self) -> None:
        self._answer(r"\[y/n\] ", b"y")

    def _prompted(self, what: str, pin: bytes) -> None:
        if what == "consent":
            self.agree()
        elif what == "pin":
            self._answer("PIN of the card in the reader: ", pin)
        elif what == "new-pin":
            self._answer(r"New PIN \(.*\): ", CHOSEN)
            self._answer("The same PIN once more: ", CHOSEN)
        else:
            puk = b"".join(self._terminal.expect(r"(\d{4}) (\d{4})").groups())
            self._answer("press Enter", b"")
            asked = self._terminal.expect(r"Digits (\d), (\d) and (\d) ")
            self._terminal.answer(bytes(puk[int(position) - 1] for position in asked.groups()))

    def _answer(self, prompt: str, line: bytes) -> None:
        self._terminal.expect(prompt)
        self._terminal.answer(line)


def test_crd_10_a_card_is_made_and_logs_in_with_cards_that_move_by_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with demo_portal(tmp_path / "portal", 1) as portal:
        place = portal.directory / "cards" / "01"
        agent = [sys.executable, "-m", "zorgid_card.cli", "agent", "--prompt", "terminal", "--simulated", str(place)]
        assert f"--simulated {place}" in portal.told
        terminal = Terminal([*agent, "--ca", str(portal.directory / "tls.pem"), "--port", "0", "--lang", "en"])
        port = int(terminal.expect(r"ready on port (\d+)")[1])
        headers = {"Accept-Language": "en"}
        way = connect(f"ws://127.0.0.1:{port}/agent/v1", origin=portal.origin, additional_headers=headers)  # type: ignore[arg-type]
        with way as page:
            person = Trying(page, terminal)
            terminal.expect(json.loads(page.recv(30))["code"])
            person.agree()
            assert json.loads(page.recv(30)) == {"type": "paired"}
            with_pass = person.do("log-in", DEFAULT_PIN, nonce="n" * 44)
            made = person.do("create", DEFAULT_PIN)
            with_card = person.do("log-in", CHOSEN, nonce="n" * 44)
        assert terminal.interrupt() == 0
    assert person.cues == ["insert-card", "insert-pass", "remove-pass", "insert-blank"]
    certificates = [result["token"]["unverifiedCertificate"] for result in (with_pass, with_card)]
    assert certificates[0] != certificates[1]
    card = VirtualPIVCard.load(place / "card.json")
    assert (card.pin, str(card.serial)) == (CHOSEN, made["serial"])
