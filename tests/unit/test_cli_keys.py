"""``zorgid-card keys`` at a real terminal, with a file and with SoftHSM; its test vectors against openssl's KBKDF."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import softhsm
from terminal import Terminal
from zorgid_card.adapters.keystore import FileKeyStore
from zorgid_card.cli import app
from zorgid_card.cli.keys import check_value, secret_of_hex
from zorgid_card.errors import UsageError
from zorgid_card.secret import Secret

PASSPHRASE, KEY = b"correct horse", b"404142434445464748494A4B4C4D4E4F"


def run(*arguments: str | Path) -> Terminal:
    command = [sys.executable, "-m", "zorgid_card.cli", "keys", *map(str, arguments), "--lang", "en", "--no-color"]
    return Terminal(command)


def ask(terminal: Terminal, prompt: str, secret: bytes) -> None:
    terminal.expect(prompt)
    assert not terminal.echoes
    terminal.answer(secret)


@pytest.fixture(
    params=["file", pytest.param("hsm", marks=pytest.mark.skipif(softhsm.module() is None, reason="no SoftHSM"))]
)
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The words that name a key store, which is made."""
    if request.param == "file":
        where = [str(tmp_path / "master.key")]
        terminal = run("create", *where)
        ask(terminal, "New passphrase for the key store: ", PASSPHRASE)
        ask(terminal, "once more: ", PASSPHRASE)
    else:
        monkeypatch.setenv("SOFTHSM2_CONF", str(softhsm.configuration(tmp_path)))
        softhsm.initialise("portal")
        where = ["--hsm", str(softhsm.module()), "--token", "portal"]
        terminal = run("create", *where)
        ask(terminal, "PIN of the HSM's token: ", softhsm.PIN)
    terminal.expect("The key store is made")
    assert terminal.end() == 0
    return where


def open_it(terminal: Terminal) -> None:
    if "file" in os.environ["PYTEST_CURRENT_TEST"]:
        ask(terminal, "Passphrase of the key store: ", PASSPHRASE)
    else:
        ask(terminal, "PIN of the HSM's token: ", softhsm.PIN)


def test_keys_are_made_rotated_added_and_shown(store: list[str]) -> None:
    terminal = run("rotate", *store)
    open_it(terminal)
    terminal.expect("a key of generation 2")
    assert terminal.end() == 0
    terminal = run("add-batch", "--first", "10000000", "--last", "10999999", *store)
    open_it(terminal)
    ask(terminal, "Batch key, in hexadecimal: ", KEY)
    terminal.expect("504A77")  # GlobalPlatform's well-known example key has a well-known check value
    assert terminal.end() == 0
    assert KEY not in terminal.shown
    terminal = run("show", "--json", *store)
    open_it(terminal)
    terminal.expect(r"\{.*\}")
    assert terminal.end() == 0
    told = json.loads(terminal.text[terminal.text.index("{") : terminal.text.rindex("}") + 1])
    assert [master["generation"] for master in told["masters"]] == [1, 2]
    assert told["batches"] == [{"first": "10000000", "last": "10999999"}]
    terminal = run("show", *store)
    open_it(terminal)
    terminal.expect("1 .*cards that have it")
    terminal.expect("2 .*new cards")
    terminal.expect("10000000 – 10999999")
    assert terminal.end() == 0


def test_what_cannot_be_used_is_said_in_a_sentence(store: list[str]) -> None:
    terminal = run("add-batch", "--first", "1", "--last", "2", *store)
    open_it(terminal)
    ask(terminal, "Batch key", b"not a key")
    terminal.expect("This is no key: enter 32, 48 or 64")
    assert terminal.end() != 0
    terminal = run("add-batch", "--first", "1", "--last", "22", *store)
    terminal.expect("serial numbers of one length")
    assert terminal.end() != 0


def test_a_wrong_passphrase_or_two_that_differ(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    terminal = run("create", path)
    ask(terminal, "New passphrase", PASSPHRASE)
    ask(terminal, "once more", b"other")
    terminal.expect("two passphrases differ")
    assert terminal.end() != 0
    assert not path.exists()
    FileKeyStore.create(path, Secret.of(PASSPHRASE))
    terminal = run("rotate", path)
    ask(terminal, "Passphrase", b"wrong")
    terminal.expect("does not open the key")
    assert terminal.end() != 0
    assert FileKeyStore.open(path, Secret.of(PASSPHRASE)).generation == 1


@pytest.mark.parametrize("words", [[], ["x", "--hsm", "m", "--token", "t"], ["--hsm", "m"], ["--token", "t"]])
def test_one_place_is_named(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["keys", "show", *words, "--lang", "en"]) != 0
    assert "Name a key file, or an HSM" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_sp_800_108_the_vectors_for_makers_are_what_openssl_derives(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["keys", "vectors", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["vectors"]
    assert len(found) == 15
    for vector in found:
        options = {
            "mac": "CMAC",
            "cipher": f"AES-{4 * len(vector['key'])}-CBC",
            "mode": "COUNTER",
            "hexkey": vector["key"],
            "hexsalt": vector["label"].encode().hex(),
            "hexinfo": vector["serial"].encode().hex(),
        }
        command = ["openssl", "kdf", "-keylen", str(len(vector["derived"]) // 2)]
        for name, value in options.items():
            command += ["-kdfopt", f"{name}:{value}"]
        ran = subprocess.run([*command, "KBKDF"], capture_output=True, text=True, timeout=60, check=True)
        assert ran.stdout.strip().replace(":", "").lower() == vector["derived"]


def test_the_vectors_are_readable(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["keys", "vectors"]) == 0
    assert "zorgid-card SCP03 ENC AES128" in capsys.readouterr().out


@given(
    key=st.sampled_from([16, 24, 32]).flatmap(lambda size: st.binary(min_size=size, max_size=size)), upper=st.booleans()
)
def test_a_key_in_hexadecimal_is_read_with_and_without_blanks(key: bytes, upper: bool) -> None:
    text = key.hex(" ") if upper else key.hex().upper()
    with secret_of_hex(Secret.of(text.encode())).expose() as read:
        assert bytes(read) == key


@given(text=st.binary(max_size=100))
def test_what_is_no_key_is_a_typed_error(text: bytes) -> None:
    try:
        assert len(secret_of_hex(Secret.of(text))) in (16, 24, 32)
    except UsageError as error:
        assert error.reason == "hex"


def test_check_values_are_globalplatforms() -> None:
    """The check value of the well-known key 40..4F as other tools print it; and for any key, openssl's first block."""
    assert check_value(Secret.of(bytes.fromhex(KEY.decode()))) == "504A77"
    for size in (16, 24, 32):
        command = ["openssl", "enc", f"-aes-{8 * size}-ecb", "-nopad", "-K", bytes(range(size)).hex()]
        ran = subprocess.run(command, input=b"\x01" * 16, capture_output=True, timeout=60, check=True)
        assert check_value(Secret.of(bytes(range(size)))) == ran.stdout[:3].hex().upper()
