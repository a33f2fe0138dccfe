"""One's own phone, linked on a page after a log-in with the UZI pass (ORG-5, ORG-6, ADM-5, ADM-7)."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import qr_reader
from manage_pages import CARD, ManagePages, QuickPhone, change, links, text
from portal_pages import DIGITS, PORTAL_KEY, Browser, forms
from zorgid_card.ports.registry import MobileID
from zorgid_card.secret import Secret
from zorgid_card.testkit.phone import direct
from zorgid_card.testkit.uzi_profile import DE_LINDE, Person

PAGE, LINKING = "/me/phone", "/me/phone/linking"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ManagePages]:
    made = ManagePages(tmp_path)
    yield made
    made.store.close()


def logged_in(world: ManagePages, uzi_number: str = "900000101") -> Browser:
    """A browser in which Bob, a manager without a phone, has logged in with his pass."""
    browser = world.browser()
    holder = world.pki.pass_(Person("Bob", "Jansen", uzi_number), DE_LINDE, "N")
    assert world.log_in_by_pass(browser, holder).status_code == 200
    return browser


def offered(browser: Browser) -> tuple[str, str]:
    """What the QR code on the page says, and the address where it goes on."""
    shown = browser.send(PAGE, {}, action=PAGE)
    assert shown.status_code == 200, text(shown)
    [image] = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', shown.text)
    [address] = {link for link in links(shown) if link.startswith(LINKING)}
    return qr_reader.read(qr_reader.of_svg(base64.b64decode(image).decode())), address


def scanned(world: ManagePages, code: str) -> QuickPhone:
    phone = QuickPhone(direct(world.portal.phones.seam, PORTAL_KEY), clock=world.clock)
    phone.set_digits(Secret.of(DIGITS))
    phone.scan(code)
    return phone


def typed(browser: Browser, address: str, digits: str) -> httpx.Response:
    return browser.send(address, {"code": digits}, action=address)


def states(world: ManagePages) -> list[str]:
    with world.store.begin() as unit:
        return [phone.state for phone in unit.find(MobileID, person_id="bob")]


def test_adm_5_who_was_appointed_links_a_phone_with_the_pass_and_signs_with_it(world: ManagePages) -> None:
    browser = logged_in(world)
    code, address = offered(browser)
    assert "We wachten op uw smartphone" in text(browser.get(address))
    phone = scanned(world, code)
    digits = phone.link()
    assert "data-go" in browser.get(address, X_Live="1").text
    assert digits not in browser.get(address).text
    done = typed(browser, address, f"{digits[:3]} {digits[3:]}")
    assert (done.status_code, done.headers["location"]) == (303, address)
    assert f"Gebruikersnaam {world.bob.user_name}" in text(browser.get(address))
    assert states(world) == ["linked"]
    world.phones["bob"] = phone
    with world.store.begin() as unit:
        [mobile] = unit.find(MobileID, person_id="bob")
    managing = world.as_linked(world.bob, mobile.id)
    assert "Gedaan" in text(change(world, managing, f"/manage/cards/{CARD}/block", by="bob"))
    assert world.card(CARD).state == "suspended"


def test_adm_7_a_new_phone_takes_the_place_of_the_lost_one(world: ManagePages) -> None:
    world.quick_phone(world.bob)
    browser = logged_in(world)
    code, address = offered(browser)
    phone = scanned(world, code)
    assert states(world).count("linked") == 1
    typed(browser, address, phone.link())
    assert sorted(states(world)) == ["linked", "revoked"]


def test_org_5_the_code_is_shown_once_and_a_new_one_needs_a_new_log_in(world: ManagePages) -> None:
    browser = logged_in(world)
    offered(browser)
    again = browser.send(PAGE, {}, action=PAGE)
    assert (again.status_code, "Log eerst in met uw UZI-pas" in text(again)) == (403, True)
    assert "data:image" not in again.text
    world.clock.forward(minutes=1)
    offered(logged_in(world))
    assert sorted(states(world)) == ["offered", "revoked"]


def test_org_5_a_log_in_of_a_while_ago_shows_no_code(world: ManagePages) -> None:
    browser = logged_in(world)
    world.clock.forward(minutes=16)
    late = browser.send(PAGE, {}, action=PAGE)
    assert (late.status_code, states(world)) == (403, [])
    assert "logt u eerst in met uw UZI-pas" in text(late)


def test_org_6_other_digits_than_the_phones_link_nothing_and_can_be_typed_again(world: ManagePages) -> None:
    browser = logged_in(world)
    code, address = offered(browser)
    digits = scanned(world, code).link()
    wrong = typed(browser, address, f"{(int(digits) + 1) % 10**6:06d}")
    assert (wrong.status_code, states(world)) == (403, ["linking"])
    assert "niet de code die de telefoon toont" in text(wrong)
    typed(browser, address, digits)
    assert states(world) == ["linked"]


def test_org_6_what_took_too_long_is_over(world: ManagePages) -> None:
    browser = logged_in(world)
    code, address = offered(browser)
    digits = scanned(world, code).link()
    form = next(form for form in forms(browser.get(address).text) if form.action == address)
    world.clock.forward(minutes=5)
    late = browser.post(address, {**form.hidden, "code": digits})
    assert "De smartphone is niet gekoppeld" in text(late)
    assert "linked" not in states(world)


def test_org_6_another_session_neither_sees_nor_ends_it(world: ManagePages) -> None:
    browser, stranger = logged_in(world), logged_in(world, "900000102")
    code, address = offered(browser)
    digits = scanned(world, code).link()
    assert "niet gekoppeld" in text(stranger.get(address))
    token = forms(stranger.get(PAGE).text)[0].hidden["csrf"]
    assert stranger.post(address, {"csrf": token, "code": digits}).status_code == 403
    assert states(world) == ["linking"]


def test_org_5_a_phone_or_nobody_gets_no_code_and_is_told_to_log_in_with_the_pass(world: ManagePages) -> None:
    for browser in (world.browser(), world.as_person(world.anna)):
        shown = browser.get(PAGE)
        assert "Log eerst in met uw UZI-pas" in text(shown)
        assert f"/log-in?next={PAGE}" in links(shown)
    anna = world.as_person(world.anna)
    token = forms(anna.get(PAGE).text)[0].hidden["csrf"]
    assert "data:image" not in anna.post(PAGE, {"csrf": token}).text


def test_who_is_not_linked_to_the_organisation_gets_no_code(world: ManagePages) -> None:
    refused = logged_in(world, "900000999").send(PAGE, {}, action=PAGE)
    assert (refused.status_code, "data:image" in refused.text) == (403, False)


def test_where_one_logs_in_it_is_told_that_a_phone_can_be_linked(world: ManagePages) -> None:
    assert PAGE in links(world.browser().get("/log-in"))
    assert PAGE in links(logged_in(world).get("/me"))
