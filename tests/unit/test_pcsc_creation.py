"""A whole card made over a PC/SC library that is as strict as any: T=0, 261 bytes, and a card reset when left idle for 5 s in a
transaction, while people and the portal take a minute for everything, and the card one for its key.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from pcsc_stub import Stub, over_t0
from world import CARD_PIN, DESKTOP, World
from zorgid_card.adapters.pcsc import PCSCChannel, readers
from zorgid_card.cards import Tries
from zorgid_card.codec.apdu import INS
from zorgid_card.errors import NoCardError
from zorgid_card.secret import Secret
from zorgid_card.testkit.card import VirtualCard

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the stub is a libpcsclite")

A_MINUTE = 60_000


class StubSlot:
    """The stub's first slot, as a reader whose cards the test moves."""

    def __init__(self, stub: Stub) -> None:
        self._stub = stub
        self._reader = readers(library=stub.path)[0]
        self.card: VirtualCard | None = None
        self.instructions: list[int] = []

    @property
    def name(self) -> str:
        return self._reader.name

    def connect(self, *, exclusive: bool = False, timeout: float = 0) -> PCSCChannel:
        return self._reader.connect(exclusive=exclusive, timeout=timeout)

    def wait(self, *, present: bool, timeout: float | None = None) -> None:
        if (self.card is not None) is not present:
            raise NoCardError

    def insert(self, card: VirtualCard) -> None:
        self.card = card
        self._stub.hold(card)
        self._stub.insert(card)
        carried = over_t0(card)

        def answer(slot: int, command: bytes) -> bytes:
            self.instructions.append(command[1])
            if command[1] == INS.GENERATE_ASYMMETRIC_KEY_PAIR:
                self._stub["clock"] += A_MINUTE
            return carried(slot, command)

        self._stub.answer = answer  # type: ignore[method-assign]  # a test stands between reader and card

    def remove(self) -> VirtualCard | None:
        card, self.card = self.card, None
        if card is not None:
            self._stub.remove()
        return card


class Slow:
    """Somebody who takes a minute for everything, and is never asked while the card is kept from others."""

    def __init__(self, stub: Stub, whom: object) -> None:
        self._stub, self._whom = stub, whom

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._whom, name)
        if not callable(found):
            return found

        def slowly(*arguments: object, **named: object) -> object:
            assert self._stub["transactions"] == 0, f"{name} within a transaction"
            self._stub["clock"] += A_MINUTE
            return found(*arguments, **named)

        return slowly


@pytest.fixture
def strict(stub: Stub) -> Stub:
    stub["protocol"], stub["limit"], stub["idle"] = 1, 261, 5000
    return stub


def slow(stub: Stub, whom: object) -> Any:
    return Slow(stub, whom)


def test_crd_7_a_card_is_made_over_t0_while_everybody_takes_a_minute(strict: Stub, tmp_path: Path) -> None:
    slot = StubSlot(strict)
    world = World(tmp_path, reader=slot)
    world.validated()
    holder = world.worker()
    made = world.creation(slow(strict, holder), slow(strict, world.portal)).run(**DESKTOP)
    assert strict.calls("reconnect") == 0, "no card was left idle in a transaction"
    assert INS.GET_RESPONSE in slot.instructions
    card = world.card()
    assert card.serial == made.serial
    card.verify_pin(Secret.of(CARD_PIN))
    assert card.tries() == Tries.known(3)
    assert card.authentication_certificate() == made.certificate
    card.link.channel.close()


def test_org_3_an_organisation_is_registered_while_everybody_takes_a_minute(strict: Stub, tmp_path: Path) -> None:
    world = World(tmp_path, reader=StubSlot(strict))
    world.approve()
    world.register(slow(strict, world.doctor()))
    assert strict.calls("reconnect") == 0
