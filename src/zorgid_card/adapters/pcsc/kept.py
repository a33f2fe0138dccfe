"""What is kept of PC/SC from one use to the next: each context costs the service a thread, and each question a round trip."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar

from zorgid_card.adapters.pcsc.context import TIMEOUT, Context, check, lost
from zorgid_card.adapters.pcsc.keypad import Features
from zorgid_card.adapters.pcsc.slots import COUNTER_SHIFT, NOTIFICATION, NOTIFIES, PRESENT, UNKNOWN, Slots, reader_names
from zorgid_card.errors import NoReaderError, ReaderError

T = TypeVar("T")


class Stay:
    """A card's stay in a reader, from being put in to being taken out.

    Attributes:
        number: tells it from others (:meth:`PCSCReader.insertion`); None where that cannot be known.
        atr: the card's answer to reset.
        comings: :func:`~zorgid_card.adapters.pcsc.slots.comings`, when it was seen.
        features: what the reader told of itself meanwhile.
    """

    __slots__ = ("atr", "comings", "features", "number")

    def __init__(self, number: int | None, atr: bytes, comings: int | None) -> None:
        self.number = number
        self.atr = atr
        self.comings = comings
        self.features: Features | None = None


class Kept:
    """One context to look in, which serves all threads as nobody waits in it, and one to connect a card in, while none is.

    The numbers that PC/SC counts mean something within one context only. What serves one card's channel is that one's alone.
    """

    def __init__(self, library: str | None) -> None:
        self._library = library
        self._lock = threading.Lock()
        self._context: Context | None = None
        self._epoch = 0
        self._spare: Context | None = None
        self._stays: dict[str, Stay] = {}
        self._closed = False

    # --- looking

    def names(self) -> list[str]:
        """All readers' names, in PC/SC's order."""
        return self._look(reader_names)

    def present(self, reader: str) -> bool:
        """Whether a card is in a reader.

        Raises:
            NoReaderError: the reader was unplugged.
        """
        return bool(self._look(lambda context: _state(context, Slots([reader]))) & PRESENT)

    def stay(self, reader: str) -> Stay | None:
        """The stay of the card that is in a reader; None: no card, no reader, no service."""
        with suppress(NoReaderError):
            return self._look(lambda context: self._stay(reader, context))
        return None

    def _stay(self, reader: str, context: Context) -> Stay | None:
        slots = Slots([reader, NOTIFICATION] if NOTIFIES else [reader])
        state = _state(context, slots)
        if not state & PRESENT:
            return None
        number = self._number(state >> COUNTER_SHIFT, slots.state(len(slots) - 1) >> COUNTER_SHIFT)
        known, atr = self._stays.get(reader), slots.atr(0)
        if known is None or number is None or (known.number, known.atr) != (number, atr):
            known = self._stays[reader] = Stay(number, atr, state >> COUNTER_SHIFT if NOTIFIES else None)
        return known

    def _number(self, counted: int, moved: int) -> int | None:
        """``moved``: how often readers came or went, where PC/SC tells."""
        return (self._epoch << COUNTER_SHIFT | moved) << COUNTER_SHIFT | counted if counted else None

    def _look(self, work: Callable[[Context], T]) -> T:
        """A context that was lost meanwhile is made again, once."""
        with self._lock:
            if self._context is not None:
                try:
                    return work(self._context)
                except ReaderError as error:
                    if not lost(error):
                        raise
                    self._context.close()
            self._context = None
            self._context = Context(self._library)
            self._epoch = next(_epochs)
            return work(self._context)

    # --- connecting

    def connected(self, connect: Callable[[Context], T]) -> tuple[Context, T]:
        """Connect a card; its context comes back here when the card is let go of.

        Args:
            connect: tries it in a context, and in a second one where the one that was kept is lost.
        """
        with self._lock:
            spare, self._spare = self._spare, None
        if spare is not None:
            try:
                return _using(spare.passed_on(self._keep), connect)
            except ReaderError as error:
                if not lost(error):
                    raise
        return _using(Context(self._library, self._keep), connect)

    def _keep(self, context: Context) -> None:
        with self._lock:
            surplus, self._spare = (context, None) if self._closed else (self._spare, context)
        if surplus is not None:
            surplus.close()

    def close(self) -> None:
        """Let go of both contexts; one that still has a card connected is not taken back."""
        with self._lock:
            self._closed = True
            contexts = (self._context, self._spare)
            self._context = self._spare = None
        for context in contexts:
            if context is not None:
                context.close()


def _using(context: Context, connect: Callable[[Context], T]) -> tuple[Context, T]:
    try:
        return context, connect(context)
    except BaseException:
        context.close()
        raise


def _state(context: Context, slots: Slots) -> int:
    """The state of the first slot."""
    code = slots.wait(context, 0)
    check("look", 0 if code == TIMEOUT else code)
    if slots.state(0) & UNKNOWN:
        raise NoReaderError("the reader is gone", reason="unplugged")
    return slots.state(0)


_epochs = itertools.count(1)


_kept: Final[dict[tuple[str | None, int], Kept]] = {}


def kept(library: str | None) -> Kept:
    """What is kept of a library; a forked process keeps its own."""
    key = library, os.getpid()
    return _kept.get(key) or _kept.setdefault(key, Kept(library))


def forget_insertions() -> None:
    """Let go of the contexts that are kept; they are made anew when they are wanted, and insertions get other numbers.

    Such a context keeps a PC/SC service that ends by itself from ending, until this process does.
    """
    for key in [key for key in _kept if key[1] == os.getpid()]:
        _kept.pop(key).close()
