"""Two organisations, and what they manage."""

from __future__ import annotations

from typing import Any

from registry_world import NOW, OTHER_URA, URA, Clock, add_card, add_organisation, add_person, registry
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.ports.registry import MobileID
from zorgid_card.workflows.management import Acting, CardPage, Management
from zorgid_card.workflows.policy import UNSIGNED, PhonePolicy, Policy

CARD, FOREIGN = "11111111", "99999999"
CERTIFICATE, FOREIGN_CERTIFICATE = "aa01", "ff01"


class World:
    """Two organisations, each with an administrator, a manager and a holder with a card."""

    def __init__(self, store: SQLRegistry | None = None) -> None:
        self.clock = Clock()
        self.store = store or registry()
        self.management = Management(self.store, self.clock, Policy(phones=PhonePolicy(signed=UNSIGNED)))
        with self.store.begin() as unit:
            for number, (ura, card, certificate) in enumerate(
                ((URA, CARD, CERTIFICATE), (OTHER_URA, FOREIGN, FOREIGN_CERTIFICATE))
            ):
                add_organisation(unit, ura)
                for digit, role in enumerate(("administrator", "manager", "holder")):
                    add_person(unit, f"{role}{number}", uzi_number=f"90000{number}{digit}00", ura=ura, role=role)
                add_card(unit, card, f"holder{number}", certificate=certificate, ura=ura)

    def acting(self, person: str = "manager0", ura: str = URA) -> Acting:
        return self.management.acting_as(person, ura)

    def get(self, kind: Any, key: str) -> Any:
        with self.store.begin() as unit:
            return unit.get(kind, key)

    def change(self, record: object) -> None:
        with self.store.begin() as unit:
            unit.replace(record)

    def add_phone(self, mobile_id: str = "m0", person: str = "manager0", ura: str = URA, state: str = "linked") -> None:
        with self.store.begin() as unit:
            unit.add(
                MobileID(id=mobile_id, person_id=person, ura=ura, state=state, secret_hash=b"", expires_at=NOW, public_key=b"",
                         salt=b"", verifier=b"", tries_left=0, last_used_at=NOW, binding="", code=None)
            )  # fmt: skip


def serials(page: CardPage) -> list[str]:
    return [row.card.serial for row in page.rows]
