"""``zorgid-card outbox``, ``db tidy`` and ``db erase-person``: what is to be sent, and what is kept no longer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from zorgid_card.cli.display import Display
from zorgid_card.cli.options import json_option
from zorgid_card.cli.storing import db, on_a_database

if TYPE_CHECKING:
    from zorgid_card.cli.database import Database


@click.group()
def outbox() -> None:
    """Notices to people: see what waits and what was given up, have it tried anew."""


@outbox.command(name="list")
@click.option(
    "--state", type=click.Choice(("waiting", "sent", "dead")), default="dead", show_default=True, help="Only these."
)
@click.option("--after", default="", metavar="ID", help="Where the page before ended.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="Rows of a page.")
@json_option
@on_a_database
def list_notices(display: Display, database: Database, state: str, after: str, limit: int, as_data: bool) -> None:
    """List notices, the oldest first; never to whom they go."""
    from zorgid_card.cli import tidying  # noqa: PLC0415  # loads what other commands do not need

    tidying.list_notices(display, database.registry, state, after, limit, as_data=as_data)


@outbox.command(name="retry")
@click.argument("notice")
@json_option
@on_a_database
def retry(display: Display, database: Database, notice: str, as_data: bool) -> None:
    """Have the NOTICE that was given up tried anew."""
    from zorgid_card.cli import tidying  # noqa: PLC0415  # as above

    tidying.retry(display, database.registry, notice, as_data=as_data)


@db.command(name="tidy")
@click.option(
    "--audit-years", type=click.IntRange(1, 100), default=5, show_default=True, help="How long events say all."
)
@click.option(
    "--contact-days", type=click.IntRange(0), default=365, show_default=True, help="Who filed a decided request."
)
@click.option(
    "--notice-days", type=click.IntRange(0), default=30, show_default=True, help="Notices that were sent, or given up."
)
@json_option
@on_a_database
def tidy(
    display: Display, database: Database, audit_years: int, contact_days: int, notice_days: int, as_data: bool
) -> None:
    """Remove what has been kept long enough, and what has expired; to be done every day. The audit log stays verifiable."""
    from zorgid_card.cli import tidying  # noqa: PLC0415  # as above

    tidying.tidy(display, database.registry, audit_years, contact_days, notice_days, as_data=as_data)


@db.command(name="erase-person")
@click.argument("user")
@click.option("--operator", required=True, metavar="NAME", help="Who does this; the name goes into the records.")
@click.option("--yes", is_flag=True, help="Do not ask whether this is to be done.")
@json_option
@on_a_database
def erase_person(display: Display, database: Database, user: str, operator: str, yes: bool, as_data: bool) -> None:
    """Erase a person who has left, by their user name, with what the audit log says of them. There is no way back."""
    from zorgid_card.cli import tidying  # noqa: PLC0415  # as above

    tidying.erase_person(display, database.registry, user, operator, yes=yes, as_data=as_data)
