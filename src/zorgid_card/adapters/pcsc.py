"""Card readers of this computer, through PC/SC (the library is loaded at run time; nothing to install beside it).

``ZORGID_PCSC_LIBRARY`` names another library than the system's own, as a test or a forwarding library needs.
"""

from __future__ import annotations

import os
import sys
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Final, NoReturn

from zorgid_card._native import Carrier, ffi, lib, reason
from zorgid_card.codec.exchange import fail_exchange, fills
from zorgid_card.errors import (
    CardRemovedError,
    CardResetError,
    CardResponseError,
    NoCardError,
    NoReaderError,
    PCSCUnavailableError,
    ReaderBusyError,
    ReaderError,
    TransportError,
    ZorgIDError,
)
from zorgid_card.ports.card import Octets, Placed

LIBRARY_VARIABLE: Final = "ZORGID_PCSC_LIBRARY"

_ENCODING: Final = "mbcs" if sys.platform == "win32" else "utf-8"
_SLICE_MS: Final = 250  # so that Ctrl-C is heard while waiting for a card
_START: Final = {
    "linux": ("apt install libpcsclite1 pcscd", "systemctl start pcscd.socket"),
    "win32": ("sfc /scannow", "net start SCardSvr"),
}

# What PC/SC answers (pcsclite.h and winerror.h agree on the numbers).
_NO_READERS: Final = 0x8010002E
_TIMEOUT: Final = 0x8010000A
_RESET: Final = 0x80100068
_ERRORS: Final[dict[int, type[ZorgIDError]]] = {
    0x80100009: NoReaderError,  # SCARD_E_UNKNOWN_READER
    0x80100017: NoReaderError,  # SCARD_E_READER_UNAVAILABLE
    _NO_READERS: NoReaderError,
    0x8010000B: ReaderBusyError,  # SCARD_E_SHARING_VIOLATION
    0x8010000C: NoCardError,  # SCARD_E_NO_SMARTCARD
    0x80100069: CardRemovedError,  # SCARD_W_REMOVED_CARD
    _RESET: CardResetError,
    0x80100067: CardResetError,  # SCARD_W_UNPOWERED_CARD
    0x80100066: CardResponseError,  # SCARD_W_UNRESPONSIVE_CARD: often the card is in upside down
    0x80100065: CardResponseError,  # SCARD_W_UNSUPPORTED_CARD
    0x8010001D: PCSCUnavailableError,  # SCARD_E_NO_SERVICE
    0x8010001E: PCSCUnavailableError,  # SCARD_E_SERVICE_STOPPED
}

_SHARE_EXCLUSIVE, _SHARE_SHARED = 1, 2
_LEAVE, _RESET_CARD = 0, 1
_PRESENT, _CHANGED, _UNKNOWN = 0x20, 0x02, 0x04


def _unavailable(which: str) -> PCSCUnavailableError:
    install, start = _START.get(sys.platform, (None, None))
    advice = install if which == "library" else start
    return PCSCUnavailableError(f"PC/SC: no {which}", reason=which, advice=advice)


def _fail(operation: str, code: int) -> NoReturn:
    kind = _ERRORS.get(code, TransportError)
    if kind is PCSCUnavailableError:
        raise _unavailable("service")
    raise kind(f"{operation}: PC/SC answered {code:08X}", reason=f"{code:08X}", operation=operation)


def _check(operation: str, code: int) -> None:
    if code != 0:
        _fail(operation, code)


@cache
def _load(path: str | None) -> Any:
    """The library's entry points (``zc_pcsc *``), loaded once and kept."""
    pcsc = ffi.new("zc_pcsc *")
    status = lib.zc_pcsc_load(pcsc, ffi.NULL if path is None else path.encode())
    if status != lib.ZC_OK:
        raise _unavailable("library")
    return pcsc


class _Context:
    """One PC/SC context, and at most one card connected in it; both are let go of exactly once."""

    def __init__(self, library: str | None) -> None:
        self.pcsc = _load(library)
        out = ffi.new("uint64_t *")
        _check("establish", lib.zc_pcsc_establish(self.pcsc, out))
        self.handle = int(out[0])
        self._card: list[int] = []
        self._end = weakref.finalize(self, _let_go, self.pcsc, self.handle, self._card, _RESET_CARD)

    def connect(self, reader: bytes, share: int) -> int:
        """Connect the card in ``reader``; returns the protocol (1: T=0, 2: T=1)."""
        card, protocol = ffi.new("uint64_t *"), ffi.new("uint32_t *")
        _check("connect", lib.zc_pcsc_connect(self.pcsc, self.handle, reader, share, card, protocol))
        self._card.append(int(card[0]))
        return int(protocol[0])

    @property
    def card(self) -> int:
        """The handle of the card connected."""
        if not self._card or not self._end.alive:
            raise CardRemovedError("the channel is closed", reason="closed")
        return self._card[0]

    def close(self, disposition: int = _LEAVE) -> None:
        """Let go of the card and the context; a second time does nothing."""
        if self._end.detach() is not None:
            _let_go(self.pcsc, self.handle, self._card, disposition)


