"""``zorgid-card simulate``: a card behind vpcd, its state kept from run to run."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from zorgid_card.cards import CardKind, Detected, ZorgIDCard, detect
from zorgid_card.cli import app, simulate
from zorgid_card.cli.display import Display
from zorgid_card.cli.simulate import Options, Simulated, VPCDError, obtain
from zorgid_card.codec.link import Link
from zorgid_card.errors import StorageError, UsageError
from zorgid_card.secret import Secret
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.nist import VirtualNISTCard
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.testkit.uzi_profile import Usage
from zorgid_card.texts import Language, Texts


class VPCD:
    """A virtual reader that a card connects to."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(20)
        self.port: int = self._listening.getsockname()[1]

    def accept(self) -> socket.socket:
        card, _ = self._listening.accept()
        card.settimeout(20)
        return card

    def close(self) -> None:
        self._listening.close()


def ask_atr(card: socket.socket) -> bytes:
    card.sendall(b"\x00\x01\x04")
    size = int.from_bytes(card.recv(2, socket.MSG_WAITALL), "big")
    return card.recv(size, socket.MSG_WAITALL)


@pytest.fixture
def vpcd() -> Iterator[VPCD]:
    found = VPCD()
    yield found
    found.close()


def display() -> tuple[Display, io.StringIO]:
    out = io.StringIO()
    return Display(Console(file=out, width=80), Texts(Language.EN)), out


def detected(card: VirtualCard) -> Detected:
    reader = SimulatedReader()
    reader.insert(card)
    return detect(Link(reader.connect()))


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("blank", CardKind.BLANK),
        ("blank-nist", CardKind.BLANK),
        ("zorgid-nist", CardKind.ZORGID),
        ("uzi-z", CardKind.UZI_PASS),
        ("uzi-n", CardKind.UZI_PASS),
        ("uzi-m", CardKind.UZI_PASS),
    ],
)
def test_each_kind_is_what_it_says(kind: str, found: CardKind) -> None:
    simulated = obtain(Options(kind=kind))
    assert detected(simulated.card).kind is found
    if isinstance(simulated.card, VirtualUZIPass):
        assert simulated.card.contents.pass_type.value == kind[-1].upper()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Simulated, Path]:
    path = tmp_path_factory.mktemp("simulate") / "card.json"
    simulated = obtain(Options(kind="zorgid", state=path, key_algorithm="ECCP256"))
    simulated.card.save(path)
    return simulated, path


def test_a_zorgid_card_was_made_by_the_workflows_and_opens_with_its_pin(made: tuple[Simulated, Path]) -> None:
    simulated, path = made
    reader = SimulatedReader()
    reader.insert(simulated.card)
    link = Link(reader.connect())
    assert detect(link).kind is CardKind.ZORGID
    card = ZorgIDCard(link)
    card.verify_pin(Secret.of(simulated.pin))
    card.change_puk(Secret.of(simulated.puk), Secret.of(simulated.puk))
    assert b"BEGIN CERTIFICATE" in path.with_name("card.json.ca.pem").read_bytes()


def test_a_kept_card_comes_back_with_its_pin(made: tuple[Simulated, Path]) -> None:
    simulated, path = made
    again = obtain(Options(kind="zorgid", state=path))
    assert (again.pin, again.puk) == (simulated.pin, simulated.puk)
    assert detected(again.card).kind is CardKind.ZORGID


