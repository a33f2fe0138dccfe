"""``zorgid-card puk`` and ``recover``: a lost PUK from the question to the card in use again (PIN-3, PIN-4)."""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from recovery_world import KEY, MANAGER, Known
from terminal import Terminal
from world import PASSPHRASE, PRACTICE
from zorgid_card.cards import ZorgIDCard
from zorgid_card.cli import puk_acts
from zorgid_card.cli.app import run
from zorgid_card.cli.create import later
from zorgid_card.secret import Secret


def key_file(directory: Path, encryption: KeySerializationEncryption | None = None) -> Path:
    path = directory / "officer.pem"
    path.write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()))
    return path


def acting(known: Known, person: str, *more: str) -> list[str]:
    registry = f"sqlite:///{known.world.directory / 'registry.db'}"
    return [known.serial, "--db", registry, "--person", person, "--ura", PRACTICE.ura, *more, "--lang", "en"]


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def recover(known: Known, monkeypatch: pytest.MonkeyPatch, *more: str) -> int:
    """``zorgid-card recover`` with the portal in this process, and the holder at the desk."""
    known.world.reader.remove()
    owner = known.owner()
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(later, "seam_of", lambda options: known.world.portal)
    monkeypatch.setattr(later, "readers_of", lambda options: [known.world.reader])
    monkeypatch.setattr(later, "TerminalHolder", lambda *given: owner)
    journal = str(known.world.directory / "journal.db")
    done = run(["recover", "--portal", "https://portal.example", "--journal", journal, "--lang", "en", *more])
    known.puk = owner.puk or known.puk
    return done


def opened(sealed: Path, key: Path) -> list[bytes]:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as pipe:
        assert run(["puk", "open", str(sealed), "--key", str(key), "--puk-fd", str(writing), "--lang", "en"]) == 0
        os.close(writing)
        return pipe.read().split()


def test_pin_3_a_puk_out_of_escrow_by_two_people_and_the_card_in_use_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    known, out = Known(tmp_path, "escrow"), tmp_path / "released"
    public = tmp_path / "officer.pub"
    public.write_bytes(KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert run(["puk", "ask", *acting(known, MANAGER, "--reason", "forgotten", "--json")]) == 0
    assert told(capsys) == {
        "serial": known.serial, "person": MANAGER, "ura": PRACTICE.ura, "ok": True, "error": None,
    }  # fmt: skip
    assert run(["puk", "release", *acting(known, MANAGER, "--out", str(out), "--json")]) != 0
    refused = told(capsys)
    assert (refused["ok"], refused["error"]["code"]) == (False, "portal.not_allowed")
    assert not out.exists()
    assert run(["puk", "release", *acting(known, known.administrator, "--out", str(out), "--json")]) == 0
    assert told(capsys)["sealed"] == 1
    assert out.stat().st_mode & 0o777 == 0o600
    assert known.puk not in out.read_bytes()
    assert opened(out, key_file(tmp_path)) == [known.puk]
    known.disclosed = known.puk
    capsys.readouterr()
    assert recover(known, monkeypatch, "--json") != 0, "whose key it is to be sealed for is not configured here"
    assert told(capsys)["error"]["details"]["reason"] == "key officer"
    assert recover(known, monkeypatch, "--key-officer", str(public), "--json") == 0
    assert told(capsys) == {"serial": known.serial, "state": "suspended", "ok": True, "error": None}
    known.unblock()
    assert not known.works_with(known.disclosed)
    assert known.works_with(known.puk)


def test_what_is_released_is_no_file_that_is_there_and_what_is_opened_is_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = Known(tmp_path, "escrow")
    assert run(["puk", "ask", *acting(known, MANAGER, "--reason", "forgotten")]) == 0
    there = key_file(tmp_path)
    before = there.read_bytes()
    assert run(["puk", "release", *acting(known, known.administrator, "--out", str(there))]) != 0
    assert (there.read_bytes(), known.card.state) == (before, "active")
    for text in ("", "{}", "[]", "1", '{"serial": "1", "sealed": []}', '{"serial": "1", "sealed": ["%"]}', "[" * 9999):
        (tmp_path / "nothing").write_text(text)
        assert run(["puk", "open", str(tmp_path / "nothing"), "--key", str(there), "--json"]) != 0
        assert '"code": "storage"' in capsys.readouterr().out
    assert run(["puk", "open", str(there), "--key", str(tmp_path / "nothing")]) != 0
    missing = [
        "puk",
        "ask",
        "1",
        "--db",
        f"sqlite:///{tmp_path / 'no.db'}",
        "--person",
        "p",
        "--ura",
        "1",
        "--reason",
        "r",
    ]
    assert run(missing) != 0
    assert not (tmp_path / "no.db").exists()


def test_the_officer_opens_it_at_a_terminal_with_the_keys_passphrase_and_sees_it_once(tmp_path: Path) -> None:
    known, out = Known(tmp_path, "escrow"), tmp_path / "released"
    assert run(["puk", "ask", *acting(known, MANAGER, "--reason", "forgotten")]) == 0
    assert run(["puk", "release", *acting(known, known.administrator, "--out", str(out))]) == 0
    key = key_file(tmp_path, BestAvailableEncryption(b"officer"))
    command = [sys.executable, "-m", "zorgid_card.cli", "puk", "open", str(out), "--key", str(key)]
    terminal = Terminal([*command, "--lang", "en", "--no-color"])
    terminal.expect("Passphrase of the key: ")
    assert not terminal.echoes
    terminal.answer(b"officer")
    shown = terminal.expect(r"(\d{4})\s+(\d{4})")
    assert shown[1] + shown[2] == known.puk
    terminal.answer(b"")
    asked = terminal.expect(r"(\d)\D+(\d)\D+(\d)[^\d\n]*: ")
    terminal.answer(bytes(known.puk[int(position) - 1] for position in asked.groups()))
    terminal.expect("recovers card")
    assert terminal.end() == 0


def test_pin_3_a_puk_that_the_portal_resets_and_the_card_in_use_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = Known(tmp_path, "reset")
    known.inserted()

    @contextmanager
    def card(self: object, texts: object) -> Iterator[tuple[str, ZorgIDCard]]:
        yield "reader", known.world.card()

    monkeypatch.setattr(puk_acts.Place, "card", card)
    monkeypatch.setattr(puk_acts.TerminalKeyboard, "secret", lambda *given: Secret.of(PASSPHRASE))
    keys = str(known.world.directory / "master.key")
    assert run(["puk", "reset", *acting(known, MANAGER, "--reason", "lost", "--keys", keys)]) == 0
    assert re.search("everybody knows", " ".join(capsys.readouterr().out.split()))
    known.disclosed = known.maker
    assert known.works_with(known.disclosed)
    assert recover(known, monkeypatch) == 0
    assert "a PUK that only you know" in " ".join(capsys.readouterr().out.split())
    known.unblock()
    assert known.works_with(known.puk)
