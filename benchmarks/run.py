"""Compare the library with its peers in one process, print a table, keep it as JSON, in the docs and as plots.

Run by ``make bench``, which installs the peers and puts the card in memory where a libpcsclite is looked for.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path

import audit
import cases
import create
import login
import plots
import registry
import revocation
import verification
from harness import Result, run

MODULES = (cases, verification, login, create, registry, revocation, audit)
GROUPS = tuple(group for module in MODULES for group in module.GROUPS)
ROOT = Path(__file__).parents[1]
MARKS = ("<!-- bench: begin -->\n", "<!-- bench: end -->\n")
PEERS = ("yubikey-manager", "pyscard", "asn1crypto", "cryptography", "cffi")
COLUMNS = ("what", "peer", "ours", "peer's", "ratio", "four fifths of the rounds", "to reach", "")


def _amount(microseconds: float, unit: str) -> str:
    if unit != "µs":
        return f"{microseconds:g} {unit}"
    if microseconds < 1000:
        return f"{microseconds:.3g} µs"
    return f"{microseconds / 1000:.3g} ms"


def _row(result: Result) -> tuple[str, ...]:
    least = result.case.least
    return (
        result.case.name,
        result.case.peer_name,
        _amount(result.ours, result.case.unit),
        _amount(result.peers, result.case.unit),
        f"{result.ratio:,.3g}" if result.ratio < 1000 else f"{result.ratio:,.0f}",
        f"{result.low:,.3g} to {result.high:,.3g}"
        if result.high < 1000
        else f"{result.low:,.0f} to {result.high:,.0f}",
        "" if least is None else f"{least:,g}",
        "" if least is None else "reached" if result.reached else "NOT reached",
    )


def _table(rows: Iterable[tuple[str, ...]]) -> str:
    """As Markdown, which is also readable on a terminal."""
    every = [COLUMNS, *rows]
    widths = [max(len(row[column]) for row in every) for column in range(len(COLUMNS))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in every
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _skipped() -> list[str]:
    return [why for module in MODULES for why in module.skipped]


def _versions() -> str:
    known = []
    for name in PEERS:
        try:
            known.append(f"{name} {version(name)}")
        except ImportError:
            known.append(f"{name} not installed")
    return f"{platform.python_implementation()} {platform.python_version()}, {platform.machine()}; " + ", ".join(known)


def _write_document(path: Path, table: str) -> None:
    before, rest = path.read_text(encoding="utf-8").split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    skipped = "".join(f"\nSkipped: {why}.\n" for why in _skipped())
    body = f"{_versions()}\n\n{table}\n{skipped}"
    path.write_text(before + MARKS[0] + body + MARKS[1] + after, encoding="utf-8")


def _named(group: Callable[[], object]) -> str:
    """As its rows are."""
    return group.__name__.replace("_", "-")


def _measure(wanted: list[str]) -> list[Result]:
    results = []
    for group in GROUPS:
        if wanted and _named(group) not in wanted:
            continue
        for case in group():
            results.append(case if isinstance(case, Result) else run(case))
            done = results[-1]
            print(f"{done.case.name}: {done.ratio:,.3g} × {done.case.peer_name}", file=sys.stderr, flush=True)
    return results


def _kept(result: Result) -> dict[str, str | float]:
    """Times have the unit in their names; what was counted says what."""
    name, peer, ratio = result.case.name, result.case.peer_name, round(result.ratio, 3)
    if result.case.unit == "µs":
        ours, peers = round(result.ours, 4), round(result.peers, 4)
        return {"name": name, "ours_us": ours, "peer": peer, "peer_us": peers, "ratio": ratio}
    return {
        "name": name,
        "unit": result.case.unit,
        "ours": result.ours,
        "peer": peer,
        "peers": result.peers,
        "ratio": ratio,
    }


def _keep(results: list[Result], table: str) -> None:
    latest = ROOT / "benchmarks" / "results" / "latest.json"
    latest.parent.mkdir(exist_ok=True)
    rows = [_kept(result) for result in results]
    latest.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    _write_document(ROOT / "docs" / "benchmarks.md", table)
    plots.ratios(results, ROOT / "docs" / "benchmarks-ratio.svg")
    plots.times(results, ROOT / "docs" / "benchmarks-time.svg")


def main() -> None:
    """Measure all groups, or only those named; only a whole run is kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    known = [_named(group) for group in GROUPS]
    parser.add_argument("group", nargs="*", metavar="group", help=", ".join(known))
    wanted = [name.replace("_", "-") for name in parser.parse_args().group]
    if not {*known} >= {*wanted}:
        parser.error(f"groups are {', '.join(known)}")
    results = _measure(wanted)
    table = _table(map(_row, results))
    print(table)
    for why in _skipped():
        print(f"skipped: {why}")
    if not wanted:
        _keep(results, table)


if __name__ == "__main__":
    main()
