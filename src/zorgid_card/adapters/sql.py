"""The registry in an SQL database, through SQLAlchemy 2: SQLite in one file out of the box, PostgreSQL as
the same code.

Every transaction is serialisable. On SQLite that is ``BEGIN IMMEDIATE`` (the driver's default would lose updates) on a write-ahead
log with full synchronisation: what was committed survives a crash of the machine, what was not leaves no trace.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Engine

from zorgid_card.adapters import migrations, sql_rotation, sql_search
from zorgid_card.adapters.data_keys import FileDataKeys, MemoryDataKeys
from zorgid_card.adapters.sql_engine import engine_of, make_private, path_of, prepare, translated
from zorgid_card.adapters.sql_sealed import Sealer
from zorgid_card.adapters.sql_tables import ACCEPTED, FIELDS, MARKED, SEALED, TABLES
from zorgid_card.errors import NotFoundError, ReplayError, StorageError
from zorgid_card.ports import registry as records
from zorgid_card.ports.keys import KeyProvider

R = TypeVar("R")
T = TypeVar("T")

PATIENCE_SECONDS: Final = 15.0
"""How long :meth:`SQLRegistry.run` goes on trying."""

_MAY_PASS: Final = frozenset({"conflict", "locked"})
_LONGEST_PAUSE: Final = 0.25


@dataclass(slots=True, eq=False)
class _Open:
    """That a thread, or a task of asyncio, has a transaction open."""

    registry: SQLRegistry
    open: bool = True


_OPEN: ContextVar[tuple[_Open, ...]] = ContextVar("open transactions", default=())


class SQLRegistry:
    """A :class:`~zorgid_card.ports.registry.Registry` in an SQL database. It has no state of its own but
    its connections: ``engine``, ``keys`` with which personal data are sealed, and ``sealer``, which does it.
    """

    def __init__(self, where: str | URL | Engine, keys: KeyProvider | None = None) -> None:
        """Stand ready for the database at ``where``; nothing is opened or made yet.

        Args:
            where: a database URL (``sqlite:////var/lib/portal/registry.db``, ``postgresql+psycopg://...``),
                or an engine of the caller's that has no open connection yet.
            keys: with which personal data are sealed. None: for SQLite, a key in a file beside the database, ``.keys`` added to its
                name; for PostgreSQL, personal data can be neither written nor read.

        Raises:
            UsageError: ``where`` is no URL of a database, or its driver is not installed (``db``).
        """
        self.engine = prepare(where if isinstance(where, Engine) else engine_of(where))
        self._sqlite = self.engine.dialect.name == "sqlite"
        self.keys = keys if keys is not None else self._own_keys()
        self.sealer = Sealer(self.keys)
        self._current = False  # whether the schema was seen to be this library's
        self._pause: Callable[[float], None] = time.sleep

    @classmethod
    def file(cls, path: Path, keys: KeyProvider | None = None) -> SQLRegistry:
        """A registry in one SQLite file; any path will do, for it is not read as a URL."""
        return cls(URL.create("sqlite", database=str(path)), keys)

    def create(self) -> tuple[str | None, str]:
        """Make the registry, or bring an older one to this library's version; a new SQLite file gets mode 0600 before anything is
        in it. Any number of workers may do so at once.

        Returns:
            the version of the schema that was there (None: there was none), and the one that is there now.

        Raises:
            StorageError: ``reason`` says why not.
        """
        path = path_of(self.engine.url) if self._sqlite else None
        if path is not None:
            make_private(path)
        with translated():
            if path is not None:
                with self.engine.connect() as connection:  # not inside a transaction, where SQLite refuses it
                    connection.connection.cursor().execute("PRAGMA journal_mode=WAL")
            with self.engine.connect() as connection:
                if not self._sqlite:  # who has waited for the lock is to see what was done meanwhile
                    connection.execution_options(isolation_level="READ COMMITTED")
                with connection.begin():
                    versions = self.upgrade(connection)
        self._current = True
        return versions

    def upgrade(self, connection: sa.Connection) -> tuple[str | None, str]:
        """What :meth:`create` does to the tables, on a connection of the caller's, in its open transaction.

        Args:
            connection: to the registry's database; on SQLite the transaction began with ``BEGIN IMMEDIATE``, on PostgreSQL it is
                READ COMMITTED.

        Returns:
            the version of the schema that was there (None: there was none), and the one that is there now.

        Raises:
            StorageError: as :meth:`create`; the caller rolls back.
        """
        with translated():
            migrations.lock(connection)
            self._make_keys(connection)
            return migrations.upgrade(connection, self.sealer)

    def reseal(self, progress: Callable[[int, int], None] = lambda done, of: None) -> int:
        """Seal with the newest key what older ones sealed, page by page, each in a transaction of its own.

        Args:
            progress: is told how many records of how many have been looked at.

        Returns:
            how many records were sealed anew.

        Raises:
            StorageError: the store or the keys cannot be used; what was sealed anew stays so.
        """
        with self.begin() as unit:
            of, done, sealed = sum(unit.count(kind) for kind in SEALED), 0, 0
        for kind in SEALED:
            after: str | None = ""
            while after is not None:
                after, here = self.run(partial(SQLUnit.reseal, kind=kind, after=after))
                done, sealed = min(done + sql_rotation.PAGE, of), sealed + here
                progress(done, of or 1)
        return sealed

    def _own_keys(self) -> KeyProvider | None:
        if not self._sqlite:
            return None
        path = path_of(self.engine.url)
        return MemoryDataKeys() if path is None else FileDataKeys(path.with_name(path.name + ".keys"))

    def _make_keys(self, connection: sa.Connection) -> None:
        """Keys beside a new database; where something was sealed already, its keys were lost, and others do not help."""
        if not isinstance(self.keys, FileDataKeys) or self.keys.there:
            return
        if migrations.version(connection) in (None, migrations.FIRST) or not any(
            connection.execute(sa.select(FIELDS[kind][0]).limit(1)).first() for kind in SEALED
        ):
            self.keys.create()

    def close(self) -> None:
        """Close all connections; the next transaction opens new ones."""
        self.engine.dispose()

    @contextmanager
    def begin(self) -> Iterator[SQLUnit]:
        """Open a transaction: committed when the block ends, rolled back when it raises.

        Raises:
            StorageError: ``reason`` says why the store cannot be read or written; nothing was changed.
                ``locked`` and ``conflict`` may pass by trying the whole transaction again.
            RuntimeError: this thread has a transaction open already; the second would wait for the first
                for ever.
        """
        with self._alone(), translated(), self.engine.begin() as connection:
            if not self._current:
                migrations.require_current(connection)
                self._current = True
            unit = SQLUnit(connection, self.sealer)
            yield unit
            unit.finish()

    def run(self, work: Callable[[SQLUnit], T], /) -> T:
        """Do ``work`` in a transaction of its own, again where another worker's came between.

        PostgreSQL ends one of two transactions that cannot both have been first (SQLSTATE 40001), SQLite lets one wait in vain
        when the other takes long. Nothing of it was kept, so the whole is done anew, after a short random pause.

        Args:
            work: is given the unit, and may be called several times: it changes nothing but through the unit.

        Raises:
            StorageError: as :meth:`begin` does; ``locked`` and ``conflict`` only after :data:`PATIENCE_SECONDS`.
        """
        deadline, pause = time.monotonic() + PATIENCE_SECONDS, 0.004
        while True:
            try:
                with self.begin() as unit:
                    return work(unit)
            except StorageError as error:
                if error.reason not in _MAY_PASS or time.monotonic() > deadline:
                    raise
            self._pause(random.uniform(0, pause))  # noqa: S311  # no secret: two workers shall not meet again
            pause = min(2 * pause, _LONGEST_PAUSE)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        outer = tuple(other for other in _OPEN.get() if other.open)
        if any(other.registry is self for other in outer):
            raise RuntimeError("a transaction of this registry is open already in this thread")
        this = _Open(self)
        _OPEN.set((*outer, this))
        try:
            yield
        finally:
            this.open = False  # wherever it is ended, and for tasks that were begun meanwhile: they have copies


class SQLUnit:
    """One transaction; made by :meth:`SQLRegistry.begin` only."""

    def __init__(self, connection: sa.Connection, sealer: Sealer) -> None:
        self._connection = connection
        self._sealer = sealer
        self._broken: StorageError | None = None
        self._insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
        self._cards: set[str] = set()  # whose words are out of date
        self._persons: set[str] = set()
        self._read: dict[tuple[type, str], tuple[str, ...]] = {}  # what the words of cards have of these records

    def finish(self) -> None:
        """What is to be done before the transaction is committed.

        Raises:
            StorageError: what broke this transaction, again: a caller that went on after it must not commit.
        """
        self._refresh()
        self._check()

    def get(self, kind: type[R], key: str, /) -> R:
        """The record whose first field is ``key``; raises NotFoundError."""
        found = self._records(kind, sa.select(*FIELDS[kind]).where(FIELDS[kind][0] == key))
        if not found:
            raise NotFoundError(f"no such {kind.__name__.lower()}", what=kind.__name__)
        return found[0]

    def find(self, kind: type[R], /, **equal: Any) -> Iterator[R]:
        """All records whose named fields are equal to the values given, in the order of their first field."""
        return iter(self._records(kind, self._matching(kind, equal)))

    def page(self, kind: type[R], /, *, after: str = "", limit: int, **equal: Any) -> list[R]:
        """At most ``limit`` of what :meth:`find` gives, beginning behind the record whose first field is
        ``after``.
        """
        return self._records(kind, self._matching(kind, equal).where(FIELDS[kind][0] > after).limit(limit))

    def cards(
        self,
        ura: str | None,
        /,
        *,
        at: datetime,
        search: str = "",
        state: str | None = None,
        after: str = "",
        limit: int = 50,
    ) -> list[records.FoundCard]:
        """Cards in the order of their holders' names, or what is searched for; see the port."""
        sql_search.require_limit(limit)
        found: list[records.FoundCard] = []
        while len(found) < limit:
            asked = limit - len(found)
            page = sql_search.page_of(ura=ura, search=search, state=state, after=after, limit=asked)
            rows = [] if page is None else self._listed(sql_search.shown(page, ura, at))
            with self._reading("card"):
                found += (self._found(row, ura) for row in rows if ura is None or row["link_id"] is not None)
            if len(rows) < asked:
                break
            after = sql_search.mark(rows[-1]["card_serial"], rows[-1]["word"])
        return found

    def _listed(self, statement: sa.Select[Any]) -> list[Any]:
        """The rows of a page, one for each card, in order."""
        self._refresh()
        result = self._execute(statement)
        with self._reading("card"):
            rows = {row["card_serial"]: row for row in result.mappings()}
        return sorted(rows.values(), key=lambda row: (row["word"], row["card_serial"]))

    def add(self, record: object, /) -> None:
        """Keep a new record; raises ReplayError if one with the same first field is there."""
        kind = type(record)
        statement = self._insert(TABLES[kind]).values(self._values(record)).on_conflict_do_nothing()
        if self._execute(statement.returning(FIELDS[kind][0])).first() is None:
            raise ReplayError(f"this {kind.__name__.lower()} is there already", what=kind.__name__)
        self._touch(record)

    def replace(self, record: object, /) -> None:
        """Replace the record with the same first field; raises NotFoundError."""
        self._on_one(record, sa.update(TABLES[type(record)]).values(self._values(record)))

    def remove(self, record: object, /) -> None:
        """Remove the record with the same first field; raises NotFoundError."""
        self._read.pop((type(record), getattr(record, FIELDS[type(record)][0].name)), None)
        self._on_one(record, sa.delete(TABLES[type(record)]))

    def count_up(self, name: str, /) -> int:
        """Add one to the named counter and return it, in one statement; the first value is 1."""
        table = TABLES[records.Counter]
        statement = (
            self._insert(table)
            .values(name=name, value=1)
            .on_conflict_do_update(index_elements=[table.c.name], set_={"value": table.c.value + 1})
            .returning(table.c.value)
        )
        with self._reading("counter"):
            return int(self._execute(statement).scalar_one())

    def count(self, kind: type) -> int:
        """How many records of this kind there are."""
        return int(self._execute(sa.select(sa.func.count()).select_from(TABLES[kind])).scalar_one())

    def reseal(self, kind: type, after: str) -> tuple[str | None, int]:
        """Seal a page of records anew; see :func:`zorgid_card.adapters.sql_rotation.reseal`."""
        return sql_rotation.reseal(self._connection, self._sealer, kind, after)

    def _on_one(self, record: object, statement: sa.Update | sa.Delete) -> None:
        column = FIELDS[type(record)][0]
        if self._execute(statement.where(column == getattr(record, column.name))).rowcount != 1:
            raise NotFoundError(f"no such {type(record).__name__.lower()}", what=type(record).__name__)
        self._touch(record)

    def _touch(self, record: object) -> None:
        """Take note of the cards that are found by this record, if it is another than the one that was read."""
        before = self._read.pop((type(record), getattr(record, FIELDS[type(record)][0].name)), None)
        if sql_search.found_by(record) == before:
            return
        if isinstance(record, records.SmartCard):
            self._cards.add(record.serial)
        elif isinstance(record, records.CardLink):
            self._cards |= {record.card_serial, before[0] if before else record.card_serial}
        elif isinstance(record, records.Person):
            self._persons.add(record.id)

    def _refresh(self) -> None:
        if self._cards or self._persons:
            with self._reading("card"):
                sql_search.refresh(self._execute, self._cards, self._persons)
            self._cards, self._persons = set(), set()

    def _values(self, record: object) -> dict[str, Any]:
        kind = type(record)
        values = {column.name: getattr(record, column.name) for column in FIELDS[kind]}
        return values | self._sealer.sealed(kind, record, values[FIELDS[kind][0].name])

    def _matching(self, kind: type, equal: dict[str, Any]) -> sa.Select[Any]:
        table = TABLES[kind]
        where = [table.c[name] == value for name, value in equal.items() if name not in SEALED.get(kind, ())]
        for name in equal.keys() & {*SEALED.get(kind, ())}:
            if MARKED.get(kind) != name:
                raise TypeError(f"no {kind.__name__} is found by its {name}, which is sealed")
            where.append(table.c[f"{name}_mark"].in_(self._sealer.marks(kind, equal[name])))
        return sa.select(*FIELDS[kind]).where(*where).order_by(FIELDS[kind][0])

    def _records(self, kind: type[R], statement: sa.Select[Any]) -> list[R]:
        result = self._execute(statement)
        with self._reading(kind.__name__):
            return [self._made(kind, row) for row in result.mappings()]

    @contextmanager
    def _reading(self, what: str) -> Iterator[None]:
        try:
            yield
        except StorageError as error:
            self._broken = error
            raise
        except (ValueError, TypeError, OverflowError) as error:
            self._broken = StorageError(f"a {what} in the registry cannot be read", reason="corrupt")
            raise self._broken from error

    def _made(self, kind: type[R], row: Any, prefix: str = "") -> R:
        values = {column.name: row[prefix + column.name] for column in FIELDS[kind]}
        for name, accepted in ACCEPTED[kind]:
            if type(values[name]) not in accepted:
                raise TypeError(f"{name} is none")
        key = values[FIELDS[kind][0].name]
        made = kind(**values | self._sealer.opened(kind, values, key))
        if (found_by := sql_search.found_by(made)) is not None:
            self._read[kind, key] = found_by
        return made

    def _found(self, row: Any, ura: str | None) -> records.FoundCard:
        card = self._made(records.SmartCard, row, "card_")
        return records.FoundCard(
            card,
            self._made(records.Person, row, "person_"),
            self._made(records.CardLink, row, "link_") if ura is not None else None,
            row["not_after"],
            sql_search.mark(card.serial, row["word"]),
        )

    def _check(self) -> None:
        if self._broken is not None:
            raise self._broken

    def _execute(self, statement: sa.Executable, rows: list[dict[str, Any]] | None = None) -> sa.CursorResult[Any]:
        self._check()
        try:
            with translated():
                return cast("sa.CursorResult[Any]", self._connection.execute(statement, rows))
        except StorageError as error:
            self._broken = error  # SQLite may have ended the transaction by itself: nothing may follow it unprotected
            raise
