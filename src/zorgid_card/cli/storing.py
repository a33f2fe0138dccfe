"""``zorgid-card db``: what the keeper of a portal's database may write on the command line; and ``--db`` for all commands."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from zorgid_card.cli.display import Display, console
from zorgid_card.cli.options import color_option, file_name, guarded, json_option, lang_option, texts_of

if TYPE_CHECKING:
    from zorgid_card.cli.database import Database

F = TypeVar("F", bound=Callable[..., Any])


def of_a_registry(*, required: bool = True) -> Callable[[F], F]:
    """The options that name a portal's registry: ``db`` and ``data_keys``."""
    where = click.option(
        "--db",
        required=required,
        envvar="ZORGID_CARD_DB" if required else None,
        metavar="URL",
        help="The registry: sqlite:////path/registry.db, postgresql+psycopg://user@host/name"
        + ("; or in ZORGID_CARD_DB." if required else "."),
    )
    keys = click.option(
        "--data-keys",
        type=file_name,
        envvar="ZORGID_CARD_DATA_KEYS",
        metavar="FILE",
        help="Keys of the personal data; for SQLite by default the file's name with .keys added.",
    )
    return lambda command: where(keys(command))


def on_a_database(command: Callable[..., None]) -> Callable[..., int]:
    """The options of every command that works on a portal's registry; ``command`` gets it as ``database``, and a display."""

    @of_a_registry()
    @lang_option
    @color_option
    @wraps(command)
    def with_database(db: str, data_keys: Path | None, lang: str | None, no_color: bool, **others: Any) -> int:
        display = Display(console(no_color=no_color), texts_of(lang))

        def action() -> None:
            from zorgid_card.cli.database import Database  # noqa: PLC0415  # needs SQLAlchemy, which other commands do not

            with Database.of(db, data_keys) as database:
                command(display=display, database=database, **others)

        return guarded(display.texts, action)

    found: Callable[..., int] = with_database
    return found


@click.group()
def db() -> None:
    """The portal's registry: make it, bring it to this version, change the keys of its personal data."""


@db.command(name="upgrade")
@json_option
@on_a_database
def upgrade(display: Display, database: Database, as_data: bool) -> None:
    """Make the registry, or bring an older one to this version with all that is in it. Make a copy first: there is no way back."""
    from zorgid_card.cli import database as acts  # noqa: PLC0415  # as above

    acts.upgrade(display, database, as_data=as_data)


@db.command(name="rotate-keys")
@json_option
@on_a_database
def rotate_keys(display: Display, database: Database, as_data: bool) -> None:
    """Make a new key of the personal data, and seal all of them with it. Portals go on meanwhile; older keys stay."""
    from zorgid_card.cli import database as acts  # noqa: PLC0415  # as above

    acts.rotate_keys(display, database, as_data=as_data)


@db.command(name="retire-keys")
@json_option
@on_a_database
def retire_keys(display: Display, database: Database, as_data: bool) -> None:
    """Remove all keys of the personal data but the newest, once nothing is sealed with them; older copies can then not be read."""
    from zorgid_card.cli import database as acts  # noqa: PLC0415  # as above

    acts.retire_keys(display, database, as_data=as_data)
