"""What goes wrong at the desk: cards pulled at each page, wrong cards, wrong PINs, no agent, no reader, another program."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from browsing import story
from browsing.browser import Person
from browsing.cards import ORGANISATION, PASS_PIN, REPRESENTATIVE, WORKER, somebody
from browsing.looks import look
from browsing.manuals import CREATE, Creation, Registration, Walk
from browsing.portal import ORIGIN
from browsing.world import World
from zorgid_card import find_reader
from zorgid_card.testkit.pcscd import PrivatePCSCD
from zorgid_card.testkit.uzi import VirtualUZIPass

pytestmark = [pytest.mark.blackbox, pytest.mark.usefixtures("registered")]

REMOVED = "De kaart is te vroeg uit de paslezer gehaald"
OTHER_PIN = b"161803"


@pytest.fixture
def person(world: World) -> Iterator[Person]:
    """Somebody at the desk; the reader is empty before and after."""
    with world.person() as found:
        yield found
    world.desk.slot.remove()


def failed(walk: Walk, heading: str) -> str:
    """The page says what went wrong and what to do; returns that, and the person begins again."""
    walk.shows(heading)
    look(walk.page)
    said = walk.page.locator("[data-step=failed]").inner_text()
    walk.press("Opnieuw beginnen")
    walk.shows("Dit hebt u nodig")
    return said


# --- cards pulled -----------------------------------------------------------------------------------------------------


def test_org_3_a_pass_that_is_pulled_at_any_page_of_the_registration_is_told_and_nothing_is_confirmed(
    world: World, person: Person
) -> None:
    walk, card = Registration(person.open("/"), world.desk), world.cards.professional()
    walk.begin("Ik wil een organisatie valideren")

    def at_access() -> None:
        world.desk.asked.expect("toegang tot uw UZI-pas")
        world.desk.slot.remove()
        world.desk.agree("")

    def at_pin() -> None:
        world.desk.agree("toegang tot uw UZI-pas")
        world.desk.asked.expect("Pincode: ?")
        world.desk.slot.remove()
        world.desk.asked.answer(PASS_PIN)

    def at_confirmation() -> None:
        world.desk.agree("toegang tot uw UZI-pas")
        world.desk.pin(PASS_PIN)
        for heading in ("Controleer de gegevens van uw UZI-pas", "Controleer de organisatiegegevens"):
            walk.shows(heading)
            walk.press("Volgende")
        walk.shows("Uw organisatie is nu gevalideerd.")
        world.desk.slot.remove()
        walk.press("Volgende")
        walk.press("Volgende")
        walk.enter_birth_date(REPRESENTATIVE.birth_date)
        walk.press("Bevestig")
        world.desk.agree("administrator")

    for pull in (at_access, at_pin, at_confirmation):
        walk.press("Beginnen")
        expect(walk.page.locator("[data-cue=insert-pass]")).to_be_visible()
        world.desk.slot.insert(card)
        pull()
        failed(walk, REMOVED)
    assert card.tries_left == (3, 3)


def test_crd_8_a_card_that_is_pulled_while_it_is_made_is_finished_or_made_anew_and_works(
    world: World, person: Person
) -> None:
    holder, walk, blank = somebody(1), Creation(person.open("/"), world.desk), world.cards.blank()
    walk.identify(world.cards.employee(holder), PASS_PIN, holder.birth_date)
    walk.change_cards(blank)

    def again() -> None:
        walk.shows("De kaart is onderbroken")
        look(walk.page)
        walk.press("Opnieuw proberen")
        expect(walk.page.locator("[data-cue=insert-again]")).to_be_visible()
        world.desk.slot.insert(blank)

    expect(walk.page.locator("[data-prompt=new-pin]")).to_be_visible()
    world.desk.slot.remove()
    world.desk.new_pin(story.CARD_PIN)
    again()
    expect(walk.page.locator("[data-prompt=new-pin]")).to_be_visible()
    world.desk.slot.tear(after=30)
    world.desk.new_pin(story.CARD_PIN)
    again()
    world.desk.agree("Mag hij worden gewist")
    walk.choose_pin(story.CARD_PIN)
    walk.shows("Bewaar uw pukcode")
    world.desk.slot.remove()
    world.desk.keep_puk()
    again()
    world.desk.agree("Streep die door")
    world.desk.keep_puk()
    assert walk.done() == str(blank.serial)
    page = person.context.new_page()
    story.log_in_by_card(world, page, blank, story.CARD_PIN)
    expect(page.get_by_role("row", name=str(blank.serial))).to_contain_text("actief")


def pulled(world: World, question: str) -> None:
    """The card is taken out while this is asked."""
    world.desk.asked.expect(question)
    world.desk.slot.remove()


def told_removed(page: Page) -> None:
    """The page says so, and the person begins again."""
    expect(page.get_by_role("heading", name=REMOVED)).to_be_visible()
    look(page)
    page.get_by_role("button", name="Opnieuw beginnen").click()


def test_aut_1_a_card_that_is_pulled_at_the_log_in_is_told_and_nobody_is_logged_in(
    world: World, person: Person, made: story.Made
) -> None:
    page = person.open("/log-in")

    def at_consent() -> None:
        pulled(world, "Wilt u hier inloggen")
        world.desk.agree("")

    def at_pin() -> None:
        world.desk.agree("Wilt u hier inloggen")
        pulled(world, "Pincode: ?")
        world.desk.asked.answer(made.pin)

    for pull in (at_consent, at_pin):
        world.desk.slot.insert(made.card)
        page.get_by_role("button", name="Inloggen met kaart").click()
        pull()
        told_removed(page)
        expect(page.get_by_role("button", name="Uitloggen")).to_have_count(0)
    assert made.card._state.pin.left == 3
    story.log_in_by_card(world, page, made.card, made.pin)


def test_pin_2_a_card_that_is_pulled_while_its_pin_is_changed_keeps_the_old_one(
    world: World, person: Person, made: story.Made
) -> None:
    page = person.open("/me")

    def at_the_old() -> None:
        pulled(world, "Pincode: ?")
        world.desk.asked.answer(made.pin)
        world.desk.new_pin(OTHER_PIN)  # both go to the card in one command

    def at_the_new() -> None:
        world.desk.pin(made.pin)
        pulled(world, "Nieuwe pincode: ?")
        world.desk.asked.answer(OTHER_PIN)
        world.desk.enter("Nog een keer: ?", OTHER_PIN)

    for pull in (at_the_old, at_the_new):
        world.desk.slot.insert(made.card)
        page.get_by_role("button", name="Pincode wijzigen", exact=True).click()
        pull()
        told_removed(page)
    assert (made.card.pin, made.card._state.pin.left) == (made.pin, 3)


# --- wrong cards, wrong people ----------------------------------------------------------------------------------------


def test_crd_5_other_cards_are_named_and_left_as_they_are_until_the_right_one_is_in(
    world: World, person: Person, made: story.Made
) -> None:
    holder, walk = somebody(2), Creation(person.open("/"), world.desk)
    card = world.cards.employee(holder)
    walk.begin(CREATE)
    walk.press("Beginnen")
    expect(walk.page.locator("[data-cue=insert-pass]")).to_be_visible()
    world.desk.slot.insert(made.card)
    expect(walk.page.get_by_role("alert")).to_contain_text("andere kaart in de paslezer (ZORG-ID Smartcard)")
    look(walk.page, "create-other-card")
    world.desk.slot.insert(card)
    world.desk.agree("toegang tot uw UZI-pas")
    world.desk.pin(PASS_PIN)
    walk.press("Volgende")
    walk.enter_birth_date(holder.birth_date)
    expect(walk.page.locator("[data-cue=remove-pass]")).to_be_visible()
    world.desk.slot.remove()
    expect(walk.page.locator("[data-cue=insert-blank]")).to_be_visible()
    world.desk.slot.insert(made.card)
    failed(walk, "Dit is niet de juiste kaart")
    assert made.card.pin == made.pin


def test_crd_1_passes_that_make_no_card_are_refused_with_the_reason(world: World, person: Person) -> None:
    holder, walk = somebody(3), Creation(person.open("/"), world.desk)
    then = datetime.now(UTC) - timedelta(days=1)
    pki = world.cards.pki
    revoked = world.cards.employee(holder)
    pki.revoke(revoked.contents)
    pki.save(world.portal.directory / "uzi")
    expired = VirtualUZIPass(
        pki.pass_(holder, ORGANISATION, "N", not_before=then - timedelta(days=900), not_after=then)
    )
    walk.begin(CREATE)
    for card, heading in (
        (world.cards.professional(holder), "Dit is niet de juiste kaart"),
        (expired, "Deze pas of kaart wordt niet aanvaard"),
    ):
        walk.press("Beginnen")
        expect(walk.page.locator("[data-cue=insert-pass]")).to_be_visible()
        world.desk.slot.insert(card)
        world.desk.agree("toegang tot uw UZI-pas")
        world.desk.pin(PASS_PIN)
        failed(walk, heading)
        world.desk.slot.remove()


def test_crd_4_a_wrong_birth_date_is_refused_and_does_not_tell_which_field_differed(
    world: World, person: Person, made: story.Made
) -> None:
    walk = Creation(person.open("/"), world.desk)
    walk.identify(world.cards.employee(WORKER), PASS_PIN, date(1991, 9, 29))
    said = failed(walk, "De gegevens komen niet overeen")
    assert "De gegevens komen niet overeen met wat geregistreerd is" in said


def test_pin_1_a_wrong_pin_is_told_and_costs_one_try(world: World, person: Person) -> None:
    walk, card = Creation(person.open("/"), world.desk), world.cards.employee(somebody(4))
    walk.begin(CREATE)
    walk.press("Beginnen")
    expect(walk.page.locator("[data-cue=insert-pass]")).to_be_visible()
    world.desk.slot.insert(card)
    world.desk.agree("toegang tot uw UZI-pas")
    world.desk.pin(b"000000")
    failed(walk, "De pincode of pukcode is niet aanvaard")
    assert card.tries_left[0] == 2


# --- refused, stopped -------------------------------------------------------------------------------------------------


def test_org_3_refused_access_ends_it_and_no_pin_is_asked(world: World, person: Person) -> None:
    walk, card = Registration(person.open("/"), world.desk), world.cards.professional()
    walk.begin("Ik wil een organisatie valideren")
    walk.press("Beginnen")
    expect(walk.page.locator("[data-cue=insert-pass]")).to_be_visible()
    world.desk.slot.insert(card)
    world.desk.decline("toegang tot uw UZI-pas")
    failed(walk, "U bent gestopt")
    assert card.tries_left == (3, 3)


def test_org_4_refused_consent_registers_nobody(world: World, person: Person) -> None:
    walk = Registration(person.open("/"), world.desk)
    walk.validate(world.cards.professional(somebody(5)), PASS_PIN)
    walk.press("Volgende")
    walk.press("Volgende")
    walk.enter_birth_date(somebody(5).birth_date)
    walk.press("Bevestig")
    world.desk.decline("administrator")
    failed(walk, "U bent gestopt")


def test_who_stops_on_the_page_has_the_agents_question_taken_away(world: World, person: Person) -> None:
    walk, card = Registration(person.open("/"), world.desk), world.cards.professional()
    walk.begin("Ik wil een organisatie valideren")
    walk.press("Beginnen")
    expect(walk.page.locator("[data-cue=insert-pass]")).to_be_visible()
    world.desk.slot.insert(card)
    world.desk.asked.expect("toegang tot uw UZI-pas")
    walk.press("Stoppen")
    failed(walk, "U bent gestopt")
    assert card.tries_left == (3, 3)


# --- no agent, no reader, no permission -------------------------------------------------------------------------------


@contextmanager
def without_agent(world: World) -> Iterator[None]:
    world.desk.stop()
    try:
        yield
    finally:
        world.desk.start()


def test_no_agent_is_told_and_one_that_goes_away_meanwhile_too(world: World) -> None:
    with world.person() as person:
        walk = Creation(person.open("/"), world.desk)
        walk.begin(CREATE)
        walk.press("Beginnen")
        expect(walk.page.locator("[data-cue=insert-pass]")).to_be_visible()
        with without_agent(world):
            walk.shows("De verbinding met het ZORG-ID-programma is verbroken")
            look(walk.page)
            walk.press("Opnieuw beginnen")
            walk.shows("Het ZORG-ID-programma is niet gevonden")
            look(walk.page, "no-agent")
            walk.page.get_by_role("link", name="Hulp bij het ZORG-ID-programma").click()
            look(walk.page)
        walk.press("Zoek het programma")
        expect(walk.page.get_by_text("Het programma is gevonden.")).to_be_visible()
        person.forgive("ERR_CONNECTION_REFUSED")


def test_a_browser_that_may_not_reach_this_computer_is_told_what_to_allow(world: World) -> None:
    with world.person(permissions=()) as person:
        page = person.open("/card/create")
        expect(page.get_by_role("heading", name="Het ZORG-ID-programma is niet gevonden")).to_be_visible()
        expect(page.locator("[data-step=failed]")).to_contain_text("sta dat dan toe")
        person.forgive("127.0.0.1")


def test_org_2_a_reader_that_is_connected_later_is_noticed(world: World, person: Person, pcscd: PrivatePCSCD) -> None:
    walk = Registration(person.open("/"), world.desk)
    pcscd.stop()
    try:
        walk.page.get_by_role("link", name="Ik wil een organisatie valideren").click()
        expect(walk.page.get_by_text("er is geen paslezer gevonden")).to_be_visible()
        expect(walk.page.get_by_role("button", name="Beginnen")).to_be_disabled()
        look(walk.page, "no-reader")
    finally:
        pcscd.start()
    expect(walk.page.get_by_role("button", name="Beginnen")).to_be_enabled()


def test_another_program_that_has_the_card_alone_is_told_and_left_in_peace(
    world: World, person: Person, made: story.Made
) -> None:
    page = person.open("/me")
    world.desk.slot.insert(made.card)
    channel = find_reader(world.desk.slot.name).connect(exclusive=True)
    try:
        page.get_by_role("button", name="Pincode wijzigen", exact=True).click()
        expect(page.get_by_role("heading", name="Een ander programma gebruikt de kaart")).to_be_visible()
        look(page)
    finally:
        channel.close()


def test_a_portal_that_the_person_does_not_allow_gets_nothing_of_the_agent(world: World) -> None:
    world.desk.stop()
    world.desk.forget(ORIGIN)
    world.desk.start()
    with world.person() as person:
        page = person.open("/card/create")
        code = page.locator("[data-fill=pairing-code]")
        expect(code).not_to_be_empty()
        world.desk.decline(code.inner_text())
        expect(page.get_by_role("heading", name="Dit portaal mag het ZORG-ID-programma niet gebruiken")).to_be_visible()
        look(page)
    world.desk.stop()
    world.desk.allow(ORIGIN)
    world.desk.start()
