"""The phone's page in Chromium, at the portal's real pages over TLS: what only a browser has, and every state it can be in."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

pytest.importorskip("playwright", reason="Playwright is not installed")

import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from playwright.sync_api import Page, Route, expect

from browsing import tls
from browsing.browser import Chromium, Person, chromium
from browsing.looks import look
from browsing.phone import Phone
from browsing.place import CHROMIUM
from portal_pages import ORIGIN, PORTAL_KEY, URA, PortalPages
from registry_world import add_person
from zorgid_card.ports.registry import Person as Registered
from zorgid_card.secret import Secret
from zorgid_card.testkit.phone import SimulatedPhone, direct
from zorgid_card.workflows.pairing import Offer, offer
from zorgid_card.workflows.policy import UNSIGNED, PhonePolicy

pytestmark = [pytest.mark.blackbox, pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed")]

HOST = ORIGIN.removeprefix("https://")
DIGITS, OTHER = "314159", "271828"
SEEN = "document.dispatchEvent(new Event('visibilitychange'))"
"""The page has just come before somebody's eyes again: it asks the portal at once."""
AMSTERDAM = ZoneInfo("Europe/Amsterdam")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalPages]:
    made = PortalPages(tmp_path_factory.mktemp("portal"), phones=PhonePolicy(signed=UNSIGNED, tries=2))
    with made.store.begin() as unit:
        add_person(unit, "bert", uzi_number="900000300", ura=URA, role="manager")
    yield made
    made.store.close()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def here(world: PortalPages, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The portal is served; its CA, and the flag by which a browser finds it."""
    site = tls.site(tmp_path_factory.mktemp("tls"), HOST)
    config = uvicorn.Config(
        world.app,
        host="127.0.0.1",
        port=0,
        ssl_certfile=site.certificate,
        ssl_keyfile=str(site.key),
        log_level="warning",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield site.ca, f"--host-resolver-rules=MAP {HOST}:443 127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def browser(here: tuple[Path, str], home: Path) -> Iterator[Chromium]:
    ca, found_by = here
    with chromium(home, ORIGIN, ca, [found_by]) as found:
        yield found


@pytest.fixture
def holder(browser: Chromium, world: PortalPages) -> Iterator[Person]:
    """Somebody with a phone whose clock is the portal's."""
    world.clock.forward(hours=1)  # what was asked before is forgotten
    with browser.person(phone=True) as person:
        person.context.clock.set_system_time(world.clock())
        yield person


def offered(world: PortalPages, person_id: str = "anna") -> Offer:
    with world.store.begin() as unit:
        person = unit.get(Registered, person_id)
        identity, policy = world.portal.services.identity, world.policy.phones
        return offer(unit, identity, person, URA, "browser", world.clock(), policy=policy)


class Handheld(Phone):
    """A phone that is looked at just when something is to be seen."""

    def linked(self) -> None:
        self.page.evaluate(SEEN)
        super().linked()

    def asked(self, heading: str, *, but: str = "") -> str:
        """What is asked; ``but`` is whose question is not meant."""
        self.page.evaluate(SEEN)
        if but:
            expect(self.page.locator("[data-facts]")).not_to_contain_text(but)
        return super().asked(heading)

    def done(self, heading: str) -> None:
        self.page.evaluate(SEEN)
        super().done(heading)

    def listed(self, text: str) -> None:
        """What is said of an ID."""
        self.page.evaluate(SEEN)
        expect(self.page.locator("[data-list]")).to_contain_text(text)


def linked(world: PortalPages, person: Person) -> tuple[Handheld, str]:
    """A phone that is linked, and its id."""
    phone, made = Handheld(person), offered(world)
    phone.scan(made.qr_text)
    world.portal.phones.confirm(made.mobile_id, phone.link(DIGITS), binding="browser")
    phone.linked()
    return phone, made.mobile_id


APART = """
    Object.defineProperty(navigator, "standalone", { value: false });
    StorageManager.prototype.persist = () => new Promise(() => {});
"""
"""Other browsers: on the home screen pages have a storage of their own (Safari); people are asked whether to keep it (Firefox)."""


def ask(world: PortalPages, **given: str) -> Any:
    return world.portal.phones.ask(world.anna.user_name, URA, binding="browser", client="192.0.2.7", **given)


def enter(phone: Phone) -> None:
    for label in ("Kies zes cijfers", "Dezelfde zes cijfers nog een keer"):
        phone.page.get_by_label(label).fill(DIGITS)
    phone.page.get_by_role("button", name="Voeg ID toe").click()


def said(phone: Phone, text: str) -> None:
    expect(phone.page.get_by_text(text)).to_be_visible()


def known(page: Page) -> list[dict[str, Any]]:
    """What lies in the browser of each ID, as far as a script can tell."""
    found: list[dict[str, Any]] = page.evaluate("""async () => {
        const ended = (request) => new Promise((done) => (request.onsuccess = () => done(request.result)));
        const database = await ended(indexedDB.open("zorgid-phone"));
        const ids = await ended(database.transaction("ids").objectStore("ids").getAll());
        const refused = (key, how) => crypto.subtle.exportKey(how, key).then(() => "given out", (error) => error.name);
        return Promise.all(ids.map(async ({ key, deviceSecret, ...id }) => ({
            ...id, secret: deviceSecret.length, names: Object.keys(id).sort(), type: key.type, usages: key.usages,
            exports: [await refused(key, "pkcs8"), await refused(key, "jwk")],
        })));
    }""")
    return found


@contextmanager
def answers_changed(page: Page, world: PortalPages, change: Any) -> Iterator[None]:
    """What the portal answers is changed on its way to the phone."""

    def changed(route: Route) -> None:
        answer = json.loads(world.portal.phones.seam.ask(route.request.post_data_buffer or b""))
        route.fulfill(json=change(answer))

    page.route("**/phone/v1", changed)
    yield
    page.unroute("**/phone/v1")


# --- linking ----------------------------------------------------------------------------------------------------------


def test_org_6_the_qr_codes_address_leaves_bar_and_history_and_the_key_cannot_be_had(
    holder: Person, world: PortalPages
) -> None:
    phone, made = Handheld(holder), offered(world)
    phone.scan(made.qr_text)
    assert (phone.page.url, phone.page.evaluate("history.length")) == (f"{ORIGIN}/phone", 2)  # about:blank, and this
    look(phone.page)
    code = phone.link(DIGITS)
    look(phone.page)
    phone.page.reload()
    said(phone, code)
    world.portal.phones.confirm(made.mobile_id, code, binding="browser")
    phone.page.evaluate(SEEN)
    expect(phone.page.get_by_role("heading", name="De telefoon is gekoppeld")).to_be_visible()
    said(phone, "op het beginscherm of bij uw favorieten")
    look(phone.page)
    phone.page.get_by_role("button", name="Verder").click()
    look(phone.page)
    (kept,) = known(phone.page)
    assert kept["names"] == ["code", "origin", "phone", "since", "state", "triesLeft"]
    assert (kept["type"], kept["usages"], kept["exports"]) == ("private", ["sign"], ["InvalidAccessError"] * 2)
    assert (kept["phone"], kept["state"], kept["code"], kept["secret"]) == (made.mobile_id, "linked", None, 32)
    assert phone.page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]
    assert holder.complaints == []


