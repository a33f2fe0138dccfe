"""``make load``: two workers of the reference portal on PostgreSQL, 500 people who log in with cards all at once, administrators
who manage, and one worker killed halfway. Nothing may be lost, and nothing done twice.

python benchmarks/load.py [--people 500] [--administrators 20] [--seconds 60] [--workers 2]

Writes benchmarks/results/load.json, docs/load.svg, and the figures in docs/load.md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import resource
import socket
import ssl
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from timeit import Timer
from typing import Any

import load_world
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from load_people import Browser, Log, Manager, come_with_card
from load_plot import plot
from load_world import ROOT, Card, Running, World, children, used

from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.errors import AuditError
from zorgid_card.ports.registry import AuditEvent, BrowserSession, SmartCard
from zorgid_card.workflows.audit_verification import verify

RESULTS, PLOT, DOCUMENT = ROOT / "benchmarks/results/load.json", ROOT / "docs/load.svg", ROOT / "docs/load.md"
MARKS = ("<!-- load: begin -->\n", "<!-- load: end -->\n")
THREADS = 64
PATIENCE = 600.0
"""Seconds after the end, when it is given up."""


@dataclass(frozen=True, slots=True)
class Killed:
    """What happened halfway: seconds since the beginning."""

    at: float
    worker: int
    replaced: float


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="load", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--administrators", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--keep", action="store_true", help="write result, plot and document")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    if (why := load_world.postgres.missing()) is not None:
        raise SystemExit(f"make load: {why}")
    with tempfile.TemporaryDirectory(prefix="load-") as name, load_world.database() as server:
        (directory := Path(name) / "portal").mkdir(mode=0o700)
        world = load_world.make(
            directory, server.database("portal"), free_port(), options.people, options.administrators
        )
        limits = {kind: limit(world, card) for kind, card in {card.kind: card for card in world.people}.items()}
        with load_world.serving(world, options.workers) as running:
            found = asyncio.run(loaded(world, running, load_world.postmaster(server), options))
        faults = [*judged(world, found.log)]
    return report(options, found, limits, faults)


# --- the run ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Run:
    """What was seen from outside."""

    log: Log
    begun: float
    took: float
    killed: Killed
    processor: dict[str, float]
    """Seconds of the processors, by who used them."""
    still_there: int
    """Sessions of those open in the end that a portal's page still knows."""


