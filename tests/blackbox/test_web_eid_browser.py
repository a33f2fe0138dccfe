"""Log-in and signing from a page in Chromium: its extension starts the host, a real pinentry asks, a real pcscd has the card."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

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
HOST = [sys.executable, "-c", "from zorgid_card.cli.agent_native import native_messaging_command as host; host()"]
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


@pytest.fixture
def portal(pki: UZITestPKI, tmp_path: Path) -> Iterator[HTTPSPortal]:
    with https_portal(tmp_path) as portal:
        portal.door = open_login(portal.address, trust=pki.trust("N"), revocation=CRLs(pki.crl_source))
        portal.faults["/"] = lambda handler: answer(handler, 200, b"<title>Portal</title>", kind="text/html")
        portal.faults["/favicon.ico"] = lambda handler: answer(handler, 404, {})  # every GET begins a session
        yield portal


@pytest.fixture
def person() -> Iterator[Person]:
    with Person("tty") as person:
        yield person


@pytest.fixture
def page(portal: HTTPSPortal, person: Person, tmp_path: Path) -> Iterator[Page]:
    terminal = {"GPG_TTY": person.options["ttyname"], "TERM": "xterm", "LANG": "C.UTF-8"}
    command = [*HOST, "--pinentry", "pinentry-tty", "--lang", "nl"]
    with browser(tmp_path, command, environment=terminal) as (page, _):
        page.goto(portal.address)
        yield page


def aside(act: Callable[[], None]) -> Any:
    """The person, while the page waits."""
    return ThreadPoolExecutor(1).submit(act)


def test_the_version_is_one_that_the_extension_takes(page: Page) -> None:
    found = ask(page, "status")
    assert found["action"] == "web-eid:status-success"
    assert found["nativeApp"].startswith("2.")


def test_aut_1_a_person_logs_in_from_a_page(
    page: Page, portal: HTTPSPortal, person: Person, uzi_pass: VirtualUZIPass, insert: Callable[[VirtualCard], str]
) -> None:
    insert(uzi_pass)

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


def test_a_page_that_gives_up_takes_the_window_away(page: Page, person: Person) -> None:
    begin(page, "authenticate", challengeNonce="A" * 44, lang="nl")
    person.expect("Wilt u hier inloggen")
    assert ask(page, "give-up")["action"] == "web-eid:given-up"
    person.expect_over()


def test_aut_1_an_extension_that_the_manifest_does_not_name_is_given_no_host(
    portal: HTTPSPortal, tmp_path: Path
) -> None:
    with browser(tmp_path, HOST, environment={}, known=False) as (page, _):
        page.goto(portal.address)
        found = ask(page, "status")
    assert found["action"] == "web-eid:status-failure"
    assert "forbidden" in found["error"]["message"]
