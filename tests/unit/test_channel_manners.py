"""What becomes of a channel when its card is reset or taken out: over PC/SC, and in a simulated reader, the same."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Protocol

import pytest

from pcsc_stub import Stub
from zorgid_card.adapters.pcsc import PCSCReader, readers
from zorgid_card.cards import Tries, ZorgIDCard
from zorgid_card.codec.link import Link
from zorgid_card.errors import (
    CardRemovedError,
    CardResetError,
    PINNeededError,
    WrongCardError,
)
from zorgid_card.ports.card import Channel, Reader
from zorgid_card.secret import Secret
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.reader import SimulatedReader

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the stub is a libpcsclite")

MAKER = Maker.create()
PIN = b"123456"
VERSION, TRIES = bytes.fromhex("00FD000000"), bytes.fromhex("00200080")
SELECT = bytes.fromhex("00A4040005A000000308")
VERIFY = bytes.fromhex("0020008008313233343536FFFF")
VERIFIED, THREE_LEFT = b"\x90\x00", b"\x63\xc3"
OTHER_ATR = bytes.fromhex("3B800181")


class Slot(Protocol):
    """Somebody's hands at a reader."""

    @property
    def reader(self) -> Reader: ...

    def insert(self, card: VirtualCard) -> None: ...

    def remove(self) -> object: ...

    def reset(self) -> None: ...


class StubSlot:
    def __init__(self, stub: Stub) -> None:
        self._stub = stub
        stub.hold(MAKER.blank())
        self.remove, self.reset = stub.remove, stub.reset

    @property
    def reader(self) -> PCSCReader:
        return readers(library=self._stub.path)[0]

    def insert(self, card: VirtualCard) -> None:
        self._stub._fill("atr", card.atr)
        self._stub.insert(card)


class SimulatedSlot:
    def __init__(self, stub: Stub) -> None:
        self.reader = SimulatedReader()
        self.reader.insert(MAKER.blank())
        self.insert, self.remove, self.reset = self.reader.insert, self.reader.remove, self.reader.reset


@pytest.fixture(params=[StubSlot, SimulatedSlot], ids=["pcsc", "simulated"])
def slot(request: pytest.FixtureRequest, stub: Stub) -> Slot:
    kind: Callable[[Stub], Slot] = request.param
    return kind(stub)


def verified(channel: Channel) -> None:
    channel.transmit(SELECT)
    assert channel.transmit(VERIFY) == VERIFIED
    assert channel.transmit(TRIES) == VERIFIED


def works(channel: Channel) -> None:
    """Within a transaction, on a card on which nothing is verified."""
    with channel.transaction():
        channel.transmit(SELECT)
        assert channel.transmit(TRIES) == THREE_LEFT


def test_a_reset_is_told_once_to_a_command_outside_a_transaction(slot: Slot) -> None:
    channel = slot.reader.connect()
    verified(channel)
    slot.reset()
    with pytest.raises(CardResetError):
        channel.transmit(TRIES)
    channel.transmit(SELECT)
    assert channel.transmit(TRIES) == THREE_LEFT
    works(channel)
    channel.close()


def test_a_reset_is_told_once_to_a_transaction_that_begins(slot: Slot) -> None:
    channel = slot.reader.connect()
    verified(channel)
    slot.reset()
    with pytest.raises(CardResetError) as told, channel.transaction():
        pytest.fail("it has not begun")
    assert told.value.details.get("reason") != "inserted"
    works(channel)
    channel.close()


def test_a_reset_ends_the_transaction_and_all_that_is_in_it(slot: Slot) -> None:
    channel = slot.reader.connect()
    with channel.transaction():
        verified(channel)
        slot.reset()
        for _ in range(2):
            with pytest.raises(CardResetError):
                channel.transmit(TRIES)
        with channel.transaction(), pytest.raises(CardResetError):
            channel.transmit(TRIES)
    with pytest.raises(CardResetError), channel.transaction():
        pytest.fail("it has not begun")
    works(channel)
    channel.close()


def test_a_card_that_is_out_stays_lost_until_a_transaction_finds_one_of_its_kind(slot: Slot) -> None:
    channel = slot.reader.connect()
    slot.remove()
    for _ in range(2):
        with pytest.raises(CardRemovedError):
            channel.transmit(VERSION)
        with pytest.raises(CardRemovedError), channel.transaction():
            pytest.fail("it has not begun")
    slot.insert(MAKER.blank())
    with pytest.raises(CardRemovedError):
        channel.transmit(VERSION)
    with pytest.raises(CardResetError) as told, channel.transaction():
        pytest.fail("it has not begun")
    assert told.value.reason == "inserted"
    works(channel)
    channel.close()


def test_another_kind_of_card_is_not_taken_for_it(slot: Slot) -> None:
    channel = slot.reader.connect()
    atr = channel.atr
    other = MAKER.blank()
    other._atr = OTHER_ATR
    slot.remove()
    slot.insert(other)
    for _ in range(2):
        with pytest.raises(WrongCardError) as told, channel.transaction():
            pytest.fail("it has not begun")
        assert (told.value.expected, told.value.found) == (atr.hex(), OTHER_ATR.hex())
        with pytest.raises(CardRemovedError):
            channel.transmit(VERSION)
    slot.remove()
    slot.insert(MAKER.blank())
    with pytest.raises(CardResetError), channel.transaction():
        pytest.fail("it has not begun")
    works(channel)
    channel.close()


def test_closing_a_channel_that_was_told_of_a_reset_resets_nobody_elses_card(slot: Slot) -> None:
    mine = slot.reader.connect()
    with mine.transaction():
        slot.reset()
        with pytest.raises(CardResetError):
            mine.transmit(VERSION)
    theirs = slot.reader.connect()
    verified(theirs)
    mine.close(reset=True)
    assert theirs.transmit(TRIES) == VERIFIED
    theirs.close()


def test_a_closed_channel_carries_nothing(slot: Slot) -> None:
    channel = slot.reader.connect()
    channel.close()
    for _ in range(2):
        with pytest.raises(CardRemovedError) as told:
            channel.transmit(VERSION)
        assert told.value.reason == "closed"
    with pytest.raises(CardRemovedError), channel.transaction():
        pytest.fail("it has not begun")
    channel.close(reset=True)


def test_a_session_goes_on_after_a_reset_with_nothing_verified(slot: Slot) -> None:
    card = ZorgIDCard(Link(slot.reader.connect()))
    with card.session():
        card.authenticate_administration(card.factory_secrets()[2])
        card.generate(0x9A, "ECCP256")
    card.verify_pin(Secret.of(PIN))
    slot.reset()
    assert card.tries() == Tries.known(3)
    with pytest.raises(PINNeededError):
        card.sign(0x9A, b"x", "ES256")
    assert card.sign(0x9A, b"x", "ES256", lambda _: Secret.of(PIN))
    card.link.channel.close()
