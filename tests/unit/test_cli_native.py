"""``zorgid-card agent install`` and ``native-messaging``, as they are typed and as a browser starts them."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from zorgid_card.agent.native_messaging import CHROMIUM_EXTENSIONS, VERSION

COMMAND = [sys.executable, "-m", "zorgid_card.cli", "agent"]
CALLER = f"chrome-extension://{CHROMIUM_EXTENSIONS[0]}/"


def run(*arguments: str, home: Path, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "HOME": str(home), "LANG": "nl_NL.UTF-8", "XDG_DATA_HOME": ""}
    return subprocess.run(
        [*COMMAND, *arguments], input=given, capture_output=True, timeout=120, env=environment, check=False
    )


@pytest.fixture
def program(tmp_path: Path) -> str:
    """A pinentry that is there."""
    path = tmp_path / "asks for it"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def test_what_is_installed_a_browser_can_start(tmp_path: Path, program: str) -> None:
    done = run("install", "--browser", "chromium", "--pinentry", program, "--json", home=tmp_path)
    assert done.returncode == 0, done.stderr
    launcher, manifest = json.loads(done.stdout)["files"]
    assert json.loads(Path(manifest).read_text())["path"] == launcher
    quit_ = json.dumps({"command": "quit", "arguments": {}}).encode()
    host = subprocess.Popen(
        [launcher, CALLER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path
    )
    said, complaints = host.communicate(struct.pack("=I", len(quit_)) + quit_, timeout=120)
    greeting = json.dumps({"version": VERSION}, separators=(",", ":")).encode()
    assert said == struct.pack("=I", len(greeting)) + greeting + struct.pack("=I", 2) + b"{}"
    assert complaints == b""
    assert host.returncode == 0
    gone = run("install", "--remove", "--json", home=tmp_path)
    assert sorted(json.loads(gone.stdout)["files"]) == sorted([launcher, manifest])


def test_another_program_is_named_and_left_alone(tmp_path: Path, program: str) -> None:
    manifest = tmp_path / ".mozilla/native-messaging-hosts/eu.webeid.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text('{"path": "/usr/bin/web-eid"}')
    done = run("install", "--pinentry", program, "--lang", "nl", home=tmp_path)
    assert done.returncode == 3
    assert "/usr/bin/web-eid" in done.stderr.decode()
    assert "--replace" in done.stderr.decode()
    assert not (tmp_path / ".config").exists()


def test_without_a_pinentry_nothing_is_installed(tmp_path: Path) -> None:
    done = run("install", "--pinentry", "no-such-pinentry", "--lang", "en", home=tmp_path)
    assert done.returncode == 3
    assert "no-such-pinentry" in done.stderr.decode()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [[], ["chrome-extension://ponmlkjihgfedcbaponmlkjihgfedcba/"]])
def test_aut_1_who_is_no_known_extension_gets_no_octet(tmp_path: Path, arguments: list[str]) -> None:
    done = run("native-messaging", *arguments, home=tmp_path)
    assert done.returncode == 3
    assert done.stdout == b""
    assert "Web eID" in done.stderr.decode()
