"""Debian's Chromium, driven by Playwright: one for all tests, each person a context of its own."""

from __future__ import annotations

import subprocess
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, expect, sync_playwright

from browsing.place import CHROMIUM

PERMISSIONS: Final = ("local-network-access",)
"""What a person allows whom Chromium asks whether the portal may reach programs on this computer."""
DESKTOP: Final = {"width": 880, "height": 720}
PHONE: Final = {"width": 390, "height": 760}
_FLAGS: Final = (
    "--no-sandbox",  # as root there is none
    "--force-color-profile=srgb",
    "--font-render-hinting=none",
    "--disable-lcd-text",
)
_SECONDS: Final = 20_000


PEOPLE: Final[list[Person]] = []
"""Who is at a browser now."""


class Chromium:
    """The browser, and who uses it.

    Args:
        browser: Playwright's.
        origin: the portal's.
    """

    def __init__(self, browser: Browser, origin: str) -> None:
        self._browser = browser
        self._origin = origin

    @contextmanager
    def person(
        self, *, permissions: Sequence[str] | None = PERMISSIONS, phone: bool = False, lang: str = "nl", **options: Any
    ) -> Iterator[Person]:
        """Somebody at a browser of their own: at a computer, or with a phone in their hand.

        Args:
            permissions: what they allowed the portal; empty: they were asked, and denied all; None: they were never asked.
            phone: a small screen that is touched.
            lang: of the browser, nl or en.
            options: Playwright's.
        """
        options.setdefault("viewport", PHONE if phone else DESKTOP)
        context = self._browser.new_context(
            base_url=self._origin,
            locale=lang,
            has_touch=phone,
            reduced_motion="reduce",
            timezone_id="Europe/Amsterdam",
            **options,
        )
        context.set_default_timeout(_SECONDS)
        if permissions is not None:  # Playwright takes "none are allowed" for "all are denied"
            context.grant_permissions(list(permissions), origin=self._origin)
        try:
            PEOPLE.append(person := Person(context))
            yield person
        finally:
            context.close()


class Person:
    """Somebody at a browser; what their pages complain about is taken down."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.complaints: list[str] = []
        self._told: deque[str] = deque(maxlen=12)
        context.on("console", self._console)
        context.on("page", self._listen)
        context.on("weberror", lambda error: self.complaints.append(f"uncaught: {error.error}"))

    def open(self, address: str) -> Page:
        """A new tab with this page."""
        page = self.context.new_page()
        page.goto(address)
        return page

    def forgive(self, what: str) -> None:
        """Complaints in which this stands are meant; there is one."""
        meant = [complaint for complaint in self.complaints if what in complaint]
        assert meant, self.complaints
        self.complaints = [complaint for complaint in self.complaints if complaint not in meant]

    @property
    def there(self) -> bool:
        """Whether they are at it still."""
        return bool(self.context.pages)

    def seen(self) -> str:
        """What stood on each of their pages, for who has to find out why a test failed."""
        pages = [f"--- {page.url}\n{page.locator('body').inner_text()}" for page in self.context.pages]
        return "\n".join([*pages, *self.complaints, "--- of the agent:", *self._told])

    def _listen(self, page: Page) -> None:
        """Take down what the agent tells the page."""
        page.on(
            "websocket", lambda socket: socket.on("framereceived", lambda frame: self._told.append(str(frame)[:500]))
        )

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(f"{message.text} ({message.location.get('url', '')})")


@contextmanager
def chromium(home: Path, origin: str, ca: Path, flags: Sequence[str] = ()) -> Iterator[Chromium]:
    """The browser, for as long as the block runs; it trusts the CA as any that the person has added.

    Args:
        home: an empty directory; the home of its user.
        origin: the portal's.
        ca: PEM.
        flags: on top of those that it has here always.
    """
    _trust(home, ca)
    expect.set_options(timeout=_SECONDS)
    with _playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*_FLAGS, *flags], env={"HOME": str(home), "LANG": "C.UTF-8"}
        )
        try:
            yield Chromium(browser, origin)
        finally:
            browser.close()


_RUNNING: Final[list[Playwright]] = []


@contextmanager
def _playwright() -> Iterator[Playwright]:
    """One for all browsers of this process: in one thread Playwright cannot be started twice."""
    if _RUNNING:
        yield _RUNNING[0]
        return
    with sync_playwright() as started:
        _RUNNING.append(started)
        try:
            yield started
        finally:
            _RUNNING.clear()


def _trust(home: Path, ca: Path) -> None:
    database = home / ".pki" / "nssdb"
    database.mkdir(parents=True)
    where = ["-d", f"sql:{database}"]
    for arguments in (["-N", "--empty-password"], ["-A", "-t", "C,,", "-n", "web", "-i", str(ca)]):
        subprocess.run(["certutil", *where, *arguments], check=True, timeout=60)
