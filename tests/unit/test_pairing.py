"""Linking a phone (ORG-5, ORG-6): the simulated phone was written from the protocol's page alone."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable, Iterator

import pytest

from phone_world import PORTAL, PORTAL_KEY, STRANGER, World
from registry_world import OTHER_URA, add_card, add_organisation
from zorgid_card.errors import (
    MessageError,
    NotLinkedError,
    OneMeansError,
    PairingError,
)
from zorgid_card.pki.signing import SoftwareSigner
from zorgid_card.ports.phone import PhoneClaim
from zorgid_card.ports.registry import AuditEvent
from zorgid_card.testkit.phone import SimulatedPhone


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.store.close()


# --- ORG-5 --------------------------------------------------------------------------------------------------


def test_org_5_the_qr_code_names_the_portal_and_its_secret_is_kept_nowhere(world: World) -> None:
    offer = world.offer()
    where, _, fragment = offer.qr_text.partition("#")
    assert where == "https://portal.example/phone"
    fingerprint, mobile_id, secret = (base64.urlsafe_b64decode(part + "==") for part in fragment.split("."))
    assert fingerprint == PORTAL.fingerprint
    assert len(secret) == len(mobile_id) == 16
    kept = repr(world.mobile(offer.mobile_id))
    assert repr(secret)[2:-1] not in kept
    assert fragment.split(".")[2] not in kept + repr(offer)


def test_org_5_a_second_scan_is_refused(world: World) -> None:
    offer = world.offer()
    first, second = world.phone(offer), world.phone(offer)
    code = first.link()
    for phone in (second, first):
        with pytest.raises(PairingError) as error:
            phone.link()
        assert error.value.reason == "used"
    assert world.progress(offer) == ("linking", code)
    world.confirm(offer, code)
    with pytest.raises(PairingError, match="used"):
        second.link()


def test_org_5_the_qr_code_expires(world: World) -> None:
    offer = world.offer()
    phone = world.phone(offer)
    world.clock.now = offer.expires_at
    with pytest.raises(PairingError) as error:
        phone.link()
    assert error.value.reason == "expired"
    assert world.progress(offer) == ("expired", None)


def test_org_5_a_new_qr_code_ends_the_one_before(world: World) -> None:
    old, new = world.offer(), world.offer()
    with pytest.raises(PairingError):
        world.phone(old).link()
    world.confirm(new, world.phone(new).link())


def test_org_5_of_an_expired_offer_nothing_is_kept_of_its_secret(world: World) -> None:
    old = world.offer()
    world.clock.now = old.expires_at
    world.offer()
    assert (world.mobile(old.mobile_id).state, world.mobile(old.mobile_id).secret_hash) == ("expired", b"")
    with pytest.raises(PairingError) as error:
        world.phone(old).link()
    assert error.value.reason == "expired"


def test_org_5_only_for_people_of_the_organisation(world: World) -> None:
    with world.store.begin() as unit:
        add_organisation(unit, OTHER_URA)
    with pytest.raises(NotLinkedError):
        world.offer(OTHER_URA)


def test_crd_12_no_phone_for_who_has_a_smartcard(world: World) -> None:
    with world.store.begin() as unit:
        add_card(unit, "123", world.person.id, certificate="aa")
    with pytest.raises(OneMeansError):
        world.offer()


# --- ORG-6 --------------------------------------------------------------------------------------------------


def test_org_6_phone_and_page_show_the_same_code_and_the_page_confirms(world: World) -> None:
    offer = world.offer()
    assert world.progress(offer) == ("offered", None)
    code = world.phone(offer).link()
    assert len(code) == 6
    assert world.progress(offer) == ("linking", code)
    phone = world.confirm(offer, code)
    assert (phone.state, phone.secret_hash, phone.code, phone.binding) == ("linked", b"", None, "")
    with pytest.raises(PairingError):
        world.progress(offer, "")
    with world.store.begin() as unit:
        assert [e.action for e in unit.find(AuditEvent)] == ["phone.offer", "phone.link"]


def test_org_6_nothing_is_linked_before_the_page_confirms(world: World) -> None:
    world.phone(world.offer()).link()
    with pytest.raises(NotLinkedError):
        world.ask()


def test_org_6_a_wrong_code_does_not_link(world: World) -> None:
    offer = world.offer()
    code = world.phone(offer).link()
    with pytest.raises(PairingError) as error:
        world.confirm(offer, f"{(int(code) + 1) % 1_000_000:06d}")
    assert error.value.reason == "code"
    assert world.mobile(offer.mobile_id).state == "linking"


def test_org_6_only_the_session_that_made_the_offer_sees_and_confirms(world: World) -> None:
    offer = world.offer()
    code = world.phone(offer).link()
    for binding in (STRANGER, ""):
        with pytest.raises(PairingError):
            world.progress(offer, binding)
        with pytest.raises(PairingError):
            world.confirm(offer, code, binding)


def test_org_6_a_confirmation_can_come_too_late_and_serves_once(world: World) -> None:
    offer = world.offer()
    code = world.phone(offer).link()
    late = world.offer()
    late_code = world.phone(late).link()
    world.confirm(late, late_code)
    for again in (late, offer):
        with pytest.raises(PairingError):
            world.confirm(again, code)
    third = world.offer()
    code = world.phone(third).link()
    world.clock.forward(minutes=2)
    with pytest.raises(PairingError) as error:
        world.confirm(third, code)
    assert error.value.reason == "expired"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda c: dataclasses.replace(c, public_key=SoftwareSigner.generate("ES256").public_key), "mac"),
        (lambda c: dataclasses.replace(c, verifier=bytes(32)), "mac"),
        (lambda c: dataclasses.replace(c, mac=bytes(32)), "mac"),
        (lambda c: dataclasses.replace(c, mac=b""), "mac"),
        (lambda c: dataclasses.replace(c, verifier=b"", public_key=c.public_key + c.verifier), "mac"),
        (lambda c: dataclasses.replace(c, mobile_id="nonsense"), "unknown"),
    ],
)
def test_org_6_a_claim_changed_on_the_way_is_refused_and_the_offer_unharmed(
    world: World, change: Callable[[PhoneClaim], PhoneClaim], reason: str
) -> None:
    offer = world.offer()
    world.desk.tamper = change
    with pytest.raises(PairingError) as error:
        world.phone(offer).link()
    assert error.value.reason == reason
    world.desk.tamper = lambda claim: claim
    world.confirm(offer, world.phone(offer).link())


@pytest.mark.parametrize("key", [b"", b"\x30\x00", SoftwareSigner.generate("ES384").public_key])
def test_org_6_a_key_of_another_kind_is_refused(world: World, key: bytes) -> None:
    offer = world.offer()
    phone = world.phone(offer)

    class Odd:
        public_key = key

    phone._signer = Odd()  # type: ignore[assignment]  # a phone that makes another kind of key
    with pytest.raises(PairingError) as error:
        phone.link()
    assert error.value.reason == "key"


def test_org_6_a_claim_for_one_offer_is_no_claim_for_another(world: World) -> None:
    first = world.offer()
    world.phone(first).link()
    claim = world.desk.sent[-1]
    second = world.offer()
    with pytest.raises(PairingError) as error:
        world.desk.link(dataclasses.replace(claim, mobile_id=second.mobile_id))
    assert error.value.reason == "mac"


def test_org_6_digits_and_secret_never_travel(world: World) -> None:
    phone, _ = world.linked()
    world.approve(phone, world.ask().number)
    line = repr(world.desk.sent)
    assert "314159" not in line
    assert len({len(m.verifier) for m in world.desk.sent}) == 1


def test_org_6_the_phone_refuses_a_portal_that_is_not_the_one_of_the_qr_code(world: World) -> None:
    phone = SimulatedPhone(world.desk, SoftwareSigner.generate("ES256").public_key)
    with pytest.raises(PairingError) as error:
        phone.scan(world.offer().qr_text)
    assert error.value.reason == "portal"


@pytest.mark.parametrize(
    "text", ["", "https://x/phone", "https://x/phone#a.b", "https://x/other#YQ.YQ.YQ", "https://x/phone#!.!.!"]
)
def test_org_6_the_phone_refuses_other_qr_codes(world: World, text: str) -> None:
    with pytest.raises(MessageError):
        SimulatedPhone(world.desk, PORTAL_KEY).scan(text)


def test_org_7_a_new_phone_replaces_the_old_one(world: World) -> None:
    _, old = world.linked()
    _, new = world.linked(b"271828")
    assert (world.mobile(old.id).state, world.mobile(new.id).state) == ("revoked", "linked")
