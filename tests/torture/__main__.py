# SPDX-License-Identifier: Apache-2.0
"""Cut the making of cards everywhere, and have the endings judged.

python -m torture [--algorithms ECCP256,RSA2048] [--seeds 500] [--report DOCUMENT]
python -m torture --run yubico/ECCP256/apdu-200-kill-after/resumed

Wants root, a network of its own and an empty /run/pcscd (``make torture`` sees to that), and the Debian packages pcscd,
vsmartcard-vpcd, opensc-pkcs11 and openssl.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from torture.court import Court
from torture.cuts import ALGORITHMS, DIALECTS, Counts, Life, Run, seeded, singles
from torture.desk import DEADLINE, Stage, Town
from zorgid_card.testkit.pcscd import PrivatePCSCD, private_pcscd, why_not

SEEDS = 500
MEMORY = Path("/dev/shm")
"""What is written there survives kills of processes all the same, and its synchronisation costs nothing."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one run ended."""

    run: str
    ending: str
    why: str
    fired: int
    """How many of its cuts came."""

    @property
    def loss(self) -> bool:
        return self.ending == "loss"


class Theatre:
    """One worker's: makes runs and has them judged."""

    def __init__(self, town: Town, court: Court, directory: Path, broken: str = "") -> None:
        self._town, self._court, self._directory, self._broken = town, court, directory, broken
        self._number = 0
        self._uncut: dict[str, dict[str, Any]] = {}

    def _place(self) -> Path:
        self._number += 1
        return self._directory / f"run-{self._number}"

    def count(self, dialect: str) -> Counts:
        """What there is to cut in a creation. It is judged, too: where a cut leaves nothing behind, this is how it goes on."""
        stage = Stage(self._town, self._place(), dialect)
        counts = stage.live(Life(())).counts
        verdict = self._court.judge(stage, "resumed")
        stage.close()
        if verdict["ending"] != "active":
            raise SystemExit(f"a creation that nobody cut: {verdict}")
        self._uncut[dialect] = verdict
        return Counts(**counts)

    def run(self, run: Run) -> Iterator[Outcome]:
        """The cut lives, once; then each way to go on, from a copy of what they left."""
        stage = Stage(self._town, self._place(), run.dialect, self._broken)
        for life in run.lives:
            stage.live(life)
        at_once = self._court.judge(stage, "cut")
        kept = self._kept(stage, run)
        for name, then in zip(run.names, run.then, strict=True):
            other = stage.copy(self._place())
            verdict = at_once if at_once["loss"] else self._go_on(other, then, kept)
            other.close()
            yield Outcome(name, verdict["ending"], verdict["why"], len(stage.fired))
        stage.close()

    def _kept(self, stage: Stage, run: Run) -> str:
        """The PUK that must stay: a process was killed when the card had it, the person too, and nobody had given the card up."""
        puk = stage.paper.puks[-1] if stage.paper.puks else ""
        alone = len(run.lives) == 1 and stage.told == ["killed"]
        return puk if alone and stage.state.puk.value == puk.encode() else ""

    def _go_on(self, stage: Stage, then: str, kept: str) -> dict[str, Any]:
        if then == "resumed":
            if stage.untouched:
                return self._uncut[stage.dialect]
            if stage.told[-1] != "finished":
                stage.live(Life(()))
            return self._court.judge(stage, "resumed", kept)
        stage.pass_time(DEADLINE + timedelta(seconds=1))
        return self._court.judge(stage, "never")


@contextmanager
def theatre(town: Town, directory: Path, daemon: PrivatePCSCD, number: int, broken: str = "") -> Iterator[Theatre]:
    """The theatre in the slot of this number."""
    directory.mkdir()
    names, slot = [slot.name for slot in daemon.slots], daemon.slots[number]
    others = [name for name in names if name != slot.name]
    court = Court(directory / "court", town.directory, slot.port, slot.name, others)
    try:
        yield Theatre(town, court, directory, broken)
    finally:
        court.close()


def work(
    town: Town, directory: Path, daemon: PrivatePCSCD, number: int, runs: Sequence[Run], found: Any, broken: str
) -> None:
    """A worker's process: its share of the runs."""
    try:
        town.open_keys()
        with theatre(town, directory, daemon, number, broken) as stage:
            for dialect in {run.dialect for run in runs}:
                stage.count(dialect)
            gc.freeze()
            for run in runs:
                for outcome in stage.run(run):
                    found.put(outcome)
    finally:
        found.put(None)


