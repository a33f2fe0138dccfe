"""An administrator with a phone, at a portal that wants its signature under every change."""

from __future__ import annotations

from dataclasses import astuple

from phone_world import BROWSER, World
from registry_world import URA, add_card, add_person
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.ports.registry import AuditEvent, CardLink, Consent, Membership, MobileID, SmartCard
from zorgid_card.secret import Secret
from zorgid_card.testkit.phone import PhoneAsked
from zorgid_card.workflows.management import Acting, Management
from zorgid_card.workflows.phone_requests import Asked

CARD, OTHER_CARD = "11111111", "22222222"
REASON = "lost on the train"


class Signing(World):
    """An administrator with a phone, and what they manage; the portal wants the phone's signature."""

    def __init__(self, store: SQLRegistry | None = None) -> None:
        super().__init__(store)
        with self.store.begin() as unit:
            for number, card in enumerate((CARD, OTHER_CARD)):
                add_person(unit, f"holder{number}", uzi_number=f"90000020{number}")
                add_card(unit, card, f"holder{number}", certificate=f"aa0{number}")
            add_person(unit, "bert", uzi_number="900000300")
        self.management = Management(self.store, self.clock)
        self.phone_, self.mobile_ = self.linked()

    def manager(self) -> Acting:
        return self.management.acting_as("anna", URA)

    def ask_signature(
        self,
        action: str = "card.block",
        subject: str = CARD,
        reason: str = REASON,
        binding: str = BROWSER,
        **detail: str,
    ) -> Asked:
        return self.door.ask_approval(
            "anna", URA, binding=binding, action=action, subject=subject, reason=reason, **detail
        )

    def sign(self, action: str = "card.block", subject: str = CARD, reason: str = REASON, **detail: str) -> PhoneAsked:
        asked = self.ask_signature(action, subject, reason, **detail)
        shown = self.phone_.question()
        assert shown is not None
        self.phone_.approve(shown, number=asked.number, digits=Secret.of(b"314159"))
        return shown

    def everything(self) -> str:
        """All that a change could change."""
        with self.store.begin() as unit:
            kinds = (SmartCard, CardLink, Membership, MobileID, AuditEvent, Consent)
            return repr([astuple(record) for kind in kinds for record in unit.find(kind)])
