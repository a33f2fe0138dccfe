"""``zorgid-card phone list``, ``block``, ``unblock`` and ``revoke`` (ADM-7)."""

from __future__ import annotations

from dataclasses import dataclass

from zorgid_card.cli.management.counter import Counter, Facts, day
from zorgid_card.cli.management.people import name_of
from zorgid_card.errors import NotFoundError
from zorgid_card.workflows.management import Acting, PhoneRow


@dataclass(frozen=True, slots=True)
class _Listed:
    """All phones of an organisation: there are as many as people who manage."""

    rows: tuple[PhoneRow, ...]
    after: None = None


def list_phones(counter: Counter) -> None:
    """The organisation's phones, with their last use."""
    acting = counter.acting()
    found = acting.phones()
    heads = ("fact.phone", "fact.name", "fact.device", "cards.state", "cards.used")
    rows = (
        (row.id, _holder(acting, row), row.device, counter.state("state.phone", row.state), day(row.last_used_at))
        for row in found
    )
    counter.page(_Listed(found), heads, rows)


def change(counter: Counter, event: str, phone: str, *, reason: str, yes: bool, key: str | None) -> None:
    """Block, unblock or revoke a phone."""
    acting = counter.acting()
    row = next((row for row in acting.phones() if row.id == phone), None)
    if row is None:
        raise NotFoundError("no such phone", what="MobileID")
    counter.confirm(f"phone-{event}", _facts(counter, acting, row), yes=yes)
    act = {"block": acting.block_phone, "unblock": acting.unblock_phone, "revoke": acting.revoke_phone}[event]
    counter.done(f"phones.done.{event}", act(phone, reason, key=key), name=_holder(acting, row))


def _holder(acting: Acting, row: PhoneRow) -> str:
    try:
        return name_of(acting.show_person(row.person_id))
    except NotFoundError:  # has left; the phone was revoked with that
        return ""


def _facts(counter: Counter, acting: Acting, row: PhoneRow) -> Facts:
    return (
        ("phone", row.id),
        ("name", _holder(acting, row)),
        ("device", row.device),
        ("state", counter.state("state.phone", row.state)),
        ("used", day(row.last_used_at)),
    )
