"""``zorgid-card readers``: the readers of this computer and what is in them, once or as it changes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import click

from zorgid_card.adapters import pcsc
from zorgid_card.adapters.pcsc import ReaderEvent, SlotState
from zorgid_card.cli.display import Display
from zorgid_card.cli.shown import dump, error_as_json
from zorgid_card.errors import ZorgIDError


def readers(display: Display, *, watch: bool, as_data: bool) -> None:
    """Show the readers; with ``watch`` each event as it happens, until Ctrl-C.

    Raises:
        PCSCUnavailableError: no PC/SC service on this computer; the sentence says what to do.
    """
    try:
        with pcsc.watch_readers() as stream:
            if watch:
                _follow(stream, display, as_data=as_data)
            else:
                _list(stream, display, as_data=as_data)
    except ZorgIDError as error:
        if as_data:
            found = {"ok": False, "error": error_as_json(error, display.texts)}
            click.echo(_line(found) if watch else dump(found))
        raise


def _line(value: dict[str, Any]) -> str:
    return dump(value, indent=None)


# --- once ------------------------------------------------------------------------------------------------------------


def _list(stream: pcsc.ReaderWatch, display: Display, *, as_data: bool) -> None:
    stream.poll()
    found = stream.snapshot
    if as_data:
        click.echo(dump({"readers": [_slot(name, state) for name, state in found.items()], "ok": True, "error": None}))
    elif found:
        texts = display.texts
        heads = [texts(f"readers.head.{name}") for name in ("reader", "slot", "atr")]
        rows = [
            (name, texts(f"readers.slot.{state.held}"), state.atr.hex(" ").upper()) for name, state in found.items()
        ]
        display.table(heads, rows)
    else:
        display.say("readers.none")


def _slot(name: str, state: SlotState) -> dict[str, Any]:
    return {"name": name, "slot": state.held.value, **_card(state.atr, state.counter)}


def _card(atr: bytes, counter: int) -> dict[str, Any]:
    return {"atr": atr.hex().upper() or None, "counter": counter or None}


# --- as it changes ---------------------------------------------------------------------------------------------------


def _follow(stream: pcsc.ReaderWatch, display: Display, *, as_data: bool) -> None:
    if not as_data:
        display.say("readers.watching", "dim")
    tell: Callable[[ReaderEvent], None] = _as_line if as_data else _speaking(display)
    with suppress(KeyboardInterrupt):
        for event in stream:
            tell(event)


def _as_line(event: ReaderEvent) -> None:
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    told = {"at": at, "event": event.change.value, "reader": event.reader, **_card(event.atr, event.counter)}
    click.echo(_line(told))


def _speaking(display: Display) -> Callable[[ReaderEvent], None]:
    def tell(event: ReaderEvent) -> None:
        at = datetime.now().astimezone().strftime("%H:%M:%S")
        atr = event.atr.hex(" ").upper()
        display.entry(f"{at}  {display.texts(f'readers.{event.change}', reader=event.reader, atr=atr)}")

    return tell
