"""A program at a terminal of its own: what it shows is read, what is asked is answered, as a person would."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import termios
import time
from collections.abc import Mapping, Sequence


def given(*codes: bytes) -> int:
    """A descriptor from which these can be read, a line each."""
    reading, writing = os.pipe()
    os.write(writing, b"".join(code + b"\n" for code in codes))
    os.close(writing)
    return reading


class Terminal:
    """Runs a program in a pseudo-terminal of 80 by 24.

    Args:
        command: program and arguments.
        environment: on top of the process's own.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self.shown = b""
        self._seen = 0
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.execvpe(command[0], list(command), {**os.environ, "TERM": "xterm", **(environment or {})})
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))

    @property
    def echoes(self) -> bool:
        """Whether the terminal shows what is typed."""
        return bool(termios.tcgetattr(self._terminal)[3] & termios.ECHO)

    @property
    def command_line(self) -> bytes:
        """What other users see of the process."""
        with open(f"/proc/{self._pid}/cmdline", "rb") as file:
            return file.read()

    def expect(self, pattern: str, seconds: float = 60) -> re.Match[bytes]:
        """Wait until what was not yet expected shows this; returns what it found."""
        end = time.monotonic() + seconds
        while (found := re.search(pattern.encode(), self.shown[self._seen :])) is None:
            assert time.monotonic() < end, f"no {pattern!r} in {self.text!r}"
            assert self._read(1), f"no {pattern!r}, but the end: {self.text!r}"
        self._seen += found.end()
        return found

    def answer(self, line: bytes) -> None:
        """Type a line."""
        os.write(self._terminal, line + b"\n")

    def interrupt(self) -> int:
        """Type Ctrl-C until the program ends; its exit code.

        Once is not enough where the program has shown its question and not yet begun to read: then Python keeps the signal until
        something is typed.
        """
        end, again = time.monotonic() + 120, 0.0
        while time.monotonic() < end:
            if time.monotonic() >= again:
                os.write(self._terminal, b"\x03")
                again = time.monotonic() + 15
            if not self._read(1):
                break
        return self.end()

    def end(self) -> int:
        """Wait for the program's end; its exit code."""
        end = time.monotonic() + 120
        while self._read(60):
            assert time.monotonic() < end, f"it does not end: {self.text!r}"
        os.close(self._terminal)
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])

    @property
    def text(self) -> str:
        """All that was shown, without colours."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.shown.decode(errors="replace"))

    def _read(self, seconds: float) -> bool:
        """False at the end."""
        if not select.select([self._terminal], [], [], seconds)[0]:
            return True
        try:
            part = os.read(self._terminal, 4096)
        except OSError:  # how Linux tells that the other side has closed
            return False
        self.shown += part
        return bool(part)
