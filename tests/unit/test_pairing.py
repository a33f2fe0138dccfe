"""Linking a phone (ORG-5, ORG-6), and what attackers make of it."""

from __future__ import annotations

import base64
import dataclasses
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from phone_world import BROWSER, PORTAL, STRANGER, World
from registry_world import OTHER_URA, URA, add_card, add_organisation, add_person
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.errors import (
    MessageError,
    NotLinkedError,
    OneMeansError,
    OrganisationUnknownError,
    PairingError,
)
from zorgid_card.pki.signing import SoftwareSigner
from zorgid_card.ports.registry import AuditEvent, MobileID
from zorgid_card.secret import Secret
from zorgid_card.testkit.phone import SimulatedPhone
from zorgid_card.workflows import organisation, pairing


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
    version, *parts = fragment.split(".")
    fingerprint, mobile_id, secret = (base64.urlsafe_b64decode(part + "==") for part in parts)
    assert (version, fingerprint) == ("1", PORTAL.fingerprint)
    assert len(secret) == len(mobile_id) == 16
    kept = repr(world.mobile(offer.mobile_id))
    assert repr(secret)[2:-1] not in kept
    assert fragment.split(".")[3] not in kept + repr(offer)


def test_org_5_a_second_scan_is_refused(world: World) -> None:
    offer = world.offer()
    first, second = world.phone(offer), world.phone(offer)
    code = first.link()
    with pytest.raises(PairingError) as error:
        second.link()
    assert error.value.reason == "used"
    again = world.new_phone()
    again.set_digits(Secret.of(b"314159"))
    again._key = first._key  # the same phone's key, with another claim
    again.scan(offer.qr_text)
    with pytest.raises(PairingError, match="used"):
        again.link()
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


def test_org_6_a_suspended_organisation_gets_no_phone_not_even_one_that_was_offered_before(world: World) -> None:
    offer = world.offer()
    code = world.phone(offer).link()
    world.store.run(lambda unit: organisation.suspend(unit, URA, operator="op", reason="x", now=world.clock()))
    with pytest.raises(OrganisationUnknownError):
        world.confirm(offer, code)
    with pytest.raises(OrganisationUnknownError):
        world.offer()


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
    assert (phone.state, phone.secret_hash, phone.claim_hash) == ("linked", b"", b"")
    assert BROWSER not in repr(phone)
    assert world.progress(offer) == ("linked", code)
    with world.store.begin() as unit:
        assert [e.action for e in unit.find(AuditEvent)] == ["phone.offer", "phone.link"]


def test_org_6_nothing_is_linked_before_the_page_confirms(world: World) -> None:
    phone = world.phone(world.offer())
    phone.link()
    world.ask()
    view = phone.view()
    assert (view.state, view.asked) == ("linking", None)


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
    nobody = world.door.progress("no-such-offer", binding=BROWSER)
    for binding in (STRANGER, ""):
        assert world.door.progress(offer.mobile_id, binding=binding) == nobody
        with pytest.raises(PairingError) as error:
            world.confirm(offer, code, binding)
        assert error.value.reason == "unknown"
    assert world.mobile(offer.mobile_id).state == "linking"


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


def octets(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "==")


