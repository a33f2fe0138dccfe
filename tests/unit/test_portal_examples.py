"""The portals that the pages show: session fixation, CSRF, re-authentication, passes that stop being good (AUT-1, AUT-2)."""

from __future__ import annotations

import base64
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any, Protocol

import pytest

from docs_examples import ROOT
from portal_examples import ORIGIN, WORKER, Register, django_project, fastapi_worker, token
from zorgid_card.adapters.challenges import SQLChallenges
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_profile import Usage

pytest.importorskip("fastapi")
pytest.importorskip("django")

PLACES = {"fastapi": "docs/portal-fastapi.md", "django": "docs/portal-django.md"}
Answer = tuple[int, dict[str, Any]]


class Browser(Protocol):
    """One browser, with its cookies; ``origin`` is that of the page whose script sends a POST."""

    session: str

    def plant(self, session: str) -> None: ...

    def get(self, path: str, **headers: str) -> Answer: ...

    def post(self, path: str, body: dict[str, Any] | bytes | None = None, **headers: str) -> Answer: ...


class Portal(Protocol):
    """One of the examples."""

    register: Register

    def browser(self, worker: int = 0) -> Browser: ...

    def always_recheck(self) -> None: ...


class FastAPIBrowser:
    def __init__(self, app: Any, cookies: dict[str, str] | None = None, peer: str = "testclient") -> None:
        from fastapi.testclient import TestClient

        self.client = TestClient(app, base_url=ORIGIN, client=(peer, 50000), raise_server_exceptions=False)
        for session in (cookies or {}).values():
            self.plant(session)

    def plant(self, session: str) -> None:
        self.client.cookies.set("__Host-session", session, domain="portal.example", path="/")

    @property
    def session(self) -> str:
        return self.client.cookies.get("__Host-session") or ""

    def get(self, path: str, **headers: str) -> Answer:
        response = self.client.get(path, headers=headers)
        return response.status_code, response.json()

    def post(self, path: str, body: dict[str, Any] | bytes | None = None, **headers: str) -> Answer:
        sent = {"content": body} if isinstance(body, bytes) else {"json": body}
        given = {"Origin": ORIGIN, "Content-Type": "application/json"} | headers
        response = self.client.post(path, headers=given, **sent)
        return response.status_code, response.json() or {}


class FastAPIPortal:
    def __init__(self, register: Register) -> None:
        self.register = register
        self.workers = [fastapi_worker(register, f"portal_{number}") for number in range(2)]

    def browser(self, worker: int = 0, **options: Any) -> FastAPIBrowser:
        return FastAPIBrowser(self.workers[worker].app, **options)

    def always_recheck(self) -> None:
        for worker in self.workers:
            worker.RECHECK = -1


class DjangoBrowser:
    def __init__(self, peer: str = "127.0.0.1") -> None:
        from django.test import Client

        self.client = Client(
            enforce_csrf_checks=True, SERVER_NAME="portal.example", REMOTE_ADDR=peer, raise_request_exception=False
        )

    def plant(self, session: str) -> None:
        self.client.cookies["__Host-session"] = session

    @property
    def session(self) -> str:
        cookie = self.client.cookies.get("__Host-session")
        return cookie.value if cookie else ""

    def get(self, path: str, **headers: str) -> Answer:
        response = self.client.get(path, secure=True, headers=headers)
        return response.status_code, response.json() if response.content else {}

    def post(self, path: str, body: dict[str, Any] | bytes | None = None, **headers: str) -> Answer:
        csrf = self.client.cookies.get("csrftoken")
        sent = {"Origin": ORIGIN} | ({"X-CSRFToken": csrf.value} if csrf else {}) | headers
        response = self.client.post(path, body, content_type="application/json", secure=True, headers=sent)
        json = "json" in response.headers.get("Content-Type", "")
        return response.status_code, response.json() if json else {}


class DjangoPortal:
    def __init__(self, register: Register) -> None:
        from django.contrib.auth import get_user_model

        self.register = register
        for person in (WORKER.uzi_number, "900000011"):
            get_user_model().objects.update_or_create(username=person, defaults={"is_active": True})

    def browser(self, worker: int = 0, **options: Any) -> DjangoBrowser:
        return DjangoBrowser(**options)

    def always_recheck(self) -> None:
        from portal import card

        card.RECHECK = -1


