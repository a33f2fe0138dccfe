"""The library with cards that other people wrote, over a real pcscd: jcecard (PIV) and libcacard (CAC).

What they do against the standard, and what the library makes of it, is told in docs/other-cards.md.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key

from foreign_cards import CACard, ForeignCard, JCECard
from made_card import FIRST, opensc_module, pem, run, wait_for_card
from zorgid_card import find_reader, open_card
from zorgid_card.cards import CardKind, PIVCard, ZorgIDCard, detect
from zorgid_card.codec.link import Link
from zorgid_card.errors import (
    CardNotSupportedError,
    NotBlankError,
    StatusWordError,
    UsageError,
    WrongPINError,
)
from zorgid_card.secret import Secret

pytestmark = [
    pytest.mark.blackbox,
    pytest.mark.filterwarnings("ignore:TripleDES has been moved"),  # jcecard's
]

Insert = Callable[[ForeignCard], str]
PIN, PUK = "123456", "12345678"
READING = {0xA4, 0xB0, 0xB2, 0xC0, 0xCA, 0xCB, 0xF7, 0xFD}
"""SELECT, READ BINARY, READ RECORD, GET RESPONSE, GET DATA, and the Yubico dialect's metadata and version."""


@pytest.fixture
def jcecard(insert: Insert, tmp_path: Path) -> JCECard:
    card = JCECard(tmp_path / "jcecard")
    insert(card)
    wait_for_card()
    return card


@pytest.fixture
def libcacard(tmp_path: Path) -> Iterator[CACard]:
    with CACard(tmp_path, PIN) as card:
        yield card


@pytest.fixture
def cac(libcacard: CACard, insert: Insert) -> CACard:
    insert(libcacard)
    wait_for_card()
    return libcacard


@contextmanager
def linked() -> Iterator[Link]:
    """The card in the first reader; jcecard says in its ATR that it takes extended lengths, and needs them."""
    channel = find_reader(FIRST).connect()
    try:
        yield Link(channel, extended=True)
    finally:
        channel.close(reset=True)


def inspected() -> dict[str, Any]:
    """What the command line tells of the card."""
    told: dict[str, Any] = json.loads(run(sys.executable, "-m", "zorgid_card.cli", "inspect", "--json", FIRST))
    return {**told["card"], "kind": told["kind"]}


def pin(_: object = None) -> Secret:
    return Secret.of(PIN.encode())


def personalised(algorithm: str) -> bytes:
    """A key on jcecard, made by our client, with a certificate for it on the card: DER."""
    with linked() as link:
        found = detect(link)
        assert found.profile is not None
        card = ZorgIDCard(link, found.profile, kind=found.kind)
        key = Secret.of(bytes.fromhex("010203040506070801020304050607080102030405060708"))
        with card.session():
            card.authenticate_administration(key, "3DES")
            certificate = certified(card.generate(0x9A, algorithm))
            card.write_certificate(0x9A, certificate)
            card.write_chuid(bytes(range(16)), date(2030, 1, 1))
            card.write_ccc()
    return certificate


def certified(public_key: bytes) -> bytes:
    """A certificate long enough to need more than one short answer."""
    issuer = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "somebody else")])
    padding = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.25.1"), bytes(600))
    now = datetime.now(UTC)
    built = x509.CertificateBuilder(subject, subject, load_der_public_key(public_key), 5, now, now + timedelta(days=1))
    return built.add_extension(padding, critical=False).sign(issuer, hashes.SHA256()).public_bytes(Encoding.DER)


# --- jcecard: a PIV card ----------------------------------------------------------------------------------


def test_crd_5_jcecard_is_somebodys_piv_card_and_left_untouched(jcecard: JCECard) -> None:
    told = inspected()
    assert (told["kind"], told["pin_tries"]["left"]) == ("piv", 3)
    with linked() as link:
        assert detect(link).kind is CardKind.PIV_OTHER
        with pytest.raises(NotBlankError) as caught:
            ZorgIDCard(link).require_blank()
        assert caught.value.found == "piv"
    assert jcecard.instructions <= READING | {0x20}
    assert {len(raw) for raw in jcecard.commands if raw[1] == 0x20} == {4}  # VERIFY asked for the tries, tried nothing
    with open_card(find_reader(FIRST)) as card:
        assert type(card) is PIVCard
        assert card.tries().left == 3
        with pytest.raises(UsageError, match="no certificate"):
            card.authentication_certificate()


