"""The person at a pinentry: the program that asks for PINs and shows what is to be confirmed, on every platform that GnuPG is on.

Spoken to over its standard input and output, in lines of at most 1000 octets (the Assuan protocol and "The Assuan protocol of
pinentry" in their manuals). One process asks one thing, and is gone. What is entered goes from the pipe into a fixed buffer and
from there into a :class:`~zorgid_card.secret.Secret`; what is shown goes the other way. Whatever answers is not believed: lines and
their number are limited, and so is the time for all that no person is waited for.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import FileIO
from threading import Timer
from types import MappingProxyType, TracebackType
from typing import Final, NoReturn, cast

from zorgid_card.errors import CancelledError, DeclinedError, PinentryError, PINFormError
from zorgid_card.secret import CAPACITY, Secret

if sys.platform != "win32":
    import termios

MAX_LINE: Final = 1000
"""Octets of a line, its end included (Assuan, "Server responses")."""

_MAX_LINES: Final = 100
"""In answer to one command: data, status, comments."""
_PATIENCE: Final = 20.0
"""Seconds for all that is told before the person is asked: a desktop may have to load the program first."""
_LEAVE: Final = 2.0
"""Seconds to go, once it was told to."""
_LF, _CR, _PERCENT = 0x0A, 0x0D, 0x25
_NO: Final = frozenset({62, 99, 114, 198})
"""Codes of gpg-error: timeout, cancelled, not confirmed, fully cancelled."""
_GONE: Final = frozenset(
    -getattr(signal, name) for name in ("SIGINT", "SIGHUP", "SIGTERM", "SIGQUIT") if hasattr(signal, name)
)
"""How a program ends whose window or terminal was closed, or at which Ctrl-C was pressed."""
_SMALL: Final = 301
"""Code of gpg-error: the window is too small for what is to be shown."""
_SYSTEM: Final = 0x8000
"""In a code of gpg-error: an error of the system, such as that there is no terminal (ENOTTY, ENOENT, ENXIO)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialog:
    """What the person sees.

    Attributes:
        text: what is asked, and for whom; several lines.
        title: of the window.
        prompt: before the place where a PIN is entered.
        ok, cancel: on the buttons.
        again: asks for the same PIN once more; empty: it is asked once.
        differ: what is said when the two are not the same.
        shown: digits that are shown below the text, in fours.
    """

    text: str
    title: str = ""
    prompt: str = ""
    ok: str = ""
    cancel: str = ""
    again: str = ""
    differ: str = ""
    shown: Secret | None = None


class Pinentry:
    """Which program asks, and how it is told where the person is.

    Args:
        program: its name or path.
        options: on top of what GnuPG tells it: ``ttyname``, ``ttytype``, ``lc-ctype``, ``lc-messages``. The display is found by
            the environment (``DISPLAY``, ``WAYLAND_DISPLAY``), which it inherits.
    """

    def __init__(self, program: str = "pinentry", *, options: Mapping[str, str] = MappingProxyType({})) -> None:
        self.program = program
        self.options = dict(options)

    def open(self, dialog: Dialog) -> Conversation:
        """Start it, and tell it all that it is to show; used as a context manager, and for one question.

        Raises:
            PinentryError: there is no such program, it is dead, silent, or speaks another protocol; ``reason`` says which.
        """
        path = shutil.which(self.program)
        if path is None:
            raise PinentryError(reason="missing", program=self.program)
        options = {"no-grab": "", **place_of(os.environ), **self.options}
        try:
            return Conversation(path, options, dialog)
        except OSError as error:
            raise PinentryError(reason="missing", program=self.program) from error


def place_of(environment: Mapping[str, str]) -> dict[str, str]:
    """The options by which a pinentry finds the person's terminal and language, as GnuPG gives them."""
    found = {
        "ttyname": environment.get("GPG_TTY") or _terminal(),
        "ttytype": environment.get("TERM"),
        "lc-ctype": _locale(environment, "LC_CTYPE"),
        "lc-messages": _locale(environment, "LC_MESSAGES"),
    }
    return {name: value for name, value in found.items() if value}


