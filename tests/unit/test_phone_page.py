"""The phone's page at the real portal, over HTTP: its modules in node do what docs/mobile-protocol.md has a phone do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from phone_page import NODE, NodePhone, NotDone, served
from phone_signing_world import CARD, REASON, Signing
from phone_world import PORTAL
from registry_world import URA
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.ports.registry import SmartCard
from zorgid_card.workflows.pairing import Offer

pytestmark = pytest.mark.skipif(NODE is None, reason="node is not installed")

DIGITS, WRONG = "271828", "000000"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodePhone]:
    made = NodePhone(tmp_path_factory.mktemp("modules"))
    yield made
    made.close()


class AtPortal:
    """A phone's page at a portal that is served."""

    def __init__(self, world: Signing, node: NodePhone, address: str) -> None:
        self.world, self.node, self.address = world, node, address
        self.begin()

    def begin(self) -> None:
        """A new phone."""
        self.node("begin", origin=PORTAL.origin, address=self.address)
        self.set_clock()

    def set_clock(self, ahead: float = 0) -> None:
        """The phone's clock is so many seconds ahead of the portal's."""
        self.node("apart", seconds=(self.world.clock.now - datetime.now(UTC)).total_seconds() + ahead)

    def claim(self, offer: Offer, digits: str = DIGITS) -> str:
        self.node("prepare", qr=offer.qr_text, digits=digits, device="Zoë’s telefoon")
        return str(self.node("claim"))

    def link(self) -> str:
        offer = self.world.offer()
        self.world.confirm(offer, self.claim(offer))
        return offer.mobile_id

    def poll(self, **given: Any) -> dict[str, Any]:
        return dict(self.node("poll", **given))


@pytest.fixture
def portal(node: NodePhone, tmp_path: Path) -> Iterator[AtPortal]:
    store = SQLRegistry.file(tmp_path / "registry.db")
    store.create()
    world = Signing(store)
    with served(world.door.seam) as address:
        yield AtPortal(world, node, address)
    store.close()


def refused(error: pytest.ExceptionInfo[NotDone]) -> tuple[Any, ...]:
    return error.value.kind, error.value.what, error.value.details


def test_org_6_the_page_links_and_shows_the_portals_code(portal: AtPortal) -> None:
    offer = portal.world.offer()
    code = portal.claim(offer)
    assert portal.world.progress(offer) == ("linking", code)
    assert portal.poll()["state"] == "linking"
    assert portal.node("ids")[0]["code"] == code
    portal.world.confirm(offer, code)
    assert portal.poll() == {"state": "linked", "triesLeft": 5, "question": None}
    assert portal.world.mobile(offer.mobile_id).device == "Zoë’s telefoon"


def test_what_is_kept_is_neither_digits_nor_what_is_derived_from_them(portal: AtPortal) -> None:
    portal.link()
    portal.poll()
    (kept,) = portal.node("ids")
    assert kept["names"] == ["code", "deviceSecret", "key", "origin", "phone", "since", "state", "triesLeft"]
    assert (kept["extractable"], kept["usages"], kept["secret"], kept["code"]) == (False, ["sign"], 32, None)


def test_org_7_a_log_in_is_approved_with_the_pages_number_and_the_digits(portal: AtPortal) -> None:
    portal.link()
    asked = portal.world.ask(client="192.0.2.7")
    question = portal.poll()["question"]
    assert (question["kind"], question["problem"]) == ("phone-log-in", None)
    assert question["fields"]["organisation"] == f"Praktijk {URA}"
    assert (question["fields"]["client"], question["fields"]["origin"]) == ("192.0.2.7", PORTAL.origin)
    portal.node("approve", number=asked.number, digits=DIGITS)
    logged_in = portal.world.finish(asked)
    assert logged_in is not None
    assert logged_in.person.id == "anna"


def test_org_7_wrong_digits_are_counted_by_the_portal_until_the_phone_is_blocked(portal: AtPortal) -> None:
    phone = portal.link()
    for left in (4, 3, 2, 1, 0):
        asked = portal.world.ask()
        portal.poll()
        with pytest.raises(NotDone) as error:
            portal.node("approve", number=asked.number, digits=WRONG)
        assert refused(error) == ("refused", "portal.phone_digits", {"tries_left": left})
    assert portal.poll()["state"] == portal.world.mobile(phone).state == "blocked"


