"""The testkit's slots over a real pcscd: cards inserted, removed, swapped, reset, slowed and torn by script."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from zorgid_card import find_reader, open_card
from zorgid_card.adapters import pcsc
from zorgid_card.errors import CardRemovedError, CardResetError, NoCardError, PCSCUnavailableError, TransportError
from zorgid_card.testkit import zorgid
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.pcscd import PrivatePCSCD, private_pcscd
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.script import Slot

pytestmark = pytest.mark.blackbox

SERIAL = bytes.fromhex("00F8000000")
SELECT = bytes.fromhex("00A404000BA000000308000010000100")
VERIFY = bytes.fromhex("0020008008313233343536FFFF")
WRONG = bytes.fromhex("0020008008303030303030FFFF")
TRIES = bytes.fromhex("00200080")
OK = bytes.fromhex("9000")


@pytest.fixture(scope="module")
def maker() -> Maker:
    return Maker.create()


@pytest.fixture
def slot(virtual_reader: Slot) -> Slot:
    return virtual_reader


def connected(name: str) -> pcsc.PCSCChannel:
    (reader,) = (reader for reader in pcsc.readers() if reader.name == name)
    return reader.connect()


def serial_in(name: str) -> int:
    channel = connected(name)
    try:
        channel.transmit(SELECT)
        return int.from_bytes(channel.transmit(SERIAL)[:-2], "big")
    finally:
        channel.close(reset=True)


def test_opensc_and_yubicos_tool_read_a_card_of_the_test_issuer(
    virtual_reader: Slot, zorgid_smartcard: VirtualPIVCard, tmp_path: Path
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "testing-with-cards.md").read_text()
    example = re.search(r"<!-- example: test_others.py -->\n```python\n(.*?)```", page, re.DOTALL)
    assert example is not None
    names: dict[str, Any] = {}
    exec(example[1], names)
    names["test_opensc_sees_the_card"](virtual_reader, zorgid_smartcard)
    read = tmp_path / "9a.pem"
    for action in (["read-certificate", "-s", "9a", "-o", str(read)], ["verify-pin", "-P", zorgid.PIN.decode()]):
        command = ["yubico-piv-tool", "-r", virtual_reader.name, "-a", *action]
        subprocess.run(command, capture_output=True, timeout=60, check=True)
    with open_card(find_reader(virtual_reader.name)) as card:
        der = card.authentication_certificate()
    assert x509.load_pem_x509_certificate(read.read_bytes()).public_bytes(Encoding.DER) == der


def test_eight_slots_hold_eight_cards(pcscd: PrivatePCSCD, maker: Maker) -> None:
    with pcscd.resized(8) as slots:
        cards = [maker.blank() for _ in slots]
        for slot, card in zip(slots, cards, strict=True):
            slot.insert(card)
        assert {reader.name for reader in pcsc.readers()} == {slot.name for slot in slots}
        assert [serial_in(slot.name) for slot in slots] == [card.serial for card in cards]
        listed = subprocess.run(["opensc-tool", "-l"], capture_output=True, text=True, timeout=60, check=True).stdout
        assert sum(slot.name in listed for slot in slots) == 8
    assert len(pcsc.readers()) == 2


def test_cards_are_swapped(slot: Slot, maker: Maker) -> None:
    first, second = maker.blank(), maker.blank()
    slot.insert(first)
    channel = connected(slot.name)
    assert slot.swap(second) is first
    with pytest.raises(CardRemovedError):
        channel.transmit(SERIAL)
    channel.close()
    assert serial_in(slot.name) == second.serial
    assert not first.powered
    assert slot.remove() is second
    with pytest.raises(NoCardError):
        connected(slot.name)


def test_a_reset_is_seen_and_what_was_verified_is_lost(slot: Slot, maker: Maker) -> None:
    slot.insert(maker.blank())
    channel = connected(slot.name)
    channel.transmit(SELECT)
    assert channel.transmit(VERIFY) == OK
    slot.reset()
    with pytest.raises(CardResetError):
        channel.transmit(TRIES)
    channel.transmit(SELECT)
    assert channel.transmit(TRIES) == bytes.fromhex("63C3")
    channel.close()


@pytest.mark.parametrize("done", [False, True])
def test_a_card_is_torn_out_in_the_middle(slot: Slot, maker: Maker, done: bool) -> None:
    card = maker.blank()
    slot.insert(card)
    channel = connected(slot.name)
    slot.tear(after=2, done=done)
    channel.transmit(SELECT)
    assert channel.transmit(WRONG) == bytes.fromhex("63C2")
    with pytest.raises((CardRemovedError, TransportError)):
        channel.transmit(WRONG)
    channel.close()
    assert slot.card is None
    assert slot.remove() is None
    slot.insert(card)
    channel = connected(slot.name)
    channel.transmit(SELECT)
    assert channel.transmit(TRIES) == bytes.fromhex("63C1" if done else "63C2"), "torn once only"
    channel.close()


def test_a_slow_card_is_waited_for(slot: Slot, maker: Maker) -> None:
    slot.insert(maker.blank())
    channel = connected(slot.name)
    slot.slow(1)  # more than twice as long as vpcd goes without looking
    assert channel.transmit(SELECT)[-2:] == OK
    channel.close()


@pytest.mark.parametrize("kill", [False, True])
def test_pcscd_restarts_and_the_cards_are_where_they_were(
    pcscd: PrivatePCSCD, slot: Slot, maker: Maker, kill: bool
) -> None:
    card = maker.blank()
    slot.insert(card)
    pcscd.restart(kill=kill)
    assert slot.card is card
    assert serial_in(slot.name) == card.serial


def test_readers_may_have_another_name(pcscd: PrivatePCSCD, maker: Maker) -> None:
    with pcscd.resized(1, "Yubico YubiKey") as slots:
        (slot,) = slots
        slot.insert(maker.blank())
        assert slot.name in {reader.name for reader in pcsc.readers()}
        done = subprocess.run(
            ["yubico-piv-tool", "-a", "status"], capture_output=True, text=True, timeout=60, check=True
        )
        assert "Serial Number" in done.stdout, "it finds a YubiKey by its reader's name"
    assert [slot.name for slot in pcscd.slots] == ["Virtual PCD 00 00", "Virtual PCD 00 01"]


def test_where_a_pcscd_runs_already_a_second_refuses_and_says_why(pcscd: PrivatePCSCD) -> None:
    with pytest.raises(PCSCUnavailableError, match="not an empty directory"), private_pcscd():
        pass


def test_an_empty_slot_has_nothing_to_reset(slot: Slot) -> None:
    with pytest.raises(TransportError):
        slot.reset()
    assert slot.remove() is None


def test_a_card_can_be_inserted_again(slot: Slot, maker: Maker) -> None:
    card: VirtualPIVCard = maker.blank()
    for _ in range(2):
        slot.insert(card)
        assert serial_in(slot.name) == card.serial
