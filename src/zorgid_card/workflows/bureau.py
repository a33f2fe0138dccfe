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
from types import TracebackType
from typing import Self

from zorgid_card.errors import ZorgIDError
from zorgid_card.ports.card import Reader
from zorgid_card.ports.journal import Journal
from zorgid_card.ports.seam import Seam
from zorgid_card.workflows.creation import CardCreation, Made, Replaced
from zorgid_card.workflows.escrow import KeyOfficer
from zorgid_card.workflows.holder import Holder
from zorgid_card.workflows.session import PortalClient
from zorgid_card.workflows.stopping import StoppableHolder, StoppableReader


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
            holder = StoppableHolder(place.holder, self._stopped)
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
