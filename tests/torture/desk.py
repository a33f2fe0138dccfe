"""What lies outside the card side's process: reader and card, the portal, the person with pen and paper; and the one who cuts."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

from torture import card_side
from torture.cuts import DAY, Cut, Life
from world import NOW, World
from zorgid_card.adapters.journal import SQLiteJournal
from zorgid_card.adapters.keystore import FileKeyStore
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.errors import StorageError, TransportError, ZorgIDError
from zorgid_card.pki.revocation import CRLs
from zorgid_card.ports.journal import Making
from zorgid_card.ports.keys import Batch
from zorgid_card.ports.registry import Registry, Unit
from zorgid_card.recipes import registry_log_in
from zorgid_card.secret import Secret
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.nist import VirtualNISTCard
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.piv_keys import Algorithm, PrivateKey, make_key
from zorgid_card.testkit.piv_state import PIVState
from zorgid_card.testkit.reader import SimulatedChannel, SimulatedReader
from zorgid_card.workflows import housekeeping, issuance, organisation, revocation_list
from zorgid_card.workflows.creation_messages import CertificatesIssued, RequestCertificates
from zorgid_card.workflows.log_in import LogIn
from zorgid_card.workflows.policy import CreationPolicy
from zorgid_card.workflows.portal import Context, Portal, Services, Steps
from zorgid_card.workflows.revocation_list import RevocationList

CARDS: Mapping[str, type[VirtualPIVCard]] = {
    "yubico": VirtualPIVCard,
    "nist": VirtualNISTCard,
    "yubico-channel": VirtualPIVCard,
}
BATCH = Batch("30000000", "39999999")
"""Of cards of Yubico's dialect with SCP03."""

DEADLINE = CreationPolicy().commit_within
RSA_KEYS = 24
"""Of the pool that simulated cards generate from; a run takes fewer."""

_SHARED: dict[str, Any] = {}
"""What SQLAlchemy has compiled, for all of a worker's databases: to compile it takes half as long as to make a card."""

RECORDS = dict.fromkeys(("smart_card", "card_link", "issued_certificate", "card_attempt", "membership"), "*") | {
    "person": "id, user_name, given_names, surname, birth_date_mark, uzi_number, role_code"
}
"""Of the portal's tables those that the making of a card leaves something in, beside its session; not what is sealed, which differs
each time that it is written."""

QUIET = frozenset({"connect", "transmit", "begin", "end", "close", "wait"})
"""What a process asks for that leaves nothing when it is killed: a card that it had is reset then, one way or the other."""

TIMER = timedelta(minutes=5)
"""How often a portal removes what has expired, if it has nothing else to do."""

PATIENCE = 120
"""Seconds without a sign of life, after which a process counts as crashed."""

PERSISTENCE = 3
"""How often a person puts a card in again, or asks the portal again, before giving up."""


class Shared:
    """What all runs of a worker share: PKI, CA, key store, the maker of blanks. Made once, for it takes long."""

    def __init__(self, directory: Path, algorithm: str) -> None:
        self.directory, self.algorithm = directory, algorithm
        creation = CreationPolicy(key_algorithm=algorithm, residency=frozenset({"attested", "channel"}))
        self.world = World(directory, creation=creation)
        self.world.validated()
        first = self.world.maker.nist_state(0).number
        for batch in (Batch(str(first), str(first + 0xFFFFFFFF)), BATCH):
            self.world.keys.add_batch(batch, Secret.of(self.world.maker.batch_key))
        self.world.registry.close()  # type: ignore[attr-defined]
        for name, der in zip(("issuing", "root"), self.world.authority.chain, strict=True):
            (directory / f"{name}.der").write_bytes(der)
        self.uzi_revocation = CRLs(cache(lambda issuer: (self.world.pki.crl(issuer, NOW),)))
        self.rsa = [
            KeyPool.shared().key(f"torture {number}") for number in range(RSA_KEYS if "RSA" in algorithm else 0)
        ]

    def blank(self, dialect: str) -> PIVState:
        maker = self.world.maker
        if dialect == "nist":
            return maker.nist_state()
        if dialect == "yubico":
            return maker.blank_state()
        state = maker.blank_state(int(BATCH.first))
        state.channel = maker.channel_keys(state.number)
        return state

    def services(self, registry: Registry, clock: Callable[[], datetime]) -> Services:
        """The portal's, on another store."""
        made, keys = self.world.services, self.world.keys
        return replace(
            made,
            registry=registry,
            clock=clock,
            uzi_revocation=self.uzi_revocation,
            administration=keys,
            channels=keys,
        )

    def open_keys(self) -> None:
        """In a worker: secrets are not passed on to a process that was forked."""
        passphrase = Secret.of(b"correct horse battery staple")
        self.world.keys = FileKeyStore.open(self.directory / "master.key", passphrase)


