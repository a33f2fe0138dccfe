"""``sign`` and ``decrypt`` before a real pcscd, at a real terminal; OpenSSL is the other side (AUT-3)."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from made_card import run
from terminal import Terminal
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi import DEFAULT_PIN, VirtualUZIPass
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_profile import DE_LINDE, JAN_DE_VRIES, Usage

pytestmark = pytest.mark.blackbox

COMMAND = [sys.executable, "-m", "zorgid_card.cli"]
TEXT = b"Ontslagbrief\n" * 100_000


@pytest.fixture(scope="module")
def contents() -> PassContents:
    pki = UZITestPKI("production", pool=KeyPool.shared(), now=datetime.now(UTC))
    return pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", role="01.015")


def pem(der: bytes) -> bytes:
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)


def test_aut_3_a_file_is_signed_at_a_terminal_over_pcsc_and_openssl_verifies_it(
    contents: PassContents, insert: Callable[[VirtualCard], str], tmp_path: Path
) -> None:
    reader, trace = insert(VirtualUZIPass(contents)), tmp_path / "trace.jsonl"
    file, root = tmp_path / "brief.txt", tmp_path / "root.pem"
    file.write_bytes(TEXT)
    root.write_bytes(pem(contents.chain[-1]))
    terminal = Terminal([*COMMAND, "sign", str(file), "--reader", reader, "--trace", str(trace), "--lang", "nl"])
    terminal.expect(r"Wilt u dit bestand ondertekenen\? \[j/n\] ")
    terminal.answer(b"j")
    terminal.expect("Pincode van de kaart.*: ")
    assert not terminal.echoes
    terminal.answer(DEFAULT_PIN)
    assert terminal.end() == 0
    assert hashlib.sha256(TEXT).hexdigest() in "".join(terminal.text.split())
    assert "uw wil" in terminal.text
    assert "Ondertekend: " in terminal.text
    check = ("openssl", "cms", "-verify", "-cades", "-binary", "-inform", "DER", "-in", tmp_path / "brief.txt.p7s")
    assert "CAdES Verification successful" in run(
        *check, "-content", file, "-CAfile", root, "-purpose", "any", "-out", "/dev/null"
    )
    assert DEFAULT_PIN.hex() not in trace.read_text()
    assert DEFAULT_PIN not in terminal.shown


def test_aut_3_what_openssl_encrypted_is_decrypted_over_pcsc(
    contents: PassContents, insert: Callable[[VirtualCard], str], tmp_path: Path
) -> None:
    reader = insert(VirtualUZIPass(contents))
    plain, message, to = tmp_path / "plain", tmp_path / "message.p7m", tmp_path / "to.pem"
    plain.write_bytes(TEXT)
    to.write_bytes(pem(contents.certificates[Usage.CONFIDENTIALITY]))
    files = ("-in", plain, "-out", message, "-outform", "DER")
    run("openssl", "cms", "-encrypt", "-binary", "-stream", "-aes-256-gcm", *files, to)
    out = tmp_path / "out"
    terminal = Terminal([*COMMAND, "decrypt", str(message), "--out", str(out), "--reader", reader, "--lang", "en"])
    terminal.expect("PIN of the card.*: ")
    terminal.answer(DEFAULT_PIN)
    assert terminal.end() == 0
    assert out.read_bytes() == TEXT


def test_aut_3_without_a_terminal_nothing_is_signed(
    contents: PassContents, insert: Callable[[VirtualCard], str], tmp_path: Path
) -> None:
    reader, file = insert(VirtualUZIPass(contents)), tmp_path / "brief.txt"
    file.write_bytes(TEXT)
    arguments = [*COMMAND, "sign", str(file), "--reader", reader, "--json", "--lang", "en"]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False, start_new_session=True)
    assert done.returncode == 3
    assert json.loads(done.stdout)["error"]["code"] == "user.usage"
    assert "terminal" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["brief.txt"]
