"""The keys of the simulated UZI pass, used by OpenSC's PKCS#11 module; OpenSSL checks what comes out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from made_card import need, pem, run
from opensc import MASKTECH, SETCOS, TCOS, Driver, OpenSC
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_layout import LAYOUT_A, LAYOUT_B, Layout
from zorgid_card.testkit.uzi_profile import DE_LINDE, FATIMA_EL_AMRANI, FRONT_DESK, JAN_DE_VRIES, Usage

pytestmark = pytest.mark.blackbox

Insert = Callable[[VirtualCard], str]

PIN = "123456"
LOGGED_IN = ("--login", "--pin", PIN)
TEXT = b"a text of the care worker's\n" * 40
DIGEST_INFO = bytes.fromhex("3031300D060960864801650304020105000420")  # SHA-256 (RFC 8017, 9.2, note 1)


@pytest.fixture(scope="module")
def passes() -> dict[str, PassContents]:
    pki = UZITestPKI("production", pool=KeyPool.shared(), now=datetime.now(UTC))
    return {
        "Z": pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015"),
        "N": pki.pass_(FATIMA_EL_AMRANI, DE_LINDE, "N"),
        "M": pki.pass_(FRONT_DESK, DE_LINDE, "M"),
    }


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text"
    path.write_bytes(TEXT)
    return path


def identifier(opensc: OpenSC, reader: str, contents: PassContents, usage: Usage) -> str:
    """The ID of a key as OpenSC lists it."""
    return opensc.identifiers(reader, "keys")[list(contents.certificates).index(usage)]


def certificate(contents: PassContents, usage: Usage, directory: Path) -> Path:
    path = directory / f"{usage}.pem"
    path.write_bytes(pem(contents.certificates[usage]))
    return path


def public_key(contents: PassContents, usage: Usage, directory: Path) -> Path:
    path = directory / f"{usage}.key"
    path.write_text(run("openssl", "x509", "-in", certificate(contents, usage, directory), "-noout", "-pubkey"))
    return path


def digest_info(text: Path) -> Path:
    """What the card pads and signs: these drivers offer no mechanism that hashes."""
    digest, info = text.with_suffix(".digest"), text.with_suffix(".info")
    run("openssl", "dgst", "-sha256", "-binary", "-out", digest, text)
    info.write_bytes(DIGEST_INFO + digest.read_bytes())
    return info


@pytest.mark.parametrize(
    ("driver", "layout"),
    [(MASKTECH, LAYOUT_A), (MASKTECH, LAYOUT_B), (SETCOS, LAYOUT_A)],
    ids=["MaskTech-A", "MaskTech-B", "setcos-A"],
)
@pytest.mark.parametrize("letter", ["Z", "N", "M"])
def test_openssl_verifies_what_every_signing_key_signs(
    insert: Insert,
    passes: dict[str, PassContents],
    letter: str,
    driver: Driver,
    layout: Layout,
    text: Path,
    tmp_path: Path,
) -> None:
    contents, opensc = passes[letter], OpenSC(tmp_path, driver)
    card = VirtualUZIPass(contents, layout=layout)
    reader = insert(card)
    for usage in [usage for usage in contents.certificates if usage is not Usage.CONFIDENTIALITY]:
        signature = tmp_path / usage
        key = ("--id", identifier(opensc, reader, contents, usage), "--mechanism", "RSA-PKCS")
        opensc.pkcs11(*LOGGED_IN, "--sign", *key, "--input-file", digest_info(text), "--output-file", signature)
        check = ("openssl", "dgst", "-sha256", "-signature", signature)
        assert "Verified OK" in run(*check, "-verify", public_key(contents, usage, tmp_path), text)
        run(*check, "-verify", public_key(contents, Usage.CONFIDENTIALITY, tmp_path), text, fails=True)
    assert card.tries_left == (3, 3)


@pytest.mark.parametrize(
    ("driver", "layout", "extended"),
    [(SETCOS, LAYOUT_A, False), (TCOS, LAYOUT_A, True), (TCOS, LAYOUT_B, True)],
    ids=["setcos-A", "tcos-A", "tcos-B"],
)
@pytest.mark.parametrize("letter", ["Z", "N", "M"])
def test_the_confidentiality_key_deciphers_what_openssl_encrypted(
    insert: Insert,
    passes: dict[str, PassContents],
    letter: str,
    driver: Driver,
    layout: Layout,
    extended: bool,
    tmp_path: Path,
) -> None:
    contents, opensc = passes[letter], OpenSC(tmp_path, driver)
    reader = insert(VirtualUZIPass(contents, layout=layout, extended=extended))
    key_id = identifier(opensc, reader, contents, Usage.CONFIDENTIALITY)
    plain, cryptogram, again = (tmp_path / name for name in ("plain", "cryptogram", "again"))
    plain.write_bytes(b"for the holder of the pass alone")

    def decipher(encrypted_to: Usage, *, fails: bool) -> None:
        public = ("-certin", "-inkey", certificate(contents, encrypted_to, tmp_path))
        run("openssl", "pkeyutl", "-encrypt", *public, "-in", plain, "-out", cryptogram)
        key = ("--id", key_id, "--mechanism", "RSA-PKCS")
        files = ("--input-file", cryptogram, "--output-file", again)
        opensc.pkcs11(*LOGGED_IN, "--decrypt", *key, *files, fails=fails)

    decipher(Usage.CONFIDENTIALITY, fails=False)
    assert again.read_bytes() == plain.read_bytes()
    decipher(Usage.AUTHENTICITY, fails=True)
    assert not again.read_bytes()


@pytest.mark.parametrize(
    ("driver", "layout", "extended"),
    [
        (MASKTECH, LAYOUT_A, False),  # extended length fields, which the ATR does not announce: 6700
        (MASKTECH, LAYOUT_A, True),  # no padding indicator byte (ISO/IEC 7816-8, DECIPHER): 6A80
        (TCOS, LAYOUT_B, False),  # the same: 6700
        (SETCOS, LAYOUT_B, False),  # always algorithm reference 02, where EF.CIAInfo says 12: 6A88
    ],
    ids=["MaskTech-A", "MaskTech-A-extended", "tcos-B", "setcos-B"],
)
def test_what_a_driver_does_beside_the_standard_is_refused(
    insert: Insert,
    passes: dict[str, PassContents],
    driver: Driver,
    layout: Layout,
    extended: bool,
    tmp_path: Path,
) -> None:
    contents, opensc = passes["Z"], OpenSC(tmp_path, driver)
    reader = insert(VirtualUZIPass(contents, layout=layout, extended=extended))
    plain, cryptogram = tmp_path / "plain", tmp_path / "cryptogram"
    plain.write_bytes(b"for the holder of the pass alone")
    public = ("-certin", "-inkey", certificate(contents, Usage.CONFIDENTIALITY, tmp_path))
    run("openssl", "pkeyutl", "-encrypt", *public, "-in", plain, "-out", cryptogram)
    key = ("--id", identifier(opensc, reader, contents, Usage.CONFIDENTIALITY), "--mechanism", "RSA-PKCS")
    told = opensc.pkcs11(*LOGGED_IN, "--decrypt", *key, "--input-file", cryptogram, fails=True)
    assert "C_Decrypt" in told, "the log-in itself is to succeed"


@pytest.mark.parametrize("layout", [LAYOUT_A, LAYOUT_B], ids=["A", "B"])
def test_gnutls_lists_the_pass_and_verifies_what_it_signs(
    insert: Insert, passes: dict[str, PassContents], layout: Layout, tmp_path: Path
) -> None:
    need("p11tool")
    contents, opensc = passes["Z"], OpenSC(tmp_path)
    reader = insert(VirtualUZIPass(contents, layout=layout))
    listed = opensc.p11tool("--login", "--set-pin", PIN, "--list-all", "pkcs11:")
    assert listed.count("Type: Private key (RSA-2048)") == 3
    assert listed.count("Type: X.509 Certificate (RSA-") == 6
    for usage in (Usage.AUTHENTICITY, Usage.SIGNATURE):
        octets = bytes.fromhex(identifier(opensc, reader, contents, usage))
        url = f"pkcs11:id={''.join(f'%{octet:02x}' for octet in octets)};type=private"
        told = opensc.p11tool("--login", "--set-pin", PIN, "--test-sign", url)
        assert "Signing using RSA-SHA256... ok" in told
        assert "Verifying against public key in the token... ok" in told


def test_pkcs15_crypt_signs_and_a_wrong_pin_costs_one_try(
    insert: Insert, passes: dict[str, PassContents], text: Path, tmp_path: Path
) -> None:
    contents, opensc = passes["N"], OpenSC(tmp_path)
    card = VirtualUZIPass(contents)
    reader = insert(card)
    digest, signature = tmp_path / "digest", tmp_path / "signature"
    run("openssl", "dgst", "-sha256", "-binary", "-out", digest, text)
    key = ("--key", identifier(opensc, reader, contents, Usage.AUTHENTICITY), "--pkcs1", "--sha-256", "--raw")
    sign = ("pkcs15-crypt", "--reader", reader, "--sign", *key, "--input", digest, "--output", signature)
    opensc.run(*sign, "--pin", "999999", fails=True)
    assert card.tries_left == (2, 3)
    opensc.run(*sign, "--pin", PIN)
    public = public_key(contents, Usage.AUTHENTICITY, tmp_path)
    assert "Verified OK" in run("openssl", "dgst", "-sha256", "-verify", public, "-signature", signature, text)
    assert card.tries_left == (3, 3)
