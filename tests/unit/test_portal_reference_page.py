"""What docs/portal-reference.md shows runs, and what it says is so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route

from docs_examples import ROOT, example
from portal_pages import PortalPages
from zorgid_card.web.app import portal_app
from zorgid_card.web.settings import Settings
from zorgid_card.workflows.browser_sessions import SessionPolicy
from zorgid_card.workflows.health import EventCounts

PAGE = "docs/portal-reference.md"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[PortalPages]:
    made = PortalPages(tmp_path)
    yield made
    made.store.close()


def run(name: str) -> dict[str, Any]:
    known: dict[str, Any] = {"__name__": f"{name}_example"}  # annotations are looked up in it
    exec(compile(example(PAGE, name), name, "exec", dont_inherit=True), known)
    return known


def test_the_application_of_the_page_serves(world: PortalPages) -> None:
    app = run("application")["application"](world.portal, EventCounts())
    assert "020 000 0000" in world.browser(app).get("/").text


def test_a_page_of_ones_own_blocks_a_card_and_sends_others_to_log_in(world: PortalPages) -> None:
    app = portal_app(world.portal, more=run("page")["ROUTES"])
    browser = world.browser(app)
    assert browser.get("/blocked").headers["location"] == "/log-in?next=/blocked"
    world.log_in_by_phone(browser, world.phone())
    assert browser.get("/blocked").json() == {"cards": []}
    assert browser.post("/block", {"serial": "1"}).status_code == 403


def test_every_address_that_the_page_names_is_there(world: PortalPages) -> None:
    table = (ROOT / PAGE).read_text().partition("## Addresses")[2].partition("\n## ")[0]
    named = set(
        re.findall(r"`(/[^`]*)`", "\n".join(row.split("|")[1] for row in table.splitlines() if row.startswith("| `")))
    )
    served = [route for route in portal_app(world.portal, Settings(ocsp=object())).routes if isinstance(route, Route)]  # type: ignore[arg-type]
    assert {path for path in named if not any(route.path_regex.match(path) for route in served)} == set()
    assert len(named) >= 15


def test_the_times_that_the_page_names_are_those_of_the_policy() -> None:
    told, policy = (ROOT / PAGE).read_text(), SessionPolicy()
    minutes, hours = policy.idle.total_seconds() // 60, policy.longest.total_seconds() // 3600
    assert f"{minutes:.0f} minutes after the last request, and {hours:.0f} hours after the log-in" in told
