"""``zorgid-card inspect``: certificates and cards, for people and as JSON; it never spends a try."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from pki_world import SHARED, shared
from zorgid_card.adapters import pcsc
from zorgid_card.cli import app
from zorgid_card.errors import PCSCUnavailableError
from zorgid_card.testkit import uzi_tamper
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.testkit.uzi_profile import DE_LINDE, FATIMA_EL_AMRANI, JAN_DE_VRIES, Usage

LEAF = "uzi-test-card/authenticity.cer"


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


@pytest.fixture(scope="module")
def pki() -> UZITestPKI:
    return UZITestPKI(pool=KeyPool.shared())


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[SimulatedReader]]:
    found: list[SimulatedReader] = []
    monkeypatch.setattr(pcsc, "readers", lambda: found)
    return found


def with_card(name: str, card: VirtualCard) -> SimulatedReader:
    reader = SimulatedReader(name)
    reader.insert(card)
    return reader


def inspected(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any], str]:
    code = app.run(["inspect", "--json", *arguments])
    told = capsys.readouterr()
    return code, json.loads(told.out), told.err


def self_signed(name: str) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    builder = builder.not_valid_before(start).not_valid_after(start + timedelta(days=3650))
    return builder.sign(key, SHA256()).public_bytes(Encoding.DER)


# --- files -----------------------------------------------------------------------------------------------------------


def test_the_real_test_card_verifies_when_it_was_valid(capsys: pytest.CaptureFixture[str]) -> None:
    shared(LEAF)
    code, found, told = inspected(capsys, str(SHARED / LEAF), "--at", "2019-02-01")
    assert code == 0
    assert told == ""
    assert found["ok"] is True
    assert found["kind"] == "uzi-certificate"
    (one,) = found["certificates"]
    assert one["verdict"] == "trusted"
    assert one["chain"][-1] == "TEST Zorg CSP Root CA G3"
    expected = {
        "uzi_number": "900016528",
        "pass_type": "Z",
        "ura": "90000382",
        "role": "01.000",
        "role_name": "Arts",
        "agb": None,
        "organisation": "Tést Zorginstelling 03",
        "environment": "test",
        "usage": "authenticity",
    }
    assert {name: one["identity"][name] for name in expected} == expected


def test_the_real_test_card_is_refused_today_and_its_identity_is_shown_all_the_same(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shared(LEAF)
    code, found, told = inspected(capsys, str(SHARED / LEAF))
    assert code == 6
    (one,) = found["certificates"]
    assert (one["verdict"], one["reason"]) == ("refused", "certificate.expired")
    assert "2020-07-12" in one["message"]
    assert one["message"] in told
    assert one["identity"]["uzi_number"] == "900016528"
    assert app.run(["inspect", str(SHARED / LEAF), "--lang", "nl"]) == 6
    shown = capsys.readouterr()
    for words in (
        "900016528",
        "Z (zorgverlenerpas)",
        "90000382",
        "01.000 (Arts)",
        "AGB-code",
        "geen",
        "Tést Zorginstelling 03",
    ):
        assert words in shown.out
    assert "verlopen op 2020-07-12" in shown.err


def test_pem_der_and_ca_files_from_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leaf = x509.load_pem_x509_certificate(shared(LEAF))
    path = tmp_path / "leaf.der"
    path.write_bytes(leaf.public_bytes(Encoding.DER))
    code, found, _ = inspected(capsys, str(path), "--at", "2019-02-01")
    assert (code, found["certificates"][0]["reason"]) == (6, "certificate.untrusted")
    cas = [part for ca in sorted((SHARED / "uzi-test-card").glob("test-*.cer")) for part in ("--ca", str(ca))]
    code, found, _ = inspected(capsys, str(path), "--at", "2019-02-01", *cas)
    assert (code, found["certificates"][0]["verdict"]) == (0, "trusted")


def test_a_root_that_is_not_pinned_makes_no_uzi_chain(
    pki: UZITestPKI, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contents = pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", role="01.015", title="Huisarts")
    (tmp_path / "pass.cer").write_bytes(contents.certificates[Usage.AUTHENTICITY])
    for number, der in enumerate(contents.chain):
        (tmp_path / f"ca{number}.cer").write_bytes(der)
    root = tmp_path / f"ca{len(contents.chain) - 1}.cer"
    code, found, _ = inspected(capsys, str(tmp_path / "pass.cer"), "--ca", str(root))
    assert (code, found["certificates"][0]["reason"]) == (6, "certificate.untrusted")
    assert found["certificates"][0]["identity"]["uzi_number"] == JAN_DE_VRIES.uzi_number


def test_a_malformed_san_is_a_typed_error_that_names_the_field(
    pki: UZITestPKI, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tamper = uzi_tamper.san_field(2, "12345")
    contents = pki.pass_(FATIMA_EL_AMRANI, DE_LINDE, "N", tamper=tamper)
    path = tmp_path / "pass.cer"
    path.write_bytes(contents.certificates[Usage.AUTHENTICITY])
    code, found, told = inspected(capsys, str(path))
    assert code == 6
    assert found["error"]["code"] == "certificate.uzi_field"
    assert found["error"]["details"]["field"] == "uzi_number"
    assert "uzi_number" in told
    assert found["certificates"][0]["subject"] == "Fatima Zohra el Amrani"


def test_a_certificate_of_somebody_else_names_its_issuer(
    pki: UZITestPKI, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "somebody.cer"
    path.write_bytes(self_signed("Somebody Else"))
    code, found, told = inspected(capsys, str(path))
    assert (code, found["error"]["code"]) == (6, "certificate.not_uzi")
    assert "field issuer: Somebody Else" in told


CA_FILES = sorted(path.relative_to(SHARED) for path in SHARED.glob("uzi-ca/*.cer")) + sorted(
    path.relative_to(SHARED) for path in SHARED.glob("uzi-test-card/test-*.cer")
)
TEST_CAS = [SHARED / "uzi-test-card" / f"test-zorg-csp-{name}.cer" for name in ("level-2-persoon-ca-g3", "root-ca-g3")]


@pytest.mark.parametrize("name", CA_FILES, ids=lambda path: path.name)
def test_the_cas_of_the_register_are_cas_and_their_chains_hold(name: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cas = [part for path in TEST_CAS for part in ("--ca", str(path))]
    code, found, told = inspected(capsys, str(SHARED / name), "--at", "2026-11-23", *cas)
    assert (code, told) == (0, "")
    assert found["kind"] == "ca-certificate"
    (one,) = found["certificates"]
    assert one["verdict"] == "trusted"
    assert one["chain"][-1] in ("Staat der Nederlanden Root CA - G3", "TEST Zorg CSP Root CA G3")
    code, found, _ = inspected(capsys, str(SHARED / name), "--at", "2050-01-01", *cas)
    assert (code, found["error"]["code"]) == (6, "certificate.expired")


def test_a_ca_of_somebody_else_is_refused_unless_its_root_is_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "root.cer"
    path.write_bytes(Maker.create().root)
    code, found, _ = inspected(capsys, str(path))
    assert (code, found["kind"], found["error"]["code"]) == (6, "ca-certificate", "certificate.untrusted")
    assert app.run(["inspect", str(path), "--ca", str(path), "--lang", "nl"]) == 0
    assert "tot de opgegeven CA" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "certificate.malformed"),
        (b"hello", "certificate.malformed"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "certificate.malformed"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "certificate.malformed"),
        (b"\x30\x84\xff\xff\xff\xff" + bytes(2 << 20), "certificate.malformed"),
    ],
    ids=["empty", "text", "pem", "key", "huge"],
)
def test_a_corrupt_file_is_a_typed_error(
    content: bytes, code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "file.cer"
    path.write_bytes(content)
    exit_code, found, told = inspected(capsys, str(path))
    assert (exit_code, found["ok"], found["error"]["code"]) == (6, False, code)
    assert told.count("\n") == 1


def test_no_such_file_and_no_such_date(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found, told = inspected(capsys, str(tmp_path / "absent.cer"))
    assert (code, found["error"]["code"]) == (8, "storage")
    assert "absent.cer" in told
    assert "disk space" not in told


@pytest.mark.parametrize("date", ["yesterday", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59-14:00", ""])
def test_no_such_date(date: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["inspect", "x", "--at", date]) == 3
    assert "2019-02-01" in capsys.readouterr().err


@pytest.mark.parametrize("date", ["0001-01-01", "9999-12-31T23:59:59"])
def test_the_first_and_the_last_date_are_dates(date: str, capsys: pytest.CaptureFixture[str]) -> None:
    shared(LEAF)
    code, found, _ = inspected(capsys, str(SHARED / LEAF), "--at", date)
    assert code == 6
    assert found["error"]["code"] in ("certificate.expired", "certificate.not_yet_valid")


@pytest.mark.parametrize(
    ("source", "code", "words"),
    [
        ("{}", 8, "is a directory; name a file"),
        ("/dev/null", 8, "name an ordinary file"),
        ("{}/absent", 8, "no such file"),
        ("absent.txt", 8, "no such file absent.txt"),
        ("ACR93U", 5, "no file and no reader by the name ‘ACR93U’; check the name (connected: ACS ACR39U 00 00)"),
        ("", 5, "No name of a file or reader was given"),
    ],
)
def test_what_is_neither_file_nor_reader_is_said_so(
    source: str,
    code: int,
    words: str,
    tmp_path: Path,
    readers: list[SimulatedReader],
    capsys: pytest.CaptureFixture[str],
) -> None:
    readers.append(SimulatedReader("ACS ACR39U 00 00"))
    assert app.run(["inspect", source.format(tmp_path)]) == code
    told = capsys.readouterr().err
    assert words in told
    assert "PC/SC" not in told
    assert "disk space" not in told


def test_without_pcsc_a_misspelt_file_is_not_blamed_on_it_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unavailable() -> list[SimulatedReader]:
        raise PCSCUnavailableError(reason="service", advice="systemctl start pcscd.socket")

    monkeypatch.setattr(pcsc, "readers", unavailable)
    assert app.run(["inspect", "authenticty", "--lang", "nl"]) == 5
    told = capsys.readouterr().err
    assert "Er is geen bestand ‘authenticty’" in told
    assert "systemctl start pcscd.socket" in told
    assert app.run(["inspect", "--lang", "nl"]) == 5
    assert "draait niet" in capsys.readouterr().err


def test_a_ca_file_that_is_missing_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shared(LEAF)
    absent = str(tmp_path / "ca.pem")
    assert app.run(["inspect", str(SHARED / LEAF), "--ca", absent]) == 8
    assert f"no such file {absent}; check its name" in capsys.readouterr().err


# --- cards -----------------------------------------------------------------------------------------------------------


def test_a_pass_in_the_only_reader_with_a_card(
    pki: UZITestPKI, readers: list[SimulatedReader], capsys: pytest.CaptureFixture[str]
) -> None:
    card = VirtualUZIPass(pki.pass_(FATIMA_EL_AMRANI, DE_LINDE, "N"))
    readers += [SimulatedReader("Empty 00"), with_card("ACS ACR39U 00 00", card)]
    code, found, _ = inspected(capsys)
    assert code == 6, "its root is that of a test PKI"
    assert (found["source"], found["name"], found["kind"]) == ("reader", "ACS ACR39U 00 00", "uzi-pass")
    assert found["card"]["pin_tries"] == {"state": "known", "left": 3}
    assert [one["label"] for one in found["certificates"]] == ["authenticity", "signature", "confidentiality"]
    assert found["certificates"][0]["identity"]["pass_type"] == "N"
    assert card.tries_left == (3, 3)


@pytest.mark.parametrize("name", ["acr39u", "ACS ACR39U 00 00", "-"])
def test_a_blank_card_in_a_named_reader(
    name: str, readers: list[SimulatedReader], capsys: pytest.CaptureFixture[str]
) -> None:
    readers += [with_card("ACS ACR39U 00 00", Maker.create().blank()), SimulatedReader("Other 01")]
    code, found, _ = inspected(capsys, name)
    assert (code, found["kind"], found["certificates"]) == (0, "blank", [])
    assert found["card"]["firmware"] == "5.7.1"
    assert found["card"]["puk_tries"]["left"] == 3
    assert app.run(["inspect", name, "--lang", "nl"]) == 0
    assert "lege ZORG-ID Smartcard" in capsys.readouterr().out


def test_readers_that_cannot_be_chosen(readers: list[SimulatedReader], capsys: pytest.CaptureFixture[str]) -> None:
    assert inspected(capsys)[1]["error"]["code"] == "reader.none"
    readers += [SimulatedReader("One 00"), SimulatedReader("One 01")]
    assert inspected(capsys)[1]["error"]["code"] == "reader.no_card"
    code, found, told = inspected(capsys, "one")
    assert (code, found["error"]["code"]) == (3, "user.usage")
    assert "One 00, One 01" in told
    code, found, told = inspected(capsys, "two")
    assert (code, found["error"]["code"]) == (5, "reader.none")
    assert inspected(capsys, "One 00")[1]["error"]["code"] == "reader.no_card"


def test_a_card_of_another_kind_is_told_and_left_alone(
    readers: list[SimulatedReader], capsys: pytest.CaptureFixture[str]
) -> None:
    readers.append(with_card("Reader", VirtualCard(bytes.fromhex("3B00"))))
    code, found, _ = inspected(capsys)
    assert (code, found["kind"]) == (0, "unknown")
    assert found["card"]["pin_tries"] == {"state": "unknown", "left": None}
