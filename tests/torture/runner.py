"""Makes runs, several at once, and has their endings judged."""

from __future__ import annotations

import gc
import multiprocessing
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from torture.court import Court
from torture.cuts import Counts, Life, Run
from torture.desk import DEADLINE, Shared, Trial
from zorgid_card.testkit.pcscd import PrivatePCSCD


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one run ended."""

    run: str
    ending: str
    why: str
    fired: int
    """How many of its cuts came."""
    told: tuple[str, ...]
    """What each process of the card side told the person at its end: ``killed``, ``finished``, or an error's code."""

    @property
    def loss(self) -> bool:
        return self.ending == "loss"


class Runner:
    """One worker's: makes runs and has them judged."""

    def __init__(self, shared: Shared, court: Court, directory: Path, broken: str = "") -> None:
        self._shared, self._court, self._directory, self.broken = shared, court, directory, broken
        self._number = 0
        self._uncut: dict[tuple[str, bool], dict[str, Any]] = {}
        self._made: dict[str, Trial] = {}

    def _place(self) -> Path:
        self._number += 1
        return self._directory / f"run-{self._number}"

    def count(self, dialect: str, before: Sequence[Life] = ()) -> Counts:
        """What there is to cut in a creation that nobody cuts, after these lives.

        It is judged, too: where a cut leaves nothing behind, this is how it goes on.
        """
        return self._counted(Trial(self._shared, self._place(), dialect), before)

    def count_renewal(self, dialect: str) -> Counts:
        """The same of a renewal."""
        return self._counted(self._in_use(dialect))

    def _counted(self, trial: Trial, before: Sequence[Life] = ()) -> Counts:
        for life in (*before, Life(())):
            last = trial.live(life)
        verdict = self._court.judge(trial, "resumed")
        trial.close()
        if verdict["ending"] != "active":
            what = "renewal" if trial.renews else "creation"
            raise SystemExit(f"a {trial.dialect} {what} that nobody cut: {verdict}, {trial.told}")
        self._uncut[trial.dialect, trial.renews] = verdict
        return Counts(**last.counts, first=frozenset(last.first))

    def run(self, run: Run) -> Iterator[Outcome]:
        """The cut lives, once; then each way to go on, from a copy of what they left."""
        trial = self._begun(run)
        for life in run.lives:
            trial.live(life)
        at_once = self._court.judge(trial, "cut")
        kept = self._kept(trial, run)
        for name, then in zip(run.names, run.then, strict=True):
            other = trial.copy(self._place())
            over = at_once["loss"] or (then == "resumed" and trial.told[-1] == "finished")
            verdict = at_once if over else self._go_on(other, then, kept)
            other.close()
            yield Outcome(name, verdict["ending"], verdict["why"], len(trial.fired), tuple(other.told))
        trial.close()

    def _begun(self, run: Run) -> Trial:
        if run.renews:
            return self._in_use(run.dialect)
        return Trial(self._shared, self._place(), run.dialect, self.broken)

    def _in_use(self, dialect: str) -> Trial:
        """A card in use; it is made once, and copied for each run."""
        if dialect not in self._made:
            made = Trial(self._shared, self._place(), dialect)
            made.live(Life(()))
            made.in_use()
            self._made[dialect] = made
        made = self._made[dialect]
        made.broken = self.broken
        return made.copy(self._place())

    def _kept(self, trial: Trial, run: Run) -> str:
        """The PUK that must stay: a process was killed when the card had it, the person too, and nobody had given the card up."""
        puk = trial.paper.puks[-1] if trial.paper.puks else ""
        alone = len(run.lives) == 1 and trial.told == ["killed"] and not run.renews
        return puk if alone and trial.state.puk.value == puk.encode() else ""

    def _go_on(self, trial: Trial, then: str, kept: str) -> dict[str, Any]:
        if then == "resumed":
            if trial.untouched:
                return self._uncut[trial.dialect, trial.renews]
            trial.live(Life(()))
            return self._court.judge(trial, "resumed", kept)
        trial.pass_time(DEADLINE + timedelta(seconds=1))
        return self._court.judge(trial, "never")


@contextmanager
def runner(shared: Shared, directory: Path, daemon: PrivatePCSCD, number: int, broken: str = "") -> Iterator[Runner]:
    """The runner in the slot of this number."""
    directory.mkdir()
    names, slot = [slot.name for slot in daemon.slots], daemon.slots[number]
    others = [name for name in names if name != slot.name]
    court = Court(directory / "court", shared.directory, slot.port, slot.name, others)
    try:
        yield Runner(shared, court, directory, broken)
    finally:
        court.close()


def work(
    shared: Shared, directory: Path, daemon: PrivatePCSCD, number: int, runs: Sequence[Run], found: Any, broken: str
) -> None:
    """A worker's process: its share of the runs."""
    try:
        shared.open_keys()
        with runner(shared, directory, daemon, number, broken) as judged:
            for dialect, renews in {(run.dialect, run.renews) for run in runs}:
                (judged.count_renewal if renews else judged.count)(dialect)
            gc.freeze()
            for run in runs:
                for outcome in judged.run(run):
                    found.put(outcome)
    finally:
        found.put(None)


def make_runs(
    shared: Shared, directory: Path, daemon: PrivatePCSCD, runs: Sequence[Run], broken: str
) -> Iterator[Outcome]:
    """All runs, shared by as many processes as there are slots."""
    fork = multiprocessing.get_context("fork")
    found, several = fork.SimpleQueue(), len(daemon.slots)
    workers = [
        fork.Process(
            target=work,
            args=(shared, directory / f"worker-{n}", daemon, n, runs[n::several], found, broken),
            daemon=False,
        )
        for n in range(several)
    ]
    for worker in workers:
        worker.start()
    left = several
    while left:
        outcome = found.get()
        if outcome is None:
            left -= 1
        else:
            yield outcome
    for worker in workers:
        worker.join()
    if any(worker.exitcode for worker in workers):
        raise SystemExit("a worker of the harness failed")
