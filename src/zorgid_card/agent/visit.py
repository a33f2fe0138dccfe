"""One connection of a page to the agent: it is greeted, paired if the person agrees, and heard until it goes; and its steps."""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import CancelledError as FutureCancelledError
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from zorgid_card.adapters.origin import spoken_origin
from zorgid_card.agent.messages import (
    PROTOCOL,
    Asked,
    Cancel,
    Done,
    Event,
    Failed,
    FromAgent,
    Hello,
    Paired,
    Start,
    StartReaders,
    decode,
    encode,
)
from zorgid_card.agent.messages import Answer as AnswerMessage
from zorgid_card.agent.page_holder import Answer, Stop, problem
from zorgid_card.agent.pairing import new_code
from zorgid_card.agent.sockets import ConnectionClosed, ServerConnection
from zorgid_card.agent.steps import VERSION, Desk, Step
from zorgid_card.agent.transport import Rate
from zorgid_card.errors import CancelledError, DeclinedError, MessageError, StorageError, ZorgIDError
from zorgid_card.texts import Language, Texts, printable
from zorgid_card.workflows.holder import Question

if TYPE_CHECKING:
    from zorgid_card.agent.server import Agent

PROTOCOL_BROKEN: Final = 4400
NOT_PAIRED: Final = 4403
TOO_OFTEN: Final = 4429
OUT_OF_ORDER: Final = 4500
"""Codes with which the agent closes (RFC 6455, 7.4.2: 4000 to 4999 are an application's)."""

STEPS_AT_ONCE: Final = 4
"""Of one connection."""
MESSAGES, MINUTE = 120, 60.0
"""Of one connection, in a minute."""
PAIRING_SECONDS: Final = 120.0
"""How long the question whether to pair stands."""
_QUEUE: Final = 256

_log = logging.getLogger("zorgid_card.agent")