def _let_go(pcsc: Any, handle: int, card: list[int], disposition: int) -> None:
    """Disconnect and release. A channel that nobody closed is reset: what was verified in it must not stay so."""
    for one in card:
        lib.zc_pcsc_disconnect(pcsc, one, disposition)
    lib.zc_pcsc_release(pcsc, handle)


@contextmanager
def _context(library: str | None) -> Iterator[_Context]:
    context = _Context(library)
    try:
        yield context
    finally:
        context.close()


class PCSCChannel:
    """One card, connected through PC/SC (:class:`zorgid_card.ports.card.Channel`). It serves one thread at a time.

    When another program has reset the card, the operation raises :class:`CardResetError` once; the channel is connected again by
    then, and what was selected or verified is lost.
    """

    def __init__(self, context: _Context, protocol: int, share: int) -> None:
        self._context = context
        self._pcsc = context.pcsc
        self._sent = 0
        self._carrier = self._carrying(protocol)
        self._share = share
        self._atr = self._read_atr()

    def _carrying(self, protocol: int) -> Carrier:
        return Carrier(ffi.buffer(self._pcsc), self._context.card, protocol)

    def _carry_with(self, carrier: Carrier) -> None:
        self._sent += self._carrier.count
        carrier.cancelled = self._carrier.cancelled
        self._carrier = carrier

    def _read_atr(self) -> bytes:
        raw, length = ffi.new("uint8_t[]", lib.ZC_PCSC_ATR_MAX), ffi.new("uint32_t *")
        self._checked("status", lib.zc_pcsc_atr(self._pcsc, self._context.card, raw, length))
        return bytes(ffi.buffer(raw, length[0]))

    @property
    def atr(self) -> bytes:
        """Answer to reset, 2 to 33 bytes."""
        return self._atr

    def _checked(self, operation: str, code: int) -> None:
        if code == _RESET:
            self._acknowledge_reset()
        _check(operation, code)

    def _acknowledge_reset(self) -> None:
        """Until it is acknowledged by reconnecting, PC/SC answers everything with the same code."""
        protocol = ffi.new("uint32_t *")
        _check(
            "reconnect",
            lib.zc_pcsc_reconnect(self._pcsc, self._context.card, self._share, _LEAVE, protocol),
        )
        self._carry_with(self._carrying(int(protocol[0])))

    def transmit(self, command: Octets, /) -> bytes:
        """Send one command APDU, return the response APDU.

        Raises:
            CardRemovedError, CardResetError, TransportError: see :meth:`zorgid_card.ports.card.Channel.transmit`.
            ValueError: an extended command over T=0, which has no form for it.
        """
        answer = self._carrier.transmit(command)
        if answer.__class__ is bytes:
            return answer
        self._checked("transmit", answer)
        raise TransportError("transmit: no status word", reason=reason(lib.ZC_E_ANSWER_SHORT))

    def exchange(
        self, cla: int, ins: int, p1: int, p2: int, data: Octets, ne: int, form: int, secrets: Sequence[Placed], /
    ) -> tuple[bytes, int]:
        """Carry one logical command in one call of the C core (:meth:`zorgid_card.ports.card.LogicalChannel.exchange`).

        Raises:
            CardResponseError: the card's answer is longer than asked, endless, or no answer at all.
            CancelledError: :attr:`cancelled` was set.
            CardRemovedError, CardResetError, TransportError: the exchange did not complete; nothing is sent again.
            ValueError: the command cannot be sent.
        """
        if secrets:
            _ = self._context.card  # raises when the channel is closed, before a PIN leaves its page
        native = fills(secrets) if secrets else None
        outcome = self._carrier.exchange(cla, ins, p1, p2, data, ne, form, native)
        if len(outcome) != 2:
            self._failed(outcome[0], outcome[1])
        return outcome

    def _failed(self, status: int, code: int) -> NoReturn:
        if status == lib.ZC_E_TRANSPORT:
            if code == lib.ZC_TRANSMIT_REFUSED:
                raise ValueError("T=0 carries no extended length")
            self._checked("transmit", code)
        fail_exchange(status)

    @property
    def count(self) -> int:
        """Physical commands sent so far."""
        return self._sent + self._carrier.count

    @property
    def refused(self) -> bool:
        """Whether extended form was refused in the last exchange."""
        return self._carrier.refused

    @property
    def cancelled(self) -> bool:
        """Set from another thread, it stops the exchange under way, or else the next; that unsets it."""
        return self._carrier.cancelled

    @cancelled.setter
    def cancelled(self, value: bool) -> None:
        self._carrier.cancelled = value

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep other programs off the card while the block runs (SCardBeginTransaction; it waits for theirs to end)."""
        self._checked("begin transaction", lib.zc_pcsc_begin(self._pcsc, self._context.card))
        card = self._context.card
        try:
            yield
        finally:
            # A card that is gone or was reset says so at the next operation; here it would only hide the block's own error.
            lib.zc_pcsc_end(self._pcsc, card, _LEAVE)

    def close(self, *, reset: bool = False) -> None:
        """Disconnect; ``reset`` powers the card down and up first."""
        self._carry_with(Carrier(_closed))  # first: the card's handle may be another card's once it is let go of
        self._context.close(_RESET_CARD if reset else _LEAVE)


def _closed(command: Octets) -> NoReturn:
    raise CardRemovedError("the channel is closed", reason="closed")


class PCSCReader:
    """One reader of this computer (:class:`zorgid_card.ports.card.Reader`)."""

    def __init__(self, name: str, library: str | None = None) -> None:
        self._name = name
        self._encoded = name.encode(_ENCODING)
        self._library = library

    @property
    def name(self) -> str:
        """The reader's name as PC/SC gives it."""
        return self._name

    def __repr__(self) -> str:
        return f"PCSCReader({self._name!r})"

    def connect(self, *, exclusive: bool = False) -> PCSCChannel:
        """Power the card and open a channel to it.

        Raises:
            NoCardError: the slot is empty.
            NoReaderError: the reader was unplugged.
            ReaderBusyError: another program holds the card exclusively, or ``exclusive`` is asked while one uses it.
            CardResponseError: the card does not answer (it may be in upside down).
            PCSCUnavailableError: the PC/SC service has stopped.
        """
        context = _Context(self._library)
        share = _SHARE_EXCLUSIVE if exclusive else _SHARE_SHARED
        try:
            return PCSCChannel(context, context.connect(self._encoded, share), share)
        except BaseException:
            context.close()
            raise

    def wait(self, *, present: bool, timeout: float | None = None) -> None:
        """Return as soon as a card is (or is not) in the slot; ``timeout`` in seconds, None waits for ever.

        Raises:
            NoCardError: ``timeout`` passed.
            NoReaderError: the reader was unplugged.
        """
        end = None if timeout is None else time.monotonic() + timeout
        with _context(self._library) as context:
            state = ffi.new("uint32_t *", 0)
            while True:
                self._look(context, state, end)
                if bool(state[0] & _PRESENT) == present:
                    return
                if end is not None and time.monotonic() >= end:
                    raise NoCardError("the time to wait has passed", reason="timeout")

    def _look(self, context: _Context, state: Any, end: float | None) -> None:
        """Let ``state`` become the slot's, waiting a while for it to change; the first look does not wait."""
        left = _SLICE_MS if end is None else min(_SLICE_MS, max(0, int((end - time.monotonic()) * 1000)))
        before = int(state[0])
        code = lib.zc_pcsc_wait(context.pcsc, context.handle, self._encoded, left, state)
        if code == _TIMEOUT:
            state[0] = before
            return
        _check("wait", code)
        if state[0] & _UNKNOWN:
            raise NoReaderError("the reader is gone", reason="unplugged")
        state[0] &= ~_CHANGED & 0xFFFFFFFF


def readers(*, library: str | None = None) -> list[PCSCReader]:
    """The readers of this computer, in PC/SC's order; none is an empty list.

    Args:
        library: path of a PC/SC library; without, ``ZORGID_PCSC_LIBRARY`` or the system's own.

    Raises:
        PCSCUnavailableError: the library or its service is not there; ``reason`` is "library" or "service".
    """
    library = library or os.environ.get(LIBRARY_VARIABLE)
    with _context(library) as context:
        return [PCSCReader(name, library) for name in _names(context)]


def _names(context: _Context) -> list[str]:
    """All readers' names. Between asking for the size and for the names a reader may be plugged in: ask again."""
    length = ffi.new("uint32_t *")
    for _ in range(3):
        code = lib.zc_pcsc_list(context.pcsc, context.handle, ffi.NULL, 0, length)
        if code == _NO_READERS:
            return []
        _check("list readers", code)
        names = ffi.new("char[]", length[0])
        if lib.zc_pcsc_list(context.pcsc, context.handle, names, length[0], length) == 0:
            raw = bytes(ffi.buffer(names, length[0]))
            return [name.decode(_ENCODING, "replace") for name in raw.split(b"\0") if name]
    raise ReaderError("list readers: the list keeps changing", reason="unsettled")
