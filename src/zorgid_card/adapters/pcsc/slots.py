"""Which readers there are, and what their slots hold: asked of PC/SC, raw."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

from zorgid_card._native import ffi, lib
from zorgid_card.adapters.pcsc.context import NO_READERS, NO_ROOM, Context, check, decoded, encoded
from zorgid_card.errors import ReaderError

# What stands in a slot's state (SCARD_STATE_*; pcsclite.h and winscard.h agree on the numbers).
CHANGED, UNKNOWN, UNAVAILABLE, PRESENT, MUTE = 0x02, 0x04, 0x08, 0x20, 0x200
COUNTER_SHIFT: Final = 16

NOTIFICATION: Final = "\\\\?PnP?\\Notification"
"""The name under which PC/SC tells that readers come and go."""

NOTIFIES: Final = sys.platform != "darwin"
"""macOS has never known it."""

MOST: Final = 10 if sys.platform == "win32" else int(lib.ZC_PCSC_SLOTS_MAX)
"""Slots that one call takes: MAXIMUM_SMARTCARD_READERS on Windows, PCSCLITE_MAX_READERS_CONTEXTS elsewhere."""

_ROOM, _MOST_ROOM = 2048, 1 << 20
"""Bytes for the names of all readers: pcsc-lite has 16 of at most 128."""


def reader_names(context: Context) -> list[str]:
    """All readers' names. Where there is no room for them PC/SC tells how much they want, and one more may come meanwhile.

    Raises:
        ReaderError: see :func:`check`; ``unsettled``: they change each time.
    """
    length = ffi.new("uint32_t *", _ROOM)
    for _ in range(10):
        names = ffi.new("char[]", length[0])
        code = lib.zc_pcsc_list(context.pcsc, context.handle, names, length[0], length)
        if code == 0:
            raw = bytes(ffi.buffer(names))[: length[0]]
            return [decoded(name) for name in raw.split(b"\0") if name]
        if code == NO_READERS:
            return []
        check("list readers", 0 if code == NO_ROOM else code)
        length[0] = max(_ROOM, min(length[0], _MOST_ROOM))
    raise ReaderError("list readers: the list keeps changing", reason="unsettled")


class Slots:
    """Slots that are asked about in one call, 16 at most; nothing is known of them at first."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = [ffi.new("char[]", encoded(name)) for name in names]  # kept alive: PC/SC reads them
        self._raw = ffi.new("zc_pcsc_slot[]", len(names))
        for number, name in enumerate(self._names):
            self._raw[number].reader = name

    def __len__(self) -> int:
        return len(self._names)

    def wait(self, context: Context, milliseconds: int) -> int:
        """Wait until a slot differs from what is known of it; gives PC/SC's code, and after 0 the new states are known."""
        return int(lib.zc_pcsc_wait(context.pcsc, context.handle, self._raw, len(self._names), milliseconds))

    def know(self, number: int, state: int) -> None:
        """Say what is known of a slot."""
        self._raw[number].state = state

    def state(self, number: int) -> int:
        """What is known of a slot, without the bit that it has changed."""
        return int(self._raw[number].state) & ~CHANGED

    def atr(self, number: int) -> bytes:
        """The answer to reset of the card in a slot, 0 to 36 bytes."""
        slot = self._raw[number]
        return bytes(ffi.buffer(slot.atr, slot.atr_length))


def comings(context: Context) -> int | None:
    """How often a card came into or left the reader whose card is connected, as PC/SC counts it; None where it does not."""
    if not NOTIFIES:  # macOS does not count either
        return None
    slot = Slots([decoded(context.reader)])
    return slot.state(0) >> COUNTER_SHIFT if slot.wait(context, 0) == 0 else None
