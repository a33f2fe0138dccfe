"""How often something may be done in one span of time; what is counted is kept as a hash of its name."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta

from zorgid_card.errors import PhoneLimitError, PortalError
from zorgid_card.ports.registry import Tally, Unit


def count(
    unit: Unit,
    what: str,
    most: int,
    window: timedelta,
    now: datetime,
    *,
    error: type[PortalError] = PhoneLimitError,
) -> None:
    """Count one more of ``what``; the span begins with the first.

    Raises:
        PhoneLimitError: there were ``most`` of it in this span; ``retry_after`` seconds. Another class is ``error``.
    """
    tally = next(unit.find(Tally, id=_id(what)), None)
    if tally is None or now >= tally.expires_at:
        forgive(unit, what)
        unit.add(Tally(id=_id(what), count=1, expires_at=now + window))
        return
    if tally.count >= most:
        seconds = -((now - tally.expires_at) // timedelta(seconds=1))
        raise error("asked too often", retry_after=seconds)
    unit.replace(replace(tally, count=tally.count + 1))


def forgive(unit: Unit, what: str) -> None:
    """Begin to count anew."""
    for tally in unit.find(Tally, id=_id(what)):
        unit.remove(tally)


def _id(what: str) -> str:
    return f"phone:{hashlib.sha256(what.encode()).hexdigest()}"
