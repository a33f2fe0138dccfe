"""How every call of a service is done: one transaction, judged by the table, done once for one idempotency key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from zorgid_card.errors import UsageError
from zorgid_card.ports.notices import Events
from zorgid_card.ports.registry import Registry, Unit
from zorgid_card.workflows.management.answers import once
from zorgid_card.workflows.management.call import Call, admit
from zorgid_card.workflows.management.roles import Actor
from zorgid_card.workflows.messages import JSON
from zorgid_card.workflows.policy import Policy
from zorgid_card.workflows.turn import in_turn

T = TypeVar("T")

PAGE = 200
"""Rows of one page, at most."""


class Desk:
    """One actor, acting for one organisation; every call asks the registry anew what the actor may do there."""

    def __init__(
        self,
        registry: Registry,
        clock: Callable[[], datetime],
        policy: Policy,
        events: Events | None,
        actor: Actor,
        ura: str | None,
    ) -> None:
        self._registry = registry
        self._clock = clock
        self._policy = policy
        self._events = events
        self._actor = actor
        self._ura = ura

    def _do(self, action: str, work: Callable[[Call], T]) -> T:
        """Do what the table lets this actor do; ``work`` may be done again from its beginning, where others came between."""
        return self._told(action, in_turn(self._registry, lambda unit: work(self._admitted(unit, action))))

    def _once(
        self, action: str, kind: type[T] | None, work: Callable[[Call], T], key: str | None, /, **request: JSON
    ) -> T:
        """Do what changes something, once for one idempotency key.

        Args:
            action: of the table.
            kind: the dataclass of the answer; None: there is none.
            work: as for :meth:`_do`.
            key: the caller's; None: a repetition is another request.
            request: all that the caller asked, by which a repetition is known.
        """
        if key is None:
            return self._do(action, work)
        answer = in_turn(self._registry, lambda unit: once(self._admitted(unit, action), key, kind, request, work))
        return self._told(action, answer)

    def _told(self, action: str, answer: T) -> T:
        """What was done is counted once its transaction is kept."""
        if self._events is not None:
            self._events.happened(action)
        return answer

    def _admitted(self, unit: Unit, action: str) -> Call:
        return admit(unit, self._clock(), action, self._actor, self._ura, signed=self._policy.phones.signed)


def require_limit(limit: int) -> None:
    """As many rows as a page may have; raises UsageError."""
    if not 1 <= limit <= PAGE:
        raise UsageError(f"1 to {PAGE} rows a page", reason="limit")