T = TypeVar("T")


class Failing:
    """A registry whose database fails when a transaction ends: what was done in it is undone."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    @contextmanager
    def begin(self) -> Iterator[Unit]:
        with self._registry.begin() as unit:
            yield unit
            raise StorageError("the disk is full", reason="full")

    def run(self, work: Callable[[Unit], T], /) -> T:
        with self.begin() as unit:
            return work(unit)


@dataclass
class Paper:
    """What the person has written down."""

    puks: list[str] = field(default_factory=list)

    def cross_out(self) -> None:
        self.puks.clear()


class PortalSide:
    """The portal on its SQLite file; may be started again, and be broken on purpose."""

    def __init__(self, shared: Shared, file: Path, now: datetime, broken: str) -> None:
        self._shared, self._file, self.now, self._broken = shared, file, now, broken
        self._start()

    def _start(self) -> None:
        self.registry = SQLRegistry.file(self._file)
        engine = self.registry.engine
        engine.dialect = _SHARED.setdefault("dialect", engine.dialect)
        self.registry.engine = engine.execution_options(compiled_cache=_SHARED.setdefault("compiled", {}))
        self.services = self._shared.services(self.registry, lambda: self.now)
        steps = _releasing(issuance.STEPS) if self._broken == "releases-before-commit" else issuance.STEPS
        self._purposes = {organisation.CREATE: steps}
        self._portal = Portal(self.services, self._purposes)

    def restart(self) -> None:
        self.registry.close()
        self._start()

    def close(self) -> None:
        self.registry.close()

    def ask(self, request: bytes) -> bytes:
        return self._portal.ask(request)

    def ask_failing(self, request: bytes) -> bytes:
        return Portal(replace(self.services, registry=Failing(self.registry)), self._purposes).ask(request)

    def publish(self, directory: Path) -> LogIn:
        """Write the CRLs where the judge finds them; returns the door through which one logs in."""
        lists = RevocationList(self.registry, self.services.authority, lambda: self.now)
        if self._broken == "forgets-deadline":
            lists._expired_at = self.now
        (directory / "crl.der").write_bytes(lists.current())
        (directory / "root-crl.der").write_bytes(lists.of_root())
        return registry_log_in(self.services, lists)


def _releasing(steps: Steps) -> Steps:
    """A portal that makes certificates valid as soon as it has issued them."""

    def handler(context: Context, message: RequestCertificates) -> CertificatesIssued:
        issued = issuance.request_certificates(context, message)
        revocation_list.change_all(context.unit, context.facts["card"], "release", None, context.now)
        return issued

    return {**steps, ("offered", RequestCertificates): (handler, "issued")}


class Trial:
    """One run: a card, a portal, a person; and lives of the card side, one after the other."""

    def __init__(self, shared: Shared, directory: Path, dialect: str, broken: str = "") -> None:
        self.shared, self.directory, self.dialect, self.broken = shared, directory, dialect, broken
        directory.mkdir()
        for name in ("registry.db", "registry.db.keys"):
            shutil.copy(shared.directory / name, directory)
        self.state = shared.blank(dialect)
        self.renews = False
        """Whether the card is in use, and to be renewed by who comes next."""
        self.paper = Paper()
        self.portal = PortalSide(shared, directory / "registry.db", NOW, broken)
        self._keys = iter(shared.rsa)
        self.told: list[str] = []
        self.fired: list[Cut] = []
        self._begun_with = self._kept()

    def in_use(self) -> None:
        """The card is made, and some time has passed: what is to be cut is its renewal."""
        self.pass_time(timedelta(seconds=DAY))
        self.renews, self.told = True, []
        self._begun_with = self._kept()

    def copy(self, directory: Path) -> Trial:
        """The same, to go on from here in another way."""
        self.portal.close()
        shutil.copytree(self.directory, directory)
        other = object.__new__(Trial)
        other.__dict__ |= self.__dict__
        other.directory, other.state = directory, snapshot(self.state)
        other.paper, other.told, other.fired = Paper([*self.paper.puks]), [*self.told], [*self.fired]
        other.portal = PortalSide(self.shared, directory / "registry.db", self.portal.now, self.broken)
        return other

    def close(self) -> None:
        self.portal.close()
        shutil.rmtree(self.directory)

    @property
    def untouched(self) -> bool:
        """Whether all is as it was before: the card, the portal's records, the journal, the person's paper."""
        return self._kept() == self._begun_with

    def _kept(self) -> tuple[PIVState, list[list[Any]], tuple[Making, ...], list[str]]:
        with sqlite3.connect(self.directory / "registry.db") as database:
            kept = [
                database.execute(f"SELECT {names} FROM zorgid_{table}").fetchall() for table, names in RECORDS.items()
            ]
        with SQLiteJournal(self.directory / "journal.db") as journal:
            begun = journal.unfinished()
        return snapshot(self.state), kept, begun, [*self.paper.puks]

    def pass_time(self, time: timedelta) -> None:
        """The portal's timer does what it does every few minutes."""
        self.portal.now += time
        if time >= TIMER:
            housekeeping.remove_expired(self.portal.registry, self.portal.now)

    def live(self, life: Life) -> LifeOutside:
        """One process of the card side, from its start to its end."""
        card = CARDS[self.dialect](self.state, key_maker=self._make_key)
        outside = LifeOutside(self, card, life.cuts)
        here, there = Pipe()
        child = os.fork()
        if child == 0:
            here.close()
            card_side.attend(there, self.directory / "journal.db", life.cuts, self.broken, renews=self.renews)
        there.close()
        outside.serve(here, child)
        self.told.append(outside.told)
        self.fired += outside.fired
        self.pass_time(timedelta(seconds=life.pause))
        return outside

    def _make_key(self, algorithm: Algorithm) -> PrivateKey:
        return next(self._keys) if algorithm is Algorithm.RSA2048 else make_key(algorithm)


