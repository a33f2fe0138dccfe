"""The simulated reader: PC/SC's manners, scripts, faults, and the vpcd wire."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from zorgid_card.errors import (
    CardRemovedError,
    CardResetError,
    NoCardError,
    ReaderBusyError,
    ReaderError,
    TransportError,
)
from zorgid_card.ports.card import Channel, Octets, Reader
from zorgid_card.testkit.faults import Fault, FaultyReader, Kind
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.script import Slot
from zorgid_card.testkit.vpcd import VPCDCard

MAKER = Maker.create()
VERSION = bytes.fromhex("00FD000000")
TRIES = bytes.fromhex("00200080")
VERIFY = bytes.fromhex("0020008008313233343536FFFF")


@pytest.fixture
def card() -> VirtualPIVCard:
    return MAKER.blank()


@pytest.fixture
def reader(card: VirtualPIVCard) -> SimulatedReader:
    made = SimulatedReader()
    made.insert(card)
    return made


def test_the_ports_are_kept(reader: SimulatedReader) -> None:
    port: Reader = reader
    channel: Channel = port.connect()
    assert channel.atr == bytes.fromhex("3B8B800180F9A00000030800001000C8")
    assert channel.transmit(VERSION) == bytes.fromhex("0507019000")
    faulty: Reader = FaultyReader(reader)
    assert faulty.name == reader.name


def test_an_empty_slot_has_no_card() -> None:
    reader = SimulatedReader()
    with pytest.raises(NoCardError):
        reader.connect()
    with pytest.raises(NoCardError):
        reader.wait(present=True, timeout=0.01)
    reader.wait(present=False, timeout=0.01)
    assert reader.remove() is None


def test_removal_is_noticed_and_the_next_card_is_another(reader: SimulatedReader, card: VirtualPIVCard) -> None:
    channel = reader.connect()
    channel.transmit(VERIFY)
    assert reader.remove() is card
    for _ in range(2):
        with pytest.raises(CardRemovedError):
            channel.transmit(VERSION)
    reader.insert(card)
    with pytest.raises(CardRemovedError):
        channel.transmit(VERSION)
    assert reader.connect().transmit(TRIES) == bytes.fromhex("63C3")
    channel.close(reset=True)


def test_a_card_is_replaced_at_once(reader: SimulatedReader, card: VirtualPIVCard) -> None:
    reader.connect().transmit(VERIFY)
    other = MAKER.blank()
    reader.insert(other)
    assert reader.card is other
    assert not card.powered


def test_a_reset_by_one_is_told_to_the_others(reader: SimulatedReader) -> None:
    first, second = reader.connect(), reader.connect()
    first.transmit(VERIFY)
    assert second.transmit(TRIES) == b"\x90\x00"
    second.close(reset=True)
    with pytest.raises(CardResetError):
        first.transmit(VERSION)
    assert reader.connect().transmit(TRIES) == bytes.fromhex("63C3")


def test_leaving_the_card_leaves_its_state(reader: SimulatedReader) -> None:
    channel = reader.connect()
    channel.transmit(VERIFY)
    channel.close()
    with pytest.raises(CardRemovedError):
        channel.transmit(VERSION)
    assert reader.connect().transmit(TRIES) == b"\x90\x00"


def test_exclusive_means_alone(reader: SimulatedReader) -> None:
    alone = reader.connect(exclusive=True)
    with pytest.raises(ReaderBusyError):
        reader.connect()
    alone.close()
    shared = reader.connect()
    with pytest.raises(ReaderBusyError):
        reader.connect(exclusive=True)
    shared.close()
    reader.connect(exclusive=True)


def test_waiting_for_a_card_in_another_thread(card: VirtualPIVCard) -> None:
    reader = SimulatedReader()
    timer = threading.Timer(0.05, reader.insert, [card])
    timer.start()
    reader.wait(present=True, timeout=5)
    threading.Timer(0.05, reader.remove).start()
    reader.wait(present=False, timeout=5)
    timer.join()


def test_a_transaction_keeps_other_threads_off(reader: SimulatedReader) -> None:
    mine, theirs = reader.connect(), reader.connect()
    order: list[str] = []

    def other() -> None:
        theirs.transmit(VERSION)
        order.append("theirs")

    with mine.transaction():
        thread = threading.Thread(target=other)
        thread.start()
        time.sleep(0.05)
        mine.transmit(VERSION)
        order.append("mine")
    thread.join()
    assert order == ["mine", "theirs"]


class Slow(VirtualPIVCard):
    """A card that is pulled while it works."""

    reader: SimulatedReader

    def transmit(self, raw: Octets, /) -> bytes:
        answer = super().transmit(raw)
        self.reader.remove()
        return answer


def test_crd_8_an_answer_of_a_card_pulled_meanwhile_never_comes_out(tmp_path: Path) -> None:
    MAKER.blank().save(tmp_path / "card.json")
    card = Slow.load(tmp_path / "card.json")
    assert isinstance(card, Slow)
    reader = card.reader = SimulatedReader()
    reader.insert(card)
    channel = reader.connect()
    with pytest.raises(CardRemovedError):
        channel.transmit(bytes.fromhex("0020008008303030303030FFFF"))
    reader.insert(MAKER.blank())
    reader.insert(card)
    card.power_on()
    assert VirtualPIVCard.transmit(card, TRIES) == bytes.fromhex("63C2")


def test_removal_does_not_wait_for_a_transaction(reader: SimulatedReader) -> None:
    channel = reader.connect()
    with channel.transaction():
        thread = threading.Thread(target=reader.remove)
        thread.start()
        thread.join(5)
        with pytest.raises(CardRemovedError):
            channel.transmit(VERSION)


# --- by script


def test_a_script_swaps_cards(reader: SimulatedReader, card: VirtualPIVCard) -> None:
    slot: Slot = reader
    channel = reader.connect()
    other = MAKER.blank()
    assert slot.swap(other) is card
    assert slot.card is other
    with pytest.raises(CardRemovedError):
        channel.transmit(VERSION)
    assert slot.remove() is other
    assert slot.swap(card) is None


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("after", [0, 2])
def test_a_script_tears_the_card_out_once(
    reader: SimulatedReader, card: VirtualPIVCard, after: int, done: bool
) -> None:
    wrong = bytes.fromhex("0020008008303030303030FFFF")
    reader.tear(after=after, done=done)
    channel = reader.connect()
    for _ in range(after):
        channel.transmit(VERSION)
    with pytest.raises(CardRemovedError):
        channel.transmit(wrong)
    assert reader.card is None
    assert not card.powered
    reader.insert(card)
    assert reader.connect().transmit(TRIES) == bytes.fromhex("63C2" if done else "63C3")


def test_a_script_slows_the_card(reader: SimulatedReader, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("zorgid_card.testkit.script.time.sleep", slept.append)
    channel = reader.connect()
    reader.slow(2.5)
    channel.transmit(VERSION)
    reader.slow(0)
    channel.transmit(VERSION)
    assert [seconds for seconds in slept if seconds] == [2.5]


# --- faults


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(2, Kind.REMOVE), CardRemovedError),
        (Fault(2, Kind.TRANSPORT), TransportError),
        (Fault(2, Kind.RESET), CardResetError),
    ],
)
@pytest.mark.parametrize("after", [False, True])
def test_crd_8_a_fault_strikes_once_at_its_command(
    reader: SimulatedReader, card: VirtualPIVCard, fault: Fault, error: type[ReaderError], after: bool
) -> None:
    faulty = FaultyReader(reader, Fault(fault.at, fault.kind, after=after))
    channel = faulty.connect()
    channel.transmit(VERSION)
    wrong = bytes.fromhex("0020008008303030303030FFFF")
    with pytest.raises(error):
        channel.transmit(wrong)
    assert (faulty.fired, faulty.count) == (True, 2)
    channel.close()
    if fault.kind is Kind.REMOVE:
        with pytest.raises(NoCardError):
            faulty.connect()
        faulty.insert(card)
    assert faulty.connect().transmit(TRIES) == bytes.fromhex("63C2" if after else "63C3")


def test_faults_are_enumerated_and_seeded() -> None:
    assert len(set(Fault.every(5))) == 5 * len(Kind) * 2
    assert Fault.seeded(1, 100) == Fault.seeded(1, 100)
    assert len({Fault.seeded(seed, 100) for seed in range(50)}) > 30
    assert all(1 <= Fault.seeded(seed, 3).at <= 3 for seed in range(50))


# --- vpcd


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        yield server


def _frame(payload: bytes) -> bytes:
    return len(payload).to_bytes(2, "big") + payload


def _read(connection: socket.socket) -> bytes:
    data = connection.recv(2, socket.MSG_WAITALL)
    return connection.recv(int.from_bytes(data, "big"), socket.MSG_WAITALL)


def test_the_wire_of_vpcd(card: VirtualPIVCard, listener: socket.socket) -> None:
    with VPCDCard(card, "127.0.0.1", listener.getsockname()[1]) as served:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(5)
            connection.sendall(_frame(b"\x04"))
            assert _read(connection) == card.atr
            connection.sendall(_frame(VERSION))
            assert _read(connection) == bytes.fromhex("6F00")
            connection.sendall(_frame(b"\x01") + _frame(VERSION))
            assert _read(connection) == bytes.fromhex("0507019000")
            connection.sendall(_frame(VERIFY) + _frame(b"\x02") + _frame(TRIES))
            assert _read(connection) == bytes.fromhex("9000")
            assert _read(connection) == bytes.fromhex("63C3")
            connection.sendall(_frame(b"\x00") + _frame(VERSION))
            assert _read(connection) == bytes.fromhex("6F00")
        assert served.wait(5)


def test_stopping_takes_the_card_out(card: VirtualPIVCard, listener: socket.socket) -> None:
    served = VPCDCard(card, "127.0.0.1", listener.getsockname()[1])
    served.start()
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(5)
        connection.sendall(_frame(b"\x01"))
        assert not served.wait(0.05)
        served.stop()
        assert connection.recv(1) == b""
    assert not card.powered
    assert served.wait(0)


def test_no_vpcd_is_a_transport_error(card: VirtualPIVCard, listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    listener.close()
    with pytest.raises(TransportError):
        VPCDCard(card, "127.0.0.1", port).start()
