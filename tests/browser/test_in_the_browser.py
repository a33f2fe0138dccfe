"""What goes wrong in a browser: the button back, two tabs, a session that ends, a form sent twice, a wrong phone, no JavaScript."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy.dialects.sqlite import dialect

from browsing import story
from browsing.browser import Person
from browsing.cards import ORGANISATION, PASS_PIN, REPRESENTATIVE, WORKER
from browsing.looks import look
from browsing.manuals import CREATE, Creation, Registration
from browsing.phone import Phone
from browsing.world import World
from zorgid_card.adapters.sql_tables import UTCTime

pytestmark = [pytest.mark.blackbox, pytest.mark.usefixtures("registered")]

SQLITE = dialect()
SEND_TWICE = """() => {
  const form = document.querySelector("main form");
  const send = () => fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
  return Promise.all([send(), send()].map(async (answer) => (await answer).status));
}"""


@pytest.fixture
def person(world: World) -> Iterator[Person]:
    """Somebody at the desk; the reader is empty before and after."""
    with world.person() as found:
        yield found
    world.desk.slot.remove()


# --- back, and two tabs -----------------------------------------------------------------------------------------------


def test_the_button_back_ends_the_step_and_forward_begins_it_anew(world: World, person: Person) -> None:
    walk, card = Registration(person.open("/"), world.desk), world.cards.professional()
    walk.begin("Ik wil een organisatie valideren")
    walk.press("Beginnen")
    expect(walk.page.locator("[data-cue=insert-pass]")).to_be_visible()
    world.desk.slot.insert(card)
    world.desk.agree("toegang tot uw UZI-pas")
    world.desk.pin(PASS_PIN)
    walk.shows("Controleer de gegevens van uw UZI-pas")
    walk.page.go_back()
    expect(walk.page.get_by_role("link", name=CREATE)).to_be_visible()
    walk.page.go_forward()
    walk.shows("Dit hebt u nodig")
    walk.press("Beginnen")
    world.desk.agree("toegang tot uw UZI-pas")
    world.desk.pin(PASS_PIN)
    walk.shows("Controleer de gegevens van uw UZI-pas")


def test_a_second_tab_at_the_same_reader_leaves_the_first_in_peace(world: World, person: Person) -> None:
    walk, card = Registration(person.open("/"), world.desk), world.cards.professional()
    walk.begin("Ik wil een organisatie valideren")
    walk.press("Beginnen")
    expect(walk.page.locator("[data-cue=insert-pass]")).to_be_visible()
    world.desk.slot.insert(card)
    world.desk.asked.expect("toegang tot uw UZI-pas")
    other = Creation(person.open("/"), world.desk)
    other.begin(CREATE)
    other.page.get_by_label("Paslezer").select_option(world.desk.slot.name)
    other.press("Beginnen")
    other.shows("Een ander programma gebruikt de kaart")
    look(other.page)
    world.desk.agree("")
    world.desk.pin(PASS_PIN)
    walk.shows("Controleer de gegevens van uw UZI-pas")


# --- sessions ---------------------------------------------------------------------------------------------------------


def test_who_logs_out_in_one_tab_is_out_in_the_other_and_comes_back_to_where_they_were(
    world: World, person: Person, registered: story.Registered
) -> None:
    page = person.context.new_page()
    story.log_in_by_phone(page, registered)
    page.goto("/manage/people")
    other = person.open("/me")
    other.get_by_role("button", name="Uitloggen").click()
    expect(other.get_by_role("link", name="Inloggen").first).to_be_visible()
    page.get_by_role("link", name="Telefoons").click()
    expect(page.get_by_role("heading", name="Inloggen", exact=True)).to_be_visible()
    assert "next=/manage/phones" in page.url


def test_a_session_that_nobody_used_is_over_and_says_so(
    world: World, person: Person, registered: story.Registered
) -> None:
    page = person.context.new_page()
    story.log_in_by_phone(page, registered)
    hour_ago(world)
    page.get_by_role("link", name="Personen").click()
    expect(page.get_by_role("heading", name="U bent niet ingelogd")).to_be_visible()
    look(page, "session-over")
    person.forgive("401")


def hour_ago(world: World) -> None:
    """All sessions were last used an hour ago."""
    with sqlite3.connect(world.portal.directory / "registry.db", timeout=30) as database:
        for name, seen in database.execute("SELECT id, seen_at FROM zorgid_browser_session").fetchall():
            earlier = UTCTime().process_result_value(seen, SQLITE) - timedelta(hours=1)
            at = UTCTime().process_bind_param(earlier, SQLITE)
            database.execute("UPDATE zorgid_browser_session SET seen_at = ? WHERE id = ?", (at, name))


def test_adm_2_who_is_logged_in_with_a_card_that_is_blocked_is_logged_in_no_more(
    world: World, person: Person, registered: story.Registered, made: story.Made
) -> None:
    page = person.context.new_page()
    story.log_in_by_card(world, page, made.card, made.pin)
    with world.person() as manager:
        managing = manager.context.new_page()
        story.log_in_by_phone(managing, registered)
        story.change_card(managing, made.serial, "Blokkeren", "Kaart is zoek")
        story.sign(managing, registered)
        page.get_by_role("link", name="Mijn kaart", exact=True).first.click()
        expect(page.get_by_role("link", name="Inloggen").first).to_be_visible()
        expect(page.get_by_role("alert")).to_contain_text("geblokkeerd")
        look(page, "card-blocked")
        person.complaints.clear()
        story.change_card(managing, made.serial, "Deblokkeren", "Kaart is gevonden")
        story.sign(managing, registered)


# --- forms ------------------------------------------------------------------------------------------------------------


def test_a_form_that_is_sent_twice_is_done_once(world: World, person: Person, registered: story.Registered) -> None:
    page = person.open("/organisation/request")
    for label, value in (
        ("Naam van de organisatie", "Apotheek De Eik"),
        ("URA-nummer van de organisatie", "90000456"),
        ("Naam van de contactpersoon", "Piet Jansen"),
        ("E-mailadres van de contactpersoon", "piet@deeik.example"),
    ):
        page.get_by_label(label).fill(value)
    assert page.evaluate(SEND_TWICE) == [200, 200]
    page.get_by_role("button", name="Aanvraag versturen").dblclick()
    expect(page.get_by_role("heading", name="Uw aanvraag is ontvangen")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Aanvragen registratie")).to_be_visible()
    with world.person() as operator:
        requests = story.operator_arrives(world, operator)
        expect(requests.get_by_role("link", name="Apotheek De Eik")).to_have_count(1)


def test_a_change_that_was_made_is_not_made_again_by_who_loads_its_page_again(
    world: World, person: Person, registered: story.Registered, made: story.Made
) -> None:
    page = person.context.new_page()
    story.log_in_by_phone(page, registered)
    before = blocked_so_often(page, made)
    story.change_card(page, made.serial, "Blokkeren", "Kaart is zoek")
    story.sign(page, registered)
    page.reload()
    expect(page.get_by_role("heading", name="Gedaan")).to_be_visible()
    story.change_card(page, made.serial, "Deblokkeren", "Kaart is gevonden")
    story.sign(page, registered)
    assert blocked_so_often(page, made) == before + 1


def blocked_so_often(page: Page, made: story.Made) -> int:
    page.goto(f"/manage/cards/{made.serial}")
    return page.get_by_role("cell", name="Kaart is zoek").count()


def test_another_site_can_send_no_form_and_show_no_page_of_the_portal(
    world: World, person: Person, registered: story.Registered
) -> None:
    page = person.context.new_page()
    story.log_in_by_phone(page, registered)
    other = person.context.new_page()
    other.set_content(
        f'<form method="post" action="{world.portal.origin}/log-out"></form><iframe src="{world.portal.origin}/me"></iframe>'
    )
    other.evaluate("document.forms[0].submit()")
    expect(other.locator("main")).to_be_visible()
    person.complaints.clear()
    page.reload()
    expect(page.get_by_role("button", name="Uitloggen")).to_be_visible()


# --- phones -----------------------------------------------------------------------------------------------------------


def test_org_7_a_wrong_number_or_a_refusal_on_the_phone_logs_nobody_in(
    world: World, person: Person, registered: story.Registered
) -> None:
    page = person.context.new_page()
    number = story.ask_phone(page, registered.user_name)
    registered.phone.asked("Wilt u inloggen?")
    registered.phone.approve(f"{(int(number) + 1) % 100:02d}", story.DIGITS)
    expect(registered.phone.page.get_by_role("heading", name="Het is niet gelukt")).to_be_visible()
    registered.phone.look("failed")
    registered.phone.page.get_by_role("button", name="Verder").click()
    expect(page.get_by_role("link", name="Opnieuw proberen")).to_be_visible()
    look(page)
    story.ask_phone(page, registered.user_name)
    registered.phone.asked("Wilt u inloggen?")
    registered.phone.refuse()
    registered.phone.done("Geweigerd")
    expect(page.get_by_role("status")).to_contain_text("geweigerd")
    expect(page.get_by_role("button", name="Uitloggen")).to_have_count(0)


def test_org_5_a_second_phone_that_scans_the_code_is_told_and_a_wrong_code_links_nothing(
    world: World, person: Person, registered: story.Registered
) -> None:
    walk = Registration(person.open("/"), world.desk)
    walk.validate(world.cards.professional(REPRESENTATIVE), PASS_PIN)
    walk.administrator(REPRESENTATIVE.birth_date)
    code = walk.code()
    with world.person(phone=True) as first, world.person(phone=True) as second:
        thief, own = Phone(first), Phone(second)
        thief.scan(code)
        theirs = thief.link("141421")
        own.scan(code)
        own.page.get_by_label("Kies zes cijfers").fill("173205")
        own.page.get_by_label("Dezelfde zes cijfers nog een keer").fill("173205")
        own.page.get_by_role("button", name="Voeg ID toe").click()
        expect(own.page.get_by_role("heading", name="Het is niet gelukt")).to_be_visible()
        look(own.page)
        walk.page.get_by_label("Code die op uw smartphone staat").fill(f"{(int(theirs) + 1) % 10**6:06d}")
        walk.press("Bevestig")
        expect(walk.page.get_by_role("alert")).to_contain_text("niet de code die de telefoon toont")
        walk.press("Mijn smartphone toont geen code")
        walk.shows("U bent gestopt")
        look(walk.page)
        expect(thief.page.get_by_role("heading", name="De telefoon is gekoppeld")).to_have_count(0)
        first.complaints.clear()
        second.complaints.clear()


# --- people -----------------------------------------------------------------------------------------------------------


def test_the_pages_are_there_in_english_too(person: Person) -> None:
    page = person.open("/")
    page.get_by_role("link", name="English").click()
    for path, heading in (
        ("/", "ZORG-ID portal"),
        ("/organisation/request", "Request a registration"),
        ("/log-in", "Log in"),
        ("/card/create", "Making a ZORG-ID Smartcard"),
        ("/organisation/validate", "Validating an organisation"),
        ("/me", "My card"),
        ("/help/agent", "Help with the ZORG-ID program"),
        ("/card/create/puk", "PUK of my ZORG-ID Smartcard"),
    ):
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_have_text(heading, ignore_case=True)
        look(page)
    assert page.locator("html").get_attribute("lang") == "en"


def test_all_can_be_done_with_the_keyboard_alone(person: Person) -> None:
    page = person.open("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Naar de inhoud")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Ik wil een registratie aanvragen")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Aanvragen registratie")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    for text in ("Praktijk De Es", "90000789", "Els de Boer", "els@dees.example"):
        page.keyboard.press("Tab")
        while page.evaluate("document.activeElement.localName") != "input":
            page.keyboard.press("Tab")
        page.keyboard.type(text)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Uw aanvraag is ontvangen")).to_be_visible()


def test_the_puk_sheet_is_printed_without_what_is_for_the_screen(person: Person) -> None:
    page = person.open("/card/create/puk")
    look(page, "puk-sheet")
    page.emulate_media(media="print")
    expect(page.get_by_role("link", name="English")).to_be_hidden()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.pdf().startswith(b"%PDF")


def test_without_javascript_the_pages_say_what_they_need_it_for_and_a_phone_logs_in(
    world: World, registered: story.Registered
) -> None:
    with world.person(java_script_enabled=False) as person:
        page = person.open("/card/create")
        assert "heeft daarvoor JavaScript nodig" in page.locator("noscript").first.inner_text()
        number = story.ask_phone(page, registered.user_name)
        registered.phone.asked("Wilt u inloggen?")
        registered.phone.approve(number, story.DIGITS)
        registered.phone.done("Goedgekeurd")
        page.get_by_role("button", name="Verder").click()
        expect(page.get_by_role("button", name="Uitloggen")).to_be_visible()


def test_pages_that_are_not_there_or_not_for_somebody_say_what_to_do(
    world: World, person: Person, made: story.Made
) -> None:
    page = person.open("/bestaat/niet")
    expect(page.get_by_role("heading", name="Deze pagina is er niet")).to_be_visible()
    look(page)
    story.log_in_by_card(world, page, made.card, made.pin)
    page.goto("/operator")
    expect(page.get_by_role("heading", name="Dit wordt geweigerd")).to_be_visible()
    look(page)
    assert ORGANISATION.name in page.get_by_role("banner").inner_text()
    assert WORKER.full_surname in page.get_by_role("banner").inner_text()
    person.complaints.clear()
