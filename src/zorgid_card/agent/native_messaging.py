"""A native-messaging host: a browser's extension has this program started, and speaks to it over its standard input and output.

Each message is 32 bits of length in the machine's byte order, and so many octets of JSON (Chrome, "Native messaging", protocol).
The host says its version, takes one command, answers it and ends: as the Web eID extension wants it. While a command goes on, the
end of the input takes it back: the extension, its page or the browser is gone.
"""

from __future__ import annotations

import json
import os
import re
import struct
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

from zorgid_card.errors import MessageError, UsageError

MAX_MESSAGE: Final = 8192
"""Octets of a message to the host; the Web eID extension sends none longer."""
_MIN_MESSAGE: Final = 2
_LENGTH: Final = struct.Struct("=I")

INTERFACE: Final = "2.7.0"
"""Of Web eID's native application, as its extension and library compare it: their major version is not newer."""
VERSION: Final = f"{INTERFACE}+zorgid-card.{version('zorgid-card')}"

CHROMIUM_EXTENSIONS: Final = ("ncibgoaomkmdpilpocfeponihegamlic", "gnmckgbandlkacikdndelhfghdejfido")
"""Web eID's extension at Google's and at Microsoft's store."""
FIREFOX_EXTENSIONS: Final = ("{e68418bc-f2b0-4459-a9ea-3e72b6751b07}",)
"""Web eID's extension at Mozilla's."""

_CHROMIUM_ID = re.compile(r"[a-p]{32}")
_FIREFOX_ID = re.compile(r"\{[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}|[A-Za-z0-9._-]{0,80}@[A-Za-z0-9._-]{1,80}")


@dataclass(frozen=True, slots=True)
class Command:
    """What the extension asks for."""

    name: str
    arguments: Mapping[str, Any]


def is_chromium(extension: str) -> bool:
    """Whether this is the name of an extension of Chromium, and not of Firefox.

    Raises:
        UsageError: it is neither.
    """
    if _CHROMIUM_ID.fullmatch(extension):
        return True
    if _FIREFOX_ID.fullmatch(extension):
        return False
    raise UsageError("not the identifier of an extension", reason="extension", value=extension[:80])


def require_caller(arguments: Sequence[str], extensions: Collection[str]) -> None:
    """Raise unless a browser says that it is one of these extensions that calls.

    The manifest tells browsers the same; this holds where another manifest names this program, too. Chromium gives the extension's
    origin, Firefox the path of the manifest and the extension's identifier.

    Args:
        arguments: as the browser gave them.
        extensions: identifiers of extensions.

    Raises:
        UsageError: somebody else calls, or it is not told who.
    """
    given = [argument for argument in arguments if not argument.startswith("--parent-window=")]
    origins = {f"chrome-extension://{name}/" for name in extensions if is_chromium(name)}
    if len(given) == 1 and given[0] in origins:
        return
    if len(given) == 2 and given[1] in extensions and not is_chromium(given[1]):
        return
    raise UsageError("no extension that is known here has called", reason="caller", value=" ".join(given)[:80])


class Browser:
    """The extension at the other end of two pipes.

    Args:
        incoming, outgoing: file descriptors, owned from now on.
    """

    def __init__(self, incoming: int, outgoing: int) -> None:
        self._incoming, self._outgoing = incoming, outgoing

    def say(self, message: Mapping[str, Any]) -> None:
        """Send a message. Raises OSError when nobody is there any more."""
        octets = json.dumps(message, separators=(",", ":")).encode()
        rest = memoryview(_LENGTH.pack(len(octets)) + octets)
        while rest:
            rest = rest[os.write(self._outgoing, rest) :]

    def greet(self) -> None:
        """Say the version, before anything that takes time: the extension waits five seconds. That it has gone is no error."""
        with suppress(OSError):
            self.say({"version": VERSION})

    def command(self) -> Command | None:
        """Wait for the command; None: the extension wanted none.

        Raises:
            MessageError: what came is none.
        """
        head = self._read(_LENGTH.size)
        if not head:
            return None
        if len(head) < _LENGTH.size:
            raise MessageError("the message ends early", field="length")
        (length,) = _LENGTH.unpack(head)
        if not _MIN_MESSAGE <= length <= MAX_MESSAGE:
            raise MessageError(f"a message of {length} octets", field="length")
        octets = self._read(length)
        if len(octets) < length:
            raise MessageError("the message ends early", field="length")
        return parsed(octets)

    def _read(self, length: int) -> bytes:
        octets = b""
        while len(octets) < length and (part := os.read(self._incoming, length - len(octets))):
            octets += part
        return octets

    @contextmanager
    def watched(self, gone: Callable[[], None]) -> Iterator[None]:
        """Meanwhile ``gone`` is called, in another thread, when the extension goes, or says something more."""
        over = threading.Event()

        def watch() -> None:
            with suppress(OSError):
                os.read(self._incoming, 1)
            if not over.is_set():
                gone()

        threading.Thread(target=watch, daemon=True).start()  # it waits for ever where the extension stays
        try:
            yield
        finally:
            over.set()


def parsed(octets: bytes) -> Command:
    """The command in a message.

    Raises:
        MessageError: it is none.
    """
    try:
        message = json.loads(octets.decode(), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise MessageError("the message is not JSON", field="message") from error
    if not isinstance(message, dict) or message.keys() != {"command", "arguments"}:
        raise MessageError("the message is no command with arguments", field="message")
    name, arguments = message["command"], message["arguments"]
    if not isinstance(name, str) or not isinstance(arguments, dict):
        raise MessageError("the message is no command with arguments", field="command")
    return Command(name, arguments)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def standard_streams() -> Browser:
    """The extension behind this process's standard streams, of which nothing else can write or read a thing from now on."""
    incoming, outgoing = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415  # there alone

        for stream in (incoming, outgoing):
            msvcrt.setmode(stream, os.O_BINARY)
    return Browser(incoming, outgoing)
