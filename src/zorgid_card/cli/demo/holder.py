"""Who sits at the desk in the demonstration: nobody (answers by script) or the person at the terminal."""

from __future__ import annotations

import io
from contextlib import suppress
from datetime import date
from typing import Protocol

from rich.console import Console

from zorgid_card.cards.access import LastTry, PINRequest
from zorgid_card.cli.console import Keyboard, TerminalHolder
from zorgid_card.cli.demo.stage import DemonstrationStoppedError
from zorgid_card.cli.display import Display
from zorgid_card.errors import DeclinedError, PINFormError, PINPolicyError, ZorgIDError
from zorgid_card.secret import Secret
from zorgid_card.testkit.uzi_profile import Person
from zorgid_card.texts import Language, Texts
from zorgid_card.workflows.holder import Cue, Holder, Progress, Question
from zorgid_card.workflows.pin import PINPolicy, check_new_pin

_DIGITS = 6
_AGAIN = frozenset({"ask-again", "portal-again"})


class Desk(Holder, Protocol):
    """A holder who also manages, and has a phone."""

    def sit(self, person: Person, pin: bytes) -> None:
        """Another person sits down, with a pass of this PIN."""
        ...

    def card_pin(self, request: PINRequest) -> Secret | LastTry:
        """The PIN of the new card."""
        ...

    def choose_digits(self) -> Secret:
        """Six digits for the phone's app."""
        ...

    def digits(self) -> Secret:
        """The six digits of the phone's app, chosen before."""
        ...

    def phone_shows(self, code: str) -> None:
        """The phone shows this code, to be compared with the page's."""
        ...

    def number(self, shown: str) -> str:
        """The number that the page shows, as typed on the phone."""
        ...

    def reason(self, action: str) -> str:
        """Confirm ``block``, ``unblock`` or ``revoke``, and say why. Raises DeclinedError."""
        ...

    def again(self, error: ZorgIDError) -> bool:
        """Something that the person entered was refused, or the person said no: shall it be tried again?"""
        ...

    def leave_out(self) -> bool:
        """The person said no to something that can be left out: shall the demonstration go on without it?"""
        ...

    def go_on(self) -> None:
        """An act is over."""
        ...


def copy_of(secret: Secret) -> Secret:
    """The same bytes once more, for who wipes what he is given."""
    with secret.expose() as octets:
        return Secret.take(bytearray(octets))


class ScriptedHolder:
    """Answers by script, showing what was asked (:class:`Desk`)."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._texts = display.texts
        self._person: Person | None = None
        self._pass_pin = Secret.of(b"")
        self._chosen = Secret.of(b"")
        self._digits = Secret.random_digits(_DIGITS)
        self._code = ""

    def sit(self, person: Person, pin: bytes) -> None:
        """Take the script of this person."""
        self._person, self._pass_pin = person, Secret.of(pin)

    def cue(self, cue: Cue) -> None:
        """Show what is asked."""
        self._display.say(f"cue.{cue}", "dim")

    def pin(self, request: PINRequest) -> Secret:
        """The simulated pass's PIN."""
        return copy_of(self._pass_pin)

    def birth_date(self) -> date:
        """The simulated holder's."""
        return self._person.birth_date if self._person else date.max

    def confirm(self, question: Question) -> None:
        """Show the question, and say yes; codes are compared indeed, and a portal that is away is not asked again."""
        self._display.facts((self._texts(f"fact.{name}"), value) for name, value in question.facts)
        if question.code == "compare-code" and question.facts != (("code", self._code),):
            raise DeclinedError(reason=question.code)
        if question.code in _AGAIN:
            raise DeclinedError(reason=question.code)
        self._answer(self._texts(f"question.{question.code}"))

    def new_pin(self, policy: PINPolicy) -> tuple[Secret, Secret]:
        """A PIN, drawn until the policy takes it, twice."""
        while True:
            self._chosen = Secret.random_digits(policy.minimum)
            try:
                check_new_pin(self._chosen, self._chosen, policy)
            except PINPolicyError:
                continue
            return copy_of(self._chosen), copy_of(self._chosen)

    def refused(self, error: ZorgIDError) -> None:
        """Show it."""
        self._display.line(self._texts.error(error), "yellow")

    def show_puk(self, puk: Secret) -> None:
        """Show it; nobody keeps it."""
        self._display.puk(puk)

    def progress(self, progress: Progress) -> None:
        """Show it."""
        self._display.progress(self._texts(f"step.{progress.step}"), progress.share, progress.seconds_left)

    def card_pin(self, request: PINRequest) -> Secret:
        """The PIN chosen before."""
        return copy_of(self._chosen)

    def choose_digits(self) -> Secret:
        """Always the same, drawn at the start."""
        return self.digits()

    def digits(self) -> Secret:
        """Always the same, drawn at the start."""
        return copy_of(self._digits)

    def phone_shows(self, code: str) -> None:
        """Remember it."""
        self._code = code
        self._display.say("phone.shows", "dim", code=code)

    def number(self, shown: str) -> str:
        """What the page shows."""
        return shown

    def reason(self, action: str) -> str:
        """Say yes, and give the usual reason."""
        self._answer(self._texts(f"demo.ask.{action}"))
        return self._texts(f"manage.{action}.reason")

    def again(self, error: ZorgIDError) -> bool:
        """A script does not try again."""
        return False

    def leave_out(self) -> bool:
        """A script leaves nothing out."""
        return False

    def go_on(self) -> None:
        """Go on."""

    def _answer(self, question: str) -> None:
        self._display.line(f"{question} {self._texts('demo.answer.yes')}", "dim")