def test_what_is_entered_wrong_is_said_at_its_field(holder: Person, world: PortalPages) -> None:
    phone = Handheld(holder)
    phone.scan(offered(world).qr_text)
    first, second = (
        phone.page.get_by_label("Kies zes cijfers"),
        phone.page.get_by_label("Dezelfde zes cijfers nog een keer"),
    )
    for entered, repeated, where, text in (
        ("31415", "31415", first, "Voer zes cijfers in"),
        ("31415x", "31415x", first, "Voer zes cijfers in"),
        (DIGITS, OTHER, second, "niet gelijk"),
    ):
        first.fill(entered)
        second.fill(repeated)
        phone.page.get_by_role("button", name="Voeg ID toe").click()
        expect(phone.page.get_by_role("alert").filter(has_text=text)).to_be_visible()
        expect(where).to_be_focused()
        expect(where).to_have_attribute("aria-invalid", "true")
    look(phone.page)
    assert (
        phone.page.evaluate("getComputedStyle(document.querySelector('#choose-digits')).webkitTextSecurity") == "disc"
    )
    phone.page.get_by_label("Toon de cijfers").first.check()
    assert (
        phone.page.evaluate("getComputedStyle(document.querySelector('#choose-digits')).webkitTextSecurity") == "none"
    )


