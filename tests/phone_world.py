"""A portal, a person and their phones, for the tests of linking, log-in and signing."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

from registry_world import URA, Clock, add_organisation, add_person, registry
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.pki.signing import SoftwareSigner
from zorgid_card.ports.registry import MobileID
from zorgid_card.secret import Secret
from zorgid_card.testkit.phone import SimulatedPhone, direct
from zorgid_card.workflows import pairing
from zorgid_card.workflows.health import EventCounts
from zorgid_card.workflows.phone_door import PhoneDoor
from zorgid_card.workflows.phone_requests import Asked, PhoneLoggedIn
from zorgid_card.workflows.policy import Policy
from zorgid_card.workflows.portal import Services

PORTAL_KEY = SoftwareSigner.generate("ES256").public_key
PORTAL = pairing.PortalIdentity("https://portal.example", pairing.fingerprint(PORTAL_KEY))
BROWSER, STRANGER = "browser-session", "another-session"


class Line:
    """The line between phone and portal; keeps what went over it, and lets a test change it on the way."""

    origin = PORTAL.origin

    def __init__(self, door: PhoneDoor) -> None:
        self.door = door
        self.sent: list[dict[str, Any]] = []
        self.tamper: Callable[[dict[str, Any]], dict[str, Any]] = lambda message: message

    def ask(self, request: bytes, /) -> bytes:
        self.sent.append(json.loads(request))
        return self.door.seam.ask(json.dumps(self.tamper(json.loads(request))).encode())


class QuickPhone(SimulatedPhone):
    """A phone that derives without effort: a portal cannot tell. Scrypt, 40 ms each time, is for an app's person to wait for."""

    def _derive(self, digits: Secret) -> bytes:
        with digits.expose() as octets:
            return hmac.digest(self._device_secret, octets, "sha256")


class World:
    """One organisation with an administrator, at a portal whose registry is real; passes and CA play no part."""

    def __init__(self, store: SQLRegistry | None = None, policy: Policy | None = None) -> None:
        self.clock = Clock()
        self.store = store or registry()
        self.counts = EventCounts()
        services = SimpleNamespace(
            registry=self.store,
            identity=PORTAL,
            policy=policy or Policy(),
            clock=self.clock,
            happened=self.counts.happened,
        )
        self.services = cast(Services, services)
        self.door = PhoneDoor(self.services)
        self.line = Line(self.door)
        with self.store.begin() as unit:
            add_organisation(unit)
            self.person = add_person(unit, "anna", uzi_number="900016528", role="administrator")

    def offer(self, ura: str = URA, binding: str = BROWSER) -> pairing.Offer:
        with self.store.begin() as unit:
            return pairing.offer(unit, PORTAL, self.person, ura, binding, self.clock())

    def new_phone(self, key: bytes = PORTAL_KEY) -> SimulatedPhone:
        return QuickPhone(direct(self.line, key), clock=self.clock)

    def phone(self, offer: pairing.Offer, digits: bytes = b"314159") -> SimulatedPhone:
        phone = self.new_phone()
        phone.set_digits(Secret.of(digits))
        phone.scan(offer.qr_text)
        return phone

    def progress(self, offer: pairing.Offer, binding: str = BROWSER) -> tuple[str, str | None]:
        found = self.door.progress(offer.mobile_id, binding=binding)
        return found.state, found.code

    def confirm(self, offer: pairing.Offer, code: str, binding: str = BROWSER) -> MobileID:
        return self.door.confirm(offer.mobile_id, code, binding=binding)

    def linked(self, digits: bytes = b"314159") -> tuple[SimulatedPhone, MobileID]:
        offer = self.offer()
        phone = self.phone(offer, digits)
        return phone, self.confirm(offer, phone.link())

    def ask(self, binding: str = BROWSER, user_name: str | None = None, ura: str = URA, client: str = "") -> Asked:
        return self.door.ask(user_name or self.person.user_name, ura, binding=binding, client=client)

    def finish(self, asked: Asked, binding: str = BROWSER) -> PhoneLoggedIn | None:
        return self.door.finish(asked.nonce, binding=binding)

    def status(self, asked: Asked, binding: str = BROWSER) -> str:
        return self.door.status(asked.nonce, binding=binding)

    def mobile(self, mobile_id: str) -> MobileID:
        with self.store.begin() as unit:
            return unit.get(MobileID, mobile_id)

    def approve(self, phone: SimulatedPhone, number: str, digits: bytes = b"314159") -> None:
        question = phone.question()
        assert question is not None
        phone.approve(question, number=number, digits=Secret.of(digits))
