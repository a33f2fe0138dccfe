"""Readers and cards as they come and go: a stream of events, for ``for`` and for ``async for``."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Final

from zorgid_card._native import lib
from zorgid_card.adapters.pcsc.context import (
    CANCELLED,
    TIMEOUT,
    UNKNOWN_READER,
    Context,
    check,
    lost,
    no_reader_yet,
)
from zorgid_card.adapters.pcsc.events import Held, ReaderEvent, SlotState, Snapshot, changes
from zorgid_card.adapters.pcsc.readers import LIBRARY_VARIABLE, SLICE_MS, PCSCReader
from zorgid_card.adapters.pcsc.slots import (
    COUNTER_SHIFT,
    MOST,
    MUTE,
    NOTIFICATION,
    NOTIFIES,
    PRESENT,
    UNAVAILABLE,
    UNKNOWN,
    Slots,
    reader_names,
)
from zorgid_card.errors import PCSCUnavailableError, ReaderError

_FIRST_RETRY: Final = 0.02
_LAST_RETRY: Final = 1.0
"""Seconds between two tries to reach a service that is gone."""
_SETTLE: Final = 0.02
"""Seconds to pause where PC/SC ends a wait at once, and nothing has changed that is told."""
_NUDGE: Final = 0.005
"""Seconds after which a wait is cancelled again: PC/SC forgets a cancellation that comes just before the wait."""


def watch_readers(*, library: str | None = None) -> ReaderWatch:
    """The readers of this computer, and the cards in them, as they come and go.

    The first events report what is already there. The stream ends when it is closed, from this thread or another; Ctrl-C is heard
    within a quarter of a second. It survives that the PC/SC service restarts, or (on Windows) stops with its last reader: all
    readers are removed then, and added again when the service is back.

    Args:
        library: path of a PC/SC library; without, ``ZORGID_PCSC_LIBRARY`` or the system's own.

    Raises:
        PCSCUnavailableError: the library, or (but on Windows, where it comes with a reader) its service is not there.
    """
    return ReaderWatch(library or os.environ.get(LIBRARY_VARIABLE))


class ReaderWatch:
    """What :func:`watch_readers` gives: an iterator, an asynchronous iterator and a context manager.

    It serves one consumer at a time. No thread runs but while ``async for`` waits, and nothing is lost when that is cancelled: the
    watch can be used on.
    """

    def __init__(self, library: str | None) -> None:
        self._library = library
        self._context: Context | None = None
        self._known: dict[str, SlotState] = {}
        self._states: dict[str, int] = {}
        self._pending: deque[ReaderEvent] = deque()
        self._turn = threading.RLock()
        self._bell = threading.Event()
        self._napping = self._closed = False
        self._notified = NOTIFIES
        self._notification = 0
        self._retry = _FIRST_RETRY
        try:
            self._connected()
        except PCSCUnavailableError as error:
            if not no_reader_yet(error):
                raise

    def __iter__(self) -> ReaderWatch:
        return self

    def __next__(self) -> ReaderEvent:
        while not self._closed:
            if self._pending:
                return self._pending.popleft()
            self._fill(None)
        raise StopIteration

    def __aiter__(self) -> ReaderWatch:
        return self

    async def __anext__(self) -> ReaderEvent:
        while not self._closed:
            if self._pending:
                return self._pending.popleft()
            await self._fill_in_thread()
        raise StopAsyncIteration

    def __enter__(self) -> ReaderWatch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def poll(self, timeout: float = 0.0) -> list[ReaderEvent]:
        """The events since the last, as soon as there are any; none after ``timeout`` seconds, or when the watch is closed.

        Raises:
            TransportError: PC/SC answers what cannot be waited out.
        """
        if not self._pending:
            self._fill(time.monotonic() + timeout)
        events = [] if self._closed else list(self._pending)
        self._pending.clear()
        return events

    @property
    def snapshot(self) -> Snapshot:
        """The readers as the last look found them; what it changed may still be to come as events."""
        return dict(self._known)

    def reader(self, name: str) -> PCSCReader:
        """The reader that events call so."""
        return PCSCReader(name, self._library)

    def close(self) -> None:
        """End the stream, and whatever waits for it, at once; a second time does nothing."""
        self._closed = True
        self._wake()
        while not self._turn.acquire(timeout=_NUDGE):
            self._wake()
        try:
            self._pending.clear()
            self._let_go()
        finally:
            self._turn.release()

    # --- waiting

    def _fill(self, end: float | None, abandoned: Callable[[], bool] = lambda: False) -> None:
        """Look, and wait, until something is pending; not beyond ``end``."""
        with self._turn:
            self._bell.clear()
            early = False
            while not self._closed:
                self._look()
                left = SLICE_MS / 1000 if end is None else end - time.monotonic()
                if self._pending or left <= 0 or abandoned():
                    return
                if early:
                    self._bell.wait(_SETTLE)
                early = self._nap(left)

    async def _fill_in_thread(self) -> None:
        """Fill in a thread that ends with this call, however it ends."""
        import asyncio  # noqa: PLC0415  # a log-in has no use for it, and would wait for it longer than for the card

        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        abandoned = threading.Event()
        failures: list[BaseException] = []

        def settle() -> None:
            if not done.done():
                done.set_result(None)

        def work() -> None:
            try:
                self._fill(None, abandoned.is_set)
            except BaseException as error:  # it is raised where the call was made
                failures.append(error)
            loop.call_soon_threadsafe(settle)

        thread = threading.Thread(target=work, name="zorgid_card readers", daemon=True)
        thread.start()
        try:
            await done
        finally:
            abandoned.set()
            while thread.is_alive():
                self._wake()
                thread.join(_NUDGE)
        for failure in failures:
            raise failure

    def _wake(self) -> None:
        """End what another thread waits for, if it does so already."""
        self._bell.set()
        context = self._context
        if self._napping and context is not None:
            lib.zc_pcsc_cancel(context.pcsc, context.handle)

    def _nap(self, seconds: float) -> bool:
        """Wait until something may have changed, a slice of time at most; tells whether PC/SC ended it before that."""
        context = self._context
        if context is None:
            self._bell.wait(min(seconds, self._retry))
            self._retry = min(2 * self._retry, _LAST_RETRY)
            return False
        slots = self._waited_for()
        if slots is None:
            self._bell.wait(min(seconds, SLICE_MS / 1000))
            return False
        self._napping = True
        try:
            code = slots.wait(context, max(1, int(min(seconds, SLICE_MS / 1000) * 1000)))
        finally:
            self._napping = False
        if code == 0 and self._notified:
            self._notification = slots.state(len(slots) - 1)
            self._notified = not self._notification & UNKNOWN
        return self._ended(code)

    def _ended(self, code: int) -> bool:
        if code not in (0, TIMEOUT, CANCELLED, UNKNOWN_READER):
            try:
                check("wait for a change", code)
            except ReaderError as error:
                self._lose(error)
        return code != TIMEOUT

    def _waited_for(self) -> Slots | None:
        """The slots to wait for; where PC/SC takes no more of them, the others are only looked at after each slice."""
        names = list(self._states)[: MOST - self._notified]
        if self._notified:
            slots = Slots([*names, NOTIFICATION])
            slots.know(len(names), self._notification)
        elif names:
            slots = Slots(names)
        else:
            return None
        for number, name in enumerate(names):
            slots.know(number, self._states[name])
        return slots

    # --- looking

    def _look(self) -> None:
        """Note what has changed since the last look; first that all is gone, if the service is no more or restarted."""
        for _ in range(2):
            try:
                states = self._asked(self._connected())
            except ReaderError as error:
                self._lose(error)
                continue
            if states is not None:
                self._states = {name: state for name, (state, _) in states.items()}
                self._note({name: _slot(state, atr) for name, (state, atr) in states.items()})
            return

    def _connected(self) -> Context:
        if self._context is None:
            self._context = Context(self._library)
            self._retry = _FIRST_RETRY
        return self._context

    @staticmethod
    def _asked(context: Context) -> dict[str, tuple[int, bytes]] | None:
        """State and ATR of each reader; None where a reader went while they were asked."""
        names = reader_names(context)
        found: dict[str, tuple[int, bytes]] = {}
        for start in range(0, len(names), MOST):
            part = names[start : start + MOST]
            slots = Slots(part)
            code = slots.wait(context, 0)
            if code == UNKNOWN_READER:
                return None
            check("look at the readers", code)
            found |= {name: (slots.state(number), slots.atr(number)) for number, name in enumerate(part)}
        return {name: known for name, known in found.items() if not known[0] & (UNKNOWN | UNAVAILABLE)}

    def _note(self, snapshot: dict[str, SlotState]) -> None:
        events = list(changes(self._known, snapshot))
        self._known = snapshot
        self._pending.extend(events)

    def _lose(self, error: ReaderError) -> None:
        """All readers are gone with the service, whose next context tells of others, or of the same again."""
        if not lost(error):
            raise error
        self._let_go()
        self._states, self._notification = {}, 0
        self._note({})

    def _let_go(self) -> None:
        context, self._context = self._context, None
        if context is not None:
            context.close()


def _slot(state: int, atr: bytes) -> SlotState:
    held = Held.NOTHING
    if state & PRESENT:
        held = Held.MUTE if state & MUTE else Held.CARD
    return SlotState(held=held, atr=atr if held is Held.CARD else b"", counter=state >> COUNTER_SHIFT)