def claimed_by_another(made: Offer, world: PortalPages) -> None:
    thief = SimulatedPhone(direct(world.portal.phones.seam, PORTAL_KEY), clock=world.clock)
    thief.set_digits(Secret.of(OTHER.encode()))
    thief.scan(made.qr_text)
    thief.link()


def test_org_5_a_code_that_was_used_or_has_expired_is_told_so_and_nothing_is_kept(
    holder: Person, world: PortalPages
) -> None:
    phone, made = Handheld(holder), offered(world)
    phone.scan(made.qr_text)
    claimed_by_another(made, world)
    enter(phone)
    said(phone, "al door een andere telefoon gebruikt")
    look(phone.page)
    made = offered(world)
    phone.scan(made.qr_text)
    world.clock.forward(minutes=3)
    enter(phone)
    said(phone, "Deze QR-code is verlopen")
    assert known(phone.page) == []


def test_a_link_can_be_pasted_and_no_other_qr_code_is_read(holder: Person, world: PortalPages) -> None:
    made, page = offered(world), holder.open("/phone")
    expect(page.get_by_role("heading", name="Deze telefoon is nog niet gekoppeld")).to_be_visible()
    page.get_by_text("Ik heb de link gekopieerd").click()
    look(page)
    for text, told in (
        ("https://portal.example/log-in#1.a.b.c", "geen QR-code voor het koppelen"),
        (made.qr_text.replace("#1.", "#2."), "van een andere versie"),
        (made.qr_text.replace(HOST, "elders.example"), "van een ander portaal"),
    ):
        page.get_by_label("Link van de QR-code").fill(text)
        page.get_by_role("button", name="Verder").click()
        expect(page.get_by_text(told)).to_be_visible()
        page.get_by_role("button", name="Verder").click()
    page.get_by_label("Link van de QR-code").fill(made.qr_text)
    page.get_by_role("button", name="Verder").click()
    expect(page.get_by_role("heading", name="Koppel deze telefoon")).to_be_focused()
    page.get_by_role("button", name="Niet koppelen").click()
    expect(page.get_by_role("heading", name="Deze telefoon is nog niet gekoppeld")).to_be_visible()
    page.goto(made.qr_text.replace("#1.", "#2."))
    expect(page.get_by_text("van een andere versie")).to_be_visible()
    assert page.url == f"{ORIGIN}/phone"


def test_a_claim_whose_answer_is_lost_is_sent_again_as_it_was(holder: Person, world: PortalPages) -> None:
    holder.context.add_init_script(APART)
    phone, made, sent = Handheld(holder), offered(world), []
    phone.scan(made.qr_text)

    def lost(route: Route) -> None:
        sent.append(route.request.post_data)
        world.portal.phones.seam.ask(route.request.post_data_buffer or b"")
        route.abort()

    phone.page.route("**/phone/v1", lost)
    enter(phone)
    said(phone, "Het portaal antwoordt niet")
    phone.page.unroute("**/phone/v1")
    phone.page.get_by_role("button", name="Probeer opnieuw").click()
    code = world.portal.phones.progress(made.mobile_id, binding="browser").code
    said(phone, code or "")
    assert len(sent) == 3
    assert len(set(sent)) == 1
    world.portal.phones.confirm(made.mobile_id, code or "", binding="browser")
    phone.page.evaluate(SEEN)
    said(phone, "niet op het beginscherm: daar is deze ID niet")
    ask(world)
    phone.asked("Wilt u inloggen?")


# --- what is asked ----------------------------------------------------------------------------------------------------


