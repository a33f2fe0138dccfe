"""Managing what an organisation has: its cards, its phones, its people (ADM-1 to ADM-7).

Everything is reached as ``management.acting_as(person, ura)``, and every call asks the registry anew what
that person may do there: a role that was taken away a moment ago does not serve any more. What belongs to
another organisation is *not found*, just as what does not exist.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from zorgid_card.cards.expiry import NOTICE
from zorgid_card.errors import NotAllowedError, NotFoundError, UsageError
from zorgid_card.pki.revocation import ON_HOLD, UNSPECIFIED
from zorgid_card.ports.registry import (
    Adoption,
    CardLink,
    IssuedCertificate,
    Membership,
    MobileID,
    Person,
    Registry,
    SmartCard,
    Unit,
)
from zorgid_card.workflows import audit, card_records, people, revocation_list
from zorgid_card.workflows.organisation import registered
from zorgid_card.workflows.policy import GUEST_USE
from zorgid_card.workflows.states import move

CAUSES = frozenset(
    (
        "unspecified",
        "keyCompromise",
        "affiliationChanged",
        "superseded",
        "cessationOfOperation",
        "privilegeWithdrawn",
    )
)
"""Reasons with which a certificate is revoked for good (RFC 5280, 5.3.1)."""

PAGE = 200
"""Cards of one page, at most."""

_IN_USE = frozenset({"active", "renewing", "suspended"})
_ALIVE = frozenset({"active", "renewing", "creating"})
_REASON_LENGTH = 1000
_READ = 500


@dataclass(frozen=True, slots=True)
class Colleague:
    """A person as a manager sees them: without the birth date, by which they prove who they are (ORG-8)."""

    id: str
    user_name: str
    given_names: str
    surname: str
    uzi_number: str
    role_code: str

    @classmethod
    def of(cls, person: Person) -> Colleague:
        """What a manager sees of this person."""
        return cls(**{field.name: getattr(person, field.name) for field in fields(cls)})


@dataclass(frozen=True, slots=True)
class CardRow:
    """A card as a manager sees it (ADM-1)."""

    card: SmartCard
    person: Colleague
    link: CardLink
    not_after: datetime


@dataclass(frozen=True, slots=True)
class CardPage:
    """One page of cards; ``after`` begins the next one, None: this was the last."""

    rows: tuple[CardRow, ...]
    after: str | None


# --- all organisations --------------------------------------------------------------------------------------


class Management:
    """The portal's registry, as those see it who manage.

    Args:
        registry: the portal's store.
        clock: gives the time, UTC.
        one_means: the policy of CRD-12.
        guest_use: that of CRD-13.
    """

    def __init__(
        self,
        registry: Registry,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        one_means: bool = True,
        guest_use: timedelta | None = GUEST_USE,
    ) -> None:
        self._registry = registry
        self._clock = clock
        self._rules = _Rules(one_means, guest_use)

    def acting_as(self, person_id: str, ura: str) -> Manager:
        """What this person may do at this organisation.

        Raises:
            NotAllowedError: the person is no manager or administrator there.
            OrganisationUnknownError: the organisation is not validated, or suspended.
        """
        manager = Manager(self._registry, self._clock, person_id, ura, self._rules)
        manager.require_role()
        return manager

    def revoke_as_operator(self, serial: str, *, operator: str, reason: str, cause: str = UNSPECIFIED) -> SmartCard:
        """Revoke any card, also one that is linked to no organisation any more (CRD-11, ADM-4).

        For the portal's own operators: the caller has made sure that ``operator`` is one.

        Raises:
            NotFoundError: there is no such card.
            TransitionError: it is revoked already.
            UsageError: no reason is given, or ``cause`` is none of :data:`CAUSES`.
        """
        if cause not in CAUSES:
            raise UsageError("no such reason for a CRL", reason="cause")
        now = self._clock()
        with self._registry.begin() as unit:
            card = unit.get(SmartCard, serial)
            revoked = replace(card, state=move("card", card.state, "revoke"), reason=_reason(reason), blocked_by=None)
            unit.replace(revoked)
            revocation_list.change_all(unit, serial, "revoke", cause, now)
            audit.record(unit, now, operator, None, "card.revoke", serial, _reason(reason))
        return revoked


# --- one organisation ---------------------------------------------------------------------------------------


class _Rules(NamedTuple):
    one_means: bool
    guest_use: timedelta | None


class Manager:
    """One person, acting for one organisation; made by :meth:`Management.acting_as`."""

    def __init__(
        self, registry: Registry, clock: Callable[[], datetime], person_id: str, ura: str, rules: _Rules
    ) -> None:
        self._registry = registry
        self._clock = clock
        self._person_id = person_id
        self._ura = ura
        self._rules = rules

    def require_role(self, *, least: str = people.MANAGER) -> None:
        """The person has at least this role now; raises NotAllowedError."""
        with self._acting(least):
            pass

    # ADM-1

    def list_cards(
        self, *, search: str = "", state: str | None = None, limit: int = 50, after: str | None = None
    ) -> CardPage:
        """The organisation's cards, a page at a time (ADM-1).

        Args:
            search: part of the holder's name, user name or UZI number, or of the card's serial; case does
                not matter.
            state: only cards in this state.
            limit: rows of the page, 1 to 200.
            after: ``after`` of the page before.
        """
        if not 1 <= limit <= PAGE:
            raise UsageError(f"1 to {PAGE} cards a page", reason="limit")
        with self._acting() as (unit, now):
            rows: list[CardRow] = []
            for row in _rows(unit, self._ura, now, after or ""):
                if not _matches(row, search, state):
                    continue
                if len(rows) == limit:
                    return CardPage(tuple(rows), rows[-1].link.id)
                rows.append(row)
        return CardPage(tuple(rows), None)

    def expiring(self, *, within: timedelta = NOTICE) -> tuple[CardRow, ...]:
        """The organisation's cards that are in use and expire soon, or have expired: whose holders are to renew them.

        Args:
            within: how long before the end a card is told.

        Returns:
            the first to expire first; guests' cards are not among them: their own organisation is told.
        """
        with self._acting() as (unit, now):
            rows = [
                row for row in _rows(unit, self._ura, now, "") if row.card.state in _IN_USE and row.link.until is None
            ]
        return tuple(sorted((row for row in rows if row.not_after <= now + within), key=lambda row: row.not_after))

    def show(self, serial: str) -> CardRow:
        """One card of the organisation; raises NotFoundError."""
        with self._acting() as (unit, now):
            return _row(unit, _link(unit, serial, self._ura, now))

    def own(self, serial: str, action: str) -> CardRow:
        """One card that this organisation manages: no guest's.

        Args:
            serial: the card's.
            action: what is to be done with it, for the error.

        Raises:
            NotFoundError: no such card at this organisation.
            NotAllowedError: the card is a guest's.
        """
        with self._acting() as (unit, now):
            return _row(unit, _own_link(unit, serial, self._ura, now, action))

    # ADM-2 to ADM-4

    def block(self, serial: str, reason: str) -> SmartCard:
        """Block a card: its certificate is on hold until it is unblocked (ADM-2).

        Raises:
            NotFoundError: no such card at this organisation.
            NotAllowedError: the card is a guest's.
            TransitionError: the card's state does not allow it.
            UsageError: no reason is given.
        """
        return self._change_card(serial, "block", "block", reason, ON_HOLD)

    def unblock(self, serial: str, reason: str) -> SmartCard:
        """Undo :meth:`block`, which this organisation did (ADM-3); raises what it raises, and NotAllowedError while others than the
        card's holder know its PUK, or may know it (:meth:`disclose_puk`)."""
        return self._change_card(serial, "unblock", "release", reason, None)

    def revoke(self, serial: str, reason: str, *, cause: str = UNSPECIFIED) -> SmartCard:
        """Revoke a card for good (ADM-4); raises what :meth:`block` raises.

        Args:
            serial: the card's.
            reason: in the manager's words, for the record.
            cause: one of :data:`CAUSES`, for the CRL.
        """
        if cause not in CAUSES:
            raise UsageError("no such reason for a CRL", reason="cause")
        return self._change_card(serial, "revoke", "revoke", reason, cause)

    def disclose_puk(self, serial: str, how: str, reason: str) -> SmartCard:
        """Others are about to know a card's PUK: it is suspended, and cannot be unblocked until its holder has changed it.

        Args:
            serial: the card's.
            how: ``escrow`` or ``reset``.
            reason: in the manager's words, for the record.

        Raises:
            NotFoundError, NotAllowedError, UsageError: as for :meth:`block`.
            TransitionError: it is being made or renewed.
        """
        with self._acting() as (unit, now):
            card = self._own_card(unit, serial, "block", now)
            if card.state in _ALIVE:
                card = self._moved(unit, now, card, "block", "block", reason, ON_HOLD)
            disclosed = replace(card, puk_disclosed=f"{how}:{uuid.uuid4().hex}")
            unit.replace(disclosed)
            self._audit(unit, now, "puk.disclose", serial, reason, how=how)
            return disclosed

    def _change_card(self, serial: str, event: str, change: str, reason: str, cause: str | None) -> SmartCard:
        with self._acting() as (unit, now):
            return self._moved(unit, now, self._own_card(unit, serial, event, now), event, change, reason, cause)

    def _moved(
        self, unit: Unit, now: datetime, card: SmartCard, event: str, change: str, reason: str, cause: str | None
    ) -> SmartCard:
        changed = replace(
            card,
            state=move("card", card.state, event),
            reason=_reason(reason),
            blocked_by=self._ura if event == "block" else None,
        )
        unit.replace(changed)
        revocation_list.change_all(unit, card.serial, change, cause, now)
        self._audit(unit, now, f"card.{event}", card.serial, reason)
        return changed

    def _own_card(self, unit: Unit, serial: str, event: str, now: datetime) -> SmartCard:
        _own_link(unit, serial, self._ura, now, f"card.{event}")
        card = unit.get(SmartCard, serial)
        if event == "unblock" and card.blocked_by not in (None, self._ura):
            raise NotAllowedError("another organisation blocked this card", action="card.unblock")
        if event == "unblock" and card.puk_disclosed is not None:
            raise NotAllowedError(
                "others know its PUK, which is to be changed first", action="card.unblock", reason="puk"
            )
        return card

    # ADM-7

    def phones(self) -> tuple[MobileID, ...]:
        """The organisation's phones, with their last use."""
        with self._acting(people.ADMINISTRATOR) as (unit, _):
            return tuple(unit.find(MobileID, ura=self._ura))

    def block_phone(self, mobile_id: str, reason: str) -> MobileID:
        """Block a phone (ADM-7); raises NotFoundError, TransitionError."""
        return self._change_phone(mobile_id, "block", reason)

    def unblock_phone(self, mobile_id: str, reason: str) -> MobileID:
        """Unblock a phone, with all its tries; raises NotFoundError, TransitionError."""
        return self._change_phone(mobile_id, "unblock", reason)

    def revoke_phone(self, mobile_id: str, reason: str) -> MobileID:
        """Revoke a phone for good; raises NotFoundError, TransitionError."""
        return self._change_phone(mobile_id, "revoke", reason)

    def _change_phone(self, mobile_id: str, event: str, reason: str) -> MobileID:
        with self._acting(people.ADMINISTRATOR) as (unit, now):
            phone = next(unit.find(MobileID, id=mobile_id, ura=self._ura), None)
            if phone is None:
                raise NotFoundError("no such phone", what="MobileID")
            tries = 5 if event == "unblock" else phone.tries_left
            changed = replace(
                phone, state=move("mobile", phone.state, event), tries_left=tries, secret_hash=b"", code=None
            )
            unit.replace(changed)
            self._audit(unit, now, f"phone.{event}", mobile_id, reason)
            return changed

    # ADM-5, ADM-6, ORG-8

    def members(self) -> tuple[tuple[Colleague, Membership], ...]:
        """The organisation's people and their roles."""
        with self._acting() as (unit, now):
            found = [m for m in unit.find(Membership, ura=self._ura) if people.is_current(m.until, now)]
            return tuple((Colleague.of(unit.get(Person, m.person_id)), m) for m in found)

    def appoint(self, person_id: str, role: str, reason: str) -> Membership:
        """Give a linked person a role (ADM-5).

        Raises:
            NotFoundError: the person is not linked to this organisation.
            NotAllowedError: nobody would be administrator any more; or the person is a guest.
            OneMeansError: the person has a ZORG-ID Smartcard and is to manage (CRD-12).
        """
        if role not in people.ROLES:
            raise UsageError("no such role", reason="role")
        with self._acting(people.ADMINISTRATOR) as (unit, now):
            member = people.membership(unit, person_id, self._ura, now)
            if member.until is not None:
                raise NotAllowedError("a guest cannot have a role", action="appoint")
            if role != people.HOLDER and self._rules.one_means:
                people.require_one_means(unit, person_id, people.PHONE, now)
            if role != people.ADMINISTRATOR:
                self._require_another_administrator(unit, person_id, now)
            changed = replace(member, role=role)
            unit.replace(changed)
            self._audit(unit, now, "person.appoint", person_id, reason, role=role)
            return changed

    def unlink(self, person_id: str, reason: str) -> None:
        """Unlink a person, with their cards and phones, from this organisation (ADM-6).

        The cards are the person's: they stay valid, and serve where else they are linked (CRD-11). Phones
        are revoked.

        Raises:
            NotFoundError: the person is not linked to this organisation.
            NotAllowedError: nobody would be administrator any more.
        """
        with self._acting(people.ADMINISTRATOR) as (unit, now):
            member = people.membership(unit, person_id, self._ura, now)
            self._require_another_administrator(unit, person_id, now)
            unit.remove(member)
            for card in unit.find(SmartCard, person_id=person_id):
                for link in unit.find(CardLink, card_serial=card.serial, ura=self._ura):
                    unit.remove(link)
            for phone in unit.find(MobileID, person_id=person_id, ura=self._ura):
                if phone.state not in ("revoked", "expired"):
                    unit.replace(
                        replace(phone, state=move("mobile", phone.state, "revoke"), secret_hash=b"", code=None)
                    )
            self._audit(unit, now, "person.unlink", person_id, reason)

    def link_guest(self, uzi_number: str, serial: str, until: datetime, reason: str) -> CardLink:
        """Link another organisation's person with their card for some time (CRD-13); the two must belong together.

        Args:
            uzi_number: the guest's.
            serial: of the guest's card, which is in use.
            until: the last moment, UTC; a link that lasts longer stays as it is.
            reason: for the record.

        Raises:
            NotAllowedError: the policy links no guests; or the person is one of this organisation's own.
            NotFoundError: no such person has such a card in use; which of it is wrong is not told.
            UsageError: ``until`` has passed, or is later than the policy allows.
        """
        with self._acting(people.ADMINISTRATOR) as (unit, now):
            longest = self._rules.guest_use
            if longest is None:
                raise NotAllowedError("guests are not linked", action="link-guest")
            if not now < until <= now + longest:
                raise UsageError(f"a guest is linked for at most {longest.days} days", reason="until")
            person = next(unit.find(Person, uzi_number=uzi_number), None)
            card = next(unit.find(SmartCard, serial=serial, state="active"), None)
            if person is None or card is None or card.person_id != person.id:
                raise NotFoundError("no such card", what="SmartCard")
            if people.link(unit, person.id, self._ura, now, until=until).until is None:
                raise NotAllowedError("the person belongs to this organisation", action="link-guest")
            self._audit(unit, now, "card.link-guest", serial, reason, until=until.isoformat())
            return card_records.link(unit, serial, self._ura, until, now)

    def approve_uzi_number(self, person_id: str, uzi_number: str, reason: str) -> Adoption:
        """Allow a linked person to come with another UZI number, once (ORG-8).

        Raises:
            NotFoundError: the person is not linked to this organisation.
            NotAllowedError: the person is a guest.
            UsageError: not 9 digits.
        """
        if len(uzi_number) != 9 or not (uzi_number.isascii() and uzi_number.isdigit()):
            raise UsageError("a UZI number has 9 digits", reason="uzi_number")
        with self._acting(people.ADMINISTRATOR) as (unit, now):
            if people.membership(unit, person_id, self._ura, now).until is not None:
                raise NotAllowedError("a guest's identity is for their own organisation", action="approve-uzi-number")
            leave = Adoption(
                id=f"{self._ura}:{person_id}:{uzi_number}",
                person_id=person_id,
                ura=self._ura,
                uzi_number=uzi_number,
                approved_by=self._person_id,
                at=now,
            )
            unit.add(leave)
            self._audit(unit, now, "person.approve-uzi-number", person_id, reason, uzi_number=uzi_number)
            return leave

    def _require_another_administrator(self, unit: Unit, person_id: str, now: datetime) -> None:
        administrators = people.administrators(unit, self._ura, now)
        if administrators == {person_id}:
            raise NotAllowedError("one administrator always remains", action="administrator")

    @contextmanager
    def _acting(self, least: str = people.MANAGER) -> Iterator[tuple[Unit, datetime]]:
        now = self._clock()
        with self._registry.begin() as unit:
            registered(unit, self._ura)
            try:
                role = people.membership(unit, self._person_id, self._ura, now).role
            except NotFoundError as error:
                raise NotAllowedError("not linked to this organisation", action=least) from error
            if people.ROLES.index(role) < people.ROLES.index(least):
                raise NotAllowedError(f"only for: {least}", action=least)
            yield unit, now

    def _audit(self, unit: Unit, now: datetime, action: str, subject: str, reason: str, **detail: str) -> None:
        audit.record(unit, now, self._person_id, self._ura, action, subject, _reason(reason), **detail)