def _terminal() -> str | None:
    for stream in (0, 1, 2):
        with suppress(OSError, AttributeError):  # Windows has no ttyname
            return os.ttyname(stream)
    return None


def _locale(environment: Mapping[str, str], category: str) -> str | None:
    return next((environment[name] for name in ("LC_ALL", category, "LANG") if environment.get(name)), None)


class Conversation:
    """With a pinentry that was told what to show; from :meth:`Pinentry.open`."""

    def __init__(self, path: str, options: Mapping[str, str], dialog: Dialog) -> None:
        self._repeats = self._repeated = self._cancelled = self._late = False
        self._terminal = _terminal_of(options)
        try:
            self._process = subprocess.Popen(  # noqa: S603  # the person's own choice of program
                [path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
            )
        except OSError:
            self._let_go()
            raise
        self._to, self._from = cast(FileIO, self._process.stdin), cast(FileIO, self._process.stdout)
        try:
            with self._patience():
                self._require_ok()
                for name, value in options.items():
                    self._set("OPTION", f"{name}={value}" if value else name)
                self._show(dialog)
        except BaseException:
            self._leave()
            raise

    def ask(self) -> Secret:
        """What the person enters, as octets of UTF-8 (or of the locale that the program was told).

        Raises:
            DeclinedError: they press cancel, or close the window or the terminal.
            CancelledError: :meth:`cancel` was called.
            PINFormError: it is longer than any PIN.
            PinentryError: no PIN came; ``reason`` says why.
        """
        room = bytearray(CAPACITY)
        try:
            length = self._command(b"GETPIN", memoryview(room))
            return Secret.take(memoryview(room)[:length])
        finally:
            _wipe(room)

    @property
    def repeated(self) -> bool:
        """Whether what :meth:`ask` gave was entered twice, and was the same."""
        return self._repeated

    def confirm(self) -> None:
        """Return when the person agrees.

        Raises:
            DeclinedError: they do not, or close the window or the terminal.
            CancelledError: :meth:`cancel` was called.
            PinentryError: they could not be asked; ``reason`` says why.
        """
        self._command(b"CONFIRM", memoryview(bytearray(0)))

    def cancel(self) -> None:
        """Take the dialog away; from any thread."""
        self._cancelled = True
        self._process.terminate()
        _daemon(_LEAVE, self._process.kill)

    def __enter__(self) -> Conversation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    # --- what is told ------------------------------------------------------------------------------------------------

    def _show(self, dialog: Dialog) -> None:
        self._set("SETTIMEOUT", "0")  # nobody is hurried: by themselves some give up after a minute
        self._set("SETTITLE", dialog.title)
        self._set("SETPROMPT", dialog.prompt)
        self._set("SETOK", dialog.ok)
        self._set("SETCANCEL", dialog.cancel)
        if dialog.again:
            self._repeats = self._set("SETREPEAT", dialog.again)
            self._set("SETREPEATERROR", dialog.differ)
        line = description(dialog.text, dialog.shown)
        try:
            self._write(line)
        finally:
            _wipe(line)
        self._require_ok()

    def _set(self, command: str, text: str) -> bool:
        """What older programs do not know is left out; whether this one knows it."""
        if text:
            self._write(bytearray(f"{command} ".encode() + escaped(text, MAX_LINE - len(command) - 2) + b"\n"))
            return not self._code(memoryview(bytearray(0)))[1]
        return True

    def _write(self, line: bytearray) -> None:
        with self._alive():
            self._to.write(line)

    # --- what is answered --------------------------------------------------------------------------------------------

    def _command(self, command: bytes, room: memoryview) -> int:
        self._write(bytearray(command + b"\n"))
        length, code = self._code(room)
        if code:
            self._refused(code)
        return length

    def _require_ok(self) -> None:
        _, code = self._code(memoryview(bytearray(0)))
        if code:
            raise PinentryError(reason="refused", number=code)

    def _refused(self, code: int) -> NoReturn:
        """By the code of gpg-error: 16 bits of what, above them who says so; an error of the system has bit 15."""
        what = code & 0xFFFF
        if what in _NO:
            raise CancelledError if self._cancelled else DeclinedError
        reason = "display" if what & _SYSTEM else "small" if what == _SMALL else "refused"
        raise PinentryError(reason=reason, number=code)

    def _code(self, room: memoryview) -> tuple[int, int]:
        """Read the answer to a command: data go into ``room``; their length, and the number of the error or 0."""
        line, length = bytearray(MAX_LINE), 0
        try:
            for _ in range(_MAX_LINES):
                told = memoryview(line)[: self._line(line)]
                if line.startswith(b"D "):
                    length = _unescape(told[2:], room, length)
                elif line.startswith((b"OK ", b"OK\r", b"OK\n")):
                    return length, 0
                elif line.startswith(b"ERR "):
                    return 0, _number(bytes(told[4:]))
                elif line.startswith(b"INQUIRE "):
                    self._write(bytearray(b"CAN\n"))
                elif line.startswith(b"S "):
                    self._repeated |= self._repeats and bytes(told[2:]).split()[:1] == [b"PIN_REPEATED"]
                elif not line.startswith(b"#"):
                    break
            raise PinentryError(reason="protocol")
        finally:
            _wipe(line)

    def _line(self, line: bytearray) -> int:
        """Read a line, octet by octet, so that nothing of it is anywhere else; its length without its end."""
        with memoryview(line) as room:
            for at in range(MAX_LINE):
                with self._alive():
                    if self._terminal is not None:
                        self._terminal.wait(self._from.fileno())
                    if not self._from.readinto(room[at : at + 1]):
                        raise BrokenPipeError
                if line[at] == _LF:
                    return at - (at > 0 and line[at - 1] == _CR)
        raise PinentryError(reason="protocol")

    # --- how it ends -------------------------------------------------------------------------------------------------

    @contextmanager
    def _alive(self) -> Iterator[None]:
        """A pipe that breaks is told as why it broke."""
        try:
            yield
        except OSError as error:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_LEAVE)
            if self._cancelled:
                raise CancelledError from error
            if self._late:
                raise PinentryError(reason="silent") from error
            if self._process.returncode in _GONE:
                raise DeclinedError from error
            raise PinentryError(reason="died", number=self._process.returncode) from error

    @contextmanager
    def _patience(self) -> Iterator[None]:
        """Whatever is done here asks no person, and is over soon."""
        timer = _daemon(_PATIENCE, self._too_late)
        try:
            yield
        finally:
            timer.cancel()

    def _too_late(self) -> None:
        self._late = True
        self._process.kill()

    def _leave(self) -> None:
        """Its standard input ends, and so does it; the terminal is as it was, however that goes."""
        for stream in (self._to, self._from):
            with suppress(OSError):
                stream.close()
        try:
            self._process.wait(_LEAVE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._let_go()

    def _let_go(self) -> None:
        if self._terminal is not None:
            self._terminal.close()


def escaped(text: str, limit: int) -> bytes:
    """Text as it stands in a line: ``%``, and what is no printable character, in hexadecimal (Assuan, "Client requests").

    Args:
        text: with line feeds.
        limit: octets; what is longer ends with an ellipsis.
    """
    parts = [_escape(character) for character in text]
    if sum(map(len, parts)) <= limit:
        return b"".join(parts)
    ellipsis, found = "…".encode(), b""
    for part in parts:
        if len(found) + len(part) + len(ellipsis) > limit:
            break
        found += part
    return found + ellipsis


def _escape(character: str) -> bytes:
    if character == "\n":
        return b"%0A"
    if character == "%":
        return b"%25"
    return (character if character.isprintable() else "\N{REPLACEMENT CHARACTER}").encode()


def fits(text: str) -> bool:
    """Whether all of it can be shown."""
    return sum(len(_escape(character)) for character in text) <= _DESCRIPTION


def description(text: str, shown: Secret | None = None) -> bytearray:
    """The line that gives the text, with the digits of ``shown`` below it in fours; whoever gets it wipes it.

    Raises:
        PINPolicyError: they are no digits.
    """
    told = b"SETDESC " + escaped(text, _DESCRIPTION)
    if shown is None:
        return bytearray(told + b"\n")
    shown.check_digits(1, _DIGITS)
    told += b"%0A%0A"
    groups = -(-len(shown) // 4)
    line = bytearray(told + b" " * (len(shown) + groups) + b"\n")
    with shown.expose() as digits, memoryview(line) as room:
        for at in range(len(shown)):
            place = len(told) + at + at // 4 + 1
            room[place : place + 1] = digits[at : at + 1]
    return line


_DIGITS: Final = 32
_DESCRIPTION: Final = MAX_LINE - len("SETDESC \n") - len("%0A%0A") - _DIGITS - _DIGITS // 4
"""Octets of text, escaped: there is room for digits below it."""


def _unescape(told: memoryview, room: memoryview, length: int) -> int:
    """Add data to what is in ``room``; nothing of them is anywhere else.

    Raises:
        PINFormError: there is more than a PIN has.
        PinentryError: an escape is none.
    """
    at = 0
    while at < len(told):
        if length == len(room):
            raise PINFormError(maximum=len(room))
        octet = told[at]
        if octet == _PERCENT:
            octet = _digit(told, at + 1) << 4 | _digit(told, at + 2)
            at += 2
        room[length] = octet
        length, at = length + 1, at + 1
    return length


def _digit(told: memoryview, at: int) -> int:
    """The value of a hexadecimal digit."""
    octet = told[at] if at < len(told) else 0
    for first, last, value in ((0x30, 0x39, 0), (0x41, 0x46, 10), (0x61, 0x66, 10)):
        if first <= octet <= last:
            return octet - first + value
    raise PinentryError(reason="protocol")


def _number(told: bytes) -> int:
    """Of an error: decimal, 32 bits, not 0."""
    word = told.split(b" ", 1)[0]
    if not (1 <= len(word) <= 10 and word.isdigit() and 0 < int(word) < 1 << 32):
        raise PinentryError(reason="protocol")
    return int(word)


class _Terminal:
    """Where a pinentry may ask: how it is set before, and whether it is still there."""

    def __init__(self, name: str) -> None:
        self._handle = os.open(name, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            self._state = termios.tcgetattr(self._handle)
        except termios.error as error:
            os.close(self._handle)
            raise OSError(*error.args) from error

    def wait(self, answer: int) -> None:
        """Return when there is something to be read from ``answer``. Raises DeclinedError when the terminal is closed."""
        poll = select.poll()
        poll.register(answer, select.POLLIN)
        poll.register(self._handle, 0)
        while answer not in (ready := dict(poll.poll())):
            if ready[self._handle] & select.POLLHUP:
                raise DeclinedError
            poll.unregister(self._handle)  # a system that cannot tell

    def close(self) -> None:
        """Set it as it was: a program that was ended in the middle leaves it otherwise."""
        with suppress(OSError, termios.error):
            if termios.tcgetattr(self._handle) != self._state:
                termios.tcsetattr(self._handle, termios.TCSANOW, self._state)
        os.close(self._handle)


def _terminal_of(options: Mapping[str, str]) -> _Terminal | None:
    if sys.platform != "win32" and "ttyname" in options:
        with suppress(OSError):
            return _Terminal(options["ttyname"])
    return None


def _daemon(seconds: float, act: Callable[[], object]) -> Timer:
    """What is done then, unless it is cancelled, or the program ends before."""
    timer = Timer(seconds, act)
    timer.daemon = True
    timer.start()
    return timer


def _wipe(room: bytearray) -> None:
    room[:] = bytes(len(room))