def test_another_number_than_the_pages_ends_the_request(portal: AtPortal) -> None:
    portal.link()
    asked = portal.world.ask()
    portal.poll()
    with pytest.raises(NotDone) as error:
        portal.node("approve", number=f"{(int(asked.number) + 1) % 100:02d}", digits=DIGITS)
    assert refused(error)[1] == "portal.phone_number"
    assert portal.world.status(asked) == "refused"
    with pytest.raises(NotDone) as again:
        portal.node("approve", number=asked.number, digits=DIGITS)
    assert refused(again)[1] == "portal.replay"


@pytest.mark.parametrize(
    ("number", "digits", "what"), [("7", DIGITS, "number"), ("07", "12345", "digits"), ("07", "12345a", "digits")]
)
def test_what_is_entered_wrong_is_told_before_anything_is_sent(
    portal: AtPortal, number: str, digits: str, what: str
) -> None:
    portal.link()
    portal.world.ask()
    portal.poll()
    before = portal.node("sent")
    with pytest.raises(NotDone) as error:
        portal.node("approve", number=number, digits=digits)
    assert refused(error)[:2] == ("notEntered", what)
    assert portal.node("sent") == before


def test_adm_4_a_change_shows_what_it_does_and_is_made_once_signed(portal: AtPortal) -> None:
    portal.link()
    asked = portal.world.ask_signature("card.revoke", CARD, cause="unspecified")
    fields = portal.poll()["question"]["fields"]
    assert {name: fields[name] for name in ("action", "subject", "about", "reason", "cause", "person", "name")} == {
        "action": "card.revoke",
        "subject": CARD,
        "about": "Holder0 Jansen",
        "reason": REASON,
        "cause": "unspecified",
        "person": "anna",
        "name": fields["name"],
    }
    portal.node("approve", number=asked.number, digits=DIGITS)
    assert portal.world.manager().revoke(CARD, REASON).state == "revoked"
    (kept,) = portal.node("ids")
    assert (kept["organisation"], kept["person"]) == (f"Praktijk {URA}", fields["name"])


def test_what_is_refused_on_the_page_is_refused(portal: AtPortal) -> None:
    portal.link()
    asked = portal.world.ask_signature("card.revoke", CARD, cause="unspecified")
    portal.poll()
    portal.node("refuse")
    assert portal.world.status(asked) == "refused"
    with portal.world.store.begin() as unit:
        assert unit.get(SmartCard, CARD).state == "active"


def test_what_expires_is_not_signed_any_more(portal: AtPortal) -> None:
    portal.link()
    asked = portal.world.ask()
    portal.poll()
    portal.world.clock.forward(seconds=31)
    with pytest.raises(NotDone) as error:
        portal.node("approve", number=asked.number, digits=DIGITS)
    assert refused(error) == ("refused", "portal.session", {"reason": "expired"})


def test_a_wrong_clock_is_told_with_the_portals_time(portal: AtPortal) -> None:
    portal.link()
    for ahead in (-121, 125):
        portal.set_clock(ahead)
        with pytest.raises(NotDone) as error:
            portal.poll()
        assert refused(error) == (
            "refused",
            "portal.session",
            {"reason": "clock", "now": portal.world.clock.now.isoformat()},
        )


# --- linking goes wrong -----------------------------------------------------------------------------------------------


def test_org_5_a_second_scan_is_told_that_the_code_was_used_and_keeps_nothing(portal: AtPortal) -> None:
    offer = portal.world.offer()
    portal.claim(offer)
    portal.begin()
    with pytest.raises(NotDone) as error:
        portal.claim(offer)
    assert refused(error) == ("refused", "portal.pairing", {"reason": "used"})
    assert portal.node("ids") == []


def test_the_phone_that_has_scanned_a_code_knows_it_again(portal: AtPortal) -> None:
    offer = portal.world.offer()
    assert not portal.node("known", qr=offer.qr_text)
    portal.claim(offer)
    assert portal.node("known", qr=offer.qr_text)


def test_org_5_a_code_that_has_expired_is_told_so_and_keeps_nothing(portal: AtPortal) -> None:
    offer = portal.world.offer()
    portal.world.clock.forward(minutes=3)
    with pytest.raises(NotDone) as error:
        portal.claim(offer)
    assert refused(error) == ("refused", "portal.pairing", {"reason": "expired"})
    assert portal.node("ids") == []


