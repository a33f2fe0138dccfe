"""One network, one pcscd, one browser for all browser tests (root, Debian packages: see ``make test-browser``)."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Final

import pytest

pytest.importorskip("playwright", reason="Playwright is not installed")

from browsing import place, story, tls
from browsing.browser import PEOPLE
from browsing.world import World
from browsing.world import world as made_world
from zorgid_card.testkit.pcscd import PrivatePCSCD

_FIRST: Final = ("test_harness", "test_registration", "test_creation", "test_management")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The manuals first: their pictures show a portal to which nothing else has happened."""
    items.sort(key=lambda item: _FIRST.index(item.path.stem) if item.path.stem in _FIRST else len(_FIRST))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that fails shows what stood on the pages."""
    report = yield
    if report.failed:
        report.sections += [("on their pages", person.seen()) for person in PEOPLE if person.there]
    if call.when == "teardown":
        PEOPLE[:] = [person for person in PEOPLE if person.there]
    return report


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The portal's name leads to a public address, here."""
    if (reason := place.why_not()) is not None:
        pytest.skip(reason)
    with place.settled(tmp_path_factory.mktemp("network")):
        yield


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> tls.Site:
    """The web sites' CA, and their certificate."""
    return tls.site(tmp_path_factory.mktemp("tls"), place.HOST, place.ELSEWHERE)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The browser's user's home."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def world(
    network: None, site: tls.Site, home: Path, pcscd: PrivatePCSCD, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """The portal, the desk with reader and agent, and the browser."""
    with made_world(tmp_path_factory.mktemp("portal"), home, site, pcscd) as found:
        yield found


@pytest.fixture(scope="session")
def registered(world: World) -> Iterator[story.Registered]:
    """The organisation is registered, and its administrator's phone linked."""
    with story.registered(world) as found:
        yield found


@pytest.fixture(scope="session")
def made(world: World, registered: story.Registered) -> story.Made:
    """A worker has made a ZORG-ID Smartcard."""
    return story.make_card(world, pictures="create")
