"""A person who has left (ADM-6) is erased: their records, and what the audit log says of them. Its chains can still be verified.

What stays, because others rely on it: that a certificate was revoked, by its serial, until it would have ended (RFC 5280, 3.3);
that something was done, when and by what kind of action; and what other people did.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from zorgid_card.codec import audit as codec
from zorgid_card.errors import NotAllowedError
from zorgid_card.ports.registry import (
    Adoption,
    AuditEvent,
    CardAttempt,
    CardLink,
    Consent,
    EscrowedPUK,
    IssuedCertificate,
    LinkOffer,
    Membership,
    MobileID,
    Person,
    PhoneRequest,
    Registry,
    SmartCard,
    Suspension,
    TryCount,
    Unit,
)
from zorgid_card.workflows import audit, people
from zorgid_card.workflows.revocation_list import LIFETIME

_PAGE: Final = 500
_UZI_NUMBER: Final = re.compile("[0-9]{9}")
_GONE: Final = frozenset({"revoked", "abandoned", "scrapped"})
_OVER: Final = frozenset({"revoked", "expired"})


@dataclass(frozen=True, slots=True)
class Erased:
    """How many events say less than they did, and how many records are gone."""

    events: int
    records: int


@dataclass(frozen=True, slots=True)
class _Traces:
    """By what a person, and the person's things, are known."""

    person: frozenset[str]
    things: frozenset[str]

    def fields(self, event: AuditEvent) -> tuple[str, ...]:
        """Which fields of an event say something of the person; a reason does wherever the event is about them."""
        exact = {name: getattr(event, name) in self.person for name in ("actor", "subject")}
        exact["detail"] = self._names(event.detail)
        about = any(exact.values()) or event.subject in self.things or self._names(event.reason or "")
        exact["reason"] = about and event.reason is not None
        salts = {name: event.salts[codec.SALT * n : codec.SALT * (n + 1)] for n, name in enumerate(codec.FIELDS)}
        return tuple(name for name in codec.FIELDS if exact.get(name) and salts[name] != codec.ERASED)

    def _names(self, text: str) -> bool:
        return any(trace in text for trace in self.person)


def erase_person(registry: Registry, person_id: str, operator: str, now: datetime) -> Erased:
    """Erase a person who is linked to no organisation any more, and has no working card or phone.

    The audit log comes first, page by page: if the work is cut short, the person is still there, and it is done anew.

    Args:
        registry: the portal's store.
        person_id: the person.
        operator: who does it.
        now: UTC.

    Raises:
        NotFoundError: no such person.
        NotAllowedError: the person is still linked, or has a card or a phone that works.
        StorageError: the registry cannot be used.
    """
    with registry.begin() as unit:
        traces = _traces(unit, _left(unit, person_id, now))
    events = _erase_events(registry, traces, now)
    records = registry.run(lambda unit: _erase_records(unit, person_id, operator, now))
    return Erased(events, records)


def _left(unit: Unit, person_id: str, now: datetime) -> Person:
    person = unit.get(Person, person_id)
    if any(people.is_current(member.until, now) for member in unit.find(Membership, person_id=person_id)):
        raise NotAllowedError("the person is linked to an organisation", action="erase")
    if any(
        card.state not in _GONE and not _is_over(unit, card, now) for card in unit.find(SmartCard, person_id=person_id)
    ):
        raise NotAllowedError("the person has a card that is not revoked", action="erase")
    if any(phone.state not in _OVER and _is_linked(phone, now) for phone in unit.find(MobileID, person_id=person_id)):
        raise NotAllowedError("the person has a phone that is not revoked", action="erase")
    return person


def _is_over(unit: Unit, card: SmartCard, now: datetime) -> bool:
    return all(issued.not_after <= now for issued in unit.find(IssuedCertificate, card_serial=card.serial))


def _is_linked(phone: MobileID, now: datetime) -> bool:
    return phone.state in ("linked", "blocked") or phone.expires_at > now


