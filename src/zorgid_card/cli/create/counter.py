"""The one keyboard and the many places: what a place asks is asked in turn, by the thread that the keyboard belongs to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError as FutureCancelledError
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, TypeVar

from zorgid_card.cards.access import LastTry, PINRequest
from zorgid_card.cli.create.telling import Teller
from zorgid_card.errors import CancelledError, ZorgIDError
from zorgid_card.secret import Secret
from zorgid_card.workflows.holder import Cue, Holder, Progress, Question
from zorgid_card.workflows.pin import PINPolicy

T = TypeVar("T")
_LOOK: Final = 0.1
LINGER: Final = 1.0
"""Seconds for which the next question of whoever answered last goes before those of others: a person is asked all of it at once."""


@dataclass(frozen=True, slots=True)
class _Asked:
    reader: str
    question: Callable[[], Any]
    answer: Future[Any]


class Counter:
    """Where questions of all places come together.

    Args:
        teller: makes room while one is asked.
        heading: says for which reader it is.
        linger: seconds for which the next question of the same place is waited for, while others wait.
    """

    def __init__(self, teller: Teller, heading: Callable[[str], None], *, linger: float = LINGER) -> None:
        self._teller = teller
        self._heading = heading
        self._linger = linger
        self._change = threading.Condition()
        self._waiting: list[_Asked] = []
        self._closed = False
        self._last = ""

    def ask(self, reader: str, question: Callable[[], T]) -> T:
        """Have it asked; returns what it returns, and raises what it raises.

        Raises:
            CancelledError: nobody asks any more.
        """
        answer: Future[T] = Future()
        with self._change:
            if self._closed:
                raise CancelledError
            self._waiting.append(_Asked(reader, question, answer))
            self._change.notify_all()
        try:
            return answer.result()
        except FutureCancelledError as error:
            raise CancelledError from error

    def serve(self, places: Sequence[Future[None]]) -> None:
        """Ask what is asked, until all places have ended."""
        while not all(place.done() for place in places):
            with self._change:
                asked = self._next()
            if asked is not None:
                self._ask(asked)

    def close(self) -> None:
        """Ask no more: whoever waits is told that it is over."""
        with self._change:
            self._closed = True
            for asked in self._waiting:
                asked.answer.cancel()
            self._waiting.clear()

    def _next(self) -> _Asked | None:
        self._change.wait_for(lambda: self._waiting, _LOOK)
        if not self._waiting:
            return None
        self._change.wait_for(self._of_last, self._linger if self._last else 0)
        return self._of_last() or self._waiting[0]

    def _of_last(self) -> _Asked | None:
        return next((asked for asked in self._waiting if asked.reader == self._last), None)

    def _ask(self, asked: _Asked) -> None:
        try:
            with self._teller.aside:
                if asked.reader != self._last:
                    self._last = asked.reader
                    self._heading(asked.reader)
                answer = asked.question()
        except Exception as error:
            self._answered(asked).set_exception(error)
        else:
            self._answered(asked).set_result(answer)

    def _answered(self, asked: _Asked) -> Future[Any]:
        """What was interrupted before this still waits, and :meth:`close` tells whoever asked it."""
        with self._change:
            self._waiting.remove(asked)
        return asked.answer


class PlaceHolder:
    """The person at one of many places (:class:`~zorgid_card.workflows.holder.Holder`).

    Args:
        reader: the place's reader.
        holder: who answers when it is their turn.
        counter: where they are asked.
        teller: is told all that is no question.
        move: is told which card is wanted where, for cards that a program moves.
    """

    def __init__(
        self, reader: str, holder: Holder, counter: Counter, teller: Teller, move: Callable[[Cue], None] | None = None
    ) -> None:
        self._reader = reader
        self._holder = holder
        self._counter = counter
        self._teller = teller
        self._move = move

    def cue(self, cue: Cue) -> None:
        """Told on the place's line: whoever stands there sees it, and nobody needs to answer."""
        self._teller.cued(self._reader, cue)
        if self._move is not None:
            self._move(cue)

    def pin(self, request: PINRequest) -> Secret | LastTry:
        """Asked in turn."""
        return self._counter.ask(self._reader, lambda: self._holder.pin(request))

    def birth_date(self) -> date:
        """Asked in turn."""
        return self._counter.ask(self._reader, self._holder.birth_date)

    def confirm(self, question: Question) -> None:
        """Asked in turn."""
        self._counter.ask(self._reader, lambda: self._holder.confirm(question))

    def new_pin(self, policy: PINPolicy) -> tuple[Secret, Secret]:
        """Asked in turn, both times at once."""
        return self._counter.ask(self._reader, lambda: self._holder.new_pin(policy))

    def refused(self, error: ZorgIDError) -> None:
        """Told on the place's line, and where it will be asked again."""
        self._teller.refused(self._reader, error)
        self._counter.ask(self._reader, lambda: self._holder.refused(error))

    def show_puk(self, puk: Secret) -> None:
        """Shown in turn: on one screen there is one PUK at a time."""
        self._counter.ask(self._reader, lambda: self._holder.show_puk(puk))

    def progress(self, progress: Progress) -> None:
        """Told on the place's line."""
        self._teller.progress(self._reader, progress)
