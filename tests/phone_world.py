"""A portal, a person and their phones, for the tests of linking and log-in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from registry_world import URA, Clock, add_organisation, add_person, registry
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.pki.signing import SoftwareSigner
from zorgid_card.ports.phone import PhoneAnswer, PhoneClaim, PhoneQuestion
from zorgid_card.ports.registry import MobileID
from zorgid_card.secret import Secret
from zorgid_card.testkit.phone import SimulatedPhone
from zorgid_card.workflows import pairing
from zorgid_card.workflows.turn import turn

PORTAL_KEY = SoftwareSigner.generate("ES256").public_key
PORTAL = pairing.PortalIdentity("https://portal.example", pairing.fingerprint(PORTAL_KEY))
BROWSER, STRANGER = "browser-session", "another-session"


class Desk:
    """The portal as a phone reaches it; keeps what went over the line, and lets a test change it on the
    way.
    """

    def __init__(self, store: SQLRegistry, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.sent: list[Any] = []
        self.tamper: Callable[[Any], Any] = lambda message: message

    def link(self, claim: PhoneClaim, /) -> None:
        self.sent.append(claim)
        with turn(self.store) as unit:
            pairing.link(unit, self.tamper(claim), self.clock())

    def waiting(self, mobile_id: str, /) -> PhoneQuestion | None:
        with turn(self.store) as unit:
            return pairing.waiting(unit, mobile_id, self.clock())

    def answer(self, answer: PhoneAnswer, /) -> None:
        self.sent.append(answer)
        with turn(self.store) as unit:
            pairing.answer(unit, self.tamper(answer), self.clock())


class World:
    def __init__(self) -> None:
        self.clock = Clock()
        self.store = registry()
        self.desk = Desk(self.store, self.clock)
        with self.store.begin() as unit:
            add_organisation(unit)
            self.person = add_person(unit, "anna", uzi_number="900016528", role="administrator")

    def offer(self, ura: str = URA) -> pairing.Offer:
        with self.store.begin() as unit:
            return pairing.offer(unit, PORTAL, self.person, ura, BROWSER, self.clock())

    def phone(self, offer: pairing.Offer, digits: bytes = b"314159") -> SimulatedPhone:
        phone = SimulatedPhone(self.desk, PORTAL_KEY)
        phone.set_digits(Secret.of(digits))
        phone.scan(offer.qr_text)
        return phone

    def progress(self, offer: pairing.Offer, binding: str = BROWSER) -> tuple[str, str | None]:
        with self.store.begin() as unit:
            return pairing.progress(unit, offer.mobile_id, binding, self.clock())

    def confirm(self, offer: pairing.Offer, code: str, binding: str = BROWSER) -> MobileID:
        with self.store.begin() as unit:
            return pairing.confirm(unit, offer.mobile_id, binding, code, self.clock())

    def linked(self, digits: bytes = b"314159") -> tuple[SimulatedPhone, MobileID]:
        offer = self.offer()
        phone = self.phone(offer, digits)
        return phone, self.confirm(offer, phone.link())

    def ask(self, binding: str = BROWSER, user_name: str | None = None, ura: str = URA) -> pairing.Asked:
        with self.store.begin() as unit:
            return pairing.ask(unit, PORTAL, user_name or self.person.user_name, ura, binding, self.clock())

    def finish(self, asked: pairing.Asked, binding: str = BROWSER) -> pairing.PhoneLoggedIn | None:
        with self.store.begin() as unit:
            return pairing.finish(unit, asked.nonce, binding, self.clock())

    def mobile(self, mobile_id: str) -> MobileID:
        with self.store.begin() as unit:
            return unit.get(MobileID, mobile_id)

    def approve(self, phone: SimulatedPhone, number: str, digits: bytes = b"314159") -> None:
        question = phone.question()
        assert question is not None
        phone.approve(question, number=number, digits=Secret.of(digits))
