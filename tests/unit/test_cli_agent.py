"""``zorgid-card agent``: the lists, the agent's process and its prompts in a terminal."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from terminal import Terminal
from zorgid_card.agent import protocol
from zorgid_card.cli.app import run
from zorgid_card.cli.create.trial import PASS
from zorgid_card.cli.simulate import Options, obtain

pytest.importorskip("websockets")
from websockets.sync.client import ClientConnection, connect

ORIGIN = "https://portal.example"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user of their own, on a computer where nothing is laid down."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr("zorgid_card.cli.beside.run.rollout_file", lambda: tmp_path / "agent.toml")
    return tmp_path


def shown(capsys: pytest.CaptureFixture[str]) -> Any:
    assert run(["agent", "list", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_portal_is_allowed_listed_and_forgotten(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["agent", "list", "--lang", "en"]) == 0
    assert "No portal has been paired yet." in capsys.readouterr().out
    assert run(["agent", "allow", "https://Portal.example/", "--lang", "en"]) == 0
    capsys.readouterr()
    (found,) = shown(capsys)["origins"]
    assert (found["origin"], found["by"]) == (ORIGIN, "user")
    assert run(["agent", "list"]) == 0
    assert ORIGIN in capsys.readouterr().out
    assert run(["agent", "forget", ORIGIN, "--lang", "en"]) == 0
    assert "may not use the agent any more" in capsys.readouterr().out
    assert run(["agent", "forget", ORIGIN, "--lang", "en"]) == 0
    assert "was not on your list" in capsys.readouterr().out
    assert shown(capsys) == {"origins": [], "pairing": True, "ok": True, "error": None}


def test_what_the_administrator_allows_is_listed_and_stays(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "agent.toml").write_text(f'origins = ["{ORIGIN}"]\npairing = false\n')
    (home / "agent.toml").chmod(0o644)
    assert run(["agent", "forget", ORIGIN, "--lang", "en"]) == 0
    assert "stays so" in capsys.readouterr().out
    assert run(["agent", "list", "--lang", "en"]) == 0
    told = capsys.readouterr().out
    assert ORIGIN in told
    assert "admits no other portals" in told
    assert run(["agent", "allow", "https://other.example", "--lang", "en"]) == 3
    assert "administrator of this computer decides" in capsys.readouterr().err
    assert shown(capsys)["origins"] == [{"origin": ORIGIN, "by": "administrator", "since": None}]


@pytest.mark.parametrize("origin", ["http://portal.example", "portal.example", "https://portal.example/page"])
def test_what_is_no_origin_is_said(origin: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["agent", "allow", origin, "--lang", "en"]) == 3
    assert "This is no address of a portal" in capsys.readouterr().err


def test_a_list_that_is_broken_is_said_and_no_agent_starts(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "zorgid-card").mkdir(mode=0o700)
    (home / "zorgid-card" / "agent.json").write_text("{")
    (home / "zorgid-card" / "agent.json").chmod(0o600)
    assert run(["agent", "list", "--lang", "en"]) == 8
    assert "no list of portals" in capsys.readouterr().err
    (home / "agent.toml").write_text("pairings = false")
    assert run(["agent", "--prompt", "pinentry", "--pinentry", sys.executable, "--lang", "en"]) == 8
    assert str(home / "agent.toml") in capsys.readouterr().err


def test_the_protocol_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["agent", "protocol"]) == 0
    assert capsys.readouterr().out == protocol.page()


def test_without_a_terminal_the_terminal_cannot_ask(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["agent", "--prompt", "terminal", "--lang", "en"]) == 3
    assert "need a terminal" in capsys.readouterr().err


def test_certificates_that_cannot_be_read_are_said_before_a_page_comes(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["agent", "--pinentry", sys.executable, "--ca", str(home / "none.pem"), "--lang", "en"]
    assert run(arguments) == 8
    assert "none.pem" in capsys.readouterr().err


def test_without_the_extra_one_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith("zorgid_card.agent.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "websockets.asyncio.server", None)
    assert run(["agent", "--pinentry", sys.executable, "--lang", "en"]) == 3
    assert "pip install 'zorgid-card[agent]'" in capsys.readouterr().err


def test_a_pinentry_that_is_not_there_is_said_before_a_page_comes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["agent", "--pinentry", "no-such-pinentry", "--lang", "en"]) == 3
    assert "no-such-pinentry" in capsys.readouterr().err


def connected(port: int) -> ClientConnection:
    headers = {"Accept-Language": "en-GB,en"}
    return connect(f"ws://127.0.0.1:{port}/agent/v1", origin=ORIGIN, additional_headers=headers)  # type: ignore[arg-type]


@contextmanager
def running(home: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The agent's process, and its port."""
    environment = {**os.environ, "XDG_CONFIG_HOME": str(home)}
    arguments = [sys.executable, "-m", "zorgid_card.cli", "agent", "--json", "--pinentry", sys.executable, *options]
    with subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            assert ready["event"] == "listening"
            yield process, ready["port"]
        finally:
            process.kill()


