"""Several parties may block a card; a person's leave to be linked is kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zorgid_card.adapters.sql_tables import Text, UTCTime

revision = "0004"
down_revision = "0003"

_CAUSES = """
INSERT INTO zorgid_suspension (id, card_serial, cause, since)
SELECT card.serial || ' ' || card.blocked_by, card.serial, card.blocked_by, issued.changed_at
FROM zorgid_smart_card AS card JOIN zorgid_issued_certificate AS issued ON issued.serial = card.certificate_serial
WHERE card.blocked_by IS NOT NULL AND card.state = 'suspended'
"""


def upgrade() -> None:
    """From 0003 to 0004."""
    op.create_table(
        "zorgid_link_offer",
        sa.Column("id", Text(), nullable=False),
        sa.Column("person_id", Text(), nullable=False),
        sa.Column("ura", Text(), nullable=False),
        sa.Column("expires_at", UTCTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("zorgid_link_offer_by_person_id", "zorgid_link_offer", ["person_id"])
    op.execute(_CAUSES)
    with op.batch_alter_table("zorgid_smart_card") as batch:
        batch.drop_column("blocked_by")
