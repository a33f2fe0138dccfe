"""Where the challenges of log-ins are kept between the page that asks for one and the token that answers it (AUT-1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class LogInChallenge:
    """One challenge: single use, expiring, for one origin and one browser session.

    Attributes:
        binding: 43 characters that stand for origin and browser session; what names that session cannot be got back from it.
        origin: the portal's, ``https://host[:port]``.
        nonce: 44 characters, base64 of 32 random octets.
        expires_at: from this moment on it is worth nothing; UTC.
    """

    binding: str
    origin: str
    nonce: str
    expires_at: datetime


class Challenges(Protocol):
    """A store of challenges, shared by everything that serves the portal; at most one for each binding.

    It judges nothing: whoever takes a challenge sees whether it has expired.
    """

    def put(self, challenge: LogInChallenge, /, *, at: datetime, client: str = "") -> None:
        """Keep a challenge, in the place of an earlier one of the same binding.

        Args:
            challenge: the new one.
            at: now; what has expired by then may be removed.
            client: who asks, as far as the portal can tell, such as a network address; a store that has no room left for all
                may let those who ask most make room.

        Raises:
            StorageError: it was not kept.
        """
        ...

    def take(self, binding: str, /) -> LogInChallenge | None:
        """Remove the challenge of a binding and give it: of all who ask at once, one gets it.

        Returns:
            None: there is none.

        Raises:
            StorageError: whether it was removed is not known; it must not be used.
        """
        ...

    def remove_expired(self, at: datetime, /) -> int:
        """Remove those that have expired; returns how many there were. To be called every few minutes."""
        ...
