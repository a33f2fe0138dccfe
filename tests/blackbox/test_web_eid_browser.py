"""Log-in and signing from a page in Chromium: its extension starts the host, a real pinentry asks, a real pcscd has the card."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from playwright.sync_api import Page, Playwright, sync_playwright

from https_portal import HTTPSPortal, answer, https_portal
from pinentry_person import Person
from web_eid_browser import ask, begin, browser
from zorgid_card.pki.revocation import CRLs
from zorgid_card.recipes import open_login
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.testkit.uzi_profile import Person as Holder
from zorgid_card.testkit.uzi_profile import Subscriber

pytestmark = pytest.mark.blackbox

PIN = b"271828"
# The host as it is, but for where the administrator's list lies.
HOST = """
import sys
from pathlib import Path
from zorgid_card.agent import pairing
from zorgid_card.cli.__main__ import main
pairing.rollout_file = lambda: Path({path!r})
sys.argv[1:1] = ["agent", "native-messaging"]
main()
"""
LOG_IN = """async (token) => {
  const answered = await fetch("/auth/login", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ "auth-token": token }) });
  return { status: answered.status, ...(await answered.json()) };
}"""


@pytest.fixture(scope="module")
def pki() -> UZITestPKI:
    return UZITestPKI(pool=KeyPool.shared())


@pytest.fixture(scope="module")
def uzi_pass(pki: UZITestPKI) -> VirtualUZIPass:
    holder = Holder("Zoë", "Amrani", "900000022", prefixes="el")
    return VirtualUZIPass(pki.pass_(holder, Subscriber("Huisartsenpraktijk De Linde", "90000123"), "N"), pin=PIN)


@dataclass
class Desk:
    """A person before a browser that shows a page of the portal, and what the administrator has laid down."""

    page: Page
    portal: HTTPSPortal
    person: Person
    laid_down: Path

    def lay_down(self, *origins: str) -> None:
        self.laid_down.write_text(f"[web-eid]\nsigning = {json.dumps(origins)}\n")


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def desk(pki: UZITestPKI, playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    directory = tmp_path_factory.mktemp("desk")
    with https_portal(directory) as portal, Person("tty") as person:
        portal.door = open_login(portal.address, trust=pki.trust("N"), revocation=CRLs(pki.crl_source))
        portal.faults["/"] = lambda handler: answer(handler, 200, b"<title>Portal</title>", kind="text/html")
        portal.faults["/favicon.ico"] = lambda handler: answer(handler, 404, {})  # every GET begins a session
        laid_down = directory / "agent.toml"
        host = [sys.executable, "-c", HOST.format(path=str(laid_down)), "--pinentry", "pinentry-tty", "--lang", "nl"]
        terminal = {"GPG_TTY": person.options["ttyname"], "TERM": "xterm", "LANG": "C.UTF-8"}
        with browser(playwright, directory, host, environment=terminal) as page:
            page.goto(portal.address)
            yield Desk(page, portal, person, laid_down)


def aside(act: Callable[[], None]) -> Any:
    """The person, while the page waits."""
    return ThreadPoolExecutor(1).submit(act)


def test_the_version_is_one_that_the_extension_takes(desk: Desk) -> None:
    found = ask(desk.page, "status")
    assert found["action"] == "web-eid:status-success"
    assert found["nativeApp"].startswith("2.")


def test_aut_1_a_person_logs_in_from_a_page(
    desk: Desk, uzi_pass: VirtualUZIPass, insert: Callable[[VirtualCard], str]
) -> None:
    insert(uzi_pass)
    page, portal, person = desk.page, desk.portal, desk.person

    def consents() -> None:
        person.expect(f"Op verzoek van {portal.address}")
        person.expect("Wilt u hier inloggen")
        person.agree()
        person.expect("Pincode: ")
        person.enter(b"314159")
        person.expect("pogingen over: 2")
        person.expect("Pincode: ")
        person.enter(PIN)

    asked = aside(consents)
    nonce = page.evaluate("async () => (await (await fetch('/auth/challenge')).json()).nonce")
    token = ask(page, "authenticate", challengeNonce=nonce, lang="nl")
    asked.result(30)
    assert token.pop("action") == "web-eid:authenticate-success", token
    token.pop("nativeApp")
    found = page.evaluate(LOG_IN, token)
    assert found["status"] == 200, found
    assert found["uzi_number"] == "900000022"
    assert PIN not in person.shown


def test_aut_3_a_person_signs_for_a_portal_that_is_allowed_to(
    desk: Desk, uzi_pass: VirtualUZIPass, insert: Callable[[VirtualCard], str]
) -> None:
    insert(uzi_pass)
    page, portal, person = desk.page, desk.portal, desk.person

    def consents() -> None:
        person.expect(f"Op verzoek van {portal.address}")
        person.expect("Naam: Zoë el Amrani")
        person.agree()

    desk.lay_down(portal.address)
    asked = aside(consents)
    seen = ask(page, "get-signing-certificate", lang="nl")
    asked.result(30)
    assert seen["action"] == "web-eid:get-signing-certificate-success", seen
    digest = hashlib.sha256(b"a document").digest()

    def signs() -> None:
        person.expect("alleen de hash ervan")
        person.expect(digest.hex()[:40])
        person.agree()
        person.expect("Pincode: ")
        person.enter(PIN)

    asked = aside(signs)
    hashed = base64.b64encode(digest).decode()
    signed = ask(page, "sign", certificate=seen["certificate"], hash=hashed, hashFunction="SHA-256")
    asked.result(30)
    assert signed["action"] == "web-eid:sign-success", signed
    key = x509.load_der_x509_certificate(base64.b64decode(seen["certificate"])).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    key.verify(base64.b64decode(signed["signature"]), digest, padding.PKCS1v15(), Prehashed(hashes.SHA256()))


def test_aut_1_other_portals_get_nothing_signed_and_nobody_is_asked(desk: Desk) -> None:
    desk.lay_down("https://documents.example")
    before = desk.person.shown
    found = ask(desk.page, "get-signing-certificate", lang="nl")
    assert found["error"]["code"] == "ERR_WEBEID_NATIVE_FATAL"
    assert desk.portal.address in found["error"]["message"]
    assert desk.person.shown == before


def test_a_page_that_gives_up_takes_the_window_away(desk: Desk) -> None:
    page, person = desk.page, desk.person
    begin(page, "authenticate", challengeNonce="A" * 44, lang="nl")
    person.expect("Wilt u hier inloggen")
    assert ask(page, "give-up")["action"] == "web-eid:given-up"
    person.expect_over()


def test_aut_1_an_extension_that_the_manifest_does_not_name_is_given_no_host(
    desk: Desk, playwright: Playwright, tmp_path: Path
) -> None:
    with browser(playwright, tmp_path, ["true"], environment={}, known=False) as page:
        page.goto(desk.portal.address)
        found = ask(page, "status")
    assert found["action"] == "web-eid:status-failure"
    assert "forbidden" in found["error"]["message"]