@pytest.fixture(scope="module")
def django_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Register]:
    """Django is set up once for a process; its register's passes are new for each test."""
    import os

    directory = tmp_path_factory.mktemp("django")
    register = Register(directory)
    sys.path.insert(0, str(django_project(register)))
    os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    yield register
    sys.path.pop(0)
    del os.environ["DJANGO_SETTINGS_MODULE"]


@pytest.fixture(params=["fastapi", "django"])
def portal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Portal]:
    if request.param == "fastapi":
        yield FastAPIPortal(Register(tmp_path))
        return
    register: Register = request.getfixturevalue("django_site")
    from portal import card

    register.publish()
    register.worker = register.pki.pass_(WORKER, register.worker.subscriber, "N")
    yield DjangoPortal(register)
    card.RECHECK = 300


def log_in(browser: Browser, holder: PassContents, **headers: str) -> Answer:
    _, told = browser.get("/auth/challenge")
    return browser.post("/auth/login", {"auth-token": token(holder, told["nonce"])}, **headers)


def test_aut_2_a_pass_logs_in(portal: Portal) -> None:
    browser = portal.browser()
    assert browser.get("/me")[0] == 401
    status, told = log_in(browser, portal.register.worker)
    assert (status, told["name"], told["organisation"]) == (200, "Zoë el Amrani", "Huisartsenpraktijk De Linde")
    assert browser.get("/me")[1]["uzi_number"] == WORKER.uzi_number
    assert portal.browser().get("/me")[0] == 401


def test_aut_1_a_session_has_another_name_after_log_in(portal: Portal) -> None:
    """Session fixation: who planted the name before has nothing afterwards."""
    browser = portal.browser()
    _, told = browser.get("/auth/challenge")
    before = browser.session
    assert before
    assert browser.post("/auth/login", {"auth-token": token(portal.register.worker, told["nonce"])})[0] == 200
    assert browser.session not in ("", before)
    other = portal.browser()
    other.plant(before)
    assert other.get("/me")[0] == 401


def test_aut_1_who_logs_in_after_another_leaves_no_session_of_theirs_behind(portal: Portal) -> None:
    browser = portal.browser()
    log_in(browser, portal.register.worker)
    before = browser.session
    assert log_in(browser, portal.register.colleague)[0] == 200
    assert browser.get("/me")[1]["uzi_number"] == "900000011"
    other = portal.browser()
    other.plant(before)
    assert other.get("/me")[0] == 401


def test_aut_1_a_name_that_the_browser_chose_is_nobodys_session(portal: Portal) -> None:
    browser = portal.browser()
    browser.plant("chosen" * 6)
    _, told = browser.get("/auth/challenge")
    assert browser.session != "chosen" * 6
    assert browser.post("/auth/login", {"auth-token": token(portal.register.worker, told["nonce"])})[0] == 200


def test_aut_1_a_challenge_serves_its_own_browser_and_one_try(portal: Portal) -> None:
    mine, theirs = portal.browser(), portal.browser()
    _, told = mine.get("/auth/challenge")
    theirs.get("/auth/challenge")
    answer = token(portal.register.worker, told["nonce"])
    assert theirs.post("/auth/login", {"auth-token": answer})[1]["code"] == "certificate.signature"
    assert mine.post("/auth/login", {"auth-token": answer})[0] == 200
    assert mine.post("/auth/login", {"auth-token": answer})[1]["code"] == "portal.replay"


def test_aut_1_a_token_for_another_origin_is_refused(portal: Portal) -> None:
    browser = portal.browser()
    _, told = browser.get("/auth/challenge")
    answer = token(portal.register.worker, told["nonce"], "https://portal.example.evil.example")
    assert browser.post("/auth/login", {"auth-token": answer})[1]["code"] == "certificate.signature"


