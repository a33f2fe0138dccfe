"""Sessions over a real pcscd: threads, processes and an asyncio program, and other programs that reset and hold the card."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from zorgid_card import find_reader, open_card
from zorgid_card.adapters.asynchronous import CardThread
from zorgid_card.adapters.pcsc import PCSCReader, readers
from zorgid_card.cards import PIVCard, Tries, ZorgIDCard, let_go, open_channel
from zorgid_card.codec.link import Link
from zorgid_card.errors import (
    CardRemovedError,
    PINNeededError,
    ReaderBusyError,
    WrongCardError,
)
from zorgid_card.secret import Secret
from zorgid_card.testkit.bystander import Bystander
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.pcscd import PrivatePCSCD
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.script import Slot
from zorgid_card.testkit.vpcd import VPCDCard

pytestmark = pytest.mark.blackbox

MAKER = Maker.create()
PIN = b"123456"
EXTENDED = bytes.fromhex("3B8501807300004037")
TIMEOUT = 60
READERS = 8

SIGN = """
import sys
from zorgid_card import Secret, open_card
with open_card(sys.argv[1], timeout=30) as card:
    for number in range(10):
        print(card.sign(0x9A, b"%d" % number, "ES256", lambda request: Secret.of(b"123456")).hex(), flush=True)
