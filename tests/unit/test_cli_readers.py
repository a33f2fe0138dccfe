"""``zorgid-card readers``: what is there, and what happens, for people and for programs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readers_world import World
from zorgid_card.adapters.pcsc import LIBRARY_VARIABLE, Change, Held
from zorgid_card.cli import app
from zorgid_card.cli.shown import dump
from zorgid_card.texts import TEXTS

pytestmark = pytest.mark.skipif("sys.platform != 'linux'", reason="the stub is a libpcsclite")

ATR = bytes.fromhex("3B026202")


@pytest.fixture
def world(readers_library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    world = World(readers_library, tmp_path)
    monkeypatch.setenv(LIBRARY_VARIABLE, world.path)
    yield world
    assert world["contexts"] == 0


def test_there_are_words_for_all_that_can_be_told() -> None:
    wanted = {f"readers.{change}" for change in Change} | {f"readers.slot.{held}" for held in Held}
    assert wanted - TEXTS.keys() == set()


@pytest.mark.parametrize(("lang", "words"), [("nl", ("Paslezer", "leeg")), ("en", ("Reader", "empty"))])
def test_the_readers_are_a_table(
    world: World, lang: str, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    world.plug("Desk 1", Held.CARD, ATR)
    world.plug("Desk 2")
    world.plug("\x1b[2JDesk 3", Held.MUTE)
    assert app.run(["readers", "--lang", lang]) == 0
    shown = capsys.readouterr().out
    for word in ("Desk 1", "3B 02 62 02", *words):
        assert word in shown
    assert "\x1b" not in shown


def test_no_reader_is_no_error(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["readers", "--lang", "en"]) == 0
    assert "No card reader is connected." in capsys.readouterr().out
    assert app.run(["readers", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"readers": [], "ok": True, "error": None}


def test_the_readers_as_json(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.plug("Desk 1")
    world.put("Desk 1", Held.CARD, ATR)
    world.plug("Desk 2")
    assert app.run(["readers", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["readers"] == [
        {"name": "Desk 1", "slot": "card", "atr": "3B026202", "counter": 1},
        {"name": "Desk 2", "slot": "nothing", "atr": None, "counter": None},
    ]


@given(
    st.text(st.characters()) | st.sampled_from(["Desk \udcff", "\x9b2JDesk", "\U000e0001"]), st.sampled_from([None, 2])
)
def test_json_carries_any_name_and_steers_no_terminal(name: str, indent: int | None) -> None:
    """pcscd's names are bytes: what is no UTF-8 among them comes as surrogates."""
    text = dump({"reader": name}, indent=indent)
    assert json.loads(text) == {"reader": name}
    assert text.replace("\n", "").isprintable()
    text.encode()


@pytest.mark.parametrize("options", [[], ["--watch"]])
def test_without_a_service_it_says_what_to_start(
    world: World, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    world.stop()
    assert app.run(["readers", "--json", "--lang", "en", *options]) == 5
    told = capsys.readouterr()
    assert "systemctl start pcscd.socket" in told.err
    found = json.loads(told.out)
    assert (found["ok"], found["error"]["code"]) == (False, "reader.pcsc")
    assert (told.out.count("\n") == 1) is bool(options)


WATCHING = """
import signal, sys, threading
from pathlib import Path
from readers_world import World
from zorgid_card.adapters.pcsc import Held
from zorgid_card.cli import app

signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests in the background ignores it
world = World(Path(sys.argv[1]), Path(sys.argv[2]))
import os
os.environ["ZORGID_PCSC_LIBRARY"] = world.path

def live():
    for line in sys.stdin:
        exec(line)

threading.Thread(target=live, daemon=True).start()
sys.exit(app.run(["readers", "--watch", "--lang", "en", *sys.argv[3:]]))
"""


class Watching:
    """The command in a process of its own, whose readers do as they are told."""

    def __init__(self, library: Path, directory: Path, *options: str) -> None:
        tests = str(Path(__file__).parents[1])
        self.process = subprocess.Popen(
            [sys.executable, "-c", WATCHING, str(library), str(directory), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": tests},
        )

    def after(self, happening: str) -> str:
        """The next line, after this has happened."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        if happening:
            self.process.stdin.write(happening + "\n")
            self.process.stdin.flush()
        return self.process.stdout.readline()

    def interrupt(self) -> tuple[int, str, str]:
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


def test_watching_tells_each_event_as_it_happens_and_ends_cleanly(readers_library: Path, tmp_path: Path) -> None:
    watching = Watching(readers_library, tmp_path)
    assert "Ctrl-C" in watching.after("")
    assert "Desk 1: reader connected" in watching.after("world.plug('Desk 1')")
    assert "Desk 1: card in (3B 02)" in watching.after("world.put('Desk 1', Held.CARD, bytes.fromhex('3B02'))")
    assert "Desk 1: card out" in watching.after("world.put('Desk 1', Held.NOTHING)")
    whole = bytes.fromhex("3BDC18FF8191FE1FC3060A2B06010401E910050204D6")
    assert f"({whole.hex(' ').upper()})" in watching.after(f"world.put('Desk 1', Held.CARD, {whole})")
    assert watching.interrupt() == (0, "", "")


def test_watching_as_json_lines(readers_library: Path, tmp_path: Path) -> None:
    watching = Watching(readers_library, tmp_path, "--json")
    found: list[dict[str, Any]] = [
        json.loads(watching.after(happening))
        for happening in (
            "world.plug('Desk 1')",
            "world.put('Desk 1', Held.CARD, bytes.fromhex('3B02'))",
            "world.stop()",
            "world.start()",
        )
    ]
    assert [(one["event"], one["atr"], one["counter"]) for one in found] == [
        ("reader-added", None, None),
        ("card-inserted", "3B02", 1),
        ("card-removed", None, 1),
        ("reader-removed", None, 1),
    ]
    assert all(one["reader"] == "Desk 1" and one["at"].endswith("Z") for one in found)
    assert json.loads(watching.after(""))["event"] == "reader-added"
    code, _, err = watching.interrupt()
    assert (code, err) == (0, "")
