"""The reference portal in a test: real services over a real registry, Starlette's TestClient as the browser."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any

import httpx
from starlette.testclient import TestClient

from registry_world import Clock, add_organisation, add_person
from zorgid_card.adapters.keystore import FileKeyStore
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.pki.authority import Authority
from zorgid_card.pki.revocation import CRLs
from zorgid_card.pki.signing import SoftwareSigner
from zorgid_card.pki.web_eid import make_token
from zorgid_card.ports.registry import Registry
from zorgid_card.recipes import PortalSide, open_portal
from zorgid_card.secret import Secret
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.phone import SimulatedPhone, direct
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi_profile import DE_LINDE, Person, Usage
from zorgid_card.web.app import portal_app
from zorgid_card.web.settings import Settings
from zorgid_card.workflows.browser_sessions import offer_operator
from zorgid_card.workflows.health import EventCounts
from zorgid_card.workflows.pairing import PortalIdentity, fingerprint, offer
from zorgid_card.workflows.policy import UNSIGNED, PhonePolicy, Policy

ORIGIN = "https://portal.example"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
URA = DE_LINDE.ura
WORKER = Person("Zoë", "Amrani", "900000022", prefixes="el")
DIGITS = b"314159"
PORTAL_KEY = SoftwareSigner.generate("ES256").public_key


@dataclass
class Browser:
    """One browser: its cookies, and forms sent as a page of the portal sends them."""

    client: TestClient
    headers: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(path, headers={**self.headers, **_named(headers)}, follow_redirects=False)

    def post(self, path: str, fields: Mapping[str, str], *, origin: str = ORIGIN, **headers: str) -> httpx.Response:
        sent = {"Origin": origin, **self.headers, **_named(headers)}
        return self.client.post(path, data=dict(fields), headers=sent, follow_redirects=False)

    def send(self, page: str, fields: Mapping[str, str], action: str = "", **headers: str) -> httpx.Response:
        """Open a page, fill in its form and send it."""
        shown = self.get(page)
        assert shown.status_code == 200, shown.text
        wanted = [form for form in forms(shown.text) if not action or form.action == action]
        form = next(form for form in wanted if form.action != "/log-out")
        return self.post(form.action, {**form.hidden, **fields}, **headers)

    def json(self, path: str, value: Any, **headers: str) -> httpx.Response:
        sent = {"Origin": ORIGIN, "Accept": "application/json", **self.headers, **_named(headers)}
        return self.client.post(path, json=value, headers=sent, follow_redirects=False)

    @property
    def cookie(self) -> str | None:
        return self.client.cookies.get("__Host-zorgid")


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@dataclass(frozen=True)
class SentForm:
    action: str
    hidden: dict[str, str]


def forms(html: str) -> list[SentForm]:
    """The forms of a page, with what they send besides what a person fills in."""
    found = []
    for tag, inner in re.findall(r"<form\b([^>]*)>(.*?)</form>", html, re.DOTALL):
        hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', inner)
        action = re.search(r'action="([^"]*)"', tag)
        assert action is not None
        found.append(SentForm(unescape(action[1]), {name: unescape(value) for name, value in hidden}))
    return found


@cache
def _keys() -> tuple[Authority, FileKeyStore]:
    """The CA and the keys of cards, of all portals of this process: a registry knows nothing of them."""
    with tempfile.TemporaryDirectory() as directory, Secret.of(b"correct horse") as passphrase:
        place = Path(directory)
        return Authority.create(place / "ca", passphrase, now=NOW), FileKeyStore.create(place / "keys", passphrase)


class PortalPages:
    """A portal, with an organisation, an administrator whose phone is linked, and browsers."""

    def __init__(
        self, directory: Path, registry: SQLRegistry | None = None, settings: Settings | None = None, **policy: Any
    ) -> None:
        self.clock = Clock(NOW)
        self.counts = EventCounts()
        self.pki = UZITestPKI(pool=KeyPool.shared(), now=NOW - timedelta(days=30))
        self.maker = Maker.create()
        self.store = registry or SQLRegistry.file(directory / "registry.db")
        self.store.create()
        self.directory = directory
        policy.setdefault("phones", PhonePolicy(signed=UNSIGNED))
        self.policy = Policy(**policy)
        self.portal = self.opened()
        self.app = portal_app(self.portal, settings or Settings(counts=self.counts, metrics_token="seen"))
        with self.store.begin() as unit:
            add_organisation(unit, URA)
            self.anna = add_person(unit, "anna", uzi_number="900016528", ura=URA, role="administrator")

    @property
    def registry(self) -> Registry:
        return self.store

    def opened(self) -> PortalSide:
        """The portal, as one more worker opens it."""
        authority, keys = _keys()
        return open_portal(
            self.directory / "portal",
            None,
            authority=authority,
            keys=keys,
            registry=self.store,
            identity=PortalIdentity(ORIGIN, fingerprint(PORTAL_KEY)),
            uzi=self.pki.trust("Z", "N"),
            uzi_revocation=CRLs(lambda issuer: [self.pki.crl(issuer, self.clock())]),
            makers=(self.maker.root,),
            policy=self.policy,
            events=self.counts,
            clock=self.clock,
        )

    def browser(self, app: Any = None, *, address: str = "192.0.2.7", **headers: str) -> Browser:
        client = TestClient(app or self.app, base_url=ORIGIN, client=(address, 50000))
        return Browser(client, _named(headers))

    def phone(self, person: Any = None) -> SimulatedPhone:
        """A phone of the administrator's, linked."""
        with self.store.begin() as unit:
            made = offer(unit, self.portal.services.identity, person or self.anna, URA, "browser", self.clock())
        phone = SimulatedPhone(direct(self.portal.phones.seam, PORTAL_KEY), clock=self.clock)
        phone.set_digits(Secret.of(DIGITS))
        phone.scan(made.qr_text)
        self.portal.phones.confirm(made.mobile_id, phone.link(), binding="browser")
        return phone

    def log_in_by_phone(self, browser: Browser, phone: SimulatedPhone) -> httpx.Response:
        asked = browser.send("/log-in", {"user_name": self.anna.user_name, "ura": URA}, action="/log-in/phone")
        number = re.search(r'class="number"><strong>(\d\d)<', asked.text)
        assert number is not None, asked.text
        approve(phone, number[1])
        form = next(form for form in forms(asked.text) if form.action == "/log-in/phone/finish")
        return browser.post(form.action, form.hidden)

    def offer_operator(self, token: str) -> datetime:
        """A link for the operator Ria."""
        return offer_operator(self.store, token, "Ria", self.clock())

    def token(self, nonce: str, holder: Any = None, letter: str = "N") -> dict[str, Any]:
        """What a UZI pass signs."""
        contents = holder or self.pki.pass_(WORKER, DE_LINDE, letter)
        signer = SoftwareSigner(contents.keys[Usage.AUTHENTICITY])
        found: dict[str, Any] = json.loads(make_token(signer, contents.certificates[Usage.AUTHENTICITY], ORIGIN, nonce))
        return found

    def log_in_by_pass(self, browser: Browser, holder: Any = None) -> httpx.Response:
        challenge = browser.get("/auth/challenge")
        token = self.token(challenge.json()["nonce"], holder)
        return browser.json("/auth/login", {"auth-token": token}, X_CSRF_Token=challenge.headers["X-CSRF-Token"])


def approve(phone: SimulatedPhone, number: str) -> None:
    """The phone's person copies the number and enters their digits."""
    asked = phone.question()
    assert asked is not None
    phone.approve(asked, number=number, digits=Secret.of(DIGITS))
