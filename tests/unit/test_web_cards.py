"""A ZORG-ID Smartcard at the pages: who logs in with one acts by the registry's links, and is out at once when it is blocked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from portal_pages import ORIGIN, Browser
from renewal_world import holder_of, renewal
from world import DESKTOP, NOW, PRACTICE, World, card_token
from zorgid_card.ports.registry import BrowserSession, CardLink, Person
from zorgid_card.recipes import PortalSide
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.web.app import portal_app
from zorgid_card.workflows.management import Operator


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A card was made, and lies in the reader."""
    made = World(tmp_path)
    made.approve()
    made.register()
    made.create(made.worker())
    yield made
    made.registry.close()  # type: ignore[attr-defined]


@pytest.fixture
def browser(world: World) -> Browser:
    side = PortalSide(
        services=world.services,
        seam=world.portal,
        log_in=world.log_in,
        phones=world.phones,
        management=world.management,
        revocation=world.revocation,
    )
    return Browser(TestClient(portal_app(side), base_url=ORIGIN))


def log_in(world: World, browser: Browser) -> tuple[int, dict[str, str]]:
    challenge = browser.get("/auth/challenge")
    token = json.loads(card_token(world, challenge.json()["nonce"]))
    answer = browser.json("/log-in/card", {"auth-token": token}, X_CSRF_Token=challenge.headers["X-CSRF-Token"])
    return answer.status_code, answer.json()


def serial(world: World) -> str:
    [row] = world.management.acting_as(Operator("Ria")).list_cards().rows
    return row.card.serial


def block(world: World) -> None:
    world.management.acting_as(Operator("Ria")).block(serial(world), "lost")


def revoke(world: World) -> None:
    world.management.acting_as(Operator("Ria")).revoke(serial(world), "stolen")


def unlink(world: World) -> None:
    with world.registry.begin() as unit:
        [person] = unit.find(Person, uzi_number="900000022")
    world.management.acting_as(Operator("Ria"), PRACTICE.ura).unlink(person.id, "left")


def suspend(world: World) -> None:
    world.management.acting_as(Operator("Ria"), PRACTICE.ura).suspend("trouble")


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        (block, "certificate.on_hold"),
        (revoke, "certificate.revoked"),
        (unlink, "portal.not_linked"),
        (suspend, "portal.not_linked"),
    ],
    ids=["block", "revoke", "unlink", "suspend"],
)
def test_aut_2_a_cards_session_ends_at_the_next_request(
    world: World, browser: Browser, cause: Callable[[World], None], code: str
) -> None:
    status, told = log_in(world, browser)
    assert (status, told["ura"]) == (200, PRACTICE.ura)
    assert "(pashouder)" in browser.get("/").text
    cause(world)
    ended = browser.get("/session", Accept="application/json")
    assert (ended.status_code, ended.json()["code"]) == (403, code)
    with world.registry.begin() as unit:
        assert list(unit.find(BrowserSession)) == []
    assert log_in(world, browser)[1]["code"] == code


def test_crd_13_a_guests_session_ends_with_the_link(world: World, browser: Browser) -> None:
    with world.registry.begin() as unit:
        [link] = unit.find(CardLink)
        unit.replace(
            CardLink(id=link.id, card_serial=link.card_serial, ura=link.ura, until=NOW + timedelta(minutes=10))
        )
    assert log_in(world, browser)[0] == 200
    world.now += timedelta(minutes=9)
    assert browser.get("/session").status_code == 200
    world.now += timedelta(minutes=1)
    assert browser.get("/session").status_code == 401


def test_a_card_that_got_new_keys_is_logged_in_with_again(world: World, browser: Browser) -> None:
    card = world.reader.card
    assert isinstance(card, VirtualPIVCard)
    assert log_in(world, browser)[0] == 200
    world.reader.remove()
    renewal(world, holder_of(world, card)).run(**DESKTOP)
    ended = browser.get("/session", Accept="application/json")
    assert (ended.status_code, ended.json()["details"]) == (401, {"reason": "renewed"})
    assert "nieuwe sleutels" in ended.json()["message"]
    assert log_in(world, browser)[0] == 200
    assert browser.get("/session").status_code == 200


def test_a_holder_sees_no_managers_page(world: World, browser: Browser) -> None:
    log_in(world, browser)
    assert browser.get("/operator", Accept="application/json").json()["code"] == "portal.not_allowed"
