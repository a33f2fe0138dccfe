"""What protects the pages: forms are a session's own, hosts, headers, limits; and nothing that comes makes the portal stumble."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from uvicorn.server import ServerState

from portal_pages import ORIGIN, Browser, PortalPages, forms
from zorgid_card.errors import StorageError, UsageError
from zorgid_card.ports.registry import Request
from zorgid_card.web import server as web_server
from zorgid_card.web.app import portal_app
from zorgid_card.web.render import PAGES, Page, local, page, route
from zorgid_card.web.security import Guard, client_name, form_token
from zorgid_card.web.server import TLS, _configuration
from zorgid_card.web.settings import LIMITS, Settings

FILED = {
    "organisation_name": "Praktijk",
    "ura": "90000999",
    "contact_name": "J. de Vries",
    "contact_email": "j@example.nl",
    "key": "k" * 24,
}


EXAMPLES = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
ADDRESSES = st.text(max_size=60).map(lambda text: quote(text).encode() + b"=%ff&a")
BODIES = st.one_of(st.binary(max_size=200), ADDRESSES)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalPages]:
    made = PortalPages(tmp_path_factory.mktemp("portal"))
    yield made
    made.store.close()


@pytest.fixture
def browser(world: PortalPages) -> Browser:
    return world.browser()


def filed(world: PortalPages) -> int:
    with world.store.begin() as unit:
        return len(list(unit.find(Request)))


def token(browser: Browser) -> str:
    [form] = forms(browser.get("/organisation/request").text)
    return form.hidden["csrf"]


# --- forms --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin", "headers"),
    [
        ("https://evil.example", {}),
        ("null", {}),
        ("", {}),
        ("http://portal.example", {}),
        ("https://portal.example:8443", {}),
        ("https://portal.example.evil.example", {}),
        ("HTTPS://PORTAL.EXAMPLE", {}),
        (ORIGIN, {"Sec_Fetch_Site": "cross-site"}),
        (ORIGIN, {"Sec_Fetch_Site": "same-site"}),
    ],
)
def test_a_form_that_another_site_sends_is_refused(
    world: PortalPages, browser: Browser, origin: str, headers: dict[str, str]
) -> None:
    before = filed(world)
    refused = browser.post("/organisation/request", {**FILED, "csrf": token(browser)}, origin=origin, **headers)
    assert refused.status_code == 403
    assert "hoort niet" in refused.text
    assert filed(world) == before


@pytest.mark.parametrize("spoil", ["", "0" * 64, "é", "another"])
def test_a_form_without_its_sessions_token_is_refused(world: PortalPages, browser: Browser, spoil: str) -> None:
    before, own = filed(world), token(browser)
    sent = token(world.browser()) if spoil == "another" else spoil
    assert own != sent
    assert browser.post("/organisation/request", {**FILED, "csrf": sent}).status_code == 403
    assert filed(world) == before


def test_a_form_is_refused_where_the_browser_sends_no_cookie(world: PortalPages, browser: Browser) -> None:
    before, sent = filed(world), token(browser)
    browser.client.cookies.clear()
    assert browser.post("/organisation/request", {**FILED, "csrf": sent}).status_code == 403
    assert filed(world) == before


def test_a_token_does_not_tell_the_cookie_and_is_the_sessions(browser: Browser) -> None:
    sent = token(browser)
    assert sent == form_token(str(browser.cookie))
    assert str(browser.cookie) not in browser.get("/").text


def test_every_address_that_takes_something_is_a_page_or_a_door(world: PortalPages) -> None:
    """What is no page is a message that is signed for itself, and anybody's to fetch."""
    doors = {"/card-side", "/phone/v1", "/crl/{name}"}
    for one in world.app.routes:
        if isinstance(one, Route):
            assert one.endpoint in PAGES or one.path in doors, one.path


