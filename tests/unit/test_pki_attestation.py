"""Attestation: what proves that a key is on this card, and everything that does not (CRD-7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from pki_world import NOW, Node, make, name
from zorgid_card.codec.tlv import encode
from zorgid_card.errors import CertificateMalformedError, ResidencyError
from zorgid_card.pki.attestation import FIRMWARE, FORM_FACTOR, POLICY, SERIAL, AttestedKey, verify_attestation
from zorgid_card.pki.signing import SoftwareSigner, dump_public_key

SERIAL_NUMBER = 20_000_001


def octets(oid: str, value: bytes) -> tuple[x509.ExtensionType, bool]:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value), False


def extensions(**changed: bytes | None) -> list[tuple[x509.ExtensionType, bool]]:
    values = {
        "firmware": b"\x05\x07\x04",
        "serial": encode(0x02, SERIAL_NUMBER.to_bytes(4, "big")),
        "policy": b"\x02\x01",
        "form": b"\x01",
    }
    oids = {"firmware": FIRMWARE, "serial": SERIAL, "policy": POLICY, "form": FORM_FACTOR}
    return [octets(oids[key], value) for key, value in (values | changed).items() if value is not None]


@dataclass
class Card:
    """A maker's root, the F9 certificate of one card, and its attestation of the key in 9A."""

    root: Node
    f9: Node
    attested: Node

    @property
    def spki(self) -> bytes:
        return dump_public_key(self.attested.key.public_key())

    def verify(self, **changed: object) -> AttestedKey:
        given = {"public_key": self.spki, "slot": 0x9A, "at": NOW} | changed
        attestation = given.pop("attestation", self.attested.der)
        intermediate = given.pop("intermediate", self.f9.der)
        roots = given.pop("roots", [self.root.der])
        return verify_attestation(attestation, intermediate, roots, **given)  # type: ignore[arg-type]

    def attest(self, text: str = "YubiKey PIV Attestation 9a", f9: Node | None = None, **options: object) -> Node:
        given = {
            "ca": None,
            "usages": None,
            "key_ids": False,
            "key": self.attested.key,
            "extensions": extensions(),
        } | options
        return make(text, f9 or self.f9, **given)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def card() -> Card:
    root = make("Maker PIV Root", path_length=1)
    f9 = make("Maker PIV Attestation", root, path_length=0, key_ids=False)
    card = Card(root, f9, Node("key"))
    card.attested = card.attest()
    return card


def test_crd_7_an_attested_key_is_accepted(card: Card) -> None:
    assert card.verify(serial="20000001") == AttestedKey(
        serial="20000001", firmware="5.7.4", pin_policy="once", touch_policy="never", form_factor=1
    )


def test_a_maker_with_intermediates_is_accepted(card: Card) -> None:
    """Yubico's hierarchy since firmware 5.7.4: root, two intermediates, F9, each with its path length."""
    root = make("Yubico Attestation Root 1", path_length=3)
    first = make("Yubico Attestation Intermediate B 1", root, path_length=2)
    second = make("Yubico PIV Attestation B 1", first, path_length=1)
    f9 = make("YubiKey PIV Attestation", second, path_length=0)
    attestation = card.attest(f9=f9)
    found = card.verify(
        roots=[root.der], intermediates=[second.der, first.der], intermediate=f9.der, attestation=attestation.der
    )
    assert found.serial == "20000001"
    with pytest.raises(ResidencyError) as refused:
        card.verify(roots=[root.der], intermediates=[second.der], intermediate=f9.der, attestation=attestation.der)
    assert refused.value.reason == "chain"


def test_an_older_card_without_form_factor_is_accepted(card: Card) -> None:
    assert card.verify(attestation=card.attest(extensions=extensions(form=None)).der).form_factor is None


@pytest.mark.parametrize("subject", ["PIV Attestation 9a", "YubiKey PIV Attestation 9A"])
def test_the_slot_is_read_whatever_the_makers_name(card: Card, subject: str) -> None:
    assert card.verify(attestation=card.attest(subject).der)


def refused_by_chain(**f9: object) -> Callable[[Card], dict[str, object]]:
    def spoil(card: Card) -> dict[str, object]:
        other = make("Maker PIV Attestation", card.root, **({"path_length": 0} | f9))  # type: ignore[arg-type]
        return {"intermediate": other.der, "attestation": card.attest(f9=other).der}

    return spoil


def attested(text: str = "YubiKey PIV Attestation 9a", **options: object) -> Callable[[Card], dict[str, object]]:
    return lambda card: {"attestation": card.attest(text, None, **options).der}


def by_itself(card: Card) -> dict[str, object]:
    lone = make("YubiKey PIV Attestation 9a", key=card.attested.key, extensions=extensions())
    return {"attestation": lone.der}


