"""``zorgid-card renew``, ``reset`` and ``recover``: what comes after a card was made; the work is in ``cli.create.later``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from zorgid_card.cli.display import Display, console
from zorgid_card.cli.options import (
    color_option,
    file_name,
    guarded,
    key_officer_options,
    lang_option,
    on_simulated_cards,
    texts_of,
)

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--portal", required=True, metavar="URL", help="The portal: https://host or https://host:port."),
    click.option(
        "--ca",
        type=file_name,
        metavar="FILE",
        help="CA certificates (PEM) for the portal's TLS, in the place of the system's.",
    ),
    click.option("--path", default="/card-side", show_default=True, help="Where the portal takes messages."),
    click.option("--reader", metavar="NAME", help="A reader, or a part of its name."),
    click.option("--journal", type=file_name, metavar="FILE", help="Where it is kept how far each card is."),
    click.option(
        "--trace", type=file_name, metavar="FILE", help="Append all APDUs to FILE as JSON lines, secrets masked."
    ),
    on_simulated_cards,
    click.option("--json", "as_data", is_flag=True, help="Print the result as JSON."),
    lang_option,
    color_option,
)


def _at_a_portal(command: F) -> F:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command(name="renew")
@key_officer_options
@_at_a_portal
def renew_command(**given: Any) -> int:
    """Renew a ZORG-ID Smartcard: new keys and certificates, the same PIN and PUK.

    The UZI pass goes into the reader, then the card. What another process has left unfinished is finished first, if only the last
    step was missing.
    """
    return _run("renew", **given)


@click.command(name="reset")
@_at_a_portal
def reset_command(**given: Any) -> int:
    """Make a ZORG-ID Smartcard blank: one that is of no use any more, or your own, which is revoked first.

    The UZI pass goes into the reader, then the card.
    """
    return _run("reset", **given)


@click.command(name="recover")
@key_officer_options
@_at_a_portal
def recover_command(**given: Any) -> int:
    """Recover a ZORG-ID Smartcard whose PUK others know: a new PIN, and a PUK that its holder alone has.

    After its PUK came out of escrow, or was reset (zorgid-card puk). The UZI pass goes into the reader, then the card. A manager
    unblocks it afterwards.
    """
    return _run("recover", **given)


def _run(what: str, *, as_data: bool, lang: str | None, no_color: bool, **given: Any) -> int:
    from zorgid_card.cli.create import later  # noqa: PLC0415  # loads PC/SC's adapter, which other commands do not need

    texts = texts_of(lang)
    display, err = Display(console(no_color=no_color), texts), Display(console(no_color=no_color, stderr=True), texts)
    chosen = later.LaterOptions(**given)
    return guarded(texts, lambda: later.run(what, display, err, chosen, as_data=as_data))
