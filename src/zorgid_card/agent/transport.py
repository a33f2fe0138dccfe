"""Who may speak to the agent at all: the checks of a connection before a word of it is heard. Nothing here does I/O.

A browser says of a WebSocket which page opens it (``Origin``, RFC 6455, 10.2), and no page can make it say something else. What it
does not do is refuse: pages of every site may connect to this computer. So all that comes is judged by its head, and what is not
exactly as a browser writes it for this agent is refused.
"""

from __future__ import annotations

import re
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

from zorgid_card.adapters.origin import origin_of
from zorgid_card.errors import UsageError

PATH: Final = "/agent/v1"
PORT: Final = 47480
"""Where a page looks for the agent."""
ADDRESS: Final = "127.0.0.1"
HEAD_LIMIT: Final = 8192
"""Octets of the head of a request."""

Header = tuple[str, str]
_HEADER: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*")
_PRIVATE: Final = "Private-Network"
_LOCAL: Final = "Local-Network"
_SECONDS: Final = "600"


class RefusedError(Exception):
    """This request is not answered; ``status`` is what HTTP says of it."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class Gate:
    """Judges the head of a request to an agent.

    Attributes:
        port: where the agent listens.
    """

    port: int

    def origin(self, path: str, headers: Iterable[Header]) -> str:
        """The origin of the page that connects.

        Raises:
            RefusedError: another path; a host that is not this computer by the agent's own name (a name that was rebound to it);
                no origin, or one that is not an ``https`` origin as browsers write it.
        """
        given = [(name.lower(), value) for name, value in headers]
        if path != PATH:
            raise RefusedError(404, "no such path")
        if _only(given, "host").lower() not in (f"{ADDRESS}:{self.port}", f"localhost:{self.port}"):
            raise RefusedError(403, "a host that is not this agent's")
        origin = _only(given, "origin")
        try:
            found = origin_of(origin)
        except UsageError as error:
            raise RefusedError(403, "no https origin") from error
        if found != origin:
            raise RefusedError(403, "an origin that no browser writes")
        return origin

    def preflight(self, head: bytes, allows: Callable[[str], bool]) -> tuple[Header, ...]:
        """The headers that answer a browser that asks beforehand whether a page may reach this computer.

        Args:
            head: of an ``OPTIONS`` request, with the empty line.
            allows: whether an origin is on the list.

        Raises:
            RefusedError: as :meth:`origin`; or the origin is not on the list.
        """
        path, headers = _parsed(head)
        origin = self.origin(path, headers)
        if not allows(origin):
            raise RefusedError(403, "an origin that is not on the list")
        return (
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Allow-Methods", "GET"),
            *network_access(headers),
            ("Access-Control-Max-Age", _SECONDS),
            ("Vary", "Origin"),
        )


def network_access(headers: Iterable[Header]) -> tuple[Header, ...]:
    """What a browser wants to hear that asks whether this computer may be reached from the network (Private Network Access)."""
    asked = {name.lower() for name, value in headers if value == "true"}
    return tuple(
        (f"Access-Control-Allow-{kind}", "true")
        for kind in (_PRIVATE, _LOCAL)
        if f"access-control-request-{kind.lower()}" in asked
    )


def _only(headers: Iterable[Header], name: str) -> str:
    """The value of a header that is there once."""
    values = [value for given, value in headers if given == name]
    if len(values) != 1:
        raise RefusedError(403, f"{name} is there {len(values)} times")
    return values[0]


def _parsed(head: bytes) -> tuple[str, list[Header]]:
    """Path and headers of a request (RFC 9112, 3 and 5)."""
    try:
        first, *lines = head.decode("ascii").partition("\r\n\r\n")[0].split("\r\n")
    except UnicodeDecodeError as error:
        raise RefusedError(400, "a head that is not ASCII") from error
    words = first.split(" ")
    found = [_HEADER.fullmatch(line) for line in lines]
    if len(words) != 3 or words[2] != "HTTP/1.1" or not all(found):
        raise RefusedError(400, "not the head of a request")
    return words[1], [(match[1], match[2]) for match in found if match]


# --- how often --------------------------------------------------------------------------------------------------------


class Rate:
    """No more than so many times in so many seconds.

    Args:
        times: how often.
        seconds: within which.
        clock: gives seconds that never go back.
    """

    def __init__(self, times: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._last: deque[float] = deque(maxlen=times)

    @property
    def full(self) -> bool:
        """Whether it has been that often."""
        return len(self._last) == self._last.maxlen and self._clock() - self._last[0] < self._seconds

    @property
    def idle(self) -> bool:
        """Whether it has not been at all for that long."""
        return not self._last or self._clock() - self._last[-1] >= self._seconds

    def take(self) -> bool:
        """Count one more, if it may be."""
        if self.full:
            return False
        self._last.append(self._clock())
        return True


# --- whose process ----------------------------------------------------------------------------------------------------

_SOCKETS: Final = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_MAPPED: Final = "0000000000000000FFFF0000"
"""Before an IPv4 address in the table of IPv6 (RFC 4291, 2.5.5.2): a program may connect so, too."""
NOBODY: Final = -1
"""Whose process has gone, or who is not among those that are listed."""
Address = tuple[str, int]


def peer_user(peer: Address, own: Address, tables: Sequence[Path] = _SOCKETS) -> int | None:
    """The user whose process holds the other end of a connection on this computer, or :data:`NOBODY`; None: no system tells here.

    Linux lists all its sockets with their owner (proc_pid_net(5)). Another user of the same computer is no browser of this one's.

    Args:
        peer: address and port of the other end; all of 127.0.0.0/8 is this computer.
        own: of this end.
        tables: where they are listed.
    """
    ends, listed = (_end(peer), _end(own)), False
    mapped = tuple(f"{_MAPPED}{end}" for end in ends)
    for table in tables:
        try:
            rows = [line.split() for line in table.read_text("ascii").splitlines()[1:]]
        except (OSError, ValueError):
            continue
        listed = True
        for row in rows:  # a socket that its process has let go of has no inode, and says that it is root's
            if len(row) > 9 and (row[1], row[2]) in (ends, mapped) and row[9] != "0" and row[7].isdecimal():
                return int(row[7])
    return NOBODY if listed else None


def _end(address: Address) -> str:
    """As the table has it: the octets as a number of this machine, and the port."""
    return f"{int.from_bytes(IPv4Address(address[0]).packed, sys.byteorder):08X}:{address[1]:04X}"
