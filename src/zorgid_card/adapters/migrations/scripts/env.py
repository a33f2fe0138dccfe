"""What Alembic runs to upgrade: always on a connection that it is given (:func:`zorgid_card.adapters.migrations.upgrade`)."""

from __future__ import annotations

from alembic import context

from zorgid_card.adapters.migrations import VERSION_TABLE, is_ours
from zorgid_card.adapters.sql_tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
    include_name=is_ours,
    user_module_prefix="",
    render_as_batch=True,  # SQLite alters little of a table: it is made anew
)
with context.begin_transaction():
    context.run_migrations()
