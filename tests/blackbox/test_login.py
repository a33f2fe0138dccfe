"""Log-in over a real pcscd, a real TLS connection and a real terminal; what the card signed is checked by openssl (AUT-1)."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from https_portal import https_portal
from terminal import Terminal
from zorgid_card.cli.simulate import Options, obtain
from zorgid_card.pki.revocation import CRLs
from zorgid_card.recipes import open_login
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.testkit.uzi_profile import Person, Subscriber

pytestmark = pytest.mark.blackbox

DOCUMENT = Path(__file__).parents[2] / "docs" / "login.md"
COMMAND = [sys.executable, "-m", "zorgid_card.cli"]
PIN = b"271828"
NONCE = base64.b64encode(bytes(range(32))).decode()


@pytest.fixture(scope="module")
def pki() -> UZITestPKI:
    return UZITestPKI(pool=KeyPool.shared())


@pytest.fixture(scope="module")
def uzi_pass(pki: UZITestPKI) -> VirtualUZIPass:
    holder = Person("Zoë", "Amrani", "900000022", prefixes="el")
    return VirtualUZIPass(pki.pass_(holder, Subscriber("Huisartsenpraktijk De Linde", "90000123"), "N"), pin=PIN)


def test_aut_1_a_person_logs_in_at_a_portal(
    pki: UZITestPKI, uzi_pass: VirtualUZIPass, insert: Callable[[VirtualCard], str], tmp_path: Path
) -> None:
    reader, trace = insert(uzi_pass), tmp_path / "trace.jsonl"
    with https_portal(tmp_path) as portal:
        portal.door = open_login(portal.address, trust=pki.trust("N"), revocation=CRLs(pki.crl_source))
        where = ["--origin", portal.address, "--ca", str(portal.ca), "--reader", reader, "--trace", str(trace)]
        terminal = Terminal([*COMMAND, "login", *where, "--lang", "nl"])
        terminal.expect("Wilt u hier inloggen")
        terminal.answer(b"j")
        terminal.expect("Pincode van de kaart.*: ")
        assert not terminal.echoes
        terminal.answer(PIN)
        assert terminal.end() == 0
    assert f"U bent ingelogd bij {portal.address}." in " ".join(terminal.text.split())
    assert "Zoë el Amrani" in terminal.text
    assert PIN not in terminal.shown
    assert PIN.hex() not in trace.read_text()


def test_aut_1_openssl_verifies_what_the_card_signed(
    uzi_pass: VirtualUZIPass, insert: Callable[[VirtualCard], str], tmp_path: Path
) -> None:
    reader, out = insert(uzi_pass), tmp_path / "token.json"
    origin = "https://portal.example"
    command = f"exec {sys.executable} -m zorgid_card.cli login --origin {origin} --nonce {NONCE} --lang en"
    terminal = Terminal(["sh", "-c", f'{command} --reader "{reader}" > {out}'])
    terminal.expect("for developers only")
    terminal.expect("PIN of the card.*: ")
    terminal.answer(PIN)
    assert terminal.end() == 0
    token = json.loads(out.read_text())
    certificate = x509.load_der_x509_certificate(base64.b64decode(token["unverifiedCertificate"]))
    key, signature, data = tmp_path / "key.pem", tmp_path / "signature", tmp_path / "data"
    key.write_bytes(certificate.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    signature.write_bytes(base64.b64decode(token["signature"]))
    data.write_bytes(hashlib.sha256(origin.encode()).digest() + hashlib.sha256(NONCE.encode()).digest())
    asked = ["openssl", "dgst", "-sha256", "-verify", str(key), "-signature", str(signature), str(data)]
    assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout == "Verified OK\n"


@pytest.mark.parametrize(("kind", "option"), [("uzi-z", "--root"), ("zorgid", "--issuer")])
def test_aut_2_the_documents_way_to_try_it_without_a_portal(
    kind: str, option: str, insert: Callable[[VirtualCard], str], tmp_path: Path
) -> None:
    simulate, login, verify = (line for line in DOCUMENT.read_text().splitlines() if line.startswith("zorgid-card "))
    assert "simulate uzi-z --state pass " in simulate
    simulated = obtain(Options(kind=kind, state=tmp_path / "pass"))
    insert(simulated.card)
    program = f"{sys.executable} -m zorgid_card.cli"
    terminal = Terminal(["sh", "-c", f"cd {tmp_path} && {login.replace('zorgid-card', program)}"])
    terminal.expect("(PIN of the card|Pincode van de kaart).*: ")
    terminal.answer(simulated.pin)
    assert terminal.end() == 0
    asked = verify.replace("zorgid-card", program).replace("--root", option) + " --json"
    done = subprocess.run(["sh", "-c", f"cd {tmp_path} && {asked}"], capture_output=True, timeout=60, check=False)
    found = json.loads(done.stdout)
    assert found["ok"], found
    assert found["who"]["means"] == ("uzi-pass" if kind == "uzi-z" else "zorgid-smartcard")
