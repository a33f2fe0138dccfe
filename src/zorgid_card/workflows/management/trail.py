"""What happened at an organisation, to its cards and people: its own chain of the audit log, shown and handed out.

What another organisation did to a card that both have stands in that organisation's chain, and is not told here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from zorgid_card.codec import audit as codec
from zorgid_card.errors import MessageError, StorageError, UsageError
from zorgid_card.ports.registry import AuditEvent, AuditHead, MobileID, Person, SmartCard, Unit
from zorgid_card.workflows import audit_export
from zorgid_card.workflows.audit import PORTAL
from zorgid_card.workflows.management.call import Call
from zorgid_card.workflows.management.desk import Desk, require_limit
from zorgid_card.workflows.messages import JSON, parse

_READ = 200
_DIGITS = 12
_LOOKED_AT = 5000
"""Events that one page looks through for those that it wants."""


@dataclass(frozen=True, slots=True)
class EventRow:
    """Something that happened, as it is shown; what was erased of it is empty.

    Attributes:
        number: its place in the chain.
        at: when, UTC.
        actor: who did it: a person's id, a UZI number, an operator's name, ``portal``, ``applicant``.
        actor_name: the person's name, where it is one.
        action: such as ``card.block``.
        subject: id of the thing.
        subject_name: of the person, or of whom the card or phone is; None: it is neither, or gone.
        reason: as it was given.
        detail: what else belongs to it.
    """

    number: int
    at: datetime
    actor: str
    actor_name: str | None
    action: str
    subject: str
    subject_name: str | None
    reason: str | None
    detail: Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class EventPage:
    """One page of events, the newest first; ``after`` begins the next one, None: this was the last.

    A page may have fewer rows than were asked for, or none, and yet not be the last.
    """

    rows: tuple[EventRow, ...]
    after: str | None


class Trail(Desk):
    """What may be done with the record of what happened."""

    def events(
        self,
        *,
        thing: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> EventPage:
        """What happened at the organisation, the newest first; for an operator who names none, what concerns none or all.

        Args:
            thing: only what was done to such things: ``card``, ``person``, ``phone``…, what stands before the action's dot.
            since: only from then on.
            until: only before then.
            limit: rows of the page, 1 to 200.
            after: ``after`` of the page before.

        Raises:
            UsageError: no such limit, or ``after`` is of no page.
        """
        require_limit(limit)
        before = None if after is None else _number(after)
        return self._do("audit.show", lambda call: _page(call, thing, since, until, limit, before))

    def card_events(self, serial: str) -> tuple[EventRow, ...]:
        """What was done to a card at the organisation, and by the portal, the newest first; raises NotFoundError."""

        def work(call: Call) -> tuple[EventRow, ...]:
            call.link(serial)
            return _history(call, serial, call.ura, None)

        return self._do("card.show", work)

    def person_events(self, person_id: str) -> tuple[EventRow, ...]:
        """What was done to a person at the organisation, the newest first; raises NotFoundError."""

        def work(call: Call) -> tuple[EventRow, ...]:
            call.member(person_id)
            return _history(call, person_id, call.ura)

        return self._do("person.show", work)

    def export_events(
        self, source: str, *, since: datetime | None = None, until: datetime | None = None
    ) -> Iterator[str]:
        """The organisation's events as JSON lines (:mod:`zorgid_card.workflows.audit_export`); an operator who names none: all.

        That they were handed out is recorded among them. They are read page by page, as they are taken.

        Args:
            source: names this portal among other systems.
            since: only from then on.
            until: only before then.

        Raises:
            StorageError: the registry cannot be read; also while lines are taken.
        """

        def work(call: Call) -> str | None:
            spans = {name: at.isoformat() for name, at in (("since", since), ("until", until)) if at is not None}
            call.record(_chain(call), **spans)
            return call.ura

        ura = self._do("audit.export", work)
        return audit_export.lines(self._registry, source=source, ura=ura, since=since, until=until)


def _chain(call: Call) -> str:
    return call.ura or PORTAL


def _number(after: str) -> int:
    if not (after.isascii() and after.isdigit() and len(after) <= _DIGITS):
        raise UsageError("no page ends there", reason="after")
    return int(after)


# --- pages ------------------------------------------------------------------------------------------------------------


def _page(
    call: Call, thing: str | None, since: datetime | None, until: datetime | None, limit: int, before: int | None
) -> EventPage:
    unit, chain, named = call.unit, _chain(call), _names(call.unit)
    head = next(unit.find(AuditHead, chain=chain), None)
    end = (0 if head is None else head.number) + 1
    if until is not None:
        end = _first_at(unit, chain, end, until)
    if before is not None:
        end = min(end, before)
    rows: list[EventRow] = []
    for looked_at, event in enumerate(_backwards(unit, chain, end)):
        if since is not None and event.at < since:
            break
        if len(rows) == limit or looked_at == _LOOKED_AT:
            return EventPage(tuple(rows), str(codec.split(event.id)[1] + 1))
        if thing in (None, event.action.partition(".")[0]):
            rows.append(_row(event, named))
    return EventPage(tuple(rows), None)


def _backwards(unit: Unit, chain: str, end: int) -> Iterator[AuditEvent]:
    """The events of a chain before this number, the last one first."""
    while end > 1:
        begin = max(1, end - _READ)
        found = unit.page(AuditEvent, after=codec.name(chain, begin - 1), limit=end - begin)
        yield from reversed([event for event in found if event.id < codec.name(chain, end)])
        end = begin


def _first_at(unit: Unit, chain: str, end: int, at: datetime) -> int:
    """The number of the first event that is not before this moment, or ``end``: a chain is in the order of time."""
    low, high = 1, end
    while low < high:
        middle = (low + high) // 2
        found = unit.page(AuditEvent, after=codec.name(chain, middle - 1), limit=1)
        there, number = codec.split(found[0].id) if found else ("", 0)
        if there == chain and found[0].at < at:
            low = number + 1
        else:
            high = middle
    return low


def _history(call: Call, subject: str, *chains: str | None) -> tuple[EventRow, ...]:
    """What was done to one thing in these organisations' chains; for an operator who names none, in all."""
    named = _names(call.unit)
    found = call.unit.find(AuditEvent, subject=subject)
    events = [event for event in found if call.ura is None or event.ura in chains]
    return tuple(_row(event, named) for event in sorted(events, key=lambda event: (event.at, event.id), reverse=True))


