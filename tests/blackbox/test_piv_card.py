"""Other people's programs with the simulated PIV card over a real pcscd: OpenSC, Yubico's tool, OpenSSL.

yubico-piv-tool of Debian 12 (2.2.0) knows the administration key with 3DES only, hence that factory profile here.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import openssl
from made_card import opensc_module, run
from zorgid_card import find_reader, open_card
from zorgid_card.cards.piv import PIVCard
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.piv import VirtualPIVCard

pytestmark = pytest.mark.blackbox

Insert = Callable[[VirtualCard], str]
ID_OF_SLOT = {"9a": "01", "9c": "02", "9d": "03", "9e": "04"}  # OpenSC's PKCS#11 object ids


@pytest.fixture(scope="module")
def maker() -> Maker:
    return Maker.create(attestation="RSA-2048")


@pytest.fixture
def card(maker: Maker) -> VirtualPIVCard:
    return maker.blank(administration="3DES")


@pytest.fixture
def reader(card: VirtualPIVCard, insert: Insert) -> str:
    return insert(card)


@pytest.fixture
def yubico(reader: str) -> Callable[..., str]:
    """Runs yubico-piv-tool on the card."""

    def tool(*arguments: str | Path, fails: bool = False) -> str:
        return run("yubico-piv-tool", "-r", reader, *arguments, fails=fails)

    return tool


def certify(yubico: Callable[..., str], slot: str, algorithm: str, place: Path) -> Path:
    """A key generated on the card and a certificate for it from a CA of OpenSSL's, written to the card; its public key."""
    public = place / f"{slot}.pem"
    yubico("-a", "generate", "-s", slot, "-A", algorithm, "-o", public)
    yubico("-a", "import-certificate", "-s", slot, "-i", openssl.certificate_for(public, f"card {slot}"))
    yubico("-a", "set-chuid", "-a", "set-ccc")
    return public


def test_opensc_takes_it_for_a_piv_card(reader: str, card: VirtualPIVCard) -> None:
    assert reader in run("opensc-tool", "--list-readers")
    assert run("opensc-tool", "--reader", reader, "--atr").startswith(card.atr.hex(":"))
    assert "Personal Identity Verification Card" in run("opensc-tool", "--reader", reader, "--name")
    assert "SW1=0x6A, SW2=0x82" in run("opensc-tool", "--reader", reader, "--send-apdu", "00A40000023F00")
    assert "Personal Identity Verification Card" in run("piv-tool", "--reader", reader, "--name")
    dump = run("pkcs15-tool", "--reader", reader, "--dump")
    assert "PIV_II" in dump
    assert "Discovery Object" in dump
    assert "login required" in run("pkcs11-tool", "--list-slots")
    run("pkcs11-tool", "--list-objects")


