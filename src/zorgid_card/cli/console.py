"""The person at the terminal: a :class:`~zorgid_card.workflows.holder.Holder` that asks.

PINs go from the keyboard into locked memory, unseen (:meth:`~zorgid_card.secret.Secret.from_terminal`); the PUK is shown on
a screen of its own, which is gone, with what was on it, as soon as the person says that it is kept.
"""

from __future__ import annotations

import sys
from datetime import date
from typing import Protocol

from zorgid_card.cards.access import PINRequest, TryState
from zorgid_card.cli.display import Display
from zorgid_card.errors import DeclinedError, UsageError, ZorgIDError
from zorgid_card.protocol.iso7816 import Credential
from zorgid_card.secret import Secret
from zorgid_card.workflows.holder import Cue, Question, Step
from zorgid_card.workflows.pin import PINPolicy
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
        """A PIN or PUK, unseen. Raises DeclinedError at Ctrl-D."""
        return Secret.from_terminal(prompt)


class TerminalHolder:
    """Asks, tells and shows on the terminal (:class:`~zorgid_card.workflows.holder.Holder`)."""

    def __init__(self, display: Display, keyboard: Keyboard) -> None:
        self._display = display
        self._texts = display.texts
        self._keyboard = keyboard

    def cue(self, cue: Cue) -> None:
        """Ask for a card to be put in or taken out."""
        self._display.pause()
        self._display.say(f"cue.{cue}", "bold")

    def pin(self, request: PINRequest) -> Secret:
        """Ask for the PIN of the card in the reader; a last or unknown try needs the person's word (PIN-1)."""
        self._display.pause()
        if request.tries.left is not None:
            self._display.say("ask.tries", "dim", tries=request.tries.left)
        if request.tries.state in (TryState.FINAL, TryState.UNKNOWN):
            self._yes(self._texts("ask.last_try"))
        return self._secret("ask.puk" if request.what is Credential.PUK else "ask.pin")

    def birth_date(self) -> date:
        """Ask for the birth date until it is a date."""
        self._display.pause()
        while True:
            try:
                return parse_birth_date(self._keyboard.line(self._prompt(self._texts("ask.birth_date"))))
            except ValueError:
                self._display.say("ask.birth_date.again")

    def confirm(self, question: Question) -> None:
        """Show and ask; Enter alone is no answer. Raises DeclinedError at no."""
        self._display.pause()
        self._display.facts((self._texts(f"fact.{name}"), value) for name, value in question.facts)
        self._yes(self._texts(f"question.{question.code}"))

    def new_pin(self, policy: PINPolicy) -> tuple[Secret, Secret]:
        """Ask for a PIN to be chosen, twice (CRD-6)."""
        self._display.pause()
        first = self._secret("ask.new_pin", minimum=policy.minimum, maximum=policy.maximum)
        return first, self._secret("ask.new_pin.again")

    def refused(self, error: ZorgIDError) -> None:
        """Say why the last answer was refused."""
        self._display.pause()
        self._display.line(self._texts.error(error), "yellow")

    def show_puk(self, puk: Secret) -> None:
        """Show the PUK until the person types the word that says it is kept (CRD-9).

        Raises:
            UsageError: there is no terminal to show it on.
        """
        if not self._display.console.is_terminal:
            raise UsageError("the PUK can be shown on a terminal only", reason="terminal")
        self._display.pause()
        with self._display.console.screen(hide_cursor=False):
            self._display.puk(puk)
            while self._keyboard.line(self._prompt(self._texts("ask.puk_kept"))).casefold() != self._texts(
                "ask.puk_kept.word"
            ):
                pass

    def progress(self, step: Step, done: int, total: int) -> None:
        """A step begins."""
        self._display.progress(self._texts(f"step.{step}"), done, total)

    def _secret(self, key: str, **values: object) -> Secret:
        return self._keyboard.secret(self._prompt(self._texts(key, **values)))

    def _prompt(self, text: str) -> str:
        return f"    {text}"

    def _yes(self, question: str) -> None:
        prompt = self._prompt(self._texts("ask.confirm", question=question))
        while True:
            answer = self._keyboard.line(prompt).casefold()
            if answer[:1] == self._texts("ask.yes"):
                return
            if answer[:1] == self._texts("ask.no"):
                raise DeclinedError
            self._display.say("ask.yes_or_no")
