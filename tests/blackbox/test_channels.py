"""A card over a real pcscd, by the PC/SC adapter and by connections of pyscard's: the same behaviour, asked in the same way."""

from __future__ import annotations

import importlib.util
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from world import CARD_PIN, PASS_PIN, World
from zorgid_card.adapters.pcsc import readers
from zorgid_card.cards import UZIPass, ZorgIDCard, open_card
from zorgid_card.codec.link import Link
from zorgid_card.errors import CardRemovedError, CardResetError, WrongPINError
from zorgid_card.ports.card import Channel
from zorgid_card.secret import Secret
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.vpcd import VPCDCard
from zorgid_card.workflows.card_side import log_in
from zorgid_card.workflows.policy import CreationPolicy

pytestmark = pytest.mark.blackbox

Connect = Callable[[str], Channel]
SELECT_PIV = bytes.fromhex("00A4040009A00000030800001000")
needs_pyscard = pytest.mark.skipif(
    importlib.util.find_spec("smartcard") is None, reason="pyscard is not installed (it is built from libpcsclite-dev)"
)


def by_pcsc(name: str) -> Channel:
    (reader,) = (reader for reader in readers() if reader.name == name)
    return reader.connect()


_made: list[Any] = []


def connection(name: str) -> Any:
    from smartcard.System import readers as known

    (reader,) = (reader for reader in known() if str(reader) == name)
    found = reader.createConnection().component
    found.connect()
    _made.append(found)
    return found


@pytest.fixture(autouse=True)
def released() -> Iterator[None]:
    """pyscard's connections hold on to pcscd until they are collected; it may be gone by then."""
    yield
    while _made:
        with suppress(Exception):
            _made.pop().release()


def by_pyscard(name: str) -> Channel:
    from zorgid_card.adapters.pyscard import PyscardChannel

    return PyscardChannel(connection(name))


def by_decorated_pyscard(name: str) -> Channel:
    """Two of pyscard's decorators, and its chain that raises on every status word but 9000."""
    from smartcard.CardConnectionDecorator import CardConnectionDecorator
    from smartcard.ExclusiveTransmitCardConnection import ExclusiveTransmitCardConnection
    from smartcard.sw.ErrorCheckingChain import ErrorCheckingChain
    from smartcard.sw.ISO7816_4ErrorChecker import ISO7816_4ErrorChecker

    from zorgid_card.adapters.pyscard import PyscardChannel

    decorated = CardConnectionDecorator(ExclusiveTransmitCardConnection(connection(name)))
    decorated.setErrorCheckingChain([ErrorCheckingChain([], ISO7816_4ErrorChecker())])
    return PyscardChannel(decorated)


@pytest.fixture(
    params=[
        by_pcsc,
        pytest.param(by_pyscard, marks=needs_pyscard),
        pytest.param(by_decorated_pyscard, marks=needs_pyscard),
    ],
    ids=lambda connect: connect.__name__,
)
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    opened: list[Channel] = []

    def remembered(name: str) -> Channel:
        opened.append(request.param(name))
        return opened[-1]

    yield remembered
    for channel in opened:
        channel.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    now = datetime.now(UTC).replace(microsecond=0)
    world = World(tmp_path_factory.mktemp("world"), creation=CreationPolicy(key_algorithm="ECCP256"), now=now)
    world.validated()
    return world


@pytest.fixture(scope="module")
def made(world: World) -> VirtualCard:
    """A ZORG-ID Smartcard, made in the process."""
    world.create(world.worker())
    card = world.reader.remove()
    assert card is not None
    return card


def test_the_answer_to_reset_and_a_command(
    insert: Callable[[VirtualCard], str], connect: Connect, made: VirtualCard
) -> None:
    channel = connect(insert(made))
    assert channel.atr == made.atr
    answer = channel.transmit(memoryview(SELECT_PIV + b"\0"))
    assert answer[-2:] == b"\x90\x00"
    assert answer[0] == 0x61
    assert channel.transmit(bytes.fromhex("00A40000023F00")) == bytes.fromhex("6A82")


def test_aut_1_a_zorgid_smartcard_logs_in(
    insert: Callable[[VirtualCard], str], connect: Connect, made: VirtualCard, world: World
) -> None:
    nonce = world.log_in.challenge("browser")
    card = open_card(Link(connect(insert(made))))
    assert isinstance(card, ZorgIDCard)
    signer = card.authentication_signer(lambda _: Secret.of(CARD_PIN))
    token = log_in(signer, card.authentication_certificate(), origin=world.portal.origin, nonce=nonce)
    assert world.log_in.verify(token, binding="browser").card_serial == card.serial


