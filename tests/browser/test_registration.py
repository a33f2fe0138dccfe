"""*Registreren organisatie*, as the manual has it: from the request to the administrator's first log-in (ORG-1 to ORG-7)."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from browsing.cards import ORGANISATION
from browsing.looks import look
from browsing.world import World

pytestmark = pytest.mark.blackbox


def test_org_1_a_request_is_filed_and_an_operator_approves_it(world: World) -> None:
    with world.person() as person:
        page = person.open("/")
        look(page, "")
        page.get_by_role("link", name="aanvragen").click()
        page.get_by_label("Naam van de organisatie").fill(ORGANISATION.name)
        page.get_by_label("URA").fill(ORGANISATION.ura)
        look(page, "")
