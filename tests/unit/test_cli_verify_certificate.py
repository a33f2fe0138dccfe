"""``zorgid-card verify-certificate``: what a portal checks, for people and as JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from der_certificates import pem
from hostile_world import World
from pki_world import SHARED, shared
from zorgid_card.cli import app
from zorgid_card.cli.verify_certificate import CHECKS
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.hierarchy import UZI_TEST_G3
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi_profile import DE_LINDE, FRONT_DESK, JAN_DE_VRIES, Usage

CARD = SHARED / "uzi-test-card"
THEN = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


def asked(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, Any], str]:
    code = app.run(["verify-certificate", "--json", *map(str, arguments)])
    told = capsys.readouterr()
    return code, json.loads(told.out), told.err


def test_the_real_test_card_of_2019_holds(capsys: pytest.CaptureFixture[str]) -> None:
    shared("uzi-test-card/authenticity.cer")
    for usage in ("authenticity", "signature", "confidentiality"):
        code, found, told = asked(
            capsys, CARD / f"{usage}.cer", "--environment", "test", "--usage", usage, "--at", "2019-02-01"
        )
        assert (code, found["ok"], found["verdict"], told) == (0, True, "holds", "")
        assert [link["subject"] for link in found["chain"]][-1] == "TEST Zorg CSP Root CA G3"
        assert found["pinned"] is True
        assert found["identity"]["uzi_number"] == "900016528"
        assert found["checks"] == dict.fromkeys(CHECKS, "holds") | {"revocation": "not judged"}


def test_crd_1_an_expired_card_is_refused_with_the_certificate_that_expired(capsys: pytest.CaptureFixture[str]) -> None:
    shared("uzi-test-card/authenticity.cer")
    code, found, told = asked(capsys, CARD / "authenticity.cer", "--environment", "test")
    assert (code, found["verdict"], found["error"]["code"]) == (6, "refused", "certificate.expired")
    assert [link["fault"] for link in found["chain"]] == [True, False, False, False]
    assert found["checks"]["chain"] == "refused"
    assert found["checks"]["identity"] == found["checks"]["revocation"] == "not reached"
    assert "2020-07-12" in told


def test_a_test_card_is_refused_in_production(capsys: pytest.CaptureFixture[str]) -> None:
    shared("uzi-test-card/authenticity.cer")
    code, found, _ = asked(capsys, CARD / "authenticity.cer", CARD, SHARED / "uzi-ca", "--at", "2019-02-01")
    assert (code, found["environment"], found["pinned"]) == (6, "production", False)
    assert found["error"]["code"] == "certificate.untrusted"


@pytest.fixture
def made(tmp_path: Path) -> tuple[UZITestPKI, bytes, Path, list[str]]:
    """A pass of a test PKI, in files, with a hierarchy file that pins its root."""
    pki = UZITestPKI("test", pool=KeyPool.shared(), now=THEN)
    leaf = pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015").certificates[Usage.AUTHENTICITY]
    (tmp_path / "pass.pem").write_text(pem([leaf, *pki.chain("Z")]))
    text = (resources.files("zorgid_card.pki") / "hierarchies" / "uzi-test-g3.toml").read_text()
    pin = Certificate.parse(pki.root("Z")).fingerprint
    (tmp_path / "own.toml").write_text(text.replace(next(iter(UZI_TEST_G3.roots)), pin))
    options = ["--environment", "test", "--hierarchy", str(tmp_path / "own.toml"), "--at", "2026-06-01"]
    return pki, leaf, tmp_path / "pass.pem", options


def test_a_root_that_the_person_trusts_is_told_of(
    made: tuple[UZITestPKI, bytes, Path, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pki, _, file, _ = made
    (tmp_path / "root.cer").write_bytes(pki.root("Z"))
    options = ["--environment", "test", "--at", "2026-06-01"]
    assert asked(capsys, file, *options)[0] == 6
    assert (
        app.run(["verify-certificate", str(file), *options, "--root", str(tmp_path / "root.cer"), "--lang", "en"]) == 0
    )
    assert "not the UZI register's is trusted too (--root)" in capsys.readouterr().err


def test_revocation_is_judged_with_a_list(
    made: tuple[UZITestPKI, bytes, Path, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pki, leaf, file, options = made
    crl = tmp_path / "z.crl"
    crl.write_bytes(pki.crl(pki.chain("Z")[0], THEN))
    code, found, _ = asked(capsys, file, *options, "--crl", crl)
    assert (code, found["checks"]) == (0, dict.fromkeys(CHECKS, "holds"))
    pki.hold(leaf)
    crl.write_bytes(pki.crl(pki.chain("Z")[0], THEN))
    code, found, _ = asked(capsys, file, *options, "--crl", crl)
    assert (code, found["error"]["code"], found["checks"]["revocation"]) == (6, "certificate.on_hold", "refused")
    assert found["checks"]["identity"] == "holds"
    pki.release(leaf)
    crl.write_bytes(pki.crl(pki.chain("Z")[0], THEN))
    issuing, above = pki.chain("Z")[:2]
    pki.revoke(issuing, at=THEN)
    (tmp_path / "above.crl").write_bytes(pki.crl(above, THEN))
    assert asked(capsys, file, *options, "--crl", crl)[0] == 0, "the list of whoever certified the CA is not at hand"
    code, found, _ = asked(capsys, file, *options, "--crl", crl, "--crl", tmp_path / "above.crl")
    assert (code, found["error"]["code"]) == (6, "certificate.revoked")
    code, found, _ = asked(capsys, file, *options, "--crl", tmp_path / "above.crl")
    assert (code, found["error"]["code"]) == (6, "certificate.revocation_unknown")
    crl.write_bytes(b"no list")
    code, found, _ = asked(capsys, file, *options, "--crl", crl)
    assert (code, found["error"]["code"]) == (6, "certificate.malformed")


@pytest.mark.parametrize(("lang", "words"), [("nl", "vastgelegde root"), ("en", "pinned root")])
def test_people_read_the_chain_link_by_link(
    made: tuple[UZITestPKI, bytes, Path, list[str]], lang: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _, _, file, options = made
    assert app.run(["verify-certificate", str(file), *options, "--lang", lang]) == 0
    told = capsys.readouterr().out
    lines = told.splitlines()
    depths = [next(n for n, line in enumerate(lines) if name in line and "RSA" in line) for name in (
        "Jan de Vries", "Zorgverlener CA G3", "Level 2 Persoon", "Root CA G3",
    )]  # fmt: skip
    assert depths == sorted(depths)
    assert words in lines[depths[-1]]


def test_the_certificate_at_fault_is_marked_and_the_reason_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World()
    (tmp_path / "leaf.cer").write_bytes(world.leaf.der())
    (tmp_path / "cas.pem").write_text(
        pem([replace(world.z_plan, algorithm="1.2.840.113549.1.1.5").der(), world.level_2, world.root])
    )
    text = (resources.files("zorgid_card.pki") / "hierarchies" / "uzi-test-g3.toml").read_text()
    pin = Certificate.parse(world.root).fingerprint
    (tmp_path / "own.toml").write_text(text.replace(next(iter(UZI_TEST_G3.roots)), pin))
    options = ["--environment", "test", "--hierarchy", str(tmp_path / "own.toml"), "--at", "2026-06-01", "--lang", "nl"]
    assert app.run(["verify-certificate", str(tmp_path / "leaf.cer"), str(tmp_path / "cas.pem"), *options]) == 6
    told = capsys.readouterr()
    marked = [line for line in told.out.splitlines() if "hier gaat het mis" in line]
    assert len(marked) == 1
    assert "Zorgverlener CA G3" in marked[0]
    assert "te zwak" in told.err


def test_what_is_assumed_of_a_type_of_pass_is_said(
    made: tuple[UZITestPKI, bytes, Path, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pki, _, file, options = made
    _, found, _ = asked(capsys, file, *options)
    assert found["assumed"] is None
    leaf = pki.pass_(FRONT_DESK, DE_LINDE, "M").certificates[Usage.AUTHENTICITY]
    file.write_text(pem([leaf, *pki.chain("M")]))
    code, found, _ = asked(capsys, file, *options)
    assert (code, found["identity"]["pass_type"]) == (0, "M")
    assert "between those of N and S" in found["assumed"]
    assert app.run(["verify-certificate", str(file), *options, "--lang", "nl"]) == 0
    assert "aangenomen" in capsys.readouterr().out


def test_what_a_certificate_says_moves_no_cursor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names come from whoever made the certificate: they neither colour the terminal nor write over its lines."""
    hostile = World().named(subject={"2.5.4.3": "\x1b[2J\x1b]0;pwned\x07\u202eJan\r\nverdict: holds"})
    (tmp_path / "leaf.cer").write_bytes(hostile.der())
    for as_data in ((), ("--json",)):
        assert app.run(["verify-certificate", str(tmp_path / "leaf.cer"), *as_data, "--environment", "test"]) == 6
        told = capsys.readouterr()
        assert not {"\x1b", "\x07", "\r", "\u202e"} & set(told.out + told.err)
        assert "\nverdict: holds" not in told.out + told.err


def test_files_that_cannot_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found, _ = asked(capsys, tmp_path / "none.cer")
    assert (code, found["error"]["code"]) == (8, "storage")
    (tmp_path / "x.cer").write_bytes(b"hello")
    code, found, _ = asked(capsys, tmp_path / "x.cer")
    assert (code, found["error"]["code"], found["checks"]["form"]) == (6, "certificate.malformed", "refused")
    (tmp_path / "own.toml").write_text("name = 1")
    code, found, _ = asked(capsys, tmp_path / "x.cer", "--hierarchy", tmp_path / "own.toml")
    assert (code, found["error"]["code"]) == (6, "certificate.hierarchy")
    code, found, _ = asked(capsys, tmp_path / "x.cer", "--crl", tmp_path / "none.crl")
    assert code == 8
    assert app.run(["verify-certificate", str(tmp_path / "x.cer"), "--at", "yesterday"]) == 3
