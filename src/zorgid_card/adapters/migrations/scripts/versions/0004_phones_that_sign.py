"""Phones are asked to sign changes as well as log-ins, have a name, and are asked only so often; the log-ins of this moment end."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zorgid_card.adapters.sql_tables import Text, UTCTime

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """From 0003 to 0004."""
    op.drop_table("zorgid_phone_login")  # they live thirty seconds
    op.create_table(
        "zorgid_phone_request",
        sa.Column("nonce", Text(), nullable=False),
        sa.Column("mobile_id", Text(), nullable=False),
        sa.Column("person_id", Text(), nullable=False),
        sa.Column("ura", Text(), nullable=False),
        sa.Column("kind", Text(), nullable=False),
        sa.Column("content", Text(), nullable=False),
        sa.Column("binding", Text(), nullable=False),
        sa.Column("number", Text(), nullable=False),
        sa.Column("state", Text(), nullable=False),
        sa.Column("expires_at", UTCTime(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("nonce"),
    )
    for columns in (["mobile_id", "state"], ["person_id", "state"]):
        op.create_index(f"zorgid_phone_request_by_{'_'.join(columns)}", "zorgid_phone_request", columns)
    op.create_table(
        "zorgid_tally",
        sa.Column("id", Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", UTCTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("zorgid_mobile_id") as batch:
        batch.add_column(sa.Column("claim_hash", sa.LargeBinary()))
        batch.add_column(sa.Column("device", Text()))
        batch.add_column(sa.Column("linked_at", UTCTime()))
    phones = sa.table("zorgid_mobile_id", sa.column("claim_hash"), sa.column("device"))
    op.execute(phones.update().values(claim_hash=b"", device=""))
    with op.batch_alter_table("zorgid_mobile_id") as batch:
        batch.alter_column("claim_hash", existing_type=sa.LargeBinary(), nullable=False)
        batch.alter_column("device", existing_type=Text(), nullable=False)
