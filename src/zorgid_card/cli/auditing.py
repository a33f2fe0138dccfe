"""``zorgid-card audit``: what the keeper of a portal's audit log may write on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from zorgid_card.cli.display import Display
from zorgid_card.cli.options import file_name, guarded, json_option, lang_option, texts_of
from zorgid_card.cli.storing import on_a_database

if TYPE_CHECKING:
    from zorgid_card.cli.database import Database

_statements = click.option(
    "--heads",
    type=file_name,
    required=True,
    metavar="FILE",
    help="The signed heads; keep FILE where the database is not.",
)


@click.group()
def audit() -> None:
    """The audit log: sign its heads, verify that nothing was changed, put it into a file."""


@audit.command(name="key")
@click.argument("file", type=file_name)
@json_option
@lang_option
def key(file: Path, as_data: bool, lang: str | None) -> int:
    """Make the key that signs heads, in FILE, and print its public key (PEM): who verifies keeps that one."""

    def action() -> None:
        from zorgid_card.cli import audit_log  # noqa: PLC0415  # loads what other commands do not need

        audit_log.make_key(file, as_data=as_data)

    return guarded(texts_of(lang), action)


@audit.command(name="heads")
@click.option("--key", "key_file", type=file_name, required=True, metavar="FILE", help="The key, made by audit key.")
@_statements
@json_option
@on_a_database
def heads(display: Display, database: Database, key_file: Path, heads: Path, as_data: bool) -> None:
    """Sign the heads of all chains that have grown, and add that to FILE; to be done every hour or so."""
    from zorgid_card.cli import audit_log  # noqa: PLC0415  # as above

    audit_log.sign_heads(display, database.registry, key_file, heads, as_data=as_data)


@audit.command(name="verify")
@click.option("--heads", type=file_name, metavar="FILE", help="The signed heads; without, nothing is proven.")
@click.option(
    "--public-key", type=file_name, metavar="FILE", help="With --heads: the key that they were signed with, PEM."
)
@json_option
@on_a_database
def verify(display: Display, database: Database, heads: Path | None, public_key: Path | None, as_data: bool) -> None:
    """Look through the whole log for anything that was changed, left out, put elsewhere or cut off."""
    from zorgid_card.cli import audit_log  # noqa: PLC0415  # as above

    audit_log.verify_log(display, database.registry, heads, public_key, as_data=as_data)


@audit.command(name="export")
@click.option("--ura", metavar="URA", help="Only this organisation's, 8 digits.")
@click.option("--since", metavar="TIME", help="Only from then on (2026-11-02T09:00:00Z).")
@click.option("--until", metavar="TIME", help="Only before then.")
@click.option(
    "--source", default="zorgid-card", show_default=True, metavar="NAME", help="Name of this portal (AuditSourceID)."
)
@click.option("--out", type=file_name, metavar="FILE", help="A new file; by default standard output.")
@on_a_database
def export(
    display: Display, database: Database, ura: str | None, since: str | None, until: str | None, source: str, out: Path | None
) -> None:  # fmt: skip
    """Write events as JSON lines, with the names of NEN 7513's fields. They hold personal data."""
    from zorgid_card.cli import audit_log  # noqa: PLC0415  # as above

    audit_log.export(display, database.registry, out, source=source, ura=ura, since=since, until=until)
