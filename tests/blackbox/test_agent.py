"""A page has a card made by the agent's process: a real pcscd, real TLS, a real terminal that asks for PIN and PUK (CRD-10)."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from made_card import VirtualSlot
from terminal import Terminal
from world import CARD_PIN, PASS_PIN, PRACTICE, World

pytest.importorskip("websockets")
from websockets.sync.client import connect

from agent_world import Hands, Page, served

pytestmark = pytest.mark.blackbox


class Person(Hands):
    """At the page and at the terminal."""

    terminal: Terminal

    def do(self, told: dict[str, Any]) -> None:
        if told["event"] == "prompting":
            {"consent": self._agree, "pin": self._pin, "new-pin": self._choose, "puk": self._keep}[told["what"]]()
        else:
            super().do(told)

    def _agree(self) -> None:
        self.terminal.expect(r"\[y/n\] ")
        self.terminal.answer(b"y")

    def _pin(self) -> None:
        self.terminal.expect("PIN of the card in the reader: ")
        self.terminal.answer(CARD_PIN if self.world.reader.card is self.blank else PASS_PIN)

    def _choose(self) -> None:
        self.terminal.expect(r"New PIN \(.*\): ")
        self.terminal.answer(CARD_PIN)
        self.terminal.expect("The same PIN once more: ")
        self.terminal.answer(CARD_PIN)

    def _keep(self) -> None:
        shown = self.terminal.expect(r"(\d{4}) (\d{4})")
        puk = b"".join(shown.groups())
        self.terminal.expect("press Enter")
        self.terminal.answer(b"")
        asked = self.terminal.expect(r"Digits (\d), (\d) and (\d) ")
        self.terminal.answer(bytes(puk[int(position) - 1] for position in asked.groups()))
        self.puk = puk


@pytest.fixture
def world(pcscd: None, tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path, reader=VirtualSlot(), now=datetime.now(UTC).replace(microsecond=0))
    world.validated()
    yield world
    world.reader.remove()


def test_crd_10_a_card_is_made_at_a_page_and_logs_in_there(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with served(world, tmp_path) as portal:
        command = [sys.executable, "-m", "zorgid_card.cli", "agent", "--prompt", "terminal", "--port", "0"]
        terminal = Terminal([*command, "--ca", str(portal.ca), "--lang", "en"])
        port = int(terminal.expect(r"ready on port (\d+)")[1])
        headers = {"Accept-Language": "en"}
        way = connect(f"ws://127.0.0.1:{port}/agent/v1", origin=world.origin, additional_headers=headers)  # type: ignore[arg-type]
        with way as socket:
            page = Page(socket)
            person = Person(world, page, world.worker_pass, world.maker.blank())
            person.terminal = terminal
            terminal.expect(page.hear()["code"])
            person._agree()
            assert page.hear() == {"type": "paired"}
            done = person.drive(page.start("create", reader=world.reader.name))
            assert done["type"] == "done", done
            assert done["result"]["ura"] == PRACTICE.ura
            nonce = world.log_in.challenge("browser")
            done = person.drive(page.start("log-in", nonce=nonce, reader=world.reader.name))
        assert terminal.interrupt() == 0
    who = world.log_in.verify(json.dumps(done["result"]["token"]), binding="browser")
    assert who.ura == PRACTICE.ura
    said = json.dumps(page.seen)
    assert not any(code.decode() in said for code in (PASS_PIN, CARD_PIN, person.puk))
    assert not re.search(rb"271828|314159", terminal.shown)
