"""Managing what a portal's registry holds: requests, organisations, people, cards, phones (ORG-1 to ORG-8, CRD-11 to CRD-13,
ADM-1 to ADM-7).

Everything is reached as ``management.acting_as(actor, ura)``. What the actor may do there stands in one table
(:data:`~zorgid_card.workflows.management.roles.TABLE`), by which every call is judged anew: a role that was taken away a moment ago
does not serve any more. What belongs to another organisation is *not found*, just as what does not exist.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from zorgid_card.ports.notices import Events
from zorgid_card.ports.registry import Registry
from zorgid_card.workflows.management.call import role_of
from zorgid_card.workflows.management.cards import CAUSES, CardPage, CardRow, Cards
from zorgid_card.workflows.management.organisations import OrganisationPage, Organisations, RequestPage
from zorgid_card.workflows.management.persons import Colleague, Identified, OfferedLink, People, PersonPage, PersonRow
from zorgid_card.workflows.management.phones import PhonePage, PhoneRow, Phones, PhoneShown
from zorgid_card.workflows.management.roles import TABLE, Actor, Operator, Reach
from zorgid_card.workflows.management.trail import EventPage, EventRow, Trail
from zorgid_card.workflows.organisation import printable_text
from zorgid_card.workflows.policy import Policy
from zorgid_card.workflows.turn import in_turn

__all__ = [
    "CAUSES",
    "TABLE",
    "Acting",
    "Actor",
    "CardPage",
    "CardRow",
    "Colleague",
    "EventPage",
    "EventRow",
    "Identified",
    "Management",
    "OfferedLink",
    "Operator",
    "OrganisationPage",
    "PersonPage",
    "PersonRow",
    "PhonePage",
    "PhoneRow",
    "PhoneShown",
    "Reach",
    "RequestPage",
]

_NAME = 200


class Acting(Cards, People, Phones, Organisations, Trail):
    """One actor, acting for one organisation; made by :meth:`Management.acting_as`. Serves many threads."""


class Management:
    """The portal's registry, as those see it who act in it.

    Args:
        registry: the portal's store.
        clock: gives the time, UTC.
        policy: what the portal decides for itself.
        events: is told of each call that was done, by its action in the table, such as ``card.block``; None: nobody is.
    """

    def __init__(
        self,
        registry: Registry,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        policy: Policy | None = None,
        events: Events | None = None,
    ) -> None:
        self._registry = registry
        self._clock = clock
        self._policy = policy or Policy()
        self._events = events

    def acting_as(self, actor: Actor, ura: str | None = None) -> Acting:
        """What this actor may do at this organisation.

        Args:
            actor: the id of a person who is logged in; an :class:`Operator`; the identity of a UZI pass that was just
                authenticated; None: anybody, who may file a request.
            ura: the organisation acted for, 8 digits; None: an operator acts for all.

        Raises:
            NotAllowedError: the person is not linked to the organisation.
            OrganisationUnknownError: the organisation is not known, or, for a person, not validated, or suspended.
            OrganisationMismatchError: the pass is of another organisation.
            UsageError: an operator without a name.
        """
        if isinstance(actor, Operator):
            printable_text(actor.name, "operator", _NAME)
        in_turn(self._registry, lambda unit: role_of(unit, self._clock(), actor, ura))
        return Acting(self._registry, self._clock, self._policy, self._events, actor, ura)
