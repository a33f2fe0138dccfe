"""The person, asked in two places: by the page what is no secret and binds nobody, by the agent itself all else.

The page is the portal's, and may be anything. So what would matter if it lied (which origin is logged in at, what is agreed to,
PIN, PUK) is shown and asked by the agent's own :class:`~zorgid_card.workflows.holder.Holder`.
"""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Final, Literal, Protocol

from zorgid_card.agent.messages import Cued, Event, Problem, Progressed, Prompting, Refused, Scanned
from zorgid_card.cards.access import LastTry, PINRequest
from zorgid_card.errors import (
    CancelledError,
    DeclinedError,
    PINFormError,
    PINMismatchError,
    PINPolicyError,
    UsageError,
    ZorgIDError,
)
from zorgid_card.protocol.iso7816 import Credential
from zorgid_card.secret import Secret
from zorgid_card.texts import Texts
from zorgid_card.workflows.holder import Cue, Holder, Progress, Question
from zorgid_card.workflows.pin import PINPolicy
from zorgid_card.workflows.stopping import ASK_AGAIN
from zorgid_card.workflows.uzi_desk import parse_birth_date

Answer = str | bool | None
PAGE_CONFIRMS: Final = frozenset(("organisation-data", "pass-data", "insert-again", "portal-again", ASK_AGAIN))
"""What the page may have confirmed: data that the portal knows, and whether to go on."""
BIRTH_DATE: Final = "birth-date"
COMPARE_CODE: Final = "compare-code"
PAGE_ASKS: Final = PAGE_CONFIRMS | {BIRTH_DATE, COMPARE_CODE}
"""All that the page answers."""
_ROUNDS: Final = 3
_OF_CODES: Final = (PINFormError, PINMismatchError, PINPolicyError)

SHOWN: Final = frozenset(
    (
        *("advice", "card", "expected", "expires_at", "field", "found", "left", "locked_until", "maximum", "minimum"),
        *(
            "names",
            "not_after",
            "not_before",
            "purpose",
            "reason",
            "retry_after",
            "rule",
            "state",
            "status",
            "tries_left",
        ),
        *("what", "version", "platform", "pass_type"),
    )
)
"""Details of an error that a page may know; the others may name programs or cards of this computer."""
_HIDDEN: Final = frozenset(("path", "module"))
"""Details that are not even in the sentence that the page shows."""


class Stop(threading.Event):
    """Set when a step is to end; whoever waits for something else is called then, from the thread that sets it."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: list[Callable[[], None]] = []
        self._turn = threading.Lock()

    def set(self) -> None:
        """Have it end; a second time does nothing."""
        with self._turn:
            super().set()
            calls, self._calls = self._calls, []
        for call in calls:
            call()

    @contextmanager
    def calling(self, call: Callable[[], None]) -> Iterator[None]:
        """Have ``call`` called when it is set meanwhile; raises CancelledError if it was set before."""
        with self._turn:
            if self.is_set():
                raise CancelledError
            self._calls.append(call)
        try:
            yield
        finally:
            with self._turn:
                if call in self._calls:
                    self._calls.remove(call)


class Own(Holder, Protocol):
    """The agent's own holder, whose prompt can be taken away."""

    def cancel(self) -> None:
        """Take the prompt away that is open, and open no other; from any thread. What asks raises an error."""
        ...


class Prompts:
    """One prompt of the agent's at a time, on the whole screen: no two ask for a PIN at once."""

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._taken = False

    @contextmanager
    def turn(self, stop: Stop, *, wait: bool = True) -> Iterator[None]:
        """Have the screen alone.

        Args:
            stop: ends the wait.
            wait: for another prompt to end.

        Raises:
            CancelledError: it was stopped before its turn came, or the screen is not free.
        """
        with stop.calling(self._look), self._change:
            self._change.wait_for(lambda: not self._taken or stop.is_set() or not wait)
            if self._taken or stop.is_set():
                raise CancelledError
            self._taken = True
        try:
            yield
        finally:
            with self._change:
                self._taken = False
                self._change.notify_all()

    def _look(self) -> None:
        with self._change:
            self._change.notify_all()


class Page(Protocol):
    """The page that began a step."""

    def tell(self, event: type[Event], **fields: object) -> None:
        """Send an event of this step; returns at once."""
        ...

    def ask(self, code: str, facts: tuple[tuple[str, str], ...]) -> Answer:
        """Have the page ask something; returns what it answers. Raises CancelledError when the step is to end."""
        ...


