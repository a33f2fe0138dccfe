"""Both manuals as people follow them: what they click, where they look, which card they put in, what they enter and where.

Each step is looked at as it comes (:func:`browsing.looks.look`), and has its picture if the manual has one there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from playwright.sync_api import Locator, Page, expect

from browsing import camera, pictures
from browsing.desk import Desk
from browsing.looks import look
from browsing.phone import Phone
from zorgid_card.testkit.card import VirtualCard

VALIDATE: Final = "Ik wil een organisatie valideren"
CREATE: Final = "Ik wil een ZORG-ID Smartcard aanmaken"


@dataclass
class Walk:
    """One person's way through a manual.

    Args:
        page: at the portal's first page.
        desk: the computer they sit at.
        pictures: begins the names of screenshots; empty: none are taken, and the pages are not looked at.
    """

    page: Page
    desk: Desk
    pictures: str = ""

    def look(self, name: str, *hidden: Locator) -> None:
        """The page as it is now."""
        if self.pictures:
            look(self.page, f"{self.pictures}-{name}", hidden=hidden)

    def look_aside(self, name: str, shown: str) -> None:
        """At what the agent asks; digits of a PUK are in no picture."""
        if self.pictures:
            pictures.take_terminal(
                self.page, f"{self.pictures}-{name}", re.sub(r"\b\d{4} ?\d{4}\b", "•••• ••••", shown)
            )

    def shows(self, heading: str) -> None:
        """Wait until this part of the page is there."""
        expect(self.page.get_by_role("heading", name=heading, exact=True)).to_be_visible()

    def press(self, button: str) -> None:
        """Press a button."""
        self.page.get_by_role("button", name=button, exact=True).click()

    def begin(self, link: str) -> None:
        """From the first page to the list of what is needed; the agent is asked to know the portal, if it does not yet."""
        self.page.get_by_role("link", name=link).click()
        paired = self.page.get_by_role("heading", name="Dit hebt u nodig")
        unknown = self.page.get_by_role("heading", name="Deze pagina en het programma kennen elkaar nog niet")
        expect(paired.or_(unknown)).to_be_visible()
        if unknown.is_visible():
            self.pair()
        expect(paired).to_be_visible()
        expect(self.page.get_by_role("button", name="Beginnen")).to_be_enabled()

    def pair(self) -> None:
        """The page and the agent show the same code: the person allows it."""
        code = self.page.locator("[data-fill=pairing-code]").inner_text()
        self.look("pairing", self.page.locator("[data-fill=pairing-code]"))
        assert code in self.desk.agree(code)

    def insert_pass(self, card: VirtualCard, pin: bytes) -> None:
        """The pass goes in when the page asks for it; access and PIN are the agent's to ask."""
        expect(self.page.locator("[data-cue=insert-pass]")).to_be_visible()
        self.look("pass")
        self.desk.slot.insert(card)
        expect(self.page.locator("[data-prompt=consent]")).to_be_visible()
        self.look_aside("agent-access", self.desk.agree("toegang tot uw UZI-pas"))
        expect(self.page.locator("[data-prompt=pin]")).to_be_visible()
        self.look("pin")
        self.look_aside("agent-pin", self.desk.pin(pin))

    def enter_birth_date(self, born: date) -> None:
        """In three fields."""
        for label, value in (("Dag", born.day), ("Maand", born.month), ("Jaar", born.year)):
            self.page.get_by_label(label, exact=True).fill(str(value))
        self.look("birth-date")
        self.press("Volgende")


