"""A card that a program reaches through pyscard, as a channel of this library (extra ``pyscard``).

A portal's or vendor's program that holds a connection of pyscard's hands it in where a
:class:`~zorgid_card.ports.card.Channel` is expected::

    connection = smartcard.System.readers()[0].createConnection()
    connection.connect()
    card = open_card(Link(PyscardChannel(connection)))

**A PIN does not stay secret here.** pyscard takes a command as a Python list of integers and copies it; an observer that
is set on the connection is shown it. The list that is made here is overwritten after use, the copies cannot be. Where PINs are
entered, prefer :mod:`zorgid_card.adapters.pcsc`, which keeps them in a locked, wiped page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, Final, NoReturn, TypeVar

from zorgid_card.adapters.pcsc.context import CARD_RESET, EXCLUSIVE, LEAVE, RESET, SHARED, check
from zorgid_card.errors import CardRemovedError, CardResetError, CardResponseError, TransportError
from zorgid_card.ports.card import Octets

T = TypeVar("T")

_T0: Final = 1
_DEPTH: Final = 16  # decorators around a connection; more is a circle


class PyscardChannel:
    """One card, connected through pyscard (:class:`zorgid_card.ports.card.Channel`). It serves one thread at a time.

    When another program has reset the card, the operation raises :class:`CardResetError` once; the channel is connected again by
    then, and what was selected or verified is lost. Whether it is the same card is not known: the next transaction says so. The
    connection stays the caller's: :meth:`close` disconnects it, and it may be
    connected again for another channel.

    Args:
        connection: a ``smartcard.CardConnection`` of any sort that is connected; decorated ones too.
        exclusive: how it was connected, for connecting again after a reset; pyscard does not tell.

    Raises:
        CardRemovedError: it is not connected, or the card is gone.
        ReaderError: see :meth:`transmit`.
    """

    def __init__(self, connection: Any, *, exclusive: bool = False) -> None:
        self._exceptions = import_module("smartcard.Exceptions")
        self._status_errors = import_module("smartcard.sw.SWExceptions").SWException
        self._connection: Any = connection
        self._inner = _innermost(connection)
        self._share = EXCLUSIVE if exclusive else SHARED
        self._open = True
        self._doubted = False
        self._depth = 0
        self._atr = bytes(self._asked("status", connection.getATR) or ())
        if not self._atr:
            raise CardResponseError("status: no answer to reset", reason="no ATR")

    @property
    def atr(self) -> bytes:
        """Answer to reset, 2 to 33 bytes."""
        return self._atr

    def transmit(self, command: Octets, /) -> bytes:
        """Send one command APDU, return the response APDU.

        Raises:
            CardRemovedError, CardResetError, TransportError: see :meth:`zorgid_card.ports.card.Channel.transmit`.
            ValueError: an extended command over T=0, which has no form for it.
        """
        if not self._open:
            raise CardRemovedError("the channel is closed", reason="closed")
        if self._doubted and self._depth:
            raise CardResetError("the card was reset earlier in this transaction")
        if len(command) > 5 and command[4] == 0 and self._connection.getProtocol() == _T0:
            raise ValueError("T=0 carries no extended length")
        octets = list(command)
        try:
            return self._response(octets)
        finally:
            for place in range(len(octets)):
                octets[place] = 0

    def _response(self, octets: list[int]) -> bytes:
        try:
            data, sw1, sw2 = self._asked("transmit", lambda: self._connection.transmit(octets))
        except self._status_errors as error:  # the connection has an error checking chain
            data, sw1, sw2 = error.data, error.sw1, error.sw2
        try:
            return bytes((*data, sw1, sw2))
        except (TypeError, ValueError):
            raise TransportError("transmit: no octets", reason="no octets") from None

    def _asked(self, operation: str, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except self._exceptions.SmartcardException as error:
            self._failed(operation, _code(error))

    def _failed(self, operation: str, code: int) -> NoReturn:
        if getattr(self._inner, "hcard", 0) is None:
            raise CardRemovedError("the connection is not connected", reason="closed")
        if code == CARD_RESET:
            self._acknowledge_reset()
        check(operation, code)
        raise TransportError(f"{operation}: failed", reason="unknown", operation=operation)

    def _acknowledge_reset(self) -> None:
        """Until it is acknowledged by reconnecting, PC/SC answers everything with the same code. A reset may hide that another
        card was put in before it.
        """
        self._doubted = True
        disposition = getattr(self._inner, "disposition", None)
        try:
            self._connection.reconnect(mode=self._share, disposition=LEAVE)
        except self._exceptions.SmartcardException as error:
            check("reconnect", _code(error))
        if disposition is not None:
            self._inner.disposition = disposition

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep other programs off the card while the block runs (SCardBeginTransaction; it waits for theirs to end).

        A connection that is not pyscard's own of PC/SC has no transactions: then the block just runs.

        Raises:
            CardResetError: the card was reset; ``reason`` "inserted": since the last transaction, so it may be another one now.
        """
        handle = self._handle()
        scard = None if handle is None else import_module("smartcard.scard")
        with suppress(CardResetError):  # which leaves a doubt
            self._checked("begin transaction", 0 if scard is None else scard.SCardBeginTransaction(handle))
        self._depth += 1
        try:
            self._require_no_doubt()
            yield
        finally:
            self._depth -= 1
            # A card that is gone or was reset says so at the next operation; here it would only hide the block's own error.
            if scard is not None:
                scard.SCardEndTransaction(handle, LEAVE)

    def _require_no_doubt(self) -> None:
        """A reset ends the transactions that it happens in; the next one tells of it."""
        if self._doubted:
            self._doubted = self._depth > 1
            raise CardResetError("the card was reset, and may be another one since", reason="inserted")

    def _handle(self) -> int | None:
        if not self._open:
            raise CardRemovedError("the channel is closed", reason="closed")
        if not hasattr(self._inner, "hcard"):
            return None
        if self._inner.hcard is None:
            raise CardRemovedError("the connection is not connected", reason="closed")
        return int(self._inner.hcard)

    def _checked(self, operation: str, code: int) -> None:
        if code != 0:
            self._failed(operation, code & 0xFFFFFFFF)

    def close(self, *, reset: bool = False) -> None:
        """Disconnect; ``reset`` powers the card down and up first."""
        if not self._open:
            return
        self._open = False
        if hasattr(self._inner, "disposition"):
            self._inner.disposition = RESET if reset else LEAVE
        with suppress(self._exceptions.SmartcardException):
            self._connection.disconnect()


def _code(error: Any) -> int:
    """PC/SC's code in an exception of pyscard's, which may be signed; FFFFFFFF where it has none."""
    return int(error.hresult) & 0xFFFFFFFF


def _innermost(connection: Any) -> Any:
    """The connection that the decorators are around."""
    for _ in range(_DEPTH):
        inner = getattr(connection, "component", None)
        if inner is None:
            break
        connection = inner
    return connection
