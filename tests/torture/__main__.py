# SPDX-License-Identifier: Apache-2.0
"""Cut the making of cards everywhere, and have the endings judged.

python -m torture [--algorithms ECCP256,RSA2048] [--seeds 500] [--report DOCUMENT]
python -m torture --run yubico/ECCP256/apdu-200-kill-after/resumed

Wants root, a network of its own and an empty /run/pcscd (``make torture`` sees to that), and the Debian packages pcscd,
vsmartcard-vpcd, opensc-pkcs11 and openssl.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from torture.cuts import ALGORITHMS, DIALECTS, Run, remakings, renewals, seeded, singles
from torture.desk import Shared
from torture.runner import Outcome, Runner, make_runs, runner
from zorgid_card.testkit.pcscd import SLOTS_LIMIT, private_pcscd, why_not

SEEDS = 500
PROGRESS = 500
MEMORY = Path("/dev/shm")
"""What is written there survives kills of processes all the same, and its synchronisation costs nothing."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="torture", description="Cut the making of cards everywhere.")
    parser.add_argument("--algorithms", default=",".join(ALGORITHMS), help="of the cards' keys, with commas")
    parser.add_argument("--dialects", default="yubico,nist", help="of the cards that are cut once, with commas")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many runs with several cuts")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--every", type=int, default=1, help="only every n-th single cut; 0: none")
    parser.add_argument("--distinct", action="store_true", help="no cut that leaves what the one before it left")
    parser.add_argument("--turns", type=int, default=1, metavar="N", help="every place in every n-th way, in turns")
    parser.add_argument("--remade", action="store_true", help="cut the making anew of a card that was too late, too")
    parser.add_argument("--renewed", type=int, default=0, metavar="N", help="cut a card's renewal too, every n-th cut")
    parser.add_argument("--run", help="one run, by its name")
    parser.add_argument("--broken", default="", help="break the journal or the portal, to see the judge report it")
    parser.add_argument("--report", type=Path, help="write the outcome into this document")
    parser.add_argument("--workers", type=int, default=min(1 + (os.cpu_count() or 1), SLOTS_LIMIT))
    return parser.parse_args()


def main() -> int:
    options = arguments()
    reason = why_not()
    if reason is not None:
        print(f"SKIPPED: the torture of card creation: {reason}.")
        return 0
    logging.basicConfig(handlers=[logging.NullHandler()])  # a portal says what it cannot do, and here it often cannot
    begun, outcomes = time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="torture-", dir=MEMORY if MEMORY.is_dir() else None) as name:
        for algorithm in [options.run.split("/")[1]] if options.run else options.algorithms.split(","):
            for outcome in tortured(options, algorithm, Path(name) / algorithm):
                outcomes.append(outcome)
                if outcome.loss:
                    print(f"LOSS {outcome.run}: {outcome.why}", flush=True)
                elif options.run:
                    print(f"{outcome.run}: {outcome.ending}; cuts that came: {outcome.fired}; told: {outcome.told}")
                elif len(outcomes) % PROGRESS == 0:
                    print(f"{len(outcomes):,} runs so far", flush=True)
    summary = f"{len(outcomes):,} runs, {sum(o.loss for o in outcomes)} losses"
    lines = [
        *table(outcomes),
        "\n",
        *tellings(outcomes),
        "\n",
        f"{summary}{seeds(options)}.\n",
    ]
    print("".join(lines), end="")
    print(f"{summary}, {time.monotonic() - begun:.0f} s")
    if options.report:
        report(options.report, lines)
    return any(outcome.loss for outcome in outcomes)


def seeds(options: argparse.Namespace) -> str:
    """Which seeds were run, if any."""
    if options.run or not options.seeds:
        return ""
    return f"; seeds {options.first_seed} to {options.first_seed + options.seeds - 1}"


def tortured(options: argparse.Namespace, algorithm: str, directory: Path) -> Iterator[Outcome]:
    """All runs on cards with such keys."""
    directory.mkdir()
    (directory / "shared").mkdir()
    shared = Shared(directory / "shared", algorithm)
    with private_pcscd(options.workers, "Torture") as daemon:
        with runner(shared, directory / "count", daemon, 0) as judged:
            runs = [*planned(options, algorithm, judged)]
        yield from make_runs(shared, directory, daemon, runs, options.broken)