@dataclass
class Registration(Walk):
    """*Registreren organisatie*: valideren, registreren, koppelen."""

    pictures: str = ""

    def validate(self, card: VirtualCard, pin: bytes) -> None:
        """*Valideren organisatie*, steps 1 to 3."""
        self.begin(VALIDATE)
        self.look("needs")
        self.press("Beginnen")
        self.insert_pass(card, pin)
        self.shows("Controleer de gegevens van uw UZI-pas")
        self.press("Volgende")
        self.shows("Controleer de organisatiegegevens")
        self.look("organisation")
        self.press("Volgende")
        self.shows("Uw organisatie is nu gevalideerd.")

    def administrator(self, born: date) -> None:
        """*Registreren administrator*, steps 1 to 3."""
        self.look("validated")
        self.press("Volgende")
        self.shows("De gegevens van uw UZI-pas")
        self.look("administrator", self.page.locator("[data-question=administrator] dd").last)
        self.press("Volgende")
        self.enter_birth_date(born)
        self.shows("Controleer uw gegevens")
        self.look("confirm", self.page.locator("[data-question=confirm] dd").nth(5))
        self.press("Bevestig")
        expect(self.page.locator("[data-prompt=consent]")).to_be_visible()
        self.look_aside("agent-consent", self.desk.agree("administrator"))
        self.shows("Koppelen smartphone")
        expect(self.page.locator("img[data-qr]")).to_be_visible()

    def code(self) -> str:
        """What the QR code says; it is shown, and there is no way on yet."""
        self.look("qr", self.page.locator("img[data-qr]"), self.page.locator("[data-phone-left]"))
        expect(self.page.get_by_role("button", name="Volgende")).to_be_disabled()
        return camera.scan(self.page)

    def link(self, phone: Phone, digits: str) -> None:
        """*Koppelen smartphone*, steps 1 to 3: the phone's camera sees the code, its six digits are typed over."""
        phone.scan(self.code())
        code = phone.link(digits)
        field = self.page.get_by_label("Code die op uw smartphone staat")
        expect(field).to_be_visible()
        self.look("code")
        field.fill(code)
        self.press("Bevestig")
        expect(self.page.get_by_role("button", name="Volgende")).to_be_enabled()
        self.look("linked")
        phone.linked()
        self.press("Volgende")

    def done(self) -> str:
        """*Gelukt!* Returns the administrator's user name."""
        self.shows("Gelukt!")
        self.look("done")
        return self.page.locator("[data-result=user_name]").inner_text()


@dataclass
class Creation(Walk):
    """*Aanmaken ZORG-ID Smartcard*."""

    pictures: str = ""

    def identify(self, card: VirtualCard, pin: bytes, born: date) -> None:
        """*Aanmaken*, steps 2 to 4."""
        self.begin(CREATE)
        self.look("needs")
        self.press("Beginnen")
        self.insert_pass(card, pin)
        self.shows("Controleer de gegevens van uw UZI-pas")
        self.press("Volgende")
        self.shows("Voer uw geboortedatum in")
        self.enter_birth_date(born)

    def change_cards(self, blank: VirtualCard) -> None:
        """*Aanmaken*, step 5."""
        expect(self.page.locator("[data-cue=remove-pass]")).to_be_visible()
        self.look("change")
        self.desk.slot.remove()
        expect(self.page.locator("[data-cue=insert-blank]")).to_be_visible()
        self.look("blank")
        self.desk.slot.insert(blank)

    def choose_pin(self, pin: bytes) -> None:
        """*Aanmaken*, step 6."""
        expect(self.page.locator("[data-prompt=new-pin]")).to_be_visible()
        self.look("new-pin")
        self.look_aside("agent-new-pin", self.desk.new_pin(pin))

    def keep_puk(self) -> bytes:
        """*Aanmaken*, step 7; returns the PUK, which no page has seen."""
        self.shows("Bewaar uw pukcode")
        expect(self.page.locator("[data-prompt=puk]")).to_be_visible()
        self.look("puk", self.page.locator("[data-left]"))
        puk, shown = self.desk.keep_puk()
        self.look_aside("agent-puk", shown)
        assert puk.decode() not in self.page.content()
        return puk

    def done(self) -> str:
        """*Gelukt!* Returns the card's serial number."""
        self.shows("Gelukt!")
        self.look("done", self.page.locator("[data-result=serial]"))
        return self.page.locator("[data-result=serial]").inner_text()

    def all(self, card: VirtualCard, pin: bytes, born: date, blank: VirtualCard, chosen: bytes) -> tuple[str, bytes]:
        """From the first page to the last; returns the card's serial number, and its PUK."""
        self.identify(card, pin, born)
        self.change_cards(blank)
        self.choose_pin(chosen)
        puk = self.keep_puk()
        return self.done(), puk
