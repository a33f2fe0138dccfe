"""Engines for the registry, and what a database refuses, as errors that say why."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from zorgid_card.errors import StorageError, UsageError, ZorgIDError

BUSY_SECONDS = 5.0
"""How long a transaction waits for another worker's on SQLite."""

_CACHE_KIB = 16 * 1024  # of pages, for each connection to SQLite; its own 2 MiB hold too little of a large index


# --- SQLite -------------------------------------------------------------------------------------------------


def path_of(url: URL) -> Path | None:
    """The file of an SQLite database; None: it is in memory."""
    name = url.database or ":memory:"
    if name.startswith("file:"):  # a URI in the URL
        return Path(unquote(urlsplit(name).path))
    return None if name == ":memory:" else Path(name)


def engine_of(where: str | URL) -> Engine:
    """An engine that tells no values in its errors; on SQLite, one that makes no file.

    Raises:
        UsageError: this is no URL of a database, or its driver is not installed.
    """
    try:
        return _engine(make_url(where))
    except (exc.ArgumentError, ImportError, ValueError) as error:
        raise UsageError("this database cannot be used", reason="db") from error


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url, pool_pre_ping=True, hide_parameters=True)  # a restarted server is no error
    path = path_of(url)
    # mode=rw: a transaction never makes a new, empty registry where the file was lost
    where = ":memory:" if path is None else f"{path.absolute().as_uri()}?mode=rw"

    def connect() -> sqlite3.Connection:
        if path is not None and not path.exists():
            raise StorageError("the registry is not there", reason="missing", path=str(path))
        return sqlite3.connect(where, uri=True, timeout=BUSY_SECONDS, check_same_thread=False)

    if path is None:  # one connection is the whole database
        return sa.create_engine(
            url, creator=connect, poolclass=QueuePool, pool_size=1, max_overflow=0, hide_parameters=True
        )
    return sa.create_engine(url, creator=connect, poolclass=QueuePool, hide_parameters=True)


def make_private(path: Path) -> None:
    """Make the file, if it is missing, and see that it is its owner's alone; raises StorageError."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(file, 0o600)  # it may have been there before
        finally:
            os.close(file)
    except OSError as error:
        reason = _ERRNO.get(error.errno or 0, "io")
        raise StorageError(f"the registry cannot be made: {error.strerror}", reason=reason) from error


def prepare(engine: Engine) -> Engine:
    """The engine, whose every transaction is serialisable from now on."""
    if engine.dialect.name != "sqlite":
        return engine.execution_options(isolation_level="SERIALIZABLE")
    if not event.contains(engine, "begin", _begin_immediate):
        event.listen(engine, "connect", _configure)
        event.listen(engine, "begin", _begin_immediate)
    return engine


def _configure(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself; _begin_immediate does
    cursor = connection.cursor()
    for pragma in ("synchronous=FULL", "secure_delete=ON", "trusted_schema=OFF", f"cache_size=-{_CACHE_KIB}"):
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
    "28": "denied",
    "42501": "denied",
    "42P01": "not_created",
}
"""SQLSTATE, or its class (PostgreSQL, appendix A)."""


@contextmanager
def translated() -> Iterator[None]:
    """What a database refuses, as a StorageError that says why."""
    try:
        yield
    except (exc.DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, exc.DBAPIError) else error
        reason = _reason(cause)
        raise StorageError(f"the registry cannot be used ({reason}): {cause}", reason=reason) from error
    except exc.StatementError as error:
        if isinstance(error.orig, ZorgIDError):  # a value was refused before the database had it
            raise error.orig from None
        raise
    except exc.TimeoutError as error:
        raise StorageError("the registry is busy", reason="locked") from error


def _reason(error: BaseException | None) -> str:
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", 0)
        return "not_created" if "no such table" in str(error) else _SQLITE.get(code & 0xFF, "io")
    state = str(getattr(error, "sqlstate", None) or "08")
    return _SQLSTATE.get(state) or _SQLSTATE.get(state[:2], "io")