def text(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def request(common_name: str, key: Any = None) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    key = key or ec.generate_private_key(ec.SECP256R1())
    return x509.CertificateSigningRequestBuilder(name).sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], dict[str, Any]], str]] = {
    "csr": (lambda c: {**c, "csr": text(request(c["phone"]))}, "mac"),
    "verifier": (lambda c: {**c, "verifier": text(bytes(32))}, "mac"),
    "device": (lambda c: {**c, "device": "another"}, "mac"),
    "mac": (lambda c: {**c, "mac": text(bytes(32))}, "mac"),
    "phone": (lambda c: {**c, "phone": "nonsense"}, "unknown"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_org_6_a_claim_changed_on_the_way_is_refused_and_the_offer_unharmed(world: World, name: str) -> None:
    offer = world.offer()
    world.line.tamper, reason = CHANGES[name]
    with pytest.raises(PairingError) as error:
        world.phone(offer).link()
    assert error.value.reason == reason
    world.line.tamper = lambda claim: claim
    world.confirm(offer, world.phone(offer).link())


@pytest.mark.parametrize("field", ["mac", "verifier", "csr", "device", "phone"])
@pytest.mark.parametrize("value", ["", "AAAA", "A" * 4000, None, 7], ids=["none", "short", "long", "null", "number"])
def test_org_6_a_claim_that_is_none_is_refused_as_such(world: World, field: str, value: object) -> None:
    offer = world.offer()
    world.line.tamper = lambda claim: {**claim, field: value}
    with pytest.raises((MessageError, PairingError)):
        world.phone(offer).link()
    assert world.mobile(offer.mobile_id).state == "offered"


REQUESTS: dict[str, tuple[Callable[[str], bytes], str]] = {
    "another-curve": (lambda name: request(name, ec.generate_private_key(ec.SECP384R1())), "key"),
    "rsa": (lambda name: request(name, rsa.generate_private_key(65537, 2048)), "key"),
    "another-offer": (lambda name: request("A" * 22), "csr"),
    "broken-signature": (lambda name: request(name)[:-1] + b"\0", "csr"),
    "no-request": (lambda name: b"\x30\x00", "csr"),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_org_6_a_request_of_another_kind_is_refused_though_its_mac_is_right(
    world: World, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer = world.offer()
    make, reason = REQUESTS[name]
    monkeypatch.setattr("zorgid_card.testkit.phone.build_csr", lambda *_: make(offer.mobile_id))
    with pytest.raises(PairingError) as error:
        world.phone(offer).link()
    assert error.value.reason == reason
    assert world.mobile(offer.mobile_id).state == "offered"


def test_org_6_a_claim_replayed_for_another_offer_is_refused(world: World) -> None:
    world.phone(world.offer()).link()
    old = world.line.sent[-1]
    offer = world.offer()
    world.line.tamper = lambda claim: {**old, "phone": claim["phone"]}
    with pytest.raises(PairingError) as error:
        world.phone(offer).link()
    assert error.value.reason == "mac"


def test_org_6_a_replayed_request_is_refused_even_by_who_has_read_the_new_code(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The CSR names its offer: somebody else's, taken from an earlier claim, cannot be put under an ID of one's own."""
    world.phone(world.offer()).link()
    seen = octets(world.line.sent[-1]["csr"])
    with world.store.begin() as unit:
        world.person = add_person(unit, "mallory", uzi_number="900000666", role="manager")
    monkeypatch.setattr("zorgid_card.testkit.phone.build_csr", lambda *_: seen)
    with pytest.raises(PairingError) as error:
        world.phone(world.offer()).link()
    assert error.value.reason == "csr"


def test_org_6_a_claim_whose_answer_was_lost_may_come_again(world: World) -> None:
    offer = world.offer()
    code = world.phone(offer).link()
    claim = world.line.sent[-1]
    for _ in range(2):
        assert b"phone-claimed" in world.door.seam.ask(json.dumps(claim).encode())
    assert world.progress(offer) == ("linking", code)
    first = world.confirm(offer, code)
    assert world.confirm(offer, code) == first
    assert b"used" in world.door.seam.ask(json.dumps(claim).encode())


def test_org_6_who_photographs_the_code_and_is_first_shows_another_code(world: World) -> None:
    """The thief's phone is first: the page shows a code that the person's own phone does not show."""
    offer = world.offer()
    thief, own = world.phone(offer), world.phone(offer)
    stolen = thief.link()
    with pytest.raises(PairingError, match="used"):
        own.link()
    assert world.progress(offer) == ("linking", stolen)
    again = world.offer()  # the person declines, and begins anew
    assert world.mobile(offer.mobile_id).state == "revoked"
    world.confirm(again, world.phone(again).link())
    assert thief.view().state == "revoked"


def test_org_6_a_stolen_session_without_the_code_links_no_phone(world: World) -> None:
    offer = world.offer()
    for guess in ("000000", "123456", ""):
        with pytest.raises(PairingError) as error:
            world.confirm(offer, guess)
        assert error.value.reason == "used"
    assert world.mobile(offer.mobile_id).state == "offered"


def test_org_6_of_two_phones_at_once_one_is_linked(tmp_path: Path) -> None:
    store = SQLRegistry.file(tmp_path / "registry.db")
    store.create()
    world = World(store)
    offer = world.offer()
    phones = [world.phone(offer) for _ in range(4)]
    start, codes, refused = threading.Barrier(4), list[str](), list[object]()

    def scan(phone: SimulatedPhone) -> None:
        start.wait()
        try:
            codes.append(phone.link())
        except PairingError as error:
            refused.append(error.reason)

    threads = [threading.Thread(target=scan, args=(phone,)) for phone in phones]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == ["used"] * 3
    assert world.progress(offer) == ("linking", codes[0])
    store.close()


def test_org_6_digits_and_secret_never_travel(world: World) -> None:
    phone, _ = world.linked()
    world.approve(phone, world.ask().number)
    line = repr(world.line.sent)
    assert "314159" not in line
    assert phone._device_secret.hex() not in line
    assert text(phone._device_secret) not in line


def test_org_6_the_phone_refuses_a_portal_that_is_not_the_one_of_the_qr_code(world: World) -> None:
    phone = world.new_phone(SoftwareSigner.generate("ES256").public_key)
    with pytest.raises(PairingError) as error:
        phone.scan(world.offer().qr_text)
    assert error.value.reason == "portal"


@pytest.mark.parametrize(
    "scanned",
    [
        "",
        "https://x/phone",
        "https://x/phone#1.a.b",
        "https://x/other#1.YQ.YQ.YQ",
        "https://x/phone#1.!.!.!",
        "https://x/phone#1.YQ.YQ.YQ",
        "http://x/phone#1." + "A" * 43 + "." + "A" * 22 + "." + "A" * 22,
        "https://x/phone#2." + "A" * 43 + "." + "A" * 22 + "." + "A" * 22,
    ],
)
def test_org_6_the_phone_refuses_other_qr_codes(world: World, scanned: str) -> None:
    with pytest.raises(MessageError):
        world.new_phone().scan(scanned)


def test_org_5_a_new_qr_code_needs_a_new_uzi_authentication(world: World) -> None:
    def offer(authentication: str) -> pairing.Offer:
        return world.door.offer("900016528", URA, binding=BROWSER, authentication=authentication)

    first = offer("nonce-1")
    with pytest.raises(PairingError) as error:
        offer("nonce-1")
    assert error.value.reason == "used"
    assert offer("nonce-2").mobile_id != first.mobile_id
    with pytest.raises(NotLinkedError):
        world.door.offer("900000001", URA, binding=BROWSER, authentication="nonce-3")


def test_adm_7_a_lost_phone_is_known_by_name_and_last_use_and_another_takes_its_place(world: World) -> None:
    phone, mobile = world.linked()
    assert (mobile.device, mobile.linked_at, mobile.last_used_at) == ("Simulated phone", world.clock(), None)
    world.clock.forward(days=3)
    world.approve(phone, world.ask().number)
    used = world.mobile(mobile.id).last_used_at
    assert used == world.clock()
    world.clock.forward(hours=1)
    offer = world.door.offer("900016528", URA, binding=BROWSER, authentication="another log-in")
    assert world.mobile(mobile.id).state == "linked"  # as long as nothing takes its place
    world.confirm(offer, world.phone(offer).link())
    with world.store.begin() as unit:
        states = sorted((p.state, p.last_used_at) for p in unit.find(MobileID, person_id="anna"))
    assert states == [("linked", None), ("revoked", used)]


def test_org_7_a_new_phone_replaces_a_blocked_one_for_good(world: World) -> None:
    _, old = world.linked()
    with world.store.begin() as unit:
        unit.replace(dataclasses.replace(old, state="blocked"))
    world.linked()
    assert world.mobile(old.id).state == "revoked"


def test_org_7_a_new_phone_replaces_the_old_one(world: World) -> None:
    _, old = world.linked()
    _, new = world.linked(b"271828")
    assert (world.mobile(old.id).state, world.mobile(new.id).state) == ("revoked", "linked")