def test_org_7_a_log_in_shows_what_is_signed_and_is_approved_by_keyboard_alone(
    holder: Person, world: PortalPages
) -> None:
    phone, _ = linked(world, holder)
    asked = ask(world)
    shown = phone.asked("Wilt u inloggen?")
    assert shown.split("\n")[1::2] == [ORIGIN, f"Praktijk {URA}", URA, world.anna.user_name, "192.0.2.7"]
    expect(phone.page.get_by_role("heading", name="Wilt u inloggen?")).to_be_focused()
    look(phone.page)
    keyboard = phone.page.keyboard
    keyboard.press("Tab")
    keyboard.type(asked.number)
    keyboard.press("Tab")
    keyboard.type(DIGITS)
    keyboard.press("Enter")
    expect(phone.page.get_by_role("heading", name="Goedgekeurd")).to_be_focused()
    assert world.portal.phones.finish(asked.nonce, binding="browser") is not None
    keyboard.press("Tab")
    keyboard.press("Enter")
    phone.listed(f"{world.anna.user_name}, Praktijk {URA}")
    assert phone.page.input_value("#asked-digits") == ""
    assert holder.complaints == []


def test_org_7_wrong_digits_are_counted_until_the_id_is_blocked_and_an_administrator_unblocks_it(
    holder: Person, world: PortalPages
) -> None:
    phone, mobile = linked(world, holder)
    for told in ("pogingen over: 1", "deze ID is geblokkeerd"):
        asked = ask(world)
        phone.asked("Wilt u inloggen?")
        phone.approve(asked.number, OTHER)
        said(phone, told)
    phone.page.get_by_role("button", name="Verder").click()
    phone.listed("Een administrator kan deze ID deblokkeren")
    manager = world.portal.management.acting_as("anna", URA)
    manager.unblock_phone(mobile, "she is sure now")
    phone.listed("Gekoppeld; pogingen over voor de zes cijfers: 2")
    manager.revoke_phone(mobile, "it is lost")
    phone.listed("Ingetrokken")
    phone.page.get_by_role("button", name=re.compile("Verwijder .*Praktijk")).click()
    look(phone.page)
    phone.page.get_by_role("button", name="Behoud de ID").click()
    phone.listed("Ingetrokken")
    phone.page.get_by_role("button", name=re.compile("Verwijder .*Praktijk")).click()
    phone.page.get_by_role("button", name="Verwijder de ID").click()
    expect(phone.page.get_by_role("heading", name="Deze telefoon is nog niet gekoppeld")).to_be_visible()
    assert known(phone.page) == []


def test_another_number_a_refusal_and_time_end_what_is_asked(holder: Person, world: PortalPages) -> None:
    phone, _ = linked(world, holder)
    asked = ask(world)
    phone.asked("Wilt u inloggen?")
    phone.approve("7", DIGITS)
    expect(phone.page.get_by_label("Getal op de pagina van het portaal")).to_be_focused()
    phone.approve(f"{(int(asked.number) + 1) % 100:02d}", DIGITS)
    said(phone, "niet het getal op de pagina")
    asked = ask(world)
    phone.asked("Wilt u inloggen?")
    phone.page.route("**/phone/v1", lambda route: route.abort())
    phone.page.get_by_role("button", name="Weiger").press("Enter")
    said(phone, "Het portaal antwoordt niet")
    expect(phone.page.get_by_role("button", name="Weiger")).to_be_focused()
    phone.page.unroute("**/phone/v1")
    phone.refuse()
    phone.done("Geweigerd")
    assert world.portal.phones.status(asked.nonce, binding="browser") == "refused"
    asked = ask(world)
    phone.asked("Wilt u inloggen?")
    world.clock.forward(seconds=31)
    phone.done("Dit staat niet meer open")
    assert world.portal.phones.status(asked.nonce, binding="browser") == "over"


