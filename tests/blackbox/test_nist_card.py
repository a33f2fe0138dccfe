"""A card of the NIST dialect, made over a channel through a real pcscd; other people's programs use it, and administer nothing."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

import openssl
from made_card import opensc_module, run
from zorgid_card import find_reader, open_card
from zorgid_card.cards import NIST_PIV, CardKind, ZorgIDCard, open_channel
from zorgid_card.secret import Secret
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.nist import VirtualNISTCard
from zorgid_card.testkit.uzi_profile import FATIMA_EL_AMRANI
from zorgid_card.testkit.zorgid import ZorgIDTestIssuer
from zorgid_card.workflows import channel
from zorgid_card.workflows.channel import CardChannel, initialize_update

pytestmark = pytest.mark.blackbox

PIN, PUK = "314159", "27182818"
ALGORITHMS = ["RSA2048", "ECCP256", "ECCP384"]


@dataclass(frozen=True)
class Made:
    card: VirtualNISTCard
    reader: str
    algorithm: str
    key: bytes
    public: Path
    certificate: bytes
    directory: Path


def made(issuer: ZorgIDTestIssuer, card: VirtualNISTCard, reader: str, algorithm: str, directory: Path) -> Made:
    """The portal's end is here, the card's behind pcscd; nothing but opaque commands goes between."""
    public, key = directory / "public.pem", secrets.token_bytes(24)
    connected = find_reader(reader).connect(exclusive=True)
    blank = open_channel(connected)
    assert isinstance(blank, ZorgIDCard)
    blank.require_blank()
    factory, keys = blank.profile.factory, card.channel_keys
    assert factory is not None
    assert factory.channel is not None
    assert keys is not None
    assert blank.serial == str(card.serial)
    certificate, guid = b"", secrets.token_bytes(16)
    for write in (False, True):
        challenge = secrets.token_bytes(8)
        (answer,) = blank.relay([initialize_update(challenge)])
        portal = CardChannel.open((Secret.of(keys.enc), Secret.of(keys.mac)), challenge, answer, factory.channel)
        commands = (
            *channel.write({0x9A: certificate}, guid, date(2029, 3, 1)),
            *channel.set_administration_key(factory, "AES192", Secret.of(key)),
        )
        batch = commands if write else channel.generate(0x9A, algorithm)
        answers = portal.unwrap(blank.relay(portal.wrap(batch)))
        if not write:
            spki = channel.generated(answers[0], algorithm)
            key_on_card = load_der_public_key(spki)
            public.write_bytes(key_on_card.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
            certificate = issuer.certificate(FATIMA_EL_AMRANI, spki, guid)
    blank.change_pin(Secret.of(b"123456"), Secret.of(PIN.encode()))
    blank.change_puk(Secret.of(b"12345678"), Secret.of(PUK.encode()), last_try_allowed=True)
    connected.close(reset=True)
    return Made(card, reader, algorithm, key, public, certificate, directory)


@pytest.fixture(params=ALGORITHMS)
def card(
    request: pytest.FixtureRequest,
    insert: Callable[[VirtualCard], str],
    zorgid_issuer: ZorgIDTestIssuer,
    tmp_path: Path,
) -> Made:
    simulated = zorgid_issuer.maker.nist_blank()
    return made(zorgid_issuer, simulated, insert(simulated), request.param, tmp_path)


p256 = pytest.mark.parametrize("card", ["ECCP256"], indirect=True)


def test_crd_7_opensc_takes_it_for_a_piv_card_and_reads_the_certificate(card: Made) -> None:
    assert "Personal Identity Verification Card" in run("opensc-tool", "--reader", card.reader, "--name")
    assert "Personal Identity Verification Card" in run("piv-tool", "--reader", card.reader, "--serial", "--name")
    dump = run("pkcs15-tool", "--reader", card.reader, "--dump")
    assert "Certificate for PIV Authentication" in dump
    read, again = card.directory / "read.pem", card.directory / "again.der"
    run("pkcs15-tool", "--reader", card.reader, "--read-certificate", "01", "--output", read)
    run("openssl", "x509", "-in", read, "-outform", "DER", "-out", again)
    assert again.read_bytes() == card.certificate


def test_aut_3_openssl_verifies_what_pkcs11_tool_signs(card: Made) -> None:
    text, signature = card.directory / "text", card.directory / "signature"
    text.write_bytes(b"what the care worker signs\n" * 100)
    given, mechanism = text, ("--mechanism", "SHA256-RSA-PKCS")
    if not card.algorithm.startswith("RSA"):
        given = openssl.digest_of(text, card.algorithm)
        mechanism = ("--mechanism", "ECDSA", "--signature-format", "openssl")  # type: ignore[assignment]
    log_in = ("pkcs11-tool", "--module", opensc_module(), "--login", "--pin", PIN)
    run(*log_in, "--sign", "--id", "01", *mechanism, "--input-file", given, "--output-file", signature)
    openssl.check_signature(card.public, signature, text, card.algorithm)


@pytest.mark.parametrize("card", ["RSA2048"], indirect=True)
def test_pkcs11_tool_finds_no_error(card: Made) -> None:
    result = run("pkcs11-tool", "--module", opensc_module(), "--login", "--pin", PIN, "--test")
    assert "No errors" in result
    assert "skipping" not in result.lower()


@p256
def test_pin_2_and_3_by_opensc_and_our_own_client(card: Made) -> None:
    tool = ("pkcs11-tool", "--module", opensc_module())
    assert "CKR_PIN_INCORRECT" in run(*tool, "--login", "--pin", "000000", "--list-objects", fails=True)
    run(*tool, "--login", "--pin", PIN, "--change-pin", "--new-pin", "161803")
    with open_card(find_reader(card.reader)) as ours:
        assert isinstance(ours, ZorgIDCard)
        assert (ours.kind, ours.profile, ours.tries().left) == (CardKind.ZORGID, NIST_PIV, 3)
        assert (ours.serial, ours.authentication_certificate()) == (str(card.card.serial), card.certificate)
        assert ours.sign(0x9A, b"text", "ES256", lambda _: Secret.of(b"161803"))
    run("pkcs15-tool", "--reader", card.reader, "--unblock-pin", "--puk", PUK, "--new-pin", "271828")
    assert "PIV AUTH key" in run(*tool, "--login", "--pin", "271828", "--list-objects")


@p256
def test_key_9b_is_the_cards_own_and_administers_nothing_outside_the_channel(
    card: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, chuid = card.directory / "administration.key", card.directory / "chuid"
    monkeypatch.setenv("PIV_EXT_AUTH_KEY", str(key))
    chuid.write_bytes(b"\x53\x05hello")
    admin = ("piv-tool", "--reader", card.reader, "--admin", "M:9B:0A")
    before = run("opensc-tool", "--reader", card.reader, "--send-apdu", "00CB3FFF055C035FC10200")
    key.write_text(":".join(["01:02:03:04:05:06:07:08"] * 3))
    assert "admin_mode failed" in run(*admin, "--object", "3000", "--in", chuid, fails=True)
    key.write_text(":".join(f"{octet:02x}" for octet in card.key))
    assert "admin_mode failed" not in run("sh", "-c", '"$@"; true', "sh", *admin, "--object", "3000", "--in", chuid)
    generated = run("sh", "-c", '"$@"; true', "sh", *admin, "--genkey", "9A:11")
    assert "admin_mode failed" not in generated
    assert "gen_key failed -1211" in generated  # SC_ERROR_SECURITY_STATUS_NOT_SATISFIED
    assert run("opensc-tool", "--reader", card.reader, "--send-apdu", "00CB3FFF055C035FC10200") == before


@p256
def test_yubicos_tool_reads_the_card_and_finds_none_of_its_instructions(card: Made) -> None:
    tool = ("yubico-piv-tool", "-r", card.reader)
    status = run(*tool, "-a", "status")
    assert re.search(r"Version:\s+No data available", status)
    assert re.search(r"Slot 9a:\s+Algorithm:\s+ECCP256", status)
    assert "PIN tries left:\t3" in status
    read = card.directory / "read.pem"
    run(*tool, "-a", "read-certificate", "-s", "9a", "-o", read)
    signed = run(*tool, "-a", "verify-pin", "-P", PIN, "-a", "test-signature", "-s", "9a", "-i", read)
    assert "Successful ECDSA verification" in signed
    run(*tool, "-a", "change-pin", "-P", PIN, "-N", "161803")
    run(*tool, "-a", "unblock-pin", "-P", PUK, "-N", PIN)
    for refused in (("-a", "attest", "-s", "9a"), ("-a", "generate", "-s", "9a", "-A", "ECCP256"), ("-a", "reset")):
        run(*tool, *refused, fails=True)
    sent = [f"00{instruction}000000" for instruction in ("F7", "F8", "F9", "FA", "FB", "FD", "FE", "FF")]
    told = run("opensc-tool", "--reader", card.reader, *[part for raw in sent for part in ("--send-apdu", raw)])
    assert len(re.findall(r"SW1=0x6D, SW2=0x00", told)) == len(sent)
