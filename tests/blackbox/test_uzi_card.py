"""OpenSC, which shares no code with us, finds, reads and uses the simulated UZI pass over a real pcscd.

No driver of OpenSC's knows a UZI pass. Its ``default`` driver reads PKCS#15 but signs nothing; an ``opensc.conf`` that
names the card's ATR hands it to the ``MaskTech`` driver, which sends the plain commands of ISO/IEC 7816-8. (That driver's
DECIPHER leaves out the padding indicator byte that the standard asks for, so deciphering is not tried with it.)
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi import ATR, VirtualUZIPass
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_layout import LAYOUT_A, LAYOUT_B, Layout
from zorgid_card.testkit.uzi_profile import DE_LINDE, FATIMA_EL_AMRANI, FRONT_DESK, JAN_DE_VRIES, Usage

pytestmark = pytest.mark.blackbox

Insert = Callable[[VirtualCard], str]

PIN = "123456"
MODULES = ("/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so", "/usr/lib/opensc-pkcs11.so")
SHA256_INFO = bytes.fromhex("3031300D060960864801650304020105000420")

layouts = pytest.mark.parametrize("layout", [LAYOUT_A, LAYOUT_B], ids=["A", "B"])


@pytest.fixture(scope="module")
def pki() -> UZITestPKI:
    return UZITestPKI("production", pool=KeyPool.shared(), now=datetime.now(UTC))


@pytest.fixture(scope="module")
def jan(pki: UZITestPKI) -> PassContents:
    return pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015")


@pytest.fixture
def tool(tmp_path: Path) -> Callable[..., str]:
    """Runs a program of OpenSC's with a time limit, in an environment that maps the ATR to a driver."""
    configuration = tmp_path / "opensc.conf"
    shown = ":".join(f"{byte:02X}" for byte in ATR)
    configuration.write_text(
        f"""app default {{
  card_atr {shown} {{ driver = "MaskTech"; }}
  reader_driver pcsc {{ max_send_size = 255; max_recv_size = 256; }}
  framework pkcs15 {{ use_file_caching = no; }}
}}
"""
    )
    environment = {**os.environ, "OPENSC_CONF": str(configuration), "LC_ALL": "C.UTF-8"}

    def run(*command: str, expect: int = 0) -> str:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=False, env=environment, cwd=tmp_path
        )
        output = done.stdout + done.stderr
        assert done.returncode == expect, output
        return output

    return run


@pytest.fixture
def module() -> str:
    found = next((path for path in MODULES if Path(path).exists()), None)
    if found is None:
        pytest.skip("opensc-pkcs11.so is not installed")
    return found


def public(contents: PassContents, usage: Usage) -> rsa.RSAPublicKey:
    key = x509.load_der_x509_certificate(contents.certificates[usage]).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    return key


def identifier(tool: Callable[..., str], reader: str, position: int) -> str:
    """The ID of a certificate as OpenSC lists it."""
    listed = tool("pkcs15-tool", "--reader", reader, "--list-certificates")
    return re.findall(r"^\s+ID\s+: (\w+)$", listed, re.MULTILINE)[position]


def digest_info(tmp_path: Path, text: bytes) -> str:
    path = tmp_path / "digest-info"
    path.write_bytes(SHA256_INFO + hashlib.sha256(text).digest())
    return str(path)


@layouts
def test_opensc_parses_everything(insert: Insert, tool: Callable[..., str], jan: PassContents, layout: Layout) -> None:
    reader = insert(VirtualUZIPass(jan, layout=layout))
    shown = tool("pkcs15-tool", "--reader", reader, "--dump")
    assert f"PKCS#15 Card [UZI-pas {jan.card_number}]" in shown
    assert shown.count("\nPrivate RSA Key [") == 3
    assert shown.count("\nPublic RSA Key [") == (3 if layout.public_keys else 0)
    assert shown.count("\nX.509 Certificate [") == 6
    assert shown.count("\nPIN [") == 2
    assert "unblockingPin" in shown
    assert [int(n) for n in re.findall(r"Key ref\s+: (\d+)", shown)[:3]] == list(layout.key_references.values())
    assert re.search(rf"Reference\s+: {layout.pin} ", shown)
    for certificate in (*jan.certificates.values(), *jan.chain):
        serial = f"{x509.load_der_x509_certificate(certificate).serial_number:016X}"
        assert f"Encoded serial : 02 08 {serial}" in shown


