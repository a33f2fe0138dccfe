"""The readers of this computer."""

from __future__ import annotations

import os
import time
from typing import Any, Final

from zorgid_card._native import ffi, lib
from zorgid_card.adapters.pcsc import sharing
from zorgid_card.adapters.pcsc.channel import PCSCChannel
from zorgid_card.adapters.pcsc.context import ENCODING, NO_READERS, TIMEOUT, Context, check, opened
from zorgid_card.errors import NoCardError, NoReaderError, ReaderError

LIBRARY_VARIABLE: Final = "ZORGID_PCSC_LIBRARY"

_SLICE_MS: Final = 250  # so that Ctrl-C is heard while waiting for a card
_PRESENT, _CHANGED, _UNKNOWN = 0x20, 0x02, 0x04
_COUNTER_SHIFT: Final = 16


class PCSCReader:
    """One reader of this computer (:class:`zorgid_card.ports.card.Reader`)."""

    def __init__(self, name: str, library: str | None = None) -> None:
        self._name = name
        self._encoded = name.encode(ENCODING)
        self._library = library

    @property
    def name(self) -> str:
        """The reader's name as PC/SC gives it."""
        return self._name

    def __repr__(self) -> str:
        return f"PCSCReader({self._name!r})"

    def connect(self, *, exclusive: bool = False, timeout: float = 0) -> PCSCChannel:
        """Power the card and open a channel to it.

        Args:
            exclusive: nobody else may use the card until the channel is closed.
            timeout: for how many seconds to wait while others stand in the way.

        Raises:
            NoCardError: the slot is empty.
            NoReaderError: the reader was unplugged.
            ReaderBusyError: another program holds the card exclusively, or ``exclusive`` is asked while one uses it;
                ``holders`` names programs that may, where that can be told.
            CardResponseError: the card does not answer (it may be in upside down).
            PCSCUnavailableError: the PC/SC service has stopped.
        """
        context = Context(self._library)
        try:
            protocol, share = sharing.connect(context, self._encoded, self._name, exclusive=exclusive, timeout=timeout)
            return PCSCChannel(context, protocol, share)
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
        with opened(self._library) as context:
            state = ffi.new("uint32_t *", 0)
            while True:
                self._look(context, state, end)
                if bool(state[0] & _PRESENT) == present:
                    return
                if end is not None and time.monotonic() >= end:
                    raise NoCardError("the time to wait has passed", reason="timeout")

    def insertion(self) -> int | None:
        """A number for the card being in this reader since it was put in, as PC/SC counts it (the high word of its state).

        To know it of a card that is connected, connect first and ask then: a card taken out in between answers no more.

        Returns:
            None where that cannot be known: no card, no reader, or nothing counted yet.
        """
        with opened(self._library) as context:
            state = ffi.new("uint32_t *", 0)
            if lib.zc_pcsc_wait(context.pcsc, context.handle, self._encoded, 0, state) != 0:
                return None
            return int(state[0]) >> _COUNTER_SHIFT or None if state[0] & _PRESENT else None

    def _look(self, context: Context, state: Any, end: float | None) -> None:
        """Let ``state`` become the slot's, waiting a while for it to change; the first look does not wait."""
        left = _SLICE_MS if end is None else min(_SLICE_MS, max(0, int((end - time.monotonic()) * 1000)))
        before = int(state[0])
        code = lib.zc_pcsc_wait(context.pcsc, context.handle, self._encoded, left, state)
        if code == TIMEOUT:
            state[0] = before
            return
        check("wait", code)
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
    with opened(library) as context:
        return [PCSCReader(name, library) for name in _names(context)]


def _names(context: Context) -> list[str]:
    """All readers' names. Between asking for the size and for the names a reader may be plugged in: ask again."""
    length = ffi.new("uint32_t *")
    for _ in range(3):
        code = lib.zc_pcsc_list(context.pcsc, context.handle, ffi.NULL, 0, length)
        if code == NO_READERS:
            return []
        check("list readers", code)
        names = ffi.new("char[]", length[0])
        if lib.zc_pcsc_list(context.pcsc, context.handle, names, length[0], length) == 0:
            raw = bytes(ffi.buffer(names, length[0]))
            return [name.decode(ENCODING, "replace") for name in raw.split(b"\0") if name]
    raise ReaderError("list readers: the list keeps changing", reason="unsettled")
