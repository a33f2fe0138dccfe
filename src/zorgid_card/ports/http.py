"""What is served over HTTP, without a server: a request's parts go in, an answer's come out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class HTTPAnswer:
    """What is to be sent back."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""


class HTTPService(Protocol):
    """Answers requests. Serves many threads, and raises nothing for what comes from outside."""

    @property
    def limit(self) -> int:
        """Octets of a body; one more than that need be read, and is refused."""
        ...

    def respond(self, method: str, path: str, content_type: str, body: bytes) -> HTTPAnswer:
        """Answer one request.

        Args:
            method: of the request.
            path: as it came, below the address at which the service is reached; not decoded.
            content_type: its header of that name; empty if it has none.
            body: of the request.
        """
        ...
