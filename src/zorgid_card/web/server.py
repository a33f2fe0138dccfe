"""One process that serves the portal: TLS and HTTP by uvicorn, and beside it what a portal does by the clock."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import h11
import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from zorgid_card.errors import StorageError, ZorgIDError
from zorgid_card.recipes import PortalSide

_LOG: Final = logging.getLogger("zorgid_card.portal")
_BACKLOG: Final = 1024
_REFRESH, _TEND = 10.0, 60.0
_HEAD: Final = 20.0
"""Seconds for the head of a request; also how long a connection is kept on which none comes."""
_GRACE: Final = 10
"""Seconds that open requests have when the portal is stopped."""


def listen(host: str, port: int) -> socket.socket:
    """Listen; the socket may be handed to workers.

    Raises:
        StorageError: the port is taken, or the address is not this machine's.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        where = f"port {port}"
        raise StorageError(f"{where} cannot be used", reason=str(error.strerror), path=where) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class TLS:
    """Where TLS ends.

    Attributes:
        certificate: file with the server's certificate and its chain, PEM.
        key: file with its private key, PEM; empty: TLS ends at ``behind``.
        behind: address of that proxy, whose word for who asks is taken (``X-Forwarded-For``); empty: nobody's.
    """

    certificate: str
    key: str = ""
    behind: str = ""

    def require_usable(self) -> None:
        """Raise StorageError unless the files can be used."""
        if self.key:
            with _told(self):
                ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certificate, self.key)


@contextmanager
def _told(tls: TLS) -> Iterator[None]:
    try:
        yield
    except OSError as error:  # also what OpenSSL says of a file that is none
        raise StorageError(f"TLS cannot be served: {error}", reason="tls", path=tls.certificate) from error


def serve(app: Starlette, tls: TLS, listening: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until the process is told to stop (SIGINT, SIGTERM); requests that are open are answered first.

    Args:
        app: from :func:`zorgid_card.web.app.portal_app`.
        tls: where TLS ends.
        listening: from :func:`listen`.
        ready: called when requests are answered.

    Raises:
        StorageError: the server's certificate and key cannot be used.
    """
    _Server(_configuration(app, tls), ready).run(sockets=[listening])


def _configuration(app: Starlette, tls: TLS) -> uvicorn.Config:
    files: dict[str, Any] = {"ssl_certfile": tls.certificate, "ssl_keyfile": tls.key} if tls.key else {}
    config = uvicorn.Config(
        app,
        **files,
        http=_Connection,
        lifespan="off",
        ws="none",
        access_log=False,  # who asked for what stands in the audit log; addresses may hold what is nobody's business
        log_config=None,
        server_header=False,
        proxy_headers=bool(tls.behind),
        forwarded_allow_ips=tls.behind or None,
        timeout_keep_alive=20,
        timeout_graceful_shutdown=_GRACE,
    )
    with _told(tls):
        config.load()
    return config


class _Connection(H11Protocol):
    """One on which the head of each request comes in time; uvicorn itself would wait for it for ever."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._patience.cancel()
        super().connection_lost(exc)

    def _expect(self) -> None:
        self._patience = self.loop.call_later(_HEAD, self._look, self.cycle)

    def _look(self, before: object) -> None:
        """Let go of it, if since the last look no request has come, and none is answered."""
        if self.conn.their_state is h11.IDLE and self.cycle is before:
            self.transport.abort()
        else:
            self._expect()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As its parent; then say so."""
        await super().startup(sockets)
        if self.started:
            self._ready()


@contextmanager
def by_the_clock(portal: PortalSide, more: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Beside what the block does: what was blocked comes onto the CRL, and what has served its time goes.

    Every worker does so; that several do harms nothing.

    Args:
        portal: is tended (:meth:`~zorgid_card.recipes.PortalSide.tend`).
        more: done besides, every ten seconds.
    """
    over = threading.Event()

    def work() -> None:
        tended = time.monotonic()
        while not over.wait(_REFRESH):
            due = time.monotonic() - tended >= _TEND
            try:
                (portal.tend if due else portal.revocation.refresh)()
                more()
            except ZorgIDError as error:  # made up for at the next call
                _LOG.warning("%s: %s", error.code, error)
            except Exception:
                _LOG.exception("by the clock")
            if due:
                tended = time.monotonic()

    thread = threading.Thread(target=work, name="by-the-clock", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(_GRACE)
