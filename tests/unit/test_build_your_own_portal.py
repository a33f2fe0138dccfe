"""docs/build-your-own-portal.md: both manuals' journey at a Django project, over HTTPS, as the page has it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from django_portal import DjangoPortal, log_in, send
from world import DESKTOP, DOCTOR, PASS_PIN, PRACTICE, WORKER, ScriptedHolder, card_pin
from zorgid_card.adapters.journal import SQLiteJournal
from zorgid_card.adapters.phone import PinnedSeam
from zorgid_card.adapters.seam import HTTPSSeam
from zorgid_card.cards.zorgid import ZorgIDCard
from zorgid_card.cli.app import run
from zorgid_card.codec.link import Link
from zorgid_card.secret import Secret
from zorgid_card.testkit.phone import SimulatedPhone
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.workflows import card_side
from zorgid_card.workflows.creation import CardCreation
from zorgid_card.workflows.registration import Registered, Registration
from zorgid_card.workflows.session import PortalClient

pytest.importorskip("django")
pytest.importorskip("gunicorn")
DIGITS = b"314159"


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DjangoPortal]:
    found = DjangoPortal(tmp_path_factory.mktemp("django"))
    found.lay()
    with found.serving():
        yield found


class Desk:
    """The computer with the reader, and a phone beside it."""

    def __init__(self, portal: DjangoPortal, directory: Path) -> None:
        self.portal, self.reader = portal, SimulatedReader()
        self.journal = SQLiteJournal(directory / "journal.db")
        self.phone = SimulatedPhone(PinnedSeam)

    def client(self) -> PortalClient:
        return PortalClient(HTTPSSeam(self.portal.origin, ca=self.portal.ca))

    def register(self) -> Registered:
        """The organisation's representative, who becomes its administrator, and links a phone."""
        doctor = VirtualUZIPass(self.portal.pki.pass_(DOCTOR, PRACTICE, "Z", role="01.015"), pin=PASS_PIN)
        registration = Registration(
            self.reader, self.client(), ScriptedHolder(self.reader, doctor, born=DOCTOR.birth_date)
        )
        registered = registration.register(**DESKTOP)
        offered = registration.offer_phone()
        with Secret.of(DIGITS) as digits:
            self.phone.set_digits(digits)
        self.phone.scan(offered.qr)
        self.phone.link()
        registration.link_phone(offered)
        return registered

    def make_card(self) -> str:
        """A worker's; its serial. It stays in the reader."""
        worker = VirtualUZIPass(self.portal.pki.pass_(WORKER, PRACTICE, "N"), pin=PASS_PIN)
        holder = ScriptedHolder(self.reader, worker, self.portal.maker.blank(), born=WORKER.birth_date)
        return CardCreation(self.reader, self.client(), holder, self.journal).run(**DESKTOP).serial

    def token(self, nonce: str) -> str:
        card = ZorgIDCard(Link(self.reader.connect()), None)
        signer = card.authentication_signer(card_pin)
        return card_side.log_in(signer, card.authentication_certificate(), origin=self.portal.origin, nonce=nonce)

    def approve(self, page: httpx.Response) -> None:
        number = re.search(r"<strong data-number>(\d+)<", page.text)
        asked = self.phone.question()
        assert number is not None
        assert asked is not None
        with Secret.of(DIGITS) as digits:
            self.phone.approve(asked, number=number[1], digits=digits)


def states(page: httpx.Response) -> list[str]:
    return re.findall(r"<span data-state>(\w+)<", page.text)


def test_both_manuals_are_gone_through_at_a_portal_of_ones_own(
    portal: DjangoPortal, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    desk, browser = Desk(portal, tmp_path), portal.browser()
    contact = {"contact_name": "Jan de Vries", "contact_email": "jan@delinde.example"}
    filed = send(
        browser, browser.get("/"), "/organisation/request", ura=PRACTICE.ura, organisation_name=PRACTICE.name, **contact
    )
    assert (filed.status_code, PRACTICE.ura in filed.text) == (200, True)
    registry = ["--db", f"sqlite:///{portal.directory}/registry.db", "--operator", "Ria"]
    assert run(["org", "list", "--requests", *registry, "--json"]) == 0
    request = re.search(r'"id": ?"([^"]+)"', capfd.readouterr().out)
    assert request is not None
    assert run(["org", "approve", request[1], "--reason", "in order", "--yes", *registry]) == 0

    registered = desk.register()
    serial = desk.make_card()

    worker = portal.browser()
    page = worker.get("/")
    assert worker.get("/cards").status_code == 403
    entered = log_in(worker, page, desk.token(worker.get("/log-in/challenge").json()["nonce"]))
    assert entered.status_code == 204
    own = worker.get("/cards")
    assert (WORKER.surname in own.text, PRACTICE.name in own.text, states(own)) == (True, True, ["active"])

    manager = portal.browser()
    waiting = send(manager, manager.get("/"), "/log-in/phone", user_name=registered.user_name, ura=PRACTICE.ura)
    again = send(manager, waiting, "/log-in/phone")
    assert again.status_code == 200, "not approved yet"
    desk.approve(waiting)
    listed = send(manager, again, "/log-in/phone")
    assert states(listed) == ["active"]
    asked = send(manager, listed, f"/cards/{serial}/block", reason="lost")
    assert states(manager.get("/cards")) == ["active"], "the phone has not signed"
    desk.approve(asked)
    assert states(send(manager, asked, f"/cards/{serial}/block")) == ["suspended"]

    refused = worker.get("/cards")
    assert (refused.status_code, "<p data-code>certificate.on_hold</p>" in refused.text) == (403, True)
    assert send(manager, manager.get("/cards"), "/log-out").status_code == 200
    assert manager.get("/cards").status_code == 403


def test_the_pages_let_nothing_in_but_the_agent(portal: DjangoPortal) -> None:
    browser = portal.browser()
    page = browser.get("/card/create")
    assert "connect-src 'self' ws://127.0.0.1:47480" in page.headers["Content-Security-Policy"]
    for script in ("/static/portal.js", "/static/zorgid/agent.js"):
        assert browser.get(script).status_code == 200
    assert browser.post("/log-in/card", json={"token": {}}).status_code == 403, "no form of this portal's"