def test_all_that_is_posted_must_be_the_sessions_own(world: PortalPages, browser: Browser) -> None:
    posts = [
        r.path for r in world.app.routes if isinstance(r, Route) and r.endpoint in PAGES and "POST" in (r.methods or ())
    ]
    assert len(posts) >= 9
    for path in posts:
        address = re.sub(r"\{[^}]*\}", "x", path)
        assert browser.post(address, {"csrf": "0" * 64}).status_code == 403, path
        assert browser.json(address, {}).json()["code"] == "portal.form", path


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_what_changes_something_by_another_method_must_be_the_sessions_own_too(world: PortalPages, method: str) -> None:
    @page()
    def changed(page: Page) -> Response:
        return page.answer({"sent": page.form()["name"]})

    browser = world.browser(portal_app(world.portal, more=[route("/changed", changed, method)]))
    given = {"Origin": ORIGIN, "X-CSRF-Token": browser.get("/auth/challenge").headers["x-csrf-token"]}
    for headers, status in (
        (given, 200),
        ({"Origin": ORIGIN}, 403),
        ({**given, "Origin": "https://evil.example"}, 403),
    ):
        answer = browser.client.request(method, "/changed", data={"name": "x"}, headers=headers)
        assert answer.status_code == status


def test_what_is_no_page_is_not_joined(world: PortalPages) -> None:
    def stray(request: Any) -> Response:
        return PlainTextResponse("")

    with pytest.raises(TypeError):
        portal_app(world.portal, more=[Route("/stray", stray)])


def test_a_page_of_ones_own_is_joined(world: PortalPages) -> None:
    @page(needs="manager")
    def own(page: Page) -> Response:
        return page.answer({})

    app = portal_app(world.portal, more=[route("/own", own)])
    assert world.browser(app).get("/own").headers["location"] == "/log-in?next=/own"


def test_the_same_form_sent_twice_is_done_once(world: PortalPages, browser: Browser) -> None:
    before = filed(world)
    fields = {**FILED, "csrf": token(browser), "key": "twice" * 4}
    first, second = (browser.post("/organisation/request", fields) for _ in range(2))
    assert first.status_code == second.status_code == 200
    assert filed(world) == before + 1


def test_nothing_that_was_typed_is_lost_when_something_is_wrong(world: PortalPages, browser: Browser) -> None:
    before = filed(world)
    typed = {**FILED, "csrf": token(browser), "contact_email": "no address", "organisation_name": '<b>"Zorg" & co'}
    refused = browser.post("/organisation/request", typed)
    assert refused.status_code == 400
    assert 'value="&lt;b&gt;&#34;Zorg&#34; &amp; co"' in refused.text
    assert re.search(r'name="contact_email"[^>]*aria-invalid="true"', refused.text)
    assert filed(world) == before


# --- another site -------------------------------------------------------------------------------------------


def test_another_sites_link_takes_nobodys_session_away(world: PortalPages, browser: Browser) -> None:
    led = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}
    shown = browser.get("/log-in?next=%2Fme", **led)
    assert "set-cookie" not in shown.headers
    assert 'content="0; url=/log-in?next=%2Fme"' in shown.text
    asked = browser.get("/auth/challenge", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors")
    assert (asked.status_code, "set-cookie" in asked.headers) == (403, False)
    posted = browser.post("/log-out", {}, origin="https://evil.example", Sec_Fetch_Site="cross-site")
    assert (posted.status_code, "set-cookie" in posted.headers) == (403, False)
    assert browser.get("/", Sec_Fetch_Site="none", Sec_Fetch_Mode="navigate").headers["set-cookie"]


@pytest.mark.parametrize(
    "path", ["//evil.example", "/\\evil.example", "https://evil.example", "", "me", "/\tx", "/\n", "/" + "a" * 600]
)
def test_no_page_leads_back_to_another_site(path: str) -> None:
    assert local(path, "/me") == "/me"


@given(st.text())
def test_where_a_page_leads_back_to_is_a_path_of_its_own(path: str) -> None:
    found = local(path)
    assert found.startswith("/")
    assert not found.startswith("//")
    assert found.isprintable()


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "portal.example:8443", "portal.example.evil.example", ""]
)
def test_another_name_for_this_machine_is_served_nothing(browser: Browser, host: str) -> None:
    for path in ("/", "/health", "/static/portal.css", "/auth/challenge"):
        answer = browser.get(path, Host=host)
        assert (answer.status_code, "set-cookie" in answer.headers) == (421, False)
    assert browser.get("/crl/crl.der", Host=host).status_code == 200


# --- headers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/", "/nowhere", "/log-out", "/static/portal.css", "/static/none", "/crl/none", "/card-side", "/operator"]
)
def test_every_answer_has_the_headers_that_protect_it(browser: Browser, path: str) -> None:
    headers = browser.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["strict-transport-security"].startswith("max-age=")
    policy = headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "ws://127.0.0.1:47480" in policy
    assert headers["cache-control"] in ("no-store", "no-cache")
    assert "server" not in headers