def _traces(unit: Unit, person: Person) -> _Traces:
    cards = [card.serial for card in unit.find(SmartCard, person_id=person.id)]
    things = [*cards, *(phone.id for phone in unit.find(MobileID, person_id=person.id))]
    return _Traces(frozenset({person.id, person.user_name, *_numbers(unit, person)}), frozenset(things))


def _numbers(unit: Unit, person: Person) -> Iterator[str]:
    """The UZI numbers that the person has and had, or was allowed to come with (ORG-8): not those that somebody else has.

    The first one is in the user name; that others were allowed is in the log. Whoever allows a person another's number has that
    other's traces erased by no erasure of this person.
    """
    allowed = {leave.uzi_number for leave in unit.find(Adoption, person_id=person.id)}
    allowed |= set(map(_allowed, unit.find(AuditEvent, action="person.approve-uzi-number", subject=person.id)))
    yield person.uzi_number
    for number in {person.user_name.rpartition(".")[2], *allowed} - {person.uzi_number}:
        others = (other for other in unit.find(Person, uzi_number=number) if other.id != person.id)
        if _UZI_NUMBER.fullmatch(number) and next(others, None) is None:
            yield number


def _allowed(event: AuditEvent) -> str:
    try:
        return str(json.loads(event.detail)["uzi_number"])
    except (ValueError, LookupError, TypeError, RecursionError):  # it was erased, or is of somebody who changed it
        return ""


# --- events -----------------------------------------------------------------------------------------------------------


def _erase_events(registry: Registry, traces: _Traces, now: datetime) -> int:
    erased, after = 0, ""
    while True:
        last, here = registry.run(lambda unit, after=after: _erase_page(unit, after, traces, now))  # type: ignore[misc]
        erased += here
        if last is None:
            return erased
        after = last


def _erase_page(unit: Unit, after: str, traces: _Traces, now: datetime) -> tuple[str | None, int]:
    page = unit.page(AuditEvent, after=after, limit=_PAGE)
    erased: dict[str, dict[str, tuple[str, ...]]] = {}
    for event in page:
        if fields := traces.fields(event):
            unit.replace(audit.blank(event, fields))
            erased.setdefault(codec.split(event.id)[0], {})[event.id] = fields
    for chain, events in erased.items():
        audit.record_erased(unit, now, chain, events)
    return (page[-1].id if len(page) == _PAGE else None), sum(map(len, erased.values()))


# --- records ----------------------------------------------------------------------------------------------------------


def _erase_records(unit: Unit, person_id: str, operator: str, now: datetime) -> int:
    person = _left(unit, person_id, now)
    gone: list[Any] = [person]
    for kind in (Membership, MobileID, PhoneRequest, LinkOffer, Consent, Adoption, CardAttempt):
        gone += unit.find(kind, person_id=person_id)
    spent = tuple(f"birth-date:{number}:" for number in _numbers(unit, person))
    gone += [tries for tries in unit.find(TryCount) if tries.id.startswith(spent)]
    for card in list(unit.find(SmartCard, person_id=person_id)):
        gone += _of_card(unit, card, now)
    for record in gone:
        unit.remove(record)
    for other in list(unit.find(Adoption, approved_by=person_id)):
        unit.replace(replace(other, approved_by=""))
    for asked in list(unit.find(EscrowedPUK, asked_by=person_id)):
        unit.replace(replace(asked, asked_by=None, reason=None))
    # by a name of its own: nothing leads back to the person
    audit.record(unit, now, operator, None, "person.erase", f"erasure-{secrets.token_hex(8)}", records=len(gone))
    return len(gone)


def _of_card(unit: Unit, card: SmartCard, now: datetime) -> list[Any]:
    gone: list[Any] = [card]
    for kind in (CardLink, EscrowedPUK, Suspension):
        gone += unit.find(kind, card_serial=card.serial)
    for issued in list(unit.find(IssuedCertificate, card_serial=card.serial)):
        if issued.not_after + 2 * LIFETIME <= now:
            gone.append(issued)
        else:  # it stays on the CRL, by its serial; the name in it goes
            unit.replace(replace(issued, der=b""))
    return gone
