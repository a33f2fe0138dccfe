"""Yubico's PKCS#11 module, which takes only cards in readers whose name begins with "Yubico": a pcscd with such a reader."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import openssl
from made_card import run
from zorgid_card.errors import TransportError
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.vpcd import VPCDCard

pytestmark = pytest.mark.blackbox

MODULES = ("/usr/lib/x86_64-linux-gnu/libykcs11.so", "/usr/lib/libykcs11.so")
READER = "Yubico Virtual PCD"
PORT = 40059  # vpcd takes the next too
SECONDS = 10
CONFIGURATION = f"""FRIENDLYNAME "{READER}"
DEVICENAME /dev/null:0x{PORT:04X}
LIBPATH /usr/lib/pcsc/drivers/serial/libifdvpcd.so
CHANNELID 0x{PORT:04X}
"""
ADMINISTRATION_KEY = "010203040506070801020304050607080102030405060708"
OFFICER = ("--login", "--login-type", "so", "--so-pin")
KINDS = {"RSA2048": "rsa:2048", "ECCP256": "EC:prime256v1", "ECCP384": "EC:secp384r1"}
AUTHENTICATION, KEY_MANAGEMENT = "01", "03"  # the module's identifiers of 9A and 9D

Tool = Callable[..., str]


@pytest.fixture(scope="module")
def environment(pcscd: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Leads PC/SC programs to a second pcscd, whose directory is its own: it has a mount namespace to itself."""
    directory = tmp_path_factory.mktemp("yubico")
    configuration, log = directory / "reader.conf", directory / "log"
    configuration.write_text(CONFIGURATION)
    start = f"mount -t tmpfs none /run/pcscd && exec /usr/sbin/pcscd --foreground --config {configuration}"
    with log.open("wb") as output:
        daemon = subprocess.Popen(["unshare", "--mount", "sh", "-c", start], stdout=output, stderr=output)
    socket = Path(f"/proc/{daemon.pid}/root/run/pcscd/pcscd.comm")
    try:
        yield {"PCSCLITE_CSOCK_NAME": str(socket)}
    finally:
        daemon.terminate()
        daemon.wait(SECONDS)


@pytest.fixture
def card(environment: dict[str, str]) -> Iterator[VirtualPIVCard]:
    card = Maker.create(attestation="RSA-2048").blank(administration="3DES")
    serving = VPCDCard(card, port=PORT)
    end = time.monotonic() + SECONDS
    while not card.powered:  # the daemon comes up, then notices the card
        assert time.monotonic() < end, "pcscd did not notice the card"
        try:
            serving.start()
        except TransportError:
            time.sleep(0.05)
            continue
        while not card.powered and time.monotonic() < end:
            time.sleep(0.02)
    yield card
    serving.stop()
    time.sleep(0.6)  # vpcd looks every 0.4 s; the next test must not meet this card


@pytest.fixture
def ykcs11(card: VirtualPIVCard, environment: dict[str, str]) -> Tool:
    """Runs pkcs11-tool on Yubico's module."""
    module = next((path for path in MODULES if Path(path).exists()), None)
    if module is None:
        pytest.skip("libykcs11.so is not installed (Debian package ykcs11)")

    def tool(*arguments: str | Path, fails: bool = False) -> str:
        return run("pkcs11-tool", "--module", module, *arguments, env=environment, fails=fails)

    return tool


def generate(ykcs11: Tool, key_id: str, algorithm: str, directory: Path) -> Path:
    """A key made on the card by its administrator; its public key, PEM."""
    made = ykcs11(*OFFICER, ADMINISTRATION_KEY, "--keypairgen", "--key-type", KINDS[algorithm], "--id", key_id)
    assert "Key pair generated" in made
    # of the certificate that the module makes with it: pkcs11-tool 0.23 cannot write a public key on P-384
    read, public = directory / "certificate.der", directory / "public.pem"
    ykcs11("--read-object", "--type", "cert", "--id", key_id, "--output-file", read)
    public.write_text(run("openssl", "x509", "-inform", "DER", "-in", read, "-noout", "-pubkey"))
    return public