# --- names ------------------------------------------------------------------------------------------------------------

_Names = Callable[[str, str], str | None]
_ACTOR = "actor"


def _row(event: AuditEvent, named: _Names) -> EventRow:
    try:
        detail = parse(event.detail.encode()) if event.detail else {}
    except MessageError as error:  # somebody has changed it
        raise StorageError("an event in the registry cannot be read", reason="corrupt") from error
    return EventRow(
        number=codec.split(event.id)[1],
        at=event.at,
        actor=event.actor,
        actor_name=named(_ACTOR, event.actor),
        action=event.action,
        subject=event.subject,
        subject_name=named(event.action.partition(".")[0], event.subject),
        reason=event.reason,
        detail=detail,
    )


def _names(unit: Unit) -> _Names:
    """Who somebody is, or whose a card or phone is; each is looked up once."""

    def name(one: Person | None) -> str | None:
        return None if one is None else f"{one.given_names} {one.surname}"

    def person(found: str) -> str | None:
        return name(next(unit.find(Person, id=found), None))

    def card(found: str) -> str | None:
        one = next(unit.find(SmartCard, serial=found), None)
        return None if one is None else person(one.person_id)

    def phone(found: str) -> str | None:
        one = next(unit.find(MobileID, id=found), None)
        return None if one is None else person(one.person_id)

    def actor(found: str) -> str | None:
        return person(found) or name(next(unit.find(Person, uzi_number=found), None))

    def person_or_guests_card(found: str) -> str | None:
        return person(found) or card(found)

    kinds = {
        _ACTOR: actor,
        "card": card,
        "puk": card,
        "phone": phone,
        "person": person_or_guests_card,
        "administrator": person,
    }
    return cache(lambda kind, found: kinds[kind](found) if kind in kinds else None)
