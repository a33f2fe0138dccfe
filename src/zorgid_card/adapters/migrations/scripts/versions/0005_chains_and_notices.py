"""Audit events are linked in chains, those that are there as they are; notices wait in an outbox."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from zorgid_card.adapters.sql_tables import Text, UTCTime
from zorgid_card.codec import audit

revision = "0005"
down_revision = "0004"

_PAGE = 500
_EVENTS = sa.table(
    "zorgid_audit_event",
    sa.column("id", Text()),
    sa.column("at", UTCTime()),
    *(sa.column(name, Text()) for name in ("actor", "ura", "action", "subject", "reason", "detail")),
    sa.column("salts", sa.LargeBinary()),
)


def upgrade() -> None:
    """From 0004 to 0005."""
    links = op.create_table(
        "zorgid_audit_link",
        sa.Column("id", Text(), nullable=False),
        sa.Column("commitments", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    heads = op.create_table(
        "zorgid_audit_head",
        sa.Column("chain", Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("exported", sa.BigInteger(), nullable=False),
        sa.Column("exported_at", UTCTime(), nullable=True),
        sa.PrimaryKeyConstraint("chain"),
    )
    op.create_table(
        "zorgid_notice",
        sa.Column("id", Text(), nullable=False),
        sa.Column("kind", Text(), nullable=False),
        sa.Column("recipient", sa.LargeBinary(), nullable=False),
        sa.Column("language", Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("state", Text(), nullable=False),
        sa.Column("tries", sa.BigInteger(), nullable=False),
        sa.Column("due_at", UTCTime(), nullable=False),
        sa.Column("made_at", UTCTime(), nullable=False),
        sa.Column("done_at", UTCTime(), nullable=True),
        sa.Column("error", Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("zorgid_notice_by_state_id", "zorgid_notice", ["state", "id"])
    with op.batch_alter_table("zorgid_audit_event") as batch:
        batch.add_column(sa.Column("salts", sa.LargeBinary()))
    ends = _linked(links)
    with op.batch_alter_table("zorgid_audit_event") as batch:
        batch.alter_column("salts", existing_type=sa.LargeBinary(), nullable=False)
    if ends:
        rows = [{"chain": chain, "number": end[0], "digest": end[1], "exported": 0} for chain, end in ends.items()]
        op.bulk_insert(heads, rows)
    op.execute("DELETE FROM zorgid_counter WHERE name LIKE 'audit:%'")  # the heads count from now on


def _linked(links: sa.Table) -> dict[str, tuple[int, bytes]]:
    """Link the events that are there; returns the end of each chain."""
    ends: dict[str, tuple[int, bytes]] = {}
    for row in _rows():
        chain, number = audit.split(row["id"])
        salts = secrets.token_bytes(audit.SALT * len(audit.FIELDS))
        what = audit.event(row["at"], row["ura"], row["action"])
        committed = audit.commitments((what, *(row[name] for name in audit.FIELDS[1:])), salts)
        digest = audit.link(ends.get(chain, (0, audit.FIRST))[1], row["id"], committed)
        op.execute(_EVENTS.update().where(_EVENTS.c.id == row["id"]).values(salts=salts))
        op.bulk_insert(links, [{"id": row["id"], "commitments": committed, "digest": digest}])
        ends[chain] = number, digest
    return ends


def _rows() -> Iterator[Any]:
    after = ""
    while True:
        page = sa.select(_EVENTS).where(_EVENTS.c.id > after).order_by(_EVENTS.c.id).limit(_PAGE)
        rows = op.get_bind().execute(page).mappings().all()
        yield from rows
        if len(rows) < _PAGE:
            return
        after = rows[-1]["id"]
