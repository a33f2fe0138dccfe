"""The PC/SC library and its service: loading it, a context, and what its codes mean."""

from __future__ import annotations

import os
import sys
import weakref
from collections.abc import Callable
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
    ReaderError,
    TransportError,
    ZorgIDError,
)

ENCODING: Final = "mbcs" if sys.platform == "win32" else "utf-8"
"""Of readers' names."""

_ODD: Final = "replace" if sys.platform == "win32" else "surrogateescape"
"""What becomes of the bytes of a name that are none of its encoding: with pcsc-lite the name is found again by them."""

SERVICE_COMES_WITH_READER: Final = sys.platform == "win32"
"""Windows runs its smart card service only while a reader is connected: no service means no reader."""

_ADVICE: Final = {
    ("linux", "library"): "apt install libpcsclite1 pcscd",
    ("linux", "service"): "systemctl start pcscd.socket",
    ("linux", "access"): "polkit: org.debian.pcsc-lite.access_pcsc, org.debian.pcsc-lite.access_card",
    ("darwin", "library"): "softwareupdate --install --all",
    ("darwin", "service"): "sudo launchctl kickstart -k system/com.apple.ifdreader",
    ("win32", "library"): "sfc /scannow",
    ("win32", "service"): "net start SCardSvr",
}
"""What helps, as a person with the rights for it types it."""

# What PC/SC answers (pcsclite.h and winerror.h agree on the numbers).
NO_READERS: Final = 0x8010002E
UNKNOWN_READER: Final = 0x80100009
NO_ROOM: Final = 0x80100008
CANCELLED: Final = 0x80100002
TIMEOUT: Final = 0x8010000A
NO_CARD: Final = 0x8010000C
NO_HANDLE: Final = 0x80100003  # SCARD_E_INVALID_HANDLE
CARD_RESET: Final = 0x80100068
FORBIDDEN: Final = 0x8010006A  # SCARD_W_SECURITY_VIOLATION: pcscd's, where polkit keeps somebody out
CARD_UNPOWERED: Final = 0x80100067
CARD_REMOVED: Final = 0x80100069
LOST: Final = (CARD_RESET, CARD_UNPOWERED, CARD_REMOVED)
"""Until the card is connected anew, PC/SC answers everything with the same code."""
_ERRORS: Final[dict[int, type[ZorgIDError]]] = {
    UNKNOWN_READER: NoReaderError,
    0x80100017: NoReaderError,  # SCARD_E_READER_UNAVAILABLE
    NO_READERS: NoReaderError,
    0x8010000B: ReaderBusyError,  # SCARD_E_SHARING_VIOLATION
    NO_CARD: NoCardError,
    NO_HANDLE: CardRemovedError,  # the channel is closed, or the service was started anew
    CARD_REMOVED: CardRemovedError,
    CARD_RESET: CardResetError,
    CARD_UNPOWERED: CardResetError,
    0x80100066: CardResponseError,  # SCARD_W_UNRESPONSIVE_CARD: often the card is in upside down
    0x80100065: CardResponseError,  # SCARD_W_UNSUPPORTED_CARD
    0x8010001D: PCSCUnavailableError,  # SCARD_E_NO_SERVICE
    0x8010001E: PCSCUnavailableError,  # SCARD_E_SERVICE_STOPPED
    FORBIDDEN: PCSCUnavailableError,
}

_LOST: Final = {
    f"{code:08X}"
    for code in (
        0x80100003,  # SCARD_E_INVALID_HANDLE: the service that gave it is no more
        0x80100001,  # SCARD_F_INTERNAL_ERROR, and
        0x80100013,  # SCARD_F_COMM_ERROR: pcsc-lite, in the middle of a restart
        0x80100012,  # SCARD_E_SYSTEM_CANCELLED
        0x80100018,  # SCARD_P_SHUTDOWN
        0x00000006,  # ERROR_INVALID_HANDLE
        0x0000006D,  # ERROR_BROKEN_PIPE
        0x000006BA,  # RPC_S_SERVER_UNAVAILABLE
    )
}

EXCLUSIVE, SHARED = 1, 2
LEAVE, RESET = 0, 1


def encoded(name: str) -> bytes:
    """A reader's name as PC/SC takes it."""
    return name.encode(ENCODING, _ODD)


