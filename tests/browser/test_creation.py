"""*Aanmaken ZORG-ID Smartcard*, as the manual has it, and what its holder does with the card then (CRD-10, PIN-1 to PIN-4)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from browsing import story
from browsing.cards import PASS_PIN, WORKER
from browsing.looks import look
from browsing.manuals import Walk
from browsing.world import World

pytestmark = pytest.mark.blackbox

NEW_PIN = b"161803"


@pytest.fixture
def own(world: World, made: story.Made) -> Iterator[Page]:
    """The page *Mijn kaart*, with the card in the reader."""
    with world.person() as person:
        page = person.open("/me")
        world.desk.slot.insert(made.card)
        yield page
    world.desk.slot.remove()


def choose(page: Page, what: str) -> None:
    page.get_by_role("button", name=what, exact=True).click()


def done(page: Page, sentence: str) -> str:
    """It says so; returns all that it says."""
    expect(page.get_by_role("heading", name="Klaar")).to_be_visible()
    said = page.locator("[data-step=done]").inner_text()
    assert sentence in said
    choose(page, "Iets anders doen")
    return said


def test_crd_10_the_card_is_linked_to_its_holder_and_logs_in_at_once(world: World, made: story.Made) -> None:
    assert made.serial == str(made.card.serial)
    with world.person() as person:
        page = person.context.new_page()
        story.log_in_by_card(world, page, made.card, made.pin, picture="log-in")
        expect(page.get_by_text(WORKER.common_name)).to_be_visible()
        row = page.get_by_role("row", name=made.serial)
        expect(row).to_contain_text("actief")
        look(page, "own", hidden=[page.locator("td:nth-child(3)"), page.locator("td:nth-child(4)")])
        page.get_by_role("button", name="Uitloggen").click()
        expect(page.get_by_role("link", name="Inloggen").first).to_be_visible()
    world.desk.slot.remove()


def test_pin_1_the_tries_that_are_left_are_shown_and_none_is_spent(own: Page) -> None:
    choose(own, "Pogingen bekijken")
    expect(own.get_by_role("heading", name="Klaar")).to_be_visible()
    look(own, "own-status", hidden=[own.locator("[data-result=expires]")])
    assert "ZORG-ID Smartcard" in done(own, "3")


def change(world: World, page: Page, old: bytes, new: bytes, *, last: bool = False) -> None:
    choose(page, "Pincode wijzigen")
    if last:
        world.desk.agree("laatste poging")
    world.desk.pin(old)
    world.desk.new_pin(new)


def refused(page: Page, picture: str = "") -> str:
    """The PIN was wrong; returns what the page says."""
    expect(page.get_by_role("heading", name="De pincode of pukcode is niet aanvaard")).to_be_visible()
    look(page, picture)
    said = page.locator("[data-step=failed]").inner_text()
    choose(page, "Opnieuw beginnen")
    return said


def test_pin_2_the_pin_is_changed_by_the_agent_and_a_wrong_one_is_told(
    world: World, made: story.Made, own: Page
) -> None:
    change(world, own, b"000000", NEW_PIN)
    assert "2" in refused(own)
    for before, after in ((made.pin, NEW_PIN), (NEW_PIN, made.pin)):
        change(world, own, before, after)
        done(own, "De pincode is gewijzigd.")
        assert made.card.pin == after


def test_pin_3_a_blocked_pin_is_unblocked_with_the_puk_that_was_kept(world: World, made: story.Made, own: Page) -> None:
    for left in (2, 1, 0):
        change(world, own, b"999999", NEW_PIN, last=left == 0)
        refused(own, "" if left else "own-blocked")
    choose(own, "Pogingen bekijken")
    done(own, "geblokkeerd")
    choose(own, "Pincode deblokkeren")
    world.desk.enter("Pukcode: ?", made.puk)
    world.desk.new_pin(NEW_PIN)
    done(own, "pincode")
    assert made.card.pin == NEW_PIN
    change(world, own, NEW_PIN, made.pin)
    done(own, "De pincode is gewijzigd.")


def test_pin_4_a_new_puk_is_drawn_and_shown_by_the_agent_alone(world: World, made: story.Made, own: Page) -> None:
    choose(own, "Pukcode wijzigen")
    world.desk.enter("Pukcode: ?", made.puk)
    made.puk, _ = world.desk.keep_puk()
    assert made.puk.decode() not in own.content()
    done(own, "pukcode")


def test_a_card_that_expires_is_renewed_with_the_pass_and_keeps_pin_and_puk(
    world: World, made: story.Made, own: Page
) -> None:
    world.desk.slot.remove()
    choose(own, "Kaart verlengen")
    expect(own.locator("[data-cue=insert-pass]")).to_be_visible()
    world.desk.slot.insert(made.uzi_pass)
    world.desk.agree("toegang tot uw UZI-pas")
    world.desk.pin(PASS_PIN)
    choose(own, "Volgende")
    Walk(own, world.desk).enter_birth_date(WORKER.birth_date)
    expect(own.locator("[data-cue=remove-pass]")).to_be_visible()
    world.desk.slot.remove()
    expect(own.locator("[data-cue=insert-card]")).to_be_visible()
    world.desk.slot.insert(made.card)
    world.desk.pin(made.pin)
    assert made.serial in done(own, "verlengd")
    assert made.card.pin == made.pin
