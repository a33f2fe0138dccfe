"""Who somebody is (ORG-8), to which organisation they belong, and by which means they log in (CRD-12)."""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
from dataclasses import dataclass, replace
from datetime import date, datetime

from zorgid_card.errors import (
    BirthDateError,
    NotFoundError,
    OneMeansError,
    OtherPersonError,
    PassTypeError,
    TooManyTriesError,
    UsageError,
)
from zorgid_card.pki.identity import UZIIdentity
from zorgid_card.ports.registry import Adoption, Membership, MobileID, Person, SmartCard, TryCount, Unit

SMARTCARD = "smartcard"
PHONE = "phone"

HOLDER, MANAGER, ADMINISTRATOR = "holder", "manager", "administrator"
ROLES = (HOLDER, MANAGER, ADMINISTRATOR)
"""Roles at an organisation, from the least (ADM-5)."""

TRIES_A_DAY = 5
"""Failed matches for one pass on one day (ORG-8)."""

_LIVE_CARD = frozenset({"creating", "active", "suspended", "renewing"})
_LIVE_PHONE = frozenset({"linked", "blocked"})
_BEGUN_PHONE = frozenset({"offered", "linking"})
_OLDEST = 130


@dataclass(frozen=True, slots=True)
class Match:
    """How a match ended (ORG-8): ``new``, ``known``, or ``adopted``: known, with another UZI number that was approved."""

    ending: str
    person: Person


def match_person(
    unit: Unit,
    identity: UZIIdentity,
    birth_date: date,
    now: datetime,
    *,
    means: str,
    one_means: bool = True,
    tries: int = TRIES_A_DAY,
    keep: bool = True,
) -> Person:
    """The person whom :func:`match` finds, who is about to get a means to log in.

    Args:
        means: what the person is about to get, :data:`SMARTCARD` or :data:`PHONE`.
        one_means: the policy of CRD-12.

    Raises:
        OneMeansError: the person has the other means.
        PassTypeError, UsageError, TooManyTriesError, BirthDateError, OtherPersonError: as :func:`match`.
    """
    found = match(unit, identity, birth_date, now, tries=tries, keep=False).person
    if one_means:
        require_one_means(unit, found.id, means, now)
    return match(unit, identity, birth_date, now, tries=tries).person if keep else found


def match(
    unit: Unit,
    identity: UZIIdentity,
    birth_date: date,
    now: datetime,
    *,
    tries: int = TRIES_A_DAY,
    keep: bool = True,
) -> Match:
    """The person whom a pass and a birth date name, linked to the organisation of the pass; a new one if
    there is none (ORG-8).

    The UZI number is matched first: a birth date is no secret. What fails is counted in this transaction,
    and the error is a *counted* one: the caller keeps the transaction (:mod:`zorgid_card.workflows.turn`,
    or the portal's door).

    Args:
        unit: the open transaction; nothing else may be written in it before this.
        identity: as the pass, just authenticated, says.
        birth_date: as entered.
        now: UTC.
        tries: failures for one pass on one day, at most.
        keep: take a new person up, and link them. False only judges: what was mistyped is not kept for good.

    Raises:
        PassTypeError: the pass names no person (type M or S).
        UsageError: a birth date in the future, or of more than 130 years ago.
        TooManyTriesError: no try is left for this pass today.
        BirthDateError: the data do not match; which of them is not told.
        OtherPersonError: a registered person with another UZI number has these data, and no administrator
            approved the new one.
    """
    names = _names(identity)
    if not 0 <= now.year - birth_date.year <= _OLDEST or birth_date > now.date():
        raise UsageError("this cannot be a birth date", reason="birth date")
    _require_tries(unit, identity.uzi_number, now, tries)
    found = _known(unit, identity, names, birth_date, now) or _namesake(unit, identity, names, birth_date, now, keep)
    if found is None:
        matched = Match("new", _new(unit, identity, names, birth_date))
    else:
        ending = "known" if found.uzi_number == identity.uzi_number else "adopted"
        matched = Match(ending, replace(found, uzi_number=identity.uzi_number, role_code=identity.role))
    if keep:
        (unit.add if found is None else unit.replace)(matched.person)
        link(unit, matched.person.id, identity.ura, now)
    return matched


def _names(identity: UZIIdentity) -> tuple[str, str]:
    if not identity.given_names or not identity.surname or identity.given_names.isspace():
        raise PassTypeError("this pass names no person", found=identity.pass_type, expected="Z, N")
    return identity.given_names, identity.surname


def _known(unit: Unit, identity: UZIIdentity, names: tuple[str, str], birth_date: date, now: datetime) -> Person | None:
    person = next(unit.find(Person, uzi_number=identity.uzi_number), None)
    if person is None:
        return None
    if person.birth_date != birth_date or not _has_names(person, names):
        _count(unit, identity.uzi_number, now)
        raise BirthDateError
    return person


def _namesake(
    unit: Unit, identity: UZIIdentity, names: tuple[str, str], birth_date: date, now: datetime, keep: bool
) -> Person | None:
    """Somebody of this organisation with these names and this birth date, under another UZI number."""
    found = [
        person
        for person in unit.find(Person, birth_date=birth_date)
        if _has_names(person, names) and any(unit.find(Membership, person_id=person.id, ura=identity.ura))
    ]
    for person in found:
        leaves = unit.find(Adoption, person_id=person.id, uzi_number=identity.uzi_number, ura=identity.ura)
        for leave in leaves:
            if keep:
                unit.remove(leave)
            return person
    if found:
        _count(unit, identity.uzi_number, now)
        raise OtherPersonError
    return None


