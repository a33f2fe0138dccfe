"""Documents and messages with cards (AUT-3): UZI pass, ZORG-ID Smartcard and middleware sign; OpenSSL verifies and encrypts."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key

import softhsm
from pki_world import make
from signing_world import Judge, ca, openssl, root
from zorgid_card.adapters.pkcs11 import PKCS11Module
from zorgid_card.cards import Card, PINRequest, UZIPass, ZorgIDCard, open_card
from zorgid_card.cards.token import open_token_card
from zorgid_card.codec.link import Link
from zorgid_card.errors import (
    CertificateUsageError,
    NotOfferedError,
    RecipientError,
    UntrustedError,
    UsageError,
    WrongPINError,
)
from zorgid_card.hazardous import sign_digest
from zorgid_card.pki import cms, jws
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.profile import POLICIES
from zorgid_card.pki.revocation import CRLs
from zorgid_card.pki.trust import TrustStore
from zorgid_card.pki.verifier import CertificateVerifier, SmartcardVerifier
from zorgid_card.secret import Secret
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.uzi import DEFAULT_PIN, VirtualUZIPass
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_layout import EVERY_LAYOUT, LAYOUT_D
from zorgid_card.testkit.uzi_profile import DE_LINDE, FATIMA_EL_AMRANI, JAN_DE_VRIES, Usage
from zorgid_card.testkit.zorgid import PIN as SMARTCARD_PIN
from zorgid_card.testkit.zorgid import ZorgIDTestIssuer
from zorgid_card.workflows.documents import decrypt, issuers_of, sign_document, sign_message

TEXT = b"Verwijzing naar de cardioloog\n" * 100
TYPE = "vnd.example.referral+txt"
SLOTS = {"authenticity": 0x9A, "signature": 0x9C, "confidentiality": 0x9D}
KEY_USAGES = {
    "authenticity": ("digital_signature",),
    "signature": ("content_commitment",),
    "confidentiality": ("key_encipherment",),
}
MODULE = softhsm.module()
SIGNATURE_PIN = b"654321"


class Asked:
    """A person who knows the PIN, and that of the signature key where it has one of its own; and how often they were asked."""

    def __init__(self, pin: bytes = DEFAULT_PIN) -> None:
        self.pin = pin
        self.times = 0

    def __call__(self, request: PINRequest) -> Secret:
        self.times += 1
        own = request.reference == LAYOUT_D.key_references[Usage.SIGNATURE]
        return Secret.of(SIGNATURE_PIN if own else self.pin)


@functools.cache
def pki() -> UZITestPKI:
    return UZITestPKI("production", pool=KeyPool.shared(), now=datetime.now(UTC))


@functools.cache
def contents_of(curve: bool) -> PassContents:
    return pki().pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015", curve=ec.SECP256R1() if curve else None)


def reader_with(card: Any) -> SimulatedReader:
    reader = SimulatedReader()
    reader.insert(card)
    return reader


@dataclass
class PublicOnly:
    """The public half of a card's key, where a certificate is to be made for it."""

    public: Any

    def public_key(self) -> Any:
        return self.public


def zorgid(algorithm: str) -> ZorgIDCard:
    card = ZorgIDCard(Link(reader_with(Maker.create().blank()).connect()))
    with card.session():
        card.authenticate_administration(card.factory_secrets()[2])
        for usage, slot in SLOTS.items():
            public = load_der_public_key(card.generate(slot, algorithm))
            made = make(usage, ca(), ca=False, usages=KEY_USAGES[usage], key=PublicOnly(public))  # type: ignore[arg-type]
            card.write_certificate(slot, made.der)
    return card


@contextmanager
def card_of(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Card]:
    contents = contents_of(curve=False)
    if kind.startswith("uzi"):
        layout = EVERY_LAYOUT[kind.removeprefix("uzi ")]
        yield UZIPass(Link(reader_with(VirtualUZIPass(contents_of(layout.curve), layout=layout)).connect()))
    elif kind == "middleware":
        if MODULE is None:
            pytest.skip("SoftHSM is not installed (Debian package softhsm2)")
        monkeypatch.setenv("SOFTHSM2_CONF", str(softhsm.configuration(tmp_path)))
        softhsm.initialise("pass")
        with PKCS11Module(MODULE) as module:
            (slot,) = (info.slot for info in module.tokens() if info.label == "pass")
        objects = [softhsm.certificate(b"\xf0" + bytes([n]), der) for n, der in enumerate(contents.chain)]
        for number, usage in enumerate(contents.certificates):
            objects.append(softhsm.certificate(bytes([number]) * 2, contents.certificates[usage]))
            objects.append(softhsm.private_key(bytes([number]) * 2, contents.keys[usage]))
        softhsm.fill(str(MODULE), slot, objects)
        with PKCS11Module(MODULE) as module, closing(module.open(slot)) as opened:
            yield open_token_card(opened)
    else:
        yield zorgid(kind)