async def loaded(world: World, running: Running, postmaster: int, options: argparse.Namespace) -> Run:
    """Everybody comes at once; halfway a worker is killed."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS))
    context, log = ssl.create_default_context(cafile=world.plan.certificate), Log()
    browsers = [Browser(world.plan.origin, context, log) for _ in (*world.people, *world.administrators)]
    before, begun = processor(running, postmaster), time.monotonic()
    until = begun + options.seconds
    log.deadline = until + PATIENCE
    people = (come_with_card(card, browser, log, until) for card, browser in zip(world.people, browsers, strict=False))
    managers = zip(world.administrators, browsers[len(world.people) :], strict=True)
    managing = (Manager(who, browser, log).manage(until) for who, browser in managers)
    killing = asyncio.create_task(killed(running, begun, options.seconds / 2))
    await asyncio.gather(*people, *managing)
    took = time.monotonic() - begun
    after = processor(running, postmaster)
    spent = {who: after[who] - before[who] for who in after}
    there = [(await browser.ask("GET", "/log-in")).text.count('action="/log-out"') for browser in log.open]
    for browser in browsers:
        await browser.close()
    return Run(log, begun, took, await killing, spent, sum(map(bool, there)))


async def killed(running: Running, begun: float, after: float) -> Killed:
    """Kill a worker, and see when another is in its place."""
    await asyncio.sleep(after)
    known, worker = set(running.now()), running.kill_one()
    at = time.monotonic() - begun
    while not set(running.now()) - known:
        await asyncio.sleep(0.05)
    return Killed(at, worker, time.monotonic() - begun)


def processor(running: Running, postmaster: int) -> dict[str, float]:
    """Seconds of the processors until now: of the portal with all its workers, dead ones too, the database, and this process."""
    times, portal = os.times(), running.process.pid
    found = {
        "portal": used([portal, *children(portal)]),
        "PostgreSQL": used([postmaster, *children(postmaster)]),
        "the people's side": times.user + times.system,
    }
    return found | {"all else on the machine": _busy() - sum(found.values())}


def _busy() -> float:
    """Seconds that all processors together were not idle."""
    user, nice, system, _idle, _waiting, *interrupts = map(int, Path("/proc/stat").read_text().split()[1:8])
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


# --- what a log-in takes at least -------------------------------------------------------------------------------------


def limit(world: World, card: Card) -> float:
    """Log-ins a second of one core that does nothing but verify the two signatures of each, with ``cryptography``.

    Those are the token's, and that of the card's certificate; the CAs above it are judged once.
    """
    certificate = x509.load_der_x509_certificate(card.certificate)
    message = os.urandom(96)
    token, signature = certificate.public_key(), card.signer.sign(message)
    issuer = _issuer(world, certificate)

    def once() -> None:
        if isinstance(token, rsa.RSAPublicKey):
            token.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        elif isinstance(token, ec.EllipticCurvePublicKey):
            token.verify(signature, message, ec.ECDSA(hashes.SHA256()))
        issuer.verify(
            certificate.signature,
            certificate.tbs_certificate_bytes,
            padding.PKCS1v15(),
            certificate.signature_hash_algorithm or hashes.SHA256(),
        )

    return 1 / (min(Timer(once).repeat(20, 50)) / 50)


def _issuer(world: World, certificate: x509.Certificate) -> rsa.RSAPublicKey:
    pki = load_world.UZITestPKI.load(world.plan.path / load_world.PKI)
    cas = [*pki.chain("N"), *(path.read_bytes() for path in sorted((world.plan.path / "ca").glob("*.cert.pem")))]
    for found in cas:
        load = x509.load_pem_x509_certificate if found.startswith(b"-----") else x509.load_der_x509_certificate
        ca = load(found)
        key = ca.public_key()
        if ca.subject == certificate.issuer and isinstance(key, rsa.RSAPublicKey):
            return key
    raise SystemExit("no CA has issued this certificate")


# --- what the database says -------------------------------------------------------------------------------------------


def judged(world: World, log: Log) -> Iterator[str]:
    """What is lost, or was done twice, or should not have been answered."""
    yield from log.refused[:20]
    registry = world.registry()
    try:
        yield from _changes(registry, log)
        yield from _sessions(registry, log)
        try:
            verify(registry)
        except AuditError as error:
            yield f"the audit log: {error}"
    finally:
        registry.close()


def _changes(registry: SQLRegistry, log: Log) -> Iterator[str]:
    """Each change that was acknowledged is in the audit log once, and nothing else; each card is as its last change left it."""
    with registry.begin() as unit:
        events = Counter(
            (event.action, event.subject, event.reason)
            for event in unit.find(AuditEvent)
            if event.action.startswith("card.")
        )
        states = {card.serial: card.state for card in unit.find(SmartCard)}
    told = Counter((action.name, action.serial, action.reason) for action in log.actions)
    yield from (f"lost: {action}" for action in (told - events))
    yield from (f"done, and not told or told once and done twice: {action}" for action in (events - told))
    last = {action.serial: action.name for action in log.actions}
    for serial, name in last.items():
        wanted = "suspended" if name == "card.block" else "active"
        if states[serial] != wanted:
            yield f"card {serial} is {states[serial]}, and was told {wanted}"


def _sessions(registry: SQLRegistry, log: Log) -> Iterator[str]:
    """Who is logged in has a session; beside those there are at most those of log-ins that were not answered."""
    with registry.begin() as unit:
        kept = sum(1 for _ in unit.find(BrowserSession))
    if not len(log.open) <= kept <= len(log.open) + log.begun:
        yield f"{kept} sessions, of {len(log.open)} people who are logged in and {log.begun} log-ins without an answer"


# --- figures ----------------------------------------------------------------------------------------------------------


def report(options: argparse.Namespace, run: Run, limits: dict[str, float], faults: list[str]) -> int:
    """Print the figures, and write them down; exit status."""
    if run.still_there != len(run.log.open):
        faults.append(f"{len(run.log.open)} are logged in, and the portal knows {run.still_there} of them")
    result = figures(options, run, limits, faults)
    print(text(result), end="")
    for fault in faults:
        print(f"FAULT {fault}", file=sys.stderr)
    if options.keep and not faults:
        RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        plot(run.log.done, run.begun, asdict(run.killed), PLOT)
        document(text(result))
    return bool(faults)


def figures(options: argparse.Namespace, run: Run, limits: dict[str, float], faults: list[str]) -> dict[str, Any]:
    """All that is told of a run."""
    kinds = {done.what for done in run.log.done}
    cores, log_ins = os.cpu_count() or 1, [done for done in run.log.done if done.what in limits]
    shares = [sum(done.what == kind for done in log_ins) / len(log_ins) for kind in limits]
    most = cores / sum(share / limits[kind] for share, kind in zip(shares, limits, strict=True))
    rate = len(log_ins) / run.took
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cores": cores, "processor": _processor(), "python": platform.python_version()},
        "options": {"people": options.people, "administrators": options.administrators, "workers": options.workers},
        "seconds": round(run.took, 1),
        "killed": {name: round(value, 2) for name, value in asdict(run.killed).items() if name != "worker"},
        "log_ins_a_second": round(rate, 1),
        "verification_limit": {kind: round(value) for kind, value in limits.items()},
        "share_of_limit": round(rate / most, 4),
        "processor_seconds": {who: round(seconds, 1) for who, seconds in run.processor.items()},
        "processor_ms_a_log_in": round(1000 * run.processor["portal"] / max(1, len(log_ins)), 1),
        "done": {kind: _times([done for done in run.log.done if done.what == kind]) for kind in sorted(kinds)},
        "sessions": run.still_there,
        "requests_without_an_answer": run.log.unanswered,
        "faults": len(faults),
    }


def _times(done: list[Any]) -> dict[str, Any]:
    seconds = sorted(one.ended - one.begun for one in done)
    tenths = quantiles(seconds, n=100) if len(seconds) > 1 else seconds * 99
    return {
        "count": len(done),
        "asked_again": sum(one.unanswered for one in done),
        "median": round(tenths[49], 2),
        "95th": round(tenths[94], 2),
        "longest": round(seconds[-1], 2),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def text(result: dict[str, Any]) -> str:
    """The figures as a table."""
    options, machine, killed = result["options"], result["machine"], result["killed"]
    limits = ", ".join(f"{value:,} a second ({kind})" for kind, value in result["verification_limit"].items())
    used = ", ".join(f"{who} {seconds} s" for who, seconds in result["processor_seconds"].items())
    lines = [
        f"{options['people']} people with cards and {options['administrators']} administrators with phones at once, ",
        f"{options['workers']} workers, PostgreSQL and the people's side on one machine: ",
        f"{machine['cores']} cores, {machine['processor']}, Python {machine['python']}. {result['seconds']} s; one worker ",
        f"killed after {killed['at']} s, another process in its place after {killed['replaced']} s. ",
        f"{result['requests_without_an_answer']} requests were not answered, and asked again. {result['faults']} faults.\n\n",
        "| done | times | asked again | median | 95th percentile | longest |\n|---|---:|---:|---:|---:|---:|\n",
        *(_row(kind, times) for kind, times in result["done"].items()),
        f"\n{result['log_ins_a_second']} log-ins a second in all. One core that only verifies a log-in's two signatures ",
        f"does {limits}; the portal reached {result['share_of_limit']:.2%} of what all cores would do so. ",
        f"Processor time: {used}; {result['processor_ms_a_log_in']} ms of the portal's for each log-in, with the page ",
        "looked at, the log-out, and its share of the changes.\n",
    ]
    return "".join(lines)


def _row(kind: str, times: dict[str, Any]) -> str:
    counts = f"{times['count']:,} | {times['asked_again']:,}"
    return f"| {kind} | {counts} | {times['median']} s | {times['95th']} s | {times['longest']} s |\n"


def document(told: str) -> None:
    """Replace what stands between the document's marks."""
    before, marked, rest = DOCUMENT.read_text(encoding="utf-8").partition(MARKS[0])
    _, ended, after = rest.partition(MARKS[1])
    if not marked or not ended:
        raise SystemExit(f"{DOCUMENT} has no marks {MARKS[0].strip()} and {MARKS[1].strip()}")
    DOCUMENT.write_text(before + marked + told + ended + after, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