def answers_to(unit: Unit, identity: UZIIdentity, persons: frozenset[str]) -> bool:
    """Whether a pass's UZI number is that of one of these persons, or has been approved for one of them (ORG-8)."""
    known = {person.id for person in unit.find(Person, uzi_number=identity.uzi_number)}
    approved = {leave.person_id for leave in unit.find(Adoption, uzi_number=identity.uzi_number, ura=identity.ura)}
    return not persons.isdisjoint(known | approved)


def _new(unit: Unit, identity: UZIIdentity, names: tuple[str, str], birth_date: date) -> Person:
    """A new person, not yet kept. The id follows from the UZI number, so that it is the same until they are."""
    given_names, surname = names
    return Person(
        id=_free_id(unit, identity.uzi_number),
        user_name=user_name(given_names, surname, identity.uzi_number),
        given_names=given_names,
        surname=surname,
        birth_date=birth_date,
        uzi_number=identity.uzi_number,
        role_code=identity.role,
    )


def _free_id(unit: Unit, uzi_number: str) -> str:
    """Who came with this number first may have another one now: they are not whoever comes with it next."""
    found = uzi_number
    while True:
        found = hashlib.sha256(b"zorgid-card person " + found.encode()).hexdigest()[:32]
        if not any(unit.find(Person, id=found)):
            return found


def user_name(given_names: str, surname: str, uzi_number: str) -> str:
    """First name, surname and UZI number as one lower-case ASCII name, such as ``jose.de-vries.900016528``
    (ORG-8).
    """
    first = next(iter(given_names.split()), "")
    return ".".join(part for part in (_plain(first), _plain(surname), uzi_number) if part)


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", decomposed).strip("-")


def _has_names(person: Person, names: tuple[str, str]) -> bool:
    return (_folded(person.given_names), _folded(person.surname)) == (_folded(names[0]), _folded(names[1]))


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


# --- tries --------------------------------------------------------------------------------------------------


def _tries_id(uzi_number: str, now: datetime) -> str:
    return f"birth-date:{uzi_number}:{now.date().isoformat()}"


def _require_tries(unit: Unit, uzi_number: str, now: datetime, limit: int) -> None:
    spent = next(unit.find(TryCount, id=_tries_id(uzi_number, now)), None)
    if spent is not None and spent.count >= limit:
        raise TooManyTriesError


def _count(unit: Unit, uzi_number: str, now: datetime) -> None:
    spent = next(unit.find(TryCount, id=_tries_id(uzi_number, now)), None)
    if spent is None:
        unit.add(TryCount(id=_tries_id(uzi_number, now), count=1))
    else:
        unit.replace(replace(spent, count=spent.count + 1))


# --- means --------------------------------------------------------------------------------------------------


def require_one_means(unit: Unit, person_id: str, means: str, now: datetime) -> None:
    """CRD-12: who manages or has a phone gets no smartcard, and who has a smartcard gets no phone and does
    not manage.

    Args:
        unit: the open transaction.
        person_id: the person.
        means: what the person is about to get, :data:`SMARTCARD` or :data:`PHONE`.
        now: UTC.

    Raises:
        OneMeansError: ``has`` names the means that the person has.
    """
    if means == SMARTCARD and (_has_phone(unit, person_id, now) or _manages(unit, person_id, now)):
        raise OneMeansError(has=PHONE)
    if means == PHONE and any(card.state in _LIVE_CARD for card in unit.find(SmartCard, person_id=person_id)):
        raise OneMeansError(has=SMARTCARD)


def _has_phone(unit: Unit, person_id: str, now: datetime) -> bool:
    return any(
        phone.state in _LIVE_PHONE or (phone.state in _BEGUN_PHONE and now < phone.expires_at)
        for phone in unit.find(MobileID, person_id=person_id)
    )


def _manages(unit: Unit, person_id: str, now: datetime) -> bool:
    return any(m.role != HOLDER and is_current(m.until, now) for m in unit.find(Membership, person_id=person_id))


# --- membership ---------------------------------------------------------------------------------------------


def is_current(until: datetime | None, now: datetime) -> bool:
    """Whether a link that ends at ``until`` (None: never) still holds (CRD-13)."""
    return until is None or now < until


def membership(unit: Unit, person_id: str, ura: str, now: datetime) -> Membership:
    """The person's link with the organisation, as long as it holds; raises NotFoundError."""
    for found in unit.find(Membership, person_id=person_id, ura=ura):
        if is_current(found.until, now):
            return found
    raise NotFoundError("this person is not linked to the organisation", what="Membership")


def administrators(unit: Unit, ura: str, now: datetime) -> frozenset[str]:
    """The ids of the organisation's administrators (ADM-5)."""
    found = unit.find(Membership, ura=ura, role=ADMINISTRATOR)
    return frozenset(m.person_id for m in found if is_current(m.until, now))


def link(
    unit: Unit, person_id: str, ura: str, now: datetime, *, role: str = HOLDER, until: datetime | None = None
) -> Membership:
    """Link a person to an organisation, or for longer; a link that still holds loses neither its role nor
    its time.

    Args:
        unit: the open transaction.
        person_id: the person.
        ura: the organisation, 8 digits.
        now: UTC.
        role: :data:`HOLDER`, :data:`MANAGER` or :data:`ADMINISTRATOR`.
        until: the end of guest use (CRD-13); None for an unlimited link.
    """
    known = next(unit.find(Membership, person_id=person_id, ura=ura), None)
    if known is None:
        made = Membership(id=secrets.token_hex(16), person_id=person_id, ura=ura, role=role, until=until)
        unit.add(made)
        return made
    if is_current(known.until, now):
        role = max(known.role, role, key=ROLES.index)
        until = None if until is None or known.until is None else max(until, known.until)
    changed = replace(known, role=role, until=until)
    unit.replace(changed)
    return changed
