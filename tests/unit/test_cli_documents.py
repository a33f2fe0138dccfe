"""``sign``, ``verify-signature`` and ``decrypt`` at a desk with a simulated pass, and OpenSSL as the other side (AUT-3)."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from terminal import given
from zorgid_card.adapters import pcsc
from zorgid_card.cli import app
from zorgid_card.cli.documents import decrypt, sign
from zorgid_card.errors import DeclinedError
from zorgid_card.secret import Secret
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.uzi import DEFAULT_PIN, VirtualUZIPass
from zorgid_card.testkit.uzi_profile import DE_LINDE, FRONT_DESK, JAN_DE_VRIES, Usage

TEXT = b"Recept: amoxicilline 500 mg, 3 maal daags.\n" * 50
OTHER = b"271828"


class Typed:
    """A keyboard whose answers are known."""

    def __init__(self, answers: list[str | bytes]) -> None:
        self.answers = answers

    def line(self, prompt: str, /) -> str:
        answer = self._next()
        assert isinstance(answer, str), prompt
        return answer

    def secret(self, prompt: str, /) -> Secret:
        answer = self._next()
        assert isinstance(answer, bytes), prompt
        return Secret.of(answer)

    def _next(self) -> str | bytes:
        if not self.answers:
            raise DeclinedError
        return self.answers.pop(0)


class Desk:
    """A reader with a UZI pass of a test PKI, its root and CRLs in files, and a command line before it."""

    def __init__(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch, kind: str = "Z", now: datetime | None = None
    ) -> None:
        self.pki = UZITestPKI("production", pool=KeyPool.shared(), now=now)
        holder, role = (FRONT_DESK, {}) if kind == "M" else (JAN_DE_VRIES, {"role": "01.015"})
        self.contents = self.pki.pass_(holder, DE_LINDE, kind, **role)
        self.reader = SimulatedReader("Reader 00")
        self.reader.insert(VirtualUZIPass(self.contents))
        self.directory, self._patch = directory, monkeypatch
        monkeypatch.setattr(pcsc, "readers", lambda: [self.reader])
        self.file = directory / "recept.txt"
        self.file.write_bytes(TEXT)
        self.root = directory / "root.pem"
        self.root.write_bytes(pem(self.pki.root()))
        own = x509.load_der_x509_certificate(self.pki.root()).fingerprint(hashes.SHA256()).hex().upper()
        packaged = files("zorgid_card.pki").joinpath("hierarchies/uzi-g3.toml").read_text()
        self.generation = directory / "generation.toml"
        self.generation.write_text(re.sub(r'sha256 = "[0-9A-F]{64}"', f'sha256 = "{own}"', packaged))
        self.judged_by = ["--hierarchy", str(self.generation)]
        for name, crl in self.pki.crls().items():
            path = directory / f"{hashlib.sha256(name.encode()).hexdigest()[:8]}.crl"
            path.write_bytes(crl)
            self.judged_by += ["--crl", str(path)]

    def run(self, *arguments: str | Path | int, answers: tuple[str | bytes, ...] = ()) -> int:
        keyboard = Typed(list(answers))
        for module in (sign, decrypt):
            self._patch.setattr(module, "TerminalKeyboard", lambda: keyboard)
        code = app.run([*map(str, arguments), "--lang", "en"])
        assert keyboard.answers == []
        return code

    def verify(self, *arguments: str | Path) -> int:
        return self.run("verify-signature", self.file, *arguments, *self.judged_by)


def pem(der: bytes) -> bytes:
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, monkeypatch)


def openssl(*arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, timeout=60, check=False)


def test_aut_3_a_document_is_shown_confirmed_signed_and_verified(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert desk.run("sign", desk.file, answers=("y", DEFAULT_PIN)) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for part in (
        str(len(TEXT)),
        hashlib.sha256(TEXT).hexdigest()[:16],
        "this is your will",
        "CMS, detached",
        DE_LINDE.name,
        "Signed:",
    ):
        assert part in shown
    made = desk.directory / "recept.txt.p7s"
    check = ("cms", "-verify", "-cades", "-binary", "-inform", "DER", "-in", made, "-content", desk.file)
    assert b"CAdES Verification successful" in openssl(*check, "-CAfile", desk.root, "-purpose", "any").stderr
    assert desk.verify() == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "The signature holds" in told
    assert JAN_DE_VRIES.surname.split()[-1] in told
    desk.file.write_bytes(TEXT + b"!")
    assert desk.verify() == 6
    assert "belongs to other content" in capsys.readouterr().err


def test_aut_3_json_says_what_was_signed_by_whom(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.run("sign", desk.file, "--yes", "--json", "--usage", "authenticity", answers=(DEFAULT_PIN,)) == 0
    signed = json.loads(capsys.readouterr().out)
    assert signed["ok"]
    assert signed["sha256"] == hashlib.sha256(TEXT).hexdigest()
    assert signed["usage"] == "authenticity"
    assert signed["certificate"]["state"] == "good"
    assert desk.verify("--json") == 6, "not with the signature key"
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "certificate.usage"
    assert desk.verify("--json", "--usage", "authenticity") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["signatory"]["ura"] == DE_LINDE.ura
    assert found["revocation"] == "good"


@pytest.mark.parametrize("detached", [False, True])
def test_aut_3_a_jws_has_a_type_and_is_none_of_another(
    desk: Desk, detached: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    kind = "vnd.example.recept+txt"
    options = ["--detached"] if detached else []
    order = ("sign", desk.file, "--jws", "--type", kind, "--yes", *options)
    assert desk.run(*order, answers=(DEFAULT_PIN,)) == 0
    made = desk.directory / "recept.txt.jws"
    assert (b".." in made.read_bytes()) is detached
    assert desk.verify("--type", kind) == 0
    assert desk.run("verify-signature", made, "--type", kind, *desk.judged_by) == (6 if detached else 0)
    desk.file.write_bytes(TEXT + b"!")
    assert desk.verify("--type", kind) == 6, "the JWS is whole, but not over this file"
    assert desk.verify(made, "--type", kind) == 6
    desk.file.write_bytes(TEXT)
    capsys.readouterr()
    assert desk.verify("--type", "vnd.example.verwijzing+txt") == 9
    assert desk.verify() == 3
    assert "--type" in capsys.readouterr().err


def test_aut_3_what_a_no_or_a_wrong_pin_leaves_is_nothing(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.run("sign", desk.file, answers=("n",)) == 3
    assert desk.run("sign", desk.file, "--yes", answers=(OTHER,)) == 3
    assert "tries left: 2" in capsys.readouterr().err
    assert not (desk.directory / "recept.txt.p7s").exists()


def test_aut_3_a_program_gives_the_pin_through_a_descriptor(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.run("sign", desk.file, "--yes", "--json", "--codes-fd", given(DEFAULT_PIN)) == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True
    assert desk.verify() == 0
    other = desk.directory / "other.p7s"
    assert desk.run("sign", desk.file, "--out", other, "--codes-fd", given(DEFAULT_PIN)) == 3, "nobody is asked"
    wrong = ("sign", desk.file, "--yes", "--out", other, "--json", "--codes-fd")
    for code in ("user.wrong_pin", "user.wrong_pin", "user.last_try"):
        capsys.readouterr()
        assert desk.run(*wrong, given(b"000000")) == 3
        assert json.loads(capsys.readouterr().out)["error"]["code"] == code
    assert desk.run(*wrong, given(DEFAULT_PIN), "--last-try") == 0


def test_aut_3_what_could_not_be_kept_is_not_signed(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    (desk.directory / "recept.txt.p7s").write_bytes(b"mine")
    assert desk.run("sign", desk.file) == 8, "no PIN is asked"
    assert "exists already" in capsys.readouterr().err
    assert desk.run("sign", desk.file, "--out", desk.directory / "nowhere" / "x") == 8
    assert desk.run("sign", desk.directory / "nothing") == 8
    os.mkfifo(desk.directory / "pipe")
    capsys.readouterr()
    for command in (
        ("sign", "--out", desk.directory / "s"),
        ("decrypt", "--out", desk.directory / "s"),
        ("verify-signature",),
    ):
        assert desk.run(command[0], desk.directory / "pipe", *command[1:], "--json") == 8
        assert json.loads(capsys.readouterr().out)["error"]["code"] == "storage"
    assert desk.run("decrypt", desk.directory / "nothing", "--out", desk.directory / "s", "--json") == 8
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "storage"
    assert desk.run("sign", desk.file, "--jws") == 3
    assert desk.run("sign", desk.file, "--type", "x") == 3
    assert (desk.directory / "recept.txt.p7s").read_bytes() == b"mine"


def test_aut_3_a_file_that_changes_meanwhile_is_not_signed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = sign._ask

    def ask(*arguments: object) -> None:
        asked(*arguments)  # type: ignore[arg-type]
        desk.file.write_bytes(b"something else")

    monkeypatch.setattr(sign, "_ask", ask)
    assert desk.run("sign", desk.file, "--yes", "--out", desk.directory / "s") == 8
    assert "changed while" in capsys.readouterr().err
    assert not (desk.directory / "s").exists()


def test_aut_3_a_pass_about_to_expire_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    three_years = timedelta(days=3 * 365)
    desk = Desk(tmp_path, monkeypatch, now=datetime.now(UTC) - three_years + timedelta(days=30))
    assert desk.run("sign", desk.file, "--yes", "--json", answers=(DEFAULT_PIN,)) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["certificate"]["state"] == "soon"
    assert "expires" in told.err


def test_aut_3_a_pass_without_a_name_has_no_signature_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = Desk(tmp_path, monkeypatch, "M")
    assert desk.run("sign", desk.file, "--yes") == 3
    assert "no key for that (signature" in capsys.readouterr().err
    assert desk.run("sign", desk.file, "--yes", "--usage", "authenticity", answers=(DEFAULT_PIN,)) == 0


def test_aut_3_what_was_not_judged_is_said(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.run("sign", desk.file, "--yes", answers=(DEFAULT_PIN,)) == 0
    own = ("--hierarchy", desk.generation)
    assert desk.run("verify-signature", desk.file, *own) == 0
    assert "was not checked; give the lists with --crl" in " ".join(capsys.readouterr().out.split())
    assert desk.run("verify-signature", desk.file, *own, "--json") == 0
    assert json.loads(capsys.readouterr().out)["revocation"] == "not judged"
    desk.pki.revoke(desk.contents)
    for name, crl in desk.pki.crls().items():
        (desk.directory / f"{hashlib.sha256(name.encode()).hexdigest()[:8]}.crl").write_bytes(crl)
    assert desk.verify() == 6
    assert "revoked" in capsys.readouterr().err
    assert desk.run("verify-signature", desk.file) == 6, "the root is not pinned"
    assert desk.run("verify-signature", desk.file, "--environment", "test") == 6
    assert desk.run("verify-signature", desk.file, *own, "--at", "2019-01-01") == 6


def test_aut_3_openssl_encrypts_and_the_pass_decrypts(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    certificate = desk.directory / "confidentiality.pem"
    certificate.write_bytes(pem(desk.contents.certificates[Usage.CONFIDENTIALITY]))
    message, out = desk.directory / "message.p7m", desk.directory / "plain"
    encrypt = ("cms", "-encrypt", "-binary", "-aes-256-gcm", "-in", desk.file, "-outform", "DER", "-out", message)
    assert openssl(*encrypt, certificate).returncode == 0
    assert desk.run("decrypt", message, "--out", out, "--json", answers=(DEFAULT_PIN,)) == 0
    assert json.loads(capsys.readouterr().out)["size"] == len(TEXT)
    assert out.read_bytes() == TEXT
    assert out.stat().st_mode & 0o777 == 0o600
    again = desk.directory / "again"
    assert desk.run("decrypt", message, "--out", again, "--codes-fd", given(DEFAULT_PIN)) == 0
    assert again.read_bytes() == TEXT
    assert desk.run("decrypt", message, "--out", out) == 8, "nothing is written over"
    certificate.write_bytes(pem(desk.contents.certificates[Usage.SIGNATURE]))
    assert openssl(*encrypt, certificate).returncode == 0
    capsys.readouterr()
    assert desk.run("decrypt", message, "--out", desk.directory / "other") == 9, "no PIN is asked"
    assert "cannot be opened with this card" in capsys.readouterr().err
