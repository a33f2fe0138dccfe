"""The person at a pinentry: a :class:`~zorgid_card.workflows.holder.Holder` that asks in windows of its own.

Each window says at the top which portal asks; a page cannot show, fill in or press anything of it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date

from zorgid_card.adapters.pinentry import Conversation, Dialog, Pinentry, fits
from zorgid_card.cards.access import LastTry, OnKeypad, PINRequest, TryState, check_length
from zorgid_card.errors import (
    CancelledError,
    DeclinedError,
    PinentryError,
    PINFormError,
    PINMismatchError,
    PINPolicyError,
    ZorgIDError,
)
from zorgid_card.protocol.iso7816 import Credential
from zorgid_card.secret import Secret
from zorgid_card.texts import Texts, printable
from zorgid_card.workflows.holder import Cue, Progress, Question
from zorgid_card.workflows.pin import PINPolicy, check_puk_part, draw_positions
from zorgid_card.workflows.uzi_desk import parse_birth_date

_COLUMNS = 66
"""Of a line: a pinentry in a terminal cuts what does not fit beside its frame, and wraps nothing."""
_SET_IN = "    "
_WIDTHS = (200, 100, 60, 40, 20, 10)
"""Characters of each value that is shown, the widest first with which all fits."""


class PinentryHolder:
    """Asks and shows with a pinentry; what only tells (cards to put in, progress) is the page's to show, and is left out.

    Args:
        pinentry: the program.
        texts: the language.
        origin: of the portal that asks, as the transport knows it.
    """

    def __init__(self, pinentry: Pinentry, texts: Texts, *, origin: str) -> None:
        self._pinentry = pinentry
        self._texts = texts
        self._origin = origin
        self._error = ""
        self._open: Conversation | None = None
        self._cancelled = False

    def cancel(self) -> None:
        """Take away the window that is open, and open no other; from any thread. What asks raises CancelledError."""
        self._cancelled = True
        conversation = self._open
        if conversation is not None:
            conversation.cancel()

    def cue(self, cue: Cue) -> None:
        """Nothing: see :class:`PinentryHolder`."""

    def progress(self, progress: Progress) -> None:
        """Nothing: see :class:`PinentryHolder`."""

    def refused(self, error: ZorgIDError) -> None:
        """Say in the next window why the last answer was refused."""
        self._error = self._texts.error(error)

    def pin(self, request: PINRequest) -> Secret | LastTry:
        """Ask for the PIN of the card in the reader; a last or unknown try needs the person's word (PIN-1).

        What cannot be one is asked again: the card hears nothing of it, and no try is spent.

        Raises:
            DeclinedError: the person cancels; ``reason`` is ``last-try`` where they do not want to spend that.
            PinentryError: they cannot be asked.
        """
        last = request.tries.state in (TryState.FINAL, TryState.UNKNOWN)
        if last:
            self._agree(self._texts("ask.last_try"), "last-try")
        entered = self._on_keypad(request) if request.keypad else self._entered(request)
        return LastTry(entered) if last else entered

    def _on_keypad(self, request: PINRequest) -> Secret:
        """The window goes before the reader asks: it could not be taken away by what is done there (PIN-6)."""
        puk = request.what is Credential.PUK
        self._agree(self._texts("ask.keypad.puk" if puk else "ask.keypad"), None, ok="pinentry.ok")
        return OnKeypad()

    def _entered(self, request: PINRequest) -> Secret:
        puk = request.what is Credential.PUK
        what = "puk" if puk else "pin" if request.digits else "characters"
        if request.retrying and not self._error and not puk:
            self._error = self._texts("pinentry.wrong")
        lines = [self._texts("ask.puk" if puk else "ask.pin").rstrip(": ") + "."]
        if request.tries.left is not None:
            lines.append(self._texts("ask.tries", tries=request.tries.left))
        while True:
            with suppress(PINPolicyError, PINFormError):
                return _of_form(self._secret("\n".join(lines), "pinentry.puk" if puk else "pinentry.pin"), request)
            self.refused(PINFormError(minimum=request.minimum, maximum=request.maximum, what=what))

    def birth_date(self) -> date:
        """Ask for the birth date until it is a date; it is entered unseen, as all that a pinentry takes."""
        while True:
            entered = self._secret(self._texts("ask.birth_date").rstrip(": "), "pinentry.date")
            with entered, entered.expose() as octets, suppress(ValueError):
                return parse_birth_date(bytes(octets).decode())
            self._error = self._texts("ask.birth_date.again")

    def confirm(self, question: Question) -> None:
        """Show and ask. Raises DeclinedError at no; its ``reason`` is the question's code."""
        self._agree(self._asked(question), question.code)

    def _asked(self, question: Question) -> str:
        """All of it: of values that are too long together, each is cut, and shows it; what still does not fit is not asked."""
        asked = self._texts(f"question.{question.code}")
        facts = [(self._texts(f"fact.{name}"), printable(value)) for name, value in question.facts]
        texts = (
            "\n".join([asked, "", *(_hanging(f"{name}: {_cut(value, width)}") for name, value in facts)])
            for width in _WIDTHS
        )
        found = next((text for text in texts if fits(self._addressed(text))), None)
        if found is None:
            raise PinentryError(reason="small")
        return found

    def new_pin(self, policy: PINPolicy) -> tuple[Secret, Secret]:
        """Ask for a PIN to be chosen, twice (CRD-6): in one window, or in two where the program has none for it."""
        bounds = self._texts.bounds(policy.minimum, policy.maximum)
        text = self._texts("ask.new_pin", bounds=bounds).rstrip(": ") + "."
        differ = self._texts("pinentry.differ")
        dialog = self._dialog(text, "pinentry.new_pin", again=self._texts("pinentry.again"), differ=differ)
        with self._opened(dialog) as conversation:
            first, repeated = conversation.ask(), conversation.repeated
        return first, _twin(first) if repeated else self._secret(
            self._texts("ask.new_pin.again").rstrip(": "), "pinentry.again"
        )

    def show_puk(self, puk: Secret) -> None:
        """Show the PUK, and take it away; done when the person enters three digits of what was written down (CRD-9).

        Who cancels those sees it once more; who cancels then has not kept it.
        """
        while True:
            dialog = self._dialog(self._texts("pinentry.show_puk"), ok="pinentry.written", shown=puk)
            with self._opened(dialog) as conversation:
                conversation.confirm()
            try:
                return self._typed_back(puk)
            except (PINMismatchError, PINFormError) as error:
                self.refused(error)
            except DeclinedError:
                continue

    def _typed_back(self, puk: Secret) -> None:
        positions = draw_positions(len(puk))
        first, second, third = positions
        text = self._texts("ask.puk_part", first=first, second=second, third=third).rstrip(": ")
        with self._secret(text, "pinentry.digits") as typed:
            check_puk_part(puk, positions, typed)

    def _secret(self, text: str, prompt: str) -> Secret:
        with self._opened(self._dialog(text, prompt)) as conversation:
            return conversation.ask()

    def _agree(self, text: str, code: str | None, ok: str = "pinentry.yes") -> None:
        cancel = "pinentry.no" if ok == "pinentry.yes" else "pinentry.cancel"
        try:
            with self._opened(self._dialog(text, ok=ok, cancel=cancel)) as conversation:
                conversation.confirm()
        except DeclinedError as error:
            raise DeclinedError(reason=code) from error

    def _dialog(
        self,
        text: str,
        prompt: str = "",
        *,
        ok: str = "pinentry.ok",
        cancel: str = "pinentry.cancel",
        again: str = "",
        differ: str = "",
        shown: Secret | None = None,
    ) -> Dialog:
        addressed, self._error = self._addressed(text), ""
        return Dialog(
            text=addressed,
            title=self._texts("pinentry.title"),
            prompt=self._texts(prompt) if prompt else "",
            ok=self._texts(ok),
            cancel=self._texts(cancel),
            again=again,
            differ=differ,
            shown=shown,
        )

    def _addressed(self, text: str) -> str:
        """Who asks stands above all that somebody else may have written; then why, if the last answer was refused.

        That is part of the text: where a code is asked twice, some pinentries show no error of ours (``SETERROR``).
        """
        parts = (_hanging(self._texts("pinentry.asks", origin=self._origin)), self._error, text.rstrip())
        return _wrapped("\n\n".join(filter(None, parts)))

    @contextmanager
    def _opened(self, dialog: Dialog) -> Iterator[Conversation]:
        if self._cancelled:
            raise CancelledError
        with self._pinentry.open(dialog) as conversation:
            self._open = conversation
            try:
                if self._cancelled:
                    raise CancelledError
                yield conversation
            finally:
                self._open = None


def _of_form(entered: Secret, request: PINRequest) -> Secret:
    if request.digits:
        entered.check_digits(request.minimum, request.maximum)
    else:
        check_length(entered, request.minimum, request.maximum)
    return entered


def _wrapped(text: str) -> str:
    return "\n".join(part for line in text.split("\n") for part in textwrap.wrap(line, _COLUMNS) or [""])


def _hanging(line: str) -> str:
    """In lines of which the others are set in: no value can be so long that its rest looks like a line of its own."""
    return textwrap.fill(line, _COLUMNS, subsequent_indent=_SET_IN, break_on_hyphens=False)


def _cut(value: str, width: int) -> str:
    return value if len(value) <= width else value[: width - 1] + "…"


def _twin(secret: Secret) -> Secret:
    """Another of the same."""
    with secret.expose() as octets:
        room = bytearray(len(octets))
        memoryview(room)[:] = octets
    return Secret.take(room)