class BrokenError(Exception):
    """The page did what it may not; the connection is closed with ``code``."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


class Visit:
    """One connection of a page, from its hello to its end.

    Args:
        agent: it connects to.
        connection: of the page.
        origin: the page's, as the browser says.
        texts: in the browser's language.
    """

    def __init__(self, agent: Agent, connection: ServerConnection, origin: str, texts: Texts) -> None:
        self._agent = agent
        self._connection = connection
        self._origin = origin
        self._texts = texts
        self._loop = asyncio.get_running_loop()
        self._out: asyncio.Queue[str] = asyncio.Queue(_QUEUE)
        self._runs: dict[str, Run] = {}
        self._known: set[str] = set()
        self._messages = Rate(MESSAGES, MINUTE, agent.clock)

    async def run(self) -> None:
        """Hear the page until it, or the agent, ends it."""
        writer = self._loop.create_task(self._write())
        try:
            await self._greet()
            async for text in self._connection:
                self._hear(text)
        except BrokenError as error:
            _log.info("%s is closed: %s", printable(self._origin), error)
            await self._connection.close(error.code, str(error))
        except ConnectionClosed:
            pass
        finally:
            for step in list(self._runs.values()):
                step.stop.set()
            writer.cancel()

    def send(self, message: FromAgent) -> None:
        """Have it sent; from the loop's thread. A page that does not listen is let go of."""
        try:
            self._out.put_nowait(encode(message))
        except asyncio.QueueFull:
            self._connection.transport.abort()

    def send_soon(self, message: FromAgent) -> None:
        """Have it sent; from any thread. When the agent has ended, a step that has yet to end tells nobody."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self.send, message)

    async def _write(self) -> None:
        with suppress(ConnectionClosed):
            while True:
                await self._connection.send(await self._out.get())

    # --- pairing --------------------------------------------------------------------------------------------------

    async def _greet(self) -> None:
        """Say hello, and have the person asked if nobody has allowed this page yet.

        Raises:
            BrokenError: it is not to be.
        """
        if self._allowed():
            self.send(Hello(version=VERSION, protocol=PROTOCOL, paired=True))
            return
        if not self._agent.origins.rollout.pairing:
            raise BrokenError(NOT_PAIRED, "not allowed")
        if not self._agent.asking.begin(self._origin):
            raise BrokenError(TOO_OFTEN, "asked too often")
        refused = False
        try:
            await self._ask()
        except DeclinedError as error:
            refused = True
            raise BrokenError(NOT_PAIRED, "not paired") from error
        except CancelledError as error:
            raise BrokenError(TOO_OFTEN, "not asked now") from error
        except ZorgIDError as error:
            _log.error("cannot pair: %s", error)
            raise BrokenError(OUT_OF_ORDER, "cannot ask") from error
        finally:
            self._agent.asking.end(refused=refused)
        self.send(Paired())

    def _allowed(self) -> bool:
        """Whether this page's portal is on a list now. Raises BrokenError where that cannot be read."""
        try:
            return self._agent.origins.allows(self._origin)
        except StorageError as error:
            _log.error("the list of portals: %s", error)
            raise BrokenError(OUT_OF_ORDER, "the list of portals") from error

    async def _ask(self) -> None:
        """Have the person say that the page shows the same code, for as long as it is there.

        Raises:
            BrokenError: nobody answers.
            DeclinedError: they do not.
            CancelledError: they are asked for something else now, or the page is gone.
        """
        code = new_code()
        self.send(Hello(version=VERSION, protocol=PROTOCOL, paired=False, code=code))
        stop, asked = Stop(), self._loop.create_future()
        self._agent.work("pairing", partial(self._pair, code, stop, asked))
        gone = self._loop.create_task(self._connection.wait_closed())
        done, _ = await asyncio.wait((gone, asked), timeout=PAIRING_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        gone.cancel()
        if not done:
            with suppress(CancelledError):
                await asked
            raise BrokenError(NOT_PAIRED, "nobody answered")
        await asked

    def _pair(self, code: str, stop: Stop, asked: asyncio.Future[None]) -> None:
        """Ask the person, in a thread; not while they are asked for something else."""
        outcome: ZorgIDError | None = None
        try:
            own = self._agent.desk.own(self._origin, self._texts)
            with self._agent.desk.prompts.turn(stop, wait=False), stop.calling(own.cancel):
                own.confirm(Question("agent-pair", (("origin", spoken_origin(self._origin)), ("code", code))))
            if stop.is_set():
                raise CancelledError
            self._agent.origins.add(self._origin)
        except ZorgIDError as error:
            outcome = error
        except Exception:
            _log.exception("a fault in pairing")
            outcome = ZorgIDError("a fault of the agent")
        self._loop.call_soon_threadsafe(_settle, asked, outcome)

    # --- steps ----------------------------------------------------------------------------------------------------

    def _hear(self, text: str | bytes) -> None:
        if not self._messages.take():
            raise BrokenError(TOO_OFTEN, "too many messages")
        try:
            message = decode(text)
        except MessageError as error:
            raise BrokenError(PROTOCOL_BROKEN, f"no message: {error.details.get('field') or 'form'}"[:100]) from error
        if isinstance(message, Start):
            self._begin(message)
        elif message.id not in self._known:
            raise BrokenError(PROTOCOL_BROKEN, "no such step")
        elif (step := self._runs.get(message.id)) is None:
            return  # it has ended meanwhile
        elif isinstance(message, Cancel):
            step.stop.set()
        else:
            step.answered(message)

    def _begin(self, start: Start) -> None:
        if start.id in self._known:
            raise BrokenError(PROTOCOL_BROKEN, "a step of this name was there before")
        if len(self._runs) >= STEPS_AT_ONCE:
            raise BrokenError(TOO_OFTEN, "too many steps at once")
        if not isinstance(start, StartReaders) and not self._agent.may_start(self._origin):
            raise BrokenError(TOO_OFTEN, "too many steps")
        if not self._allowed():  # it was forgotten since it connected
            raise BrokenError(NOT_PAIRED, "not allowed any more")
        self._known.add(start.id)
        self._runs[start.id] = step = Run(self, start, Texts(Language(start.lang)))
        self._agent.work(start.step, partial(step.work, self._agent.desk, self._origin))

    def ended(self, step: Run, message: Done | Failed) -> None:
        """A step has ended, and this is what came of it; from any thread."""

        def end() -> None:
            self._runs.pop(step.start.id, None)
            self.send(message)

        with suppress(RuntimeError):  # the agent has ended before
            self._loop.call_soon_threadsafe(end)


def _settle(future: asyncio.Future[None], error: ZorgIDError | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)


class Run:
    """A step that goes on (:class:`~zorgid_card.agent.page_holder.Page`).

    Args:
        visit: of the page that began it.
        start: how it was begun.
        texts: in the page's language.
    """

    def __init__(self, visit: Visit, start: Start, texts: Texts) -> None:
        self.start = start
        self.stop = Stop()
        self._visit = visit
        self._texts = texts
        self._turn = threading.Lock()
        self._number = 0
        self._waiting: Future[Answer] | None = None

    def work(self, desk: Desk, origin: str) -> None:
        """Do it, in a thread of its own."""
        message: Done | Failed
        try:
            message = Done(id=self.start.id, result=Step(desk, origin, self, self.stop, self._texts).run(self.start))
        except ZorgIDError as error:
            message = self._failed(error)
        except Exception:
            _log.exception("a fault in the step %s", self.start.step)
            message = self._failed(ZorgIDError("a fault of the agent"))
        self._visit.ended(self, message)

    def _failed(self, error: ZorgIDError) -> Failed:
        return Failed(id=self.start.id, error=problem(error, self._texts))

    def tell(self, event: type[Event], **fields: Any) -> None:
        """See :class:`~zorgid_card.agent.page_holder.Page`."""
        self._visit.send_soon(event(id=self.start.id, **fields))

    def ask(self, code: str, facts: tuple[tuple[str, str], ...]) -> Answer:
        """See :class:`~zorgid_card.agent.page_holder.Page`."""
        waiting: Future[Answer] = Future()
        with self._turn:
            self._number += 1
            self._waiting = waiting
        with self.stop.calling(lambda: _give_up(waiting)):
            self.tell(Asked, question=self._number, code=code, facts=facts)
            try:
                return waiting.result()
            except FutureCancelledError as error:
                raise CancelledError from error

    def answered(self, answer: AnswerMessage) -> None:
        """The page has answered.

        Raises:
            BrokenError: a question that was not asked.
        """
        with self._turn:
            waiting, latest = self._waiting, self._number
            if not 1 <= answer.question <= latest:
                raise BrokenError(PROTOCOL_BROKEN, "a question that was not asked")
            if answer.question < latest or waiting is None:
                return  # it was answered before
            self._waiting = None
        with suppress(InvalidStateError):
            waiting.set_result(answer.value)


def _give_up(waiting: Future[Answer]) -> None:
    waiting.cancel()
