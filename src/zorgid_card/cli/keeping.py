"""``zorgid-card keys``: what may be written on the command line by the keeper of a portal's keys."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from zorgid_card.cli.display import Display, console
from zorgid_card.cli.options import Name, color_option, guarded, json_option, lang_option, texts_of
from zorgid_card.cli.storing import of_a_registry


@click.group()
def keys() -> None:
    """The keys that a portal keeps for its cards: see which there are, make new ones, bring makers' batch keys."""


def _on_a_store(command: Callable[..., None]) -> Callable[..., int]:
    """The options that name a key store; ``command`` gets it as ``place``, and a display."""

    @click.argument("file", required=False, type=Name(dir_okay=False, path_type=Path))
    @click.option(
        "--hsm", type=Name(dir_okay=False, path_type=Path), metavar="MODULE", help="PKCS#11 module of an HSM."
    )
    @click.option("--token", metavar="LABEL", help="Label of the HSM's token.")
    @lang_option
    @color_option
    @wraps(command)
    def with_store(
        file: Path | None, hsm: Path | None, token: str | None, lang: str | None, no_color: bool, **others: Any
    ) -> int:
        display = Display(console(no_color=no_color), texts_of(lang))

        def action() -> None:
            from zorgid_card.cli.keys import Place  # noqa: PLC0415  # loads key stores, which other commands do not need

            command(display=display, place=Place.of(file, hsm, token), **others)

        return guarded(display.texts, action)

    found: Callable[..., int] = with_store
    return found


@keys.command(name="create")
@_on_a_store
def create(display: Display, place: Any) -> None:
    """Make a key store FILE, or the first master key in an HSM."""
    from zorgid_card.cli import keys as acts  # noqa: PLC0415  # as above

    acts.create(display, place)


@keys.command(name="show")
@json_option
@_on_a_store
def show(display: Display, place: Any, as_data: bool) -> None:
    """Show which keys are in FILE, such as a portal's master.key, or in an HSM; never a key itself."""
    from zorgid_card.cli import keys as acts  # noqa: PLC0415  # as above

    acts.show(display, place, as_data=as_data)


@keys.command(name="rotate")
@_on_a_store
def rotate(display: Display, place: Any) -> None:
    """Make a master key of a new generation, for new cards; older ones stay."""
    from zorgid_card.cli import keys as acts  # noqa: PLC0415  # as above

    acts.rotate(display, place)


@keys.command(name="passphrase")
@_on_a_store
def passphrase(display: Display, place: Any) -> None:
    """Change the passphrase of FILE, and of the CA in the directory ca beside it, which a portal opens by the same one.

    Interrupted, each file opens by one of the two: do it again.
    """
    from zorgid_card.cli import keys as acts  # noqa: PLC0415  # as above

    acts.passphrase(display, place)


@keys.command(name="retire")
@click.option("--generation", required=True, type=click.IntRange(1), metavar="N", help="Which master key.")
@of_a_registry(required=False)
@_on_a_store
def retire(display: Display, place: Any, generation: int, db: str | None, data_keys: Path | None) -> None:
    """Take away the master key of an older generation, which no card needs any more.

    Where --db names the portal's registry it is refused while cards have a key of this generation; without it you are asked.
    """
    from zorgid_card.cli import keys as acts  # noqa: PLC0415  # as above

    acts.retire(display, place, generation, db, data_keys)


@keys.command(name="add-batch")
@click.option("--first", required=True, metavar="SERIAL", help="First hardware serial of the batch.")
@click.option("--last", required=True, metavar="SERIAL", help="Its last, as long as the first.")
@_on_a_store
def add_batch(display: Display, place: Any, first: str, last: str) -> None:
    """Keep the batch key of a maker of blanks; it is asked for at the terminal, in hexadecimal."""
    from zorgid_card.cli import keys as acts  # noqa: PLC0415  # as above

    acts.add_batch(display, place, first, last)


@keys.command(name="vectors")
@json_option
@lang_option
@color_option
def vectors(as_data: bool, lang: str | None, no_color: bool) -> int:
    """Print test vectors of the diversification of keys, for makers of blanks."""
    from zorgid_card.cli import keys as acts  # noqa: PLC0415  # as above

    display = Display(console(no_color=no_color), texts_of(lang))
    return guarded(display.texts, lambda: acts.vectors(display, as_data=as_data))
