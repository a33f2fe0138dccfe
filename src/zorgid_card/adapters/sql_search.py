"""Lists of cards in the database: by name, by the words of a search, by state, a page at a time, each from an index.

Every card has a row of the table of words for each of its words, and one with a blank at its front for its place in the list; all
of these for each organisation that it is linked to, and for all organisations together. A page is then the next rows of one range
of an index, on SQLite and on PostgreSQL alike, however many cards there are.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, Protocol

import sqlalchemy as sa

from zorgid_card.adapters.sql_tables import TABLES, WORDS
from zorgid_card.errors import UsageError
from zorgid_card.ports.registry import CardLink, IssuedCertificate, Person, SmartCard

EVERYWHERE: Final = ""
"""The scope of all organisations."""

MOST_WORDS: Final = 32
"""Words of one card by which it is found."""

_MOST_SOUGHT, _LONGEST, _MOST_LISTED = 8, 64, 500
_LISTED: Final = " "
_WORD: Final = re.compile(r"[^\W_]+")
_LAST: Final = "\U0010ffff"
_PLAIN: Final = str.maketrans({"ø": "o", "đ": "d", "ð": "d", "ł": "l", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})

Row = dict[str, str]


class Execute(Protocol):
    """Executes a statement in the open transaction."""

    def __call__(self, statement: sa.Executable, rows: list[Row] | None = None, /) -> sa.CursorResult[Any]:
        """The result; with ``rows`` once for each."""
        ...


# --- words ----------------------------------------------------------------------------------------------------------


def split(text: str) -> list[str]:
    """The words of a text: letters and digits without a break, without case and accents, 64 characters of each."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    bare = "".join(letter for letter in folded if not unicodedata.combining(letter)).translate(_PLAIN)
    return [word[:_LONGEST] for word in _WORD.findall(bare)]


def words_of(serial: str, surname: str, given_names: str, user_name: str, uzi_number: str) -> list[str]:
    """What a card is found by, in the list first; the serial is the card's, the rest its holder's."""
    listed = _LISTED + " ".join((*split(surname), *split(given_names)))[:_LONGEST]
    words = dict.fromkeys(
        word for text in (serial, uzi_number, surname, given_names, user_name) for word in split(text)
    )
    return [listed, *list(words)[:MOST_WORDS]]


def found_by(record: object) -> tuple[str, ...] | None:
    """What of a record is in the words of cards; None: nothing of such a record is."""
    if isinstance(record, SmartCard):
        return record.serial, record.person_id, record.state
    if isinstance(record, CardLink):
        return record.card_serial, record.ura
    if isinstance(record, Person):
        return record.surname, record.given_names, record.user_name, record.uzi_number
    return None


# --- the table of words ---------------------------------------------------------------------------------------------

_CARD, _PERSON, _LINK, _ISSUED = (TABLES[kind] for kind in (SmartCard, Person, CardLink, IssuedCertificate))
_NAMES: Final = ("surname", "given_names", "user_name", "uzi_number")
_HELD = sa.select(_CARD.c.serial, _CARD.c.state, *(_PERSON.c[name] for name in _NAMES)).join_from(
    _CARD, _PERSON, _PERSON.c.id == _CARD.c.person_id, isouter=True
)
_COLUMNS: Final = ("card_serial", "scope", "word")


def rows_of(execute: Execute, serials: Iterable[str]) -> list[Row]:
    """The rows that these cards should have, from their records."""
    serials = list(serials)
    scopes: dict[str, set[str]] = {}
    links = sa.select(_LINK.c.card_serial, _LINK.c.ura).where(_LINK.c.card_serial.in_(serials))
    for link in execute(links).mappings():
        scopes.setdefault(link["card_serial"], set()).add(link["ura"])
    rows: list[Row] = []
    for held in execute(_HELD.where(_CARD.c.serial.in_(serials))).mappings():
        serial, names = held["serial"], [held[name] or "" for name in _NAMES]
        for scope in (EVERYWHERE, *sorted(scopes.get(serial, ()))):
            of = {"card_serial": serial, "scope": scope, "state": held["state"]}
            rows += [of | {"word": word} for word in words_of(serial, *names)]
    return rows


def refresh(execute: Execute, serials: set[str], persons: set[str]) -> None:
    """Bring the rows of these cards, and of these persons' cards, into line with the records."""
    if persons:
        held = sa.select(_CARD.c.serial).where(_CARD.c.person_id.in_(sorted(persons)))
        serials = serials | {row["serial"] for row in execute(held).mappings()}
    for serial in sorted(serials):  # in one order everywhere, so that two transactions do not wait for each other
        _refresh_one(execute, serial)


