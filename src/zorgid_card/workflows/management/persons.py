"""An organisation's people: who they are, which role they have, where they are linked (ADM-5, ADM-6, CRD-11, CRD-13, ORG-8)."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta

from zorgid_card.errors import NotAllowedError, NotFoundError, OtherPersonError, UsageError
from zorgid_card.pki.identity import UZIIdentity
from zorgid_card.ports.registry import Adoption, CardLink, LinkOffer, Membership, MobileID, Person, SmartCard
from zorgid_card.workflows import card_records, organisation, people
from zorgid_card.workflows.management.call import Call, reason_of
from zorgid_card.workflows.management.desk import Desk, require_limit
from zorgid_card.workflows.management.roles import Reach
from zorgid_card.workflows.states import move

OFFER_LIFETIME = timedelta(days=7)
"""How long a person's leave to be linked may be used."""

_CODE = 10
"""Octets of a code: 80 random bits, which nobody tries out."""
_READ = 500
_OVER = frozenset({"revoked", "abandoned", "scrapped"})


@dataclass(frozen=True, slots=True)
class Colleague:
    """A person as others see them: without the birth date, by which they prove who they are (ORG-8)."""

    id: str
    user_name: str
    given_names: str
    surname: str
    uzi_number: str
    role_code: str

    @classmethod
    def of(cls, person: Person) -> Colleague:
        """What others see of this person."""
        return cls(**{field.name: getattr(person, field.name) for field in fields(cls)})


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A person of an organisation, and their link with it."""

    person: Colleague
    membership: Membership

    @property
    def guest(self) -> bool:
        """Whether the person is a guest here (CRD-13)."""
        return self.membership.until is not None


@dataclass(frozen=True, slots=True)
class PersonPage:
    """One page of people; ``after`` begins the next one, None: this was the last."""

    rows: tuple[PersonRow, ...]
    after: str | None


@dataclass(frozen=True, slots=True)
class Identified:
    """Who a pass and a birth date name (ORG-8). ``ending``: ``new``, ``known``, or ``adopted`` (with another UZI number)."""

    ending: str
    person: Colleague


@dataclass(frozen=True, slots=True)
class OfferedLink:
    """A person's leave to be linked to one organisation; ``code`` is told once, and kept nowhere."""

    code: str
    ura: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"OfferedLink(ura={self.ura!r}, expires_at={self.expires_at!r})"


def has_text(person: Colleague, search: str) -> bool:
    """Whether a name, user name or UZI number has this part; case does not matter."""
    text = " ".join((person.given_names, person.surname, person.user_name, person.uzi_number))
    return search.casefold() in text.casefold()


