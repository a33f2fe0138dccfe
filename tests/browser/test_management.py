"""An administrator manages in a browser and signs each change on the phone (ADM-1 to ADM-7); an operator sees organisations."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from cryptography.x509 import CRLReason, ReasonFlags, load_der_x509_crl
from playwright.sync_api import Locator, Page, expect

from browsing import story
from browsing.cards import ORGANISATION, REPRESENTATIVE, WORKER, somebody
from browsing.looks import look
from browsing.world import World

pytestmark = pytest.mark.blackbox

FETCHED = "async (path) => [...new Uint8Array(await (await fetch(path)).arrayBuffer())]"


@pytest.fixture(scope="module")
def administrator(world: World, registered: story.Registered, made: story.Made) -> Iterator[Page]:
    """The administrator, logged in; a worker has a card."""
    with world.person() as person:
        page = person.context.new_page()
        story.log_in_by_phone(page, registered)
        yield page


def change(page: Page, link: str, reason: str, *, picture: str = "") -> None:
    """Fill in the form of a change, and send it."""
    page.get_by_role("link", name=link, exact=True).click()
    page.get_by_label("Reden", exact=True).fill(reason)
    look(page, picture, hidden=times(page) if picture else [])
    page.get_by_role("button", name=link, exact=True).click()


def times(page: Page) -> list[Locator]:
    return [
        page.locator("dd", has_text=":"),
        page.locator("dd", has_text="-20"),
        page.locator("td", has_text=":"),
        page.locator("td", has_text="-20"),
    ]


def open_card(page: Page, serial: str) -> None:
    page.goto("/manage/cards")
    page.get_by_role("link", name=serial).click()


def test_adm_1_the_cards_are_listed_searched_and_filtered(administrator: Page, made: story.Made) -> None:
    page = administrator
    page.get_by_role("link", name="Kaarten").click()
    row = page.get_by_role("row", name=made.serial)
    expect(row).to_contain_text(WORKER.full_surname)
    expect(row).to_contain_text("actief")
    look(page, "manage-cards", hidden=times(page))
    page.get_by_label("Zoeken").fill("Bestaat niet")
    page.get_by_role("button", name="Tonen").click()
    expect(page.get_by_text("Er is niets gevonden.")).to_be_visible()
    look(page)
    page.get_by_role("link", name="Alles tonen").click()
    page.get_by_label("Zoeken").fill(WORKER.full_surname)
    page.get_by_label("Toestand").select_option("actief")
    page.get_by_role("button", name="Tonen").click()
    expect(row).to_be_visible()


def test_adm_2_and_3_a_card_is_blocked_and_unblocked_each_signed_on_the_phone(
    world: World, administrator: Page, registered: story.Registered, made: story.Made
) -> None:
    page = administrator
    open_card(page, made.serial)
    look(page, "manage-card", hidden=times(page))
    change(page, "Blokkeren", "Kaart is zoek", picture="manage-block")
    shown = story.sign(page, registered, picture="manage-sign")
    for said in (made.serial, "Kaart is zoek", ORGANISATION.name, WORKER.full_surname, REPRESENTATIVE.full_surname):
        assert said in shown
    look(page, "manage-done")
    assert status_of(page, made.serial) == "geblokkeerd"
    with world.person() as person:
        refused = person.open("/log-in")
        world.desk.slot.insert(made.card)
        refused.get_by_role("button", name="Inloggen met kaart").click()
        world.desk.agree("Wilt u hier inloggen")
        world.desk.pin(made.pin)
        expect(refused.locator("[data-step=failed]")).to_contain_text("geblokkeerd")
        look(refused)
        person.complaints.clear()
    world.desk.slot.remove()
    open_card(page, made.serial)
    change(page, "Deblokkeren", "Kaart is gevonden")
    story.sign(page, registered)
    assert status_of(page, made.serial) == "actief"


def status_of(page: Page, serial: str) -> str:
    page.goto(f"/manage/cards/{serial}")
    return page.locator("dt:text-is('Toestand') + dd").inner_text()


def test_adm_5_people_and_their_roles_are_shown_and_may_be_changed(
    administrator: Page, registered: story.Registered
) -> None:
    page = administrator
    page.get_by_role("link", name="Personen").click()
    look(page, "manage-people")
    page.get_by_role("link", name=WORKER.full_surname).click()
    look(page, "manage-person", hidden=times(page))
    page.get_by_role("link", name="Een rol geven").click()
    look(page)
    page.goto("/manage/guests")
    look(page, "manage-guests")
    page.get_by_role("link", name="Een gast koppelen").click()
    look(page)


def test_adm_7_the_phones_are_shown(administrator: Page) -> None:
    page = administrator
    page.get_by_role("link", name="Telefoons").click()
    expect(page.get_by_role("cell", name="Telefoon van Jan").first).to_be_visible()
    look(page, "manage-phones", hidden=times(page))


def test_the_audit_log_tells_who_did_what_and_is_exported(administrator: Page, made: story.Made) -> None:
    page = administrator
    page.get_by_role("link", name="Logboek").click()
    look(page, "manage-audit", hidden=times(page))
    page.get_by_label("Soort").select_option("kaarten")
    page.get_by_role("button", name="Tonen").click()
    expect(page.get_by_role("link", name=made.serial).first).to_be_visible()
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Downloaden").click()
    lines = [json.loads(line) for line in downloading.value.path().read_text().splitlines()]
    assert len(lines) > 5


def test_adm_4_to_6_a_card_is_revoked_and_its_holder_gets_a_role_and_leaves_each_signed_on_the_phone(
    world: World, administrator: Page, registered: story.Registered
) -> None:
    page, leaving = administrator, somebody(20)
    made = story.make_card(world, leaving)
    open_card(page, made.serial)
    story.change(page, "Intrekken", "In verkeerde handen", cause="keyCompromise")
    story.sign(page, registered)
    assert status_of(page, made.serial) == "ingetrokken"
    crl = load_der_x509_crl(bytes(page.evaluate(FETCHED, "/crl/crl.der")))
    revoked = [entry.extensions.get_extension_for_class(CRLReason) for entry in crl]
    assert ReasonFlags.key_compromise in [each.value.reason for each in revoked]
    page.goto("/manage/people")
    page.get_by_role("link", name=leaving.full_surname).click()
    story.change(page, "Een rol geven", "Neemt waar", role="manager")
    assert "beheerder" in story.sign(page, registered)
    page.get_by_role("link", name="Verder").click()
    story.change(page, "Ontkoppelen", "Uit dienst")
    story.sign(page, registered)
    page.goto("/manage/people")
    expect(page.get_by_role("link", name=leaving.full_surname)).to_have_count(0)


def test_org_1_an_operator_sees_the_organisation(world: World, administrator: Page) -> None:
    with world.person() as person:
        page = story.operator_arrives(world, person)
        page.get_by_role("link", name="goedgekeurd").click()
        expect(page.get_by_role("link", name=ORGANISATION.name)).to_be_visible()
        page.get_by_role("link", name="Organisaties").click()
        expect(page.get_by_role("region", name=ORGANISATION.name)).to_contain_text("gevalideerd")
        look(page, "operator-organisations", hidden=times(page))


def test_an_operators_link_serves_once(world: World) -> None:
    link = world.portal.operator_link("beheer")
    with world.person() as person:
        person.open(link).get_by_role("button", name="Ga naar binnen").click()
        person.context.pages[0].wait_for_url("**/operator")
    with world.person() as person:
        page = person.open(link)
        page.get_by_role("button", name="Ga naar binnen").click()
        expect(page.get_by_role("alert")).to_contain_text("Deze link is gebruikt of verlopen")
        look(page)
        assert page.url.endswith("/operator/log-in")
        person.complaints.clear()