def unseen() -> Display:
    """A display that nobody sees, for what is done by script without an audience."""
    return Display(Console(file=io.StringIO()), Texts(Language.EN))


class KeepingHolder(ScriptedHolder):
    """Remembers what is on the card, for a simulated card that somebody is to use."""

    def __init__(self, display: Display) -> None:
        super().__init__(display)
        self.puk = Secret.of(b"")

    @property
    def chosen(self) -> Secret:
        """The PIN of the card."""
        return self._chosen

    def show_puk(self, puk: Secret) -> None:
        """Keep it."""
        self.puk = copy_of(puk)


class InteractiveHolder(TerminalHolder):
    """Asks the person, and says what the simulated things know (:class:`Desk`)."""

    def __init__(self, display: Display, keyboard: Keyboard) -> None:
        super().__init__(display, keyboard)
        self._hints: dict[str, str] = {}

    def sit(self, person: Person, pin: bytes) -> None:
        """Remember what to hint at; a simulated pass's PIN is no secret."""
        self._hints = {"pin": pin.decode(), "birth_date": person.birth_date.strftime("%d-%m-%Y")}

    def cue(self, cue: Cue) -> None:
        """Ask, and wait for Enter: the card is simulated, so nobody else moves it."""
        super().cue(cue)
        self._keyboard.line(self._prompt(self._texts("ask.enter")))

    def pin(self, request: PINRequest) -> Secret | LastTry:
        """Say which PIN the simulated pass has, and ask for it."""
        self._display.pause()
        self._display.say("demo.hint.pin", "dim", **self._hints)
        return super().pin(request)

    def birth_date(self) -> date:
        """Say when the simulated holder was born, and ask for it."""
        self._display.pause()
        self._display.say("demo.hint.birth_date", "dim", **self._hints)
        return super().birth_date()

    def card_pin(self, request: PINRequest) -> Secret | LastTry:
        """Ask for the PIN that the person has chosen."""
        self._display.say("demo.hint.new_pin", "dim")
        return super().pin(request)

    def choose_digits(self) -> Secret:
        """Ask for six digits until there are six."""
        self._display.say("demo.hint.digits", "dim")
        return self._six("demo.ask.new_digits", PINPolicyError(what="phone"))

    def digits(self) -> Secret:
        """Ask for the six digits until there are six."""
        self._display.say("demo.hint.own_digits", "dim")
        return self._six("demo.ask.digits", PINFormError(what="phone"))

    def _six(self, key: str, otherwise: ZorgIDError) -> Secret:
        while True:
            with suppress(PINPolicyError):
                found = self._secret(key)
                found.check_digits(_DIGITS, _DIGITS)
                return found
            self.refused(otherwise)

    def phone_shows(self, code: str) -> None:
        """Show it."""
        self._display.say("phone.shows", "bold", code=code)

    def number(self, shown: str) -> str:
        """Ask for the number on the page."""
        return self._keyboard.line(self._prompt(self._texts("demo.ask.number")))

    def reason(self, action: str) -> str:
        """Ask for the person's word, and why; Enter takes the usual reason. Raises DeclinedError at no."""
        if not self._agrees(self._texts(f"demo.ask.{action}")):
            raise DeclinedError(reason=action)
        usual = self._texts(f"manage.{action}.reason")
        return self._keyboard.line(self._prompt(self._texts("demo.ask.reason", suggestion=usual))) or usual

    def again(self, error: ZorgIDError) -> bool:
        """Say what was refused and ask whether to try again.

        Raises:
            DemonstrationStoppedError: no.
        """
        self.refused(error)
        return self._go_on_if("demo.part_again" if isinstance(error, DeclinedError) else "demo.again")

    def leave_out(self) -> bool:
        """Say what that means and ask whether to go on.

        Raises:
            DemonstrationStoppedError: no.
        """
        self._display.pause()
        self._display.say("demo.left_out", "yellow")
        return self._go_on_if("demo.go_on_without")

    def _go_on_if(self, question: str) -> bool:
        if not self._agrees(self._texts(question)):
            raise DemonstrationStoppedError
        return True

    def go_on(self) -> None:
        """Wait for Enter."""
        self._keyboard.line(self._prompt(self._texts("demo.go_on")))
