"""Who shows a UZI pass joins its organisation on a page (ORG-8, CRD-11)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import httpx
import pytest

from manage_pages import ManagePages, text
from portal_pages import URA, Browser, forms
from registry_world import BORN, OTHER_URA
from zorgid_card.ports.registry import Membership, Person
from zorgid_card.testkit.uzi_profile import DE_LINDE
from zorgid_card.testkit.uzi_profile import Person as PassHolder

PAGE, CONFIRM = "/me/join", "/me/join/confirm"
GREET = PassHolder("Greet", "Smit", "900000777", birth_date=date(1971, 2, 28))
FRANS = PassHolder("Frans", "Jansen", "900000105")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ManagePages]:
    made = ManagePages(tmp_path)
    yield made
    made.store.close()


def logged_in(world: ManagePages, holder: PassHolder) -> Browser:
    browser = world.browser()
    assert world.log_in_by_pass(browser, world.pki.pass_(holder, DE_LINDE, "N")).status_code == 200
    return browser


def born(browser: Browser, birth_date: date) -> httpx.Response:
    day, month, year = str(birth_date.day), str(birth_date.month), str(birth_date.year)
    return browser.send(PAGE, {"day": day, "month": month, "year": year}, action=PAGE)


def confirmed(browser: Browser, shown: httpx.Response, **instead: str) -> httpx.Response:
    [form] = [form for form in forms(shown.text) if form.action == CONFIRM]
    return browser.post(CONFIRM, {**form.hidden, **instead})


def roles(world: ManagePages, uzi_number: str) -> list[tuple[str, str]]:
    with world.store.begin() as unit:
        found = [person for person in unit.find(Person) if person.uzi_number == uzi_number]
        return [(one.ura, one.role) for person in found for one in unit.find(Membership, person_id=person.id)]


def test_org_8_somebody_new_joins_and_an_administrator_finds_them(world: ManagePages) -> None:
    browser = logged_in(world, GREET)
    assert PAGE in browser.get("/me").text
    shown = born(browser, GREET.birth_date)
    assert "Greet Smit" in text(shown)
    assert "nog niet bekend" in text(shown)
    assert roles(world, GREET.uzi_number) == []
    assert "U bent aangesloten" in text(confirmed(browser, shown))
    assert roles(world, GREET.uzi_number) == [(URA, "holder")]
    assert "Greet Smit" in text(world.as_person(world.anna).get("/manage/people"))
    confirmed(browser, shown)
    assert roles(world, GREET.uzi_number) == [(URA, "holder")]


def test_crd_11_who_worked_elsewhere_joins_with_their_cards(world: ManagePages) -> None:
    browser = logged_in(world, FRANS)
    shown = born(browser, BORN)
    assert "al bekend" in text(shown)
    confirmed(browser, shown)
    assert sorted(ura for ura, _ in roles(world, FRANS.uzi_number)) == sorted((URA, OTHER_URA))
    assert re.search(r"Frans Jansen", text(world.as_person(world.anna).get("/manage/cards")))


def test_org_8_what_does_not_match_is_told_beside_the_form_and_counted(world: ManagePages) -> None:
    browser = logged_in(world, FRANS)
    for _ in range(5):
        wrong = born(browser, date(1999, 1, 2))
        assert (wrong.status_code, "komen niet overeen" in text(wrong)) == (400, True)
        assert f'action="{PAGE}"' in wrong.text
    assert "te vaak geprobeerd" in text(born(browser, BORN))
    assert [ura for ura, _ in roles(world, FRANS.uzi_number)] == [OTHER_URA]


@pytest.mark.parametrize("given", [("31", "2", "1980"), ("x", "1", "1980"), ("1", "1", "9" * 20), ("1", "1", "2999")])
def test_org_8_what_is_no_birth_date_is_asked_again(world: ManagePages, given: tuple[str, str, str]) -> None:
    day, month, year = given
    wrong = logged_in(world, GREET).send(PAGE, {"day": day, "month": month, "year": year}, action=PAGE)
    assert (wrong.status_code, "Dit kan geen geboortedatum zijn" in text(wrong)) == (400, True)


def test_org_8_who_is_confirmed_is_who_was_shown(world: ManagePages) -> None:
    browser = logged_in(world, GREET)
    refused = confirmed(browser, born(browser, GREET.birth_date), person="anna")
    assert refused.status_code == 403
    assert roles(world, GREET.uzi_number) == []


def test_org_8_only_who_shows_a_pass_joins(world: ManagePages) -> None:
    assert world.as_person(world.anna).get(PAGE).status_code == 403
    assert world.browser().get(PAGE).headers["location"] == f"/log-in?next={PAGE}"
