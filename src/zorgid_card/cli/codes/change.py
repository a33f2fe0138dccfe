"""``zorgid-card pin change|unblock|change-puk`` (PIN-2 to PIN-4).

One command makes one try at most. What is new is asked, and checked, before the card hears anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeAlias

import click

from zorgid_card.cards import Card
from zorgid_card.cli.codes.status import show
from zorgid_card.cli.console import Codes, TerminalHolder, TerminalKeyboard
from zorgid_card.cli.display import Display, console
from zorgid_card.cli.failures import about
from zorgid_card.cli.place import Place
from zorgid_card.cli.shown import dump, error_as_json, tries_as_json
from zorgid_card.errors import ZorgIDError
from zorgid_card.protocol.iso7816 import Credential
from zorgid_card.workflows import pin
from zorgid_card.workflows.codes import change_pin, chosen_code, draw_puk, present_code, require_personal, unblock_pin
from zorgid_card.workflows.pin import PUK_POLICY

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
    require_personal(card)
    show(display, reader, card.kind, card.tries(), card.puk_tries())
    done = action(card, order.codes.holder(display, TerminalKeyboard), order.birth_date)
    display.say(done, "green")
    pin, puk = tries_as_json(card.tries()), tries_as_json(card.puk_tries())
    return {"reader": reader, "kind": card.kind.value, "done": done, "pin": pin, "puk": puk, "ok": True, "error": None}


def _change_pin(card: Card, holder: TerminalHolder, birth_date: date | None) -> str:
    change_pin(card, holder, birth_date)
    return "code.pin_changed"


def _unblock_pin(card: Card, holder: TerminalHolder, birth_date: date | None) -> str:
    unblock_pin(card, holder, birth_date)
    return "code.pin_unblocked"


def _choose_puk(card: Card, holder: TerminalHolder, birth_date: date | None) -> str:
    old, last = present_code(card, holder, Credential.PUK, card.puk_tries())
    with old:
        first, second = chosen_code(holder, old, PUK_POLICY, holder.new_puk, what="puk")
        with first, second:
            pin.change_puk(card, old, first, second, last_try_allowed=last)
    return "code.puk_changed"


def _draw_puk(card: Card, holder: TerminalHolder, birth_date: date | None) -> str:
    draw_puk(card, holder)
    return "code.puk_changed"


ACTIONS: Mapping[str, Action] = {
    "change": _change_pin,
    "unblock": _unblock_pin,
    "change-puk": _draw_puk,
    "choose-puk": _choose_puk,
}
"""By name."""