def make_runs(town: Town, directory: Path, daemon: PrivatePCSCD, runs: Sequence[Run], broken: str) -> Iterator[Outcome]:
    """All runs, shared by as many processes as there are slots."""
    fork = multiprocessing.get_context("fork")
    found, several = fork.SimpleQueue(), len(daemon.slots)
    workers = [
        fork.Process(
            target=work, args=(town, directory / f"worker-{n}", daemon, n, runs[n::several], found, broken), daemon=False
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


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="torture", description="Cut the making of cards everywhere.")
    parser.add_argument("--algorithms", default=",".join(ALGORITHMS), help="of the cards' keys, with commas")
    parser.add_argument("--dialects", default=",".join(DIALECTS), help="of the cards, with commas")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many runs with several cuts")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--every", type=int, default=1, help="only every n-th single cut")
    parser.add_argument("--run", help="one run, by its name")
    parser.add_argument("--broken", default="", help="break the journal or the portal, to see the judge report it")
    parser.add_argument("--report", type=Path, help="write the outcome into this document")
    parser.add_argument("--workers", type=int, default=1 + (os.cpu_count() or 1))
    return parser.parse_args()


def main() -> int:
    options = arguments()
    reason = why_not()
    if reason is not None:
        print(f"SKIPPED: the torture of card creation: {reason}.")
        return 0
    begun, outcomes = time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="torture-", dir=MEMORY if MEMORY.is_dir() else None) as name:
        for algorithm in [options.run.split("/")[1]] if options.run else options.algorithms.split(","):
            for outcome in tortured(options, algorithm, Path(name) / algorithm):
                outcomes.append(outcome)
                if outcome.loss:
                    print(f"LOSS {outcome.run}: {outcome.why}", flush=True)
                elif options.run:
                    print(f"{outcome.run}: {outcome.ending} (cuts that came: {outcome.fired})")
    lines = [*table(outcomes)]
    print("".join(lines), end="")
    print(f"{len(outcomes)} runs, {sum(o.loss for o in outcomes)} losses, {time.monotonic() - begun:.0f} s")
    if options.report:
        report(options.report, lines)
    return any(outcome.loss for outcome in outcomes)


def tortured(options: argparse.Namespace, algorithm: str, directory: Path) -> Iterator[Outcome]:
    """All runs on cards with such keys."""
    directory.mkdir()
    (directory / "town").mkdir()
    town = Town(directory / "town", algorithm)
    with private_pcscd(options.workers, "Torture") as daemon:
        with theatre(town, directory / "count", daemon, 0) as stage:
            counts = {dialect: stage.count(dialect) for dialect in DIALECTS}
        yield from make_runs(town, directory, daemon, [*planned(options, algorithm, counts)], options.broken)


def planned(options: argparse.Namespace, algorithm: str, counts: dict[str, Counts]) -> Iterator[Run]:
    if options.run:
        yield Run.parse(options.run, counts[options.run.split("/")[0]])
        return
    dialects = options.dialects.split(",")
    for dialect in dialects:
        yield from [*singles(dialect, algorithm, counts[dialect])][:: options.every]
    share = ALGORITHMS.index(algorithm)
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        if seed % len(ALGORITHMS) == share:
            dialect = dialects[seed // len(ALGORITHMS) % len(dialects)]
            yield seeded(seed, counts[dialect], (dialect, algorithm))


def table(outcomes: Iterable[Outcome]) -> Iterator[str]:
    """The lines of the report: how many runs of each kind ended how."""
    endings = ("active", "nothing valid", "blank", "to be scrapped", "loss")
    rows: dict[tuple[str, ...], Counter[str]] = {}
    for outcome in outcomes:
        dialect, algorithm, what, then = outcome.run.split("/")
        kind = "several cuts, seeded" if what.startswith("seed-") else f"one cut: {what.split('-')[0]}"
        row = rows.setdefault((dialect, algorithm, kind, then), Counter())
        row[outcome.ending] += 1
        row["no cut came"] += not outcome.fired
    columns = (*endings, "no cut came")
    yield f"| dialect | keys | cut | then | runs | {' | '.join(columns)} |\n"
    yield f"|---|---|---|---|---:|{'---:|' * len(columns)}\n"
    for key, row in sorted(rows.items()):
        numbers = [sum(row[ending] for ending in endings), *(row[column] for column in columns)]
        yield f"| {' | '.join(key)} | {' | '.join(f'{number:,}' for number in numbers)} |\n"


MARKS = ("<!-- torture: begin -->\n", "<!-- torture: end -->\n")


def report(document: Path, lines: Sequence[str]) -> None:
    """Replace what stands between the document's marks."""
    before, marked, rest = document.read_text(encoding="utf-8").partition(MARKS[0])
    _, ended, after = rest.partition(MARKS[1])
    if not marked or not ended:
        raise SystemExit(f"{document} has no marks {MARKS[0].strip()} and {MARKS[1].strip()}")
    document.write_text(before + marked + "".join(lines) + ended + after, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