@pytest.mark.parametrize("path", ["/auth/login", "/auth/logout", "/prescriptions/7/approve", "/auth/tls"])
def test_aut_1_another_sites_page_cannot_post(portal: Portal, path: str) -> None:
    browser = portal.browser()
    assert log_in(browser, portal.register.worker)[0] == 200
    _, told = browser.get("/auth/challenge")
    body = {"auth-token": token(portal.register.worker, told["nonce"])}
    assert browser.post(path, body, Origin="https://evil.example", **{"X-CSRFToken": ""})[0] == 403
    assert browser.get("/me")[0] == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_aut_1_another_sites_link_ends_no_session(portal: Portal, site: str) -> None:
    """The browser leaves the cookie out of such a request, and would take a new one for it: the person would be logged out."""
    browser = portal.browser()
    status, _ = browser.get("/auth/challenge", **{"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"})
    assert (status, browser.session) == (403, "")
    assert browser.get("/auth/challenge", **{"Sec-Fetch-Site": "same-origin"})[0] == 200


def test_aut_1_a_sensitive_action_takes_the_same_person_again(portal: Portal) -> None:
    browser, register = portal.browser(), portal.register
    log_in(browser, register.worker)
    approve = "/prescriptions/7/approve"

    def sign(holder: PassContents) -> Answer:
        _, told = browser.get("/auth/challenge")
        return browser.post(approve, {"auth-token": token(holder, told["nonce"])})

    assert sign(register.worker) == (200, {"approved": 7})
    assert sign(register.second) == (200, {"approved": 7})
    status, told = sign(register.colleague)
    assert (status, told["code"]) == (403, "portal.another_person")
    assert browser.post(approve, {"auth-token": token(register.worker, "A" * 44)})[1]["code"] == "portal.replay"
    assert portal.browser().post(approve, {"auth-token": {}})[0] in (401, 403)
    assert browser.get("/me")[1]["uzi_number"] == WORKER.uzi_number


def test_aut_2_a_pass_that_is_revoked_ends_the_session(portal: Portal) -> None:
    browser, register = portal.browser(), portal.register
    log_in(browser, register.worker)
    register.revoke(register.worker)
    assert browser.get("/me")[0] == 200  # until the next look
    portal.always_recheck()
    status, told = browser.get("/me")
    assert (status, told["code"]) == (403, "certificate.revoked")
    assert "ingetrokken" in told["message"]
    assert browser.get("/me")[0] == 401
    status, told = log_in(browser, register.worker)
    assert (status, told["code"]) == (403, "certificate.revoked")


def test_aut_2_a_pass_that_is_blocked_ends_the_session(portal: Portal) -> None:
    browser, register = portal.browser(), portal.register
    log_in(browser, register.worker)
    portal.always_recheck()
    assert browser.get("/me")[0] == 200
    register.hold(register.worker)
    assert browser.get("/me")[1]["code"] == "certificate.on_hold"
    assert browser.get("/me")[0] == 401
    register.pki.release(register.worker)
    register.publish()
    assert browser.get("/me")[0] == 401  # it does not come back by itself
    assert log_in(browser, register.worker)[0] == 200


def test_aut_2_a_register_that_does_not_answer_refuses_and_keeps_the_session(portal: Portal) -> None:
    browser, register = portal.browser(), portal.register
    log_in(browser, register.worker)
    portal.always_recheck()
    register.silence()
    assert browser.get("/me")[1]["code"] == "certificate.revocation_unknown"
    register.publish()
    assert browser.get("/me")[0] == 200


def test_aut_2_people_who_are_no_users_are_refused_in_their_language(portal: Portal) -> None:
    for language, words in (("nl-NL,nl;q=0.9,en;q=0.8", "niet"), ("en-GB,en;q=0.9", "not linked"), ("", "niet")):
        browser = portal.browser()
        status, told = log_in(browser, portal.register.stranger, **{"Accept-Language": language})
        assert (status, told["code"]) == (403, "portal.not_linked")
        assert words in told["message"]
        assert browser.get("/me")[0] == 401


