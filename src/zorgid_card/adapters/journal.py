"""The card side's journal in one SQLite file (:class:`~zorgid_card.ports.journal.Journal`), by the standard library alone.

A write-ahead log with full synchronisation: what was committed survives a kill of the process and a crash of the machine, what was
not leaves no trace (https://www.sqlite.org/pragma.html, synchronous). The file is its user's alone.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, fields
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Final, Self

from zorgid_card.errors import StorageError
from zorgid_card.ports.journal import Making

BUSY_SECONDS: Final = 5.0
"""How long a write waits for another process's."""

MAKINGS_KEPT: Final = 200
"""Unfinished makings beyond these are forgotten, the oldest first."""

TIMES_KEPT: Final = 25
"""Durations kept of one step on cards of one kind."""

LONGEST: Final = 86_400
"""Seconds: what claims to have taken longer was not measured."""

_COLUMNS: Final = tuple(field.name for field in fields(Making))
_QUOTED: Final = tuple(f'"{name}"' for name in _COLUMNS)  # "commit" is a word of SQL
_TABLES: Final = (
    f"CREATE TABLE IF NOT EXISTS making ({', '.join(_QUOTED)}, PRIMARY KEY (serial))",
    "CREATE TABLE IF NOT EXISTS took (kind, step, seconds)",
    "CREATE INDEX IF NOT EXISTS took_by_step ON took (kind, step)",
)
_WRITE: Final = f"INSERT INTO making VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608
_READ: Final = f"SELECT {', '.join(_QUOTED)} FROM making"  # noqa: S608  # names of fields
_TOOK: Final = "SELECT step, seconds FROM took WHERE kind = ? AND typeof(step) = 'text' AND seconds BETWEEN 0 AND ?"
_TYPES: Final = {"str": str, "bytes": bytes, "bool": int}  # SQLite has no truth values


class SQLiteJournal:
    """A journal in one file, which is made if it is not there.

    Args:
        path: the file; its directory exists.

    Raises:
        StorageError: it cannot be made, or is not a journal.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        try:
            _make_private(path)
            self._database = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            self._database.execute("PRAGMA journal_mode = WAL").close()
            self._database.execute("PRAGMA synchronous = FULL").close()
        except (OSError, sqlite3.Error) as error:
            raise StorageError("the journal cannot be opened", reason=str(error), path=str(path)) from error
        with self._transaction() as database:
            for table in _TABLES:
                database.execute(table)

    def close(self) -> None:
        """Close the file; closing twice is fine."""
        self._database.close()

    def __enter__(self) -> Self:
        """The journal itself; it is closed when the block ends."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, making: Making, /, *, took: float | None = None) -> None:
        """See :meth:`zorgid_card.ports.journal.Journal.write`."""
        with self._transaction() as database:
            database.execute("DELETE FROM making WHERE serial = ?", (making.serial,))
            database.execute(_WRITE, astuple(making))
            database.execute(
                "DELETE FROM making WHERE rowid NOT IN (SELECT rowid FROM making ORDER BY rowid DESC LIMIT ?)",
                (MAKINGS_KEPT,),
            )
            _remember(database, making, took)

    def finish(self, making: Making, /, *, took: float | None = None) -> None:
        """See :meth:`zorgid_card.ports.journal.Journal.finish`."""
        with self._transaction() as database:
            database.execute("DELETE FROM making WHERE serial = ?", (making.serial,))
            _remember(database, making, took)

    def find(self, serial: str, /) -> Making | None:
        """See :meth:`zorgid_card.ports.journal.Journal.find`."""
        with self._transaction() as database:
            row = database.execute(f"{_READ} WHERE serial = ?", (serial,)).fetchone()
        return None if row is None else _making(row)

    def unfinished(self) -> tuple[Making, ...]:
        """See :meth:`zorgid_card.ports.journal.Journal.unfinished`."""
        with self._transaction() as database:
            rows = database.execute(f"{_READ} ORDER BY rowid DESC").fetchall()
        return tuple(map(_making, rows))

    def usual(self, kind: str, /) -> dict[str, float]:
        """See :meth:`zorgid_card.ports.journal.Journal.usual`."""
        with self._transaction() as database:
            rows = database.execute(_TOOK, (kind, LONGEST)).fetchall()
        times: dict[str, list[float]] = {}
        for step, seconds in rows:
            times.setdefault(step, []).append(seconds)
        return {step: median(known) for step, known in times.items()}

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._lock:
                self._database.execute("BEGIN IMMEDIATE")
                try:
                    yield self._database
                    self._database.execute("COMMIT")
                except BaseException:
                    if self._database.in_transaction:
                        self._database.execute("ROLLBACK")
                    raise
        except sqlite3.Error as error:
            raise StorageError("the journal cannot be read or written", reason=str(error)) from error


def _make_private(path: Path) -> None:
    """Readable by nobody else before anything is in it; it may have been there before, with other rights."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    path.chmod(0o600)


def _making(row: tuple[object, ...]) -> Making:
    """What was written, unless somebody else has written it: SQLite keeps any value in any column."""
    values = dict(zip(_COLUMNS, row, strict=True))
    for field in fields(Making):
        if type(values[field.name]) is not _TYPES[str(field.type)]:
            raise StorageError("the journal holds something else", reason="corrupt", field=field.name)
    flags = {field.name: bool(values[field.name]) for field in fields(Making) if field.type == "bool"}
    return Making(**values | flags)  # type: ignore[arg-type]  # they were looked at


def _remember(database: sqlite3.Connection, making: Making, took: float | None) -> None:
    if took is None:
        return
    of = making.kind, making.step
    database.execute("INSERT INTO took VALUES (?, ?, ?)", (*of, took))
    database.execute(
        "DELETE FROM took WHERE kind = ? AND step = ? AND rowid NOT IN "
        "(SELECT rowid FROM took WHERE kind = ? AND step = ? ORDER BY rowid DESC LIMIT ?)",
        (*of, *of, TIMES_KEPT),
    )
