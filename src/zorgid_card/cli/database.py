"""What ``zorgid-card db`` does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Self

from zorgid_card.adapters.data_keys import FileDataKeys
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.cli.display import Display
from zorgid_card.errors import UsageError


class Database:
    """A portal's registry, and the file with the keys of its personal data; closed when the block ends."""

    def __init__(self, registry: SQLRegistry) -> None:
        self.registry = registry

    @classmethod
    def of(cls, url: str, data_keys: Path | None) -> Database:
        """From the command line.

        Raises:
            UsageError: the URL is none, or needs a driver that is not installed.
        """
        return cls(SQLRegistry(url, None if data_keys is None else FileDataKeys(data_keys)))

    @property
    def keys(self) -> FileDataKeys:
        """The keys of the personal data.

        Raises:
            UsageError: none were named.
        """
        if not isinstance(self.registry.keys, FileDataKeys):
            raise UsageError("no file with the keys of the personal data is named", reason="data_keys")
        return self.registry.keys

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.registry.close()


def upgrade(display: Display, database: Database, *, as_data: bool) -> None:
    """Make the registry, or bring it to this version."""
    before, now = database.registry.create()
    if as_data:
        print(json.dumps({"from": before, "to": now}))
    elif before == now:
        display.say("db.current", "green", version=now)
    else:
        display.say("db.created" if before is None else "db.upgraded", "green", version=now, before=before)


def rotate_keys(display: Display, database: Database, *, as_data: bool) -> None:
    """Make a new key, and seal everything with it."""
    generation = database.keys.rotate()
    sealed = _reseal(display, database, as_data=as_data)
    if as_data:
        print(json.dumps({"generation": generation, "sealed": sealed}))
    else:
        display.say("db.rotated", "green", generation=generation, sealed=sealed)


def retire_keys(display: Display, database: Database, *, as_data: bool) -> None:
    """Remove the older keys."""
    sealed = _reseal(display, database, as_data=as_data)
    database.keys.retire()
    generations = database.keys.generations()
    if as_data:
        print(json.dumps({"generations": list(generations), "sealed": sealed}))
    else:
        display.say("db.retired", "green", generation=generations[-1])


def _reseal(display: Display, database: Database, *, as_data: bool) -> int:
    def told(done: int, of: int) -> None:
        if not as_data:
            display.progress(display.texts("db.sealing"), done / of)

    sealed = database.registry.reseal(told)
    if not as_data:
        display.pause()
    return sealed