def _reason(text: str) -> str:
    text = text.strip()
    if not 1 <= len(text) <= _REASON_LENGTH:
        raise UsageError(f"a reason is needed, of at most {_REASON_LENGTH} characters", reason="reason")
    return text


# --- cards of one organisation ------------------------------------------------------------------------------


def _link(unit: Unit, serial: str, ura: str, now: datetime) -> CardLink:
    """The card's link with this organisation, as long as it holds: the only way from a serial to a card
    here.
    """
    for link in unit.find(CardLink, card_serial=serial, ura=ura):
        if people.is_current(link.until, now):
            return link
    raise NotFoundError("no such card", what="SmartCard")


def _own_link(unit: Unit, serial: str, ura: str, now: datetime, action: str) -> CardLink:
    link = _link(unit, serial, ura, now)
    if link.until is not None:
        raise NotAllowedError("a guest's card is managed by its own organisation", action=action)
    return link


def _rows(unit: Unit, ura: str, now: datetime, after: str) -> Iterator[CardRow]:
    while True:
        links = unit.page(CardLink, after=after, limit=_READ, ura=ura)
        yield from (_row(unit, link) for link in links if people.is_current(link.until, now))
        if len(links) < _READ:
            return
        after = links[-1].id


def _row(unit: Unit, link: CardLink) -> CardRow:
    card = unit.get(SmartCard, link.card_serial)
    person = Colleague.of(unit.get(Person, card.person_id))
    return CardRow(card, person, link, unit.get(IssuedCertificate, card.certificate_serial).not_after)


def _matches(row: CardRow, search: str, state: str | None) -> bool:
    if state is not None and row.card.state != state:
        return False
    person = row.person
    text = " ".join((row.card.serial, person.given_names, person.surname, person.user_name, person.uzi_number))
    return search.casefold() in text.casefold()
