"""The registry as a portal's records of cards and people at log-in (:class:`~zorgid_card.ports.links.Links`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from zorgid_card.errors import (
    NotFoundError,
    NotLinkedError,
    OnHoldError,
    OrganisationUnknownError,
    RevokedError,
    UntrustedError,
)
from zorgid_card.ports.links import Link, PresentedCard
from zorgid_card.ports.registry import (
    CardLink,
    IssuedCertificate,
    Membership,
    Organisation,
    Person,
    Registry,
    SmartCard,
    Unit,
)


class RegistryLinks:
    """Links as the registry keeps them: a card logs in where it and its person are both linked (CRD-11, CRD-13).

    Args:
        registry: the portal's.
        registered_only: whether a UZI pass logs in only for an organisation that is registered; a suspended one never does.
    """

    def __init__(self, registry: Registry, *, registered_only: bool = False) -> None:
        self._registry = registry
        self._registered_only = registered_only

    def acting_for(self, card: PresentedCard, /, *, ura: str | None, at: datetime, used: bool) -> Link:
        """The link by which the holder acts; see the port."""

        return self._registry.run(lambda unit: acting_for(unit, card, ura=ura, at=at, used=used))

    def require_admitted(self, ura: str, /) -> None:
        """Raise unless holders of UZI passes of this organisation may log in; see the port."""
        self._registry.run(lambda unit: require_admitted(unit, ura, registered_only=self._registered_only))


def acting_for(unit: Unit, card: PresentedCard, *, ura: str | None, at: datetime, used: bool) -> Link:
    """:meth:`RegistryLinks.acting_for`, in an open transaction."""
    found = _live_card(unit, card)
    person = unit.get(Person, found.person_id)
    organisation, until = _acting_for(unit, found, at, ura)
    if used:
        unit.replace(replace(found, last_used_at=at))
    return Link(
        ura=organisation.ura,
        organisation=organisation.name,
        role=person.role_code,
        person_id=person.id,
        card_serial=found.serial,
        until=until,
    )


def require_admitted(unit: Unit, ura: str, *, registered_only: bool) -> None:
    """:meth:`RegistryLinks.require_admitted`, in an open transaction."""
    known = next(unit.find(Organisation, ura=ura), None)
    state = "unknown" if known is None else known.state
    if state == "suspended" or (registered_only and state != "validated"):
        raise OrganisationUnknownError(ura=ura, state=state)


def _live_card(unit: Unit, presented: PresentedCard) -> SmartCard:
    serial = presented.serial
    try:
        issued = unit.get(IssuedCertificate, serial)
        card = unit.get(SmartCard, issued.card_serial)
    except NotFoundError as error:
        raise UntrustedError("the certificate is not in the registry", reason="unknown serial") from error
    if issued.der != presented.certificate:
        raise UntrustedError("another certificate has this serial", reason="serial")
    if issued.status == "hold":
        raise OnHoldError(serial=serial, since=issued.changed_at.isoformat())
    if issued.status != "good" or card.certificate_serial != serial:
        raise RevokedError(serial=serial, reason=issued.reason, since=issued.changed_at.isoformat())
    return card


def _acting_for(unit: Unit, card: SmartCard, at: datetime, ura: str | None) -> tuple[Organisation, datetime | None]:
    """The organisation, and until when: both the card and its person must be linked to it."""
    cards = _current(unit.find(CardLink, card_serial=card.serial), at)
    people = _current(unit.find(Membership, person_id=card.person_id), at)
    linked = cards.keys() & people.keys()
    chosen = ura if ura is not None else next(iter(linked)) if len(linked) == 1 else None
    if chosen not in linked or chosen is None:
        raise NotLinkedError(ura=ura)
    organisation = unit.get(Organisation, chosen)
    if organisation.state != "validated":
        raise NotLinkedError(ura=chosen)
    return organisation, min((end for end in (cards[chosen], people[chosen]) if end is not None), default=None)


def _current(links: Iterable[CardLink | Membership], at: datetime) -> Mapping[str, datetime | None]:
    """The organisations linked to now, each with the last moment of the link that lasts longest."""
    found: dict[str, datetime | None] = {}
    for link in links:
        if link.until is not None and link.until <= at:
            continue
        known = found.get(link.ura, link.until)
        found[link.ura] = None if known is None or link.until is None else max(known, link.until)
    return found
