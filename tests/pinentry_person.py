"""Who sits at the terminal on which a pinentry asks: reads what it shows, and types what a person would."""

from __future__ import annotations

import fcntl
import os
import re
import select
import struct
import termios
import time
from typing import Literal

Kind = Literal["curses", "tty"]
_STYLE = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>])|[\x0e\x0f]")


class Person:
    """At a pseudo-terminal.

    Args:
        kind: which pinentry asks: one has buttons and fields, the other lines and letters.
        rows, columns: of the terminal.
    """

    def __init__(self, kind: Kind, rows: int = 24, columns: int = 80) -> None:
        self.kind, self.shown, self._seen = kind, b"", 0
        self._master, self._slave = os.openpty()
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.state = termios.tcgetattr(self._slave)

    @property
    def options(self) -> dict[str, str]:
        """By which the pinentry finds them."""
        return {"ttyname": os.ttyname(self._slave), "ttytype": "xterm", "lc-ctype": "C.UTF-8"}

    @property
    def terminal_as_before(self) -> bool:
        return termios.tcgetattr(self._slave) == self.state

    def expect(self, pattern: str, seconds: float = 120) -> re.Match[str]:
        """Wait until what was not yet expected shows this, and an answer is read."""
        end = time.monotonic() + seconds
        while (found := re.search(pattern, self.text[self._seen :])) is None or self.terminal_as_before:
            assert time.monotonic() < end, f"no {pattern!r} in {self.text!r}"
            if select.select([self._master], [], [], 0.05)[0]:
                self.shown += os.read(self._master, 4096)
        self._seen += found.end()
        return found

    def expect_over(self, seconds: float = 120) -> None:
        """Wait until nothing is asked any more."""
        end = time.monotonic() + seconds
        while not self.terminal_as_before:
            assert time.monotonic() < end, f"still asked: {self.text!r}"
            time.sleep(0.05)

    def enter(self, typed: bytes) -> None:
        """A code, and Enter."""
        os.write(self._master, typed + b"\r")

    def agree(self, letter: bytes = b"j") -> None:
        """The button on the left; with lines and letters its first letter."""
        os.write(self._master, letter if self.kind == "tty" else b"\r")

    def disagree(self, letter: bytes = b"n") -> None:
        os.write(self._master, letter if self.kind == "tty" else b"\t\r")

    def cancel_code(self) -> None:
        """Instead of a code."""
        os.write(self._master, b"\x04" if self.kind == "tty" else b"\t\t\r")

    def leave(self) -> None:
        """The window is closed."""
        os.close(self._slave)
        os.close(self._master)
        self._slave = self._master = -1

    def __enter__(self) -> Person:
        return self

    def __exit__(self, *_: object) -> None:
        if self._master >= 0:
            self.leave()

    @property
    def text(self) -> str:
        """All that was shown, without how."""
        return _STYLE.sub("", self.shown.decode(errors="replace"))