def test_aut_2_a_person_who_is_unlinked_is_logged_out(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = portal.browser()
    log_in(browser, portal.register.worker)
    portal.always_recheck()
    assert browser.get("/me")[0] == 200
    unlink(portal, monkeypatch)
    assert browser.get("/me")[1]["code"] == "portal.not_linked"
    assert browser.get("/me")[0] == 401


def unlink(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    if isinstance(portal, FastAPIPortal):
        from zorgid_card.errors import NotLinkedError

        def nobody(who: object) -> None:
            raise NotLinkedError(ura="90000123")

        monkeypatch.setattr(portal.workers[0], "admit", nobody)
        return
    from django.contrib.auth import get_user_model

    get_user_model().objects.filter(username=WORKER.uzi_number).update(is_active=False)


def test_aut_1_log_out_ends_the_session_at_the_portal(portal: Portal) -> None:
    browser = portal.browser()
    log_in(browser, portal.register.worker)
    kept = browser.session
    assert browser.post("/auth/logout")[0] in (200, 204)
    thief = portal.browser()
    thief.plant(kept)
    assert thief.get("/me")[0] == 401


def test_aut_1_what_is_no_token_is_refused_without_a_crash(portal: Portal) -> None:
    for body in (
        {},
        {"auth-token": None},
        {"auth-token": "x"},
        {"auth-token": []},
        {"auth-token": {"format": 1}},
        {"a": 1},
    ):
        browser = portal.browser()
        browser.get("/auth/challenge")
        assert 400 <= browser.post("/auth/login", body)[0] < 500
    for octets in (
        b"[" * 100_000,
        b'{"auth-token":' + b"[" * 100_000,
        b"9" * 100_000,
        b"\xff\xfe{\0",
        b'{"auth-token":NaN}',
    ):
        browser = portal.browser()
        browser.get("/auth/challenge")
        assert 400 <= browser.post("/auth/login", octets)[0] < 500


def test_aut_1_one_store_serves_all_workers(tmp_path: Path) -> None:
    """A challenge of one worker is answered at another, once."""
    portal = FastAPIPortal(Register(tmp_path))
    first = portal.browser(0)
    _, told = first.get("/auth/challenge")
    second = portal.browser(1, cookies={"__Host-session": first.session})
    answer = token(portal.register.worker, told["nonce"])
    assert second.post("/auth/login", {"auth-token": answer})[0] == 200
    assert first.post("/auth/login", {"auth-token": answer})[1]["code"] == "portal.replay"


def test_aut_1_workers_that_start_at_once_make_one_table(tmp_path: Path) -> None:
    """Without the second try some of these fail on most machines."""
    for turn in range(20):
        together = Barrier(4)
        with ThreadPoolExecutor(4) as workers:
            made = [workers.submit(create, f"sqlite:///{tmp_path}/{turn}.db", together) for _ in range(4)]
        for one in made:
            one.result()


def create(url: str, together: Barrier) -> None:
    store = SQLChallenges(url)
    together.wait()
    store.create()


@pytest.mark.parametrize("peer", ["", "192.0.2.7"])
def test_aut_2_both_examples_take_a_pass_from_their_proxy_alone(portal: Portal, peer: str) -> None:
    der = portal.register.worker.certificates[Usage.AUTHENTICITY]
    headers = {"X-SSL-Client-Cert": base64.b64encode(der).decode(), "X-SSL-Client-Verify": "SUCCESS"}
    browser = portal.browser(peer=peer)  # type: ignore[call-arg]
    browser.get("/auth/challenge")
    status, told = browser.post("/auth/tls", {}, **headers)
    if peer:
        assert (status, told["code"]) == (403, "portal.not_a_proxy")
    else:
        assert (status, told["name"]) == (200, "Zoë el Amrani")
        portal.register.revoke(portal.register.worker)
        portal.always_recheck()
        assert browser.get("/me")[1]["code"] == "certificate.revoked"


@pytest.mark.parametrize("page", PLACES.values())
def test_the_examples_are_short(page: str) -> None:
    code = "".join(re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL))
    lines = [line for line in code.splitlines() if line.strip() and not line.strip().startswith("#")]
    assert len(lines) < 140, len(lines)


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of headings."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", ["portal", "portal-fastapi", "portal-django", "portal-tls", "threat-model"])
def test_what_the_pages_link_to_exists(name: str) -> None:
    page = ROOT / f"docs/{name}.md"
    for path, anchor in re.findall(r"\]\((?!https:)([^)#]*)#?([^)]*)\)", page.read_text()):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), path
        assert not anchor or anchor in anchors(target), (path, anchor)
