"""How a page looks to whom: read by a screen reader, on a narrow screen, at night, on paper and in the manual."""

from __future__ import annotations

from collections.abc import Sequence

from playwright.sync_api import Locator, Page

from browsing import axe, pictures

NARROW = 320
"""CSS pixels of width in which all is to be read without scrolling sideways (WCAG 2.2, 1.4.10)."""


def look(page: Page, picture: str = "", *, hidden: Sequence[Locator] = ()) -> None:
    """Judge a page as it is now; fails with all that is wrong with it.

    Args:
        page: as it is now.
        picture: the name of its screenshot in the manuals, if it has one there.
        hidden: what differs from run to run, covered in the screenshot.
    """
    page.wait_for_load_state()
    found = [*axe.violations(page), *_at_night(page), *_narrow(page)]
    assert not found, "\n".join(found)
    if picture:
        pictures.take(page, picture, hidden=hidden)


def _at_night(page: Page) -> list[str]:
    page.emulate_media(color_scheme="dark")
    try:
        return [f"dark: {line}" for line in axe.violations(page, rules=["color-contrast"])]
    finally:
        page.emulate_media(color_scheme="light")


def _narrow(page: Page) -> list[str]:
    before = page.viewport_size
    assert before is not None
    page.set_viewport_size({"width": NARROW, "height": before["height"]})
    try:
        width: int = page.evaluate("document.documentElement.scrollWidth")
        return [] if width <= NARROW else [f"{page.url}: {width} pixels wide on a screen of {NARROW}: {_widest(page)}"]
    finally:
        page.set_viewport_size(before)


def _widest(page: Page) -> str:
    widest: str = page.evaluate(
        "(limit) => [...document.querySelectorAll('main *, header *')].filter("
        "(part) => part.getBoundingClientRect().right > limit).map((part) => part.outerHTML.slice(0, 120))[0] ?? ''",
        NARROW,
    )
    return widest
