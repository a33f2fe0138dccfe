"""Time two ways of doing one thing, in turns, so that whatever else the machine does falls on both."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median, quantiles
from timeit import Timer
from typing import Any

ROUNDS = 61
SLICE = 0.004
"""Seconds that each side runs in one round, at least."""


@dataclass(frozen=True, slots=True)
class Case:
    """One comparison.

    Attributes:
        name: what is done.
        ours, peer: do it once; or ``count`` times.
        peer_name: whose the other way is.
        least: the ratio to reach; None: for information.
        count: how often one call of either does it.
        rounds: how many turns.
        unit: what is measured; what is counted instead of timed does not go through :func:`run`.
    """

    name: str
    ours: Callable[[], Any]
    peer_name: str
    peer: Callable[[], Any]
    least: float | None = None
    count: int = 1
    rounds: int = ROUNDS
    unit: str = "µs"


@dataclass(frozen=True, slots=True)
class Result:
    """Medians in the case's unit; ``low`` and ``high`` hold four fifths of the rounds' ratios."""

    case: Case
    ours: float
    peers: float
    ratio: float
    low: float
    high: float

    @property
    def reached(self) -> bool:
        """Whether the ratio is at least what was to be reached."""
        return self.case.least is None or self.ratio >= self.case.least


def _loops(work: Callable[[], Any]) -> int:
    """How often ``work`` fits in a slice; it is warm afterwards."""
    loops = 1
    while Timer(work).timeit(loops) < SLICE and loops < 1_000_000:
        loops *= 2
    return loops


def run(case: Case) -> Result:
    """Both sides in turns; the ratio is the median of the rounds' ratios."""
    loops = [_loops(case.ours), _loops(case.peer)]
    timers = [Timer(case.ours), Timer(case.peer)]
    times: list[list[float]] = [[], []]
    gc.collect()
    gc.disable()
    try:
        for number in range(case.rounds):
            for side in (0, 1) if number % 2 else (1, 0):
                times[side].append(timers[side].timeit(loops[side]) / loops[side] / case.count * 1e6)
    finally:
        gc.enable()
    ratios = [peer / ours for ours, peer in zip(*times, strict=True)]
    tenths = quantiles(ratios, n=10)
    return Result(case, median(times[0]), median(times[1]), median(ratios), tenths[0], tenths[-1])
