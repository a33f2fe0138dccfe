"""Personal data are sealed; cards are found by their words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import sqlalchemy as sa
from alembic import context, op

from zorgid_card.adapters.sql_sealed import Sealer
from zorgid_card.adapters.sql_tables import Text

revision = "0002"
down_revision = "0001"

_PAGE = 500


def upgrade() -> None:
    """From 0001 to 0002."""
    _seal("zorgid_person", "birth_date", sa.Date(), lambda value: value.isoformat().encode(), marked=True)
    _seal("zorgid_session", "data", sa.Text(), str.encode)
    _seal("zorgid_consent", "evidence", sa.LargeBinary(), bytes)
    op.create_index("zorgid_person_by_birth_date_mark", "zorgid_person", ["birth_date_mark"])
    op.create_table(
        "zorgid_card_word",
        sa.Column("card_serial", Text(), primary_key=True),
        sa.Column("scope", Text(), primary_key=True),
        sa.Column("word", Text(), primary_key=True),
        sa.Column("state", Text(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("zorgid_card_word_by_word", "zorgid_card_word", ["scope", "word", "card_serial"])
    op.create_index("zorgid_card_word_by_state", "zorgid_card_word", ["scope", "state", "word", "card_serial"])
    context.config.attributes["words"] = True


def _seal(
    table: str, column: str, kind: sa.types.TypeEngine[Any], encode: Callable[[Any], bytes], *, marked: bool = False
) -> None:
    """Put the sealed values in the place of those in clear."""
    new, mark = f"{column}_sealed", f"{column}_mark"
    with op.batch_alter_table(table) as batch:
        if marked:
            batch.drop_index(f"{table}_by_surname_{column}")
            batch.add_column(sa.Column(mark, sa.LargeBinary()))
        batch.add_column(sa.Column(new, sa.LargeBinary()))
    sealer: Sealer = context.config.attributes["sealer"]
    for key, value in _values(table, column, kind):
        octets = encode(value)
        columns = {new: sealer.seal(table, column, key, octets)} | ({mark: sealer.mark(octets)} if marked else {})
        it = sa.table(table, sa.column("id"), *map(sa.column, columns))
        op.execute(it.update().where(it.c.id == key).values(columns))
    with op.batch_alter_table(table) as batch:
        batch.drop_column(column)
    with op.batch_alter_table(table) as batch:
        batch.alter_column(new, new_column_name=column, existing_type=sa.LargeBinary(), nullable=False)
        if marked:
            batch.alter_column(mark, existing_type=sa.LargeBinary(), nullable=False)


def _values(table: str, column: str, kind: sa.types.TypeEngine[Any]) -> Iterator[tuple[str, date | str | bytes]]:
    it, after = sa.table(table, sa.column("id", Text()), sa.column(column, kind)), ""
    while True:
        page = sa.select(it.c.id, it.c[column]).where(it.c.id > after).order_by(it.c.id).limit(_PAGE)
        rows = op.get_bind().execute(page).all()
        yield from ((row[0], row[1]) for row in rows)
        if len(rows) < _PAGE:
            return
        after = rows[-1][0]
