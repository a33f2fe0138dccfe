"""The person at the desk, as the workflows see them: asked, told and shown things, in one place.

A command line, a window or a test implements this Protocol. Whatever it does may take long: no transaction on a card is open
while it is called. A method that asks raises :class:`~zorgid_card.errors.DeclinedError` when the person says no.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol

from zorgid_card.cards.access import LastTry, PINRequest
from zorgid_card.errors import ZorgIDError
from zorgid_card.secret import Secret
from zorgid_card.workflows.pin import PINPolicy


class Cue(StrEnum):
    """What the person is asked to do with the cards."""

    INSERT_PASS = "insert-pass"
    REMOVE_PASS = "remove-pass"
    INSERT_BLANK = "insert-blank"
    INSERT_AGAIN = "insert-again"


class Step(StrEnum):
    """The steps of making a card that take time (CRD-7)."""

    GENERATE = "generate"
    CERTIFY = "certify"
    WRITE = "write"
    PIN = "pin"
    VERIFY = "verify"
    PUK = "puk"
    ACTIVATE = "activate"


@dataclass(frozen=True, slots=True)
class Question:
    """Something to confirm: ``code`` names the sentence, ``facts`` what is shown with it."""

    code: str
    facts: tuple[tuple[str, str], ...] = ()


class Holder(Protocol):
    """Asks, tells and shows."""

    def cue(self, cue: Cue) -> None:
        """Ask for a card to be put in or taken out; returns at once, the workflow waits at the reader."""
        ...

    def pin(self, request: PINRequest) -> Secret | LastTry:
        """Ask for the PIN of the card in the reader; as LastTry only on the person's explicit word. Raises DeclinedError."""
        ...

    def birth_date(self) -> date:
        """Ask for the birth date. Raises DeclinedError."""
        ...

    def confirm(self, question: Question) -> None:
        """Show and ask; return when confirmed. Raises DeclinedError."""
        ...

    def new_pin(self, policy: PINPolicy) -> tuple[Secret, Secret]:
        """Ask for a PIN to be chosen, twice (CRD-6). Raises DeclinedError."""
        ...

    def refused(self, error: ZorgIDError) -> None:
        """Say why the last answer was refused; the same is asked again."""
        ...

    def show_puk(self, puk: Secret) -> None:
        """Show the PUK, once (CRD-9); return when the person has acknowledged keeping it. Raises DeclinedError."""
        ...

    def progress(self, step: Step, done: int, total: int) -> None:
        """A step begins; ``done`` of ``total`` are behind it."""
        ...