def by_another_key(card: Card) -> dict[str, object]:
    return {"attestation": card.attest(f9=make("Maker PIV Attestation", card.root)).der}


REFUSED: list[tuple[str, Callable[[Card], dict[str, object]], str]] = [
    ("a software key", lambda card: {"public_key": SoftwareSigner.generate().public_key}, "key"),
    ("a key of another card", lambda card: {"serial": "20000002"}, "serial"),
    ("garbage", lambda card: {"attestation": b"garbage"}, "malformed"),
    ("F9 garbage", lambda card: {"intermediate": b""}, "malformed"),
    ("an attestation by itself", by_itself, "signature"),
    ("signed by another key of that name", by_another_key, "signature"),
    ("a maker not trusted", lambda card: {"roots": [make("Maker PIV Root").der]}, "chain"),
    ("no maker trusted", lambda card: {"roots": []}, "chain"),
    ("F9 not a CA", refused_by_chain(ca=False), "chain"),
    ("F9 without basicConstraints", refused_by_chain(ca=None), "chain"),
    ("F9 may not sign certificates", refused_by_chain(usages=("digital_signature",)), "chain"),
    ("F9 expired", refused_by_chain(end=datetime(2026, 1, 1, tzinfo=UTC)), "expired"),
    ("attestation expired", attested(end=datetime(2026, 1, 1, tzinfo=UTC)), "expired"),
    ("attestation of tomorrow", attested(start=datetime(2027, 1, 1, tzinfo=UTC)), "expired"),
    ("another slot", attested("YubiKey PIV Attestation 9c"), "slot"),
    ("another slot asked", lambda card: {"slot": 0x9C}, "slot"),
    ("no slot", attested("YubiKey PIV Attestation"), "slot"),
    ("a slot with something behind it", attested("YubiKey PIV Attestation 9a9c"), "slot"),
    ("two names", attested(subject=x509.Name([*name("YubiKey PIV Attestation 9a"), *name("YubiKey PIV Attestation 9c")])), "slot"),
    ("no firmware", attested(extensions=extensions(firmware=None)), "firmware"),
    ("firmware of two octets", attested(extensions=extensions(firmware=b"\x05\x07")), "firmware"),
    ("no serial", attested(extensions=extensions(serial=None)), "serial"),
    ("serial no INTEGER", attested(extensions=extensions(serial=b"\x04\x01\x01")), "serial"),
    ("serial not DER", attested(extensions=extensions(serial=b"\x02\x81\x01\x01")), "serial"),
    ("serial negative", attested(extensions=extensions(serial=b"\x02\x01\x80")), "serial"),
    ("serial of nothing", attested(extensions=extensions(serial=b"\x02\x00")), "serial"),
    ("two serials", attested(extensions=extensions(serial=b"\x02\x01\x01\x02\x01\x02")), "serial"),
    ("no policy", attested(extensions=extensions(policy=None)), "policy"),
    ("policy of one octet", attested(extensions=extensions(policy=b"\x02")), "policy"),
    ("an unknown PIN policy", attested(extensions=extensions(policy=b"\x09\x01")), "policy"),
    ("an unknown touch policy", attested(extensions=extensions(policy=b"\x02\x00")), "policy"),
    ("no PIN ever", attested(extensions=extensions(policy=b"\x01\x01")), "pin_policy"),
    ("PIN always, where once is asked", lambda card: {"pin_policies": ("always",)}, "pin_policy"),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "reason"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_crd_7_what_proves_nothing_is_refused(
    card: Card, spoil: Callable[[Card], dict[str, object]], reason: str
) -> None:
    with pytest.raises(ResidencyError) as refused:
        card.verify(**spoil(card))
    assert refused.value.reason == reason


def test_a_key_that_is_none_is_the_callers_error(card: Card) -> None:
    with pytest.raises(CertificateMalformedError):
        card.verify(public_key=b"garbage")


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_octets_changed_at_random_prove_nothing_else(data: st.DataObject) -> None:
    der = bytearray(KEPT.attested.der)
    place = data.draw(st.integers(0, len(der) - 1))
    der[place] ^= data.draw(st.integers(1, 255))
    try:
        found = KEPT.verify(attestation=bytes(der))
    except ResidencyError:
        return
    assert found == KEPT.verify()  # the count of unused bits of the signature may be 0 or 1, and changes nothing


def _kept() -> Card:
    root = make("Root", path_length=1)
    kept = Card(root, make("F9", root, path_length=0), Node("key", ec.generate_private_key(ec.SECP256R1())))
    kept.attested = kept.attest()
    return kept


KEPT = _kept()