def test_pin_1_to_4_on_jcecard(jcecard: JCECard) -> None:
    wrong, new = Secret.of(b"000000"), Secret.of(b"654321")
    with open_card(find_reader(FIRST)) as card:
        card.verify_pin(pin())
        with pytest.raises(WrongPINError) as caught:
            card.verify_pin(wrong)
        assert caught.value.tries_left == card.tries().left == 2
        card.change_pin(pin(), new)
        card.verify_pin(new)
        assert card.tries().left == 3
        card.unblock_pin(Secret.of(PUK.encode()), pin(), last_try_allowed=True)  # it tells no tries of the PUK
        card.verify_pin(pin())


def test_aut_3_jcecard_signs_with_a_key_that_we_made(jcecard: JCECard, tmp_path: Path) -> None:
    certificate = personalised("ECCP256")
    text, signature, public = (tmp_path / name for name in ("text", "signature", "public.pem"))
    text.write_bytes(b"what is signed")
    with linked() as link:
        card = PIVCard(link, detect(link).profile)
        assert card.authentication_certificate() == certificate
        signature.write_bytes(card.authentication_signer(pin).sign(text.read_bytes()))
        assert card.tries().left == 3
    public.write_text(run("openssl", "x509", "-in", written(tmp_path, certificate), "-noout", "-pubkey"))
    check = ("openssl", "dgst", "-sha256", "-verify", public, "-signature", signature, text)
    assert "Verified OK" in run(*check)
    text.write_bytes(b"what was not signed")
    run(*check, fails=True)


def test_yubicos_tool_signs_with_the_key_that_we_made_on_jcecard(jcecard: JCECard, tmp_path: Path) -> None:
    certificate = written(tmp_path, personalised("ECCP256"))
    login = ("yubico-piv-tool", "-r", FIRST, "-a", "verify-pin", "-P", PIN)
    assert "Successful ECDSA verification" in run(*login, "-a", "test-signature", "-s", "9a", "-i", certificate)


@pytest.mark.parametrize(("algorithm", "sw"), [("RSA2048", 0x6A80), ("ECCP384", 0x6F00)])
def test_what_jcecard_cannot_sign_ends_in_its_own_status_word(jcecard: JCECard, algorithm: str, sw: int) -> None:
    personalised(algorithm)
    with linked() as link:
        card = PIVCard(link, detect(link).profile)
        with pytest.raises(StatusWordError) as caught:
            card.authentication_signer(pin).sign(b"text")
        assert caught.value.sw == sw
        assert card.tries().left == 3


def test_more_than_was_asked_for_is_refused_in_so_many_words(jcecard: JCECard) -> None:
    personalised("ECCP256")
    channel = find_reader(FIRST).connect()
    found = detect(Link(channel, extended=False))
    channel.close()
    assert (found.kind, found.profile) == (CardKind.UNKNOWN, None)
    assert "longer than asked for" in found.why


# --- libcacard: no PIV card -------------------------------------------------------------------------------


def test_crd_5_a_common_access_card_is_named_refused_and_left_untouched(cac: CACard) -> None:
    told = inspected()
    assert told["kind"] == "unknown"
    assert "Common Access Card" in told["why"]
    with pytest.raises(CardNotSupportedError, match="Common Access Card"), open_card(find_reader(FIRST)):
        pass
    with linked() as link, pytest.raises(NotBlankError) as caught:
        ZorgIDCard(link).require_blank()
    assert caught.value.found == "unknown"
    assert cac.instructions <= READING


def test_opensc_still_uses_a_common_access_card_after_us(cac: CACard) -> None:
    login = ("pkcs11-tool", "--module", opensc_module(), "--login", "--pin", PIN)
    assert "Common Access Card" in inspected()["why"]
    assert "DOE.JOHN" in run(*login, "--list-objects")


def written(place: Path, certificate: bytes) -> Path:
    path = place / "certificate.pem"
    path.write_bytes(pem(certificate))
    return path
