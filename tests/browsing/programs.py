"""Programs that run beside a test: on a terminal of their own, read all the time, answered as a person would."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

COMMAND: Final = (sys.executable, "-m", "zorgid_card.cli")
"""``zorgid-card``."""
SECONDS: Final = 30.0
_COLOURS = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>78])")


class Program:
    """A program in a pseudo-terminal of 80 by 24; a thread reads what it shows.

    Args:
        command: program and arguments.
        environment: on top of the process's own.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self._shown, self._seen = b"", 0
        self._changed = threading.Condition()
        self._over = False
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.terminal = os.ttyname(slave)
        self._process = subprocess.Popen(
            ["setsid", "--ctty", *command],  # the terminal becomes its own
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**os.environ, "TERM": "xterm", "GPG_TTY": self.terminal, **(environment or {})},
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, name=f"reads {command[0]}", daemon=True)
        self._reader.start()

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    @property
    def text(self) -> str:
        """All that was shown, without colours."""
        with self._changed:
            return _COLOURS.sub("", self._shown.decode(errors="replace"))

    @property
    def echoes(self) -> bool:
        """Whether the terminal shows what is typed."""
        return bool(termios.tcgetattr(self._master)[3] & termios.ECHO)

    def expect(self, pattern: str, seconds: float = SECONDS) -> re.Match[bytes]:
        """Wait until what was not yet expected shows this; returns what it found."""
        end = time.monotonic() + seconds
        with self._changed:
            while (found := re.search(pattern.encode(), self._shown[self._seen :])) is None:
                left = end - time.monotonic()
                rest = self._shown[self._seen :].decode(errors="replace")
                assert left > 0, f"no {pattern!r} in {rest!r}"
                assert not self._over, f"no {pattern!r}, but the end: {rest!r}"
                self._changed.wait(left)
            self._seen += found.end()
            return found

    @property
    def seen(self) -> int:
        """Up to where what was shown has been expected."""
        return self._seen

    def between(self, start: int) -> str:
        """What was shown from there up to what was expected last, without colours."""
        with self._changed:
            return _COLOURS.sub("", self._shown[start : self._seen].decode(errors="replace"))

    def type(self, keys: bytes) -> None:
        """Type keys as they are."""
        os.write(self._master, keys)

    def answer(self, line: bytes) -> None:
        """Type a line."""
        self.type(line + b"\n")

    def end(self, seconds: float = SECONDS) -> int:
        """Terminate it; its exit code."""
        if self.running:
            self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(seconds)
        finally:
            if self.running:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait(seconds)
        self._reader.join(seconds)
        return code

    def _read(self) -> None:
        while True:
            try:
                part = os.read(self._master, 4096)
            except OSError:  # how Linux tells that the other side has closed
                part = b""
            with self._changed:
                self._shown += part
                self._over = not part
                self._changed.notify_all()
            if not part:
                os.close(self._master)
                return


class Service:
    """A program without a terminal that serves until it is ended; its output goes into a file."""

    def __init__(self, command: Sequence[str], log: Path, **options: object) -> None:
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # type: ignore[call-overload]
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **options
            )

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    @property
    def text(self) -> str:
        """What it said."""
        return self.log.read_text(errors="replace")

    def until(self, pattern: str, seconds: float = 60) -> re.Match[str]:
        """Wait until it has said this."""
        end = time.monotonic() + seconds
        while (found := re.search(pattern, self.text)) is None:
            assert self.running, self.text
            assert time.monotonic() < end, self.text
            time.sleep(0.02)
        return found

    def end(self, seconds: float = SECONDS) -> int:
        """Terminate it; its exit code."""
        if self.running:
            self._process.terminate()
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait(seconds)
