"""Phones at the portal's door: each call one transaction, with the tries that it spends (ORG-6, ORG-7)."""

from __future__ import annotations

from zorgid_card.ports.phone import PhoneAnswer, PhoneClaim, PhoneQuestion
from zorgid_card.workflows import pairing
from zorgid_card.workflows.pairing import Asked, PhoneLoggedIn
from zorgid_card.workflows.portal import Services
from zorgid_card.workflows.turn import turn


class PhoneDoor:
    """Both ends of a log-in by phone: the phone's (a :class:`~zorgid_card.ports.phone.PhonePortal`), and the page's."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def link(self, claim: PhoneClaim, /) -> None:
        """The phone takes up an offer; raises what :func:`pairing.link` raises."""
        with turn(self._services.registry) as unit:
            pairing.link(unit, claim, self._services.clock())

    def waiting(self, mobile_id: str, /) -> PhoneQuestion | None:
        """The log-in that waits for this phone, for the phone to show."""
        with turn(self._services.registry) as unit:
            return pairing.waiting(unit, mobile_id, self._services.clock())

    def answer(self, answer: PhoneAnswer, /) -> None:
        """The phone approves a log-in; raises what :func:`pairing.answer` raises. Wrong digits are counted."""
        with turn(self._services.registry) as unit:
            pairing.answer(unit, answer, self._services.clock())

    def ask(self, user_name: str, ura: str, *, binding: str) -> Asked:
        """The page asks a person's phone to approve a log-in; raises what :func:`pairing.ask` raises."""
        with turn(self._services.registry) as unit:
            return pairing.ask(unit, self._services.identity, user_name, ura, binding, self._services.clock())

    def finish(self, asked: Asked, *, binding: str) -> PhoneLoggedIn | None:
        """The page asks whether the phone has approved; None: not yet. Raises what :func:`pairing.finish` raises."""
        with turn(self._services.registry) as unit:
            return pairing.finish(unit, asked.nonce, binding, self._services.clock())