@layouts
def test_opensc_reads_the_certificates(
    insert: Insert, tool: Callable[..., str], jan: PassContents, layout: Layout
) -> None:
    reader = insert(VirtualUZIPass(jan, layout=layout))
    expected = [*jan.certificates.values(), *jan.chain]
    for position, der in enumerate(expected):
        key_id = identifier(tool, reader, position)
        pem = tool("pkcs15-tool", "--reader", reader, "--read-certificate", key_id)
        begin = pem.index("-----BEGIN")
        read = x509.load_pem_x509_certificate(pem[begin:].encode())
        assert read == x509.load_der_x509_certificate(der)


@layouts
@pytest.mark.parametrize("usage", [Usage.AUTHENTICITY, Usage.SIGNATURE])
def test_opensc_pkcs11_signs_and_cryptography_verifies(
    insert: Insert,
    tool: Callable[..., str],
    module: str,
    jan: PassContents,
    layout: Layout,
    usage: Usage,
    tmp_path: Path,
) -> None:
    card = VirtualUZIPass(jan, layout=layout)
    reader = insert(card)
    key_id = identifier(tool, reader, list(jan.certificates).index(usage))
    source, target = digest_info(tmp_path, b"a text"), tmp_path / "signature"
    tool(
        "pkcs11-tool", "--module", module, "--slot-index", "0", "--login", "--pin", PIN,
        "--sign", "--mechanism", "RSA-PKCS", "--id", key_id, "--input-file", source, "--output-file", str(target),
    )  # fmt: skip
    public(jan, usage).verify(target.read_bytes(), b"a text", padding.PKCS1v15(), hashes.SHA256())
    assert card.tries_left == (3, 3)


def test_opensc_sees_that_the_signature_key_always_asks(
    insert: Insert, tool: Callable[..., str], module: str, jan: PassContents
) -> None:
    insert(VirtualUZIPass(jan))
    shown = tool(
        "pkcs11-tool", "--module", module, "--slot-index", "0", "--login", "--pin", PIN, "-O", "--type", "privkey"
    )  # fmt: skip
    access = re.findall(r"Access:\s+(.*)", shown)
    assert ["always authenticate" in line for line in access] == [False, True, False]


def test_pkcs15_crypt_signs_and_a_wrong_pin_costs_one_try(
    insert: Insert, tool: Callable[..., str], pki: UZITestPKI, tmp_path: Path
) -> None:
    contents = pki.pass_(FATIMA_EL_AMRANI, DE_LINDE, "N")
    card = VirtualUZIPass(contents)
    reader = insert(card)
    (tmp_path / "hash").write_bytes(hashlib.sha256(b"a text").digest())
    sign = [
        "pkcs15-crypt",
        "--reader",
        reader,
        *["-s", "--pkcs1", "--sha-256", "-k", "45", "-i", "hash", "-o", "out", "-R"],
    ]
    tool(*sign, "-p", "999999", expect=5)
    assert card.tries_left == (2, 3)
    tool(*sign, "-p", PIN)
    signature = (tmp_path / "out").read_bytes()
    public(contents, Usage.AUTHENTICITY).verify(signature, b"a text", padding.PKCS1v15(), hashes.SHA256())
    assert card.tries_left == (3, 3)


@layouts
def test_m_pass_has_two_keys_for_opensc_too(
    insert: Insert, tool: Callable[..., str], pki: UZITestPKI, layout: Layout
) -> None:
    reader = insert(VirtualUZIPass(pki.pass_(FRONT_DESK, DE_LINDE, "M"), layout=layout))
    shown = tool("pkcs15-tool", "--reader", reader, "--dump")
    assert shown.count("\nPrivate RSA Key [") == 2
    assert shown.count("\nX.509 Certificate [") == 5
