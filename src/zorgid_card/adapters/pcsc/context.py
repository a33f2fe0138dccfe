"""The PC/SC library and its service: loading it, a context, and what its codes mean."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final, NoReturn

from zorgid_card._native import ffi, lib
from zorgid_card.errors import (
    CardRemovedError,
    CardResetError,
    CardResponseError,
    NoCardError,
    NoReaderError,
    PCSCUnavailableError,
    ReaderBusyError,
    TransportError,
    ZorgIDError,
)

ENCODING: Final = "mbcs" if sys.platform == "win32" else "utf-8"
"""Of readers' names."""

_START: Final = {
    "linux": ("apt install libpcsclite1 pcscd", "systemctl start pcscd.socket"),
    "win32": ("sfc /scannow", "net start SCardSvr"),
}

# What PC/SC answers (pcsclite.h and winerror.h agree on the numbers).
NO_READERS: Final = 0x8010002E
TIMEOUT: Final = 0x8010000A
NO_CARD: Final = 0x8010000C
CARD_RESET: Final = 0x80100068
CARD_UNPOWERED: Final = 0x80100067
CARD_REMOVED: Final = 0x80100069
LOST: Final = (CARD_RESET, CARD_UNPOWERED, CARD_REMOVED)
"""Until the card is connected anew, PC/SC answers everything with the same code."""
_ERRORS: Final[dict[int, type[ZorgIDError]]] = {
    0x80100009: NoReaderError,  # SCARD_E_UNKNOWN_READER
    0x80100017: NoReaderError,  # SCARD_E_READER_UNAVAILABLE
    NO_READERS: NoReaderError,
    0x8010000B: ReaderBusyError,  # SCARD_E_SHARING_VIOLATION
    NO_CARD: NoCardError,
    CARD_REMOVED: CardRemovedError,
    CARD_RESET: CardResetError,
    CARD_UNPOWERED: CardResetError,
    0x80100066: CardResponseError,  # SCARD_W_UNRESPONSIVE_CARD: often the card is in upside down
    0x80100065: CardResponseError,  # SCARD_W_UNSUPPORTED_CARD
    0x8010001D: PCSCUnavailableError,  # SCARD_E_NO_SERVICE
    0x8010001E: PCSCUnavailableError,  # SCARD_E_SERVICE_STOPPED
}

EXCLUSIVE, SHARED = 1, 2
LEAVE, RESET = 0, 1


def _unavailable(which: str) -> PCSCUnavailableError:
    install, start = _START.get(sys.platform, (None, None))
    advice = install if which == "library" else start
    return PCSCUnavailableError(f"PC/SC: no {which}", reason=which, advice=advice)


def fail(operation: str, code: int) -> NoReturn:
    """Raise what PC/SC's code of an operation means."""
    kind = _ERRORS.get(code, TransportError)
    if kind is PCSCUnavailableError:
        raise _unavailable("service")
    raise kind(f"{operation}: PC/SC answered {code:08X}", reason=f"{code:08X}", operation=operation)


def check(operation: str, code: int) -> None:
    """Raise what PC/SC's code of an operation means, unless it is 0."""
    if code != 0:
        fail(operation, code)


@cache
def _load(path: str | None) -> Any:
    """The library's entry points (``zc_pcsc *``), loaded once and kept."""
    pcsc = ffi.new("zc_pcsc *")
    status = lib.zc_pcsc_load(pcsc, ffi.NULL if path is None else path.encode())
    if status != lib.ZC_OK:
        raise _unavailable("library")
    return pcsc


class Context:
    """One PC/SC context, and at most one card connected in it; both are let go of exactly once."""

    def __init__(self, library: str | None) -> None:
        self.pcsc = _load(library)
        out = ffi.new("uint64_t *")
        check("establish", lib.zc_pcsc_establish(self.pcsc, out))
        self.handle = int(out[0])
        self._card: list[int] = []
        self._end = weakref.finalize(self, _let_go, self.pcsc, self.handle, self._card, RESET)

    def connect(self, reader: bytes, share: int) -> int:
        """Connect the card in ``reader``; returns the protocol (1: T=0, 2: T=1)."""
        card, protocol = ffi.new("uint64_t *"), ffi.new("uint32_t *")
        check("connect", lib.zc_pcsc_connect(self.pcsc, self.handle, reader, share, card, protocol))
        self._card.append(int(card[0]))
        return int(protocol[0])

    @property
    def card(self) -> int:
        """The handle of the card connected."""
        if not self._card or not self._end.alive:
            raise CardRemovedError("the channel is closed", reason="closed")
        return self._card[0]

    def close(self, disposition: int = LEAVE) -> None:
        """Let go of the card and the context; a second time does nothing."""
        if self._end.detach() is not None:
            _let_go(self.pcsc, self.handle, self._card, disposition)


def _let_go(pcsc: Any, handle: int, card: list[int], disposition: int) -> None:
    """Disconnect and release. A channel that nobody closed is reset: what was verified in it must not stay so."""
    for one in card:
        lib.zc_pcsc_disconnect(pcsc, one, disposition)
    lib.zc_pcsc_release(pcsc, handle)


@contextmanager
def opened(library: str | None) -> Iterator[Context]:
    """A context for a while."""
    context = Context(library)
    try:
        yield context
    finally:
        context.close()
