"""Cards made at many readers at once, in one process: a card bureau (CRD-4 to CRD-10).

A card is made for the person whose pass is there, so each reader has a pass, a person and a session with the portal of its own, and
nothing is shared but the journal. What goes wrong at one reader is that reader's alone. The threads wait for cards and for the
network most of their time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from datetime import date
from types import TracebackType
from typing import Final, Self

from zorgid_card.cards.access import LastTry, PINRequest
from zorgid_card.errors import CancelledError, NoCardError, ZorgIDError
from zorgid_card.ports.card import Channel, Reader
from zorgid_card.ports.journal import Journal
from zorgid_card.ports.seam import Seam
from zorgid_card.secret import Secret
from zorgid_card.workflows.creation import CardCreation, Made, Replaced
from zorgid_card.workflows.escrow import KeyOfficer
from zorgid_card.workflows.holder import Cue, Holder, Progress, Question, Step
from zorgid_card.workflows.pin import PINPolicy
from zorgid_card.workflows.session import PortalClient

LOOK: Final = 0.5
"""Seconds for which one wait for a card lasts: so soon a bureau that is told to stop has stopped."""


@dataclass(frozen=True, slots=True)
class Place:
    """A reader, and who sits at it."""

    reader: Reader
    holder: Holder


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one card: it was made, or ``error`` says why not, and nothing that was issued stays valid."""

    reader: str
    made: Made | None = None
    error: ZorgIDError | None = None


class Bureau:
    """Makes cards at several places at once; as a context it ends when all of them have ended.

    Args:
        seam: gives a way to the portal, for one session.
        journal: where it is kept how far each card has come.
        platform: as :func:`platform.system` names it.
        client_version: numbers joined by dots.
        card_timeout: seconds to wait for a card; None waits for ever.
        replaces: which card of theirs the people's new one replaces.
        officer: whose key PUKs are sealed for, where the portal keeps them.
    """

    def __init__(
        self,
        seam: Callable[[], Seam],
        journal: Journal,
        *,
        platform: str,
        client_version: str,
        card_timeout: float | None = None,
        replaces: Replaced | None = None,
        officer: KeyOfficer | None = None,
    ) -> None:
        self._officer = officer
        self._replaces = replaces
        self._seam = seam
        self._journal = journal
        self._platform = platform
        self._version = client_version
        self._timeout = card_timeout
        self._stopped = threading.Event()
        self._threads: list[ThreadPoolExecutor] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.stop()
        for executor in self._threads:
            executor.shutdown()

    def begin(
        self, places: Sequence[Place], told: Callable[[Outcome], None], *, again: bool = False
    ) -> tuple[Future[None], ...]:
        """Begin at each place, in a thread of its own.

        Args:
            places: readers, each once.
            told: is told what came of each card, by the thread of its place.
            again: when a card is done, and out of the reader, the next person's turn comes, until :meth:`stop`.

        Returns:
            The end of each place; only a fault of this program itself is raised there.
        """
        executor = ThreadPoolExecutor(max(1, len(places)), "zorgid-card-place")
        self._threads.append(executor)
        return tuple(executor.submit(copy_context().run, self._serve, place, told, again) for place in places)

    def stop(self) -> None:
        """Let each place end as soon as its card has answered: what is not finished is given up, and the portal told."""
        self._stopped.set()

    def _serve(self, place: Place, told: Callable[[Outcome], None], again: bool) -> None:
        reader = StoppableReader(place.reader, self._stopped)
        while True:
            holder = _Interruptible(place.holder, self._stopped)
            told(self._make(reader, holder))
            if not again or not holder.cued:  # who was not even asked for a card need not be asked again
                return
            try:
                reader.wait(present=False)
            except ZorgIDError:
                return

    def _make(self, reader: Reader, holder: Holder) -> Outcome:
        """One card, whatever becomes of it."""
        try:
            client = PortalClient(self._seam())
            creation = CardCreation(
                reader,
                client,
                holder,
                self._journal,
                card_timeout=self._timeout,
                replaces=self._replaces,
                officer=self._officer,
            )
            return Outcome(reader.name, made=creation.run(platform=self._platform, client_version=self._version))
        except ZorgIDError as error:
            return Outcome(reader.name, error=error)


class StoppableReader:
    """A reader at which waiting for a card ends when it is told to (:class:`zorgid_card.ports.card.Reader`)."""

    def __init__(self, reader: Reader, stopped: threading.Event) -> None:
        self._reader = reader
        self._stopped = stopped

    @property
    def name(self) -> str:
        """The reader's name."""
        return self._reader.name

    def connect(self, *, exclusive: bool = False, timeout: float = 0) -> Channel:
        """See :meth:`zorgid_card.ports.card.Reader.connect`."""
        return self._reader.connect(exclusive=exclusive, timeout=timeout)

    def wait(self, *, present: bool, timeout: float | None = None) -> None:
        """See :meth:`zorgid_card.ports.card.Reader.wait`; raises CancelledError when it is told to stop."""
        left = timeout
        while True:
            if self._stopped.is_set():
                raise CancelledError
            look = LOOK if left is None else min(LOOK, left)
            try:
                return self._reader.wait(present=present, timeout=look)
            except NoCardError:
                if left is not None and left <= look:
                    raise
            left = None if left is None else left - look


class _Interruptible:
    """A holder who is asked no more once it is told to stop; a card that is finished is activated all the same."""

    def __init__(self, holder: Holder, stopped: threading.Event) -> None:
        self._holder = holder
        self._stopped = stopped
        self.cued = False
        """A card was asked for."""

    def cue(self, cue: Cue) -> None:
        self._go_on()
        self.cued = True
        self._holder.cue(cue)

    def pin(self, request: PINRequest) -> Secret | LastTry:
        self._go_on()
        return self._holder.pin(request)

    def birth_date(self) -> date:
        self._go_on()
        return self._holder.birth_date()

    def confirm(self, question: Question) -> None:
        self._go_on()
        self._holder.confirm(question)

    def new_pin(self, policy: PINPolicy) -> tuple[Secret, Secret]:
        self._go_on()
        return self._holder.new_pin(policy)

    def refused(self, error: ZorgIDError) -> None:
        self._holder.refused(error)

    def show_puk(self, puk: Secret) -> None:
        self._go_on()
        self._holder.show_puk(puk)

    def progress(self, progress: Progress) -> None:
        if progress.step is not Step.ACTIVATE:
            self._go_on()
        self._holder.progress(progress)

    def _go_on(self) -> None:
        if self._stopped.is_set():
            raise CancelledError
