"""A token's ID serves once: where the IDs that were used are kept."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from zorgid_card.errors import ReplayError


class UsedIDs(Protocol):
    """Keeps the IDs of tokens that were accepted, for as long as those tokens hold; shared by all processes that accept them."""

    def use(self, signer: str, identifier: str, until: datetime, /) -> None:
        """Keep an ID; in one step with looking whether it was kept before.

        Args:
            signer: names the key that signed, so that nobody uses up another's IDs: SHA-256 of its SubjectPublicKeyInfo,
                hexadecimal.
            identifier: the token's ID, at most 200 characters.
            until: when it may be forgotten.

        Raises:
            ReplayError: it was used before.
        """
        ...


class IDsInMemory:
    """:class:`UsedIDs` of one process.

    Args:
        limit: how many are kept at once; when they are all still needed, the next token is refused.
        clock: UTC.
    """

    def __init__(self, limit: int = 100_000, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._limit = limit
        self._clock = clock
        self._used: dict[tuple[str, str], datetime] = {}
        self._lock = threading.Lock()

    def use(self, signer: str, identifier: str, until: datetime, /) -> None:
        """Keep an ID; raises as :meth:`UsedIDs.use`, and also when no more can be kept."""
        with self._lock:
            if (signer, identifier) in self._used:
                raise ReplayError("this token was used before", what="token")
            if len(self._used) >= self._limit:
                self._forget()
            self._used[signer, identifier] = until

    def _forget(self) -> None:
        now = self._clock()
        self._used = {key: until for key, until in self._used.items() if until > now}
        if len(self._used) >= self._limit:
            raise ReplayError("no more IDs can be kept", what="token")
