"""The seam between card side and portal side: one message there, one answer back, as bytes."""

from __future__ import annotations

from typing import Final, Protocol

LIMIT: Final = 65_536
"""Octets of one message, at most, either way."""

CONTENT_TYPE: Final = "application/json"
"""Of a message, where what carries it says what it is (HTTP)."""

PATH: Final = "/card-side"
"""Where a portal takes messages over HTTPS, unless it says otherwise."""


class Seam(Protocol):
    """In one process, over HTTP, or across a relay: the card side's only way to the portal."""

    @property
    def origin(self) -> str:
        """The portal's origin as the transport knows it, never as a page claims it: ``https://host[:port]`` (AUT-1)."""
        ...

    def ask(self, request: bytes, /) -> bytes:
        """Carry one request to the portal and return its answer; UTF-8 JSON both ways, at most :data:`LIMIT` octets.

        Raises:
            TransportError, OSError: the way broke, and whether the portal has heard the request is not known; the caller may repeat
                the very same bytes (the portal is idempotent).
            PortalError: what answers is not the portal; a repetition will not help.
        """
        ...