def test_adm_5_a_change_says_what_to_whom_why_and_all_that_belongs_to_it(holder: Person, world: PortalPages) -> None:
    phone, _ = linked(world, holder)
    asked = world.portal.phones.ask_approval(
        "anna",
        URA,
        binding="browser",
        action="person.appoint",
        subject="bert",
        reason="takes <b>over</b>\nsoon",
        role="manager",
    )
    shown = phone.asked("Wilt u deze wijziging ondertekenen?")
    assert shown.split("\n")[1::2] == [
        *(ORIGIN, f"Praktijk {URA}", URA, "anna", "Anna Jansen"),
        *("een rol geven", "bert", "Bert Jansen", "takes <b>over</b>␊soon", "beheerder"),
    ]
    phone.approve(asked.number, DIGITS)
    phone.done("Goedgekeurd")
    assert world.portal.phones.status(asked.nonce, binding="browser") == "approved"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"action": "card.sell"}, "om een wijziging die deze pagina niet kent"),
        ({"origin": "https://elders.example"}, "van een ander portaal"),
    ],
    ids=["action", "origin"],
)
def test_what_the_page_does_not_know_can_only_be_refused(
    holder: Person, world: PortalPages, change: dict[str, str], told: str
) -> None:
    phone, _ = linked(world, holder)

    def changed(answer: dict[str, Any]) -> dict[str, Any]:
        fields = answer.get("fields") and json.dumps(json.loads(answer["fields"]) | change)
        return answer | ({"fields": fields} if fields else {})

    with answers_changed(phone.page, world, changed):
        asked = world.portal.phones.ask_approval(
            "anna", URA, binding="browser", action="person.unlink", subject="bert", reason="gone"
        )
        phone.asked("Dit kan deze telefoon niet ondertekenen")
        said(phone, told)
        look(phone.page)
        expect(phone.page.get_by_role("button", name="Keur goed")).to_be_hidden()
        expect(phone.page.get_by_label("Uw zes cijfers")).to_be_hidden()
        phone.refuse()
        phone.done("Geweigerd")
    assert world.portal.phones.status(asked.nonce, binding="browser") == "refused"


def test_two_people_have_their_ids_on_one_phone_and_two_windows_know_of_one_answer(
    holder: Person, world: PortalPages
) -> None:
    phone, _ = linked(world, holder)
    made = offered(world, "bert")
    phone.scan(made.qr_text)
    world.portal.phones.confirm(made.mobile_id, phone.link(OTHER), binding="browser")
    phone.linked()
    assert len(known(phone.page)) == 2
    asked = world.portal.phones.ask("bert.900000300", URA, binding="browser")
    assert "bert.900000300" in phone.asked("Wilt u inloggen?")
    window = Handheld(holder)
    window.page.goto("/phone")
    window.asked("Wilt u inloggen?")
    phone.approve(asked.number, OTHER)
    phone.done("Goedgekeurd")
    window.page.evaluate(SEEN)
    expect(window.page.get_by_role("heading", name="Dit staat niet meer open")).to_be_visible()
    hers, his = ask(world), world.portal.phones.ask("bert.900000300", URA, binding="browser")
    assert world.anna.user_name in phone.asked("Wilt u inloggen?")
    phone.page.get_by_label("Uw zes cijfers").fill("31")
    for _ in range(2):  # the other waits until this is answered
        with phone.page.expect_response("**/phone/v1"):
            phone.page.evaluate(SEEN)
    assert phone.page.get_by_label("Uw zes cijfers").input_value() == "31"
    phone.approve(hers.number, DIGITS)
    assert "bert.900000300" in phone.asked("Wilt u inloggen?", but=world.anna.user_name)
    phone.approve(his.number, OTHER)
    phone.done("Goedgekeurd")


# --- the way, the clock, the browser ----------------------------------------------------------------------------------