def test_what_else_is_on_ones_own_computer_is_not_forced_to_have_tls() -> None:
    guard = Guard(None, origin="https://localhost:8443", agent_port=1)  # type: ignore[arg-type]
    assert "Strict-Transport-Security" not in guard._headers


def test_no_page_has_anything_inline(browser: Browser) -> None:
    for path in ("/", "/log-in", "/organisation/request", "/nowhere", "/operator/log-in"):
        html = browser.get(path).text
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", html), path
        assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", html)), path
        assert html.count("<h1") == 1, path


# --- what comes ---------------------------------------------------------------------------------------------


def test_what_is_too_long_is_refused(browser: Browser) -> None:
    sent = token(browser)
    assert browser.post("/organisation/request", {"csrf": sent, "a": "x" * 70_000}).status_code == 413
    assert browser.post("/organisation/request", {"csrf": sent, **{f"f{n}": "" for n in range(200)}}).status_code == 403


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "", "application/json"])
def test_a_form_of_another_kind_is_none(browser: Browser, kind: str) -> None:
    headers = {"Origin": ORIGIN, "Content-Type": kind, "X-CSRF-Token": token(browser), "Accept": "text/html"}
    refused = browser.client.post("/organisation/request", content=b"ura=1", headers=headers)
    assert refused.status_code == 400


@EXAMPLES
@given(body=BODIES, json=st.booleans())
def test_whatever_is_sent_is_refused_and_never_a_fault(world: PortalPages, body: bytes, json: bool) -> None:
    browser = world.browser()
    headers = {
        "Origin": ORIGIN,
        "X-CSRF-Token": browser.get("/auth/challenge").headers["x-csrf-token"],
        "Content-Type": "application/json" if json else "application/x-www-form-urlencoded",
    }
    for path in ("/auth/login", "/log-in/phone", "/log-in/phone/finish", "/operator/log-in"):
        assert browser.client.post(path, content=body, headers=headers).status_code < 500, path


@EXAMPLES
@given(text=st.text(max_size=40))
def test_whatever_stands_in_an_address_is_no_fault(world: PortalPages, text: str) -> None:
    browser = world.browser()
    for path in (
        "/log-in/phone/wait?nonce={}",
        "/log-in?next={}",
        "/language/{}",
        "/crl/{}",
    ):
        assert browser.get(path.format(quote(text, safe=""))).status_code < 500, path


@EXAMPLES
@given(
    cookie=st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=';,"\\'), max_size=60)
)
def test_whatever_cookie_comes_logs_nobody_in(world: PortalPages, cookie: str) -> None:
    browser = world.browser()
    answer = browser.client.get("/session", headers={"Cookie": f"__Host-zorgid={cookie}"}, follow_redirects=False)
    assert answer.status_code in (303, 401)


@pytest.mark.parametrize("path", ["/auth/login", "/card-side", "/phone/v1"])
def test_who_sends_a_body_too_slowly_is_let_go_of(world: PortalPages, path: str) -> None:
    guard = Guard(world.app, origin=ORIGIN, agent_port=1, patience=0.01)
    head = [(b"host", b"portal.example"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": head, "root_path": ""}
    told: list[Any] = []

    async def serve() -> None:
        parts = iter([{"type": "http.request", "body": b"{", "more_body": True}])

        async def receive() -> Any:
            for part in parts:
                return part
            return await asyncio.Event().wait()

        async def send(message: Any) -> None:
            told.append(message)

        await guard(scope, receive, send)

    asyncio.run(serve())
    assert told[0]["status"] == 408


def test_who_never_ends_the_head_of_a_request_is_let_go_of(world: PortalPages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_server, "_HEAD", 0.05)
    config = _configuration(world.app, TLS(certificate="", behind="127.0.0.1"))

    async def heard(*parts: bytes) -> bytes:
        state, loop = ServerState(), asyncio.get_running_loop()
        made = partial(config.http_protocol_class, config=config, server_state=state, app_state={}, _loop=loop)  # type: ignore[arg-type]
        async with await loop.create_server(made, "127.0.0.1", 0) as serving:
            reader, writer = await asyncio.open_connection(*serving.sockets[0].getsockname())
            for part in parts:
                writer.write(part)
            try:
                return await asyncio.wait_for(reader.read(), 30)
            except ConnectionResetError:
                return b""
            finally:
                writer.close()

    whole = b"GET /static/portal.css HTTP/1.1\r\nHost: portal.example\r\n\r\n"
    assert asyncio.run(heard()) == b""
    assert asyncio.run(heard(whole[:-3])) == b""
    assert asyncio.run(heard(whole, whole[:-3])).startswith(b"HTTP/1.1 200 ")


# --- limits -------------------------------------------------------------------------------------------------


def test_one_client_may_ask_so_often_and_others_go_on(world: PortalPages) -> None:
    app = portal_app(world.portal, Settings(limits={**LIMITS, "challenge": 3}))
    one = world.browser(app, address="198.51.100.3")
    for _ in range(3):
        assert one.get("/auth/challenge").status_code == 200
    refused = one.get("/auth/challenge", Accept="application/json")
    assert (refused.status_code, refused.json()["code"]) == (429, "portal.rate_limit")
    assert 0 < int(refused.headers["retry-after"]) <= 600
    other = world.browser(app, address="198.51.100.4")
    assert other.get("/auth/challenge").status_code == 200
    world.clock.forward(minutes=10)
    assert one.get("/auth/challenge").status_code == 200


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
    ],
)
def test_a_network_of_ipv6_is_one_client(address: str, client: str) -> None:
    assert client_name(address) == client


