"""The person at the terminal: a :class:`~zorgid_card.workflows.holder.Holder` that asks.

PINs go from the keyboard into locked memory, unseen (:meth:`~zorgid_card.secret.Secret.from_terminal`); the PUK is shown on
a screen of its own, which is gone, with what was on it, before three of its digits are typed back.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from zorgid_card.cards.access import LastTry, OnKeypad, PINRequest, TryState, check_length
from zorgid_card.cli.display import Display
from zorgid_card.errors import (
    DeclinedError,
    LastTryError,
    PINFormError,
    PINMismatchError,
    PINPolicyError,
    UsageError,
    ZorgIDError,
)
from zorgid_card.protocol.iso7816 import Credential
from zorgid_card.secret import Secret
from zorgid_card.workflows.holder import Cue, Progress, Question
from zorgid_card.workflows.pin import PINPolicy, check_puk_part, draw_positions
from zorgid_card.workflows.uzi_desk import parse_birth_date


class Keyboard(Protocol):
    """Where answers come from."""

    def line(self, prompt: str, /) -> str:
        """A line of text. Raises DeclinedError at its end."""
        ...

    def secret(self, prompt: str, /) -> Secret:
        """A PIN or PUK, unseen. Raises DeclinedError."""
        ...


class TerminalKeyboard:
    """The keyboard of the process's terminal."""

    def line(self, prompt: str, /) -> str:
        """A line of text.

        Raises:
            UsageError: nobody is there to answer.
            DeclinedError: Ctrl-D.
        """
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise UsageError("questions need a terminal", reason="terminal")
        try:
            return input(prompt).strip()
        except EOFError as error:
            raise DeclinedError from error

    def secret(self, prompt: str, /) -> Secret:
        """A PIN or PUK, unseen.

        Raises:
            UsageError: nobody is there to answer.
            DeclinedError: Ctrl-D.
            PINPolicyError: longer than any PIN.
        """
        try:
            return Secret.from_terminal(prompt)
        except UsageError as error:
            raise UsageError("questions need a terminal", reason="terminal") from error


