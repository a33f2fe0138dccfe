"""The registry in an SQL database for a program that runs in asyncio (extra ``sql-async``): the same units, the same services.

The code of a unit, and of every service, stays as it is: it runs in a greenlet, which gives way to the event loop wherever the
database is waited for. No thread is held while it waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar, copy_context
from functools import partial
from threading import Event
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlalchemy.util import await_only, greenlet_spawn

from zorgid_card.adapters.sql import SQLRegistry, SQLUnit
from zorgid_card.adapters.sql_engine import BUSY_SECONDS, path_of
from zorgid_card.ports.keys import KeyProvider

P = ParamSpec("P")
T = TypeVar("T")

_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg"}


class AsyncSQLRegistry:
    """A registry whose database is waited for in asyncio.

    ``registry`` is what services are built on (:class:`~zorgid_card.adapters.sql.SQLRegistry`); whatever uses it is called through
    :meth:`call`. One event loop uses it, the one in which it was used first.
    """

    def __init__(self, where: str | URL | AsyncEngine, keys: KeyProvider | None = None) -> None:
        """Stand ready; arguments as those of :class:`~zorgid_card.adapters.sql.SQLRegistry`, the driver of a URL is chosen here."""
        self._engine = where if isinstance(where, AsyncEngine) else _engine(make_url(where))
        self.registry = SQLRegistry(self._engine.sync_engine, keys)
        self.registry._pause = _pause  # one class in two files
        event.listen(self._engine.sync_engine, "before_cursor_execute", _stop_if_cancelled)

    async def call(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call ``function``, which uses :attr:`registry`, and wait for what it returns; raises what it raises.

        When the awaiting task is cancelled, the call ends between two statements and its transaction is undone, or it had been
        committed, before the cancellation goes on: a statement cut short would leave an SQLite database locked.
        """
        cancelled = Event()
        context = copy_context()
        context.run(_CANCELLED.set, cancelled)
        job = asyncio.create_task(_spawn(partial(function, *args, **kwargs)), context=context)
        try:
            return await asyncio.shield(job)
        except asyncio.CancelledError:
            cancelled.set()
            while not job.done():
                with suppress(asyncio.CancelledError):  # cancelled twice: it does not end any sooner
                    await asyncio.wait([job])
            if not job.cancelled():
                job.exception()  # it was told to nobody, and need not be
            raise

    async def create(self) -> tuple[str | None, str]:
        """See :meth:`zorgid_card.adapters.sql.SQLRegistry.create`."""
        return await self.call(self.registry.create)

    async def run(self, work: Callable[[SQLUnit], T], /) -> T:
        """See :meth:`zorgid_card.adapters.sql.SQLRegistry.run`; ``work`` is plain code."""
        return await self.call(self.registry.run, work)

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()


async def _spawn(function: Callable[[], T]) -> T:
    return await greenlet_spawn(function)


_CANCELLED: ContextVar[Event | None] = ContextVar("cancelled", default=None)


def _stop_if_cancelled(*_: object) -> None:
    cancelled = _CANCELLED.get()
    if cancelled is not None and cancelled.is_set():
        raise asyncio.CancelledError


def _engine(url: URL) -> AsyncEngine:
    url = url.set(drivername=_DRIVERS.get(url.get_backend_name(), url.drivername))
    if url.get_backend_name() != "sqlite":
        return create_async_engine(url, pool_pre_ping=True, hide_parameters=True)
    path = path_of(url)
    if path is None:
        # one connection is the whole database, and one task at a time has it
        only: dict[str, Any] = {"poolclass": AsyncAdaptedQueuePool, "pool_size": 1, "max_overflow": 0}
        return create_async_engine(url, hide_parameters=True, **only)
    named = url.set(database=path.absolute().as_uri(), query={"uri": "true", "mode": "rw"})
    return create_async_engine(named, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True)


def _pause(seconds: float) -> None:
    await_only(asyncio.sleep(seconds))