def test_a_limit_that_is_mistyped_is_refused() -> None:
    with pytest.raises(UsageError):
        Settings(limits={"challenges": 5})


def test_only_the_proxy_before_it_tells_who_asks(world: PortalPages) -> None:
    @page()
    def who(page: Page) -> Response:
        return page.answer({"client": page.client})

    app = portal_app(world.portal, more=[route("/who", who)])
    for behind, peer, expected in (
        ("127.0.0.1", "127.0.0.1", "203.0.113.9"),
        ("127.0.0.1", "192.0.2.7", "192.0.2.7"),
        ("", "127.0.0.1", "127.0.0.1"),
    ):
        served = _configuration(app, TLS(certificate="", behind=behind)).loaded_app
        browser = world.browser(served, address=peer)
        assert browser.get("/who", X_Forwarded_For="203.0.113.9").json() == {"client": expected}
        assert browser.get("/who", X_Forwarded_For="x, 198.51.100.1, 203.0.113.9").json() == {"client": expected}


# --- health -------------------------------------------------------------------------------------------------


def test_health_tells_the_world_no_more_than_how_it_is(world: PortalPages) -> None:
    browser = world.browser(address="198.51.100.5")
    answer = browser.get("/health")
    assert (answer.status_code, set(answer.json())) == (200, {"state"})
    world.offer_operator("h" * 43)
    browser.send("/operator/log-in", {"token": "h" * 43})
    assert {"database_up", "certificate_left_seconds"} <= {
        check["name"] for check in browser.get("/health").json()["checks"]
    }


def test_metrics_are_for_who_has_the_token(world: PortalPages, browser: Browser) -> None:
    assert browser.get("/metrics").status_code == 403
    assert browser.get("/metrics", Authorization="Bearer guessed").status_code == 403
    found = browser.get("/metrics", Authorization="Bearer seen")
    assert found.status_code == 200
    assert "zorgid_database_up 1" in found.text
    assert world.browser(portal_app(world.portal)).get("/metrics", Authorization="Bearer ").status_code == 403


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_where_files_lie_is_told_to_nobody(world: PortalPages, accept: str) -> None:
    @page()
    def away(page: Page) -> Response:
        raise StorageError("/srv/secret cannot be read", reason="Permission denied", path="/srv/secret")

    answer = world.browser(portal_app(world.portal, more=[route("/away", away)])).get("/away", Accept=accept)
    assert answer.status_code == 503
    assert "/srv" not in answer.text


def test_a_fault_of_ours_is_a_page_that_says_so_and_tells_nothing(
    world: PortalPages, caplog: pytest.LogCaptureFixture
) -> None:
    @page()
    def broken(page: Page) -> Response:
        raise RuntimeError("the database's password is 7")

    answer = world.browser(portal_app(world.portal, more=[route("/broken", broken)])).get("/broken")
    assert (answer.status_code, "fout van het portaal" in answer.text) == (500, True)
    assert "password" not in answer.text
    assert "RuntimeError" in caplog.text
