"""No page is forgotten: each that the portal has is looked at, here or where a person comes by it (WCAG 2.2 AA)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from starlette.routing import Route

from browsing import story
from browsing.looks import look
from browsing.world import World
from zorgid_card.web.app import joined

pytestmark = pytest.mark.blackbox

ELSEWHERE = frozenset((
    *("/", "/help/agent", "/organisation/request", "/organisation/validate", "/card/create", "/card/create/puk", "/phone"),
    *("/log-in", "/me", "/me/join", "/me/phone", "/me/phone/linking"),
    *("/manage/cards", "/manage/cards/{subject}", "/manage/cards/{subject}/{event}", "/manage/changes/{nonce}"),
    *("/manage/people", "/manage/people/{subject}", "/manage/people/{subject}/{event}"),
    *("/manage/guests", "/manage/guests/link", "/manage/phones", "/manage/audit"),
    *("/operator", "/operator/log-in", "/operator/requests/{id}", "/operator/organisations"),
))  # fmt: skip
"""Looked at by the other tests of this directory."""
HERE = frozenset(("/manage/people/link", "/manage/offer", "/manage/phones/{subject}/{event}"))
NO_PAGES = frozenset((
    *("/health", "/metrics", "/session", "/auth/challenge", "/needs/{purpose}", "/language/{language}"),
    *("/log-in/phone/wait", "/phone/manifest.webmanifest", "/phone/worker.js"),
))  # fmt: skip
"""JSON, texts, parts of a page that is looked at with them, and a redirection."""


@pytest.fixture(scope="module")
def administrator(world: World, registered: story.Registered, made: story.Made) -> Iterator[Page]:
    """The administrator, logged in."""
    with world.person() as person:
        page = person.context.new_page()
        story.log_in_by_phone(page, registered)
        yield page
        person.forgive("400")  # what is entered wrongly


def test_each_page_is_looked_at_somewhere() -> None:
    pages = {route.path for route in joined() if isinstance(route, Route) and "GET" in (route.methods or ())}
    assert pages - NO_PAGES == ELSEWHERE | HERE


def test_the_forms_for_people_who_come_and_for_phones(administrator: Page) -> None:
    page = administrator
    page.goto("/manage/people/link")
    look(page)
    page.get_by_label("Code", exact=False).first.fill("bestaat-niet")
    page.get_by_label("Reden", exact=True).fill("komt hier werken")
    page.get_by_role("main").get_by_role("button").first.click()
    expect(page.get_by_role("alert")).to_be_visible()
    look(page)
    page.goto("/manage/phones")
    page.get_by_role("main").get_by_role("link", name="Blokkeren").first.click()
    look(page)


def test_the_code_that_one_gives_to_another_organisation(administrator: Page) -> None:
    page = administrator
    page.goto("/manage/offer")
    look(page)
    page.get_by_label("URA van de andere organisatie").fill("00000000")
    page.get_by_role("main").get_by_role("button").click()
    expect(page.get_by_role("alert")).to_be_visible()
    look(page)


def test_the_page_that_waits_for_a_phone(world: World, registered: story.Registered) -> None:
    with world.person() as person:
        page = person.context.new_page()
        story.ask_phone(page, registered.user_name)
        look(page)
        registered.phone.asked("Wilt u inloggen?")
        registered.phone.refuse()
        registered.phone.done("Geweigerd")


def test_the_page_that_lets_an_operator_in(world: World) -> None:
    with world.person() as person:
        look(person.open(world.portal.operator_link("beheer")))
