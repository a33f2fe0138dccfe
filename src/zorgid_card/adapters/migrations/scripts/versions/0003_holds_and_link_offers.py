"""Several parties may block a card; a person's leave to be linked is kept; so is who knows a PUK."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zorgid_card.adapters.sql_tables import Text, UTCTime

revision = "0003"
down_revision = "0002"

_HOLDS = """
INSERT INTO zorgid_card_hold (id, certificate_serial, party, at)
SELECT card.certificate_serial || ':' || card.blocked_by, card.certificate_serial, card.blocked_by, issued.changed_at
FROM zorgid_smart_card AS card JOIN zorgid_issued_certificate AS issued ON issued.serial = card.certificate_serial
WHERE card.blocked_by IS NOT NULL AND card.state = 'suspended'
"""


def upgrade() -> None:
    """From 0002 to 0003."""
    op.create_table(
        "zorgid_card_hold",
        sa.Column("id", Text(), nullable=False),
        sa.Column("certificate_serial", Text(), nullable=False),
        sa.Column("party", Text(), nullable=False),
        sa.Column("at", UTCTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("zorgid_card_hold_by_certificate_serial", "zorgid_card_hold", ["certificate_serial"])
    op.create_table(
        "zorgid_link_offer",
        sa.Column("id", Text(), nullable=False),
        sa.Column("person_id", Text(), nullable=False),
        sa.Column("ura", Text(), nullable=False),
        sa.Column("expires_at", UTCTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("zorgid_link_offer_by_person_id", "zorgid_link_offer", ["person_id"])
    op.execute(_HOLDS)
    with op.batch_alter_table("zorgid_smart_card") as batch:
        batch.drop_column("blocked_by")
        batch.add_column(sa.Column("puk_disclosed", Text(), nullable=True))
    op.add_column("zorgid_escrowed_puk", sa.Column("pending", sa.LargeBinary(), nullable=True))
