"""The page of docs/build-your-own-portal.md in a browser: its script, this library's agent.js, a real agent and its pinentry."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Dialog, Page, expect

from browsing.cards import PASS_PIN, WORKER
from browsing.place import ADDRESS, HOST
from browsing.tls import Site
from browsing.world import World
from django_portal import DjangoPortal
from zorgid_card.ports.registry import Organisation

pytest.importorskip("django")
pytest.importorskip("gunicorn")
pytestmark = pytest.mark.blackbox

CARD_PIN = b"161803"


@pytest.fixture
def portal(world: World, site: Site, tmp_path: Path) -> Iterator[DjangoPortal]:
    tls = (site.ca, site.certificate, site.key)
    found = DjangoPortal(tmp_path, HOST, ADDRESS, tls, pki=world.cards.pki, maker=world.cards.maker)
    found.lay()
    with found.serving():
        with found.registry.begin() as unit:
            unit.add(
                Organisation(ura="90000123", name="Huisartsenpraktijk De Linde", state="validated", validated_at=None)
            )
        yield found


def answered(dialog: Dialog) -> None:
    """What the page asks: the birth date, and whether it is right."""
    dialog.accept(WORKER.birth_date.isoformat() if dialog.type == "prompt" else None)


def told(page: Page, text: str) -> None:
    expect(page.locator("[data-told]")).to_contain_text(text)


def test_crd_10_a_card_is_made_and_logs_in_at_a_portal_of_ones_own(world: World, portal: DjangoPortal) -> None:
    desk = world.desk
    with world.person() as person:
        person.context.grant_permissions(["local-network-access"], origin=portal.origin)
        page = person.open(f"{portal.origin}/card/create")
        page.on("dialog", answered)
        page.get_by_role("button", name="Begin").click()
        told(page, "Agent:")
        desk.agree(page.locator("[data-told] li").first.inner_text().removeprefix("Agent: ").removesuffix("?"))
        told(page, "cue: insert-pass")
        desk.slot.insert(world.cards.employee())
        desk.agree("toegang tot uw UZI-pas")
        desk.pin(PASS_PIN)
        told(page, "cue: remove-pass")
        desk.slot.remove()
        told(page, "cue: insert-blank")
        desk.slot.insert(world.cards.blank())
        desk.new_pin(CARD_PIN)
        puk, _ = desk.keep_puk()
        told(page, "done")
        assert puk.decode() not in page.content()

        page.goto(portal.origin)
        page.get_by_role("button", name="Inloggen met kaart").click()
        assert portal.origin in desk.agree("Wilt u hier inloggen")
        desk.pin(CARD_PIN)
        expect(page.get_by_role("heading")).to_contain_text(WORKER.common_name)
        expect(page.locator("[data-state]")).to_have_text("active")
        desk.slot.remove()
