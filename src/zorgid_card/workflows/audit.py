"""What happened, by whom, to what, and why (ADM-2 to ADM-4): one chain for each organisation, which can only grow.

Each event is linked to the one before it by a digest (:mod:`zorgid_card.codec.audit`). What it says enters as salted commitments,
so that it may be erased later and the chain holds. :mod:`zorgid_card.workflows.audit_verification` says what that proves, and how.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from zorgid_card.codec import audit as codec
from zorgid_card.ports.registry import AuditEvent, AuditHead, AuditLink, Unit
from zorgid_card.workflows.messages import JSON, canonical

PORTAL: Final = "portal"
"""The chain of what concerns no organisation, or all; and the actor where the portal itself acts."""

ERASE: Final = "audit.erase"
"""The action of events that say what was erased: ``fields`` of ``detail`` has, by field, the numbers as pairs, first and last."""


@dataclass(slots=True)
class Ranges:
    """A set of numbers, as pairs of first and last."""

    pairs: list[tuple[int, int]] = field(default_factory=list)

    def add(self, number: int) -> None:
        """A number larger than all before."""
        if self.pairs and self.pairs[-1][1] == number - 1:
            self.pairs[-1] = self.pairs[-1][0], number
        else:
            self.pairs.append((number, number))

    def beyond(self, others: Iterable[tuple[int, int]]) -> int:
        """The first number that is in none of the other pairs; 0: there is none."""
        rest = sorted(others)
        for first, last in self.pairs:
            wanted = first
            for begin, end in rest:
                if begin > wanted:
                    break
                wanted = max(wanted, end + 1)
            if wanted <= last:
                return wanted
        return 0


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
    order of time. Of two transactions that write in one chain, one waits or is done again (:meth:`Registry.run`).

    Args:
        unit: the open transaction.
        now: UTC.
        actor: id of the person who did it, an operator's name, or ``portal``.
        ura: the organisation, 8 digits; None for what concerns none or all.
        action: ``<thing>.<event>``, such as ``card.block``.
        subject: id of the thing.
        reason: as the actor gave it.
        detail: never a PIN, PUK, key, digits or birth date.
    """
    chain = ura or PORTAL
    head = next(unit.find(AuditHead, chain=chain), None)
    known = head or AuditHead(chain=chain, number=0, digest=codec.FIRST, exported=0, exported_at=None)
    event = AuditEvent(
        id=codec.name(chain, known.number + 1),
        at=now,
        actor=actor,
        ura=ura,
        action=action,
        subject=subject,
        reason=reason,
        detail=canonical(detail).decode(),
        salts=secrets.token_bytes(codec.SALT * len(codec.FIELDS)),
    )
    committed = commitments(event)
    digest = codec.link(known.digest, event.id, committed)
    unit.add(event)
    unit.add(AuditLink(id=event.id, commitments=committed, digest=digest))
    (unit.add if head is None else unit.replace)(replace(known, number=known.number + 1, digest=digest))
    return event


def commitments(event: AuditEvent) -> bytes:
    """What the chain has of an event."""
    what = codec.event(event.at, event.ura, event.action)
    return codec.commitments((what, event.actor, event.subject, event.reason, event.detail), event.salts)


def blank(event: AuditEvent, fields: Iterable[str]) -> AuditEvent:
    """The event without these of its fields; that it was done has to be recorded (:data:`ERASE`)."""
    empty: dict[str, str | None] = {"actor": "", "subject": "", "reason": None, "detail": ""}
    salts = bytearray(event.salts)
    for name in fields:
        at = codec.SALT * codec.FIELDS.index(name)
        salts[at : at + codec.SALT] = codec.ERASED
    return replace(event, salts=bytes(salts), **{name: empty[name] for name in fields})  # type: ignore[arg-type]


def record_erased(unit: Unit, now: datetime, chain: str, erased: Mapping[str, Iterable[str]]) -> None:
    """Record in a chain which fields of which of its events (by id, in order) were erased."""
    ranges: dict[str, Ranges] = {}
    for identifier, fields in erased.items():
        for name in fields:
            ranges.setdefault(name, Ranges()).add(codec.split(identifier)[1])
    if ranges:
        told: dict[str, JSON] = {name: [list(pair) for pair in found.pairs] for name, found in ranges.items()}
        record(unit, now, PORTAL, None if chain == PORTAL else chain, ERASE, chain, fields=told)