@pytest.fixture(params=["uzi A", "uzi B", "uzi C", "uzi D", "middleware", "RSA2048", "ECCP256", "ECCP384"])
def card(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Card]:
    with card_of(request.param, tmp_path, monkeypatch) as found:
        yield found


@pytest.fixture
def pin(card: Card) -> Asked:
    return Asked(softhsm.PIN if type(card).__name__ == "TokenCard" else DEFAULT_PIN)


def test_aut_3_whoever_signed_with_a_smartcard_is_told_by_its_issuers_chain() -> None:
    issuer, now = ZorgIDTestIssuer(), datetime.now(UTC)
    authority = issuer.authority
    lists = {
        der: authority.sign_crl((), 1, now, now + timedelta(days=1), root=der == authority.chain[-1])
        for der in authority.chain
    }
    trust = TrustStore(authority.chain[-1:], authority.chain[:-1], policies=POLICIES)
    card = open_card(Link(reader_with(issuer.card(FATIMA_EL_AMRANI)).connect()))
    signature = sign_document(card, TEXT, Asked(SMARTCARD_PIN), at=now, usage="authenticity")
    judge = SmartcardVerifier(trust, CRLs(lambda certificate: [lists[certificate]]))
    found = cms.verify_detached(signature, TEXT, judge=judge, at=now, usage="authenticity")
    assert found.identity.uzi_number == FATIMA_EL_AMRANI.uzi_number
    with pytest.raises(CertificateUsageError):
        judge.verify(found.certificate, usage="signature", at=now)
    stranger = ZorgIDTestIssuer().authority.chain
    elsewhere = TrustStore(stranger[-1:], stranger[:-1], policies=POLICIES)
    with pytest.raises(UntrustedError):
        SmartcardVerifier(elsewhere, CRLs(lambda certificate: [])).verify(found.certificate, at=now)


@pytest.mark.parametrize("usage", ["signature", "authenticity"])
def test_aut_3_every_card_signs_documents_and_messages(card: Card, pin: Asked, usage: str, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    signature = sign_document(card, iter([TEXT[:10], TEXT[10:]]), pin, at=now, usage=usage)
    found = cms.verify_detached(signature, TEXT, judge=Judge(), at=now, usage=usage)
    assert found.certificate.der == card.certificates()[usage]
    token = sign_message(card, TEXT, pin, typ=TYPE, usage=usage)
    assert jws.verify(token, typ=TYPE, judge=Judge(), at=now, usage=usage).payload == TEXT
    (tmp_path / "s").write_bytes(signature)
    (tmp_path / "c").write_bytes(TEXT)
    known = [root().der, ca().der, pki().root()]
    (tmp_path / "known").write_bytes(b"".join(pem(der) for der in known))
    files = ("-in", tmp_path / "s", "-content", tmp_path / "c", "-CAfile", tmp_path / "known")
    check = ("cms", "-verify", "-cades", "-binary", "-inform", "DER", "-purpose", "any", *files)
    assert "CAdES Verification successful" in openssl(*check)


def pem(der: bytes) -> bytes:
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)


def test_aut_3_the_pin_is_asked_for_each_signature_with_the_signature_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with card_of("uzi A", tmp_path, monkeypatch) as card:
        pin = Asked()
        for _ in range(3):
            sign_message(card, TEXT, pin, typ=TYPE)
        assert pin.times == 3


