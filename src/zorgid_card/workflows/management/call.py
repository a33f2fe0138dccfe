"""One call, in its transaction: who acts, in which role, and how far that reaches.

Whatever a service does to a card, a person or a phone, it finds it by :class:`Call`: what is out of reach is *not found*, just as
what does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from zorgid_card.errors import (
    NotAllowedError,
    NotFoundError,
    OrganisationMismatchError,
    OrganisationUnknownError,
    UsageError,
)
from zorgid_card.pki.identity import UZIIdentity
from zorgid_card.ports.registry import CardLink, Membership, MobileID, Organisation, Request, SmartCard, Unit
from zorgid_card.workflows import audit, people
from zorgid_card.workflows.management.roles import APPLICANT, OPERATOR, PASS_HOLDER, TABLE, Actor, Operator, Reach
from zorgid_card.workflows.messages import JSON
from zorgid_card.workflows.organisation import printable_text, registered
from zorgid_card.workflows.phone_requests import require_signed

LONGEST_REASON = 1000
"""Characters of a reason."""

BY_HOLDER, BY_OPERATOR = "holder", "operator"


@dataclass(frozen=True, slots=True)
class Call:
    """What a service acts with; made by :func:`admit` only."""

    unit: Unit
    now: datetime
    action: str
    actor: Actor
    role: str
    reach: Reach
    ura: str | None
    signed: bool = False
    """It does nothing without a signature of the actor's phone over just this (:attr:`PhonePolicy.signed`)."""

    @property
    def actor_name(self) -> str:
        """Who acts, for the record of what happened."""
        return _name(self.actor)

    @property
    def organisation(self) -> str:
        """The URA acted for; raises UsageError where an operator names none."""
        if self.ura is None:
            raise UsageError("this is done for one organisation: name it", reason="ura")
        return self.ura

    @property
    def party(self) -> str:
        """On whose behalf a card is blocked: the organisation's, its holder's own, or the operators'."""
        if self.role == OPERATOR:
            return BY_OPERATOR
        return BY_HOLDER if self.reach is Reach.OWN else self.organisation

    def link(self, serial: str) -> CardLink | None:
        """The card's link with the organisation acted for; None: an operator acts for all.

        Raises:
            NotFoundError: no such card in reach.
        """
        if self.reach is Reach.ANY:
            return None
        for link in self.unit.find(CardLink, card_serial=serial, ura=self.ura):
            if people.is_current(link.until, self.now) and self._in_reach(self.unit.get(SmartCard, serial).person_id):
                return link
        raise NotFoundError("no such card", what="SmartCard")

    def card(self, serial: str) -> SmartCard:
        """A card that may be changed: a guest's is managed by its own organisation, and by its holder (CRD-13).

        Raises:
            NotFoundError: no such card in reach.
            NotAllowedError: it is a guest's.
        """
        link = self.link(serial)
        if link is not None and link.until is not None and self.party == self.ura:
            raise NotAllowedError(
                "a guest's card is managed by its own organisation", action=self.action, reason="guest"
            )
        return self.unit.get(SmartCard, serial)

    def member(self, person_id: str) -> Membership:
        """A person's link with the organisation acted for; raises NotFoundError."""
        if not self._in_reach(person_id):
            raise NotFoundError("this person is not linked to the organisation", what="Membership")
        return people.membership(self.unit, person_id, self.organisation, self.now)

    def phone(self, mobile_id: str) -> MobileID:
        """A phone of the organisation acted for; raises NotFoundError."""
        phone = next(self.unit.find(MobileID, id=mobile_id, ura=self.organisation), None)
        if phone is None or not self._in_reach(phone.person_id):
            raise NotFoundError("no such phone", what="MobileID")
        return phone

    def _in_reach(self, person_id: str) -> bool:
        return self.reach is not Reach.OWN or person_id == self.actor

    def record(self, subject: str, reason: str | None = None, **detail: JSON) -> None:
        """Write down what was done, in its transaction; raises NotSignedError, and it is undone, where a signature is missing."""
        if self.signed:
            said = {name: str(value) for name, value in detail.items()}
            require_signed(
                self.unit, self.now, self.actor_name, self.organisation, self.action, subject, reason, **said
            )
        audit.record(self.unit, self.now, self.actor_name, self.ura, self.action, subject, reason, **detail)


def reason_of(text: str) -> str:
    """A reason, as a person gave it; raises UsageError."""
    return printable_text(text, "reason", LONGEST_REASON)


def admit(
    unit: Unit,
    now: datetime,
    action: str,
    actor: Actor,
    ura: str | None,
    *,
    signed: frozenset[str] = frozenset(),
) -> Call:
    """Judge by :data:`TABLE` whether the actor may do this here and now. This is the only place where that is judged.

    What is in ``signed`` wants a signature of the phone of those who manage; a holder who blocks their own card has none.

    Raises:
        NotAllowedError: the actor's role does not reach it.
        OrganisationUnknownError: a person acts for an organisation that is not validated, or suspended.
        OrganisationMismatchError: the pass is of another organisation.
    """
    role = role_of(unit, now, actor, ura)
    reach = TABLE[action].get(role) if action in TABLE else None
    if reach is None:
        raise NotAllowedError(f"a {role} may not do this", action=action)
    if reach is Reach.ANY and ura is not None:
        reach = Reach.ORGANISATION
    wanted = action in signed and role in (people.ADMINISTRATOR, people.MANAGER)
    return Call(unit, now, action, actor, role, reach, ura, wanted)


def role_of(unit: Unit, now: datetime, actor: Actor, ura: str | None) -> str:
    """What the actor is at this organisation now; raises as :func:`admit` does."""
    if actor is None:
        return APPLICANT
    if isinstance(actor, Operator):
        if ura is not None and not any(unit.find(Organisation, ura=ura)) and not _requested(unit, ura):
            raise OrganisationUnknownError(ura=ura, state="unknown")
        return OPERATOR
    if isinstance(actor, UZIIdentity):
        if actor.ura != ura:
            raise OrganisationMismatchError(ura=actor.ura, expected=ura)
        return PASS_HOLDER
    if ura is None:
        raise NotAllowedError("a person acts for one organisation", action="act")
    registered(unit, ura)
    try:
        return people.membership(unit, actor, ura, now).role
    except NotFoundError as error:
        raise NotAllowedError("not linked to this organisation", action="act") from error


def _requested(unit: Unit, ura: str) -> bool:
    return any(unit.find(Request, ura=ura))


def _name(actor: Actor) -> str:
    if isinstance(actor, Operator):
        return actor.name
    if isinstance(actor, UZIIdentity):
        return actor.uzi_number
    return actor or APPLICANT
