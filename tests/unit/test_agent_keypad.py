"""At a reader with a keypad the PIN is entered there: the page says where to look, the agent never holds it (PIN-6)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from world import PASS_PIN

pytest.importorskip("websockets")
from agent_world import AgentWorld, Hands, agent_at, portal_world
from zorgid_card.cards.access import LastTry, OnKeypad, PINRequest
from zorgid_card.ports.card import PINEntry
from zorgid_card.secret import Secret
from zorgid_card.testkit.reader import SimulatedChannel, SimulatedReader


@dataclass
class KeypadChannel:
    """A channel of a reader with a keypad, at which the person enters ``digits``."""

    inner: SimulatedChannel
    digits: bytes
    entered: list[bytes]
    longest: int | None = None

    @property
    def atr(self) -> bytes:
        return self.inner.atr

    @property
    def keypad(self) -> KeypadChannel:
        return self

    def transmit(self, command: Any, /) -> bytes:
        return self.inner.transmit(command)

    def transaction(self) -> AbstractContextManager[None]:
        return self.inner.transaction()

    def close(self, **options: Any) -> None:
        self.inner.close(**options)

    def enter(self, entry: PINEntry, /) -> int:
        data = bytearray(entry.template or self.digits)
        data[entry.offsets[0] : entry.offsets[0] + len(self.digits)] = self.digits
        self.entered.append(bytes(entry.header))
        return int.from_bytes(self.inner.transmit(bytes(entry.header) + bytes([len(data)]) + bytes(data))[-2:], "big")


@dataclass
class KeypadReader:
    """A reader with a keypad."""

    inner: SimulatedReader
    digits: bytes = PASS_PIN
    entered: list[bytes] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.inner.name

    def connect(self, *, exclusive: bool = False, timeout: float = 0) -> KeypadChannel:
        return KeypadChannel(self.inner.connect(exclusive=exclusive, timeout=timeout), self.digits, self.entered)

    def wait(self, *, present: bool, timeout: float | None = None) -> None:
        self.inner.wait(present=present, timeout=timeout)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[AgentWorld]:
    with portal_world(tmp_path) as (world, portal), agent_at(world, portal, tmp_path) as made:
        yield made


def equip(desk: AgentWorld, digits: bytes) -> tuple[KeypadReader, list[PINRequest]]:
    """The desk's reader has a keypad, and its person enters PINs there."""
    reader, requests = KeypadReader(desk.world.reader, digits), []
    usual = desk.agent.desk.own

    def own(origin: str, texts: Any) -> Any:
        made = usual(origin, texts)

        def pin(request: PINRequest) -> Secret | LastTry:
            requests.append(request)
            return OnKeypad()

        made.pin = pin
        return made

    desk.agent.desk = replace(desk.agent.desk, readers=lambda: (reader,), own=own)
    return reader, requests


def test_pin_6_a_person_logs_in_with_the_pin_entered_on_the_reader(desk: AgentWorld) -> None:
    reader, requests = equip(desk, PASS_PIN)
    desk.world.reader.insert(desk.world.worker_pass)
    with desk.page() as page:
        nonce = desk.world.log_in.challenge("browser")
        done = Hands(desk.world, page, desk.world.worker_pass).drive(page.start("log-in", nonce=nonce))
        shown = [message["what"] for message in page.seen if message.get("event") == "prompting"]
    assert done["type"] == "done", done
    assert shown == ["consent", "keypad"]
    assert [request.keypad for request in requests] == [True]
    assert [header[:2] for header in reader.entered] == [b"\x00\x20"]
    assert desk.world.log_in.verify(json.dumps(done["result"]["token"]), binding="browser").uzi_number


def test_pin_6_a_wrong_pin_on_the_reader_is_told_with_the_tries_that_are_left(desk: AgentWorld) -> None:
    equip(desk, b"000000")
    desk.world.reader.insert(desk.world.worker_pass)
    with desk.page() as page:
        nonce = desk.world.log_in.challenge("browser")
        failed = Hands(desk.world, page, desk.world.worker_pass).drive(page.start("log-in", nonce=nonce))
    assert (failed["error"]["code"], failed["error"]["details"]["tries_left"]) == ("user.wrong_pin", 2)
