"""The card side as a process of its own, which may be killed at any moment.

What lies outside of it (reader and card, the portal, the person) is reached over a connection to the desk. It does what a program
of the card side does: it first looks into its journal, and finishes what only wants its commit; else it makes the card.
"""

from __future__ import annotations

import os
import signal
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from renewal_world import KEYS
from torture.cuts import Cut
from world import CARD_PIN, DESKTOP, ORIGIN, PASS_PIN, WORKER
from zorgid_card import errors
from zorgid_card.adapters.journal import SQLiteJournal
from zorgid_card.cards.access import LastTry, PINRequest
from zorgid_card.errors import CardUnfinishedError, CommitLateError, DeclinedError, ZorgIDError
from zorgid_card.ports.journal import Making
from zorgid_card.secret import Secret
from zorgid_card.workflows.creation import CardCreation, last_write_done
from zorgid_card.workflows.holder import Cue, Progress, Question
from zorgid_card.workflows.pin import PINPolicy
from zorgid_card.workflows.renewal import CardRenewal
from zorgid_card.workflows.session import PortalClient


class Outside:
    """Asks the desk, one thread at a time."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def __call__(self, what: str, *values: Any) -> Any:
        with self._lock:
            self._connection.send((what, *values))
            name, value = self._connection.recv()
        if name == "":
            return value
        raise TimeoutError("no answer") if name == "TimeoutError" else getattr(errors, name)(**value)


class RemoteChannel:
    """A channel to the card on the desk (:class:`zorgid_card.ports.card.Channel`)."""

    def __init__(self, outside: Outside, number: int, atr: bytes) -> None:
        self._outside, self._number, self.atr = outside, number, atr

    def transmit(self, command: bytes | bytearray | memoryview, /) -> bytes:
        answer: bytes = self._outside("transmit", self._number, bytes(command))
        return answer

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._outside("begin", self._number)
        try:
            yield
        finally:
            self._outside("end", self._number)

    def close(self, *, reset: bool = False) -> None:
        self._outside("close", self._number, reset)


class RemoteReader:
    """The reader on the desk (:class:`zorgid_card.ports.card.Reader`)."""

    name = "Simulated Reader 00 00"

    def __init__(self, outside: Outside) -> None:
        self._outside = outside

    def connect(self, *, exclusive: bool = False, timeout: float = 0) -> RemoteChannel:
        return RemoteChannel(self._outside, *self._outside("connect", exclusive))

    def wait(self, *, present: bool, timeout: float | None = None) -> None:
        self._outside("wait", present)


class RemoteSeam:
    """The way to the portal (:class:`zorgid_card.ports.seam.Seam`)."""

    origin = ORIGIN

    def __init__(self, outside: Outside) -> None:
        self._outside = outside

    def ask(self, request: bytes, /) -> bytes:
        answer: bytes = self._outside("ask", request)
        return answer


class RemoteHolder:
    """The person at the desk (:class:`zorgid_card.workflows.holder.Holder`)."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside

    def _ask(self, what: str, shown: str = "") -> None:
        if not self._outside("asked", what, shown):
            raise DeclinedError

    def cue(self, cue: Cue) -> None:
        self._outside("cue", cue.value)

    def pin(self, request: PINRequest) -> Secret | LastTry:
        self._ask("pin")
        return Secret.of(CARD_PIN if request.reference in KEYS else PASS_PIN)

    def birth_date(self) -> date:
        self._ask("birth-date")
        return WORKER.birth_date

    def confirm(self, question: Question) -> None:
        self._ask(question.code)

    def new_pin(self, policy: PINPolicy) -> tuple[Secret, Secret]:
        self._ask("new-pin")
        return Secret.of(CARD_PIN), Secret.of(CARD_PIN)

    def refused(self, error: ZorgIDError) -> None:
        self._outside("refused", error.code)

    def show_puk(self, puk: Secret) -> None:
        with puk.expose() as octets:
            self._ask("puk", bytes(octets).decode())

    def progress(self, progress: Progress) -> None:
        pass


class CutJournal(SQLiteJournal):
    """The card side's journal, at one of whose transactions the process is killed."""

    def __init__(self, path: Path, outside: Outside, cuts: tuple[Cut, ...], broken: str) -> None:
        super().__init__(path)
        self._outside = outside
        self._cuts = {cut.at: cut.how for cut in cuts if cut.place == "journal"}
        self._broken = broken
        self._written = 0

    def write(self, making: Making, /, *, took: float | None = None) -> None:
        if self._broken == "forgets-commit":
            making = replace(making, commit=b"")
        elif self._broken == "end-before-step":
            making = replace(making, done=True)
        with self._cut():
            super().write(making, took=took)

    def finish(self, making: Making, /, *, took: float | None = None) -> None:
        with self._cut():
            super().finish(making, took=took)

    @contextmanager
    def _cut(self) -> Iterator[None]:
        self._written += 1
        how = self._cuts.get(self._written, "")
        if how == "before":
            _die()
        if how == "during":
            self._database.set_trace_callback(_die_at_commit)
        yield
        if how == "after":
            _die()
        self._outside("wrote")


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_at_commit(statement: str) -> None:
    if statement == "COMMIT":
        _die()


def attend(connection: Connection, journal: Path, cuts: tuple[Cut, ...], broken: str, *, renews: bool) -> NoReturn:
    """All that this process does."""
    outside = Outside(connection)
    try:
        with CutJournal(journal, outside, cuts, broken) as kept:
            outside("ended", (_renew if renews else _make)(outside, kept))
    except BaseException:
        outside("ended", "crashed: " + traceback.format_exc())
    finally:
        os._exit(0)


def _make(outside: Outside, journal: CutJournal) -> str:
    """What the person is told at the end: ``finished``, or the error's code."""
    for making in journal.unfinished():
        try:
            _creation(outside, journal).resume(making)
        except ZorgIDError as error:
            outside("refused", error.code)
        else:
            return "finished"
    try:
        _creation(outside, journal).run(**DESKTOP)
    except ZorgIDError as error:
        return error.code
    return "finished"


def _renew(outside: Outside, journal: CutJournal) -> str:
    """The same of a card in use; one that has lost its keys, and is not made anew on the way, is made anew like any other."""
    for making in journal.unfinished():
        if making.renewal and making.commit and last_write_done(making):
            with suppress(CardUnfinishedError, CommitLateError):
                _workflow(CardRenewal, outside, journal).resume(making)
                return "finished"
    try:
        _workflow(CardRenewal, outside, journal).run(**DESKTOP)
    except ZorgIDError as error:
        return error.code
    return "finished"


def _creation(outside: Outside, journal: SQLiteJournal) -> CardCreation:
    return _workflow(CardCreation, outside, journal)


Workflow = TypeVar("Workflow", bound=CardCreation)


def _workflow(kind: type[Workflow], outside: Outside, journal: SQLiteJournal) -> Workflow:
    client, holder = PortalClient(RemoteSeam(outside)), RemoteHolder(outside)
    return kind(RemoteReader(outside), client, holder, journal, card_timeout=1)
