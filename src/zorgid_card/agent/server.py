"""The agent's door: WebSocket on this computer's own address, for pages of the portals on its list (RFC 6455).

The loop in :class:`Agent` hears and speaks; each step works in a thread of its own. A connection that ends, however, ends its
steps.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError as FutureCancelledError
from concurrent.futures import Future, InvalidStateError
from contextlib import contextmanager, suppress
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from zorgid_card.adapters.origin import spoken_origin
from zorgid_card.agent.messages import (
    LIMIT,
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
from zorgid_card.agent.pairing import Asking, Origins, new_code
from zorgid_card.agent.steps import VERSION, Desk, Step
from zorgid_card.agent.transport import (
    ADDRESS,
    HEAD_LIMIT,
    PORT,
    Gate,
    Rate,
    RefusedError,
    network_access,
    peer_user,
)
from zorgid_card.errors import CancelledError, DeclinedError, MessageError, StorageError, ZorgIDError
from zorgid_card.texts import Language, Texts, printable
from zorgid_card.workflows.holder import Question

try:
    from websockets.asyncio.server import Server, ServerConnection, serve
    from websockets.exceptions import ConnectionClosed
    from websockets.http11 import Request, Response
except ModuleNotFoundError as missing:
    advice = "websockets is missing; install it: pip install 'zorgid-card[agent]'"
    raise ModuleNotFoundError(advice, name=missing.name) from missing

PROTOCOL_BROKEN: Final = 4400
NOT_PAIRED: Final = 4403
TOO_OFTEN: Final = 4429
OUT_OF_ORDER: Final = 4500
"""Codes with which the agent closes (RFC 6455, 7.4.2: 4000 to 4999 are an application's)."""

CONNECTIONS: Final = 32
"""At once, from all pages; and from those of one origin half of it."""
STEPS_AT_ONCE: Final = 4
"""Of one connection."""
MESSAGES, STARTS, MINUTE = 120, 20, 60.0
"""Of one connection, and steps of one origin, in a minute."""
PAIRING_SECONDS: Final = 120.0
"""How long the question whether to pair stands."""
_QUEUE: Final = 256

_log = logging.getLogger("zorgid_card.agent")
_frames = _log.getChild("websockets")
_frames.setLevel(logging.INFO)  # below that it writes down what it carries: birth dates, tokens


class Agent:
    """Beside the reader: has the steps done that pages begin, for portals that its user or the computer's administrator allows.

    Args:
        desk: what the steps are done with.
        origins: whose pages may begin them.
        port: where pages look for it; 0: any that is free.
        clock: gives seconds that never go back, for what may not be done too often.
    """

    def __init__(
        self, desk: Desk, origins: Origins, *, port: int = PORT, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.desk = desk
        self.origins = origins
        self.asking = Asking(clock)
        self.clock = clock
        self._port = port
        self._gate = Gate(port)
        self._starts: dict[str, Rate] = {}
        self._open: dict[str, int] = {}
        self._threads: set[threading.Thread] = set()
        self._turn = threading.Lock()

    @contextmanager
    def running(self) -> Iterator[int]:
        """Serve in a thread until the block ends; gives the port. Steps that go on then are ended, and waited for.

        Raises:
            StorageError: the port cannot be used; ``reason`` is ``port``.
        """
        started: Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        thread = threading.Thread(target=self._run, args=(started,), name="zorgid-card-agent")
        thread.start()
        try:
            port, loop, end = started.result()
        except OSError as error:
            thread.join()
            message = f"port {self._port} of this computer cannot be used"
            raise StorageError(message, reason="port", path=f"{ADDRESS}:{self._port}") from error
        try:
            yield port
        finally:
            loop.call_soon_threadsafe(end.set)
            thread.join()
            self.wait()

    @property
    def visits(self) -> int:
        """How many pages are connected."""
        return sum(self._open.values())

    def wait(self) -> None:
        """Return when no step goes on."""
        while True:
            with self._turn:
                threads = list(self._threads)
            if not threads:
                return
            for thread in threads:
                thread.join()

    def _run(self, started: Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]]) -> None:
        try:
            asyncio.run(self._serve(started))
        except Exception as error:
            if started.done():
                _log.exception("the agent has stopped")
            else:
                started.set_exception(error)

    async def _serve(self, started: Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]]) -> None:
        end = asyncio.Event()
        async with serve(
            self._visited,
            ADDRESS,
            self._port,
            process_request=self._admit,
            process_response=_answered,
            create_connection=partial(_Connection, self),  # type: ignore[arg-type]  # what makes one
            compression=None,
            server_header=None,
            max_size=LIMIT,
            max_queue=16,
            close_timeout=2,
            logger=_frames,
        ) as server:
            port = server.sockets[0].getsockname()[1]
            self._gate = Gate(port)
            started.set_result((port, asyncio.get_running_loop(), end))
            await end.wait()

    # --- before a word is heard -----------------------------------------------------------------------------------

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Who may connect at all; who it is stands in the connection then."""
        try:
            origin = self._gate.origin(request.path, request.headers.raw_items())
            self._require_own_user(connection)
        except RefusedError as error:
            _log.info("refused: %s", error)
            return connection.respond(HTTPStatus(error.status), "")
        if self._open.get(origin, 0) >= CONNECTIONS // 2 or self.visits >= CONNECTIONS:
            return connection.respond(HTTPStatus.TOO_MANY_REQUESTS, "")
        return None

    def _require_own_user(self, connection: ServerConnection) -> None:
        """On a computer of several users, the pages of the others have agents of their own."""
        user = peer_user(connection.remote_address, connection.local_address) if hasattr(os, "geteuid") else None
        if user is not None and user not in (0, os.geteuid()):
            raise RefusedError(403, "another user's process")

    def preflight(self, head: bytes) -> bytes:
        """The answer to a browser that asks beforehand whether a page may connect."""
        try:
            headers = self._gate.preflight(head, self.origins.allows)
            status = HTTPStatus.NO_CONTENT
        except RefusedError as error:
            headers, status = (), HTTPStatus(error.status)
        except StorageError as error:
            _log.error("the list of portals: %s", error)
            headers, status = (), HTTPStatus.FORBIDDEN
        lines = (f"HTTP/1.1 {status.value} {status.phrase}", *(f"{name}: {value}" for name, value in headers))
        return "\r\n".join((*lines, "Content-Length: 0", "Connection: close", "", "")).encode()

    # --- a page ---------------------------------------------------------------------------------------------------

    async def _visited(self, connection: ServerConnection) -> None:
        request = connection.request
        assert request is not None  # noqa: S101  # it was admitted
        origin = request.headers["Origin"]
        language = Language.of_header(request.headers.get("Accept-Language", ""))
        self._open[origin] = self._open.get(origin, 0) + 1
        try:
            await Visit(self, connection, origin, Texts(language)).run()
        finally:
            self._open[origin] -= 1
            if not self._open[origin]:
                del self._open[origin]

    def may_start(self, origin: str) -> bool:
        """Whether a page of this origin may begin another step now."""
        return self._starts.setdefault(origin, Rate(STARTS, MINUTE, self.clock)).take()

    def work(self, name: str, task: Callable[[], None]) -> None:
        """Do it in a thread of its own, which is waited for when the agent ends."""

        def done() -> None:
            try:
                task()
            finally:
                with self._turn:
                    self._threads.discard(threading.current_thread())

        thread = threading.Thread(target=done, name=f"zorgid-card-{name}", daemon=True)
        with self._turn:
            self._threads.add(thread)
            thread.start()


def _answered(connection: ServerConnection, request: Request, response: Response) -> None:
    """What a browser wants to hear that asks with the request itself whether this computer may be reached."""
    if response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
        for name, value in network_access(request.headers.raw_items()):
            response.headers[name] = value


class _Connection(ServerConnection):
    """One TCP connection. Its first request is looked at whole: one that only asks beforehand (OPTIONS) is answered here."""

    def __init__(self, agent: Agent, protocol: Any, server: Server, **options: Any) -> None:
        super().__init__(protocol, server, **options)
        self._agent = agent
        self._head: bytearray | None = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; beyond what pages have a use for, connections are let go of at once."""
        super().connection_made(transport)
        if len(self.server.handler_tasks) > 2 * CONNECTIONS:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """What came, once the head of the request is whole."""
        if self._head is None:
            super().data_received(data)
            return
        self._head += data
        if b"\r\n\r\n" not in self._head:
            if len(self._head) > HEAD_LIMIT:
                self.transport.abort()
            return
        head, self._head = bytes(self._head), None
        if head.startswith(b"OPTIONS "):
            self.transport.write(self._agent.preflight(head))
            self.transport.close()
        else:
            super().data_received(head)


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
