"""The management pages of the reference portal in a test: two organisations, their people, cards and phones; the phones sign."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import astuple, replace
from functools import cache
from html import unescape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from portal_pages import DIGITS, NOW, ORIGIN, PORTAL_KEY, URA, Browser, PortalPages, approve, forms
from registry_world import OTHER_URA, add_card, add_organisation, add_person
from zorgid_card.adapters.keystore import FileKeyStore
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.pki.authority import Authority, new_serial
from zorgid_card.pki.profile import PROFILES
from zorgid_card.pki.revocation import CRLs
from zorgid_card.pki.signing import SoftwareSigner
from zorgid_card.pki.web_eid import make_token
from zorgid_card.ports.authority import SubjectData
from zorgid_card.ports.registry import (
    AuditEvent,
    CardLink,
    Consent,
    IssuedCertificate,
    Membership,
    MobileID,
    SmartCard,
)
from zorgid_card.recipes import PortalSide, open_portal
from zorgid_card.secret import Secret
from zorgid_card.testkit.phone import SimulatedPhone, direct
from zorgid_card.workflows.browser_sessions import CardLogIn, PhoneLogIn
from zorgid_card.workflows.pairing import PortalIdentity, fingerprint, offer
from zorgid_card.workflows.policy import AUTHENTICITY, PhonePolicy

CARD, OTHER_CARD, FOREIGN = "11111111", "22222222", "99999999"
REASON = "kaart kwijt"


class QuickPhone(SimulatedPhone):
    """One whose derivation takes no time; what it gives is as good here."""

    mobile_id = ""

    def _derive(self, digits: Secret) -> bytes:
        with digits.expose() as octets:
            return hashlib.sha256(self._device_secret + bytes(octets)).digest()


@cache
def _shared() -> tuple[Authority, FileKeyStore]:
    with TemporaryDirectory() as directory, Secret.of(b"correct horse") as passphrase:
        here = Path(directory)
        return Authority.create(here / "ca", passphrase, now=NOW), FileKeyStore.create(here / "keys", passphrase)


class ManagePages(PortalPages):
    """Anna is administrator, Bob manager, Carla and Dirk hold cards; another organisation has Frans with a card."""

    def __init__(self, directory: Path, **policy: Any) -> None:
        super().__init__(directory, **({"phones": PhonePolicy(asks_per_name=10**6)} | policy))
        with self.store.begin() as unit:
            self.bob = add_person(unit, "bob", uzi_number="900000101", ura=URA, role="manager")
            self.carla = add_person(unit, "carla", uzi_number="900000102", ura=URA)
            self.dirk = add_person(unit, "dirk", uzi_number="900000103", ura=URA)
            add_card(unit, CARD, "carla", certificate="aa01", ura=URA)
            add_card(unit, OTHER_CARD, "dirk", certificate="aa02", ura=URA)
            add_organisation(unit, OTHER_URA)
            self.eva = add_person(unit, "eva", uzi_number="900000104", ura=OTHER_URA, role="administrator")
            self.frans = add_person(unit, "frans", uzi_number="900000105", ura=OTHER_URA)
            add_card(unit, FOREIGN, "frans", certificate="ff01", ura=OTHER_URA)
        self.phones: dict[str, QuickPhone] = {}

    def opened(self, registry: SQLRegistry | None = None) -> PortalSide:
        """The portal with the CA and the keys of cards that all these tests share: cards are not made here."""
        authority, keys = _shared()
        return open_portal(
            self.directory / "portal",
            None,
            registry=registry or self.store,
            identity=PortalIdentity(ORIGIN, fingerprint(PORTAL_KEY)),
            uzi=self.pki.trust("Z", "N"),
            uzi_revocation=CRLs(lambda issuer: [self.pki.crl(issuer, self.clock())]),
            policy=self.policy,
            keys=keys,
            authority=authority,
            events=self.counts,
            clock=self.clock,
        )

    def same(self, browser: Browser, app: Any = None) -> Browser:
        """Another tab of this browser; perhaps it reaches another worker."""
        tab = self.browser(app)
        tab.client.cookies.set("__Host-zorgid", browser.cookie or "", domain="portal.example", path="/")
        return tab

    def as_person(self, person: Any, ura: str = URA) -> Browser:
        """A browser in which this person has logged in with a phone, linked anew."""
        return self.as_linked(person, self.quick_phone(person, ura).mobile_id, ura)

    def as_linked(self, person: Any, phone: str, ura: str = URA) -> Browser:
        """A browser in which this person has logged in with this phone."""
        name = f"{person.given_names} {person.surname}"
        who = PhoneLogIn(person_id=person.id, name=name, ura=ura, organisation=f"Praktijk {ura}", phone=phone)
        return self._logged_in(who)

    def _logged_in(self, who: PhoneLogIn | CardLogIn) -> Browser:
        browser, secret = self.browser(), hashlib.sha256(repr(who).encode()).hexdigest()[:43]
        self.app.state.site.sessions.begin(secret, who)
        browser.client.cookies.set("__Host-zorgid", secret, domain="portal.example", path="/")
        return browser

    def operator(self) -> Browser:
        browser = self.browser()
        token = hashlib.sha256(str(self.clock()).encode()).hexdigest()[:43]
        self.offer_operator(token)
        browser.send("/operator/log-in", {"token": token})
        return browser

    def quick_phone(self, person: Any, ura: str = URA) -> QuickPhone:
        with self.store.begin() as unit:
            made = offer(unit, self.portal.services.identity, person, ura, "browser", self.clock())
        phone = QuickPhone(direct(self.portal.phones.seam, PORTAL_KEY), clock=self.clock)
        phone.set_digits(Secret.of(DIGITS))
        phone.scan(made.qr_text)
        self.portal.phones.confirm(made.mobile_id, phone.link(), binding="browser")
        self.phones[person.id] = phone
        phone.mobile_id = made.mobile_id
        return phone

    def card(self, serial: str = CARD) -> SmartCard:
        with self.store.begin() as unit:
            return unit.get(SmartCard, serial)

    def as_holder(self, person: Any, serial: str = CARD) -> Browser:
        """A browser in which the holder of this card has logged in with it; its key is in this process."""
        signer, certificate = SoftwareSigner.generate("ES256"), new_serial()
        authority, _ = _shared()
        names = {"given_names": person.given_names, "surname": person.surname}
        subject = SubjectData(uzi_number=person.uzi_number, **names, common_name=" ".join(names.values()))
        der = authority.issue(
            PROFILES[AUTHENTICITY],
            subject,
            signer.public_key,
            serial=certificate,
            not_before=self.clock(),
            guid=bytes.fromhex(self.card(serial).guid),
        )
        with self.store.begin() as unit:
            issued = unit.get(IssuedCertificate, unit.get(SmartCard, serial).certificate_serial)
            unit.remove(issued)
            unit.add(replace(issued, serial=f"{certificate:x}", der=der))
            unit.replace(replace(unit.get(SmartCard, serial), certificate_serial=f"{certificate:x}"))
        browser = self.browser()
        challenge = browser.get("/auth/challenge")
        token = json.loads(make_token(signer, der, ORIGIN, challenge.json()["nonce"]))
        given = {"auth-token": token, "ura": URA}
        answer = browser.json("/auth/login", given, X_CSRF_Token=challenge.headers["X-CSRF-Token"])
        assert answer.status_code == 200, answer.text
        return browser

    def everything(self) -> str:
        """All that a change could change."""
        kinds = (SmartCard, CardLink, Membership, MobileID, AuditEvent, Consent)
        with self.store.begin() as unit:
            return repr([astuple(record) for kind in kinds for record in unit.find(kind)])

    def events(self, action: str) -> list[AuditEvent]:
        with self.store.begin() as unit:
            return [event for event in unit.find(AuditEvent) if event.action == action]


def waiting(answer: httpx.Response) -> str:
    """Where the form's answer leads: the page that waits for the phone."""
    assert answer.status_code == 303, text(answer)
    location: str = answer.headers["location"]
    assert location.startswith("/manage/changes/"), location
    return location