def planned(options: argparse.Namespace, algorithm: str, judged: Runner) -> Iterator[Run]:
    """What is to be made; an uncut creation tells how much there is to cut."""
    counts = {dialect: judged.count(dialect) for dialect in DIALECTS}
    if options.run:
        yield Run.parse(options.run, counts)
        return
    dialects = options.dialects.split(",")
    for dialect in dialects:
        of = dialect, algorithm
        ways = {"distinct": options.distinct, "turns": options.turns}
        yield from _every(options.every, singles(*of, counts[dialect], **ways))
        if options.remade and algorithm == ALGORITHMS[0]:
            second = judged.count(dialect, [counts[dialect].too_late])
            yield from _every(options.every, remakings(*of, counts[dialect], second))
        if options.renewed and algorithm == ALGORITHMS[0]:
            yield from _every(options.renewed, renewals(*of, judged.count_renewal(dialect)))
    share = ALGORITHMS.index(algorithm)
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        if seed % len(ALGORITHMS) == share:
            yield seeded(seed, (DIALECTS[seed // len(ALGORITHMS) % len(DIALECTS)], algorithm))


def _every(number: int, runs: Iterable[Run]) -> Iterable[Run]:
    return [*runs][::number] if number else ()


ENDINGS = ("active", "nothing valid", "blank", "to be scrapped", "loss")


def table(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """The lines of the report: how many runs of each kind ended how."""
    rows: dict[tuple[str, ...], Counter[str]] = {}
    for outcome in outcomes:
        dialect, algorithm, what, then = outcome.run.split("/")
        kind = _kind(what)
        row = rows.setdefault((dialect, algorithm, kind, then), Counter())
        row[outcome.ending] += 1
        row["no cut came"] += not outcome.fired
    columns = (*ENDINGS, "no cut came")
    yield f"| dialect | keys | cut | then | runs | {' | '.join(columns)} |\n"
    yield f"|---|---|---|---|---:|{'---:|' * len(columns)}\n"
    total: Counter[str] = Counter()
    for key, row in sorted(rows.items()):
        yield _line(key, row)
        total += row
    yield _line(("all", "", "", ""), total)


def _kind(what: str) -> str:
    if what.startswith("seed-"):
        return "several cuts, seeded"
    if what.startswith("remade-"):
        return f"made anew, one cut: {what.split('-')[1]}"
    if what.startswith("renewed-"):
        return f"renewed, one cut: {what.split('-')[1]}"
    return f"one cut: {what.split('-', maxsplit=1)[0]}"


def _line(key: Sequence[str], row: Counter[str]) -> str:
    numbers = [sum(row[ending] for ending in ENDINGS), *(row[ending] for ending in ENDINGS), row["no cut came"]]
    return f"| {' | '.join(key)} | {' | '.join(f'{number:,}' for number in numbers)} |\n"


def tellings(outcomes: Iterable[Outcome]) -> Iterator[str]:
    """The lines that say what the person was told: by the process that was cut, and by the one that came after it."""
    rows: dict[str, tuple[Counter[str], Counter[str]]] = {}
    for outcome in outcomes:
        what, then = outcome.run.split("/")[2:]
        if what.startswith(("seed-", "remade-")) or then == "never":
            continue
        kind, what = ("renewal, ", what.removeprefix("renewed-")) if what.startswith("renewed-") else ("", what)
        place, _, how = what.split("-", 2)
        cut, after = rows.setdefault(f"{kind}{place}: {how}", (Counter(), Counter()))
        cut[outcome.told[0]] += 1
        after.update(outcome.told[1:])
    yield "| cut | told by the process that was cut | told by a fresh one |\n|---|---|---|\n"
    for name, counts in rows.items():
        cells = (", ".join(f"`{told}` {number:,}" for told, number in count.most_common()) for count in counts)
        yield f"| {name} | {' | '.join(cells)} |\n"


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
