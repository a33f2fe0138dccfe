"""What happened to one card or person is found by its id."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """From 0008 to 0009."""
    op.create_index("zorgid_audit_event_by_subject", "zorgid_audit_event", ["subject"])
