"""ZORG-ID Smartcards before the commands that verify: judged by whoever issued them, and by nobody else (AUT-1, AUT-2)."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from der_certificates import pem
from zorgid_card import Secret, open_card
from zorgid_card.adapters import pcsc
from zorgid_card.cli import app, login
from zorgid_card.cli.documents import sign
from zorgid_card.pki.certificate import Certificate
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.uzi_profile import FATIMA_EL_AMRANI
from zorgid_card.testkit.zorgid import PIN, ZorgIDTestIssuer

NONCE = base64.b64encode(bytes(range(32))).decode()
ORIGIN = "https://portal.example"


class Holder:
    """Whose PIN is asked."""

    def line(self, prompt: str, /) -> str:
        raise AssertionError(prompt)

    def secret(self, prompt: str, /) -> Secret:
        return Secret.of(PIN)


@dataclass
class Desk:
    """A reader with a ZORG-ID Smartcard of an issuer, whose certificates and lists are in files."""

    directory: Path
    issuer: ZorgIDTestIssuer
    certificate: bytes

    @property
    def issued_by(self) -> list[str]:
        return ["--issuer", str(self.directory / "issuer.pem")]

    def lists(self, *revoked: str) -> list[str]:
        """Files with the issuer's CRLs, on which these serial numbers stand."""
        authority, now = self.issuer.authority, datetime.now(UTC)
        entries = [(int(serial, 16), now - timedelta(hours=1), "keyCompromise") for serial in revoked]
        options: list[str] = []
        for name, root in (("issuing.crl", False), ("root.crl", True)):
            crl = authority.sign_crl(() if root else entries, 1, now, now + timedelta(days=1), root=root)
            (self.directory / name).write_bytes(crl)
            options += ["--crl", str(self.directory / name)]
        return options

    def run(self, *arguments: object) -> int:
        return app.run([*map(str, arguments), "--lang", "en"])

    def token(self, capsys: pytest.CaptureFixture[str]) -> list[str]:
        """Names a file with a token by the card, as ``login --nonce`` prints it."""
        assert self.run("login", "--origin", ORIGIN, "--nonce", NONCE) == 0
        (self.directory / "token.json").write_text(capsys.readouterr().out)
        return ["verify-token", str(self.directory / "token.json"), "--origin", ORIGIN, "--nonce", NONCE]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    issuer, reader = ZorgIDTestIssuer(), SimulatedReader("Reader 00")
    reader.insert(issuer.card(FATIMA_EL_AMRANI))
    monkeypatch.setattr(pcsc, "readers", lambda: [reader])
    monkeypatch.setattr(login, "keyboard", Holder)
    monkeypatch.setattr(sign, "TerminalKeyboard", Holder)
    (tmp_path / "issuer.pem").write_text(pem(issuer.authority.chain))
    with open_card(reader) as card:
        certificate = card.authentication_certificate()
    return Desk(tmp_path, issuer, certificate)


def found(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def test_aut_2_a_token_of_a_smartcard_is_judged_by_its_issuer(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    asked = [*desk.token(capsys), *desk.issued_by]
    assert desk.run(*asked, *desk.lists()) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert FATIMA_EL_AMRANI.common_name in shown
    assert "names no organisation" in shown
    assert "Revocation was checked." in shown
    assert desk.run(*asked, "--json") == 0
    told = found(capsys)
    assert (told["revocation"], told["who"]["means"]) == ("not judged", "zorgid-smartcard")
    assert (told["who"]["uzi_number"], told["who"]["ura"]) == (FATIMA_EL_AMRANI.uzi_number, None)


def test_aut_2_without_the_issuer_a_smartcard_is_refused_and_what_to_do_is_said(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = desk.token(capsys)
    assert desk.run(*asked, "--json") == 6
    told = capsys.readouterr()
    assert json.loads(told.out)["error"]["code"] == "certificate.not_uzi"
    assert "--issuer" in told.err
    stranger = desk.directory / "stranger.pem"
    stranger.write_text(pem(ZorgIDTestIssuer().authority.chain))
    assert desk.run(*asked, "--issuer", stranger, "--json") == 6
    assert found(capsys)["error"]["code"] == "certificate.untrusted"
    (desk.directory / "issuing.pem").write_text(pem(desk.issuer.authority.chain[:1]))
    assert desk.run(*asked, "--issuer", desk.directory / "issuing.pem", "--json") == 6, "its root is not among them"
    assert found(capsys)["error"]["code"] == "certificate.untrusted"


def test_aut_2_a_revoked_smartcard_is_refused(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    asked = [*desk.token(capsys), *desk.issued_by]
    serial = Certificate.parse(desk.certificate).serial_hex
    assert desk.run(*asked, *desk.lists(serial)) == 6
    assert "This ZORG-ID Smartcard is revoked" in " ".join(capsys.readouterr().err.split())


def test_aut_2_the_certificate_of_a_smartcard_is_judged_step_by_step(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    file = desk.directory / "card.cer"
    file.write_bytes(desk.certificate)
    asked = ["verify-certificate", file, *desk.issued_by, *desk.lists()]
    assert desk.run(*asked) == 0
    assert "The certificate holds." in " ".join(capsys.readouterr().out.split())
    assert desk.run(*asked, "--json") == 0
    told = found(capsys)
    assert told["pinned"]
    assert len(told["chain"]) == 3
    assert set(told["checks"].values()) == {"holds"}
    assert told["identity"]["uzi_number"] == FATIMA_EL_AMRANI.uzi_number
    assert desk.run(*asked, "--usage", "signature", "--json") == 6
    assert found(capsys)["checks"]["usage"] == "refused"


def test_aut_3_a_signature_by_a_smartcard_is_told_whose(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    file = desk.directory / "recept.txt"
    file.write_text("amoxicilline")
    assert desk.run("sign", file, "--usage", "authenticity", "--yes") == 0
    asked = ["verify-signature", file, "--usage", "authenticity", *desk.lists()]
    capsys.readouterr()
    assert desk.run(*asked, *desk.issued_by, "--json") == 0
    assert found(capsys)["signatory"] == {
        "name": FATIMA_EL_AMRANI.common_name,
        "uzi_number": FATIMA_EL_AMRANI.uzi_number,
    }
    assert desk.run(*asked, *desk.issued_by) == 0
    assert FATIMA_EL_AMRANI.common_name in capsys.readouterr().out
    assert desk.run(*asked) == 6
    assert "--issuer" in capsys.readouterr().err
