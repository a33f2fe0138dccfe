"""What happens before most tests, in a browser like all else: an organisation is registered, a card is made, somebody logs in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from playwright.sync_api import Page, expect

from browsing.browser import Person
from browsing.cards import ORGANISATION, PASS_PIN, REPRESENTATIVE, WORKER
from browsing.looks import look
from browsing.manuals import Creation, Registration
from browsing.phone import Phone
from browsing.portal import ORIGIN
from browsing.world import World
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.testkit.uzi_profile import Person as PassHolder

DIGITS: Final = "271828"
"""Of the administrator's phone."""
CARD_PIN: Final = b"314159"


def file_request(page: Page) -> None:
    """*Aanvragen registratie*."""
    look(page, "home")
    page.get_by_role("link", name="Ik wil een registratie aanvragen").click()
    for label, value in (
        ("Naam van de organisatie", ORGANISATION.name),
        ("URA-nummer van de organisatie", ORGANISATION.ura),
        ("Naam van de contactpersoon", REPRESENTATIVE.common_name),
        ("E-mailadres van de contactpersoon", "jan@delinde.example"),
    ):
        page.get_by_label(label).fill(value)
    look(page, "register-request")
    page.get_by_role("button", name="Aanvraag versturen").click()
    expect(page.get_by_role("heading", name="Uw aanvraag is ontvangen")).to_be_visible()
    look(page, "register-filed", hidden=[page.locator("dd").last])


def operator_arrives(world: World, person: Person, name: str = "beheer") -> Page:
    """An operator opens the link that was printed for them."""
    page = person.open(world.portal.operator_link(name))
    page.get_by_role("button", name="Ga naar binnen").click()
    expect(page.get_by_role("heading", name="Aanvragen van organisaties")).to_be_visible()
    return page


def approve_request(page: Page) -> None:
    """An operator approves the request."""
    look(page)
    page.get_by_role("link", name=ORGANISATION.name).click()
    look(page, "operator-request", hidden=[page.locator("dd").nth(3)])
    page.get_by_label("Reden").first.fill("Gegevens nagekeken in het handelsregister")
    page.get_by_role("button", name="Goedkeuren").click()
    expect(page.locator("dd.state")).to_have_text("goedgekeurd")
    look(page)


@dataclass(frozen=True)
class Registered:
    """The organisation's administrator, and their phone."""

    user_name: str
    phone: Phone
    uzi_pass: VirtualUZIPass


@contextmanager
def registered(world: World) -> Iterator[Registered]:
    """The whole manual *Registreren organisatie*, with its pictures; the phone stays at hand."""
    with world.person() as person:
        file_request(person.open("/"))
    with world.person() as person:
        approve_request(operator_arrives(world, person))
    with world.person(phone=True) as holder:
        phone, uzi_pass = Phone(holder, "phone"), world.cards.professional()
        with world.person() as person:
            walk = Registration(person.open("/"), world.desk, "register")
            walk.validate(uzi_pass, PASS_PIN)
            walk.administrator(REPRESENTATIVE.birth_date)
            walk.link(phone, DIGITS)
            user_name = walk.done()
        world.desk.slot.remove()
        yield Registered(user_name, phone, uzi_pass)


@dataclass
class Made:
    """A ZORG-ID Smartcard that was made, and what its holder knows."""

    serial: str
    card: VirtualPIVCard
    uzi_pass: VirtualUZIPass
    puk: bytes
    pin: bytes = CARD_PIN


def make_card(world: World, holder: PassHolder = WORKER, pictures: str = "") -> Made:
    """The whole manual *Aanmaken ZORG-ID Smartcard*."""
    blank = world.cards.blank()
    with world.person() as person:
        walk = Creation(person.open("/"), world.desk, pictures)
        uzi_pass = world.cards.employee(holder)
        serial, puk = walk.all(uzi_pass, PASS_PIN, holder.birth_date, blank, CARD_PIN)
    world.desk.slot.remove()
    return Made(serial, blank, uzi_pass, puk)


def ask_phone(page: Page, user_name: str) -> str:
    """Ask for a log-in with the phone; returns the number that the page shows."""
    page.goto("/log-in")
    page.get_by_label("Gebruikersnaam").fill(user_name)
    page.get_by_label("URA-nummer van de organisatie").fill(ORGANISATION.ura)
    page.get_by_role("button", name="Vraag mijn telefoon").click()
    expect(page.get_by_role("heading", name="Keur het inloggen goed op uw telefoon")).to_be_visible()
    return page.locator(".number strong").inner_text()


def log_in_by_phone(page: Page, who: Registered) -> None:
    """ORG-7."""
    number = ask_phone(page, who.user_name)
    who.phone.asked("Wilt u inloggen?")
    who.phone.approve(number, DIGITS)
    who.phone.done("Goedgekeurd")
    expect(page.get_by_role("button", name="Uitloggen")).to_be_visible()


def log_in_by_card(
    world: World, page: Page, card: VirtualPIVCard | VirtualUZIPass, pin: bytes, *, picture: str = ""
) -> None:
    """AUT-1: the agent asks for consent, with the portal's origin, and for the PIN."""
    page.goto("/log-in")
    if picture:
        look(page, picture)
    world.desk.slot.insert(card)
    page.get_by_role("button", name="Inloggen met kaart").click()
    assert ORIGIN in world.desk.agree("Wilt u hier inloggen")
    world.desk.pin(pin)
    expect(page.get_by_role("button", name="Uitloggen")).to_be_visible()


def sign(page: Page, who: Registered, *, picture: str = "") -> str:
    """The change that was asked for is signed on the administrator's phone; returns what the phone showed."""
    expect(page.get_by_role("heading", name="Onderteken op uw telefoon")).to_be_visible()
    number = page.locator(".number strong")
    if picture:
        look(page, picture, hidden=[number, page.locator("#pending")])
    shown = who.phone.asked("Wilt u deze wijziging ondertekenen?")
    who.phone.approve(number.inner_text(), DIGITS)
    who.phone.done("Goedgekeurd")
    expect(page.get_by_role("heading", name="Gedaan")).to_be_visible()
    return shown


def change_card(page: Page, serial: str, link: str, reason: str) -> None:
    """Ask for a change of a card, from the list of cards."""
    page.goto("/manage/cards")
    page.get_by_role("link", name=serial).click()
    change(page, link, reason)


def change(page: Page, link: str, reason: str, **fields: str) -> None:
    """Ask for a change on the page of a thing; further fields by their names."""
    page.get_by_role("link", name=link, exact=True).click()
    for name, value in fields.items():
        page.locator(f"select[name={name}]").select_option(value)
    page.get_by_label("Reden", exact=True).fill(reason)
    page.get_by_role("button", name=link, exact=True).click()
