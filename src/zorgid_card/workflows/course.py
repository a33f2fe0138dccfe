"""How far the making of a card has come, and how long it still takes, told to its holder; also while the card is busy (CRD-7)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context
from typing import Final, TypeVar

from zorgid_card.workflows.holder import Holder, Progress, Step

T = TypeVar("T")

BEAT: Final = 0.5
"""Seconds between two signs of life."""


class Course:
    """The steps of one making, with their usual durations; the holder is told, always from the thread that calls.

    Args:
        holder: is told.
        steps: those that are to be made, in their order.
        usual: how many seconds a step takes, by its name, as far as it is known.
    """

    def __init__(self, holder: Holder, steps: Sequence[Step], usual: Mapping[str, float]) -> None:
        self._holder = holder
        self._steps = tuple(steps)
        self._usual = usual
        self._step = self._steps[0]
        self._since = 0.0

    def begin(self, step: Step) -> None:
        """The step begins."""
        self._step, self._since = step, time.monotonic()
        self._tell()

    @property
    def took(self) -> float:
        """Seconds since the step began, without those in which the person was asked."""
        return time.monotonic() - self._since

    @contextmanager
    def asking(self) -> Iterator[None]:
        """The person is asked: their time is not the step's."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self._since += time.monotonic() - begun

    def wait(self, seconds: float) -> None:
        """Let this time pass, and tell meanwhile that it goes on; whoever interrupts it ends it at once."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(BEAT, left))
            self._tell()

    def busy(self, work: Callable[[], T], stop: Callable[[], None]) -> T:
        """Do what may keep the card busy for long, in a thread of its own, and tell meanwhile that it goes on.

        Args:
            work: is never left alone: who interrupts this waits until the card has answered.
            stop: called when it is interrupted, so that no further command begins.
        """
        with ThreadPoolExecutor(1, "zorgid-card-busy") as executor:
            future = executor.submit(copy_context().run, work)
            try:
                while not wait((future,), BEAT).done:
                    self._tell()
            except BaseException:
                stop()
                raise
            return future.result()

    def _tell(self) -> None:
        self._holder.progress(Progress(step=self._step, share=self._share(), seconds_left=self._left()))

    def _share(self) -> float:
        left, total = self._left(), self._seconds(self._steps)
        if left is None or not total:
            return self._steps.index(self._step) / len(self._steps)
        return max(0.0, 1 - left / total)

    def _left(self) -> float | None:
        now, *following = self._steps[self._steps.index(self._step) :]
        present, later = self._seconds([now]), self._seconds(following)
        return None if present is None or later is None else max(0.0, present - self.took) + later

    def _seconds(self, steps: Sequence[Step]) -> float | None:
        known = [self._usual[step] for step in steps if step in self._usual]
        return sum(known) if len(known) == len(steps) else None
