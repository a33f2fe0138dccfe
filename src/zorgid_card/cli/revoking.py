"""``zorgid-card crl`` and ``zorgid-card ocsp``: what may be written on the command line by whoever publishes revocations."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from zorgid_card.cli.display import Display, console
from zorgid_card.cli.options import Name, color_option, file_name, guarded, json_option, lang_option, texts_of
from zorgid_card.cli.storing import on_a_database

_portal_option = click.option(
    "--portal",
    required=True,
    type=Name(file_okay=False, path_type=Path),
    metavar="DIR",
    help="The portal's directory, with its CA in DIR/ca.",
)
_passphrases_option = click.option(
    "--passphrases-fd",
    "descriptor",
    type=click.IntRange(0),
    metavar="N",
    help="For programs: read the passphrases from file descriptor N, a line each.",
)


def _command(act: Callable[..., None]) -> Callable[..., int]:
    """The options of one that works on no registry; ``act`` gets a display."""

    @lang_option
    @color_option
    @wraps(act)
    def command(lang: str | None, no_color: bool, **others: Any) -> int:
        display = Display(console(no_color=no_color), texts_of(lang))
        return guarded(display.texts, lambda: act(display=display, **others))

    return command


@click.command(name="crl")
@_portal_option
@click.option(
    "--out",
    type=Name(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where the CRLs go; by default the portal's directory.",
)
@click.option("--crl-url", metavar="URL", help="Where certificates say that their CRL is; with {shard} for several.")
@click.option("--delta-url", metavar="URL", help="Where its deltas are; without, none are made.")
@click.option("--shards", type=click.IntRange(1, 4096), default=1, show_default=True, help="How many CRLs.")
@click.option(
    "--every", type=click.IntRange(1, 3600), metavar="SECONDS", help="Do it again and again, until Ctrl-C; 10 is good."
)
@_passphrases_option
@json_option
@on_a_database
def crl(display: Display, database: Any, **options: Any) -> None:
    """Sign what CRLs are due, full and delta, and write them; nothing is signed where nothing has changed."""
    from zorgid_card.cli import revocation  # noqa: PLC0415  # needs SQLAlchemy, which other commands do not

    revocation.publish(display, database.registry, revocation.Order(**options))


@click.group()
def ocsp() -> None:
    """The portal's OCSP responder: certify its key, and serve it."""


@ocsp.command(name="certify")
@click.argument("file", type=file_name)
@_portal_option
@click.option(
    "--days", type=click.IntRange(1, 90), default=30, show_default=True, help="How long the certificate is valid."
)
@_passphrases_option
@json_option
@_command
def certify(display: Display, **options: Any) -> None:
    """Make a key for the responder, have it certified by the portal's CA, and write both to FILE.

    Passphrases: the CA's, then a new one for FILE. FILE goes to the machine that answers; do it again before the certificate ends.
    """
    from zorgid_card.cli import revocation  # noqa: PLC0415  # as above

    revocation.certify(display, **options)


@ocsp.command(name="serve")
@click.option("--responder", required=True, type=file_name, metavar="FILE", help="What `ocsp certify` wrote.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where it listens.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0: a free one.")
@_passphrases_option
@json_option
@on_a_database
def serve(display: Display, database: Any, **options: Any) -> None:
    """Answer OCSP requests over HTTP until Ctrl-C; a FILE that is renewed meanwhile is taken within a minute.

    For more than some hundred requests a second, serve zorgid_card.adapters.asgi in an ASGI server (docs/crl-and-ocsp.md).
    """
    from zorgid_card.cli import revocation  # noqa: PLC0415  # as above

    revocation.serve(display, database.registry, **options)
