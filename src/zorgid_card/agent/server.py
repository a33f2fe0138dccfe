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
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from zorgid_card.agent.messages import LIMIT
from zorgid_card.agent.pairing import Asking, Origins
from zorgid_card.agent.sockets import Request, Response, Server, ServerConnection, serve
from zorgid_card.agent.steps import Desk
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
from zorgid_card.agent.visit import MINUTE, Visit
from zorgid_card.errors import StorageError
from zorgid_card.texts import Language, Texts

CONNECTIONS: Final = 32
"""At once, from all pages; and from those of one origin half of it."""
STARTS: Final = 20
"""Steps of one origin, in a minute."""

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