@pytest.mark.parametrize("kind", ["blank-nist", "zorgid-nist"])
def test_a_kept_card_of_the_nist_dialect_keeps_its_channel_keys_which_are_told(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    simulated = obtain(Options(kind=kind, state=path, key_algorithm="ECCP256"))
    assert isinstance(simulated.card, VirtualNISTCard)
    simulated.card.save(path)
    again = obtain(Options(kind=kind, state=path)).card
    assert isinstance(again, VirtualNISTCard)
    assert (again.serial, again.channel_keys) == (simulated.card.serial, simulated.card.channel_keys)
    assert path.with_name("card.json.ca.pem").exists() is (kind == "zorgid-nist")
    with pytest.raises(UsageError):
        obtain(Options(kind=kind.removesuffix("-nist"), state=path))
    shown, out = display()
    simulate._tell(shown, Options(kind=kind), simulated, 35963)
    keys = simulated.card.channel_keys
    assert keys is not None
    assert keys.enc.hex() in out.getvalue()
    assert keys.mac.hex() in out.getvalue()
    assert str(simulated.card.serial) in out.getvalue()


def test_what_a_simulated_pass_certifies_holds_with_the_ca_certificates_beside_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "pass.json"
    card = obtain(Options(kind="uzi-n", state=kept)).card
    assert isinstance(card, VirtualUZIPass)
    (tmp_path / "card.cer").write_bytes(card.contents.certificates[Usage.AUTHENTICITY])
    asked = ["verify-certificate", str(tmp_path / "card.cer"), "--json"]
    assert app.run([*asked, "--root", str(kept.with_name("pass.json.ca.pem"))]) == 0
    assert json.loads(capsys.readouterr().out)["chain"][-1]["subject"] == "Staat der Nederlanden Root CA - G3"
    assert app.run(asked) == 6, "simulated roots are nobody's"


def test_another_kind_of_file_is_refused(made: tuple[Simulated, Path], tmp_path: Path) -> None:
    for other in ("uzi-z", "zorgid-nist"):
        with pytest.raises(UsageError):
            obtain(Options(kind=other, state=made[1]))
    path = tmp_path / "pass.json"
    obtain(Options(kind="uzi-z")).card.save(path)
    with pytest.raises(UsageError):
        obtain(Options(kind="uzi-n", state=path))
    for foreign in (b"\x00garbage", b"[]", b'{"format": "else"}', b"-----BEGIN CERTIFICATE-----"):
        path.write_bytes(foreign)
        with pytest.raises(StorageError) as caught:
            obtain(Options(kind="uzi-z", state=path))
        assert caught.value.reason == "foreign"
        assert path.read_bytes() == foreign


def test_a_foreign_state_file_is_named_and_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("my notes")
    assert app.run(["simulate", "blank", "--state", str(path), "--lang", "nl"]) == 8
    told = capsys.readouterr().err
    assert f"In {path} staat geen kaart die dit programma heeft bewaard" in told
    assert "schijfruimte" not in told
    assert path.read_text() == "my notes"


def test_without_vpcd_one_sentence_says_what_to_do(vpcd: VPCD, capsys: pytest.CaptureFixture[str]) -> None:
    vpcd.close()
    assert app.run(["simulate", "blank", "--port", str(vpcd.port), "--lang", "en"]) == 5
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert f"127.0.0.1:{vpcd.port}" in told
    assert "vsmartcard-vpcd" in told


def test_the_second_slot_has_the_next_port(vpcd: VPCD, monkeypatch: pytest.MonkeyPatch) -> None:
    thread = threading.Thread(target=lambda: vpcd.accept().close())
    thread.start()
    with pytest.raises(VPCDError):
        simulate.simulate(display()[0], Options(kind="blank", port=vpcd.port - 1, slot=1))
    thread.join()


def test_a_reader_that_goes_away_is_told_and_the_state_is_kept(vpcd: VPCD, tmp_path: Path) -> None:
    atr: list[bytes] = []

    def serve() -> None:
        with vpcd.accept() as card:
            atr.append(ask_atr(card))

    thread = threading.Thread(target=serve)
    thread.start()
    shown, out = display()
    with pytest.raises(VPCDError) as caught:
        simulate.simulate(shown, Options(kind="blank", port=vpcd.port, state=tmp_path / "card.json"))
    thread.join()
    assert caught.value.details["reason"] == "gone"
    assert atr == [obtain(Options(kind="blank")).card.atr]
    assert "123456" in out.getvalue()
    assert "opensc-tool" in out.getvalue()
    assert json.loads((tmp_path / "card.json").read_text())["serial"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_runs_until_it_is_stopped_and_keeps_the_state(how: signal.Signals, vpcd: VPCD, tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    command = [
        sys.executable,
        "-m",
        "zorgid_card.cli",
        "simulate",
        "blank",
        "--port",
        str(vpcd.port),
        "--state",
        str(path),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "LC_ALL": "nl_NL"}) as program:
        card = vpcd.accept()
        assert ask_atr(card).startswith(b"\x3b")
        assert program.stdout is not None
        while "Ctrl-C" not in program.stdout.readline():
            pass
        program.send_signal(how)
        assert program.wait(20) == 0
        card.close()
    assert obtain(Options(kind="blank", state=path)).pin == b"123456"
    assert path.stat().st_mode & 0o777 == 0o600
