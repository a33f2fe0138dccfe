"""docs/keys.md: its commands are run, its examples work."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import softhsm
from docs_examples import example
from terminal import Terminal
from zorgid_card.adapters.pkcs11.hsm import HSM
from zorgid_card.cli import app
from zorgid_card.secret import Secret

PAGE = "docs/keys.md"


def functions(name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    exec(compile(example(PAGE, name), f"{PAGE}: {name}", "exec"), found)
    return found


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_the_vector_on_the_page_is_the_commands_and_openssls(capsys: pytest.CaptureFixture[str]) -> None:
    shown = dict(line.split(maxsplit=1) for line in example(PAGE, "vector").splitlines())
    assert app.run(["keys", "vectors", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["vectors"][0] == shown
    ran = subprocess.run(["bash", "-c", example(PAGE, "kbkdf")], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.strip().replace(":", "").lower() == shown["derived"]


@pytest.mark.skipif(softhsm.module() is None, reason="SoftHSM is not installed (Debian package softhsm2)")
def test_the_set_up_of_an_hsm_works_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOFTHSM2_CONF", str(softhsm.configuration(tmp_path)))
    commands = example(PAGE, "softhsm").splitlines()
    subprocess.run(["bash", "-c", commands[0]], check=True, capture_output=True, timeout=60)
    for command in commands[1:]:
        words = command.partition("#")[0].split()
        assert words[0] == "zorgid-card"
        words[words.index("--hsm") + 1] = str(softhsm.module())
        terminal = Terminal([sys.executable, "-m", "zorgid_card.cli", *words[1:], "--lang", "en"])
        terminal.expect("PIN of the HSM")
        terminal.answer(b"271828")
        assert terminal.end() == 0, terminal.text
    with HSM(str(softhsm.module()), "portal", Secret.of(b"271828")) as hsm:
        made = functions("hsm-ca")
        assert made["set_up_ca"](hsm, tmp_path / "ca").chain == made["open_ca"](hsm, tmp_path / "ca").chain
        ca = made["open_ca"](hsm, tmp_path / "ca")
        others: dict[str, Any] = dict.fromkeys(("registry", "identity", "uzi", "uzi_revocation"), _Anything())
        side = functions("hsm-portal")["open_in_hsm"](hsm, ca, tmp_path / "portal", **others)
        assert len(side.services.administration.derive("1", "AES256")) == 32
        now = datetime.now(UTC)
        assert side.services.authority.sign_crl((), 1, now, now + timedelta(days=1))


class _Anything:
    """What the portal stands on besides, and does not touch before it is asked for something."""

    origin = "https://portal.example"


def test_the_remote_ca_is_made_as_written(tmp_path: Path) -> None:
    from est_server import est_server

    with est_server(tmp_path) as server:
        made = functions("est")["remote_ca"]
        ca = made(server.address, server.anchors, server.client, server.chain, lambda *told: None)
    assert ca.certificate == server.issuing.der
