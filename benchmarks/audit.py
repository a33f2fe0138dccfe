"""What it costs that audit events are linked in chains: beside a numbered row, and as a chain grows; and to verify a log."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import registries
from harness import Case, Result, run

from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.ports.registry import AuditEvent, Unit
from zorgid_card.workflows import audit
from zorgid_card.workflows.audit_verification import verify

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
SHORT, LONG = "90000001", "90000002"
EVENTS = 20_000
TIMES = 50
skipped: list[str] = []


@contextmanager
def _stores() -> Iterator[list[tuple[str, SQLRegistry]]]:
    with tempfile.TemporaryDirectory() as directory, registries.postgres.running() as server:
        stores = [("SQLite", SQLRegistry.file(Path(directory) / "registry.db")), ("PostgreSQL", server.registry())]
        for _, store in stores:
            store.create()
        yield stores
        for _, store in stores:
            store.close()


def _chained(store: SQLRegistry, ura: str, times: int = TIMES) -> Callable[[], None]:
    """So many events in one transaction, so that it is not the disk's commit that is measured."""

    def work(unit: Unit) -> None:
        for _ in range(times):
            audit.record(unit, NOW, "p1", ura, "card.block", "S-1", "lost", certificate="aa")

    return lambda: store.run(work)


def _plain(store: SQLRegistry) -> Callable[[], None]:
    blank: dict[str, Any] = {"at": NOW, "actor": "p1", "ura": SHORT, "action": "card.block", "subject": "S-1"}

    def work(unit: Unit) -> None:
        for _ in range(TIMES):
            number = unit.count_up("plain")
            unit.add(
                AuditEvent(id=f"plain:{number:012d}", reason="lost", detail='{"certificate":"aa"}', salts=b"", **blank)
            )

    return lambda: store.run(work)


def audit_record() -> Iterator[Result]:
    """Record one event."""
    with _stores() as stores:
        for name, store in stores:
            _chained(store, LONG, EVENTS)()
            case = f"audit-record, {name}"
            plain = _plain(store)
            yield run(Case(case, _chained(store, SHORT), "a numbered row", plain, count=TIMES, rounds=21))
            long, short = _chained(store, LONG), _chained(store, SHORT)
            yield run(Case(f"{case}, {EVENTS:,} before", long, "a new chain", short, least=0.5, count=TIMES, rounds=21))


def audit_verify() -> Iterator[Result]:
    """Verify one event of many."""
    with _stores() as stores:
        for name, store in stores:
            _chained(store, LONG, EVENTS)()

            def read(store: SQLRegistry = store) -> None:
                after: str | None = ""
                while after is not None:
                    with store.begin() as unit:
                        page = unit.page(AuditEvent, after=after, limit=500)
                    after = page[-1].id if len(page) == 500 else None

            ours = lambda store=store: verify(store)  # noqa: E731
            yield run(Case(f"audit-verify, {name}", ours, "reading the events", read, count=EVENTS, rounds=5))


GROUPS = (audit_record, audit_verify)
