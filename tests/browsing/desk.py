"""The desk: a computer with a reader and the agent beside it, and a person who looks at the agent's pinentry and answers it."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from browsing.programs import COMMAND, Program
from zorgid_card.testkit.script import Slot

PORT: Final = 47480
_BUTTONS: Final = rb"\[(\w)(\w)\]\? "


class Desk:
    """A real agent, a real pinentry in its terminal (pinentry-tty), and a slot of pcscd.

    Args:
        slot: where the person puts cards in.
        home: the person's directory; the agent keeps its list there.
        ca: the CA of web sites, PEM.
        arguments: of ``zorgid-card agent``, on top of those that it has here always.
    """

    def __init__(self, slot: Slot, home: Path, ca: Path, arguments: Sequence[str] = ()) -> None:
        self.slot = slot
        self._home = home
        self._command = (*COMMAND, "agent", "--ca", str(ca), "--pinentry", "pinentry-tty", *arguments)
        self.agent: Program | None = None

    def start(self) -> None:
        """Start the agent, and wait until it listens."""
        self.agent = Program(self._command, _environment(self._home))
        self.agent.expect(f"{PORT}.*\n")

    def stop(self) -> int:
        """End the agent; its exit code."""
        agent, self.agent = self.asked, None
        return agent.end()

    def allow(self, origin: str) -> None:
        """Put a portal on the person's list (``zorgid-card agent allow``)."""
        self._run("allow", origin)

    def forget(self, origin: str) -> None:
        """Take a portal off the person's list."""
        self._run("forget", origin)

    def _run(self, *arguments: str) -> None:
        environment = {**os.environ, **_environment(self._home)}
        subprocess.run([*COMMAND, "agent", *arguments], env=environment, check=True, capture_output=True, timeout=60)

    @property
    def asked(self) -> Program:
        """The terminal in which the person is asked."""
        assert self.agent is not None, "the agent does not run"
        return self.agent

    # what the person does at the pinentry

    def enter(self, prompt: str, digits: bytes) -> str:
        """Enter digits where this is asked for; they are not seen. Returns what stood there."""
        shown = self._shown(prompt)
        assert not self.asked.echoes
        self.asked.answer(digits)
        return shown

    def pin(self, pin: bytes) -> str:
        """Enter the PIN of the card in the reader."""
        return self.enter("Pincode: ?", pin)

    def new_pin(self, first: bytes, second: bytes | None = None) -> str:
        """Choose a PIN, twice; returns what stood there."""
        shown = self.enter("Nieuwe pincode: ?", first)
        self.enter("Nog een keer: ?", first if second is None else second)
        return shown

    def agree(self, question: str) -> str:
        """Say yes to this question; returns what stood there."""
        return self._press(question, 0)

    def decline(self, question: str) -> str:
        """Say no to this question; returns what stood there."""
        return self._press(question, 1)

    def keep_puk(self) -> tuple[bytes, str]:
        """Write the PUK down, and enter the three digits of it that are asked for; returns it, and what stood there."""
        shown = self._press(r"pukcode van uw kaart", 0)
        [puk] = re.findall(r"\b(\d{4}) ?(\d{4})\b", shown)
        digits = "".join(puk)
        asked = self._shown("Cijfers: ?")
        places = [int(number) for number in re.findall(r"\d+", asked)]
        self.asked.answer("".join(digits[place - 1] for place in places[-3:]).encode())
        return digits.encode(), shown

    def _shown(self, pattern: str) -> str:
        before = self.asked.seen
        self.asked.expect(pattern)
        return self.asked.between(before)

    def _press(self, question: str, which: int) -> str:
        before = self.asked.seen
        self.asked.expect(question)
        buttons = self.asked.expect(_BUTTONS.decode())
        shown = self.asked.between(before)
        self.asked.type(buttons[1 + which])
        return shown


def _environment(home: Path) -> Mapping[str, str]:
    """Of a person of their own, whose language is Dutch."""
    places = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("CONFIG", "STATE", "DATA", "CACHE")}
    return {"HOME": str(home), "LANG": "C.UTF-8", "PATH": os.environ["PATH"], **places}