def test_without_a_network_the_page_opens_and_says_so(holder: Person, world: PortalPages) -> None:
    phone, _ = linked(world, holder)
    page = phone.page
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.reload()  # what it has loaded by the service worker is kept
    said(phone, "Er wordt niets gevraagd")
    made = offered(world)
    page.goto(made.qr_text)
    expect(page.get_by_role("heading", name="Koppel deze telefoon")).to_be_visible()
    kept = page.evaluate("""async () => {
        const cache = await caches.open("zorgid-phone-1");
        return (await cache.keys()).map((request) => request.url);
    }""")
    assert f"{ORIGIN}/phone" in kept
    assert f"{ORIGIN}/static/phone/page.js" in kept
    assert not [address for address in kept if "#" in address or "/v1" in address]
    holder.context.set_offline(True)
    page.goto("/phone")
    said(phone, "Het portaal is niet bereikbaar")
    look(page)
    holder.context.set_offline(False)
    page.evaluate(SEEN)
    expect(page.get_by_text("Het portaal is niet bereikbaar")).to_be_hidden()


def test_a_wrong_clock_is_told_with_the_portals_time(holder: Person, world: PortalPages) -> None:
    phone, _ = linked(world, holder)
    world.clock.forward(minutes=10)
    phone.page.evaluate(SEEN)
    said(phone, "De klok van deze telefoon loopt niet gelijk")
    said(phone, f"bij het portaal is het {world.clock().astimezone(AMSTERDAM):%H:%M}")
    holder.context.clock.set_system_time(world.clock())
    phone.page.evaluate(SEEN)
    expect(phone.page.get_by_text("loopt niet gelijk")).to_be_hidden()