def test_aut_1_a_uzi_pass_signs_and_a_wrong_pin_costs_one_try(
    insert: Callable[[VirtualCard], str], connect: Connect, world: World
) -> None:
    card = open_card(Link(connect(insert(world.worker_pass))))
    assert isinstance(card, UZIPass)
    with pytest.raises(WrongPINError) as wrong:
        card.verify_pin(Secret.of(b"999999"))
    assert wrong.value.tries_left == 2
    assert card.tries().left == 2
    signature = card.sign("authenticity", b"a text", pin=lambda _: Secret.of(PASS_PIN))
    key = x509.load_der_x509_certificate(card.authentication_certificate()).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    key.verify(signature, b"a text", padding.PKCS1v15(), hashes.SHA256())
    assert card.tries().left == 3


def test_a_card_pulled_out_says_so(pcscd: None, connect: Connect, made: VirtualCard) -> None:
    serving = VPCDCard(made)
    serving.start()
    (reader,) = (reader for reader in readers() if reader.name.endswith("00 00"))
    reader.wait(present=True, timeout=10)
    channel = connect(reader.name)
    channel.transmit(SELECT_PIV)
    serving.stop()
    reader.wait(present=False, timeout=10)
    time.sleep(0.6)  # vpcd looks every 0.4 s; the next test must not meet this card
    with pytest.raises(CardRemovedError):
        channel.transmit(SELECT_PIV)
    with pytest.raises(CardRemovedError), channel.transaction():
        pytest.fail("there is no card")
    channel.close(reset=True)


def test_a_reset_by_another_program_is_told_once(
    insert: Callable[[VirtualCard], str], connect: Connect, made: VirtualCard
) -> None:
    name = insert(made)
    channel = connect(name)
    by_pcsc(name).close(reset=True)
    with pytest.raises(CardResetError):
        channel.transmit(SELECT_PIV)
    assert channel.transmit(SELECT_PIV)[-2:] != b"\x6f\x00"
    by_pcsc(name).close(reset=True)
    with pytest.raises(CardResetError), channel.transaction():
        pytest.fail("the card was reset")
    with channel.transaction():
        channel.transmit(SELECT_PIV)


def test_a_transaction_keeps_others_off(
    insert: Callable[[VirtualCard], str], connect: Connect, made: VirtualCard
) -> None:
    name = insert(made)
    channel, other = connect(name), by_pcsc(name)
    order: list[str] = []

    def rival() -> None:
        with other.transaction():
            order.append("other")

    thread = threading.Thread(target=rival)
    with channel.transaction():
        thread.start()
        channel.transmit(SELECT_PIV)
        thread.join(0.2)
        assert thread.is_alive()
        order.append("first")
    thread.join(10)
    other.close()
    assert order == ["first", "other"]


def test_closing_lets_go_of_the_card(insert: Callable[[VirtualCard], str], connect: Connect, made: VirtualCard) -> None:
    name = insert(made)
    watcher, channel = by_pcsc(name), connect(name)
    channel.close()
    channel.close()
    watcher.transmit(SELECT_PIV)
    for use in (lambda: channel.transmit(SELECT_PIV), lambda: channel.transaction().__enter__()):
        with pytest.raises(CardRemovedError):
            use()
    connect(name).close(reset=True)
    with pytest.raises(CardResetError):
        watcher.transmit(SELECT_PIV)
    watcher.close()


@needs_pyscard
def test_a_connection_that_was_closed_may_be_used_again(
    insert: Callable[[VirtualCard], str], made: VirtualCard
) -> None:
    from zorgid_card.adapters.pyscard import PyscardChannel

    found = connection(insert(made))
    first = PyscardChannel(found)
    first.close()
    with pytest.raises(CardRemovedError, match="not connected"):
        PyscardChannel(found)
    found.connect()
    assert PyscardChannel(found).transmit(SELECT_PIV)[0] in (0x61, 0x90)
    with pytest.raises(CardRemovedError, match="closed"):
        first.transmit(SELECT_PIV)


@needs_pyscard
def test_no_pin_is_left_in_what_pyscard_was_given(insert: Callable[[VirtualCard], str], made: VirtualCard) -> None:
    from smartcard.CardConnectionDecorator import CardConnectionDecorator

    from zorgid_card.adapters.pyscard import PyscardChannel

    class Keeping(CardConnectionDecorator):
        given: list[list[int]]
        seen: list[int]

        def transmit(self, command: list[int], protocol: object = None) -> Any:
            self.given.append(command)
            self.seen.append(sum(command))
            return super().transmit(command, protocol)

    keeping = Keeping(connection(insert(made)))
    keeping.given, keeping.seen = [], []
    card = open_card(Link(PyscardChannel(keeping)))
    card.verify_pin(Secret.of(CARD_PIN))
    assert all(keeping.seen)
    assert not any(sum(command) for command in keeping.given)
