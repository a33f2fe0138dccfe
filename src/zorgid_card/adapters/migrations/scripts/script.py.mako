"""${message}."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zorgid_card.adapters.sql_tables import Text, UTCTime

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """From ${down_revision} to ${up_revision}."""
    ${upgrades}