class People(Desk):
    """What may be done with people."""

    def list_people(
        self,
        *,
        search: str = "",
        role: str | None = None,
        guests: bool | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> PersonPage:
        """The organisation's people and their roles, a page at a time; Args as :meth:`Cards.list_cards`.

        Args:
            role: only people with this role.
            guests: only guests (CRD-13), or only others.

        Raises:
            UsageError: no such limit or role.
        """
        require_limit(limit)
        if role is not None:
            _require_role(role)
        return self._do("person.list", lambda call: _page(call, search, role, guests, limit, after or ""))

    def show_person(self, person_id: str) -> PersonRow:
        """One person of the organisation; raises NotFoundError."""
        return self._do("person.show", lambda call: _row(call, call.member(person_id)))

    def named(self, user_name: str) -> PersonRow:
        """The person of the organisation with this user name; raises NotFoundError."""

        def work(call: Call) -> PersonRow:
            for person in call.unit.find(Person, user_name=user_name):
                return _row(call, call.member(person.id))
            raise NotFoundError("this person is not linked to the organisation", what="Membership")

        return self._do("person.show", work)

    # ADM-5, ADM-6, ORG-8

    def appoint(self, person_id: str, role: str, reason: str, *, key: str | None = None) -> Membership:
        """Give a linked person a role (ADM-5).

        Args:
            person_id: the person.
            role: ``holder``, ``manager`` or ``administrator``.
            reason: for the record, 1 to 1000 characters.
            key: the caller's idempotency key, 1 to 200 characters: a repetition within 24 hours gets the same answer.

        Raises:
            NotFoundError: the person is not linked to this organisation.
            NotAllowedError: nobody would be administrator any more; or the person is a guest.
            OneMeansError: the person has a ZORG-ID Smartcard and is to manage (CRD-12).
            UsageError: no such role, or no reason is given.
            ReplayError: the key served another request.
        """
        _require_role(role)
        why, one_means = reason_of(reason), self._policy.one_means
        return self._once(
            "person.appoint",
            Membership,
            lambda call: _appoint(call, person_id, role, why, one_means=one_means),
            key,
            person=person_id,
            role=role,
            reason=why,
        )

    def unlink(self, person_id: str, reason: str, *, key: str | None = None) -> None:
        """Unlink a person, with their cards and phones, from this organisation (ADM-6).

        The cards are the person's: they stay valid, and serve where else they are linked (CRD-11). Phones are revoked.

        Raises:
            NotFoundError: the person is not linked to this organisation.
            NotAllowedError: nobody would be administrator any more.
            ReplayError: the key served another request.
        """
        why = reason_of(reason)
        self._once("person.unlink", None, lambda call: _unlink(call, person_id, why), key, person=person_id, reason=why)

    def approve_uzi_number(self, person_id: str, uzi_number: str, reason: str, *, key: str | None = None) -> Adoption:
        """Allow a linked person to come with another UZI number, once (ORG-8).

        Raises:
            NotFoundError: the person is not linked to this organisation.
            NotAllowedError: the person is a guest.
            UsageError: not 9 digits.
            ReplayError: it is allowed already, or the key served another request.
        """
        if len(uzi_number) != 9 or not (uzi_number.isascii() and uzi_number.isdigit()):
            raise UsageError("a UZI number has 9 digits", reason="uzi_number")
        why = reason_of(reason)
        return self._once(
            "person.approve-uzi-number",
            Adoption,
            lambda call: _approve(call, person_id, uzi_number, why),
            key,
            person=person_id,
            uzi_number=uzi_number,
            reason=why,
        )

    # CRD-11, CRD-13

    def offer_link(self, ura: str, person_id: str | None = None) -> OfferedLink:
        """A person's leave to be linked to another organisation, as a code that its administrator is given (CRD-11).

        Without it nobody links a card that is not theirs, and blocks it then. A leave that was given before for the same
        organisation is over: asking again is safe, so there is no idempotency key.

        Args:
            ura: the organisation that may use it, within :data:`OFFER_LIFETIME`, once.
            person_id: for an operator, who has made sure that the person wants it; others offer themselves.

        Raises:
            NotAllowedError: for another person, by who is no operator.
            NotFoundError: no such person.
            OrganisationUnknownError: no such organisation, or it is suspended.
        """
        return self._do("person.offer", lambda call: _offer(call, ura, person_id))

    def link(self, code: str, reason: str, *, key: str | None = None) -> Membership:
        """Link the person who gave their leave, with their cards, to this organisation, which manages them from then on (CRD-11).

        Args:
            code: as :meth:`offer_link` gave it; blanks, hyphens and case do not matter.
            reason: for the record, 1 to 1000 characters.
            key: the caller's idempotency key, 1 to 200 characters.

        Raises:
            NotFoundError: no such leave for this organisation, or it was used, or is over.
            UsageError: no reason is given.
            ReplayError: the key served another request.
        """
        why, name = reason_of(reason), _offer_id(code)
        return self._once("person.link", Membership, lambda call: _link(call, name, why), key, offer=name, reason=why)

    def link_guest(
        self, uzi_number: str, serial: str, until: datetime, reason: str, *, key: str | None = None
    ) -> CardLink:
        """Link another organisation's person with their card for some time (CRD-13); the two must belong together.

        It gives no power over the card, which its own organisation manages: so no leave is needed, but the card at hand.

        Args:
            uzi_number: the guest's.
            serial: of the guest's card, which is in use.
            until: the last moment, UTC; a link that lasts longer stays as it is.
            reason: for the record, 1 to 1000 characters.
            key: the caller's idempotency key, 1 to 200 characters.

        Raises:
            NotAllowedError: the policy links no guests; or the person is one of this organisation's own.
            NotFoundError: no such person has such a card in use; which of it is wrong is not told.
            UsageError: ``until`` has passed, or is later than the policy allows; or no reason is given.
            ReplayError: the key served another request.
        """
        why, longest = reason_of(reason), self._policy.guest_use
        return self._once(
            "person.link-guest",
            CardLink,
            lambda call: _link_guest(call, uzi_number, serial, until, why, longest),
            key,
            uzi_number=uzi_number,
            card=serial,
            until=until.isoformat(),
            reason=why,
        )

    # ORG-8, by who shows a pass

    def identify(self, birth_date: date) -> Identified:
        """Who this pass and this birth date name, to be shown and confirmed before :meth:`join` (ORG-8); nothing is kept.

        A failure is counted: 5 a pass a day. Raises as :func:`zorgid_card.workflows.people.match_person`.
        """
        return self._do("person.identify", lambda call: _identify(call, birth_date, keep=False))

    def join(self, birth_date: date, confirmed: str) -> Identified:
        """Link the person whom this pass and this birth date name, with their cards, to the pass's organisation (ORG-8, CRD-11).

        Joining twice is joining once, so there is no idempotency key.

        Args:
            birth_date: as entered.
            confirmed: id of the person whom :meth:`identify` showed, and who said: that is me.

        Raises:
            OtherPersonError: it is not the person who was shown.
            OrganisationUnknownError: the organisation is not validated, or suspended.
            BirthDateError, TooManyTriesError, PassTypeError, UsageError: as :func:`zorgid_card.workflows.people.match_person`.
        """
        return self._do("person.join", lambda call: _join(call, birth_date, confirmed))


# --- roles ------------------------------------------------------------------------------------------------------------


def _require_role(role: str) -> None:
    if role not in people.ROLES:
        raise UsageError("no such role", reason="role")


def _appoint(call: Call, person_id: str, role: str, reason: str, *, one_means: bool) -> Membership:
    member = call.member(person_id)
    if member.until is not None:
        raise NotAllowedError("a guest cannot have a role", action=call.action, reason="guest")
    if role != people.HOLDER and one_means:
        people.require_one_means(call.unit, person_id, people.PHONE, call.now)
    if role != people.ADMINISTRATOR:
        _require_another_administrator(call, person_id)
    changed = replace(member, role=role)
    call.unit.replace(changed)
    call.record(person_id, reason, role=role)
    return changed


def _require_another_administrator(call: Call, person_id: str) -> None:
    if people.administrators(call.unit, call.organisation, call.now) == {person_id}:
        raise NotAllowedError("one administrator always remains", action="administrator")


def _unlink(call: Call, person_id: str, reason: str) -> None:
    member = call.member(person_id)
    _require_another_administrator(call, person_id)
    call.record(person_id, reason)  # before the change: it may be the leaver's own phone that has signed for it
    call.unit.remove(member)
    for card in call.unit.find(SmartCard, person_id=person_id):
        for link in list(call.unit.find(CardLink, card_serial=card.serial, ura=call.ura)):
            call.unit.remove(link)
    for phone in list(call.unit.find(MobileID, person_id=person_id, ura=call.ura)):
        if phone.state not in ("revoked", "expired"):
            call.unit.replace(replace(phone, state=move("mobile", phone.state, "revoke"), secret_hash=b"", code=None))


def _approve(call: Call, person_id: str, uzi_number: str, reason: str) -> Adoption:
    if call.member(person_id).until is not None:
        raise NotAllowedError("a guest's identity is for their own organisation", action=call.action, reason="guest")
    leave = Adoption(
        id=f"{call.ura}:{person_id}:{uzi_number}",
        person_id=person_id,
        ura=call.organisation,
        uzi_number=uzi_number,
        approved_by=call.actor_name,
        at=call.now,
    )
    call.unit.add(leave)
    call.record(person_id, reason, uzi_number=uzi_number)
    return leave


# --- links ------------------------------------------------------------------------------------------------------------


def _offer(call: Call, ura: str, person_id: str | None) -> OfferedLink:
    person = person_id if person_id is not None else call.actor_name
    if call.reach is Reach.OWN and person != call.actor:
        raise NotAllowedError("a person offers themselves", action=call.action)
    if call.reach is Reach.ORGANISATION:
        call.member(person)
    organisation.registered(call.unit, ura)
    call.unit.get(Person, person)
    for earlier in list(call.unit.find(LinkOffer, person_id=person, ura=ura)):
        call.unit.remove(earlier)
    code = base64.b32encode(secrets.token_bytes(_CODE)).decode()
    offer = LinkOffer(id=_offer_id(code), person_id=person, ura=ura, expires_at=call.now + OFFER_LIFETIME)
    call.unit.add(offer)
    call.record(person, to=ura)
    return OfferedLink("-".join(code[at : at + 4] for at in range(0, len(code), 4)), ura, offer.expires_at)


def _offer_id(code: str) -> str:
    plain = "".join(code.split()).replace("-", "").upper()
    return hashlib.sha256(b"zorgid-card link offer " + plain.encode()).hexdigest()


def _link(call: Call, offer_id: str, reason: str) -> Membership:
    offer = next(call.unit.find(LinkOffer, id=offer_id, ura=call.organisation), None)
    if offer is None or offer.expires_at <= call.now:
        raise NotFoundError("no such leave to link", what="LinkOffer")
    call.unit.remove(offer)
    member = people.link(call.unit, offer.person_id, call.organisation, call.now)
    _link_cards(call, offer.person_id)
    call.record(offer.person_id, reason)
    return member


def _link_cards(call: Call, person_id: str) -> None:
    """A person's cards serve at the organisation too."""
    for card in call.unit.find(SmartCard, person_id=person_id):
        if card.state not in _OVER:
            card_records.link(call.unit, card.serial, call.organisation, None, call.now)


def _link_guest(
    call: Call, uzi_number: str, serial: str, until: datetime, reason: str, longest: timedelta | None
) -> CardLink:
    if longest is None:
        raise NotAllowedError("guests are not linked", action=call.action)
    if not call.now < until <= call.now + longest:
        raise UsageError(f"a guest is linked for at most {longest.days} days", reason="until")
    person = next(call.unit.find(Person, uzi_number=uzi_number), None)
    card = next(call.unit.find(SmartCard, serial=serial, state="active"), None)
    if person is None or card is None or card.person_id != person.id:
        raise NotFoundError("no such person with such a card", what="Guest")
    if people.link(call.unit, person.id, call.organisation, call.now, until=until).until is None:
        raise NotAllowedError("the person belongs to this organisation", action=call.action, reason="own")
    call.record(serial, reason, until=until.isoformat())
    return card_records.link(call.unit, serial, call.organisation, until, call.now)


# --- ORG-8 ------------------------------------------------------------------------------------------------------------


def _identify(call: Call, birth_date: date, *, keep: bool) -> Identified:
    identity = call.actor
    assert isinstance(identity, UZIIdentity)  # noqa: S101  # the table lets nobody else in
    organisation.registered(call.unit, identity.ura)
    match = people.match(call.unit, identity, birth_date, call.now, keep=keep)
    return Identified(match.ending, Colleague.of(match.person))


def _join(call: Call, birth_date: date, confirmed: str) -> Identified:
    if _identify(call, birth_date, keep=False).person.id != confirmed:
        raise OtherPersonError
    joined = _identify(call, birth_date, keep=True)
    _link_cards(call, joined.person.id)
    call.record(joined.person.id, ending=joined.ending)
    return joined


# --- pages ------------------------------------------------------------------------------------------------------------


def _row(call: Call, member: Membership) -> PersonRow:
    return PersonRow(Colleague.of(call.unit.get(Person, member.person_id)), member)


def _page(call: Call, search: str, role: str | None, guests: bool | None, limit: int, after: str) -> PersonPage:
    rows: list[PersonRow] = []
    for row in _rows(call, after):
        if role not in (None, row.membership.role) or guests not in (None, row.guest):
            continue
        if not has_text(row.person, search):
            continue
        if len(rows) == limit:
            return PersonPage(tuple(rows), rows[-1].membership.id)
        rows.append(row)
    return PersonPage(tuple(rows), None)


def _rows(call: Call, after: str) -> Iterator[PersonRow]:
    while True:
        found = call.unit.page(Membership, after=after, limit=_READ, ura=call.organisation)
        yield from (_row(call, member) for member in found if people.is_current(member.until, call.now))
        if len(found) < _READ:
            return
        after = found[-1].id
