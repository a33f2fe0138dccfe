"""The registry's schema, from version to version (Alembic): tables ``zorgid_…``, and ``zorgid_version`` for the version itself.

A new database gets the tables at once, an older one what it lacks, in one transaction and under a lock: any number of workers may
start together. There is no way back but a copy that was made before.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from zorgid_card.adapters import sql_search
from zorgid_card.adapters.sql_sealed import Sealer
from zorgid_card.adapters.sql_tables import METADATA
from zorgid_card.errors import StorageError

HEAD: Final = "0009"
"""The version of this library's schema."""

FIRST: Final = "0001"
"""That of a registry from before versions were written down."""

VERSION_TABLE: Final = "zorgid_version"

_LOCK: Final = 0x7A6F7267_2D6964  # pg_advisory_xact_lock's key: nobody else's, with any luck
_PLACE: Final = Path(__file__).parent / "scripts"


def version(connection: sa.Connection) -> str | None:
    """The version of the schema in the database; None: there is none."""
    tables = sa.inspect(connection).get_table_names()
    if VERSION_TABLE in tables:
        return str(connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalar_one())  # noqa: S608  # a constant
    return FIRST if "zorgid_organisation" in tables else None


def lock(connection: sa.Connection) -> None:
    """Wait until nobody else upgrades; the lock ends with the transaction. On SQLite ``BEGIN IMMEDIATE`` has done so."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))


def upgrade(connection: sa.Connection, sealer: Sealer) -> tuple[str | None, str]:
    """Bring the schema to :data:`HEAD`, and what is in it along.

    Args:
        connection: in a transaction, which is the caller's to commit, with the lock.
        sealer: for personal data that were not sealed yet.

    Returns:
        the version that was there, and the one that is there now.

    Raises:
        StorageError: the database is of a newer version of this library (``version``), or cannot be changed.
    """
    found = version(connection)
    if found is None:
        METADATA.create_all(connection)
        stamp(connection, HEAD)
    elif found != HEAD:
        _step(connection, sealer, found)
    return found, HEAD


def stamp(connection: sa.Connection, number: str) -> None:
    """Write down that the schema is of this version, in Alembic's own form."""
    table = sa.Table(VERSION_TABLE, sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True))
    table.create(connection)
    connection.execute(sa.insert(table).values(version_num=number))


def require_current(connection: sa.Connection) -> None:
    """Raise StorageError unless the schema is this library's: ``not_created``, ``version``."""
    found = version(connection)
    if found is None:
        raise StorageError("there is no registry in this database", reason="not_created")
    if found != HEAD:
        raise StorageError(f"the registry is of version {found}, this library's is {HEAD}", reason="version")


def is_ours(name: str | None, kind: str, _: Any) -> bool:
    """Whether a table, or what belongs to one, is the registry's: others may be beside it."""
    return kind != "table" or name in METADATA.tables


def configuration(connection: sa.Connection, **attributes: Any) -> Any:
    """Alembic's configuration, for its commands on this connection."""
    from alembic.config import Config  # noqa: PLC0415  # an upgrade is rare, and Alembic is large

    config = Config()
    config.set_main_option("script_location", str(_PLACE).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes.update(attributes, connection=connection)
    return config


def _step(connection: sa.Connection, sealer: Sealer, found: str) -> None:
    from alembic import command  # noqa: PLC0415  # as above
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = configuration(connection, sealer=sealer, words=False)
    if found not in {step.revision for step in ScriptDirectory.from_config(config).walk_revisions()}:
        raise StorageError(f"the registry is of version {found}, which is newer than {HEAD}", reason="version")
    if VERSION_TABLE not in sa.inspect(connection).get_table_names():
        stamp(connection, found)
    command.upgrade(config, HEAD)
    if config.attributes["words"]:
        sql_search.rebuild(connection)
