"""Who is logged in at the portal's pages, and links by which operators come in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zorgid_card.adapters.sql_tables import Text, UTCTime

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """From 0007 to 0008."""
    op.create_table(
        "zorgid_browser_session",
        sa.Column("id", Text(), primary_key=True),
        sa.Column("means", Text(), nullable=False),
        *(sa.Column(name, sa.LargeBinary(), nullable=False) for name in ("who", "kept")),
        *(sa.Column(name, UTCTime(), nullable=False) for name in ("seen_at", "checked_at", "expires_at")),
    )
    op.create_table(
        "zorgid_operator_link",
        sa.Column("id", Text(), primary_key=True),
        sa.Column("name", Text(), nullable=False),
        sa.Column("expires_at", UTCTime(), nullable=False),
    )
