"""What the browser tests stand on does what it is there for: it would notice."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
import websockets
from playwright.sync_api import Page
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from browsing import camera, pictures
from browsing.browser import Chromium, chromium
from browsing.looks import look
from browsing.place import ADDRESS, HOST
from browsing.tls import Site
from zorgid_card.adapters.qr import qr_svg

pytestmark = pytest.mark.blackbox

PORT, LOOPBACK = 8499, 47499
ORIGIN = f"https://{HOST}:{PORT}"
POLICY = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; connect-src ws://127.0.0.1:{LOOPBACK}"
CONNECT = """(port) => new Promise((resolve) => {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
  socket.onmessage = (event) => resolve(event.data);
  socket.onerror = () => resolve("refused");
})"""


def page(title: str, body: str) -> HTMLResponse:
    headers = {"Content-Security-Policy": POLICY}
    return HTMLResponse(
        f'<!doctype html><html lang="nl"><title>{title}</title><main><h1>{title}</h1>{body}</main></html>',
        headers=headers,
    )


BAD = """<input><p style="color: #aaa">Licht</p>
<p><a href="#" style="font-size: 9px">a</a><br><a href="#" style="font-size: 9px">b</a></p>
<p style="white-space: pre; width: 30rem">Breed</p><script>x()</script>"""
ROUTES = [
    Route("/good", lambda request: page("Goed", "<p>Alles staat er.</p>")),
    Route("/bad", lambda request: page("Fout", BAD)),
    Route("/code", lambda request: page("Code", qr_svg("https://example.org/phone#1").decode())),
]


@pytest.fixture(scope="module")
def tiny(network: None, site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """A site of three pages, and a browser."""
    config = uvicorn.Config(
        Starlette(routes=ROUTES),
        host=ADDRESS,
        port=PORT,
        ssl_certfile=str(site.certificate),
        ssl_keyfile=str(site.key),
        log_level="warning",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    with chromium(tmp_path_factory.mktemp("home"), ORIGIN, site.ca) as browser:
        yield browser
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def greeter() -> Iterator[None]:
    """A program on this computer that greets whoever connects."""
    loop, over = asyncio.new_event_loop(), threading.Event()

    async def serve() -> None:
        async with websockets.serve(lambda socket: socket.send("hello"), "127.0.0.1", LOOPBACK):
            while not over.is_set():
                await asyncio.sleep(0.05)

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    yield
    over.set()
    thread.join(10)


def test_a_certificate_of_a_ca_that_was_added_is_trusted_and_axe_finds_nothing_on_a_good_page(tiny: Chromium) -> None:
    with tiny.person() as person:
        look(person.open("/good"))
        assert person.complaints == []


def test_what_is_wrong_with_a_page_is_seen(tiny: Chromium) -> None:
    with tiny.person() as person:
        with pytest.raises(AssertionError) as found:
            look(person.open("/bad"))
        for wrong in ("label (", "target-size (", "color-contrast (", "pixels wide on a screen of 320"):
            assert wrong in str(found.value)
        assert any("Content Security Policy" in complaint for complaint in person.complaints)


def test_the_camera_reads_a_code_from_the_screen(tiny: Chromium) -> None:
    with tiny.person() as person:
        assert camera.scan(person.open("/code")) == "https://example.org/phone#1"


def test_a_page_reaches_this_computer_only_where_the_person_allows_it(tiny: Chromium, greeter: None) -> None:
    with tiny.person() as person:
        assert person.open("/good").evaluate(CONNECT, LOOPBACK) == "hello"
    for permissions, state in ((None, "prompt"), ((), "denied")):
        with tiny.person(permissions=permissions) as person:
            shown = person.open("/good")
            assert asked(shown) == state
            assert shown.evaluate(CONNECT, LOOPBACK) == "refused"


def asked(page: Page) -> str:
    state: str = page.evaluate("async () => (await navigator.permissions.query({name: 'loopback-network'})).state")
    return state


def test_pictures_are_written_only_where_the_eye_sees_a_change(
    tiny: Chromium, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(pictures, "IMAGES", tmp_path)
    monkeypatch.setenv("ZORGID_SCREENSHOTS", "1")
    with tiny.person() as person:
        shown = person.open("/good")
        pictures.take(shown, "page")
        first = (tmp_path / "page.png").stat().st_mtime_ns
        pictures.take(shown, "page")
        assert (tmp_path / "page.png").stat().st_mtime_ns == first
        shown.evaluate("document.querySelector('h1').textContent = 'Anders'")
        pictures.take(shown, "page")
        assert (tmp_path / "page.png").stat().st_mtime_ns != first
