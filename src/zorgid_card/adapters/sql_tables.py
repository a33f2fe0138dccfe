"""The registry's tables: one for each record of :mod:`zorgid_card.ports.registry`, the first field its primary key.

The migrations (:mod:`zorgid_card.adapters.migrations`) make the same schema step by step; a test compares the two.
"""

from __future__ import annotations

import re
import types
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from zorgid_card.errors import UsageError
from zorgid_card.ports import registry as records

_HALF: Final = re.compile("[\ud800-\udfff]")
_FORM: Final = "%Y-%m-%dT%H:%M:%S.%fZ"


class UTCTime(sa.types.TypeDecorator[datetime]):
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
        if not isinstance(value, datetime):
            raise ValueError("no time")
        return value.astimezone(UTC)


class Text(sa.types.TypeDecorator[str]):
    """Text that is compared octet by octet, as SQLite does: alike everywhere, and a prefix is a range of an index."""

    impl = sa.Text()
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        """Without the order of a language on PostgreSQL."""
        return sa.Text(collation="C" if dialect.name == "postgresql" else None)

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """What one of the databases could not keep is refused for both: NUL, and halves of surrogate pairs."""
        if value is not None and ("\0" in value or _HALF.search(value)):
            raise UsageError("this text cannot be stored", reason="text")
        return value


_TYPES: dict[type, sa.types.TypeEngine[Any]] = {
    str: Text(),
    int: sa.BigInteger(),
    bytes: sa.LargeBinary(),
    datetime: UTCTime(),
    date: sa.Date(),
}

SEALED: Final[dict[type, tuple[str, ...]]] = {
    records.Person: ("birth_date",),
    records.Session: ("data",),
    records.Consent: ("evidence",),
    records.Notice: ("recipient", "data"),
    records.BrowserSession: ("who", "kept"),
}
"""Fields that are encrypted before they are kept: where a birth date or an address is, or may be."""

MARKED: Final[dict[type, str]] = {records.Person: "birth_date"}
"""Sealed fields by whose value records are found: a column beside them has a keyed mark of it."""

_INDEXES: dict[type, tuple[tuple[str, ...], ...]] = {
    records.Person: (("uzi_number",), ("user_name",), ("birth_date_mark",)),
    records.Membership: (("person_id", "ura"), ("ura", "id")),
    records.MobileID: (("person_id", "ura"), ("ura", "id"), ("state",)),
    records.PhoneRequest: (("mobile_id", "state"), ("person_id", "state")),
    records.Adoption: (("person_id", "uzi_number"),),
    records.SmartCard: (("person_id",), ("certificate_serial",)),
    records.CardLink: (("ura", "id"), ("card_serial",)),
    records.IssuedCertificate: (("card_serial",), ("status", "serial"), ("key_hash",)),
    records.Suspension: (("card_serial",),),
    records.Challenge: (("binding",),),
    records.LinkOffer: (("person_id",),),
    records.AuditEvent: (("subject",),),
    records.Notice: (("state", "id"),),
}


def _tables(metadata: sa.MetaData) -> dict[type, sa.Table]:
    kinds = [kind for kind in vars(records).values() if isinstance(kind, type) and is_dataclass(kind)]
    return {kind: _table(metadata, kind) for kind in kinds}


def _table(metadata: sa.MetaData, kind: type) -> sa.Table:
    name = "zorgid_" + re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower()
    hints = get_type_hints(kind)
    sealed = SEALED.get(kind, ())
    columns = [
        _column(field.name, bytes if field.name in sealed else hints[field.name], first=not n)
        for n, field in enumerate(fields(kind))
    ]
    if kind in MARKED:
        columns.append(_column(f"{MARKED[kind]}_mark", bytes, first=False))
    indexes = [sa.Index(f"{name}_by_{'_'.join(names)}", *names) for names in _INDEXES.get(kind, ())]
    return sa.Table(name, metadata, *columns, *indexes)


def _column(name: str, hint: Any, *, first: bool) -> sa.Column[Any]:
    kinds = _kinds(hint)
    plain = next(kind for kind in kinds if kind is not types.NoneType)
    return sa.Column(name, _TYPES[plain], primary_key=first, nullable=len(kinds) > 1)


def _kinds(hint: Any) -> tuple[type, ...]:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


METADATA: Final = sa.MetaData()
TABLES: Final = _tables(METADATA)

WORDS: Final = sa.Table(
    "zorgid_card_word",
    METADATA,
    sa.Column("card_serial", Text(), primary_key=True),
    sa.Column("scope", Text(), primary_key=True),
    sa.Column("word", Text(), primary_key=True),
    sa.Column("state", Text(), nullable=False),
    sa.Index("zorgid_card_word_by_word", "scope", "word", "card_serial"),
    sa.Index("zorgid_card_word_by_state", "scope", "state", "word", "card_serial"),
    sqlite_with_rowid=False,
)
"""By what a card is found (:mod:`zorgid_card.adapters.sql_search`); made from the records, and no record itself."""


FIELDS: Final = {kind: tuple(table.c[field.name] for field in fields(kind)) for kind, table in TABLES.items()}
"""The columns that are a record's fields."""

ACCEPTED: Final = {
    kind: tuple(
        (name, frozenset((bytes,) if name in SEALED.get(kind, ()) else _kinds(hint)))
        for name, hint in get_type_hints(kind).items()
    )
    for kind in TABLES
}
"""What may come from the columns: SQLite keeps anything anywhere, whatever the table says."""
