"""Write the migration that the records ask for: ``make migration NAME="what changes"``, then read and complete it.

What it compares with the records is an SQLite database in memory, made by the migrations that are there.
"""

from __future__ import annotations

import sys

from alembic import command
from alembic.script import ScriptDirectory

from zorgid_card.adapters import migrations
from zorgid_card.adapters.data_keys import MemoryDataKeys
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.adapters.sql_sealed import Sealer


def main(name: str) -> None:
    with SQLRegistry("sqlite://").engine.begin() as connection:
        config = migrations.configuration(connection, sealer=Sealer(MemoryDataKeys()))
        command.upgrade(config, "head")
        last = ScriptDirectory.from_config(config).get_current_head()
        number = f"{int(last or '0') + 1:04d}"
        command.revision(config, message=name, autogenerate=True, rev_id=number)
    print(f"now set HEAD in adapters/migrations to {number}")  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1])
