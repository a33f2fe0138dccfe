"""Another program at the computer's PC/SC service: it sees cards come and go, and may reset one.

It speaks PC/SC by itself, not by the library's own adapter, which it is there to test.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from zorgid_card._native import ffi, lib
from zorgid_card.errors import NoCardError, PCSCUnavailableError, TransportError

_SHARED, _LEAVE, _RESET = 2, 0, 1
_PRESENT, _CHANGED = 0x20, 0x02
_TIMEOUT = 0x8010000A
_SLICE_MS: Final = 100


class Bystander:
    """Looks at one reader.

    Args:
        reader: its name as PC/SC gives it.
    """

    def __init__(self, reader: str) -> None:
        self._reader = reader

    def wait(self, *, present: bool, timeout: float = 10.0) -> None:
        """Return as soon as PC/SC has seen a card come into the reader, or leave it.

        Raises:
            NoCardError: ``timeout`` seconds passed.
            PCSCUnavailableError, TransportError: PC/SC, or this reader, is not there.
        """
        end = time.monotonic() + timeout
        name = ffi.new("char[]", self._reader.encode())
        slot = ffi.new("zc_pcsc_slot *", {"reader": name})
        with _context() as (pcsc, context):
            while True:
                code = lib.zc_pcsc_wait(pcsc, context, slot, 1, _SLICE_MS)
                if code != _TIMEOUT:
                    _check("wait", code)
                if bool(slot.state & _PRESENT) is present:
                    return
                if time.monotonic() > end:
                    raise NoCardError(f"{self._reader}: PC/SC saw no change", reader=self._reader, reason="timeout")
                slot.state &= ~_CHANGED & 0xFFFFFFFF

    def reset(self) -> None:
        """Reset the card, which is lost to every other program until it connects again.

        Raises:
            PCSCUnavailableError, TransportError: it cannot be reached.
        """
        card, protocol = ffi.new("uint64_t *"), ffi.new("uint32_t *")
        with _context() as (pcsc, context):
            _check("connect", lib.zc_pcsc_connect(pcsc, context, self._reader.encode(), _SHARED, card, protocol))
            _check("reset", lib.zc_pcsc_disconnect(pcsc, card[0], _RESET))


@contextmanager
def _context() -> Iterator[tuple[Any, int]]:
    pcsc, context = ffi.new("zc_pcsc *"), ffi.new("uint64_t *")
    if lib.zc_pcsc_load(pcsc, ffi.NULL) != lib.ZC_OK:
        raise PCSCUnavailableError("PC/SC: no library", reason="library")
    try:
        _check("establish", lib.zc_pcsc_establish(pcsc, context))
        try:
            yield pcsc, int(context[0])
        finally:
            lib.zc_pcsc_release(pcsc, context[0])
    finally:
        lib.zc_pcsc_unload(pcsc)


def _check(operation: str, code: int) -> None:
    if code != 0:
        raise TransportError(f"{operation}: PC/SC answered {code:08X}", reason=f"{code:08X}", operation=operation)
