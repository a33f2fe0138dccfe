"""PIN and PUK at a real terminal: asked as bytes, never echoed, never in a process's arguments."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from terminal import Terminal
from zorgid_card.cli.simulate import Options, Simulated, obtain

NEW = b"271828"
# The command line as it is, before a simulated card: only the readers are not those of PC/SC.
PROGRAM = """
import sys
from zorgid_card.adapters import pcsc
from zorgid_card.cli.__main__ import main
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.uzi import VirtualUZIPass
from pathlib import Path
card, reader = VirtualUZIPass.load(Path(sys.argv.pop(1))), SimulatedReader("Reader 00")
reader.insert(card)
pcsc.readers = lambda: [reader]
try:
    main()
finally:
    card.save(Path(sys.argv.pop()))
"""


@pytest.fixture(scope="module")
def made() -> Simulated:
    return obtain(Options(kind="uzi-n"))


class Desk:
    def __init__(self, made: Simulated, directory: Path) -> None:
        self.made, self.state = made, directory / "card.json"
        made.card.save(self.state)

    def run(self, *arguments: str) -> Terminal:
        program = PROGRAM.replace("sys.argv.pop()", repr(str(self.state)))
        return Terminal([sys.executable, "-c", program, str(self.state), *arguments, "--lang", "en"])


@pytest.fixture
def desk(made: Simulated, tmp_path: Path) -> Desk:
    return Desk(made, tmp_path)


def ask(terminal: Terminal, prompt: str, secret: bytes) -> None:
    terminal.expect(prompt)
    assert not terminal.echoes, "asked before the echo was off"
    assert secret not in terminal.command_line
    terminal.answer(secret)


def test_pin_7_the_pin_is_asked_unseen(desk: Desk) -> None:
    terminal = desk.run("pin", "change")
    ask(terminal, "PIN of the card in the reader: ", desk.made.pin)
    ask(terminal, r"New PIN \(6 to \d+ digits\): ", NEW)
    ask(terminal, "The same PIN once more: ", NEW)
    terminal.expect("The PIN is changed")
    assert terminal.end() == 0
    assert desk.made.pin not in terminal.shown
    assert NEW not in terminal.shown
    again = desk.run("pin", "unblock")
    ask(again, "PUK of the card in the reader: ", desk.made.puk)
    ask(again, "New PIN", NEW)
    ask(again, "once more", NEW)
    assert again.end() == 0
    assert desk.made.puk not in again.shown


def test_pin_4_the_puk_is_changed_unseen(desk: Desk) -> None:
    terminal = desk.run("pin", "change-puk", "--choose")
    ask(terminal, "PUK of the card in the reader: ", desk.made.puk)
    ask(terminal, "New PUK", b"86420975")
    ask(terminal, "once more", b"86420975")
    terminal.expect("The PUK is changed")
    assert terminal.end() == 0
    assert not [secret for secret in (desk.made.puk, b"86420975") if secret in terminal.shown]


def test_pin_4_a_new_puk_is_drawn_shown_once_and_acknowledged(desk: Desk) -> None:
    terminal = desk.run("pin", "change-puk")
    ask(terminal, "PUK of the card in the reader: ", desk.made.puk)
    terminal.expect(r"PUK, shown once.*")
    terminal.expect(r"in words\). ")
    puk = b"".join(re.findall(rb"(\d{4}) (\d{4})", terminal.shown)[-1])
    terminal.answer(b"")
    ask(terminal, r"Digits \d, \d and \d of what you wrote down: ", b"12345")
    terminal.expect("Those are not the digits")
    terminal.expect(r"in words\). ")
    terminal.answer(b"")
    terminal.expect(r"Digits \d, \d and \d of what you wrote down: ")
    positions = re.findall(r"Digits (\d), (\d) and (\d) of", terminal.text)[-1]
    terminal.answer(b"".join(puk[int(at) - 1 : int(at)] for at in positions))
    terminal.expect("The PUK is changed")
    assert terminal.end() == 0
    again = desk.run("pin", "unblock")
    ask(again, "PUK of the card in the reader: ", puk)
    ask(again, "New PIN", NEW)
    ask(again, "once more", NEW)
    assert again.end() == 0


@pytest.mark.parametrize(("key", "code"), [(b"\x03", 130), (b"\x04", 3)], ids=["Ctrl-C", "Ctrl-D"])
def test_whoever_stops_gets_the_terminal_back_as_it_was(desk: Desk, key: bytes, code: int) -> None:
    terminal = desk.run("pin", "change")
    terminal.expect("PIN of the card in the reader: ")
    terminal.answer(key)
    terminal.expect("zorgid-card: ")
    assert terminal.echoes
    assert terminal.end() == code
    assert "Traceback" not in terminal.text
    status = desk.run("pin", "status")
    assert status.end() == 0
    assert re.search(r"PIN, tries left +3", status.text)
