"""``zorgid-card puk``: what may be written on the command line by those who manage a portal's cards, and by its key officer."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from zorgid_card.cli.display import Display, console
from zorgid_card.cli.options import Name, color_option, file_name, guarded, json_option, lang_option, texts_of
from zorgid_card.cli.storing import of_a_registry


@click.group()
def puk() -> None:
    """A PUK that a card's holder has lost: out of escrow, by two people, or reset. For portals, where their registry is.

    The card is suspended, and stays so until its holder has changed the PUK at a reader (zorgid-card recover).
    """


_REASON = click.option("--reason", required=True, metavar="TEXT", help="Why, for the record.")


def _told(command: Callable[..., dict[str, Any]]) -> Callable[..., int]:
    """The options of all of them; ``command`` gets two displays, and gives what is told as JSON."""

    @json_option
    @lang_option
    @color_option
    @wraps(command)
    def with_display(as_data: bool, lang: str | None, no_color: bool, **others: Any) -> int:
        texts = texts_of(lang)
        display = Display(console(no_color=no_color, stderr=as_data), texts)

        def action() -> None:
            from zorgid_card.cli.puk_acts import told  # noqa: PLC0415  # loads what others do not need

            told(display, lambda: command(display=display, **others), as_data=as_data)

        return guarded(texts, action)

    found: Callable[..., int] = with_display
    return found


def _as_manager(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say who acts on which card; ``command`` gets them as ``case``."""

    @click.argument("serial")
    @of_a_registry()
    @click.option("--person", required=True, metavar="ID", help="Who acts: their id in the registry.")
    @click.option("--ura", required=True, metavar="URA", help="The organisation for which they act.")
    @wraps(command)
    def with_case(serial: str, db: str, data_keys: Path | None, person: str, ura: str, **others: Any) -> Any:
        from zorgid_card.cli.puk_acts import Case  # noqa: PLC0415  # as above

        return command(case=Case(serial=serial, db=db, data_keys=data_keys, person=person, ura=ura), **others)

    return with_case


@puk.command(name="ask")
@_REASON
@_told
@_as_manager
def ask(display: Display, case: Any, reason: str) -> dict[str, Any]:
    """Ask for the PUK of card SERIAL out of escrow: the first of two people, a manager."""
    return case.ask(display, reason)  # type: ignore[no-any-return]


@puk.command(name="release")
@click.option(
    "--out", required=True, type=file_name, help="Where the sealed PUK goes, for the key officer: a new file."
)
@_told
@_as_manager
def release(display: Display, case: Any, out: Path) -> dict[str, Any]:
    """Have the sealed PUK of card SERIAL released: the second person, an administrator. The card is suspended."""
    return case.release(display, out)  # type: ignore[no-any-return]


@puk.command(name="open")
@click.argument("sealed", type=file_name, metavar="FILE")
@click.option("--key", required=True, type=file_name, metavar="FILE", help="The key officer's private key (PEM).")
@click.option(
    "--puk-fd",
    type=click.IntRange(0),
    metavar="N",
    help="Write the PUK to file descriptor N, in the place of the screen.",
)
@_told
def open_(display: Display, sealed: Path, key: Path, puk_fd: int | None) -> dict[str, Any]:
    """Open what was released into FILE, with the key officer's key; the PUK is shown once."""
    from zorgid_card.cli import puk_acts  # noqa: PLC0415  # as above

    return puk_acts.open_released(display, sealed, key, puk_fd)


@puk.command(name="reset")
@_REASON
@click.option(
    "--keys",
    required=True,
    type=Name(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The portal's key store, with the batch key of the card's maker.",
)
@click.option("--reader", metavar="NAME", help="Where the card is: a PC/SC reader, or a part of its name.")
@_told
@_as_manager
def reset(display: Display, case: Any, reason: str, keys: Path, reader: str | None) -> dict[str, Any]:
    """Set the PUK of card SERIAL, in a reader here, to its maker's public one, over the portal's channel. It is suspended."""
    return case.reset(display, reason, keys, reader)  # type: ignore[no-any-return]
