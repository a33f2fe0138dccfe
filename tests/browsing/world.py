"""All of it together: portal, cards, desk, browser; and what most tests begin with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from browsing.browser import Chromium, Person, chromium
from browsing.cards import Cards
from browsing.desk import Desk
from browsing.portal import ORIGIN, Portal, portal
from browsing.tls import Site
from zorgid_card.testkit.pcscd import PrivatePCSCD


@dataclass
class World:
    """A portal, a desk with a reader, and people with browsers."""

    portal: Portal
    cards: Cards
    desk: Desk
    chromium: Chromium

    @contextmanager
    def person(self, **options: object) -> Iterator[Person]:
        """Somebody at the desk's computer, or elsewhere; their pages are to complain about nothing."""
        with self.chromium.person(**options) as person:  # type: ignore[arg-type]
            yield person
            assert person.complaints == []


@contextmanager
def world(directory: Path, home: Path, site: Site, pcscd: PrivatePCSCD) -> Iterator[World]:
    """The world for as long as the block runs.

    Args:
        directory: the portal's, empty.
        home: the browser's user's.
        site: the web sites' CA, and their certificate.
        pcscd: with an empty slot.
    """
    cards = Cards(directory)
    with portal(directory, site) as served, chromium(home, ORIGIN, site.ca) as browser:
        desk = Desk(pcscd.slots[0], home, site.ca)
        desk.start()
        try:
            yield World(served, cards, desk, browser)
        finally:
            desk.stop()
