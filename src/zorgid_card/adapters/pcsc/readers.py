"""The readers of this computer."""

from __future__ import annotations

import itertools
import os
import threading
import time
from functools import cache
from typing import Final

from zorgid_card.adapters.pcsc import sharing
from zorgid_card.adapters.pcsc.channel import PCSCChannel
from zorgid_card.adapters.pcsc.context import (
    TIMEOUT,
    Context,
    check,
    encoded,
    lost,
    no_reader_yet,
    opened,
)
from zorgid_card.adapters.pcsc.slots import COUNTER_SHIFT, NOTIFICATION, NOTIFIES, PRESENT, UNKNOWN, Slots, reader_names
from zorgid_card.errors import NoCardError, NoReaderError, PCSCUnavailableError, ReaderError

LIBRARY_VARIABLE: Final = "ZORGID_PCSC_LIBRARY"

SLICE_MS: Final = 250
"""The longest that Ctrl-C goes unheard while waiting."""


class PCSCReader:
    """One reader of this computer (:class:`zorgid_card.ports.card.Reader`)."""

    def __init__(self, name: str, library: str | None = None) -> None:
        self._name = name
        self._encoded = encoded(name)
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
        slot = Slots([self._name])
        with opened(self._library) as context:
            while True:
                self._look(context, slot, end)
                if bool(slot.state(0) & PRESENT) == present:
                    return
                if end is not None and time.monotonic() >= end:
                    raise NoCardError("the time to wait has passed", reason="timeout")

    def _look(self, context: Context, slot: Slots, end: float | None) -> None:
        """Let ``slot`` know its state, waiting a while for it to change; the first look does not wait."""
        left = SLICE_MS if end is None else min(SLICE_MS, max(0, int((end - time.monotonic()) * 1000)))
        code = slot.wait(context, left)
        if code == TIMEOUT:
            return
        check("wait", code)
        slot.know(0, slot.state(0))
        if slot.state(0) & UNKNOWN:
            raise NoReaderError("the reader is gone", reason="unplugged")

    def insertion(self) -> int | None:
        """A number for the card being in this reader since it was put in: while it stays the same, nobody took the card out.

        To know it of a card that is connected, connect first and ask then: a card taken out in between answers no more. The
        number is one of this process, and changes when the PC/SC service restarts.

        Returns:
            None where that cannot be known: no card, no reader, no service, a platform that does not count (macOS), or a card
            that came with its reader, of which nothing is counted yet.
        """
        return _counting(self._library, os.getpid()).number(self._name)


class _Counting:
    """A context that is kept, since the numbers that PC/SC counts mean something within one context only."""

    def __init__(self, library: str | None) -> None:
        self._library = library
        self._lock = threading.Lock()
        self._context: Context | None = None
        self._epoch = 0

    def number(self, reader: str) -> int | None:
        """See :meth:`PCSCReader.insertion`."""
        with self._lock:
            for _ in range(2):  # a context that was lost meanwhile is made again, once
                try:
                    return self._number(reader, self._kept())
                except NoReaderError:
                    return None
                except ReaderError as error:
                    if not lost(error):
                        raise
                    self._drop()
        return None

    def _number(self, reader: str, context: Context) -> int | None:
        slots = Slots([reader, NOTIFICATION] if NOTIFIES else [reader])
        check("look", slots.wait(context, 0))
        state, notification = slots.state(0), slots.state(len(slots) - 1)
        counted, moved = state >> COUNTER_SHIFT, notification >> COUNTER_SHIFT
        if not state & PRESENT or not counted:
            return None
        return (self._epoch << COUNTER_SHIFT | moved) << COUNTER_SHIFT | counted

    def _kept(self) -> Context:
        if self._context is None:
            self._context = Context(self._library)
            self._epoch = next(_epochs)
        return self._context

    def _drop(self) -> None:
        if self._context is not None:
            self._context.close()
            self._context = None


_epochs = itertools.count(1)


@cache
def _counting(library: str | None, process: int) -> _Counting:
    """The kept context of a library; a forked process makes its own."""
    return _Counting(library)


def forget_insertions() -> None:
    """Let go of the contexts in which insertions are counted; they are made anew when one is asked for, with other numbers.

    Such a context keeps a PC/SC service that ends by itself from ending, until this process does.
    """
    _counting.cache_clear()


def readers(*, library: str | None = None) -> list[PCSCReader]:
    """The readers of this computer, in PC/SC's order; none is an empty list.

    Args:
        library: path of a PC/SC library; without, ``ZORGID_PCSC_LIBRARY`` or the system's own.

    Raises:
        PCSCUnavailableError: the library or its service is not there; ``reason`` is "library" or "service".
    """
    library = library or os.environ.get(LIBRARY_VARIABLE)
    try:
        with opened(library) as context:
            return [PCSCReader(name, library) for name in reader_names(context)]
    except PCSCUnavailableError as error:
        if no_reader_yet(error):
            return []
        raise
