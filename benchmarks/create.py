"""Making cards at many readers at once: how many a minute, and how busy the cores are.

The portal is ``zorgid-card demo-portal``, a process of its own, over HTTPS; the readers are in one process. The cards are simulated
and answer as slowly as real ones: each command takes its time, and making a key takes seconds. What the simulated cards themselves
compute is done by the process that is measured, which a real card side does not have to do.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness import Case, Result

from zorgid_card.adapters.journal import SQLiteJournal
from zorgid_card.adapters.seam import HTTPSSeam
from zorgid_card.cli.create.trial import SimulatedPlace, simulated_places
from zorgid_card.cli.demo.holder import KeepingHolder, unseen
from zorgid_card.ports.card import Channel, Octets, Reader
from zorgid_card.testkit.uzi import DEFAULT_PIN
from zorgid_card.testkit.uzi_profile import Person
from zorgid_card.workflows.bureau import Bureau, Outcome, Place
from zorgid_card.workflows.holder import Cue

COMMAND, SECONDS = 0.012, {0x47: 2.5, 0x87: 0.15, 0x2A: 0.25}
"""Of a command; and of those that make a key, sign with PIV, sign with a pass (GENERATE, GENERAL AUTHENTICATE, PSO)."""
READERS = (1, 2, 4, 8, 16)
LEAST = {2: 1.8, 4: 3.5, 8: 6.5, 16: 12.0}
"""How much more than one reader makes so many, at least."""
ROUNDS = 2
skipped: list[str] = []


# --- cards that take their time ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Slow:
    """A reader whose cards answer slowly."""

    reader: Reader

    @property
    def name(self) -> str:
        return self.reader.name

    def connect(self, *, exclusive: bool = False, timeout: float = 0) -> SlowChannel:
        return SlowChannel(self.reader.connect(exclusive=exclusive, timeout=timeout))

    def wait(self, *, present: bool, timeout: float | None = None) -> None:
        self.reader.wait(present=present, timeout=timeout)


@dataclass(frozen=True)
class SlowChannel:
    """A channel to such a card."""

    channel: Channel

    @property
    def atr(self) -> bytes:
        return self.channel.atr

    def transmit(self, command: Octets, /) -> bytes:
        time.sleep(SECONDS.get(command[1], COMMAND))
        return self.channel.transmit(command)

    def transaction(self) -> AbstractContextManager[None]:
        return self.channel.transaction()

    def close(self, *, reset: bool = False) -> None:
        self.channel.close(reset=reset)


class Moving(KeepingHolder):
    """The person of a place, who is quick."""

    def __init__(self, place: SimulatedPlace, person: Person) -> None:
        super().__init__(unseen())
        self._move = place.move
        self.sit(person, DEFAULT_PIN)

    def cue(self, cue: Cue) -> None:
        self._move(cue)


# --- the portal -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Portal:
    origin: str
    directory: Path
    process: int

    @property
    def processor_time(self) -> float:
        """Seconds that its process has used (proc(5))."""
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _portal(directory: Path) -> Iterator[Portal]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    kept = directory / "portal"
    command = [sys.executable, "-m", "zorgid_card.cli", "demo-portal", "--keep", str(kept), "--port", str(port)]
    more = ["--holders", str(max(READERS)), "--key-algorithm", "ECCP256", "--lang", "en"]
    with subprocess.Popen([*command, *more], stdout=subprocess.PIPE, text=True) as process:
        try:
            for line in process.stdout or ():
                if "Ctrl-C" in line:
                    break
            yield Portal(f"https://localhost:{port}", kept, process.pid)
        finally:
            process.terminate()


# --- what is measured -------------------------------------------------------------------------------------------------


def _round(portal: Portal, journal: SQLiteJournal, readers: int, slow: bool) -> tuple[float, float]:
    """Cards a minute, and cores kept busy, with as many readers; the cards are those of the round before, reset."""
    places = []
    for place in simulated_places(portal.directory / "cards")[:readers]:
        person = place.uzi_pass.contents.holder
        if not isinstance(person, Person):
            raise SystemExit("a pass of nobody")
        places.append(Place(Slow(place.reader) if slow else place.reader, Moving(place, person)))
    ca, outcomes = portal.directory / "tls.pem", list[Outcome]()
    bureau = Bureau(
        lambda: HTTPSSeam(portal.origin, ca=ca), journal, platform="Linux", client_version="0.1", card_timeout=60
    )
    began, used = time.perf_counter(), time.process_time() + portal.processor_time
    with bureau:
        for end in bureau.begin(places, outcomes.append):
            end.result()
    took = time.perf_counter() - began
    used = time.process_time() + portal.processor_time - used
    failed = [outcome.error for outcome in outcomes if outcome.error is not None]
    if failed or len(outcomes) != readers:
        raise SystemExit(f"not all cards were made: {failed}")
    return 60 * readers / took, used / took


def create() -> Iterator[Result]:
    """Cards of P-256 at 1 to 16 readers in one process; then with cards that make nobody wait, to see what the process can do."""
    if not Path("/proc/self/stat").exists():
        skipped.append("create: how busy the portal is, is read from /proc")
        return
    with (
        tempfile.TemporaryDirectory() as directory,
        _portal(Path(directory)) as portal,
        SQLiteJournal(Path(directory) / "journal.db") as journal,
    ):
        yield from _growing(portal, journal, "create", READERS, slow=True)
        yield from _growing(portal, journal, "create, cards that do not wait", (1, 16), slow=False)


def _growing(
    portal: Portal, journal: SQLiteJournal, name: str, numbers: Sequence[int], *, slow: bool
) -> Iterator[Result]:
    alone, every = 0.0, os.cpu_count() or 1
    for readers in numbers:
        rounds = sorted(_round(portal, journal, readers, slow) for _ in range(ROUNDS))
        rate, cores = rounds[-1]
        alone = alone or rate
        what = f"{readers} readers" if readers > 1 else "1 reader"
        least = LEAST.get(readers) if slow else None
        case = Case(f"{name}, {what}", _nothing, "one reader", _nothing, least=least, unit="cards/min")
        yield Result(case, round(rate, 1), round(alone, 1), rate / alone, rounds[0][0] / alone, rate / alone)
        busy = Case(f"{name}, {what}: cores", _nothing, "all cores", _nothing, unit="busy")
        yield Result(busy, round(cores, 3), every, every / cores, every / cores, every / cores)


def _nothing() -> None:
    """What was counted is not done again."""


GROUPS = (create,)