def decoded(name: bytes) -> str:
    """A reader's name as PC/SC gave it."""
    return name.decode(ENCODING, _ODD)


def _unavailable(which: str) -> PCSCUnavailableError:
    return PCSCUnavailableError(f"PC/SC: no {which}", reason=which, advice=_ADVICE.get((sys.platform, which)))


def fail(operation: str, code: int) -> NoReturn:
    """Raise what PC/SC's code of an operation means."""
    kind = _ERRORS.get(code, TransportError)
    if kind is PCSCUnavailableError:
        raise _unavailable("access" if code == FORBIDDEN else "service")
    raise kind(reason=f"{code:08X}", operation=operation)


def no_service(error: ReaderError) -> bool:
    """Whether it says that the library is there, and its service is not."""
    return isinstance(error, PCSCUnavailableError) and error.details.get("reason") == "service"


def no_reader_yet(error: ReaderError) -> bool:
    """Whether it says no more than that no reader is connected."""
    return SERVICE_COMES_WITH_READER and no_service(error)


def lost(error: ReaderError) -> bool:
    """Whether it says that the context is of no use any more; another may be made when the service is back."""
    return no_service(error) or error.details.get("reason") in _LOST


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
    """One PC/SC context, and at most one card connected in it; both are let go of exactly once.

    Args:
        library: path of a PC/SC library, None for the system's own.
        keep: takes a context over whose card was let go of in good order, in place of its release.
    """

    def __init__(self, library: str | None, keep: Callable[[Context], None] | None = None) -> None:
        self.pcsc = _load(library)
        out = ffi.new("uint64_t *")
        check("establish", lib.zc_pcsc_establish(self.pcsc, out))
        self._own(int(out[0]), keep)

    def _own(self, handle: int, keep: Callable[[Context], None] | None) -> None:
        self.handle = handle
        self.reader = b""
        """Whose card is connected."""
        self._keep = keep
        self._card: list[int] = []
        self._process = os.getpid()
        self._end = weakref.finalize(self, _let_go, self.pcsc, handle, self._card, self._process, RESET)

    def passed_on(self, keep: Callable[[Context], None] | None = None) -> Context:
        """The same context in another's hands; this object is worth nothing any more."""
        self._end.detach()
        heir = Context.__new__(Context)
        heir.pcsc = self.pcsc
        heir._own(self.handle, keep)
        return heir

    def connect(self, reader: bytes, share: int) -> int:
        """Connect the card in ``reader``; returns the protocol (1: T=0, 2: T=1)."""
        card, protocol = ffi.new("uint64_t *"), ffi.new("uint32_t *")
        check("connect", lib.zc_pcsc_connect(self.pcsc, self.handle, reader, share, card, protocol))
        self._card.append(int(card[0]))
        self.reader = reader
        return int(protocol[0])

    @property
    def card(self) -> int:
        """The handle of the card connected.

        Raises:
            CardRemovedError: it is closed, or was connected before this process forked: the service would mix up the two.
        """
        if not self._card or not self._end.alive or self._process != os.getpid():
            raise CardRemovedError("the channel is closed, or this process forked", reason="closed")
        return self._card[0]

    def close(self, disposition: int = LEAVE) -> None:
        """Let go of the card, and of the context unless somebody keeps it; a second time does nothing."""
        if self._end.detach() is None or self._process != os.getpid():
            return
        orderly = bool(self._card) and _disconnect(self.pcsc, self._card, disposition)
        if orderly and self._keep is not None:
            self._keep(self.passed_on())
        else:
            _let_go(self.pcsc, self.handle, self._card, self._process, disposition)


def _disconnect(pcsc: Any, card: list[int], disposition: int) -> bool:
    """Let go of the card, if there is one; whether PC/SC says that it went well."""
    return all(lib.zc_pcsc_disconnect(pcsc, card.pop(), disposition) == 0 for _ in range(len(card)))


def _let_go(pcsc: Any, handle: int, card: list[int], process: int, disposition: int) -> None:
    """Disconnect and release. A channel that nobody closed is reset: what was verified in it must not stay so.

    A forked process inherits its parent's connection to the service: it must not end there what is the parent's.
    """
    if process != os.getpid():
        return
    _disconnect(pcsc, card, disposition)
    lib.zc_pcsc_release(pcsc, handle)
