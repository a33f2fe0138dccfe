"""One set of operations over all kinds of card: PIV, PKCS#15 and PKCS#11 do the same by the same names, and fail alike."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

import softhsm
from card_scripts import powered
from softhsm import certificate, private_key
from zorgid_card.adapters.pkcs11 import PKCS11Module
from zorgid_card.cards import Card, PINRequest, PIVCard, TokenCard, TryState, UZIPass, ZorgIDCard, open_card
from zorgid_card.cards.token import open_token_card
from zorgid_card.errors import (
    CryptogramError,
    PINFormError,
    PINNeededError,
    UsageError,
    WrongPINError,
)
from zorgid_card.pki.signing import verify_signature
from zorgid_card.secret import Secret
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_layout import EVERY_LAYOUT
from zorgid_card.testkit.uzi_profile import DE_LINDE, JAN_DE_VRIES, Usage

USAGES = ("authenticity", "signature", "confidentiality")
PIN, SIGNATURE_PIN, WRONG_PIN = b"123456", b"654321", b"111111"
NOW = datetime.now(UTC)


@dataclass
class Desk:
    """A card, and the person before it who knows its PINs."""

    card: Card
    pins: dict[str, bytes] = field(default_factory=lambda: dict.fromkeys(USAGES, PIN))
    asked: list[PINRequest] = field(default_factory=list)

    def pin(self, usage: str) -> Callable[[PINRequest], Secret]:
        def provide(request: PINRequest) -> Secret:
            self.asked.append(request)
            return Secret.of(self.pins[usage])

        return provide

    def key(self, usage: str) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey:
        key = x509.load_der_x509_certificate(self.card.certificates()[usage]).public_key()
        assert isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
        return key


def spki(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


# --- the cards --------------------------------------------------------------------------------------------------------


def piv(algorithm: str) -> Desk:
    card = ZorgIDCard(powered(Maker.create().blank())[1])
    uses = {0x9A: "digital_signature", 0x9C: "content_commitment", 0x9D: "key_agreement"}
    if algorithm == "RSA2048":
        uses[0x9D] = "key_encipherment"
    with card.session():
        card.authenticate_administration(card.factory_secrets()[2])
        for slot, use in uses.items():
            public_key = load_der_public_key(card.generate(slot, algorithm))
            assert isinstance(public_key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
            card.write_certificate(slot, issued(public_key, use))
    return Desk(card)


def issued(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey, use: str) -> bytes:
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    bits = {name: name == use for name in (*names, "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")}
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Jan de Vries")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key).serial_number(7)
    builder = builder.not_valid_before(NOW).not_valid_after(NOW + timedelta(days=90))
    builder = builder.add_extension(x509.KeyUsage(**bits), True)
    return builder.sign(KeyPool.shared().key("every card"), hashes.SHA256()).public_bytes(Encoding.DER)


def contents(curve: ec.EllipticCurve | None) -> PassContents:
    pki = UZITestPKI("production", pool=KeyPool.shared(), now=NOW)
    return pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015", curve=curve)


def pass_(layout: str) -> Desk:
    chosen = EVERY_LAYOUT[layout]
    made = contents(ec.SECP256R1() if chosen.curve else None)
    card = open_card(powered(VirtualUZIPass(made, layout=chosen))[1])
    pins = dict.fromkeys(USAGES, PIN)
    if chosen.signature_pin is not None:
        pins["signature"] = SIGNATURE_PIN
    return Desk(card, pins)


def token(directory: Path, curve: ec.EllipticCurve | None, held: ExitStack) -> Desk:
    module = softhsm.module()
    if module is None:
        pytest.skip("SoftHSM is not installed (Debian package softhsm2)")
    made = contents(curve)
    softhsm.initialise("UZI-pas")
    with PKCS11Module(module) as opened:
        (slot,) = (info.slot for info in opened.tokens() if info.label == "UZI-pas")
    objects = [certificate(bytes([0x45 + at]), der) for at, der in enumerate(made.certificates.values())]
    objects += [certificate(bytes([0xF0 + at]), der) for at, der in enumerate(made.chain)]
    objects += [
        private_key(bytes([0x45 + at]), key, always=usage is Usage.SIGNATURE)
        for at, (usage, key) in enumerate(made.keys.items())
    ]
    softhsm.fill(module, slot, objects)
    opened = held.enter_context(PKCS11Module(module))
    return Desk(open_token_card(held.enter_context(closing(opened.open(slot)))), dict.fromkeys(USAGES, softhsm.PIN))


RSA = ("PIV RSA", "PKCS#15 D", "PKCS#11 RSA")
EC = ("PIV P-256", "PKCS#15 C", "PKCS#11 P-256")
PLAIN = ("PKCS#15 A", "PKCS#15 B")


@pytest.fixture
def desk(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("SOFTHSM2_CONF", str(softhsm.configuration(tmp_path)))
    kind, name = request.param.split()
    with ExitStack() as held:
        if kind == "PIV":
            yield piv("RSA2048" if name == "RSA" else "ECCP256")
        elif kind == "PKCS#15":
            yield pass_(name)
        else:
            yield token(tmp_path, None if name == "RSA" else ec.SECP256R1(), held)


every = pytest.mark.parametrize("desk", [*RSA, *EC, *PLAIN], indirect=True)
of_rsa = pytest.mark.parametrize("desk", [*RSA, *PLAIN], indirect=True)
on_a_curve = pytest.mark.parametrize("desk", EC, indirect=True)
with_pss = pytest.mark.parametrize("desk", RSA, indirect=True)


# --- the names --------------------------------------------------------------------------------------------------------
# That each kind satisfies the types of Card is for mypy: zorgid_card.opening gives them as such.


@pytest.mark.parametrize("kind", [PIVCard, ZorgIDCard, UZIPass, TokenCard])
def test_all_kinds_have_the_same_names_with_the_same_parameters(kind: type) -> None:
    for name, promised in vars(Card).items():
        if name.startswith("_"):
            continue
        found = inspect.getattr_static(kind, name)
        if isinstance(promised, property):
            assert isinstance(found, property), name
            continue
        wanted, given = (inspect.signature(one).parameters for one in (promised, getattr(kind, name)))
        assert list(wanted)[: len(wanted)] == [one for one in given if one in wanted], name
        extra = [given[one] for one in given if one not in wanted]
        assert all(one.default is not inspect.Parameter.empty for one in extra), name


# --- certificates and PINs --------------------------------------------------------------------------------------------


@every
def test_certificates_are_found_by_their_use(desk: Desk) -> None:
    assert set(desk.card.certificates()) == set(USAGES)
    assert desk.card.authentication_certificate() == desk.card.certificates()["authenticity"]
    assert not set(desk.card.chain()) & set(desk.card.certificates().values())


@every
def test_the_pins_guard_all_keys_and_tell_their_tries(desk: Desk) -> None:
    pins = desk.card.pins()
    assert frozenset().union(*(pin.usages for pin in pins)) == set(USAGES)
    assert pins[0].tries == desk.card.tries()
    for pin in pins:
        assert pin.tries.state is TryState.KNOWN
        assert pin.minimum <= 6 <= pin.maximum


@every
def test_a_wrong_pin_is_told_alike(desk: Desk) -> None:
    with pytest.raises(WrongPINError):
        desk.card.verify_pin(Secret.of(WRONG_PIN))
    with pytest.raises(PINFormError):
        desk.card.sign("authenticity", b"x", pin=lambda _: Secret.of(b"12345"))
    desk.card.verify_pin(Secret.of(desk.pins["authenticity"]))


# --- keys -------------------------------------------------------------------------------------------------------------


@every
@pytest.mark.parametrize("usage", ["authenticity", "signature"])
def test_aut_3_a_signer_signs_by_the_usual_algorithm(desk: Desk, usage: str) -> None:
    signer = desk.card.signer(usage, desk.pin(usage))
    assert signer.public_key == spki(desk.key(usage))
    assert signer.algorithm == ("RS256" if isinstance(desk.key(usage), rsa.RSAPublicKey) else "ES256")
    verify_signature(signer.public_key, signer.algorithm, b"text", signer.sign(b"text"))


@with_pss
@pytest.mark.parametrize("usage", ["authenticity", "signature"])
@pytest.mark.parametrize("algorithm", ["PS256", "PS384", "RS512"])
def test_aut_3_pss_and_other_hashes(desk: Desk, usage: str, algorithm: str) -> None:
    signer = desk.card.signer(usage, desk.pin(usage), algorithm=algorithm)
    verify_signature(signer.public_key, algorithm, b"text", signer.sign(b"text"))


@of_rsa
def test_aut_3_what_was_encrypted_is_deciphered_and_what_is_damaged_told(desk: Desk) -> None:
    key = desk.key("confidentiality")
    assert isinstance(key, rsa.RSAPublicKey)
    cryptogram, pin = key.encrypt(b"a session key", padding.PKCS1v15()), desk.pin("confidentiality")
    assert desk.card.decipher(cryptogram, pin) == b"a session key"
    for damaged in (cryptogram[:-1], bytes(256), b"\xff" * 256, b""):
        with pytest.raises(CryptogramError):
            desk.card.decipher(damaged, pin)
    with pytest.raises(UsageError):
        desk.card.key_agreement(spki(ec.generate_private_key(ec.SECP256R1()).public_key()), pin)


@on_a_curve
def test_aut_3_both_sides_agree_on_a_secret(desk: Desk) -> None:
    other, key, pin = ec.generate_private_key(ec.SECP256R1()), desk.key("confidentiality"), desk.pin("confidentiality")
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert desk.card.key_agreement(spki(other.public_key()), pin) == other.exchange(ec.ECDH(), key)
    for bad in (b"", spki(ec.generate_private_key(ec.SECP384R1()).public_key())):
        with pytest.raises(UsageError):
            desk.card.key_agreement(bad, pin)
    with pytest.raises(UsageError):
        desk.card.decipher(bytes(256), pin)


@every
def test_what_is_not_there_or_does_not_suit_is_told_before_a_pin_is_asked(desk: Desk) -> None:
    other = "ES256" if isinstance(desk.key("authenticity"), rsa.RSAPublicKey) else "RS256"
    for algorithm in (other, "HS256", "none"):
        with pytest.raises(UsageError) as told:
            desk.card.sign("authenticity", b"", algorithm, desk.pin("authenticity"))
        assert told.value.reason == "algorithm"
    with pytest.raises(UsageError) as told:
        desk.card.signer("entertainment", desk.pin("authenticity"))
    assert (told.value.reason, told.value.usage) == ("usage", "entertainment")
    assert desk.asked == []


@every
def test_without_anybody_to_ask_the_pin_is_said_to_be_needed(desk: Desk) -> None:
    for usage in ("authenticity", "signature"):
        with pytest.raises(PINNeededError):
            desk.card.sign(usage, b"x")


@every
def test_the_signature_key_asks_each_time_and_the_other_once(desk: Desk) -> None:
    for number in (1, 2):
        desk.card.sign("signature", b"x", pin=desk.pin("signature"))
        assert len(desk.asked) == number
    desk.card.log_out()
    desk.asked.clear()
    for _ in range(3):
        desk.card.sign("authenticity", b"x", pin=desk.pin("authenticity"))
    assert len(desk.asked) == 1
