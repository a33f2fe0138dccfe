"""Stores of challenges: in this process's memory, and in a portal's registry (:mod:`zorgid_card.ports.challenges`).

One in an SQL database of a portal that has no registry of ours is :class:`zorgid_card.adapters.challenges.SQLChallenges`.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextlib import suppress
from datetime import datetime

from zorgid_card.errors import NotFoundError
from zorgid_card.ports.challenges import LogInChallenge
from zorgid_card.ports.registry import Challenge, Registry, Unit
from zorgid_card.workflows import housekeeping

CAPACITY = 100_000
"""Challenges that are kept at once, by default; under 2 kB each."""

_CLIENT = 64


class MemoryChallenges:
    """Challenges in this process's memory (:class:`~zorgid_card.ports.challenges.Challenges`): for a portal of one process.

    It serves many threads. There is room for ``capacity`` challenges; when it is full, the client that holds the most gives up
    its oldest, so that who asks for many pushes out their own, not other people's. Where the portal names no clients they are
    all one, and the oldest goes.

    Args:
        capacity: how many, at least 1.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        if capacity < 1:
            raise ValueError("room for one challenge is needed at least")
        self._capacity = capacity
        self._lock = threading.Lock()
        # ordered ones: the first of a plain dict is looked for behind all that were removed before it
        self._kept: OrderedDict[str, tuple[LogInChallenge, str]] = OrderedDict()
        self._of: dict[str, OrderedDict[str, None]] = {}
        self._holding: dict[int, OrderedDict[str, None]] = {}
        self._most = 0

    def __len__(self) -> int:
        return len(self._kept)

    def put(self, challenge: LogInChallenge, /, *, at: datetime, client: str = "") -> None:
        """Keep it; see the port."""
        with self._lock:
            self._remove(challenge.binding)
            self._remove_aged(at)
            if len(self._kept) >= self._capacity:
                self._remove(next(iter(self._of[next(iter(self._holding[self._most]))])))
            self._add(challenge, client[:_CLIENT])

    def take(self, binding: str, /) -> LogInChallenge | None:
        """Remove it and give it; see the port."""
        with self._lock:
            return self._remove(binding)

    def remove_expired(self, at: datetime, /) -> int:
        """Remove those that have expired; see the port."""
        with self._lock:
            expired = [binding for binding, (kept, _) in self._kept.items() if kept.expires_at <= at]
            for binding in expired:
                self._remove(binding)
            return len(expired)

    def _remove_aged(self, at: datetime) -> None:
        """The oldest, as far as they have expired: each is looked at once, whatever the number of those kept."""
        while self._kept:
            binding, (kept, _) = next(iter(self._kept.items()))
            if kept.expires_at > at:
                return
            self._remove(binding)

    def _add(self, challenge: LogInChallenge, client: str) -> None:
        self._kept[challenge.binding] = challenge, client
        self._of.setdefault(client, OrderedDict())[challenge.binding] = None
        self._count(client, len(self._of[client]) - 1, len(self._of[client]))
        self._most = max(self._most, len(self._of[client]))

    def _remove(self, binding: str) -> LogInChallenge | None:
        if binding not in self._kept:
            return None
        challenge, client = self._kept.pop(binding)
        bindings = self._of[client]
        del bindings[binding]
        self._count(client, len(bindings) + 1, len(bindings))
        if not bindings:
            del self._of[client]
        if self._most not in self._holding:
            self._most -= 1  # the one that held the most holds one less now
        return challenge

    def _count(self, client: str, before: int, after: int) -> None:
        """Note how many a client holds: the clients of each number, in the order in which they came to it."""
        if before:
            clients = self._holding[before]
            del clients[client]
            if not clients:
                del self._holding[before]
        if after:
            self._holding.setdefault(after, OrderedDict())[client] = None


_LOG_IN = "log-in"


class RegistryChallenges:
    """Challenges in the portal's registry (:class:`~zorgid_card.ports.challenges.Challenges`)."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def put(self, challenge: LogInChallenge, /, *, at: datetime, client: str = "") -> None:
        """Keep it; see the port. What has expired goes with :func:`housekeeping.remove_expired`."""

        def work(unit: Unit) -> None:
            for earlier in _of(unit, challenge.binding):
                unit.remove(earlier)
            unit.add(
                Challenge(
                    nonce=challenge.nonce,
                    purpose=_LOG_IN,
                    origin=challenge.origin,
                    binding=challenge.binding,
                    expires_at=challenge.expires_at,
                )
            )

        self._registry.run(work)

    def take(self, binding: str, /) -> LogInChallenge | None:
        """Remove it and give it; see the port."""

        def work(unit: Unit) -> LogInChallenge | None:
            for found in _of(unit, binding):
                unit.remove(found)
                return LogInChallenge(
                    binding=found.binding, origin=found.origin, nonce=found.nonce, expires_at=found.expires_at
                )
            return None

        with suppress(NotFoundError):  # somebody else removed it first
            return self._registry.run(work)
        return None

    def remove_expired(self, at: datetime, /) -> int:
        """Remove those that have expired; see the port."""
        return housekeeping.remove_over(self._registry, Challenge, at)


def _of(unit: Unit, binding: str) -> list[Challenge]:
    return list(unit.find(Challenge, binding=binding, purpose=_LOG_IN))
