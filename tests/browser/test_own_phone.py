"""Who has no card joins the organisation with the UZI pass, and links a phone with it (ORG-5, ORG-8, ADM-7)."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from browsing import camera, story
from browsing.cards import PASS_PIN, somebody
from browsing.looks import look
from browsing.phone import Phone
from browsing.portal import ORIGIN
from browsing.world import World

pytestmark = [pytest.mark.blackbox, pytest.mark.usefixtures("registered")]


def test_org_8_who_is_new_joins_with_the_pass_links_a_phone_and_logs_in_with_it(world: World) -> None:
    holder = somebody(6)
    card = world.cards.employee(holder)
    with world.person() as person, world.person(phone=True) as pocket:
        page = person.open("/me/phone")
        look(page)
        page.get_by_role("main").get_by_role("link", name="Inloggen").click()
        world.desk.slot.insert(card)
        page.get_by_role("button", name="Inloggen met kaart").click()
        assert ORIGIN in world.desk.agree("Wilt u hier inloggen")
        world.desk.pin(PASS_PIN)
        expect(page.get_by_role("button", name="Toon de QR-code")).to_be_visible()
        look(page)
        page.goto("/me")
        page.get_by_role("link", name="Aansluiten bij uw organisatie").click()
        for label, value in (("Dag", "32"), ("Maand", "1"), ("Jaar", "1990")):
            page.get_by_label(label, exact=True).fill(value)
        page.get_by_role("button", name="Verder").click()
        expect(page.get_by_role("alert")).to_contain_text("geen geboortedatum")
        look(page)
        born = holder.birth_date
        for label, value in (("Dag", str(born.day)), ("Maand", str(born.month)), ("Jaar", str(born.year))):
            page.get_by_label(label, exact=True).fill(value)
        page.get_by_role("button", name="Verder").click()
        expect(page.get_by_role("heading", name="Bent u dit?")).to_be_visible()
        look(page)
        page.get_by_role("button", name="Ja, dit ben ik").click()
        expect(page.get_by_role("heading", name="U bent aangesloten")).to_be_visible()
        look(page)
        page.get_by_role("link", name="Uw smartphone koppelen").click()
        page.get_by_role("button", name="Toon de QR-code").click()
        expect(page.get_by_role("img", name="QR-code")).to_be_visible()
        look(page)
        phone = Phone(pocket)
        phone.scan(camera.scan(page))
        code = phone.link(story.DIGITS)
        field = page.get_by_label("Code die op uw smartphone staat")
        expect(field).to_be_visible()
        look(page)
        field.fill(code)
        page.get_by_role("button", name="Bevestig").click()
        expect(page.get_by_role("heading", name="Uw smartphone is gekoppeld")).to_be_visible()
        look(page)
        phone.linked()
        user_name = page.locator("dd").first.inner_text()
        story.log_in_by_phone(page, story.Registered(user_name, phone, card))
        person.forgive("400")
    world.desk.slot.remove()
