"""Cards in an asyncio program: a worker thread for each reader, in which the blocking operations run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from threading import Lock
from types import TracebackType
from typing import Generic, ParamSpec, Self, TypeVar

from zorgid_card.codec.link import Link

P = ParamSpec("P")
T = TypeVar("T")


class CardThread:
    """The thread that serves one reader: operations given to it run one after another, in the order they were given.

    ::

        async with CardThread() as thread:
            channel = await thread.run(reader.connect)
            card = await thread.run(open_channel, channel)
            signature = await thread.use(card.link, card.sign, 0x9A, data, "ES256", provider)
            await thread.run(let_go, channel, card)

    A PIN provider is called in the thread too. A card serves one such thread at a time.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="zorgid-card")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self._pool.shutdown)

    async def run(self, operation: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Await a blocking operation; once begun it runs to its end, also when the awaiting task is cancelled."""
        return await self._outcome(_Job(partial(operation, *arguments, **named), None))

    async def use(self, link: Link, operation: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Await an operation on the card behind ``link``.

        When the awaiting task is cancelled, the operation is stopped between two commands, never inside a chain, and has ended
        before the cancellation goes on: the card is left usable, and what was done to it can be read from it.

        Raises:
            asyncio.CancelledError: the task was cancelled.
        """
        return await self._outcome(_Job(partial(operation, *arguments, **named), link))

    async def _outcome(self, job: _Job[T]) -> T:
        begun = self._pool.submit(job.run)
        future = asyncio.wrap_future(begun)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await self._stop(job, begun, future)
            raise

    async def _stop(self, job: _Job[T], begun: Future[T], ended: asyncio.Future[T]) -> None:
        if begun.cancel():
            return
        job.stop()
        while not ended.done():
            with suppress(asyncio.CancelledError):  # cancelled twice: the card is not let go of any sooner
                await asyncio.wait([ended])
        ended.exception()  # it was told to nobody, and need not be


class _Job(Generic[T]):
    """One operation, which may be stopped; what stops it reaches no other one."""

    def __init__(self, operation: Callable[[], T], link: Link | None) -> None:
        self._operation = operation
        self._link = link
        self._lock = Lock()
        self._ended = self._stopped = False

    def run(self) -> T:
        try:
            return self._operation()
        finally:
            with self._lock:
                self._ended = True
                if self._link is not None and self._stopped:
                    self._link.resume()  # the request may have come too late for this operation: it is not for the next one

    def stop(self) -> None:
        with self._lock:
            if self._link is not None and not self._ended:
                self._stopped = True
                self._link.cancel()