class DescriptorKeyboard:
    """Codes of a program, one to a line, from a file descriptor that it opened (``--codes-fd``)."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def line(self, prompt: str, /) -> str:
        """Nobody is there to answer; raises UsageError."""
        raise UsageError("questions need a terminal", reason="terminal")

    def secret(self, prompt: str, /) -> Secret:
        """The next line.

        Raises:
            UsageError: there is none.
            PINPolicyError: longer than any PIN.
        """
        return Secret.from_descriptor(self._descriptor)


class TerminalHolder:
    """Asks, tells and shows on the terminal (:class:`~zorgid_card.workflows.holder.Holder`).

    Args:
        display: where it shows.
        keyboard: where answers come from.
        last_try: the person's word, given before, that a last or unknown try may be spent.
    """

    def __init__(self, display: Display, keyboard: Keyboard, *, last_try: bool = False) -> None:
        self._display = display
        self._texts = display.texts
        self._keyboard = keyboard
        self._last_try = last_try

    def cue(self, cue: Cue) -> None:
        """Ask for a card to be put in or taken out."""
        self._display.pause()
        self._display.say(f"cue.{cue}", "bold")

    def pin(self, request: PINRequest) -> Secret | LastTry:
        """Ask for the PIN of the card in the reader; a last or unknown try needs the person's word (PIN-1).

        What cannot be one is asked again: the card hears nothing of it, and no try is spent.

        Raises:
            DeclinedError: the person does not want to spend the last try; ``reason`` is ``last-try``.
        """
        self._display.pause()
        if request.tries.left is not None:
            self._display.say("ask.tries", "dim", tries=request.tries.left)
        last = request.tries.state in (TryState.FINAL, TryState.UNKNOWN)
        if last and not self._last_try:
            self._require_word(request)
        entered = self._on_keypad(request) if request.keypad else self._entered(request)
        return LastTry(entered) if last else entered

    def _require_word(self, request: PINRequest) -> None:
        if not self._agrees(self._texts("ask.last_try")):
            raise DeclinedError(reason="last-try")

    def _on_keypad(self, request: PINRequest) -> Secret:
        """The reader asks; the screen says so (PIN-6)."""
        self._display.say("ask.keypad.puk" if request.what is Credential.PUK else "ask.keypad", "bold")
        return OnKeypad()

    def _entered(self, request: PINRequest) -> Secret:
        key, what = ("ask.puk", "puk") if request.what is Credential.PUK else ("ask.pin", "pin")
        what = what if request.digits or what == "puk" else "characters"
        while True:
            with suppress(PINPolicyError):
                found = self._secret(key)
                if request.digits:
                    found.check_digits(request.minimum, request.maximum)
                else:
                    check_length(found, request.minimum, request.maximum)
                return found
            self.refused(PINFormError(minimum=request.minimum, maximum=request.maximum, what=what))

    def birth_date(self) -> date:
        """Ask for the birth date until it is a date."""
        self._display.pause()
        while True:
            try:
                return parse_birth_date(self._keyboard.line(self._prompt(self._texts("ask.birth_date"))))
            except ValueError:
                self._display.say("ask.birth_date.again")

    def confirm(self, question: Question) -> None:
        """Show and ask; Enter alone is no answer. Raises DeclinedError at no; its ``reason`` is the question's code."""
        self._display.pause()
        self._display.facts((self._texts(f"fact.{name}"), value) for name, value in question.facts)
        if not self._agrees(self._texts(f"question.{question.code}")):
            raise DeclinedError(reason=question.code)

    def new_pin(self, policy: PINPolicy) -> tuple[Secret, Secret]:
        """Ask for a PIN to be chosen, twice (CRD-6)."""
        return self._twice("ask.new_pin", policy)

    def new_puk(self, policy: PINPolicy) -> tuple[Secret, Secret]:
        """Ask for a PUK to be chosen, twice (PIN-4)."""
        return self._twice("ask.new_puk", policy)

    def _twice(self, key: str, policy: PINPolicy) -> tuple[Secret, Secret]:
        self._display.pause()
        bounds = self._texts.bounds(policy.minimum, policy.maximum)
        return self._secret(key, bounds=bounds), self._secret(f"{key}.again")

    def refused(self, error: ZorgIDError) -> None:
        """Say why the last answer was refused."""
        self._display.pause()
        self._display.line(self._texts.error(error), "yellow")

    def show_puk(self, puk: Secret) -> None:
        """Show the PUK, and take it away; done when the person types three digits of what was written down (CRD-9).

        Raises:
            UsageError: there is no terminal to show it on.
        """
        if not self._display.console.is_terminal:
            raise UsageError("the PUK can be shown on a terminal only", reason="terminal")
        self._display.pause()
        while True:
            with self._display.console.screen(hide_cursor=False):
                self._display.puk(puk)
                while self._keyboard.line(self._prompt(self._texts("ask.puk_kept"))):
                    self._display.spell(puk)
            try:
                return self._typed_back(puk)
            except PINMismatchError as error:
                self.refused(error)

    def _typed_back(self, puk: Secret) -> None:
        positions = draw_positions(len(puk))
        first, second, third = positions
        with self._secret("ask.puk_part", first=first, second=second, third=third) as typed:
            check_puk_part(puk, positions, typed)

    def progress(self, progress: Progress) -> None:
        """A step begins, or goes on."""
        self._display.progress(self._texts(f"step.{progress.step}"), progress.share, progress.seconds_left)

    def _secret(self, key: str, **values: object) -> Secret:
        return self._keyboard.secret(self._prompt(self._texts(key, **values)))

    def _prompt(self, text: str) -> str:
        return f"    {text}"

    def _agrees(self, question: str) -> bool:
        prompt = self._prompt(self._texts("ask.confirm", question=question))
        while True:
            answer = self._keyboard.line(prompt).casefold()
            if answer[:1] in (self._texts("ask.yes"), self._texts("ask.no")):
                return answer[:1] == self._texts("ask.yes")
            self._display.say("ask.yes_or_no")


class ProgramHolder(TerminalHolder):
    """A program that gives codes (:class:`DescriptorKeyboard`): a new one once, and nothing is asked again."""

    def _require_word(self, request: PINRequest) -> None:
        raise LastTryError(tries_left=request.tries.left, what=request.what.value)

    def _on_keypad(self, request: PINRequest) -> Secret:
        return self._entered(request)

    def _twice(self, key: str, policy: PINPolicy) -> tuple[Secret, Secret]:
        given = self._keyboard.secret("")
        return given, given

    def refused(self, error: ZorgIDError) -> None:
        """Raise it: the next line would be something else."""
        raise error


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """Where the codes of a command come from.

    Attributes:
        descriptor: file descriptor from which they are read, a line each; None: the person is asked.
        last_try: the person's word that a last or unknown try may be spent.
    """

    descriptor: int | None = None
    last_try: bool = False

    def holder(self, display: Display, keyboard: Callable[[], Keyboard]) -> TerminalHolder:
        """Who gives them; ``keyboard`` is the person's, where one is asked."""
        if self.descriptor is None:
            return TerminalHolder(display, keyboard(), last_try=self.last_try)
        return ProgramHolder(display, DescriptorKeyboard(self.descriptor), last_try=self.last_try)
