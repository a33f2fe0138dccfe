"""Sealing anew what older keys sealed, so that they can be given up."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Final

import sqlalchemy as sa

from zorgid_card.adapters.sql_sealed import Sealer, generation_of
from zorgid_card.adapters.sql_tables import FIELDS, SEALED, TABLES

PAGE: Final = 500
"""Records of one transaction."""


def reseal(connection: sa.Connection, sealer: Sealer, kind: type, after: str) -> tuple[str | None, int]:
    """Seal a page of records anew, those that an older key sealed.

    Args:
        connection: in a transaction.
        sealer: with the old keys and the new one.
        kind: of the records, one of :data:`~zorgid_card.adapters.sql_tables.SEALED`.
        after: the last key of the page before; empty for the first.

    Returns:
        the last key of this page (None: it was the last page), and how many records were sealed anew.
    """
    table, key = TABLES[kind], FIELDS[kind][0]
    page = sa.select(key, *(table.c[name] for name in SEALED[kind])).where(key > after).order_by(key).limit(PAGE)
    rows = connection.execute(page).mappings().all()
    old = [row for row in rows if _is_old(row, sealer, SEALED[kind])]
    for row in old:
        plain = SimpleNamespace(**sealer.opened(kind, dict(row), row[key.name]))
        connection.execute(
            sa.update(table).where(key == row[key.name]).values(sealer.sealed(kind, plain, row[key.name]))
        )
    return (rows[-1][key.name] if len(rows) == PAGE else None), len(old)


def _is_old(row: Any, sealer: Sealer, names: tuple[str, ...]) -> bool:
    return any(generation_of(row[name]) != sealer.generation for name in names)
