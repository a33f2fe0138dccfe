"""``zorgid-card pin change|unblock|change-puk`` (PIN-2 to PIN-4).

One command makes one try at most. What is new is asked, and checked, before the card hears anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeAlias

import click

from zorgid_card.cards import Card, CardKind, LastTry, OnKeypad, PINRequest, Tries
from zorgid_card.cards.access import spoken
from zorgid_card.cli.codes.status import show
from zorgid_card.cli.console import Codes, TerminalHolder, TerminalKeyboard
from zorgid_card.cli.display import Display, console
from zorgid_card.cli.failures import about
from zorgid_card.cli.place import Place
from zorgid_card.cli.shown import dump, error_as_json, tries_as_json
from zorgid_card.errors import PINMismatchError, PINPolicyError, WrongCardError, ZorgIDError
from zorgid_card.protocol.iso7816 import Credential
from zorgid_card.secret import Secret
from zorgid_card.workflows import pin
from zorgid_card.workflows.pin import PUK_POLICY, PINPolicy

Action: TypeAlias = Callable[[Card, TerminalHolder, date | None], str]
"""Ask and do, by the holder's birth date where that is known; gives the key of the sentence that says what was done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """How it is to be done.

    Attributes:
        codes: where the codes come from.
        birth_date: the holder's, where it is known: no new PIN holds it.
        as_data: the outcome as JSON, on standard output; what is shown meanwhile goes to standard error.
    """

    codes: Codes = field(default_factory=Codes)
    birth_date: date | None = None
    as_data: bool = False


def run(display: Display, place: Place, action: Action, order: Order) -> None:
    """Find the card, show its tries, and act.

    Args:
        display: where it is shown.
        place: where the card is.
        action: one of :data:`ACTIONS`.
        order: how.

    Raises:
        WrongCardError: neither a UZI pass nor a ZORG-ID Smartcard.
        ZorgIDError: anything else that stands in the way; the sentence says what.
    """
    texts = display.texts
    if order.as_data:
        display = Display(console(no_color=True, stderr=True), texts)
    try:
        with place.card(texts) as (reader, card), about(card=card.kind.value):
            outcome = _act(display, reader, card, action, order)
    except ZorgIDError as error:
        if order.as_data:
            click.echo(dump({"ok": False, "error": error_as_json(error, texts)}))
        raise
    if order.as_data:
        click.echo(dump(outcome))


def _act(display: Display, reader: str, card: Card, action: Action, order: Order) -> dict[str, Any]:
    if card.kind not in (CardKind.UZI_PASS, CardKind.ZORGID):
        raise WrongCardError("not a card that a person uses", expected="pin-card", found=card.kind.value)
    show(display, reader, card.kind, card.tries(), card.puk_tries())
    done = action(card, order.codes.holder(display, TerminalKeyboard), order.birth_date)
    display.say(done, "green")
    pin, puk = tries_as_json(card.tries()), tries_as_json(card.puk_tries())
    return {"reader": reader, "kind": card.kind.value, "done": done, "pin": pin, "puk": puk, "ok": True, "error": None}


def _change_pin(card: Card, holder: TerminalHolder, birth_date: date | None) -> str:
    old, last = _present(card, holder, Credential.PIN, card.tries())
    policy = _policy(card)
    with old:
        first, second = _chosen(holder, old, policy, holder.new_pin, birth_date)
        with first, second:
            pin.change_pin(card, old, first, second, policy=policy, birth_date=birth_date, last_try_allowed=last)
    return "code.pin_changed"


def _unblock_pin(card: Card, holder: TerminalHolder, birth_date: date | None) -> str:
    puk, last = _present(card, holder, Credential.PUK, card.puk_tries())
    policy = _policy(card)
    with puk:
        first, second = _chosen(holder, puk, policy, holder.new_pin, birth_date)
        with first, second:
            pin.unblock_pin(card, puk, first, second, policy=policy, birth_date=birth_date, last_try_allowed=last)
    return "code.pin_unblocked"


def _choose_puk(card: Card, holder: TerminalHolder, birth_date: date | None) -> str:
    old, last = _present(card, holder, Credential.PUK, card.puk_tries())
    with old:
        first, second = _chosen(holder, old, PUK_POLICY, holder.new_puk, what="puk")
        with first, second:
            pin.change_puk(card, old, first, second, last_try_allowed=last)
    return "code.puk_changed"


def _draw_puk(card: Card, holder: TerminalHolder, birth_date: date | None) -> str:
    """A PUK that is drawn, shown and acknowledged before the card has it (CRD-9); on a keypad it is chosen there."""
    old, last = _present(card, holder, Credential.PUK, card.puk_tries())
    with old:
        if isinstance(old, OnKeypad):
            pin.change_puk(card, old, OnKeypad(), OnKeypad(), last_try_allowed=last)
            return "code.puk_changed"
        with pin.new_puk() as puk:
            holder.show_puk(puk)
            pin.change_puk(card, old, puk, puk, last_try_allowed=last)
    return "code.puk_changed"


ACTIONS: Mapping[str, Action] = {
    "change": _change_pin,
    "unblock": _unblock_pin,
    "change-puk": _draw_puk,
    "choose-puk": _choose_puk,
}
"""By name."""


def _policy(card: Card) -> PINPolicy:
    return PINPolicy(minimum=card.profile.pin_minimum, maximum=card.profile.pin_maximum)


def _present(card: Card, holder: TerminalHolder, what: Credential, tries: Tries) -> tuple[Secret, bool]:
    """The code that the card has now, and the person's word for the last try; a blocked one is not even asked."""
    tries.require(what, last_try_allowed=True)
    profile, is_pin = card.profile, what is Credential.PIN
    given: Secret | LastTry = holder.pin(
        PINRequest(
            what=what,
            tries=tries,
            reference=0,
            minimum=profile.pin_minimum if is_pin else profile.puk_minimum,
            maximum=profile.pin_maximum if is_pin else profile.puk_maximum,
            digits=card.kind is not CardKind.UZI_PASS,
            retrying=False,
            keypad=card.keypad is not None,
        )
    )
    return spoken(given)


def _chosen(
    holder: TerminalHolder,
    present: Secret,
    policy: PINPolicy,
    ask: Callable[[PINPolicy], tuple[Secret, Secret]],
    birth_date: date | None = None,
    what: str = "pin",
) -> tuple[Secret, Secret]:
    """Asked until it is good; on the keypad, where the present one is entered there."""
    if isinstance(present, OnKeypad):
        return OnKeypad(), OnKeypad()
    while True:
        try:
            with about(what=what):
                first, second = ask(policy)
                pin.check_new_pin(first, second, policy, birth_date)
                return first, second
        except (PINMismatchError, PINPolicyError) as error:
            holder.refused(error)