class PageHolder:
    """The person at a page and at the agent (:class:`~zorgid_card.workflows.holder.Holder`).

    Args:
        page: the page that began the step.
        own: the agent's own prompts.
        prompts: whose turn it is on the screen.
        stop: set when the step is to end.
        texts: in the page's language.
        expect: is told which card is asked for.
    """

    def __init__(
        self, page: Page, own: Own, prompts: Prompts, stop: Stop, texts: Texts, expect: Callable[[Cue], None]
    ) -> None:
        self._page = page
        self._own = own
        self._prompts = prompts
        self._stop = stop
        self._texts = texts
        self._expect = expect

    def cue(self, cue: Cue) -> None:
        """Told on the page."""
        self._expect(cue)
        self._page.tell(Cued, cue=cue.value)

    def pin(self, request: PINRequest) -> Secret | LastTry:
        """Asked by the agent, or on the reader's keypad."""
        if request.keypad:
            what: Literal["keypad", "pin", "puk"] = "keypad"
        else:
            what = "puk" if request.what is Credential.PUK else "pin"
        with self._prompting(what):
            return self._own.pin(request)

    def birth_date(self) -> date:
        """Asked by the page: the portal gets it, whoever asks."""
        while True:
            answer = self._page.ask(BIRTH_DATE, ())
            if not isinstance(answer, str):
                raise DeclinedError(reason=BIRTH_DATE)
            try:
                return parse_birth_date(answer)
            except ValueError:
                self._tell_refused(UsageError("not the birth date of a living person", reason=BIRTH_DATE))

    def confirm(self, question: Question) -> None:
        """Asked by the page where it may answer that, else by the agent."""
        if question.code == COMPARE_CODE:
            self._compare(dict(question.facts)["code"])
        elif question.code in PAGE_CONFIRMS:
            if self._page.ask(question.code, question.facts) is not True:
                raise DeclinedError(reason=question.code)
        else:
            with self._prompting("consent"):
                self._own.confirm(question)

    def _compare(self, code: str) -> None:
        """The person types the phone's digits; the page never hears which they should be (ORG-6)."""
        self._page.tell(Scanned)
        for _ in range(_ROUNDS):
            answer = self._page.ask(COMPARE_CODE, ())
            if not isinstance(answer, str):
                raise DeclinedError(reason=COMPARE_CODE)
            typed = "".join(answer.split())
            if hmac.compare_digest(typed.encode(), code.encode()):
                return
            self._tell_refused(UsageError("not the code of the phone", reason=COMPARE_CODE))
        raise DeclinedError(reason=COMPARE_CODE)

    def new_pin(self, policy: PINPolicy) -> tuple[Secret, Secret]:
        """Asked by the agent (CRD-6)."""
        with self._prompting("new-pin"):
            return self._own.new_pin(policy)

    def refused(self, error: ZorgIDError) -> None:
        """Told on the page; of a PIN by the agent too, which asks again."""
        if isinstance(error, _OF_CODES):
            self._own.refused(error)
        self._tell_refused(error)

    def _tell_refused(self, error: ZorgIDError) -> None:
        self._page.tell(Refused, error=problem(error, self._texts))

    def show_puk(self, puk: Secret) -> None:
        """Shown by the agent, never by the page (CRD-9)."""
        with self._prompting("puk"):
            self._own.show_puk(puk)

    def progress(self, progress: Progress) -> None:
        """Told on the page."""
        self._page.tell(Progressed, step=progress.step.value, share=progress.share, seconds_left=progress.seconds_left)

    @contextmanager
    def _prompting(self, what: Literal["pin", "new-pin", "puk", "consent", "keypad"]) -> Iterator[None]:
        """The agent asks, when its turn has come; what is closed meanwhile has answered nothing."""
        with self._prompts.turn(self._stop), self._stop.calling(self._own.cancel):
            self._page.tell(Prompting, what=what)
            try:
                yield
            except ZorgIDError as error:
                if self._stop.is_set():
                    raise CancelledError from error
                raise
        if self._stop.is_set():
            raise CancelledError


def problem(error: ZorgIDError, texts: Texts) -> Problem:
    """An error as a page is told of it; the sentence is made anew, without what the page need not know."""
    told = {name: value for name, value in error.details.items() if name not in _HIDDEN}
    sentence = texts.error(ZorgIDError.of(error.code, "", told))
    details = {name: value for name, value in told.items() if name in SHOWN and value is not None}
    return Problem(code=error.code, message=sentence[:2000], retryable=error.retryable, details=dict(details))