def test_opensc_authenticates_the_administration_key(
    reader: str, card: VirtualPIVCard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, chuid = tmp_path / "administration.key", tmp_path / "chuid"
    monkeypatch.setenv("PIV_EXT_AUTH_KEY", str(key))
    chuid.write_bytes(b"\x53\x05hello")
    write = ("piv-tool", "--reader", reader, "--admin", "M:9B:03", "--object", "3000", "--in", chuid)
    key.write_text(":".join(["11:02:03:04:05:06:07:08"] * 3))
    assert "admin_mode failed" in run(*write, fails=True)
    key.write_text(":".join(["01:02:03:04:05:06:07:08"] * 3))
    assert "failed" not in run(*write, fails=True)  # its exit status is the number of bytes written
    read = run("opensc-tool", "--reader", reader, "--send-apdu", "00CB3FFF055C035FC10200")
    assert "53 05 68 65 6C 6C 6F" in read


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gzip"])
def test_piv_tool_writes_a_certificate_and_everybody_reads_it(
    reader: str, yubico: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compressed: bool
) -> None:
    key, public, der = (tmp_path / name for name in ("administration.key", "public.pem", "certificate.der"))
    key.write_text(":".join(["01:02:03:04:05:06:07:08"] * 3))
    monkeypatch.setenv("PIV_EXT_AUTH_KEY", str(key))
    yubico("-a", "generate", "-s", "9a", "-A", "ECCP256", "-o", public)
    source = openssl.certificate_for(public)
    run("openssl", "x509", "-in", source, "-outform", "DER", "-out", der)
    if compressed:
        source = tmp_path / "certificate.gz"
        source.write_bytes(gzip.compress(der.read_bytes()))
    what = ("--compresscert" if compressed else "--cert", "9A", "--in", source)
    write = ("piv-tool", "--reader", reader, "--admin", "M:9B:03", *what)
    told = run("sh", "-c", '"$@"; true', "sh", *write)  # its exit status is the number of bytes written
    assert "failed" not in told
    read, again = tmp_path / "read.pem", tmp_path / "again.der"
    run("pkcs15-tool", "--reader", reader, "--read-certificate", "01", "--output", read)
    run("openssl", "x509", "-in", read, "-outform", "DER", "-out", again)
    assert again.read_bytes() == der.read_bytes()
    with open_card(find_reader(reader)) as card:
        assert isinstance(card, PIVCard)
        assert card.authentication_certificate() == der.read_bytes()


def test_opensc_gets_random_numbers(reader: str, tmp_path: Path) -> None:
    numbers = tmp_path / "random"
    run("pkcs11-tool", "--generate-random", "100", "--output-file", numbers)
    assert len(set(numbers.read_bytes())) > 40


def test_yubicos_tool_reads_the_blank_card(yubico: Callable[..., str], card: VirtualPIVCard) -> None:
    status = yubico("-a", "status")
    assert "5.7.1" in status
    assert str(card.serial) in status
    assert "PIN tries left:\t3" in status


def test_pin_2_and_3_by_yubicos_tool(yubico: Callable[..., str]) -> None:
    yubico("-a", "verify-pin", "-P", "123456")
    yubico("-a", "change-pin", "-P", "123456", "-N", "87654321")
    yubico("-a", "change-puk", "-P", "12345678", "-N", "11223344")
    for _ in range(3):
        yubico("-a", "verify-pin", "-P", "000000", fails=True)
    assert "PIN tries left:\t0" in yubico("-a", "status")
    yubico("-a", "verify-pin", "-P", "87654321", fails=True)
    yubico("-a", "unblock-pin", "-P", "12345678", "-N", "123456", fails=True)
    yubico("-a", "unblock-pin", "-P", "11223344", "-N", "123456")
    yubico("-a", "verify-pin", "-P", "123456")


def test_yubicos_tool_personalises_and_resets(yubico: Callable[..., str]) -> None:
    key = "AA" * 8 + "BB" * 8 + "CC" * 8
    yubico("-a", "set-mgm-key", "--new-key", key)
    yubico("-a", "set-chuid", fails=True)
    yubico(f"--key={key}", "-a", "set-chuid")
    yubico(
        f"--key={key}", "-a", "verify-pin", "-P", "123456", "-a", "pin-retries", "--pin-retries=5", "--puk-retries=4"
    )
    assert "PIN tries left:\t5" in yubico("-a", "status")
    yubico("-a", "reset", fails=True)
    for _ in range(5):
        yubico("-a", "verify-pin", "-P", "000000", fails=True)
    for _ in range(4):
        yubico("-a", "unblock-pin", "-P", "00000000", "-N", "123456", fails=True)
    yubico("-a", "reset")
    assert "PIN tries left:\t3" in yubico("-a", "status")
    yubico("-a", "set-chuid")


def test_a_software_key_can_be_put_on_the_card_but_not_attested(yubico: Callable[..., str], tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
    yubico("-a", "import-key", "-s", "9a", "-i", key)
    yubico("-a", "attest", "-s", "9a", fails=True)


def test_crd_7_openssl_traces_the_attestation_to_the_maker(
    yubico: Callable[..., str], maker: Maker, tmp_path: Path
) -> None:
    yubico("-a", "generate", "-s", "9a", "-A", "RSA2048", "-o", tmp_path / "public.pem")
    yubico("-a", "attest", "-s", "9a", "-o", tmp_path / "attestation.pem")
    yubico("-a", "read-certificate", "-s", "f9", "-o", tmp_path / "intermediate.pem")
    root = tmp_path / "root.der"
    root.write_bytes(maker.root)
    run("openssl", "x509", "-inform", "DER", "-in", root, "-out", tmp_path / "root.pem")
    chain = ("-CAfile", tmp_path / "root.pem", "-untrusted", tmp_path / "intermediate.pem")
    assert "OK" in run("openssl", "verify", *chain, tmp_path / "attestation.pem")
    run("openssl", "verify", "-CAfile", tmp_path / "root.pem", tmp_path / "attestation.pem", fails=True)


def test_pkcs11_tool_finds_no_error_on_an_rsa_card(yubico: Callable[..., str], tmp_path: Path) -> None:
    for slot in ("9a", "9c"):
        certify(yubico, slot, "RSA2048", tmp_path)
    result = run("pkcs11-tool", "--login", "--pin", "123456", "--test")
    assert "No errors" in result
    assert "skipping" not in result.lower()
    for name in ("PIV AUTH key", "SIGN key"):
        assert len(re.findall(rf"testing key \d \({name}\)", result)) == 3  # signs, verifies, deciphers


def test_pkcs11_tool_deciphers_what_openssl_encrypted(yubico: Callable[..., str], tmp_path: Path) -> None:
    public = certify(yubico, "9d", "RSA2048", tmp_path)
    text, cryptogram, again = (tmp_path / name for name in ("text", "cryptogram", "again"))
    text.write_bytes(b"for the card alone")
    run("openssl", "pkeyutl", "-encrypt", "-pubin", "-inkey", public, "-in", text, "-out", cryptogram)
    key = ("--id", ID_OF_SLOT["9d"], "--mechanism", "RSA-PKCS")
    files = ("--input-file", cryptogram, "--output-file", again)
    run("pkcs11-tool", "--login", "--pin", "123456", "--decrypt", *key, *files)
    assert again.read_bytes() == text.read_bytes()


@pytest.mark.parametrize("slot", ["9a", "9c"])
@pytest.mark.parametrize("algorithm", list(openssl.DIGESTS))
def test_openssl_verifies_what_pkcs11_tool_signs(
    yubico: Callable[..., str], tmp_path: Path, slot: str, algorithm: str
) -> None:
    public = certify(yubico, slot, algorithm, tmp_path)
    text, signature = tmp_path / "text", tmp_path / "signature"
    text.write_bytes(b"to be signed")
    rsa = algorithm == "RSA2048"
    given = text if rsa else openssl.digest_of(text, algorithm)
    mechanism = ("SHA256-RSA-PKCS",) if rsa else ("ECDSA", "--signature-format", "openssl")
    key = ("--id", ID_OF_SLOT[slot], "--mechanism", *mechanism)
    files = ("--input-file", given, "--output-file", signature)
    run("pkcs11-tool", "--login", "--pin", "123456", "--sign", *key, *files)
    openssl.check_signature(public, signature, text, algorithm)


@pytest.mark.parametrize("algorithm", list(openssl.CURVES))
def test_openssl_and_pkcs11_tool_agree_on_a_key(yubico: Callable[..., str], tmp_path: Path, algorithm: str) -> None:
    public = certify(yubico, "9d", algorithm, tmp_path)
    private, other = openssl.key_pair(algorithm, tmp_path)
    point, secret = tmp_path / "other.der", tmp_path / "secret"
    run("openssl", "pkey", "-pubin", "-in", other, "-outform", "DER", "-out", point)
    key = ("--id", ID_OF_SLOT["9d"], "--mechanism", "ECDH1-DERIVE")
    files = ("--input-file", point, "--output-file", secret)
    run("pkcs11-tool", "--login", "--pin", "123456", "--derive", *key, *files)
    assert secret.read_bytes() == openssl.shared_secret(private, public)


@pytest.mark.parametrize("algorithm", list(openssl.DIGESTS))
def test_yubicos_tool_signs_and_deciphers(yubico: Callable[..., str], tmp_path: Path, algorithm: str) -> None:
    """The tool has OpenSSL verify and encrypt with a certificate; another key's certificate is the counter-proof."""
    for slot in ("9c", "9d"):
        certify(yubico, slot, algorithm, tmp_path)
    kind = "RSA" if algorithm == "RSA2048" else "ECDSA"
    own, other = tmp_path / "9d-card.pem", tmp_path / "9c-card.pem"

    def tested(action: str, slot: str, certificate: Path, *, fails: bool = False) -> str:
        return yubico("-a", "verify-pin", "-P", "123456", "-a", action, "-s", slot, "-i", certificate, fails=fails)

    assert f"Successful {kind} verification" in tested("test-signature", "9c", other)
    assert "Successful" not in tested("test-signature", "9c", own, fails=True).replace("Successfully verified PIN", "")
    deciphered = tested("test-decipher", "9d", own)
    assert ("RSA decryption" if kind == "RSA" else "ECDH exchange") in deciphered
    assert "uccessfully performed" in deciphered
    assert "uccessfully performed" not in tested("test-decipher", "9d", other, fails=True)
    if kind == "ECDSA":  # a signature key agrees on no keys
        assert "Failed ECDH exchange" in tested("test-decipher", "9c", other, fails=True)


@pytest.mark.parametrize("algorithm", list(openssl.DIGESTS))
def test_gnutls_verifies_what_each_key_signs(yubico: Callable[..., str], tmp_path: Path, algorithm: str) -> None:
    module = ("p11tool", "--provider", opensc_module(), "--login", "--set-pin", "123456")
    for slot in ("9a", "9c"):
        certify(yubico, slot, algorithm, tmp_path)
        told = run(*module, "--test-sign", f"pkcs11:id=%{ID_OF_SLOT[slot]};type=private")
        assert "Verifying against public key in the token... ok" in told


def test_two_cards_are_two_tokens(insert: Insert, maker: Maker) -> None:
    first, second = insert(maker.blank()), insert(maker.blank())
    assert first != second
    listed = run("pkcs11-tool", "--list-slots")
    assert listed.count("PIV_II") == 2
