"""``zorgid-card cards``."""

from __future__ import annotations

from typing import Any

from zorgid_card.cli.management.counter import Counter, Facts, day
from zorgid_card.workflows.management import CardRow


def list_cards(counter: Counter, **options: Any) -> None:
    """Cards, a page at a time (ADM-1)."""
    page = counter.acting().list_cards(**options)
    heads = ("cards.serial", "cards.holder", "cards.state", "cards.valid", "cards.used")
    rows = (
        (row.card.serial, _holder(counter, row), counter.state("state", row.card.state), day(row.not_after),
         day(row.card.last_used_at))
        for row in page.rows
    )  # fmt: skip
    counter.page(page, heads, rows)


def show(counter: Counter, serial: str) -> None:
    """One card."""
    row = counter.acting().show(serial)
    counter.show(row, _facts(counter, row))


def change(counter: Counter, event: str, serial: str, *, reason: str, yes: bool, **options: Any) -> None:
    """Block, unblock or revoke a card (ADM-2 to ADM-4)."""
    acting = counter.acting()
    row = acting.show(serial)
    counter.confirm(f"card-{event}", _facts(counter, row), yes=yes)
    act = {"block": acting.block, "unblock": acting.unblock, "revoke": acting.revoke}[event]
    changed = act(serial, reason, **options)
    key = "cards.done.others" if event == "unblock" and changed.state == "suspended" else f"cards.done.{event}"
    counter.done(key, changed, serial=serial)


def _holder(counter: Counter, row: CardRow) -> str:
    name = f"{row.person.given_names} {row.person.surname}"
    return f"{name} ({counter.texts('role.guest')})" if row.guest else name


def _facts(counter: Counter, row: CardRow) -> Facts:
    return (
        ("serial", row.card.serial),
        ("name", _holder(counter, row)),
        ("user", row.person.user_name),
        ("uzi-number", row.person.uzi_number),
        ("state", counter.state("state", row.card.state)),
        ("reason", row.card.reason or ""),
        ("made", day(row.card.created_at)),
        ("valid-until", day(row.not_after)),
        ("used", day(row.card.last_used_at)),
    )
