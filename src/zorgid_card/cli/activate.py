"""``zorgid-card activate``: the one-time activation of a new pass, by its holder."""

from __future__ import annotations

from zorgid_card.cards import Activation, Card, LastTry, PINRequest
from zorgid_card.cards.access import entered, spoken
from zorgid_card.cli.codes.status import show
from zorgid_card.cli.console import Codes, TerminalKeyboard
from zorgid_card.cli.display import Display
from zorgid_card.cli.place import Place
from zorgid_card.errors import AlreadyActivatedError, NotOfferedError
from zorgid_card.protocol.iso7816 import Credential
from zorgid_card.secret import Secret


def run(display: Display, place: Place, codes: Codes) -> None:
    """Find the card, ask its PIN, and activate it.

    Raises:
        AlreadyActivatedError: it was activated before; the sentence says what that means. No PIN was asked.
        NotOfferedError: a card of a kind that needs no activation, or that its middleware alone activates.
        ZorgIDError: anything else that stands in the way; the sentence says what.
    """
    with place.card(display.texts) as (reader, card):
        _require_new(card)
        display.say("activation.about")
        pin, last = _asked(display, reader, card, codes)
        with pin:
            card.activate(pin, last_try_allowed=last)
    display.say("activation.is_done", "green")


def _require_new(card: Card) -> None:
    """Nobody is asked for a PIN where there is nothing to activate."""
    if card.activation is Activation.NONE:
        raise NotOfferedError("this kind of card needs no activation", operation="activate")
    if card.activation is Activation.DONE:
        raise AlreadyActivatedError


def _asked(display: Display, reader: str, card: Card, codes: Codes) -> tuple[Secret, bool]:
    """The PIN, and the person's word for the last try."""
    tries, profile = card.tries(), card.profile
    show(display, reader, card.kind, tries, card.puk_tries())
    tries.require(Credential.PIN, last_try_allowed=True)
    request = PINRequest(
        what=Credential.PIN,
        tries=tries,
        reference=0,
        minimum=profile.pin_minimum,
        maximum=profile.pin_maximum,
        digits=False,
        retrying=False,
        keypad=card.keypad is not None,
    )
    given: LastTry | Secret = entered(codes.holder(display, TerminalKeyboard).pin, request)
    return spoken(given)
