"""What has served its time is removed; a portal does so by the clock (:meth:`zorgid_card.recipes.PortalSide.tend`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from zorgid_card.ports.registry import CardAttempt, Challenge, LinkOffer, PhoneLogin, Registry, Reply, Session
from zorgid_card.workflows.session import COMMITS_KEPT, COMMITTED

ATTEMPTS_KEPT = timedelta(days=30)
"""How long a half-made card is known as such to the person who began it (CRD-8)."""

_PAGE = 500


def _end(session: Session) -> datetime:
    """What has made a card is known as long as its commit's answer is."""
    return session.expires_at + (COMMITS_KEPT if session.state == COMMITTED else timedelta(0))


_OVER: tuple[tuple[type, str, Callable[[Any, datetime], bool]], ...] = (
    (Session, "id", lambda record, now: _end(record) <= now),
    (Reply, "id", lambda record, now: record.expires_at <= now),
    (Challenge, "nonce", lambda record, now: record.expires_at <= now),
    (PhoneLogin, "nonce", lambda record, now: record.expires_at <= now),
    (LinkOffer, "id", lambda record, now: record.expires_at <= now),
    (CardAttempt, "id", lambda record, now: record.begun_at + ATTEMPTS_KEPT <= now),
)
"""Kind, its first field, and when one of it is over."""


def remove_expired(registry: Registry, now: datetime) -> int:
    """Remove sessions, answers, challenges and phone log-ins that have expired, and attempts nobody came back for.

    Works in pages, each a transaction of its own, so that nobody waits long for it.

    Returns:
        How many records were removed.
    """
    return sum(_remove(registry, kind, key, over, now) for kind, key, over in _OVER)


def remove_over(registry: Registry, kind: type, now: datetime) -> int:
    """Remove what has served its time of one kind of record; as :func:`remove_expired`."""
    return sum(_remove(registry, known, key, over, now) for known, key, over in _OVER if known is kind)


def _remove(registry: Registry, kind: type, key: str, over: Callable[[Any, datetime], bool], now: datetime) -> int:
    removed, after = 0, ""
    while True:
        with registry.begin() as unit:
            page: Iterable[Any] = unit.page(kind, after=after, limit=_PAGE)
            records = list(page)
            for record in records:
                if over(record, now):
                    unit.remove(record)
                    removed += 1
        if len(records) < _PAGE:
            return removed
        after = getattr(records[-1], key)
