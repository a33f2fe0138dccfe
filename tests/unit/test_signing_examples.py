"""The examples of docs/signing.md are programs that run."""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from zorgid_card.adapters import pcsc
from zorgid_card.cli.app import main
from zorgid_card.pki.revocation import CRLs
from zorgid_card.pki.verifier import CertificateVerifier
from zorgid_card.secret import Secret
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.uzi import DEFAULT_PIN, VirtualUZIPass
from zorgid_card.testkit.uzi_profile import DE_LINDE, JAN_DE_VRIES, Usage

PAGE = (Path(__file__).parents[2] / "docs" / "signing.md").read_text()
TEXT = b"%PDF-1.7 verwijzing"


def example(name: str) -> str:
    found = re.search(rf"<!-- example: {name} -->\n```python\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_aut_3_the_examples_sign_verify_and_decrypt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pki = UZITestPKI("production", pool=KeyPool.shared(), now=datetime.now(UTC))
    contents = pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", role="01.015")
    reader = SimulatedReader("Reader 00")
    reader.insert(VirtualUZIPass(contents))
    monkeypatch.setattr(pcsc, "readers", lambda: [reader])
    monkeypatch.setattr(Secret, "from_terminal", lambda prompt: Secret.of(DEFAULT_PIN))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "verwijzing.pdf").write_bytes(TEXT)
    names: dict[str, Any] = {"verifier": CertificateVerifier(pki.trust(), CRLs(pki.crl_source)), "document": TEXT}
    exec(example("sign"), names)
    assert (tmp_path / "verwijzing.pdf.p7s").read_bytes() == names["signature"]
    exec(example("verify"), names)
    assert capsys.readouterr().out.startswith(f"Jan de Vries {DE_LINDE.ura} 20")
    exec(example("message"), names)
    assert capsys.readouterr().out == f'{{"medicijn": "amoxicilline"}} {JAN_DE_VRIES.uzi_number}\n'
    certificate = x509.load_der_x509_certificate(contents.certificates[Usage.CONFIDENTIALITY])
    (tmp_path / "to.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    encrypt = "openssl cms -encrypt -binary -aes-256-gcm -in verwijzing.pdf -outform DER -out bericht.p7m to.pem"
    subprocess.run(encrypt.split(), check=True, timeout=60)
    exec(example("decrypt"), names)
    assert names["content"] == TEXT


def test_the_commands_of_the_page_exist() -> None:
    lines = re.findall(r"^zorgid-card (.*?)(?: +#.*)?$", PAGE, re.MULTILINE)
    assert len(lines) == 4
    for line in lines:
        words = line.split()
        command = main.commands[words[0]]
        command.make_context(words[0], words[1:], resilient_parsing=False)