def test_the_process_serves_pages_until_it_is_told_to_end(home: Path) -> None:
    assert run(["agent", "allow", ORIGIN]) == 0
    with running(home, "--port", "0") as (process, port), connected(port) as page:
        hello = json.loads(page.recv(30))
        assert (hello["type"], hello["paired"]) == ("hello", True)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def _dumped(process: subprocess.Popen[str]) -> bool:
    """Whether its core was dumped when it aborted."""
    process.send_signal(signal.SIGABRT)
    _, status = os.waitpid(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return os.WCOREDUMP(status)


def test_pin_7_the_agent_leaves_no_core_dump_where_others_do(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    try:
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, text=True) as other:
            if not _dumped(other):
                pytest.skip("this system dumps no core")
        with running(home, "--port", "0") as (process, _):
            assert not _dumped(process)
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)


def test_a_port_that_is_taken_is_said(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running(home, "--port", "0") as (_, port):
        arguments = ["agent", "--pinentry", sys.executable, "--port", str(port), "--lang", "en"]
        assert run(arguments) == 8
    assert f"127.0.0.1:{port}" in capsys.readouterr().err


# --- prompts in the terminal ------------------------------------------------------------------------------------------


# The command line as it is, beside a simulated pass: only the readers are not those of PC/SC.
def test_aut_1_a_page_is_paired_and_logs_in_with_what_is_typed_at_the_agent(home: Path) -> None:
    made = obtain(Options(kind="uzi-n"))
    made.card.save(home / PASS)
    arguments = [sys.executable, "-m", "zorgid_card.cli", "agent", "--prompt", "terminal", "--simulated", str(home)]
    terminal = Terminal([*arguments, "--port", "0", "--lang", "en"])
    port = int(terminal.expect(r"ready on port (\d+)")[1])
    with connected(port) as page:
        code = json.loads(page.recv(30))["code"]
        terminal.expect(f"Portal {ORIGIN}")
        terminal.expect(code)
        terminal.expect("Does the page that you opened yourself show this code")
        terminal.answer(b"y")
        assert json.loads(page.recv(30)) == {"type": "paired"}
        page.send(json.dumps({"type": "start", "id": "1", "step": "log-in", "lang": "en", "nonce": "n" * 44}))
        terminal.expect("Do you want to log in here")
        terminal.answer(b"y")
        terminal.expect("PIN of the card in the reader: ")
        assert not terminal.echoes
        terminal.answer(made.pin)
        while (told := json.loads(page.recv(30)))["type"] == "event":
            assert made.pin.decode() not in json.dumps(told)
        assert told["result"]["token"]["format"] == "web-eid:1.0"
        assert terminal.interrupt() == 0
    assert made.pin not in terminal.shown


def test_simulated_cards_that_are_not_there_are_said(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["agent", "--pinentry", sys.executable, "--port", "0", "--simulated", str(home), "--lang", "en"]) == 8
    assert str(home) in capsys.readouterr().err