def test_the_page_asks_the_portal_for_nothing_while_it_is_not_seen(holder: Person, world: PortalPages) -> None:
    phone, _ = linked(world, holder)
    seen = """(state) => {
        Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    with phone.page.expect_request("**/phone/v1"):
        pass
    phone.page.evaluate(seen, "hidden")
    phone.page.wait_for_timeout(500)  # what was under way
    asked_for: list[str] = []
    phone.page.on("request", lambda request: asked_for.append(request.url))
    phone.page.wait_for_timeout(1800)
    assert asked_for == []
    with phone.page.expect_request("**/phone/v1"):
        phone.page.evaluate(seen, "visible")


def test_who_changes_the_language_goes_on_with_the_code_that_was_scanned(holder: Person, world: PortalPages) -> None:
    phone, made = Handheld(holder), offered(world)
    phone.scan(made.qr_text)
    phone.page.get_by_role("link", name="English").click()
    expect(phone.page.get_by_role("heading", name="Link this phone")).to_be_visible()
    assert phone.page.url == f"{ORIGIN}/phone"
    assert phone.page.evaluate("document.documentElement.lang") == "en"
    phone.page.get_by_role("button", name="Do not link").click()
    expect(phone.page.get_by_role("heading", name="This phone is not linked yet")).to_be_visible()
    assert "#" not in phone.page.locator(".language a").get_attribute("href")
    assert holder.complaints == []


def test_a_poll_that_was_under_way_does_not_ask_again_what_is_answered(holder: Person, world: PortalPages) -> None:
    phone, _ = linked(world, holder)
    asked = ask(world)
    phone.asked("Wilt u inloggen?")
    late: list[Route] = []

    def slow(route: Route) -> None:
        body = route.request.post_data_buffer or b""
        if b"phone-poll" in body and not late:
            answers.append(world.portal.phones.seam.ask(body))
            late.append(route)
        else:
            route.continue_()

    answers: list[bytes] = []
    phone.page.route("**/phone/v1", slow)
    phone.page.evaluate(SEEN)
    phone.page.wait_for_function("() => true")
    phone.approve(asked.number, DIGITS)
    expect(phone.page.get_by_role("heading", name="Goedgekeurd")).to_be_visible()
    with phone.page.expect_response("**/phone/v1"):
        late[0].fulfill(body=answers[0], content_type="application/json")
    with phone.page.expect_response("**/phone/v1"):
        phone.page.evaluate(SEEN)
    expect(phone.page.get_by_role("heading", name="Goedgekeurd")).to_be_visible()


def test_a_browser_that_keeps_nothing_is_told_so(browser: Chromium) -> None:
    with browser.person(phone=True) as person:
        person.context.add_init_script(
            "IDBFactory.prototype.open = () => { throw new DOMException('', 'SecurityError'); };"
        )
        page = person.open("/phone")
        expect(page.get_by_role("heading", name="Dit kan niet in deze browser")).to_be_visible()
        look(page)


def test_a_page_whose_storage_fails_says_so_and_does_not_look_alive(holder: Person, world: PortalPages) -> None:
    phone, _ = linked(world, holder)
    phone.page.evaluate(
        "() => { IDBObjectStore.prototype.getAll = () => { throw new DOMException('', 'InvalidStateError'); }; }"
    )
    expect(phone.page.get_by_role("heading", name="De pagina werkt niet meer")).to_be_visible()
    look(phone.page)
    phone.page.get_by_role("link", name="Probeer opnieuw").click()
    phone.listed("Gekoppeld")


def test_the_page_can_be_installed(browser: Chromium) -> None:
    with browser.person(phone=True) as person:
        page = person.open("/phone")
        found = person.context.new_cdp_session(page).send("Page.getAppManifest")
        assert found["errors"] == []
        manifest = json.loads(found["data"])
        assert {icon["sizes"] for icon in manifest["icons"]} == {"any", "192x192", "512x512"}
        for icon in manifest["icons"]:
            sizes = page.evaluate("""(src) => new Promise((done, failed) => {
                const image = new Image();
                image.onload = () => done(`${image.naturalWidth}x${image.naturalHeight}`);
                image.onerror = () => failed(new Error(src));
                image.src = src;
            })""", icon["src"])  # fmt: skip
            assert icon["sizes"] in (sizes, "any")


def test_the_browsers_files_hold_the_key_in_clear_but_neither_digits_nor_what_comes_of_them(
    browser: Chromium, here: tuple[Path, str], home: Path, world: PortalPages, tmp_path: Path
) -> None:
    """What docs/phone-page.md says of who copies them."""
    key, made, digits = ec.generate_private_key(ec.SECP256R1()), offered(world), f"{secrets.randbelow(10**6):06d}"
    pkcs8 = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    context = browser._browser.browser_type.launch_persistent_context(
        tmp_path,
        executable_path=CHROMIUM,
        args=["--no-sandbox", here[1]],
        env={"HOME": str(home)},
        base_url=ORIGIN,
        locale="nl",
    )
    context.clock.set_system_time(world.clock())
    phone = Handheld(Person(context))
    phone.scan(made.qr_text)
    world.portal.phones.confirm(made.mobile_id, phone.link(digits), binding="browser")
    phone.linked()
    device_secret = bytes(phone.page.evaluate(STORE, base64.b64encode(pkcs8).decode()))
    context.close()
    files = {str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    database = b"".join(held for name, held in files.items() if "IndexedDB" in name)
    assert pkcs8 in database
    assert device_secret in database
    verifier = hashlib.scrypt(digits.encode(), salt=device_secret, n=16384, r=8, p=1, dklen=32)
    secret = made.qr_text.rpartition(".")[2]
    assert any(secret.encode() in held for name, held in files.items() if "History" in name)
    assert secret.encode() not in b"".join(
        held for name, held in files.items() if re.search("IndexedDB|Service Worker", name)
    )
    for gone in (verifier, base64.urlsafe_b64encode(verifier).rstrip(b"="), verifier.hex().encode()):
        assert [name for name, held in files.items() if gone in held] == []
    assert digits.encode() not in database


STORE = """async (pkcs8) => {
    const ended = (request) => new Promise((done) => (request.onsuccess = () => done(request.result)));
    const octets = Uint8Array.from(atob(pkcs8), (one) => one.charCodeAt(0));
    const key = await crypto.subtle.importKey("pkcs8", octets, { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
    const database = await ended(indexedDB.open("zorgid-phone"));
    const [made] = await ended(database.transaction("ids").objectStore("ids").getAll());
    const writing = database.transaction("ids", "readwrite", { durability: "strict" });
    writing.objectStore("ids").put({ ...made, phone: "known", state: "unknown", key });
    await new Promise((done) => (writing.oncomplete = done));
    return Array.from(made.deviceSecret);
}"""
"""Keeps a key that is known just as the page keeps its own; gives the device secret."""