def number(page: httpx.Response) -> str:
    """What the page asks the person to copy."""
    found = re.search(r'class="number"><strong>(\d\d)<', page.text)
    assert found is not None, text(page)
    return found[1]


def go_on(browser: Browser, address: str) -> httpx.Response:
    """Press the button of the page that waits, and go where it leads."""
    shown = browser.get(address)
    form = next(form for form in forms(shown.text) if form.action.startswith("/manage/changes/"))
    sent = browser.post(form.action, form.hidden)
    assert sent.status_code == 303, text(sent)
    return browser.get(sent.headers["location"])


def change(
    world: ManagePages, browser: Browser, path: str, fields: dict[str, str] | None = None, by: str = "anna"
) -> httpx.Response:
    """The whole of a change: form, phone, result."""
    address = waiting(browser.send(path, {"reason": REASON, **(fields or {})}, action=path))
    approve(world.phones[by], number(browser.get(address)))
    return go_on(browser, address)


def text(page: httpx.Response) -> str:
    """What a person reads of a page."""
    main = re.search(r"<main.*?</main>", page.text, re.DOTALL)
    plain = re.sub(r"<[^>]*>", " ", main[0] if main else page.text)
    return " ".join(unescape(plain).split())


def links(page: httpx.Response) -> list[str]:
    return [unescape(found) for found in re.findall(r'href="([^"#]+)"', page.text)]