def snapshot(state: PIVState) -> PIVState:
    """A copy of a card: neither changes with the other."""
    return replace(
        state,
        administration=replace(state.administration),
        pin=replace(state.pin),
        puk=replace(state.puk),
        keys=dict(state.keys),
        objects=dict(state.objects),
    )


class KilledError(Exception):
    """The card side's process is to be killed."""


class LifeOutside:
    """Serves one process of the card side, and cuts it."""

    def __init__(self, trial: Trial, card: VirtualPIVCard, cuts: tuple[Cut, ...]) -> None:
        self._trial, self._card, self._cuts = trial, card, cuts
        self._reader = SimulatedReader()
        self._channels: list[tuple[SimulatedChannel, ExitStack]] = []
        self._gone_home = self._down = False
        self._insertions = self._asked_again = 0
        self._late: list[bytes] = []
        self._quiet = False
        self.counts = {"apdu": 0, "journal": 0, "portal": 0, "person": 0}
        self.first: set[int] = set()
        """The commands before which something else happened since the command before: a write, a message, an act of the person."""
        self.told = "killed"
        self.fired: list[Cut] = []

    def serve(self, connection: Connection, child: int) -> None:
        """Until the process ends, or is killed; a card that it had is reset then, as PC/SC does."""
        with connection, suppress(EOFError, ConnectionError):
            while not self.told.startswith("ended"):
                self._serve_one(connection, child)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            self.fired += [cut for cut in self._cuts if cut.place == "journal"]
        self.told = self.told.removeprefix("ended ")
        for channel, transaction in self._channels:
            transaction.close()
            channel.close(reset=True)
        self._deliver_late()

    def _serve_one(self, connection: Connection, child: int) -> None:
        if not connection.poll(PATIENCE):
            os.kill(child, signal.SIGKILL)
            self.told = "ended crashed: it hangs"
            return
        what, *values = connection.recv()
        answer: tuple[str, Any]
        try:
            answer = "", getattr(self, "_" + what)(*values)
        except ZorgIDError as error:
            answer = type(error).__name__, error.details
        except TimeoutError:
            answer = "TimeoutError", None
        except KilledError:
            os.kill(child, signal.SIGKILL)
            raise EOFError from None
        self._quiet &= what in QUIET
        connection.send(answer)

    def _due(self, place: str) -> str:
        """How this command or message is cut, if it is."""
        self.counts[place] += 1
        cut = next((cut for cut in self._cuts if (cut.place, cut.at) == (place, self.counts[place])), None)
        if cut is None:
            return ""
        self.fired.append(cut)
        return cut.how

    # --- the reader

    def _connect(self, exclusive: bool) -> tuple[int, bytes]:
        channel = self._reader.connect(exclusive=exclusive)
        self._channels.append((channel, ExitStack()))
        return len(self._channels) - 1, channel.atr

    def _transmit(self, number: int, command: bytes) -> bytes:
        how = self._due("apdu")
        if not self._quiet:
            self.first.add(self.counts["apdu"])
        self._quiet = True
        kind, _, when = how.partition("-")
        if when == "before":
            self._strike(kind)
        answer = self._channels[number][0].transmit(command)
        if when == "after":
            self._strike(kind)
        return answer

    def _strike(self, kind: str) -> None:
        if kind == "kill":
            raise KilledError
        if kind == "lost":
            raise TransportError(reader=self._reader.name)
        if kind == "reset":
            self._reader.reset()  # the channel tells, at the next command
            return
        self._gone_home |= kind == "pull"
        self._reader.remove()

    def _begin(self, number: int) -> None:
        channel, transaction = self._channels[number]
        transaction.enter_context(channel.transaction())

    def _end(self, number: int) -> None:
        self._channels[number][1].pop_all().close()

    def _close(self, number: int, reset: bool) -> None:
        self._channels[number][1].close()
        self._channels[number][0].close(reset=reset)

    def _wait(self, present: bool) -> None:
        self._reader.wait(present=present, timeout=0)

    # --- the portal

    def _ask(self, request: bytes) -> bytes:
        how = self._due("portal")
        if self._down:
            raise TransportError("no route", reason="down")
        answer = getattr(self, "_cut_" + how.replace("-", "_"), self._answered)(request)
        self._deliver_late()
        return answer

    def _answered(self, request: bytes) -> bytes:
        return self._trial.portal.ask(request)

    def _deliver_late(self) -> None:
        while self._late:
            self._trial.portal.ask(self._late.pop())

    def _cut_lost_request(self, request: bytes) -> bytes:
        raise TransportError("lost", reason="reset")

    def _cut_lost_answer(self, request: bytes) -> bytes:
        self._answered(request)
        raise TransportError("lost", reason="reset")

    def _cut_twice(self, request: bytes) -> bytes:
        self._answered(request)
        return self._answered(request)

    def _cut_late(self, request: bytes) -> bytes:
        self._late.append(request)
        raise TimeoutError

    def _cut_status_500(self, request: bytes) -> bytes:
        raise TransportError("status 500", reason="status")

    def _cut_database(self, request: bytes) -> bytes:
        return self._trial.portal.ask_failing(request)

    def _cut_page_before(self, request: bytes) -> bytes:
        return b"<html><h1>502 Bad Gateway</h1></html>"

    def _cut_page_after(self, request: bytes) -> bytes:
        self._answered(request)
        return self._cut_page_before(request)

    def _cut_restart(self, request: bytes) -> bytes:
        self._answered(request)
        self._trial.portal.restart()
        raise TransportError("lost", reason="reset")

    def _cut_down_before(self, request: bytes) -> bytes:
        self._down = True
        raise TransportError("no route", reason="down")

    def _cut_down_after(self, request: bytes) -> bytes:
        self._answered(request)
        return self._cut_down_before(request)

    def _cut_kill_before(self, request: bytes) -> bytes:
        raise KilledError

    def _cut_kill_after(self, request: bytes) -> bytes:
        self._answered(request)
        raise KilledError

    # --- the person

    def _cue(self, cue: str) -> None:
        if cue == "insert-pass":
            self._reader.insert(self._trial.shared.world.worker_pass)
        elif cue == "remove-pass":
            self._reader.remove()
        elif self._reader.card is not self._card:
            self._reader.insert(self._card)

    def _asked(self, what: str, shown: str) -> bool:
        """Whether the person says yes; a PUK is written down as soon as it is shown."""
        if what == "puk":
            self._trial.paper.puks.append(shown)
        how = self._due("person")
        if how == "kill-before":
            raise KilledError
        if how == "no":
            return False
        if how == "pull":
            self._gone_home = True
            self._reader.remove()
        yes = self._answer(what)
        if how == "kill-after":
            raise KilledError
        return yes

    def _answer(self, what: str) -> bool:
        if what == "cross-out-puk" or (what == "empty-card" and self._trial.renews):
            self._trial.paper.cross_out()  # all that is on the card will be lost
        elif what in ("insert-again", "portal-again"):
            self._insertions += 1
            return not self._gone_home and self._insertions <= PERSISTENCE
        elif what == "ask-again":
            self._asked_again += 1
            return self._asked_again <= PERSISTENCE
        return True

    def _refused(self, code: str) -> None:
        pass

    def _wrote(self) -> None:
        self.counts["journal"] += 1

    def _ended(self, told: str) -> None:
        self.told = f"ended {told}"
