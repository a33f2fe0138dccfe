"""``zorgid-card keys`` at a real terminal, with a file and with SoftHSM; its test vectors against openssl's KBKDF."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import softhsm
from terminal import Terminal
from world import PASSPHRASE as WORLD_PASSPHRASE
from world import World
from zorgid_card.adapters.keystore import FileKeyStore
from zorgid_card.cli import app
from zorgid_card.cli import keys as acts
from zorgid_card.cli.display import Display, console
from zorgid_card.cli.keys import check_value, secret_of_hex
from zorgid_card.cli.options import texts_of
from zorgid_card.errors import PassphraseError, UsageError
from zorgid_card.pki import _keyfile
from zorgid_card.pki.authority import Authority
from zorgid_card.ports.registry import SmartCard
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


def test_a_generation_is_retired_unless_cards_have_a_key_of_it(store: list[str], tmp_path: Path) -> None:
    terminal = run("rotate", *store)
    open_it(terminal)
    assert terminal.end() == 0
    portal = tmp_path / "portal"
    portal.mkdir()
    world = World(portal)
    world.validated()
    world.create(world.worker())
    registry = ["--db", f"sqlite:///{portal / 'registry.db'}"]
    terminal = run("retire", "--generation", "1", *registry, *store)
    open_it(terminal)
    terminal.expect("1 .*still have a key of this generation")
    assert terminal.end() != 0
    terminal = run("retire", "--generation", "1", *store)
    open_it(terminal)
    terminal.expect(r"No registry was named.*to go\? \[y/n\] ")
    terminal.answer(b"n")
    terminal.expect("has stayed")
    assert terminal.end() != 0
    with world.registry.begin() as unit:
        (card,) = unit.find(SmartCard)
        unit.replace(replace(card, state="revoked"))
    for words, said in ((["1", *registry], "generation 1 is gone"), (["2", *registry], "make a new one first")):
        terminal = run("retire", "--generation", *words, *store)
        open_it(terminal)
        terminal.expect(said)
        terminal.end()
    terminal = run("retire", "--generation", "1", "--db", f"sqlite:///{tmp_path / 'nothing.db'}", *store)
    open_it(terminal)
    terminal.expect("no such file")
    assert terminal.end() != 0


def test_the_passphrase_of_a_portals_keys_is_changed_all_at_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    terminal = run("passphrase", tmp_path / "master.key")
    ask(terminal, "Passphrase of the key store: ", WORLD_PASSPHRASE)
    ask(terminal, "New passphrase", PASSPHRASE)
    ask(terminal, "once more", PASSPHRASE)
    terminal.expect("passphrase is changed, that of the CA")
    assert terminal.end() == 0
    with pytest.raises(PassphraseError):
        world.reopened()
    assert FileKeyStore.open(tmp_path / "master.key", Secret.of(PASSPHRASE)).generation == 1
    assert Authority.open(tmp_path / "ca", Secret.of(PASSPHRASE)).root == world.authority.root


class Typed:
    """A keyboard whose answers are known."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = [*answers]

    def secret(self, prompt: str) -> Secret:
        return Secret.of(self.answers.pop(0))


def _killed_at(number: int, directory: Path) -> None:
    """In a process of its own: what changes a file is counted, and instead of the n-th the process is gone."""
    counted = iter(range(1, 1000))

    def counting(act: Callable[..., Any]) -> Callable[..., Any]:
        def act_or_die(*given: Any, **named: Any) -> Any:
            if next(counted) == number:
                os._exit(9)
            return act(*given, **named)

        return act_or_die

    for name in ("replace", "link", "unlink", "fsync"):
        setattr(os, name, counting(getattr(os, name)))
    _change(directory)
    os._exit(0)


def _change(directory: Path) -> None:
    typed = Typed(WORLD_PASSPHRASE, PASSPHRASE, PASSPHRASE)
    acts.TerminalKeyboard = lambda: typed  # type: ignore[assignment,misc]
    display = Display(console(no_color=True, stderr=True), texts_of("en"))
    acts.passphrase(display, acts.Place(directory / "master.key", None, ""))


def test_a_change_of_the_passphrase_that_is_killed_loses_nothing_and_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick_keys: None
) -> None:
    monkeypatch.setattr(acts, "TerminalKeyboard", acts.TerminalKeyboard)
    original = tmp_path / "original"
    original.mkdir()
    root = World(original, own_ca=True).authority.root
    context = multiprocessing.get_context("fork")
    code = number = 0
    while code != 0 or number == 0:
        number += 1
        directory = tmp_path / str(number)
        shutil.copytree(original, directory)
        child = context.Process(target=_killed_at, args=(number, directory))
        child.start()
        child.join()
        code = child.exitcode or 0
        assert code in (0, 9)
        opens_by_one_of_two(directory)
        _change(directory)
        assert FileKeyStore.open(directory / "master.key", Secret.of(PASSPHRASE)).generation == 1
        assert Authority.open(directory / "ca", Secret.of(PASSPHRASE)).root == root
    assert number > 10


def opens_by_one_of_two(directory: Path) -> None:
    """Each file by itself."""
    opened = 0
    for passphrase in (WORLD_PASSPHRASE, PASSPHRASE):
        with suppress(PassphraseError):
            FileKeyStore.open(directory / "master.key", Secret.of(passphrase))
            opened += 1
        for path in (directory / "ca").glob("*.key.pem"):
            with suppress(PassphraseError):
                _keyfile.decrypt_key(path.read_bytes(), Secret.of(passphrase), path)
                opened += 1
    assert opened == 3


def test_the_pin_of_an_hsm_is_not_changed_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["keys", "passphrase", "--hsm", "m", "--token", "t", "--lang", "en"]) != 0
    assert "HSM's own tool" in capsys.readouterr().err


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
