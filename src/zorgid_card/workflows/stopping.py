"""Work at a card that is to end when it is told to: at the next wait or question, between two operations of the card."""

from __future__ import annotations

import threading
from datetime import date
from typing import Final

from zorgid_card.cards.access import LastTry, PINRequest
from zorgid_card.errors import CancelledError, DeclinedError, NoCardError, ZorgIDError
from zorgid_card.ports.card import Channel, Reader
from zorgid_card.secret import Secret
from zorgid_card.workflows.holder import Cue, Holder, Progress, Question, Step
from zorgid_card.workflows.pin import PINPolicy

LOOK: Final = 0.5
"""Seconds for which one wait for a card lasts: so soon what is told to stop has stopped."""
ASK_AGAIN: Final = "ask-again"
"""The question whether to ask a portal once more that was not reached with a finished card."""


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


class StoppableHolder:
    """A holder who is asked no more once it is told to stop (:class:`zorgid_card.workflows.holder.Holder`).

    A card that is finished is activated all the same; if the portal was not reached, its commit is kept for later.
    """

    def __init__(self, holder: Holder, stopped: threading.Event) -> None:
        self._holder = holder
        self._stopped = stopped
        self.cued = False
        """A card was asked for."""

    def cue(self, cue: Cue) -> None:
        """See the Protocol; raises CancelledError when it is told to stop, as all that ask do."""
        self._go_on()
        self.cued = True
        self._holder.cue(cue)

    def pin(self, request: PINRequest) -> Secret | LastTry:
        """See the Protocol."""
        self._go_on()
        return self._holder.pin(request)

    def birth_date(self) -> date:
        """See the Protocol."""
        self._go_on()
        return self._holder.birth_date()

    def confirm(self, question: Question) -> None:
        """See the Protocol."""
        try:
            self._go_on()
            self._holder.confirm(question)
        except CancelledError as error:
            if question.code != ASK_AGAIN:
                raise
            raise DeclinedError(reason=ASK_AGAIN) from error

    def new_pin(self, policy: PINPolicy) -> tuple[Secret, Secret]:
        """See the Protocol."""
        self._go_on()
        return self._holder.new_pin(policy)

    def refused(self, error: ZorgIDError) -> None:
        """See the Protocol."""
        self._holder.refused(error)

    def show_puk(self, puk: Secret) -> None:
        """See the Protocol."""
        self._go_on()
        self._holder.show_puk(puk)

    def progress(self, progress: Progress) -> None:
        """See the Protocol."""
        if progress.step is not Step.ACTIVATE:
            self._go_on()
        self._holder.progress(progress)

    def _go_on(self) -> None:
        if self._stopped.is_set():
            raise CancelledError
