"""docs/mobile-protocol.md says what the portal does, and is enough to write a phone from."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

import second_phone
from docs_examples import example
from phone_signing_world import CARD, REASON, Signing
from phone_world import BROWSER, PORTAL, World
from registry_world import URA
from second_phone import NotOurs, Refused, SecondPhone
from zorgid_card.adapters.qr import qr_svg
from zorgid_card.ports.registry import SmartCard
from zorgid_card.workflows import phone_protocol
from zorgid_card.workflows.messages import Message
from zorgid_card.workflows.policy import ACTIONS

PAGE = (Path(__file__).parents[2] / "docs/mobile-protocol.md").read_text(encoding="utf-8")
VECTORS = phone_protocol.vectors()


def between(name: str) -> str:
    return PAGE.partition(f"<!-- {name}: begin -->\n")[2].partition(f"<!-- {name}: end -->")[0]


def test_the_page_shows_the_tables_and_the_vectors_that_the_command_prints() -> None:
    assert between("protocol").strip() == phone_protocol.page().strip()
    assert json.loads(between("vectors").strip().removeprefix("```json").removesuffix("```")) == VECTORS
    assert phone_protocol.vectors() == VECTORS


def test_the_page_tells_of_every_message_of_a_phone() -> None:
    kinds = {kind.kind for kind in Message._kinds.values() if kind.__module__.endswith("phone_messages")}
    assert kinds == {kind.kind for pair in phone_protocol.EXCHANGES for kind in pair}
    assert all(f"| `{kind}` |" in phone_protocol.page() for kind in kinds)


def test_the_second_phone_shares_no_code_with_ours() -> None:
    tree = ast.parse(Path(second_phone.__file__).read_text())
    names = [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    standard = {
        "base64",
        "hashlib",
        "hmac",
        "http",
        "json",
        "secrets",
        "ssl",
        "collections",
        "datetime",
        "typing",
        "urllib",
    }
    assert {name.partition(".")[0] for name in names} == standard | {"cryptography"}
    assert second_phone.ACTIONS == ACTIONS


# --- the vectors, by the second phone's own means -----------------------------------------------------------


def test_the_qr_code() -> None:
    qr = VECTORS["qr"]
    origin, fingerprint, phone, secret = second_phone.scan(qr["text"])
    assert (origin, fingerprint.hex(), phone, secret.hex()) == (
        qr["origin"],
        qr["fingerprint"],
        qr["phone"],
        qr["secret"],
    )
    assert second_phone.offer_key(secret).hex() == qr["offer_key"]


def test_the_digits() -> None:
    digits = VECTORS["digits"]
    made = second_phone.stretch(digits["digits"].encode(), bytes.fromhex(digits["device_secret"]))
    assert made.hex() == digits["verifier"]


def test_the_claim() -> None:
    claim, key = VECTORS["claim"], bytes.fromhex(VECTORS["qr"]["offer_key"])
    csr = bytes.fromhex(claim["csr"])
    request = x509.load_der_x509_csr(csr)
    assert request.is_signature_valid
    assert request.subject.rfc4514_string() == f"CN={VECTORS['qr']['phone']}"
    verifier = bytes.fromhex(VECTORS["digits"]["verifier"])
    transcript = second_phone.said(VECTORS["qr"]["phone"].encode(), csr, verifier, claim["device"].encode())
    assert transcript.hex() == claim["transcript"]
    assert second_phone.mac(key, b"zorgid-card phone claim v1", transcript).hex() == claim["mac"]
    assert second_phone.short_code(key, transcript) == claim["code"]
    sent = json.loads(claim["request"])
    assert (sent["csr"], sent["mac"]) == (second_phone.b64(csr), second_phone.b64(bytes.fromhex(claim["mac"])))


@pytest.mark.parametrize("made", VECTORS["statements"], ids=lambda one: one["kind"])
def test_the_statements(made: dict[str, Any]) -> None:
    signed = second_phone.statement(made["kind"], made["fields"])
    assert signed.decode() == made["signed"]
    key = ec.derive_private_key(int(VECTORS["key"]["private"], 16), ec.SECP256R1())
    key.public_key().verify(bytes.fromhex(made["signature"]), signed, ec.ECDSA(hashes.SHA256()))


# --- the second phone at the real portal --------------------------------------------------------------------


@pytest.fixture
def world() -> Iterator[Signing]:
    made = Signing()
    yield made
    made.store.close()


def second(world: World, digits: bytes = b"271828") -> SecondPhone:
    def carry(origin: str, trusted: tuple[bytes, ...], body: bytes) -> bytes:
        assert origin == PORTAL.origin
        assert PORTAL.fingerprint in trusted
        return world.door.seam.ask(body)

    return SecondPhone(digits, carry, world.clock)


@pytest.mark.parametrize("number", range(len(VECTORS["refused"])))
def test_what_the_page_says_is_refused_is_refused(world: Signing, number: int) -> None:
    vector = VECTORS["refused"][number]
    answer = json.loads(world.door.seam.ask(vector["request"].encode()))
    assert (answer["kind"], answer["code"]) == ("refusal", "encoding.message")
    assert dict(zip(answer["names"], map(json.loads, answer["values"]), strict=True))["field"] == vector["field"]


def test_the_page_is_enough_to_link_log_in_approve_and_refuse(world: Signing) -> None:
    phone, offer = second(world), world.offer()
    code = phone.link(offer.qr_text)
    assert world.progress(offer) == ("linking", code)
    assert phone.poll()[0] == "linking"
    world.confirm(offer, code)
    assert phone.poll() == ("linked", None, {})

    asked = world.ask(client="192.0.2.7")
    _, kind, fields = phone.poll()
    assert (kind, fields["organisation"], fields["client"]) == ("phone-log-in", "Praktijk 90000382", "192.0.2.7")
    with pytest.raises(Refused) as refused:
        phone.approve(kind or "", fields, asked.number, b"000000")
    assert (refused.value.code, refused.value.details["tries_left"]) == ("portal.phone_digits", 4)
    asked = world.ask()
    _, kind, fields = phone.poll()
    phone.approve(kind or "", fields, asked.number, b"271828")
    assert world.finish(asked) is not None

    asked = world.ask_signature("card.revoke", CARD, cause="unspecified")
    _, kind, fields = phone.poll()
    assert (kind, fields["action"], fields["about"], fields["reason"]) == (
        "phone-approval",
        "card.revoke",
        "Holder0 Jansen",
        REASON,
    )
    phone.approve(kind or "", fields, asked.number, b"271828")
    assert world.manager().revoke(CARD, REASON).state == "revoked"

    asked = world.ask()
    phone.refuse(phone.poll()[2])
    assert world.status(asked) == "refused"


def test_the_second_phone_does_as_the_page_says_an_app_does(world: Signing) -> None:
    phone, offer = second(world), world.offer()
    world.confirm(offer, phone.link(offer.qr_text))
    asked = world.ask()
    _, kind, fields = phone.poll()
    for wrong in ({"origin": "https://evil.example"}, {"phone": "another"}):
        with pytest.raises(NotOurs):
            phone.approve(kind or "", fields | wrong, asked.number, b"271828")
    with pytest.raises(NotOurs):
        phone.approve("phone-approval", fields | {"action": "card.sell"}, asked.number, b"271828")
    with pytest.raises(NotOurs):
        second_phone.scan(f"{PORTAL.origin}/login#1.{asked.nonce}")


def test_a_second_scan_by_the_second_phone_is_told_used(world: Signing) -> None:
    offer = world.offer(binding=BROWSER)
    second(world).link(offer.qr_text)
    with pytest.raises(Refused) as refused:
        second(world).link(offer.qr_text)
    assert (refused.value.code, refused.value.details["reason"]) == ("portal.pairing", "used")


# --- the example for portals --------------------------------------------------------------------------------


class Accompanied:
    """The page's doors, with a person beside them whose phone does what the page waits for."""

    def __init__(self, world: Signing) -> None:
        self.world, self.phone = world, second(world)
        self.code = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.world.door, name)

    def show(self, svg: bytes) -> None:
        assert svg.startswith(b"<?xml")

    def offer(self, *arguments: str, **named: str) -> Any:
        offer = self.world.door.offer(*arguments, **named)
        self.code = self.phone.link(offer.qr_text)
        return offer

    def ask(self, *arguments: str, **named: str) -> Any:
        return self.approved(self.world.door.ask(*arguments, **named))

    def ask_approval(self, *arguments: str, **named: str) -> Any:
        return self.approved(self.world.door.ask_approval(*arguments, **named))

    def approved(self, asked: Any) -> Any:
        _, kind, fields = self.phone.poll()
        self.phone.approve(kind or "", fields, asked.number, b"271828")
        return asked


def test_the_example_for_portals_runs(world: Signing) -> None:
    phones = Accompanied(world)

    class Names(dict[str, Any]):
        def __missing__(self, name: str) -> Any:
            if name == "typed_code":
                return phones.code
            raise KeyError(name)

    names = Names(
        portal=SimpleNamespace(phones=phones, management=world.management),
        who=SimpleNamespace(uzi_number="900016528", ura=URA),
        nonce="the challenge",
        browser_session=BROWSER,
        page=phones.show,
        qr_svg=qr_svg,
        user_name=world.person.user_name,
        ura=URA,
        remote_address="192.0.2.7",
        serial=CARD,
        reason=REASON,
    )
    exec(example("docs/mobile-protocol.md", "phone"), {}, names)
    assert names["who"].membership.role == "administrator"
    with world.store.begin() as unit:
        assert unit.get(SmartCard, CARD).state == "suspended"
