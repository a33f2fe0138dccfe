"""A card that several programs want: waiting until it is free, and who may be holding it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

from zorgid_card.adapters.pcsc.context import EXCLUSIVE, SHARED, Context
from zorgid_card.errors import ReaderBusyError

_PAUSE: Final = 0.1
_PROCESSES: Final = Path("/proc")
_LIBRARY: Final = b"libpcsclite"


def connect(context: Context, reader: bytes, name: str, *, exclusive: bool, timeout: float) -> tuple[int, int]:
    """Connect the card in a reader; while others stand in the way, try for ``timeout`` seconds.

    Returns:
        The protocol (1: T=0, 2: T=1) and how the card is shared.

    Raises:
        ReaderBusyError: others still stand in the way; ``holders`` names programs that may, where that can be told.
    """
    share = EXCLUSIVE if exclusive else SHARED
    end = time.monotonic() + timeout
    while True:
        try:
            return context.connect(reader, share), share
        except ReaderBusyError as error:
            left = end - time.monotonic()
            if left <= 0:
                raise ReaderBusyError(str(error), reader=name, holders=holders(), reason=error.reason) from error
            time.sleep(min(_PAUSE, left))


def holders(processes: Path = _PROCESSES) -> str | None:
    """Other programs that have the library of PC/SC loaded, as far as this user may see: one of them may hold the card.

    Best effort, on Linux alone; None where nothing is found. It is not told which reader a program uses.
    """
    found: set[str] = set()
    for maps in processes.glob("[0-9]*/maps"):
        try:
            if maps.parent.name != str(os.getpid()) and _LIBRARY in maps.read_bytes():
                found.add(maps.with_name("comm").read_text(errors="replace").strip())
        except OSError:
            continue  # ended meanwhile, or another user's
    return ", ".join(sorted(found)) or None
