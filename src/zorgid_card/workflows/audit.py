"""What happened, by whom, to what, and why (ADM-2 to ADM-4)."""

from __future__ import annotations

from datetime import datetime

from zorgid_card.ports.registry import AuditEvent, Unit
from zorgid_card.workflows.messages import JSON, canonical


def record(
    unit: Unit,
    now: datetime,
    actor: str,
    ura: str | None,
    action: str,
    subject: str,
    reason: str | None = None,
    **detail: JSON,
) -> AuditEvent:
    """Write one event in the transaction of what it tells of: both are kept, or neither.

    Events are numbered per organisation, so that a missing one shows, and a list in the order of ids is in
    order of time.

    Args:
        unit: the open transaction.
        now: UTC.
        actor: id of the person who did it, an operator's name, or ``portal``.
        ura: the organisation, 8 digits; None for what concerns none or all.
        action: ``<thing>.<event>``, such as ``card.block``.
        subject: id of the thing.
        reason: as the actor gave it.
        detail: public values only; never a PIN, PUK, key, digits or birth date.
    """
    number = unit.count_up(f"audit:{ura or ''}")
    event = AuditEvent(
        id=f"{ura or 'portal'}:{number:012d}",
        at=now,
        actor=actor,
        ura=ura,
        action=action,
        subject=subject,
        reason=reason,
        detail=canonical(detail).decode(),
    )
    unit.add(event)
    return event
