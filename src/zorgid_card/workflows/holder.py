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
    INSERT_CARD = "insert-card"
    INSERT_AGAIN = "insert-again"


class Step(StrEnum):
    """The steps of making a card, in their order (CRD-7); the first only where something is on it."""

    EMPTY = "empty"
    GENERATE = "generate"
    CERTIFY = "certify"
    WRITE = "write"
    PIN = "pin"
    VERIFY = "verify"
    PUK = "puk"
    ACTIVATE = "activate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the making of a card has come."""

    step: Step
    """The step that goes on."""
    share: float
    """Of the whole, 0 to 1: by the time that steps usually take, or where that is not known by their number."""
    seconds_left: float | None
    """How long the card and the portal still need, as cards of this kind needed before; None: none was made here yet."""


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

    def progress(self, progress: Progress) -> None:
        """A step begins or, told again about once a second while the card is busy, goes on. Returns at once."""
        ...
