"""What has served its time is removed; a portal does so by the clock (:meth:`zorgid_card.recipes.PortalSide.tend`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from zorgid_card.codec import audit as codec
from zorgid_card.ports.registry import (
    AuditEvent,
    AuditHead,
    BrowserSession,
    CardAttempt,
    Challenge,
    LinkOffer,
    Notice,
    OperatorLink,
    PhoneRequest,
    Registry,
    Reply,
    Request,
    Session,
    StatusChange,
    Tally,
    TryCount,
    Unit,
)
from zorgid_card.workflows import audit, outbox, status_journal
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
    (PhoneRequest, "nonce", lambda record, now: record.expires_at <= now),
    (Tally, "id", lambda record, now: record.expires_at <= now),
    (LinkOffer, "id", lambda record, now: record.expires_at <= now),
    (BrowserSession, "id", lambda record, now: record.expires_at <= now),
    (OperatorLink, "id", lambda record, now: record.expires_at <= now),
    (CardAttempt, "id", lambda record, now: record.begun_at + ATTEMPTS_KEPT <= now),
    (TryCount, "id", lambda record, now: record.id.rpartition(":")[2] < now.date().isoformat()),
    (StatusChange, "id", lambda record, now: record.at + status_journal.KEPT <= now),
)
"""Kind, its first field, and when one of it is over."""


def remove_expired(registry: Registry, now: datetime) -> int:
    """Remove sessions, answers, challenges, requests to phones and tallies that have expired, and attempts nobody came back for.

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


# --- what is kept for years -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long what is needed for a while is kept; the portal's policy."""

    audit: timedelta = timedelta(days=5 * 365)
    """What events say; their places in the chains are kept for good, and hold nothing personal."""
    contacts: timedelta = timedelta(days=365)
    """Name and address of who filed a request, from its decision on."""
    notices: timedelta = timedelta(days=30)
    """Notices that were sent, or given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What :func:`apply` has removed."""

    events: int
    contacts: int
    notices: int


def apply(registry: Registry, retention: Retention, now: datetime) -> Kept:
    """Remove what has been kept as long as the policy says; to be called once a day.

    Works in pages, each a transaction of its own. That events were erased is recorded in their chain, so that the log can still
    be verified (:mod:`zorgid_card.workflows.audit_verification`).

    Raises:
        StorageError: the registry cannot be used; what was done stays so.
    """
    return Kept(
        events=_erase_events(registry, now - retention.audit, now),
        contacts=_each(registry, Request, lambda unit, found: _forget_contact(unit, found, now - retention.contacts)),
        notices=_each(registry, Notice, lambda unit, found: _remove_notice(unit, found, now - retention.notices)),
    )


def _each(registry: Registry, kind: type[Any], work: Callable[[Unit, Any], bool]) -> int:
    """How many records of this kind something was done with."""
    done, after = 0, ""
    while True:

        def page(unit: Unit, after: str = after) -> tuple[int, list[Any]]:
            found = unit.page(kind, after=after, limit=_PAGE)
            return sum(work(unit, record) for record in found), found

        here, records = registry.run(page)
        done += here
        if len(records) < _PAGE:
            return done
        after = records[-1].id


def _forget_contact(unit: Unit, request: Request, before: datetime) -> bool:
    if request.decided_at is None or request.decided_at >= before or not request.contact_email:
        return False
    unit.replace(replace(request, contact_name="", contact_email=""))
    return True


def _remove_notice(unit: Unit, notice: Notice, before: datetime) -> bool:
    if notice.state == outbox.WAITING or notice.done_at is None or notice.done_at >= before:
        return False
    unit.remove(notice)
    return True


def _erase_events(registry: Registry, before: datetime, now: datetime) -> int:
    erased, after = 0, ""
    while True:
        with registry.begin() as unit:
            heads = unit.page(AuditHead, after=after, limit=_PAGE)
        for head in heads:
            place: str | None = codec.name(head.chain, 0)
            while place is not None:
                place, here = registry.run(
                    lambda unit, chain=head.chain, place=place: _erase_page(unit, chain, place, before, now)  # type: ignore[misc]
                )
                erased += here
        if len(heads) < _PAGE:
            return erased
        after = heads[-1].chain


def _erase_page(unit: Unit, chain: str, after: str, before: datetime, now: datetime) -> tuple[str | None, int]:
    """Erase a page of a chain's oldest events; returns where the next one begins, and how many were erased."""
    if not any(
        event.at < before for event in unit.page(AuditEvent, after=after, limit=1)
    ):  # of most chains, no more is read
        return None, 0
    page = [event for event in unit.page(AuditEvent, after=after, limit=_PAGE) if codec.split(event.id)[0] == chain]
    old = [event for event in page if event.at < before]
    gone = [event for event in old if event.action != audit.ERASE]
    for event in gone:
        unit.remove(event)
    audit.record_erased(unit, now, chain, {event.id: codec.FIELDS for event in gone})
    return (page[-1].id if len(old) == _PAGE else None), len(gone)
