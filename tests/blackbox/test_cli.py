"""The command line before a real pcscd, at a real terminal; what it did is checked by Yubico's tool."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from terminal import Terminal
from zorgid_card import open_card
from zorgid_card.cli.simulate import Options, Simulated, obtain
from zorgid_card.secret import Secret
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.replay import ReplayReader

pytestmark = pytest.mark.blackbox

COMMAND = [sys.executable, "-m", "zorgid_card.cli"]
NEW = b"271828"


@pytest.fixture(scope="module")
def made() -> Simulated:
    return obtain(Options(kind="zorgid", key_algorithm="ECCP256"))


def json_of(*arguments: str) -> dict[str, object]:
    done = subprocess.run([*COMMAND, *arguments, "--json"], capture_output=True, text=True, timeout=60, check=False)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_pin_2_a_pin_is_changed_at_a_terminal_over_pcsc(
    made: Simulated, insert: Callable[[VirtualCard], str], tmp_path: Path
) -> None:
    reader, trace = insert(made.card), tmp_path / "trace.jsonl"
    terminal = Terminal([*COMMAND, "pin", "change", "--reader", reader, "--trace", str(trace), "--lang", "nl"])
    for prompt, pin in (("Pincode van de kaart", made.pin), ("Nieuwe pincode", NEW), ("Nog een keer", NEW)):
        terminal.expect(f"{prompt}.*: ")
        assert not terminal.echoes
        terminal.answer(pin)
    assert terminal.end() == 0
    assert "De pincode is gewijzigd" in terminal.text
    verified = subprocess.run(
        ["yubico-piv-tool", "-r", reader, "-a", "verify-pin", "-P", NEW.decode()],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Successfully verified PIN" in verified.stdout + verified.stderr
    for secret in (made.pin, NEW):
        assert secret.hex() not in trace.read_text()
        assert secret not in terminal.shown
    replayed = ReplayReader.open(trace)
    with open_card(replayed) as card:
        assert (card.tries().left, card.puk_tries().left) == (3, 3)
        assert card.tries().left == 3
        card.change_pin(Secret.of(made.pin), Secret.of(NEW))


def test_status_and_inspect_over_pcsc_agree_with_their_replay(
    made: Simulated, insert: Callable[[VirtualCard], str], tmp_path: Path
) -> None:
    reader, trace = insert(made.card), tmp_path / "trace.jsonl"
    status = json_of("pin", "status", "--reader", reader)
    seen = json_of("inspect", "--reader", reader, "--trace", str(trace))
    card = seen["card"]
    assert isinstance(card, dict)
    assert (status["reader"], card["reader"]) == (reader, reader)
    assert (card["pin_tries"], card["puk_tries"]) == (status["pin"], status["puk"])
    assert card["atr_fields"]["protocols"] == ["T=0", "T=1"]
    with open_card(ReplayReader.open(trace, reader), memory=None) as replayed:
        assert replayed.kind == seen["kind"] == "zorgid"
