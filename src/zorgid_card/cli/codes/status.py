"""``zorgid-card pin status``: the tries left of PIN and PUK, and what to do. It reads; no try is spent."""

from __future__ import annotations

from typing import Any

import click

from zorgid_card.cards import CardKind, Tries, TryState
from zorgid_card.cli.display import Display
from zorgid_card.cli.place import Place
from zorgid_card.cli.shown import dump, error_as_json, tries_as_json, tries_in_words
from zorgid_card.cli.texts import Texts
from zorgid_card.errors import ZorgIDError


def run(display: Display, place: Place, *, as_data: bool) -> None:
    """Find the card, and show its tries.

    Args:
        display: where it is shown.
        place: where the card is.
        as_data: as JSON, on standard output.

    Raises:
        ZorgIDError: the card cannot be read; as data it was told on standard output, too.
    """
    try:
        with place.card(display.texts) as (reader, card):
            kind, pin, puk = card.kind, card.tries(), card.puk_tries()
    except ZorgIDError as error:
        if as_data:
            click.echo(dump({"ok": False, "error": error_as_json(error, display.texts)}))
        raise
    if as_data:
        click.echo(dump(_data(reader, kind, pin, puk, display.texts)))
    else:
        show(display, reader, kind, pin, puk)
        for advice in advices(kind, pin, puk):
            display.say(advice)


def show(display: Display, reader: str, kind: CardKind, pin: Tries, puk: Tries) -> None:
    """The card, and the tries left."""
    texts = display.texts
    display.line(texts("code.card", kind=texts(f"kind.{kind}"), reader=reader), "bold")
    display.facts(
        (texts(f"code.{what}_tries"), tries_in_words(tries, texts)) for what, tries in (("pin", pin), ("puk", puk))
    )


def _data(reader: str, kind: CardKind, pin: Tries, puk: Tries, texts: Texts) -> dict[str, Any]:
    found = advices(kind, pin, puk)
    return {
        "reader": reader,
        "kind": kind.value,
        "pin": tries_as_json(pin),
        "puk": tries_as_json(puk),
        "advice": [{"code": key.removeprefix("status."), "message": texts(key)} for key in found],
        "ok": True,
        "error": None,
    }


def advices(kind: CardKind, pin: Tries, puk: Tries) -> list[str]:
    """What to do, as keys of sentences: one about the PIN, and one about the PUK where there is something to say."""
    if pin.state is TryState.LOCKED and puk.state is TryState.LOCKED:
        return [f"status.both.locked.{kind}" if kind in (CardKind.UZI_PASS, CardKind.ZORGID) else "status.both.locked"]
    found = [f"status.pin.{pin.state}"]
    if puk.state in (TryState.LOCKED, TryState.FINAL, TryState.LOW):
        found.append(f"status.puk.{puk.state}")
    return found
