"""The phone in somebody's hand: the portal's page on it, scanned, linked, asked."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from browsing.browser import Person
from browsing.looks import look


class Phone:
    """A phone; its page is open as long as it is used.

    Args:
        person: whose browser it is, a phone's.
        pictures: begins the names of screenshots; empty: the pages are not looked at.
    """

    def __init__(self, person: Person, pictures: str = "") -> None:
        self.person = person
        self._pictures = pictures
        self.page: Page = person.context.new_page()

    def look(self, name: str, *, hidden: str = "") -> None:
        """The phone's page as it is now."""
        if self._pictures:
            look(self.page, f"{self._pictures}-{name}", hidden=[self.page.locator(hidden)] if hidden else [])

    def scan(self, code: str) -> None:
        """The camera opens what the QR code says."""
        self.page.goto(code)
        expect(self.page.get_by_role("heading", name="Koppel deze telefoon")).to_be_visible()
        assert "#" not in self.page.url, "what the code holds stays in no history"

    def link(self, digits: str) -> str:
        """Choose six digits and add the ID; returns the code that is to be typed at the computer."""
        self.page.get_by_label("Kies zes cijfers").fill(digits)
        self.page.get_by_label("Dezelfde zes cijfers nog een keer").fill(digits)
        self.page.get_by_label("Naam van deze telefoon").fill("Telefoon van Jan")
        self.look("choose")
        self.page.get_by_role("button", name="Voeg ID toe").click()
        expect(self.page.get_by_role("heading", name="Typ deze code op de computer")).to_be_visible()
        self.look("code", hidden="[data-text=code]")
        return "".join(self.page.locator("[data-text=code]").inner_text().split())

    def linked(self) -> None:
        """The page on the computer has confirmed."""
        expect(self.page.get_by_role("heading", name="De telefoon is gekoppeld")).to_be_visible()
        self.look("linked")
        self.page.get_by_role("button", name="Verder").click()

    def asked(self, heading: str) -> str:
        """Wait until the phone asks this; returns all that it shows."""
        expect(self.page.get_by_role("heading", name=heading)).to_be_visible()
        return self.page.locator("[data-facts]").inner_text()

    def approve(self, number: str, digits: str) -> None:
        """Copy the page's number, enter the digits, approve."""
        self.page.get_by_label("Getal op de pagina van het portaal").fill(number)
        self.page.get_by_label("Uw zes cijfers").fill(digits)
        self.page.get_by_role("button", name="Keur goed").click()

    def refuse(self) -> None:
        """Say no."""
        self.page.get_by_role("button", name="Weiger").click()

    def done(self, heading: str) -> None:
        """Wait until the phone says how it ended, and go on."""
        expect(self.page.get_by_role("heading", name=heading)).to_be_visible()
        self.page.get_by_role("button", name="Verder").click()