def test_a_code_of_another_portal_is_not_claimed(portal: AtPortal) -> None:
    offer = portal.world.offer()
    with pytest.raises(NotDone) as error:
        portal.node("prepare", qr=offer.qr_text.replace(PORTAL.origin, "https://evil.example"), digits=DIGITS)
    assert refused(error)[:2] == ("malformed", "origin")
    assert portal.node("sent") == []


@pytest.mark.parametrize("digits", ["", "12345", "1234567", "12345x", "１２３４５６"])
def test_org_6_six_digits_are_needed(portal: AtPortal, digits: str) -> None:
    with pytest.raises(NotDone) as error:
        portal.claim(portal.world.offer(), digits)
    assert refused(error)[:2] == ("notEntered", "digits")


@pytest.mark.parametrize("fault", ["before", "after"])
def test_where_the_way_breaks_the_same_octets_are_sent_again(portal: AtPortal, fault: str) -> None:
    offer = portal.world.offer()
    portal.node("break", faults=[fault, fault])
    assert portal.world.progress(offer)[0] == "offered"
    code = portal.claim(offer)
    sent = portal.node("sent")
    assert len(sent) == 3
    assert len(set(sent)) == 1
    portal.world.confirm(offer, code)
    portal.poll()
    asked = portal.world.ask()
    portal.poll()
    portal.node("break", faults=[fault])
    portal.node("approve", number=asked.number, digits=DIGITS)
    assert portal.world.finish(asked) is not None


def test_a_claim_without_an_answer_may_be_sent_once_more_by_the_person(portal: AtPortal) -> None:
    offer = portal.world.offer()
    portal.node("prepare", qr=offer.qr_text, digits=DIGITS)
    portal.node("break", faults=["after"] * 3)
    with pytest.raises(NotDone) as error:
        portal.node("claim")
    assert refused(error)[:2] == ("noAnswer", "connection")
    code = portal.node("claim")
    assert portal.world.progress(offer) == ("linking", code)


def test_a_claim_that_was_confirmed_before_its_answer_came_is_not_lost(portal: AtPortal) -> None:
    offer = portal.world.offer()
    portal.node("prepare", qr=offer.qr_text, digits=DIGITS)
    portal.node("break", faults=["after"] * 3)
    with pytest.raises(NotDone):
        portal.node("claim")
    portal.world.confirm(offer, portal.world.progress(offer)[1] or "")
    portal.node("claim")
    assert portal.poll()["state"] == "linked"


# --- several IDs, and their ends --------------------------------------------------------------------------------------


def test_a_new_id_of_the_same_person_ends_the_old_one_on_the_phone_too(portal: AtPortal) -> None:
    portal.link()
    portal.link()
    assert [portal.poll(index=index)["state"] for index in (0, 1)] == ["revoked", "linked"]
    assert [one["state"] for one in portal.node("ids")] == ["revoked", "linked"]
    portal.node("remove", index=0)
    assert [one["state"] for one in portal.node("ids")] == ["linked"]


def test_an_id_that_the_page_did_not_confirm_in_time_has_expired(portal: AtPortal) -> None:
    portal.claim(portal.world.offer())
    portal.world.clock.forward(minutes=3)
    portal.set_clock()
    assert portal.poll()["state"] == "expired"
    assert portal.node("ids")[0]["state"] == "expired"


def test_an_id_that_the_portal_does_not_know_is_told_so(portal: AtPortal) -> None:
    offer = portal.world.offer()
    portal.node("prepare", qr=offer.qr_text, digits=DIGITS)
    portal.node("break", faults=["before"] * 3)
    with pytest.raises(NotDone):
        portal.node("claim")
    assert portal.poll()["state"] == "unknown"


def test_a_question_for_one_id_is_not_signed_by_another(portal: AtPortal) -> None:
    portal.link()
    asked = portal.world.ask()
    question = portal.poll()["question"]
    sent = json.loads(portal.node("sent")[-1])
    assert sent["phone"] == question["fields"]["phone"]
    portal.claim(portal.world.offer())
    with pytest.raises(NotDone) as error:
        portal.node("approve", number=asked.number, digits=DIGITS)
    assert refused(error)[1] in ("certificate.signature", "portal.replay")
    assert portal.world.finish(asked) is None
