"""Who is logged in at the pages: sessions rotate, are judged anew at each request, and end with the right to them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from portal_pages import NOW, ORIGIN, URA, WORKER, Browser, PortalPages, forms
from postgres import Server, running
from zorgid_card.adapters.data_keys import MemoryDataKeys
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.errors import NotLoggedInError, RateLimitError, StorageError
from zorgid_card.ports.registry import BrowserSession, Membership, MobileID, OperatorLink
from zorgid_card.testkit.phone import SimulatedPhone
from zorgid_card.testkit.uzi_profile import DE_LINDE
from zorgid_card.web.app import portal_app
from zorgid_card.web.security import COOKIE
from zorgid_card.workflows.browser_sessions import BrowserSessions, OperatorLogIn, name_of


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture
def world(tmp_path: Path) -> Iterator[PortalPages]:
    made = PortalPages(tmp_path)
    yield made
    made.store.close()


@pytest.fixture
def anna(world: PortalPages) -> tuple[Browser, SimulatedPhone]:
    browser, phone = world.browser(), world.phone()
    assert world.log_in_by_phone(browser, phone).status_code == 303
    return browser, phone


def sessions(world: PortalPages) -> list[BrowserSession]:
    with world.store.begin() as unit:
        return list(unit.find(BrowserSession))


def logged_in(browser: Browser) -> bool:
    return browser.get("/session", Accept="application/json").status_code == 200


def test_nobody_who_is_not_logged_in_leaves_a_record(world: PortalPages) -> None:
    browser = world.browser()
    for path in ("/", "/log-in", "/organisation/request", "/auth/challenge", "/nowhere"):
        browser.get(path)
    assert browser.cookie
    assert sessions(world) == []


def test_the_secret_is_a_new_one_at_log_in_and_the_registry_does_not_hold_it(world: PortalPages) -> None:
    browser = world.browser()
    browser.get("/")
    before = browser.cookie
    world.log_in_by_phone(browser, world.phone())
    after = browser.cookie
    assert before
    assert after
    assert before != after
    [record] = sessions(world)
    assert record.id == name_of(after)
    assert after not in repr(dataclasses.astuple(record))
    planted = world.browser()
    planted.client.cookies.set(COOKIE, before, domain="portal.example")
    assert not logged_in(planted)


def test_the_cookie_is_the_hosts_own_and_for_no_script(world: PortalPages) -> None:
    cookie = world.browser().get("/").headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert {part.strip().lower() for part in cookie.split(";")[1:]} == {
        "httponly",
        "path=/",
        "samesite=strict",
        "secure",
    }


def test_logging_in_again_ends_the_session_before(world: PortalPages, anna: tuple[Browser, SimulatedPhone]) -> None:
    browser, phone = anna
    old = browser.cookie
    world.log_in_by_phone(browser, phone)
    assert len(sessions(world)) == 1
    stolen = world.browser()
    stolen.client.cookies.set(COOKIE, str(old), domain="portal.example")
    assert not logged_in(stolen)


def test_logging_out_ends_it_for_good(world: PortalPages, anna: tuple[Browser, SimulatedPhone]) -> None:
    browser, _ = anna
    cookie = browser.cookie
    [form] = [form for form in forms(browser.get("/").text) if form.action == "/log-out"]
    done = browser.post(form.action, form.hidden)
    assert (done.status_code, sessions(world)) == (303, [])
    assert cookie not in done.headers["set-cookie"]
    assert not logged_in(browser)


def block(world: PortalPages) -> None:
    [phone] = world.portal.management.acting_as(OperatorLogIn(name="Ria").actor, URA).phones()
    world.portal.management.acting_as(OperatorLogIn(name="Ria").actor, URA).block_phone(phone.id, "lost")


def unlink(world: PortalPages) -> None:
    with world.store.begin() as unit:
        for link in unit.find(Membership, person_id="anna"):
            unit.remove(link)


def suspend(world: PortalPages) -> None:
    world.portal.management.acting_as(OperatorLogIn(name="Ria").actor, URA).suspend("trouble")


def forget(world: PortalPages) -> None:
    with world.store.begin() as unit:
        for phone in unit.find(MobileID):
            unit.remove(phone)


@pytest.mark.parametrize("cause", [block, unlink, suspend, forget], ids=lambda cause: cause.__name__)
def test_a_phones_session_ends_at_once_with_what_it_stands_on(
    world: PortalPages, anna: tuple[Browser, SimulatedPhone], cause: Callable[[PortalPages], None]
) -> None:
    browser, _ = anna
    assert logged_in(browser)
    cause(world)
    told = browser.get("/session")
    assert told.status_code in (403, 409)
    assert 'role="alert"' in told.text
    assert sessions(world) == []
    assert browser.get("/").status_code == 200
    assert not logged_in(browser)


def test_a_role_is_what_the_records_say_now(world: PortalPages, anna: tuple[Browser, SimulatedPhone]) -> None:
    browser, _ = anna
    assert "(administrator)" in browser.get("/").text
    with world.store.begin() as unit:
        [link] = unit.find(Membership, person_id="anna")
        unit.replace(dataclasses.replace(link, role="manager"))
    assert "(beheerder)" in browser.get("/").text


def test_a_session_ends_by_its_time_and_a_page_that_polls_keeps_none_alive(
    world: PortalPages, anna: tuple[Browser, SimulatedPhone]
) -> None:
    browser, _ = anna
    for _ in range(3):
        world.clock.forward(minutes=29)
        assert browser.get("/").status_code == 200
    world.clock.forward(minutes=29)
    assert browser.get("/session").json() == {"left": 60}
    world.clock.forward(minutes=2)
    over = browser.get("/session")
    assert over.status_code == 401
    assert "omdat u een tijd niets hebt gedaan" in over.text
    assert sessions(world) == []


def test_a_session_lasts_a_working_day_at_most(world: PortalPages, anna: tuple[Browser, SimulatedPhone]) -> None:
    browser, _ = anna
    for _ in range(24):
        world.clock.forward(minutes=25)
        last = browser.get("/")
    assert last.status_code == 401
    assert "langst toegestane tijd" in last.text


def test_a_person_who_wants_to_go_on_does_so(world: PortalPages, anna: tuple[Browser, SimulatedPhone]) -> None:
    browser, _ = anna
    world.clock.forward(minutes=29)
    [form] = [form for form in forms(browser.get("/").text) if form.action == "/log-out"]
    world.clock.forward(minutes=28)
    assert browser.post("/session", form.hidden).json() == {"left": 1800}


# --- cards --------------------------------------------------------------------------------------------------


def test_a_passs_session_ends_when_the_pass_is_revoked_and_outlasts_a_register_that_is_silent(
    world: PortalPages,
) -> None:
    browser = world.browser()
    holder = world.pki.pass_(WORKER, DE_LINDE, "N")
    assert world.log_in_by_pass(browser, holder).status_code == 200
    world.clock.forward(minutes=2)
    assert logged_in(browser)
    world.clock.forward(minutes=2)
    crl, world.pki.crl = world.pki.crl, lambda issuer, at=None: b""  # type: ignore[method-assign]
    silent = browser.get("/session")
    assert silent.status_code == 503
    assert len(sessions(world)) == 1
    world.pki.crl = crl  # type: ignore[method-assign]
    assert logged_in(browser)
    world.pki.revoke(holder, at=world.clock())
    assert logged_in(browser)  # until it is judged from the beginning again
    world.clock.forward(seconds=61)
    ended = browser.get("/session", Accept="application/json")
    assert (ended.status_code, ended.json()["code"]) == (403, "certificate.revoked")
    assert sessions(world) == []


def test_who_shows_a_pass_acts_as_its_holder_and_sees_no_managers_page(world: PortalPages) -> None:
    browser = world.browser()
    world.log_in_by_pass(browser)
    assert "(met UZI-pas)" in browser.get("/").text
    assert browser.get("/operator").status_code == 403
    assert logged_in(browser)  # a page that is for others ends nothing


def test_a_challenge_serves_the_browser_that_asked_for_it_alone(world: PortalPages) -> None:
    mine, yours = world.browser(), world.browser()
    nonce = mine.get("/auth/challenge").json()["nonce"]
    token = yours.get("/auth/challenge").headers["x-csrf-token"]
    refused = yours.json("/auth/login", {"auth-token": world.token(nonce)}, X_CSRF_Token=token)
    assert refused.json()["code"] in ("certificate.signature", "portal.replay")
    assert sessions(world) == []


@pytest.mark.parametrize("body", [{}, {"auth-token": "text"}, {"auth-token": {}, "ura": 5}, {"auth-token": {"a": "b"}}])
def test_what_is_no_token_is_refused(world: PortalPages, body: dict[str, object]) -> None:
    browser = world.browser()
    token = browser.get("/auth/challenge").headers["x-csrf-token"]
    assert browser.json("/auth/login", body, X_CSRF_Token=token).json()["code"] == "encoding.message"


# --- operators ----------------------------------------------------------------------------------------------


def store_of(world: PortalPages) -> BrowserSessions:
    found: BrowserSessions = world.app.state.site.sessions
    return found


def test_an_operators_link_serves_once_for_ten_minutes_and_is_kept_as_a_hash(world: PortalPages) -> None:
    until = world.offer_operator("a" * 43)
    assert until - NOW == timedelta(minutes=10)
    with world.store.begin() as unit:
        assert "a" * 43 not in repr(list(unit.find(OperatorLink)))
    first, second = world.browser(), world.browser()
    page, link = "/operator/log-in", {"token": f"{ORIGIN}/operator/log-in#{'a' * 43}"}
    assert first.get(page).status_code == second.get(page).status_code == 200  # looking uses nothing up
    assert first.send(page, link).headers["location"] == "/operator"
    assert second.send(page, link).status_code == 404
    assert "Ria" in first.get("/operator").text
    world.offer_operator("b" * 43)
    world.clock.forward(minutes=10)
    assert second.send("/operator/log-in", {"token": "b" * 43}).status_code == 404


def test_what_has_served_its_time_is_removed(world: PortalPages, anna: tuple[Browser, SimulatedPhone]) -> None:
    world.offer_operator("a" * 43)
    world.clock.forward(hours=11)
    world.portal.tend()
    assert sessions(world) == []
    with world.store.begin() as unit:
        assert list(unit.find(OperatorLink)) == []


# --- the store ----------------------------------------------------------------------------------------------


def test_pages_keep_a_handful_for_a_session_and_nothing_for_others(
    world: PortalPages, anna: tuple[Browser, SimulatedPhone]
) -> None:
    kept, secret = store_of(world), str(anna[0].cookie)
    for number in range(12):
        kept.keep(secret, f"n{number}", str(number))
    kept.keep(secret, "n11", None)
    current = kept.judge(secret)
    assert current is not None
    assert current.kept == {f"n{number}": str(number) for number in range(5 - 1, 11)}
    with pytest.raises(NotLoggedInError):
        kept.keep("x" * 43, "name", "value")


@pytest.mark.parametrize("spoilt", [{"who": "{"}, {"who": "[]"}, {"who": '{"a":1}'}, {"kept": "7"}, {"means": "card"}])
def test_a_session_that_somebody_has_changed_is_no_crash(
    world: PortalPages, anna: tuple[Browser, SimulatedPhone], spoilt: dict[str, str]
) -> None:
    [record] = sessions(world)
    with world.store.begin() as unit:
        unit.replace(dataclasses.replace(record, **spoilt))
    with pytest.raises(StorageError):
        store_of(world).judge(str(anna[0].cookie))
    assert anna[0].get("/").status_code == 503


def test_what_is_asked_too_often_is_counted_for_all_workers(world: PortalPages) -> None:
    one, other = store_of(world), BrowserSessions(world.store, world.portal.log_in, world.clock)
    for store in (one, other) * 5:
        store.count("few:me", 10, timedelta(minutes=10))
    with pytest.raises(RateLimitError) as refused:
        other.count("few:me", 10, timedelta(minutes=10))
    assert refused.value.details == {"retry_after": 600}
    one.count("few:you", 10, timedelta(minutes=10))
    done = sum(1 for _ in range(301) if counted(one, "many:me", 300))
    assert 100 < done <= 300
    world.clock.forward(minutes=10)
    one.count("few:me", 10, timedelta(minutes=10))


def counted(store: BrowserSessions, what: str, most: int) -> bool:
    try:
        store.count(what, most, timedelta(minutes=10))
    except RateLimitError:
        return False
    return True


def test_two_workers_on_postgresql_share_a_session(tmp_path: Path, server: Server) -> None:
    keys = MemoryDataKeys()
    url = server.database()
    world = PortalPages(tmp_path, SQLRegistry(url, keys))
    browser = world.browser()
    world.log_in_by_phone(browser, world.phone())
    other = portal_app(world.opened())
    elsewhere = world.browser(other)
    elsewhere.client.cookies.set(COOKIE, str(browser.cookie), domain="portal.example")
    assert "Anna Jansen" in elsewhere.get("/").text
    [form] = [form for form in forms(elsewhere.get("/").text) if form.action == "/log-out"]
    assert elsewhere.post(form.action, form.hidden).status_code == 303
    assert not logged_in(browser)
    world.store.close()
