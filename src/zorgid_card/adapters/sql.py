"""The registry in an SQL database, through SQLAlchemy 2: SQLite in one file out of the box, PostgreSQL as
the same code.

The tables are derived from the records of :mod:`zorgid_card.ports.registry`: one table for each, the first
field its primary key. Every transaction is serialisable. On SQLite that is ``BEGIN IMMEDIATE`` (the
driver's default would lose updates) on a write-ahead log with full synchronisation: what was committed
survives a crash of the machine, what was not leaves no trace.
"""

from __future__ import annotations

import errno
import os
import re
import sqlite3
import threading
import types
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Dialect, Engine, make_url
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from zorgid_card.errors import NotFoundError, ReplayError, StorageError
from zorgid_card.ports import registry as records

R = TypeVar("R")

BUSY_SECONDS = 5.0
"""How long a transaction waits for another worker's on SQLite."""

_FORM = "%Y-%m-%dT%H:%M:%S.%fZ"


class _UTC(sa.types.TypeDecorator[datetime]):
    """Aware UTC everywhere: ``timestamptz`` on PostgreSQL; on SQLite, which has no such type, text that
    sorts by time.
    """

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        """Text of fixed width on SQLite."""
        return dialect.type_descriptor(sa.Text() if dialect.name == "sqlite" else sa.DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Convert to UTC; a naive time is a mistake of the caller."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without its zone cannot be stored")
        value = value.astimezone(UTC)
        return value.strftime(_FORM) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Aware UTC."""
        if value is None:
            return None
        if isinstance(value, str):
            return datetime.strptime(value, _FORM).replace(tzinfo=UTC)
        return cast(datetime, value).astimezone(UTC)


_TYPES: dict[type, sa.types.TypeEngine[Any]] = {
    str: sa.Text(),
    int: sa.BigInteger(),
    bytes: sa.LargeBinary(),
    datetime: _UTC(),
    date: sa.Date(),
}

_INDEXES: dict[type, tuple[tuple[str, ...], ...]] = {
    records.Person: (("uzi_number",), ("user_name",), ("surname", "birth_date")),
    records.Membership: (("person_id", "ura"), ("ura", "id")),
    records.MobileID: (("person_id", "ura"), ("ura", "id"), ("state",)),
    records.PhoneLogin: (("mobile_id", "state"),),
    records.Adoption: (("person_id", "uzi_number"),),
    records.SmartCard: (("person_id",), ("certificate_serial",)),
    records.CardLink: (("ura", "id"), ("card_serial",)),
    records.IssuedCertificate: (("card_serial",), ("status",), ("key_hash",)),
    records.Challenge: (("binding",),),
}


def _tables(metadata: sa.MetaData) -> dict[type, sa.Table]:
    kinds = [kind for kind in vars(records).values() if isinstance(kind, type) and is_dataclass(kind)]
    return {kind: _table(metadata, kind) for kind in kinds}


def _table(metadata: sa.MetaData, kind: type) -> sa.Table:
    name = "zorgid_" + re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower()
    hints = get_type_hints(kind)
    columns = [_column(field.name, hints[field.name], first=not n) for n, field in enumerate(fields(kind))]
    indexes = [sa.Index(f"{name}_by_{'_'.join(names)}", *names) for names in _INDEXES.get(kind, ())]
    return sa.Table(name, metadata, *columns, *indexes)


def _column(name: str, hint: Any, *, first: bool) -> sa.Column[Any]:
    optional = get_origin(hint) in (Union, types.UnionType)
    plain = next(part for part in get_args(hint) if part is not type(None)) if optional else hint
    return sa.Column(name, _TYPES[plain], primary_key=first, nullable=optional)


_METADATA = sa.MetaData()
_TABLES = _tables(_METADATA)


class SQLRegistry:
    """A :class:`~zorgid_card.ports.registry.Registry` in an SQL database. It has no state of its own but
    its connections.
    """

    def __init__(self, where: str | URL | Engine) -> None:
        """Stand ready for the database at ``where``; nothing is opened or made yet.

        Args:
            where: a database URL (``sqlite:////var/lib/portal/registry.db``, ``postgresql+psycopg://...``),
                or an engine of the caller's that has no open connection yet.
        """
        self._engine = where if isinstance(where, Engine) else _engine(make_url(where))
        self._sqlite = self._engine.dialect.name == "sqlite"
        self._here = threading.local()
        if self._sqlite:
            event.listen(self._engine, "connect", _configure)
            event.listen(self._engine, "begin", _begin_immediate)
        else:
            self._engine = self._engine.execution_options(isolation_level="SERIALIZABLE")

    @classmethod
    def file(cls, path: Path) -> SQLRegistry:
        """A registry in one SQLite file; any path will do, for it is not read as a URL."""
        return cls(URL.create("sqlite", database=str(path)))

    def create(self) -> None:
        """Make the tables that are missing; a new SQLite file gets mode 0600 before anything is in it.

        Raises:
            StorageError: ``reason`` says why not.
        """
        path = _path(self._engine.url) if self._sqlite else None
        if path is not None:
            _make_private(path)
        with translated():
            if path is not None:
                with self._engine.connect() as connection:  # not inside a transaction, where SQLite refuses it
                    connection.connection.cursor().execute("PRAGMA journal_mode=WAL")
            with self._engine.begin() as connection:
                _METADATA.create_all(connection)

    def close(self) -> None:
        """Close all connections; the next transaction opens new ones."""
        self._engine.dispose()

    @contextmanager
    def begin(self) -> Iterator[SQLUnit]:
        """Open a transaction: committed when the block ends, rolled back when it raises.

        Raises:
            StorageError: ``reason`` says why the store cannot be read or written; nothing was changed.
                ``locked`` and ``conflict`` may pass by trying the whole transaction again.
            RuntimeError: this thread has a transaction open already; the second would wait for the first
                for ever.
        """
        if getattr(self._here, "open", False):
            raise RuntimeError("a transaction of this registry is open already in this thread")
        self._here.open = True
        try:
            with translated(), self._engine.begin() as connection:
                unit = SQLUnit(connection)
                yield unit
                unit.check()
        finally:
            self._here.open = False


class SQLUnit:
    """One transaction; made by :meth:`SQLRegistry.begin` only."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._broken: StorageError | None = None
        self._insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert

    def check(self) -> None:
        """Raise again what broke this transaction: a caller that went on after a StorageError must not
        commit.
        """
        if self._broken is not None:
            raise self._broken

    def get(self, kind: type[R], key: str, /) -> R:
        """The record whose first field is ``key``; raises NotFoundError."""
        table = _TABLES[kind]
        found = self._records(kind, sa.select(table).where(_key(table) == key))
        if not found:
            raise NotFoundError(f"no such {kind.__name__.lower()}", what=kind.__name__)
        return found[0]

    def find(self, kind: type[R], /, **equal: Any) -> Iterator[R]:
        """All records whose named fields are equal to the values given, in the order of their first field."""
        return iter(self._records(kind, _matching(kind, equal)))

    def page(self, kind: type[R], /, *, after: str = "", limit: int, **equal: Any) -> list[R]:
        """At most ``limit`` of what :meth:`find` gives, beginning behind the record whose first field is
        ``after``.
        """
        statement = _matching(kind, equal).where(_key(_TABLES[kind]) > after).limit(limit)
        return self._records(kind, statement)

    def add(self, record: object, /) -> None:
        """Keep a new record; raises ReplayError if one with the same first field is there."""
        table = _TABLES[type(record)]
        kept = self._insert(table).values(_values(record)).on_conflict_do_nothing().returning(_key(table))
        if self._execute(kept).first() is None:  # rowcount tells nothing of an INSERT on PostgreSQL
            raise ReplayError(f"this {type(record).__name__.lower()} is there already", what=type(record).__name__)

    def replace(self, record: object, /) -> None:
        """Replace the record with the same first field; raises NotFoundError."""
        self._on_one(record, sa.update(_TABLES[type(record)]).values(_values(record)))

    def remove(self, record: object, /) -> None:
        """Remove the record with the same first field; raises NotFoundError."""
        self._on_one(record, sa.delete(_TABLES[type(record)]))

    def count_up(self, name: str, /) -> int:
        """Add one to the named counter and return it, in one statement; the first value is 1."""
        table = _TABLES[records.Counter]
        statement = (
            self._insert(table)
            .values(name=name, value=1)
            .on_conflict_do_update(index_elements=[table.c.name], set_={"value": table.c.value + 1})
            .returning(table.c.value)
        )
        return int(self._execute(statement).scalar_one())

    def _on_one(self, record: object, statement: sa.Update | sa.Delete) -> None:
        key = _key(_TABLES[type(record)])
        if self._execute(statement.where(key == getattr(record, key.name))).rowcount != 1:
            raise NotFoundError(f"no such {type(record).__name__.lower()}", what=type(record).__name__)

    def _records(self, kind: type[R], statement: sa.Select[Any]) -> list[R]:
        result = self._execute(statement)
        try:
            return [kind(**row) for row in result.mappings()]
        except (ValueError, TypeError) as error:
            self._broken = StorageError(f"a {kind.__name__} in the registry cannot be read", reason="corrupt")
            raise self._broken from error

    def _execute(self, statement: sa.Executable) -> sa.CursorResult[Any]:
        self.check()
        try:
            with translated():
                return cast("sa.CursorResult[Any]", self._connection.execute(statement))
        except StorageError as error:
            self._broken = error  # SQLite may have ended the transaction by itself: nothing may follow it unprotected
            raise


def _key(table: sa.Table) -> sa.Column[Any]:
    return next(iter(table.primary_key.columns))


def _matching(kind: type, equal: dict[str, Any]) -> sa.Select[Any]:
    table = _TABLES[kind]
    return sa.select(table).where(*(table.c[name] == value for name, value in equal.items())).order_by(_key(table))


def _values(record: object) -> dict[str, Any]:
    return {column.name: getattr(record, column.name) for column in _TABLES[type(record)].columns}


# --- SQLite -------------------------------------------------------------------------------------------------


def _path(url: URL) -> Path | None:
    return None if url.database in (None, "", ":memory:") else Path(str(url.database))


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url)
    path = _path(url)
    # mode=rw: a transaction never makes a new, empty registry where the file was lost
    where = ":memory:" if path is None else f"{path.absolute().as_uri()}?mode=rw"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(where, uri=True, timeout=BUSY_SECONDS, check_same_thread=False)

    if path is None:  # one connection is the whole database
        return sa.create_engine(url, creator=connect, poolclass=QueuePool, pool_size=1, max_overflow=0)
    return sa.create_engine(url, creator=connect, poolclass=QueuePool)


