"""What holds a card is kept with the causes of its suspension."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"

_CAUSES = """
INSERT INTO zorgid_suspension (id, card_serial, cause, since)
SELECT card.serial || ' ' || held.party, card.serial, held.party, held.at
FROM zorgid_card_hold AS held JOIN zorgid_smart_card AS card ON card.certificate_serial = held.certificate_serial
WHERE card.state = 'suspended'
"""


def upgrade() -> None:
    """From 0006 to 0007."""
    op.execute(_CAUSES)
    op.drop_table("zorgid_card_hold")