def test_the_module_names_the_card_by_its_number(ykcs11: Tool, card: VirtualPIVCard) -> None:
    slots = ykcs11("--list-slots")
    assert f"{READER} 00 00" in slots
    assert f"YubiKey PIV #{card.serial}" in slots


@pytest.mark.parametrize("algorithm", list(KINDS))
def test_openssl_verifies_what_the_module_signs(ykcs11: Tool, algorithm: str, tmp_path: Path) -> None:
    public = generate(ykcs11, AUTHENTICATION, algorithm, tmp_path)
    text, signature = tmp_path / "text", tmp_path / "signature"
    text.write_bytes(b"to be signed")
    rsa = algorithm == "RSA2048"
    mechanism = ("SHA256-RSA-PKCS",) if rsa else ("ECDSA", "--signature-format", "openssl")
    given = text if rsa else openssl.digest_of(text, algorithm)
    key = ("--id", AUTHENTICATION, "--mechanism", *mechanism)
    ykcs11("--login", "--pin", "123456", "--sign", *key, "--input-file", given, "--output-file", signature)
    openssl.check_signature(public, signature, text, algorithm)


@pytest.mark.parametrize("algorithm", list(openssl.CURVES))
def test_openssl_and_the_module_agree_on_a_key(ykcs11: Tool, algorithm: str, tmp_path: Path) -> None:
    public = generate(ykcs11, KEY_MANAGEMENT, algorithm, tmp_path)
    private, other = openssl.key_pair(algorithm, tmp_path)
    point, secret = tmp_path / "other.der", tmp_path / "secret"
    run("openssl", "pkey", "-pubin", "-in", other, "-outform", "DER", "-out", point)
    key = ("--id", KEY_MANAGEMENT, "--mechanism", "ECDH1-DERIVE")
    ykcs11("--login", "--pin", "123456", "--derive", *key, "--input-file", point, "--output-file", secret)
    assert secret.read_bytes() == openssl.shared_secret(private, public)


def test_the_module_passes_pkcs11_tools_own_test(ykcs11: Tool, tmp_path: Path) -> None:
    for key_id in (AUTHENTICATION, KEY_MANAGEMENT):
        generate(ykcs11, key_id, "RSA2048", tmp_path)
    told = ykcs11("--login", "--pin", "123456", "--test")
    assert "No errors" in told
    skipped = [line for line in told.splitlines() if "skipping" in line.lower()]
    assert all("PIV Attestation" in line for line in skipped), "a key that signs nothing but attestations"
    assert told.count("testing key 1 (Private key for Key Management)") == 3  # signs, verifies, deciphers


def test_pin_2_through_the_module(ykcs11: Tool, environment: dict[str, str]) -> None:
    def tries() -> str:
        status = run("yubico-piv-tool", "--reader", READER, "-a", "status", env=environment)
        return status.rpartition("PIN tries left:")[2].strip()

    assert "CKR_PIN_INCORRECT" in ykcs11("--login", "--pin", "111111", "--list-objects", fails=True)
    assert tries() == "2"
    ykcs11("--login", "--pin", "123456", "--change-pin", "--new-pin", "654321")
    assert "CKR_PIN_INCORRECT" in ykcs11("--login", "--pin", "123456", "--list-objects", fails=True)
    ykcs11("--login", "--pin", "654321", "--list-objects")
    assert tries() == "3"


def test_the_module_needs_the_administration_key(ykcs11: Tool) -> None:
    wrong = ADMINISTRATION_KEY.replace("01", "0F")
    make = ("--keypairgen", "--key-type", KINDS["ECCP256"], "--id", AUTHENTICATION)
    assert "C_Login" in ykcs11(*OFFICER, wrong, *make, fails=True)
