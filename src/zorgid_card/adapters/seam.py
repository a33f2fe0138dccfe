"""The seam over HTTPS, the card side's end, with httpx (extra ``http``); the portal's is :mod:`zorgid_card.adapters.seam_server`.

One message is one ``POST``, one answer, one connection: people take minutes between two messages, and a connection that was kept
that long is one more thing to break. A way that broke is tried again with the very same octets, for as long as a portal takes to
restart: it answers a repetition with its first answer.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn

from zorgid_card.adapters.http import Timeouts, Transport, telling
from zorgid_card.adapters.origin import origin_of
from zorgid_card.adapters.portal import tls_context, tls_error
from zorgid_card.errors import FetchError, PortalAnswerError, PortalTLSError, TransportError, UsageError
from zorgid_card.ports.seam import CONTENT_TYPE, LIMIT, PATH

try:
    import httpcore
    import httpx
except ModuleNotFoundError as missing:
    advice = "httpx is missing; install it: pip install 'zorgid-card[http]'"
    raise ModuleNotFoundError(advice, name=missing.name) from missing

FIRST_PAUSE: Final = 0.25
LONGEST_PAUSE: Final = 2.0
"""Seconds before a way that broke is tried again; each pause is twice the one before."""

_HEADERS: Final = {
    "User-Agent": "zorgid-card",
    "Content-Type": CONTENT_TYPE,
    "Accept": CONTENT_TYPE,
    "Accept-Encoding": "identity",
    "Connection": "close",
}
_LATER: Final = frozenset({408, 425, 429})  # RFC 9110, 15.5.9; RFC 8470; RFC 6585: the same may be asked again
_TORN: Final = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)  # TLS that was cut off, not refused


class HTTPSSeam:
    """A portal over HTTPS (:class:`zorgid_card.ports.seam.Seam`). It keeps no connection, and serves many threads.

    TLS 1.2 or later, with the certificate verified for the host; no redirect is followed, no proxy of the environment used. The
    origin is that of the connection.

    Args:
        address: ``https://host[:port]``, as :func:`~zorgid_card.adapters.origin.origin_of` takes it.
        path: where at the portal messages are taken.
        ca: PEM file with the CA certificates to trust in the place of the system's.
        timeouts: how long one try may take.
        patience: seconds for which a way that broke is tried again.
        tls: how the portal is verified, in the place of ``ca``.
        proxy: ``http://host:port`` of a proxy for CONNECT, where the way out leads through one; TLS still ends at the portal.
        wait: waits for so many seconds.

    Raises:
        UsageError: ``address`` is none, or ``path`` is none.
        StorageError, CertificateMalformedError: ``ca`` cannot be read, or holds no certificate.
    """

    def __init__(
        self,
        address: str,
        *,
        path: str = PATH,
        ca: Path | None = None,
        tls: ssl.SSLContext | None = None,
        timeouts: Timeouts | None = None,
        patience: float = 10.0,
        proxy: str | None = None,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._origin = origin_of(address)
        if not path.startswith("/") or not path.isascii() or not path.isprintable():
            raise UsageError(f"{path[:80]!r} is no path at a portal", reason="path", value=path[:80])
        self._url = self._origin + path
        self._context = tls or tls_context(ca)
        self._timeouts = timeouts or Timeouts(connect=5.0, read=20.0, total=30.0)
        self._patience = patience
        self._proxy = httpcore.Proxy(proxy) if proxy else None
        self._wait = wait

    @property
    def origin(self) -> str:
        """The origin to which this connects."""
        return self._origin

    def ask(self, request: bytes, /) -> bytes:
        """Carry one request; see the port.

        Raises:
            TransportError: the portal cannot be reached, or its answers do not arrive; ``reason``.
            PortalTLSError: its certificate does not verify.
            PortalAnswerError: what answers takes no messages; ``reason`` is ``status``, ``redirect``, ``type``, ``encoding`` or
                ``length``.
        """
        end, pause = time.monotonic() + self._patience, FIRST_PAUSE
        while True:
            try:
                return self._once(request)
            except TransportError:
                if time.monotonic() + pause > end:
                    raise
            self._wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _once(self, request: bytes) -> bytes:
        limits = httpx.Timeout(self._timeouts.read, connect=self._timeouts.connect)
        transport = Transport(time.monotonic() + self._timeouts.total, self._context, proxy=self._proxy)
        with (
            self._telling(),
            httpx.Client(transport=transport, timeout=limits, follow_redirects=False, trust_env=False) as client,
            client.stream("POST", self._url, content=request, headers=_HEADERS) as response,
        ):
            self._require_answer(response)
            body = bytearray()
            for piece in response.iter_raw():
                body += piece
                if len(body) > LIMIT:
                    self._refuse("length", response.status_code)
            return bytes(body)

    def _require_answer(self, response: httpx.Response) -> None:
        status = response.status_code
        if status in _LATER or status >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise TransportError(f"{self._origin} answers with status {status}", reason=f"HTTP {status}")
        if 300 <= status < 400:
            self._refuse("redirect", status)
        if status != httpx.codes.OK:
            self._refuse("status", status)
        if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
            self._refuse("encoding", status)
        if response.headers.get("content-type", "").partition(";")[0].strip().lower() != CONTENT_TYPE:
            self._refuse("type", status)

    def _refuse(self, reason: str, status: int) -> NoReturn:
        message = f"{self._url} takes no messages of a card side ({reason})"
        raise PortalAnswerError(message, origin=self._origin, reason=reason, status=status)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """What goes wrong on the way, as errors of a seam."""
        try:
            with telling(self._url):
                yield
        except FetchError as error:
            refused = tls_error(error)
            if refused is None or isinstance(refused, _TORN):
                raise TransportError(str(error), reason=str(error.details["reason"])) from error
            reason = getattr(refused, "verify_message", "") or refused.reason or str(refused)
            raise PortalTLSError(f"TLS: {reason}", origin=self._origin, reason=str(reason)[:300]) from error

    def __repr__(self) -> str:
        return f"HTTPSSeam({self._url!r})"
