# SPDX-License-Identifier: Apache-2.0
"""Run the fuzz targets one after another, and write what their logs say into a document.

python run.py run BUILD [NAME ...] --seconds N | --runs N
python run.py report BUILD DOCUMENT

BUILD is the directory of the CMake preset "fuzz"; corpora and logs are kept beside it, in fuzz-corpus/ and fuzz-logs/.
The report is on the last runs with --runs; short runs with --seconds leave their logs elsewhere.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
MARKS = ("<!-- fuzz: begin -->\n", "<!-- fuzz: end -->\n")
MAX_LEN = 96
SLOWEST = 10  # seconds for one input; more is a hang
_MAX_LEN = re.compile(r"\bmax_len=(\d+)")
_STATISTIC = re.compile(r"^stat::(\w+):\s+(\d+)$", re.MULTILINE)
_DONE = re.compile(r"^Done \d+ runs in (\d+) second", re.MULTILINE)
_COVERED = re.compile(r"\bcov: (\d+)")
_FAILED = re.compile(r"^SUMMARY: (.*)$", re.MULTILINE)


class Outcome(NamedTuple):
    """What the log of one run says."""

    executions: int
    seconds: int
    covered: int
    result: str


def targets(names: list[str]) -> list[str]:
    """The targets of that name; without names, all."""
    every = sorted(path.stem.removeprefix("fuzz_") for path in HERE.glob("fuzz_*.c"))
    unknown = set(names) - set(every)
    if unknown:
        raise SystemExit(f"no such target: {', '.join(sorted(unknown))}")
    return names or every


def command(build: Path, name: str, corpus: Path, limit: str) -> list[str]:
    """The command line of one target."""
    declared = _MAX_LEN.search((HERE / f"fuzz_{name}.c").read_text(encoding="utf-8"))
    seeds = HERE / "corpus" / name
    return [
        str((build / f"fuzz_{name}").resolve()),
        limit,
        f"-max_len={declared.group(1) if declared else MAX_LEN}",
        f"-timeout={SLOWEST}",
        "-print_final_stats=1",
        "-rss_limit_mb=4096",
        f"-artifact_prefix={corpus.parent / name}.",
        str(corpus),
        *([str(seeds)] if seeds.is_dir() else []),
    ]


def run_one(build: Path, name: str, kind: str, limit: int) -> Outcome:
    """Run one target to its limit (``kind`` "runs" or "max_total_time") or its first failure."""
    corpus = build.resolve().parent / "fuzz-corpus" / name
    log = log_of(build, name, kind)
    for directory in (corpus, log.parent):
        directory.mkdir(parents=True, exist_ok=True)
    quarantine = {"ASAN_OPTIONS": "quarantine_size_mb=16", "UBSAN_OPTIONS": "print_stacktrace=1"}
    with log.open("w", encoding="utf-8", errors="replace") as output:
        done = subprocess.run(
            command(build, name, corpus, f"-{kind}={limit}"),
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **quarantine},
            check=False,
        )
        output.write(f"exit: {done.returncode}\n")
    return read(log)


def log_of(build: Path, name: str, kind: str = "runs") -> Path:
    """Where the log of a target's last run of that kind is."""
    return build.resolve().parent / "fuzz-logs" / kind / f"{name}.log"


def read(log: Path) -> Outcome:
    """The outcome that a log tells; a run that did not end well has its reason for a result."""
    text = log.read_text(encoding="utf-8", errors="replace")
    statistics = {name: int(value) for name, value in _STATISTIC.findall(text)}
    done, covered, failed = _DONE.search(text), _COVERED.findall(text), _FAILED.search(text)
    trouble = failed.group(1) if failed else "did not end"
    return Outcome(
        statistics.get("number_of_executed_units", 0),
        int(done.group(1)) if done else 0,
        int(covered[-1]) if covered else 0,
        "clean" if text.endswith("exit: 0\n") and done else trouble,
    )


def table(build: Path) -> Iterator[str]:
    """The lines of the report."""
    yield "| target | executions | seconds | executions/s | edges reached | result |\n"
    yield "|---|---:|---:|---:|---:|---|\n"
    for name in targets([]):
        log = log_of(build, name)
        if not log.exists():
            yield f"| {name} | 0 | | | | not run |\n"
            continue
        seen = read(log)
        rate = seen.executions // max(seen.seconds, 1)
        numbers = f"{seen.executions:,} | {seen.seconds:,} | {rate:,} | {seen.covered}"
        yield f"| {name} | {numbers} | {seen.result} |\n"


def report(build: Path, document: Path) -> None:
    """Replace what stands between the document's marks."""
    before, marked, rest = document.read_text(encoding="utf-8").partition(MARKS[0])
    _, ended, after = rest.partition(MARKS[1])
    if not marked or not ended:
        raise SystemExit(f"{document} has no marks {MARKS[0].strip()} and {MARKS[1].strip()}")
    document.write_text(before + marked + "".join(table(build)) + ended + after, encoding="utf-8")


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Run the fuzz targets, or report on their last runs.")
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run", help="run targets one after another")
    running.add_argument("build", type=Path)
    amount = running.add_mutually_exclusive_group(required=True)
    amount.add_argument("--seconds", type=int, help="in all, shared by the targets")
    amount.add_argument("--runs", type=int, help="executions of each target")
    running.add_argument("names", nargs="*")
    reporting = commands.add_parser("report", help="write the last runs' table into a document")
    reporting.add_argument("build", type=Path)
    reporting.add_argument("document", type=Path)
    return parser.parse_args()


def main() -> int:
    """0 if every target ended clean."""
    options = arguments()
    if options.command == "report":
        report(options.build, options.document)
        return 0
    chosen = targets(options.names)
    kind, limit = ("runs", options.runs) if options.runs else ("max_total_time", options.seconds // len(chosen))
    failed = 0
    for name in chosen:
        seen = run_one(options.build, name, kind, max(1, limit))
        failed += seen.result != "clean"
        print(f"{name}: {seen.executions:,} executions in {seen.seconds} s: {seen.result}", flush=True)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
