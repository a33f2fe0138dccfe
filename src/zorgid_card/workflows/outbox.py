"""Notices to people, kept in the database until they are sent (ORG-1: "has been processed").

A notice is written in the transaction of what it tells of. Any worker sends what is due: it claims a notice in a transaction,
sends it outside, and notes what came of it. A worker that dies meanwhile leaves it to another after :data:`LEASE`: so every notice
is sent at least once, and twice only where a worker died between sending and noting.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from zorgid_card.errors import FetchError, TransitionError
from zorgid_card.ports.notices import Events, Letter, Notifier
from zorgid_card.ports.registry import Notice, Registry, Unit
from zorgid_card.workflows.letters import LANGUAGES, written
from zorgid_card.workflows.messages import canonical

WAITING: Final = "waiting"
SENT: Final = "sent"
DEAD: Final = "dead"

LEASE: Final = timedelta(minutes=10)
"""How long a worker has for sending one notice."""

TRIES: Final = 16
"""After so many a notice is given up: about two days after the first."""

LONGEST_WAIT: Final = timedelta(hours=6)

_PAGE: Final = 200
_REASON: Final = 100
_REFUSED: Final = "refused"


def put(unit: Unit, now: datetime, kind: str, recipient: str, language: str = LANGUAGES[0], **values: str) -> Notice:
    """Have a notice sent once this transaction is kept.

    Args:
        unit: the open transaction.
        now: UTC.
        kind: one of :data:`~zorgid_card.workflows.letters.LETTERS`.
        recipient: an address.
        language: ``nl`` or ``en``.
        values: what the letter names.
    """
    written(kind, language, values)  # what cannot be written is found out here, and not when it is sent
    notice = Notice(
        id=f"{int(now.timestamp() * 1000):012x}{secrets.token_hex(8)}",  # the oldest first
        kind=kind,
        recipient=recipient,
        language=language,
        data=canonical(dict(values)).decode(),
        state=WAITING,
        tries=0,
        due_at=now,
        made_at=now,
        done_at=None,
        error=None,
    )
    unit.add(notice)
    return notice


class Outbox:
    """Sends what waits. Any number of workers may do so at once, each with one of these.

    Args:
        registry: the portal's store.
        notifier: sends.
        clock: UTC.
        events: is told of ``notice.sent``, ``notice.failed`` and ``notice.dead``.
    """

    def __init__(
        self, registry: Registry, notifier: Notifier, clock: Callable[[], datetime], events: Events | None = None
    ) -> None:
        self._registry = registry
        self._notifier = notifier
        self._clock = clock
        self._events = events

    def deliver(self) -> int:
        """Send what is due; to be called every minute or so.

        Returns:
            how many notices were sent.

        Raises:
            StorageError: the registry cannot be used.
        """
        sent, after = 0, ""
        while True:
            with self._registry.begin() as unit:
                page = unit.page(Notice, after=after, limit=_PAGE, state=WAITING)
            sent += sum(self._deliver(notice.id) for notice in page if notice.due_at <= self._clock())
            if len(page) < _PAGE:
                return sent
            after = page[-1].id

    def _deliver(self, notice_id: str) -> bool:
        claimed = self._registry.run(lambda unit: _claim(unit, notice_id, self._clock()))
        if claimed is None:
            return False
        error = None
        try:
            subject, body = written(claimed.kind, claimed.language, json.loads(claimed.data))
            self._notifier.send(Letter(id=claimed.id, recipient=claimed.recipient, subject=subject, body=body))
        except FetchError as failed:
            error = str(failed.details.get("reason") or "failed")[:_REASON]
        except KeyError:  # a letter of another version, or a kind that somebody has changed: the others go on
            error = _REFUSED
        settled = self._registry.run(lambda unit: _settle(unit, claimed, error, self._clock()))
        if settled is not None and self._events is not None:
            self._events.happened({SENT: "notice.sent", DEAD: "notice.dead"}.get(settled.state, "notice.failed"))
        return error is None


def again(unit: Unit, notice_id: str, now: datetime) -> Notice:
    """Have a notice that was given up tried anew.

    Raises:
        NotFoundError: no such notice.
        TransitionError: it was not given up.
    """
    notice = unit.get(Notice, notice_id)
    if notice.state != DEAD:
        raise TransitionError("only what was given up is tried anew", what="notice", state=notice.state, event="retry")
    waiting = replace(notice, state=WAITING, tries=0, due_at=now, done_at=None)
    unit.replace(waiting)
    return waiting


def wait_after(tries: int) -> timedelta:
    """How long after a failed try the next one is made: a minute, two, four..., six hours at most."""
    return min(timedelta(minutes=2 ** min(tries - 1, 16)), LONGEST_WAIT)


def _claim(unit: Unit, notice_id: str, now: datetime) -> Notice | None:
    """Take a notice for oneself, if it is still due."""
    notice = next(unit.find(Notice, id=notice_id), None)
    if notice is None or notice.state != WAITING or notice.due_at > now:
        return None
    if notice.tries >= TRIES:  # the worker that made the last try has not come back
        unit.replace(replace(notice, state=DEAD, done_at=now, error=notice.error or "lost"))
        return None
    claimed = replace(notice, tries=notice.tries + 1, due_at=now + LEASE)
    unit.replace(claimed)
    return claimed


def _settle(unit: Unit, claimed: Notice, error: str | None, now: datetime) -> Notice | None:
    """Note what came of a try; None: it took so long that another has claimed the notice."""
    notice = next(unit.find(Notice, id=claimed.id), None)
    if notice is None or (notice.state, notice.tries) != (WAITING, claimed.tries):
        return None
    if error is None:  # to whom, and what, is kept no longer than needed
        settled = replace(notice, state=SENT, done_at=now, error=None, recipient="", data="{}")
    elif error == _REFUSED or notice.tries >= TRIES:
        settled = replace(notice, state=DEAD, done_at=now, error=error)
    else:
        settled = replace(notice, due_at=now + wait_after(notice.tries), error=error)
    unit.replace(settled)
    return settled