def test_aut_3_a_pass_is_told_by_the_real_verifier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = CertificateVerifier(pki().trust(), CRLs(pki().crl_source))
    now = datetime.now(UTC)
    with card_of("uzi A", tmp_path, monkeypatch) as card:
        signature = sign_document(card, TEXT, Asked(), at=now)
        identity = cms.verify_detached(signature, TEXT, judge=judge, at=now).identity
        assert (identity.uzi_number, identity.ura) == (JAN_DE_VRIES.uzi_number, DE_LINDE.ura)
        token = sign_message(card, TEXT, Asked(), typ=TYPE, usage="authenticity")
        assert (
            jws.verify(token, typ=TYPE, judge=judge, at=now, usage="authenticity").signatory.identity.ura
            == DE_LINDE.ura
        )
    contents = contents_of(curve=False)
    leaf = Certificate.parse(contents.certificates[Usage.SIGNATURE])
    chain = [Certificate.parse(der) for der in issuers_of(leaf, contents.chain)]
    assert len(chain) == 2
    assert [one.issuer == one.subject for one in chain] == [False, False]


def test_aut_3_issuers_are_put_in_order_and_strangers_left_out() -> None:
    leaf = make("leaf", ca(), ca=False, usages=("content_commitment",))
    impostor = make("CA", root())
    found = issuers_of(Certificate.parse(leaf.der), [b"none", impostor.der, root().der, leaf.der, ca().der])
    assert found == [ca().der]
    loop = make("loop")
    assert issuers_of(Certificate.parse(loop.der), [loop.der]) == []


# --- decrypting ------------------------------------------------------------------------------------------


def encrypted(card: Card, directory: Path, *options: str) -> bytes:
    (directory / "to").write_bytes(pem(card.certificates()["confidentiality"]))
    (directory / "in").write_bytes(TEXT)
    files = ("-in", directory / "in", "-out", directory / "out", "-outform", "DER", "-recip", directory / "to")
    openssl("cms", "-encrypt", "-binary", "-aes-256-gcm", *files, *options)
    return (directory / "out").read_bytes()


def test_aut_3_every_card_decrypts_what_openssl_encrypted(card: Card, pin: Asked, tmp_path: Path) -> None:
    message = encrypted(card, tmp_path)
    assert decrypt(card, message, pin) == TEXT
    assert pin.times == 1


@pytest.mark.parametrize("kind", ["middleware", "RSA2048", "uzi A", "uzi D"])
def test_aut_3_oaep_where_the_card_does_bare_rsa(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with card_of(kind, tmp_path, monkeypatch) as card:
        message = encrypted(card, tmp_path, "-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha256")
        pin = Asked(softhsm.PIN if kind == "middleware" else DEFAULT_PIN)
        if kind == "uzi A":
            with pytest.raises(NotOfferedError):
                decrypt(card, message, pin)
            assert pin.times == 0
        else:
            assert decrypt(card, message, pin) == TEXT


def test_aut_3_anothers_message_asks_no_pin(card: Card, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = zorgid("ECCP256")
    pin = Asked()
    with pytest.raises(RecipientError):
        decrypt(card, encrypted(other, tmp_path), pin)
    assert pin.times == 0


def test_aut_3_a_wrong_pin_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with card_of("uzi A", tmp_path, monkeypatch) as card, pytest.raises(WrongPINError):
        decrypt(card, encrypted(card, tmp_path), Asked(b"271828"))


def test_aut_3_a_card_without_the_key_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blank = ZorgIDCard(Link(reader_with(Maker.create().blank()).connect()))
    for action in (
        lambda: sign_document(blank, TEXT, Asked(), at=datetime.now(UTC)),
        lambda: sign_message(blank, TEXT, Asked(), typ=TYPE, usage="confidentiality"),
        lambda: decrypt(blank, b"0", Asked()),
    ):
        with pytest.raises(UsageError):
            action()


# --- bare digests ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("usage", ["authenticity", "signature"])
def test_aut_3_every_card_signs_a_digest(card: Card, pin: Asked, usage: str) -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    key = x509.load_der_x509_certificate(card.certificates()[usage]).public_key()
    bits = key.curve.key_size if isinstance(key, ec.EllipticCurvePublicKey) else 256
    algorithm: Any = {256: hashes.SHA256(), 384: hashes.SHA384()}[bits]
    digest = hashes.Hash(algorithm)
    digest.update(TEXT)
    signature = sign_digest(card, usage, digest.finalize(), f"sha{bits}", pin)
    if isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, TEXT, ec.ECDSA(algorithm))
        with pytest.raises(UsageError):
            sign_digest(card, usage, bytes(64), "sha512", pin)
    else:
        key.verify(signature, TEXT, padding.PKCS1v15(), algorithm)
