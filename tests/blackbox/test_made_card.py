"""Other people's programs with a ZORG-ID Smartcard that the library made over a real pcscd; OpenSSL checks their results."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from made_card import FIRST, MadeCard, made_card, need, opensc_module, run, tries_left
from world import CARD_PIN
from zorgid_card.testkit.piv import ATR

pytestmark = pytest.mark.blackbox

PIN = CARD_PIN.decode()
DIGESTS = {"RSA2048": "sha256", "RSA3072": "sha256", "ECCP256": "sha256", "ECCP384": "sha384"}


@pytest.fixture(scope="module", params=list(DIGESTS))
def card(request: pytest.FixtureRequest, pcscd: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MadeCard]:
    with made_card(request.param, tmp_path_factory.mktemp(request.param)) as card:
        yield card


@pytest.fixture
def public(card: MadeCard) -> Path:
    """The public key of the certificate that was issued."""
    path = card.directory / "public.pem"
    path.write_text(run("openssl", "x509", "-inform", "DER", "-in", card.certificate, "-noout", "-pubkey"))
    return path


def octets_shown(dump: str) -> bytes:
    """The octets of OpenSC's hexadecimal dumps, one after the other."""
    return bytes.fromhex("".join(re.findall(r"^((?:[0-9A-F]{2} ){1,16})", dump, re.MULTILINE)))


def test_opensc_tool_finds_the_card(card: MadeCard) -> None:
    assert re.search(rf"^0\s+Yes\s+{FIRST}$", run("opensc-tool", "--list-readers"), re.MULTILINE)
    assert run("opensc-tool", "--reader", FIRST, "--atr").splitlines()[0] == ATR.hex(":")
    assert "Personal Identity Verification Card" in run("opensc-tool", "--reader", FIRST, "--name")
    sent = run("opensc-tool", "--reader", FIRST, "-s", "00A4040005A000000308", "-s", "00CB3FFF055C035FC10500")
    assert sent.count("(SW1=0x90, SW2=0x00)") == 2
    assert card.made.certificate in octets_shown(sent)


def test_piv_tool_tells_the_guid_of_the_chuid(card: MadeCard) -> None:
    told = run("piv-tool", "--reader", FIRST, "--serial", "--name")
    assert "Personal Identity Verification Card" in told
    guid = octets_shown(told)
    chuid = octets_shown(run("opensc-tool", "--reader", FIRST, "-s", "00CB3FFF055C035FC10200"))
    assert len(guid) == 16
    assert b"\x34\x10" + guid in chuid  # SP 800-73-5 part 1, table 9


def test_crd_7_pkcs15_tool_reads_the_certificate_that_was_issued(card: MadeCard) -> None:
    dump = run("pkcs15-tool", "--reader", FIRST, "--dump")
    assert "Certificate for PIV Authentication" in dump
    serial = run("openssl", "x509", "-inform", "DER", "-in", card.certificate, "-noout", "-serial")
    assert serial.strip().partition("=")[2] in dump
    read, again = card.directory / "read.pem", card.directory / "again.der"
    run("pkcs15-tool", "--reader", FIRST, "--read-certificate", "01", "--output", read)
    run("openssl", "x509", "-in", read, "-outform", "DER", "-out", again)
    assert again.read_bytes() == card.made.certificate


def test_crd_7_openssl_traces_the_certificate_on_the_card_to_the_portal(card: MadeCard) -> None:
    read = card.directory / "leaf.pem"
    run("pkcs15-tool", "--reader", FIRST, "--read-certificate", "01", "--output", read)
    verify = ("openssl", "verify", "-no-CAfile", "-no-CApath", "-no-CAstore")
    assert "OK" in run(*verify, "-trusted", card.authority, read)
    run(*verify, read, fails=True)


def test_aut_3_openssl_verifies_what_pkcs11_tool_signs(card: MadeCard, public: Path) -> None:
    text, given, signature = (card.directory / name for name in ("text", "given", "signature"))
    text.write_bytes(b"what the care worker signs\n" * 100)
    digest = DIGESTS[card.algorithm]
    if card.algorithm.startswith("RSA"):
        given.write_bytes(text.read_bytes())
        mechanism = ("--mechanism", "SHA256-RSA-PKCS")
    else:
        run("openssl", "dgst", f"-{digest}", "-binary", "-out", given, text)
        mechanism = ("--mechanism", "ECDSA", "--signature-format", "openssl")
    files = ("--input-file", given, "--output-file", signature)
    run("pkcs11-tool", "--module", opensc_module(), "--login", "--pin", PIN, "--sign", "--id", "01", *mechanism, *files)
    check = ("openssl", "dgst", f"-{digest}", "-verify", public, "-signature", signature, text)
    assert "Verified OK" in run(*check)
    text.write_bytes(b"something else")
    run(*check, fails=True)


def test_aut_3_gnutls_lists_the_card_and_verifies_what_it_signs(card: MadeCard) -> None:
    need("p11tool")
    module = ("p11tool", "--provider", opensc_module())
    assert run(*module, "--list-tokens").count("Type: Hardware token") == 1
    listed = run(*module, "--login", "--set-pin", PIN, "--list-all", "pkcs11:")
    assert "Label: PIV AUTH key" in listed
    told = run(*module, "--login", "--set-pin", PIN, "--test-sign", "pkcs11:id=%01;type=private")
    assert re.search(r"^Signing using (RSA|ECDSA)-SHA\d+\.\.\. ok$", told, re.MULTILINE)
    assert "Verifying against public key in the token... ok" in told


# yubico-piv-tool 2.2 knows RSA up to 2048 bits
@pytest.mark.parametrize("card", ["RSA2048", "ECCP256", "ECCP384"], indirect=True)
def test_aut_3_yubicos_tool_reads_the_card_and_verifies_what_it_signs(card: MadeCard) -> None:
    tool = ("yubico-piv-tool", "-r", FIRST)
    status = run(*tool, "-a", "status")
    assert str(card.made.serial) in status
    assert re.search(rf"Slot 9a:\s+Algorithm:\s+{card.algorithm}\s", status)
    read, again = card.directory / "yubico.pem", card.directory / "yubico.der"
    run(*tool, "-a", "read-certificate", "-s", "9a", "-o", read)
    run("openssl", "x509", "-in", read, "-outform", "DER", "-out", again)
    assert again.read_bytes() == card.made.certificate
    signed = run(*tool, "-a", "verify-pin", "-P", PIN, "-a", "test-signature", "-s", "9a", "-i", read)
    assert re.search(r"Successful (RSA|ECDSA) verification", signed)


def test_pin_2_a_wrong_pin_costs_one_try_whoever_sends_it(card: MadeCard) -> None:
    log_in = ("pkcs11-tool", "--module", opensc_module(), "--login", "--list-objects", "--type", "privkey")
    assert "CKR_PIN_INCORRECT" in run(*log_in, "--pin", "000000", fails=True)
    assert tries_left()[0] == 2
    run("yubico-piv-tool", "-r", FIRST, "-a", "verify-pin", "-P", "000000", fails=True)
    assert tries_left()[0] == 1
    assert "PIV AUTH key" in run(*log_in, "--pin", PIN)
    assert tries_left()[0] == 3