def _refresh_one(execute: Execute, serial: str) -> None:
    there = {
        (serial, row["scope"], row["word"]): row["state"]
        for row in execute(sa.select(WORDS).where(WORDS.c.card_serial == serial)).mappings()
    }
    rows = {(row["card_serial"], row["scope"], row["word"]): row for row in rows_of(execute, [serial])}
    for gone in there.keys() - rows.keys():
        execute(sa.delete(WORDS).where(*(WORDS.c[name] == value for name, value in zip(_COLUMNS, gone, strict=True))))
    new = [row for key, row in rows.items() if key not in there]
    if new:
        execute(sa.insert(WORDS), new)
    states = {row["state"] for key, row in rows.items() if there.get(key, row["state"]) != row["state"]}
    for state in states:  # one at most: a card has one state
        execute(sa.update(WORDS).where(WORDS.c.card_serial == serial, WORDS.c.state != state).values(state=state))


def rebuild(connection: sa.Connection) -> None:
    """Make the table of words anew from the records, a page of cards at a time."""

    def execute(statement: sa.Executable, rows: list[Row] | None = None, /) -> sa.CursorResult[Any]:
        return connection.execute(statement, rows)

    execute(sa.delete(WORDS))
    after = ""
    while True:
        page = sa.select(_CARD.c.serial).where(_CARD.c.serial > after).order_by(_CARD.c.serial).limit(_MOST_LISTED)
        serials = list(connection.scalars(page))
        if not serials:
            return
        execute(sa.insert(WORDS), rows_of(execute, serials))
        after = serials[-1]


# --- lists ----------------------------------------------------------------------------------------------------------


def require_limit(limit: int) -> None:
    """A page may have so many cards; raises UsageError."""
    if not 1 <= limit <= _MOST_LISTED:
        raise UsageError(f"1 to {_MOST_LISTED} cards a page", reason="limit")


def page_of(*, ura: str | None, search: str, state: str | None, after: str, limit: int) -> sa.Select[Any] | None:
    """The statement that gives word and serial of a page's cards, from an index alone; None: nothing can be found.

    Raises:
        UsageError: ``after`` cannot be.
    """
    sought = sorted(dict.fromkeys(split(search)[:_MOST_SOUGHT]), key=len, reverse=True)
    if search.strip() and not sought:
        return None
    leading, *others = sought or [_LISTED]
    where = [
        WORDS.c.scope == (EVERYWHERE if ura is None else ura),
        *_behind(leading, after),
        WORDS.c.word < leading + _LAST,
    ]
    if state is not None:
        where.append(WORDS.c.state == state)
    where += [_first(other).is_not(None) for other in others]
    if sought:
        where.append(_first(leading) == WORDS.c.word)  # a card with two such words is there once
    order: list[sa.Column[Any]] = [WORDS.c.word, WORDS.c.card_serial]
    return sa.select(*order).where(*where).order_by(*order).limit(limit)


def shown(page: sa.Select[Any], ura: str | None, at: datetime) -> sa.Select[Any]:
    """The statement that gives all that is shown of a page's cards, in no order; a link is there only if it holds at ``at``."""
    rows = page.subquery()
    tables = [("card", _CARD), ("person", _PERSON), ("link", _LINK)]
    columns = [column.label(f"{name}_{column.name}") for name, table in tables for column in table.columns]
    current = sa.or_(_LINK.c.until.is_(None), _LINK.c.until > at)
    same = sa.and_(_LINK.c.card_serial == rows.c.card_serial, _LINK.c.ura == (EVERYWHERE if ura is None else ura))
    found = sa.select(rows.c.word, *columns, _ISSUED.c.not_after)
    found = found.join_from(rows, _CARD, _CARD.c.serial == rows.c.card_serial)
    found = found.join(_PERSON, _PERSON.c.id == _CARD.c.person_id)
    found = found.outerjoin(_LINK, sa.and_(same, current))
    return found.outerjoin(_ISSUED, _ISSUED.c.serial == _CARD.c.certificate_serial)


def mark(serial: str, word: str) -> str:
    """Where a list goes on behind this row."""
    return f"{serial}:{word}"


def _behind(leading: str, after: str) -> list[sa.ColumnElement[bool]]:
    """One lower bound, never two: a database takes the first for its way through the index."""
    if not after:
        return [WORDS.c.word >= leading]
    serial, colon, word = after.rpartition(":")
    if not colon or not word.startswith(leading) or "\0" in after:
        raise UsageError("no page ends there", reason="after")
    return [sa.tuple_(WORDS.c.word, WORDS.c.card_serial) > sa.tuple_(sa.literal(word), sa.literal(serial))]


def _first(prefix: str) -> sa.ScalarSelect[Any]:
    """The first of the card's words with this prefix: asked card by card, for a database that joins reads them all."""
    other = WORDS.alias()
    same = (other.c.card_serial == WORDS.c.card_serial, other.c.scope == WORDS.c.scope)
    first = sa.select(sa.func.min(other.c.word)).where(*same, other.c.word >= prefix, other.c.word < prefix + _LAST)
    return first.scalar_subquery()
