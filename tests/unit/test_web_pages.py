"""The reference portal's pages: who may see them, what comes of what is sent, and how errors are told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from portal_pages import URA, PortalPages


@pytest.fixture
def world(tmp_path: Path) -> Iterator[PortalPages]:
    made = PortalPages(tmp_path)
    yield made
    made.store.close()


def test_the_first_page_is_served_in_dutch_and_by_choice_in_english(world: PortalPages) -> None:
    browser = world.browser()
    assert '<html lang="nl">' in browser.get("/").text
    assert browser.get("/language/en?back=/log-in").headers["location"] == "/log-in"
    assert '<html lang="en">' in browser.get("/").text
    assert browser.get("/language/nl?back=https://elsewhere.example").headers["location"] == "/"
    assert browser.get("/language/xx").status_code == 404


def test_org_7_an_administrator_logs_in_with_the_phone(world: PortalPages) -> None:
    browser = world.browser()
    done = world.log_in_by_phone(browser, world.phone())
    assert (done.status_code, done.headers["location"]) == (303, "/manage/cards")
    assert "Anna Jansen" in browser.get("/").text


def test_aut_1_a_pass_logs_in(world: PortalPages) -> None:
    browser = world.browser()
    done = world.log_in_by_pass(browser)
    assert done.status_code == 200, done.text
    assert done.json()["ura"] == URA
    assert "el Amrani" in browser.get("/").text


def test_org_1_a_request_is_filed_and_an_operator_approves_it(world: PortalPages) -> None:
    fields = {
        "organisation_name": "Praktijk",
        "ura": "90000999",
        "contact_name": "J. de Vries",
        "contact_email": "j@example.nl",
    }
    filed = world.browser().send("/organisation/request", fields)
    assert "j@example.nl" in filed.text
    assert filed.status_code == 200, filed.text
    operator = world.browser()
    world.offer_operator("t" * 43)
    assert operator.send("/operator/log-in", {"token": "t" * 43}).headers["location"] == "/operator"
    shown = operator.get("/operator")
    assert "Praktijk" in shown.text
    path = shown.text.partition('href="/operator/requests/')[2].partition('"')[0]
    approved = operator.send(
        f"/operator/requests/{path}", {"reason": "in orde"}, action=f"/operator/requests/{path}/approve"
    )
    assert approved.status_code == 303, approved.text
    assert "goedgekeurd" in operator.get(approved.headers["location"]).text


def test_pages_that_are_not_there_say_what_to_do(world: PortalPages) -> None:
    browser = world.browser()
    gone = browser.get("/nowhere")
    assert (gone.status_code, "beginpagina" in gone.text) == (404, True)
    assert browser.get("/log-out").status_code == 405
    assert browser.get("/nowhere", Accept="application/json").json()["code"] == "missing"
    assert browser.get("/operator").headers["location"] == "/log-in?next=/operator"
