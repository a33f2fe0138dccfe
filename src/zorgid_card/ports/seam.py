"""The seam between card side and portal side: one message there, one answer back, as bytes."""

from __future__ import annotations

from typing import Protocol


class Seam(Protocol):
    """In one process, over HTTP, or across a relay: the card side's only way to the portal."""

    @property
    def origin(self) -> str:
        """The portal's origin as the transport knows it, never as a page claims it: ``https://host[:port]`` (AUT-1)."""
        ...

    def ask(self, request: bytes, /) -> bytes:
        """Carry one request to the portal and return its answer; UTF-8 JSON both ways.

        Raises:
            ReaderError, OSError: the way broke; the caller may repeat the very same bytes (the portal is idempotent).
        """
        ...