def _make_private(path: Path) -> None:
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(file, 0o600)  # it may have been there before
        finally:
            os.close(file)
    except OSError as error:
        reason = _ERRNO.get(error.errno or 0, "io")
        raise StorageError(f"the registry cannot be made: {error.strerror}", reason=reason) from error


def _configure(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself; _begin_immediate does
    cursor = connection.cursor()
    for pragma in ("synchronous=FULL", "secure_delete=ON", "trusted_schema=OFF"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediate(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


# --- what broke ---------------------------------------------------------------------------------------------

_ERRNO = {
    errno.ENOENT: "missing",
    errno.ENOTDIR: "missing",
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
} | dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS, errno.EISDIR), "read_only")

_SQLITE = {
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_BUSY: "locked",
    sqlite3.SQLITE_LOCKED: "locked",
    sqlite3.SQLITE_READONLY: "read_only",
    sqlite3.SQLITE_CANTOPEN: "missing",
    sqlite3.SQLITE_CORRUPT: "corrupt",
    sqlite3.SQLITE_NOTADB: "corrupt",
    sqlite3.SQLITE_IOERR: "io",
}

_SQLSTATE = {
    "40": "conflict",
    "53": "full",
    "25": "read_only",
    "55": "locked",
    "57": "unreachable",
    "08": "unreachable",
}
"""Classes of SQLSTATE (PostgreSQL, appendix A)."""


@contextmanager
def translated() -> Iterator[None]:
    """What a database refuses, as a StorageError that says why."""
    try:
        yield
    except (exc.DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, exc.DBAPIError) else error
        reason = _reason(cause)
        raise StorageError(f"the registry cannot be used ({reason}): {cause}", reason=reason) from error
    except exc.TimeoutError as error:
        raise StorageError("the registry is busy", reason="locked") from error


def _reason(error: BaseException | None) -> str:
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", 0)
        return "not_created" if "no such table" in str(error) else _SQLITE.get(code & 0xFF, "io")
    return _SQLSTATE.get(str(getattr(error, "sqlstate", None) or "08")[:2], "io")
