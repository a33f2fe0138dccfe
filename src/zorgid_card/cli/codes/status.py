"""``zorgid-card pin status``: the tries left of PIN and PUK, and what to do. It reads; no try is spent."""

from __future__ import annotations

from typing import Any

import click

from zorgid_card.cards import Activation, CardKind, Tries, TryState
from zorgid_card.cli.display import Display
from zorgid_card.cli.expiry import expiry_as_json, expiry_in_words
from zorgid_card.cli.place import Place
from zorgid_card.cli.shown import dump, error_as_json, tries_as_json, tries_in_words
from zorgid_card.errors import ZorgIDError
from zorgid_card.texts import Texts
from zorgid_card.workflows.codes import Status, read_status


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
            status = read_status(reader, card)
    except ZorgIDError as error:
        if as_data:
            click.echo(dump({"ok": False, "error": error_as_json(error, display.texts)}))
        raise
    if as_data:
        click.echo(dump(_data(status, display.texts)))
    else:
        show(display, reader, status.kind, status.pin, status.puk)
        _show_others(display, status)
        for advice in _advices(status):
            display.say(advice)
        soon = expiry_in_words(status.expiry, display.texts)
        if soon is not None:
            display.line(soon, "yellow")


def _show_others(display: Display, status: Status) -> None:
    """The other PINs, and whether the card was activated, where there is something to say."""
    texts = display.texts
    found = [(pin.label, tries_in_words(pin.tries, texts)) for pin in status.others]
    if status.activation is Activation.NEEDED:
        found.append((texts("activation"), texts(f"activation.{status.activation}")))
    display.facts(found)


def _advices(status: Status) -> list[str]:
    needed = ["activation.do"] if status.activation is Activation.NEEDED else []
    return [*needed, *advices(status.kind, status.pin, status.puk)]


def show(display: Display, reader: str, kind: CardKind, pin: Tries, puk: Tries) -> None:
    """The card, and the tries left."""
    texts = display.texts
    display.line(texts("code.card", kind=texts(f"kind.{kind}"), reader=reader), "bold")
    display.facts(
        (texts(f"code.{what}_tries"), tries_in_words(tries, texts)) for what, tries in (("pin", pin), ("puk", puk))
    )


def _data(status: Status, texts: Texts) -> dict[str, Any]:
    return {
        "reader": status.reader,
        "kind": status.kind.value,
        "pin": tries_as_json(status.pin),
        "puk": tries_as_json(status.puk),
        "other_pins": [{"label": pin.label, **tries_as_json(pin.tries)} for pin in status.others],
        "activation": status.activation.value,
        "expiry": expiry_as_json(status.expiry),
        "advice": [{"code": key.removeprefix("status."), "message": texts(key)} for key in _advices(status)],
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