"""
HOLD = """
import sys
from zorgid_card import find_reader
channel = find_reader(sys.argv[1]).connect(exclusive=True)
print("held", flush=True)
sys.stdin.read()
"""


def pin(request: object) -> Secret:
    return Secret.of(PIN)


def made(extended: bool = True, atr: bytes | None = None) -> VirtualPIVCard:
    """A card with key and certificate 9A; its answer to reset may say that it takes extended length."""
    card = MAKER.blank(extended=extended)
    if atr is not None:
        card._atr = atr
    return card


def personalise(name: str) -> None:
    with open_card(name) as card:
        assert isinstance(card, ZorgIDCard)
        with card.session():
            card.authenticate_administration(card.factory_secrets()[2])
            card.generate(0x9A, "ECCP256")
            card.write_certificate(0x9A, card.attest(0x9A))


@pytest.fixture
def name(insert: Callable[[VirtualCard], str]) -> str:
    found = insert(made())
    personalise(found)
    return found


def verify(card: PIVCard, data: bytes, signature: bytes) -> None:
    key = load_der_public_key(card.public_key())
    assert isinstance(key, ec.EllipticCurvePublicKey)
    key.verify(signature, data, ec.ECDSA(hashes.SHA256()))


def opened(name: str) -> ZorgIDCard:
    return ZorgIDCard(Link(_reader(name).connect()))


def _reader(name: str) -> PCSCReader:
    (found,) = (reader for reader in readers() if reader.name == name)
    return found


# --- other programs ----------------------------------------------------------------------------------------------------


def test_a_session_goes_on_after_another_program_reset_the_card(name: str) -> None:
    card, other = opened(name), find_reader(name).connect()
    card.verify_pin(Secret.of(PIN))
    other.close(reset=True)
    with pytest.raises(PINNeededError):
        card.sign(0x9A, b"x", "ES256")
    verify(card, b"x", card.sign(0x9A, b"x", "ES256", pin))
    let_go(card.link.channel, card)


def test_a_pin_verified_here_is_logged_out_for_others_without_a_reset(name: str) -> None:
    other = opened(name)
    assert other.tries() == Tries.known(3)
    with open_card(name) as card:
        verify(card, b"x", card.sign(0x9A, b"x", "ES256", pin))
    with pytest.raises(PINNeededError):
        other.sign(0x9A, b"x", "ES256")
    other.link.channel.close()


def test_a_card_held_by_another_program_is_waited_for_and_the_holder_named(name: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ReaderBusyError) as caught:
            _reader(name).connect()
        assert "python" in str(caught.value.holders)
        with pytest.raises(ReaderBusyError):
            _reader(name).connect(exclusive=True, timeout=0.5)
        holder.stdin.close()
        with open_card(name, exclusive=True, timeout=TIMEOUT) as card:
            assert card.tries() == Tries.known(3)
        assert holder.wait(TIMEOUT) == 0


def test_a_card_that_was_out_is_used_again_if_it_is_the_same(pcscd: None) -> None:
    simulated = made()
    name = "Virtual PCD 00 00"
    with _inserted(simulated, name):
        personalise(name)
        card = opened(name)
        card.authentication_certificate()
    with pytest.raises(CardRemovedError):
        card.tries()
    with _inserted(simulated, name):
        verify(card, b"x", card.sign(0x9A, b"x", "ES256", pin))
        let_go(card.link.channel, card)
    time.sleep(0.6)  # vpcd looks every 0.4 s; the next test must not meet this card


@contextmanager
def _inserted(card: VirtualCard, name: str) -> Iterator[None]:
    with VPCDCard(card):
        _reader(name).wait(present=True, timeout=10)
        yield
    _reader(name).wait(present=False, timeout=10)


# --- extended length ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("takes", [True, False])
def test_extended_length_is_used_or_given_up(insert: Callable[[VirtualCard], str], takes: bool) -> None:
    """The card says that it takes it; one of the two does not."""
    simulated = made(takes, EXTENDED)
    answer, seen = simulated.transmit, []

    def watched(raw: bytes) -> bytes:
        seen.append(bytes(raw))
        return answer(raw)

    simulated.transmit = watched  # type: ignore[method-assign]  # a test stands between reader and card
    personalise(insert(simulated))
    written = [command for command in seen if command[1] == 0xDB]
    assert len(written) == (1 if takes else 2)
    assert all((command[4] == 0) is takes for command in written)


def test_a_virtual_reader_has_no_keypad(name: str) -> None:
    card = opened(name)
    assert card.keypad is None
    card.link.channel.close()


# --- several at a time -------------------------------------------------------------------------------------------------


def test_two_threads_and_two_processes_share_two_cards(insert: Callable[[VirtualCard], str]) -> None:
    names = [insert(made()), insert(made())]
    for name in names:
        personalise(name)

    def sign(name: str) -> int:
        with open_card(name) as card:
            for number in range(10):
                data = b"%d" % number
                verify(card, data, card.sign(0x9A, data, "ES256", pin))
        return number

    def elsewhere(name: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", SIGN, name], capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    with ThreadPoolExecutor(4) as pool:
        here = [pool.submit(sign, name) for name in names]
        there = [pool.submit(elsewhere, name) for name in names]
        assert [future.result() for future in here] == [9, 9]
        signatures = [future.result() for future in there]
    for name, made_there in zip(names, signatures, strict=True):
        with open_card(name) as card:
            assert len(made_there) == 10
            for number, signature in enumerate(made_there):
                verify(card, b"%d" % number, bytes.fromhex(signature))
            assert card.tries() == Tries.known(3)


def test_an_asyncio_program_uses_eight_readers_at_a_time_and_cancels_one_half_way(pcscd: PrivatePCSCD) -> None:
    """None begins before all eight cards are open, and none is let go of before all have signed."""
    with pcscd.resized(READERS) as slots:
        for slot in slots:
            slot.insert(made())
            personalise(slot.name)
        certificates = asyncio.run(_signs_on_all([slot.name for slot in slots]))
    assert len(set(certificates)) == READERS


async def _signs_on_all(names: list[str]) -> list[bytes]:
    all_are_here = asyncio.Barrier(len(names))

    async def use(name: str, cancelling: bool) -> bytes:
        async with CardThread() as thread:
            channel = await thread.run(_reader(name).connect)
            card = await thread.run(open_channel, channel)
            assert isinstance(card, PIVCard)
            await all_are_here.wait()
            if cancelling:
                await _cancelled_half_way(thread, card)
            for number in range(5):
                data = f"{name} {number}".encode()
                signature = await thread.use(card.link, card.sign, 0x9A, data, "ES256", pin)
                await thread.use(card.link, verify, card, data, signature)
            assert await thread.use(card.link, card.tries) == Tries.known(3)
            certificate = await thread.use(card.link, card.authentication_certificate)
            await all_are_here.wait()
            await thread.run(let_go, channel, card)
            return certificate

    return await asyncio.gather(*(use(name, number == 0) for number, name in enumerate(names)))


async def _cancelled_half_way(thread: CardThread, card: PIVCard) -> None:
    """An operation that would sign for ever is cancelled after its first signature, and makes no more."""
    done: list[bytes] = []
    begun = threading.Event()

    def signs_for_ever() -> None:
        while True:
            done.append(card.sign(0x9A, b"again", "ES256", pin))
            begun.set()

    task = asyncio.ensure_future(thread.use(card.link, signs_for_ever))
    await asyncio.to_thread(begun.wait, TIMEOUT)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    made = len(done)
    assert made >= 1
    await thread.use(card.link, verify, card, b"again", done[-1])
    assert len(done) == made


def test_pin_1_a_reset_by_another_program_does_not_hide_that_another_card_was_put_in_before_it(
    virtual_reader: Slot,
) -> None:
    """pcscd tells what happened last alone; its count of insertions tells the rest."""
    slot, other = virtual_reader, made()
    bystander = Bystander(slot.name)
    slot.insert(made())
    bystander.wait(present=True)
    personalise(slot.name)
    card = opened(slot.name)
    card.authentication_certificate()
    slot.remove()
    bystander.wait(present=False)
    slot.insert(other)
    bystander.wait(present=True)
    bystander.reset()
    with pytest.raises(WrongCardError):
        card.verify_pin(Secret.of(b"999999"))
    card.link.channel.close()
    with open_card(slot.name) as found:
        assert found.tries() == Tries.known(3)
