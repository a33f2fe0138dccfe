"""What a real Chromium does with the agent: who it says a page is, what it asks beforehand, what other sites get (AUT-1).

The portal's pages come from an address that Chromium is told is a public one, as a portal's is: only then does it ask the person
whether a site may reach this computer (Local Network Access).
"""

from __future__ import annotations

import shutil
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("websockets")
pytest.importorskip("playwright")
from playwright.sync_api import Error, Page, sync_playwright

from agent_world import AgentWorld, agent_at, portal_world
from https_portal import certificate
from pki_world import make

CHROMIUM = shutil.which("chromium")
pytestmark = [pytest.mark.blackbox, pytest.mark.skipif(CHROMIUM is None, reason="no chromium")]

CONNECT = """url => new Promise(resolve => {
  const seen = [], socket = new WebSocket(url);
  socket.onmessage = ({data}) => {
    seen.push(JSON.parse(data));
    if (seen.at(-1).paired || seen.at(-1).type === "paired") resolve({seen});
  };
  socket.onclose = ({code}) => resolve({seen, code});
})"""


@contextmanager
def site(host: str, directory: Path) -> Iterator[str]:
    """An empty page over TLS; gives its origin."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(host, directory, make("Test TLS root")))
    server = _Server(("127.0.0.1", 0), _Empty)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"https://{host}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


class _Empty(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>A page</title>")

    def log_message(self, format: str, *args: object) -> None:
        pass


class Browser:
    """Chromium, for which all of ``.test`` is this computer, and the sites' addresses are public ones."""

    def __init__(self, held: ExitStack, desk: AgentWorld, origins: tuple[str, ...]) -> None:
        self.desk = desk
        public = ",".join(f"127.0.0.1:{origin.rpartition(':')[2]}=public" for origin in origins)
        rules = ("--host-resolver-rules=MAP *.test 127.0.0.1", f"--ip-address-space-overrides={public}", "--no-sandbox")
        self._browser = held.enter_context(sync_playwright()).chromium.launch(
            executable_path=CHROMIUM, args=list(rules)
        )
        held.callback(self._browser.close)

    def page(self, *permissions: str) -> Page:
        context = self._browser.new_context(ignore_https_errors=True)
        context.grant_permissions(list(permissions))
        return context.new_page()

    def connected(self, origin: str, *permissions: str) -> dict[str, Any]:
        """What a page of this origin gets of the agent."""
        page = self.page(*permissions)
        page.goto(origin)
        found: dict[str, Any] = page.evaluate(CONNECT, self.desk.uri)
        return found


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Browser, str, str]]:
    directory = tmp_path_factory.mktemp("sites")
    with ExitStack() as held:
        desk = held.enter_context(agent_at(*held.enter_context(portal_world(directory)), directory))
        portal, other = (held.enter_context(site(f"{name}.test", directory)) for name in ("portal", "other"))
        yield Browser(held, desk, (portal, other)), portal, other


AGREED = "local-network-access"


def test_a_page_is_paired_and_known_by_the_origin_that_the_browser_says(sites: tuple[Browser, str, str]) -> None:
    browser, portal, _ = sites
    first = browser.connected(portal, AGREED)
    assert [told["type"] for told in first["seen"]] == ["hello", "paired"]
    (question,) = browser.desk.person.questions
    assert dict(question.facts) == {"origin": portal, "code": first["seen"][0]["code"]}
    assert browser.connected(portal, AGREED)["seen"][0]["paired"] is True


def test_without_the_person_s_leave_the_browser_lets_no_public_page_through(sites: tuple[Browser, str, str]) -> None:
    browser, portal, _ = sites
    browser.desk.origins.add(portal)
    page = browser.page()
    page.goto(portal)
    assert page.evaluate(CONNECT, browser.desk.uri) == {"seen": [], "code": 1006}
    told = "() => navigator.permissions.query({name: 'loopback-network'}).then(({state}) => state)"
    assert page.evaluate(told) == "denied"


def test_a_page_of_another_site_gets_no_further_than_the_question(sites: tuple[Browser, str, str]) -> None:
    browser, _, other = sites
    browser.desk.person.declines.add("agent-pair")
    found = browser.connected(other, AGREED)
    assert (found["code"], [told["type"] for told in found["seen"]]) == (4403, ["hello"])
    assert dict(browser.desk.person.questions[-1].facts)["origin"] == other


def test_a_page_of_another_site_reads_nothing_by_fetching(sites: tuple[Browser, str, str]) -> None:
    browser, _, other = sites
    page = browser.page(AGREED)
    page.goto(other)
    url = browser.desk.uri.replace("ws:", "http:")
    read = "url => fetch(url).then(answer => answer.status, () => 'refused')"
    assert page.evaluate(read, url) == "refused"
    preflighted = "url => fetch(url, {headers: {'X-Asked': '1'}}).then(answer => answer.status, () => 'refused')"
    assert page.evaluate(preflighted, url) == "refused"


def test_a_name_that_is_rebound_to_this_computer_gets_nothing(sites: tuple[Browser, str, str]) -> None:
    """A page of http://rebound.test:PORT would be of one origin with the agent; there is none."""
    browser, _, _ = sites
    page, answers = browser.page(AGREED), []
    page.on("response", lambda answer: answers.append(answer.status))
    with pytest.raises(Error):
        page.goto(browser.desk.uri.replace("ws://127.0.0.1", "http://rebound.test"))
    assert answers == [403]
