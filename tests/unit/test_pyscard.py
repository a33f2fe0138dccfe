"""What the channel over pyscard makes of pyscard's exceptions and answers; tests/blackbox/test_channels.py has real cards."""

from __future__ import annotations

from typing import Any

import pytest

from met_cards import tries_left
from zorgid_card.cards import ZorgIDCard
from zorgid_card.codec.link import Link
from zorgid_card.errors import (
    CardRemovedError,
    CardResetError,
    CardResponseError,
    NoCardError,
    PCSCUnavailableError,
    ReaderBusyError,
    TransportError,
    WrongCardError,
    ZorgIDError,
)
from zorgid_card.secret import Secret
from zorgid_card.testkit.maker import Maker

pytest.importorskip("smartcard", reason="pyscard is not installed (it is built from libpcsclite-dev)")

from smartcard.CardConnection import CardConnection
from smartcard.CardConnectionDecorator import CardConnectionDecorator
from smartcard.Exceptions import CardConnectionException, NoCardException
from smartcard.sw.SWExceptions import CheckingErrorException

from zorgid_card.adapters.pyscard import PyscardChannel

ATR = [0x3B, 0x80, 0x01]
COMMAND = bytes.fromhex("00CA000000")


class OwnConnection(CardConnection):
    """A connection of somebody's own making: not one of PC/SC."""

    def __init__(self, answer: Any, atr: list[int] | None = None) -> None:
        super().__init__("own reader")
        self.answer, self.atr = answer, ATR if atr is None else atr
        self.reconnected = 0

    def getATR(self) -> list[int]:  # noqa: N802  # pyscard's name
        return self.atr

    def doTransmit(self, command: list[int], protocol: object) -> Any:  # noqa: N802  # pyscard's name
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def reconnect(self, protocol: object = None, mode: object = None, disposition: object = None) -> None:
        self.reconnected += 1
        self.answer = ([], 0x90, 0x00)


def test_a_connection_of_any_sort_carries_commands() -> None:
    channel = PyscardChannel(CardConnectionDecorator(OwnConnection(([1, 2], 0x90, 0x00))))
    assert channel.atr == bytes(ATR)
    with channel.transaction():
        assert channel.transmit(COMMAND) == b"\x01\x02\x90\x00"
    channel.close(reset=True)
    with pytest.raises(CardRemovedError):
        channel.transmit(COMMAND)


@pytest.mark.parametrize(
    ("raised", "expected", "reason"),
    [
        (NoCardException("gone", hresult=0x8010000C), NoCardError, "8010000C"),
        (CardConnectionException("removed", hresult=0x80100069), CardRemovedError, "80100069"),
        (CardConnectionException("removed", hresult=0x80100069 - (1 << 32)), CardRemovedError, "80100069"),
        (CardConnectionException("busy", hresult=0x8010000B), ReaderBusyError, "8010000B"),
        (CardConnectionException("mute", hresult=0x80100066), CardResponseError, "80100066"),
        (CardConnectionException("stopped", hresult=0x8010001E), PCSCUnavailableError, "service"),
        (CardConnectionException("not transacted", hresult=0x80100016), TransportError, "80100016"),
        (CardConnectionException("no code"), TransportError, "FFFFFFFF"),
        (CardConnectionException("success that is none", hresult=0), TransportError, "unknown"),
    ],
)
def test_exceptions_become_ours_with_their_code(raised: Exception, expected: type[ZorgIDError], reason: str) -> None:
    channel = PyscardChannel(OwnConnection(raised))
    with pytest.raises(ZorgIDError) as told:
        channel.transmit(COMMAND)
    assert type(told.value) is expected
    assert told.value.reason == reason


def test_a_reset_is_told_once_and_the_connection_connected_again() -> None:
    connection = OwnConnection(CardConnectionException("reset", hresult=0x80100068))
    channel = PyscardChannel(connection)
    with pytest.raises(CardResetError):
        channel.transmit(COMMAND)
    assert connection.reconnected == 1
    assert channel.transmit(COMMAND) == b"\x90\x00"


def test_pin_1_after_a_reset_another_card_is_not_taken_for_the_same() -> None:
    """pyscard tells of the reset alone, not of the card that was put in before it."""
    maker = Maker.create()
    mine, other = maker.blank(), maker.blank()

    class Slot(OwnConnection):
        def doTransmit(self, command: list[int], protocol: object) -> Any:  # noqa: N802  # pyscard's name
            if isinstance(self.answer, Exception):
                raise self.answer
            *data, sw1, sw2 = self.answer(bytes(command))
            return data, sw1, sw2

        def reconnect(self, protocol: object = None, mode: object = None, disposition: object = None) -> None:
            self.answer = other.transmit

    for card in (mine, other):
        card.power_on()
    connection = Slot(mine.transmit, list(mine.atr))
    opened = ZorgIDCard(Link(PyscardChannel(connection)))
    opened.tries()
    with opened.session():
        connection.answer = CardConnectionException("reset", hresult=0x80100068)
        for _ in range(2):
            with pytest.raises(CardResetError):
                opened.verify_pin(Secret.of(b"999999"))
    for _ in range(2):
        with pytest.raises(WrongCardError):
            opened.verify_pin(Secret.of(b"999999"))
    assert tries_left(other) == 3


def test_a_card_that_cannot_be_connected_again_says_why() -> None:
    class Gone(OwnConnection):
        def reconnect(self, protocol: object = None, mode: object = None, disposition: object = None) -> None:
            raise self.then

    connection = Gone(CardConnectionException("reset", hresult=0x80100068))
    channel = PyscardChannel(connection)
    for code, expected in ((0x80100069, CardRemovedError), (0x80100068, CardResetError)):
        connection.then = CardConnectionException("again", hresult=code)
        with pytest.raises(expected):
            channel.transmit(COMMAND)


def test_a_status_word_raised_by_an_error_checking_chain_is_an_answer() -> None:
    channel = PyscardChannel(OwnConnection(CheckingErrorException([7], 0x69, 0x82)))
    assert channel.transmit(COMMAND) == bytes.fromhex("076982")


@pytest.mark.parametrize("answer", [([256], 0x90, 0), ([], 0x90, None), ("ab", 0x90, 0)])
def test_what_is_no_octet_is_an_error(answer: Any) -> None:
    with pytest.raises(TransportError, match="no octets"):
        PyscardChannel(OwnConnection(answer)).transmit(COMMAND)


def test_t0_carries_no_extended_length() -> None:
    connection = OwnConnection(([], 0x90, 0x00))
    connection.setProtocol(CardConnection.T0_protocol)
    with pytest.raises(ValueError, match="T=0"):
        PyscardChannel(connection).transmit(bytes.fromhex("00CA0000000000"))
    connection.setProtocol(CardConnection.T1_protocol)
    assert PyscardChannel(connection).transmit(bytes.fromhex("00CA0000000000")) == b"\x90\x00"


def test_a_connection_without_answer_to_reset_is_refused() -> None:
    with pytest.raises(CardResponseError):
        PyscardChannel(OwnConnection(([], 0x90, 0x00), atr=[]))


def test_a_circle_of_decorators_ends() -> None:
    outer = CardConnectionDecorator(OwnConnection(([], 0x90, 0x00)))
    circle = CardConnectionDecorator(outer)
    circle.component, outer.getATR = circle, lambda: ATR
    circle.getATR = outer.getATR
    assert PyscardChannel(circle).atr == bytes(ATR)
