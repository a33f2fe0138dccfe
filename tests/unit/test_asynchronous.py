"""Cards in threads and in an asyncio program, over the stub PC/SC library: eight readers at a time, and cancelling."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from pcsc_stub import Stub
from zorgid_card.adapters.asynchronous import CardThread
from zorgid_card.adapters.pcsc import PCSCReader, readers
from zorgid_card.cards import PIVCard, Tries, ZorgIDCard, let_go, open_channel
from zorgid_card.codec.apdu import INS
from zorgid_card.codec.link import Link
from zorgid_card.errors import CancelledError as StoppedError
from zorgid_card.errors import CardRemovedError
from zorgid_card.secret import Secret
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.piv_keys import Algorithm, PrivateKey, make_key

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the stub is a libpcsclite")

MAKER = Maker.create()
PIN = b"123456"
READERS = 8


@cache
def key_of(algorithm: Algorithm) -> PrivateKey:
    return make_key(algorithm)


@pytest.fixture
def cards(stub: Stub) -> Iterator[Stub]:
    """Eight readers with a card in each."""
    stub.readers(READERS)
    stub.hold(*(MAKER.blank(key_maker=key_of) for _ in range(READERS)))
    for reader in readers(library=stub.path):
        channel = reader.connect()
        card = ZorgIDCard(Link(channel))
        with card.session():
            card.authenticate_administration(card.factory_secrets()[2])
            card.generate(0x9A, "ECCP256")
            card.write_certificate(0x9A, card.attest(0x9A))
        let_go(channel, card)
    yield stub
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("zorgid-card")]


def verify(card: PIVCard, data: bytes, signature: bytes) -> None:
    key = load_der_public_key(card.public_key())
    assert isinstance(key, ec.EllipticCurvePublicKey)
    key.verify(signature, data, ec.ECDSA(hashes.SHA256()))


def pin(request: object) -> Secret:
    return Secret.of(PIN)


def sign(reader: PCSCReader, times: int) -> bytes:
    channel = reader.connect()
    card = open_channel(channel)
    assert isinstance(card, PIVCard)
    for number in range(times):
        data = f"{reader.name} {number}".encode()
        verify(card, data, card.sign(0x9A, data, "ES256", pin))
    certificate = card.authentication_certificate()
    let_go(channel, card)
    return certificate


@pytest.mark.usefixtures("cards")
def test_eight_readers_work_at_a_time_in_one_asyncio_program(stub: Stub) -> None:
    async def at(reader: PCSCReader) -> bytes:
        async with CardThread() as thread:
            channel = await thread.run(reader.connect)
            card = await thread.run(open_channel, channel)
            assert isinstance(card, PIVCard)
            for number in range(5):
                data = f"{reader.name} {number}".encode()
                signature = await thread.use(card.link, card.sign, 0x9A, data, "ES256", pin)
                await thread.use(card.link, verify, card, data, signature)
            certificate = await thread.use(card.link, card.authentication_certificate)
            await thread.run(let_go, channel, card)
            return certificate

    async def program() -> list[bytes]:
        return await asyncio.gather(*(at(reader) for reader in readers(library=stub.path)))

    certificates = asyncio.run(program())
    assert len(set(certificates)) == READERS


@pytest.mark.usefixtures("cards")
def test_two_threads_share_a_card_and_neither_sees_the_others_pin(stub: Stub) -> None:
    reader = readers(library=stub.path)[0]
    with ThreadPoolExecutor(2) as pool:
        certificates = {future.result() for future in [pool.submit(sign, reader, 10) for _ in range(2)]}
    assert len(certificates) == 1


class Gate:
    """Stops the card at one instruction until the test lets it go on."""

    def __init__(self, stub: Stub, instruction: int) -> None:
        self.reached, self._open = threading.Event(), threading.Event()
        self.seen: list[int] = []
        answer = stub.answer

        def gated(slot: int, command: bytes) -> bytes:
            self.seen.append(command[1])
            if command[1] == instruction and not self._open.is_set():
                self.reached.set()
                self._open.wait()
            return answer(slot, command)

        stub.answer = gated  # type: ignore[method-assign]  # a test stands between reader and card

    def open(self) -> None:
        self._open.set()


async def cancelled_at(gate: Gate, task: asyncio.Task[object]) -> None:
    """Cancel the task while the card works; it ends only when the card has."""
    await asyncio.to_thread(gate.reached.wait)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    gate.open()
    with pytest.raises(asyncio.CancelledError):
        await task


def in_a_thread(stub: Stub, work: Callable[[CardThread, ZorgIDCard], object]) -> None:
    unheard: list[str] = []

    async def program() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context["message"]))
        async with CardThread() as thread:
            channel = await thread.run(readers(library=stub.path)[0].connect)
            card = ZorgIDCard(Link(channel))
            outcome = work(thread, card)
            assert asyncio.iscoroutine(outcome)
            await outcome
            assert await thread.use(card.link, card.tries) == Tries.known(3)
            await thread.run(let_go, channel, card)
        gc.collect()

    asyncio.run(program())
    assert unheard == []  # such as "Future exception was never retrieved"


@pytest.mark.usefixtures("cards")
def test_cancelling_stops_between_two_commands_and_leaves_the_card_usable(stub: Stub) -> None:
    async def work(thread: CardThread, card: ZorgIDCard) -> None:
        gate = Gate(stub, INS.VERIFY)
        await cancelled_at(gate, asyncio.ensure_future(thread.use(card.link, card.sign, 0x9A, b"x", "ES256", pin)))
        assert INS.GENERAL_AUTHENTICATE not in gate.seen
        assert stub["transactions"] == 0
        data = b"after that"
        verify(card, data, await thread.use(card.link, card.sign, 0x9A, data, "ES256", pin))

    in_a_thread(stub, work)


@pytest.mark.usefixtures("cards")
def test_cancelling_never_breaks_a_chain(stub: Stub) -> None:
    async def work(thread: CardThread, card: ZorgIDCard) -> None:
        gate = Gate(stub, INS.PUT_DATA)
        await thread.use(card.link, card.authentication_certificate)

        def write() -> None:
            with card.session():
                card.authenticate_administration(card.factory_secrets()[2])
                card.write_certificate(0x9A, card.attest(0x9A))

        await cancelled_at(gate, asyncio.ensure_future(thread.use(card.link, write)))
        assert gate.seen.count(INS.PUT_DATA) > 1
        assert gate.seen[-1] == INS.PUT_DATA
        await thread.use(card.link, card.authentication_certificate)

    in_a_thread(stub, work)


@pytest.mark.usefixtures("cards")
def test_cancelling_too_late_stops_nothing_else(stub: Stub) -> None:
    """The last command of the operation is under way: it ends well, and the next operation is not stopped in its place."""

    async def work(thread: CardThread, card: ZorgIDCard) -> None:
        gate = Gate(stub, INS.CHANGE_REFERENCE_DATA)
        change = thread.use(card.link, card.change_pin, Secret.of(PIN), Secret.of(b"654321"))
        task = asyncio.ensure_future(change)
        await asyncio.to_thread(gate.reached.wait)
        queued = asyncio.ensure_future(thread.use(card.link, card.tries))
        await cancelled_at(gate, task)
        assert await queued == Tries.known(3)
        assert INS.GET_RESPONSE not in gate.seen
        await thread.use(card.link, card.verify_pin, Secret.of(b"654321"))

    in_a_thread(stub, work)


@pytest.mark.usefixtures("cards")
def test_an_operation_that_deals_with_its_being_stopped_leaves_nothing_behind(stub: Stub) -> None:
    """Nothing is sent afterwards, outside of any transaction: it might take another program's answer."""

    def tried(card: ZorgIDCard) -> None:
        with suppress(StoppedError):
            card.verify_pin(Secret.of(PIN))

    async def work(thread: CardThread, card: ZorgIDCard) -> None:
        gate = Gate(stub, INS.SELECT)
        task = asyncio.ensure_future(thread.use(card.link, tried, card))
        await cancelled_at(gate, task)
        assert INS.GET_RESPONSE not in gate.seen
        assert INS.VERIFY not in gate.seen
        await thread.use(card.link, card.verify_pin, Secret.of(PIN))

    in_a_thread(stub, work)


@pytest.mark.usefixtures("cards")
def test_what_was_not_begun_is_cancelled_without_a_word_to_the_card(stub: Stub) -> None:
    async def work(thread: CardThread, card: ZorgIDCard) -> None:
        gate = Gate(stub, INS.VERIFY)
        first = asyncio.ensure_future(thread.use(card.link, card.verify_pin, Secret.of(PIN)))
        await asyncio.to_thread(gate.reached.wait)
        second = asyncio.ensure_future(thread.use(card.link, card.change_pin, Secret.of(PIN), Secret.of(b"654321")))
        await asyncio.sleep(0)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        gate.open()
        await first
        assert INS.CHANGE_REFERENCE_DATA not in gate.seen

    in_a_thread(stub, work)


@pytest.mark.usefixtures("cards")
def test_an_error_of_the_card_is_the_awaiting_tasks(stub: Stub) -> None:
    async def work(thread: CardThread, card: ZorgIDCard) -> None:
        await thread.use(card.link, card.authentication_certificate)
        stub.remove()
        with pytest.raises(CardRemovedError):
            await thread.use(card.link, card.tries)
        stub.insert(stub.cards[0])

    in_a_thread(stub, work)
