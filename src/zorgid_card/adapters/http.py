"""Fetching over HTTP with httpx, for public data that is judged by its own signature (extra ``http``).

An address may come from a certificate, and the server may be anybody's by the time it is asked. So one request makes one
connection and one answer, within a time and a size that the caller's thread can afford:

* every wait is cut to what is left of a total, so that a server that sends an octet a second is given up too;
* the body is read as it is on the wire: an answer that is compressed, though nobody asked for that, is refused, not unpacked;
* a redirect is refused: RFC 5280 and RFC 6960 know none, and it would lead to where no certificate said;
* proxies in the environment are not used; one that is meant is given by name.

What cannot be bounded here is the look-up of a host's address: the system's resolver has time limits of its own.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, NoReturn

try:
    import httpcore
    import httpx
except ModuleNotFoundError as missing:
    advice = "httpx is missing; install it: pip install 'zorgid-card[http]'"
    raise ModuleNotFoundError(advice, name=missing.name) from missing

from zorgid_card.errors import FetchError
from zorgid_card.ports.fetch import Answer, Request

MAX_URL: Final = 2048
"""Characters."""

_HEADERS: Final = {"User-Agent": "zorgid-card", "Accept-Encoding": "identity", "Connection": "close"}
_SHOWN: Final = 200  # characters of an address in an error
_VALIDATOR: Final = 256  # characters of an ETag or a date that is sent back


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds: to connect, between two pieces of an answer, and in all."""

    connect: float = 3.0
    read: float = 4.0
    total: float = 10.0


class HTTPFetcher:
    """Fetches over HTTP (:class:`zorgid_card.ports.fetch.Fetcher`). It keeps no connection, and serves many threads.

    Args:
        timeouts: how long one fetch may take.
        proxy: ``http://host:port`` of a forward proxy, where the way out leads through one.
    """

    def __init__(self, timeouts: Timeouts | None = None, *, proxy: str | None = None) -> None:
        self._timeouts = timeouts or Timeouts()
        self._proxy = httpcore.Proxy(proxy) if proxy else None

    def fetch(self, request: Request, /) -> Answer:
        """One request, one answer.

        Raises:
            FetchError: ``reason`` is ``url``, ``unreachable``, ``tls``, ``timeout``, ``broken``, ``http status``, ``redirect``,
                ``content type``, ``encoding`` or ``too big``; ``url``.
        """
        url = require_url(request.url)
        deadline = time.monotonic() + self._timeouts.total
        with telling(request.url), self._client(deadline, url) as client:
            method = "GET" if request.body is None else "POST"
            with client.stream(method, url, content=request.body, headers=_headers(request)) as response:
                return _read(request, response)

    def _client(self, deadline: float, url: httpx.URL) -> httpx.Client:
        limits = httpx.Timeout(self._timeouts.read, connect=self._timeouts.connect)
        secure = url.scheme == "https"
        context = ssl.create_default_context() if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        transport = Transport(deadline, context, proxy=self._proxy)
        return httpx.Client(transport=transport, timeout=limits, follow_redirects=False, trust_env=False)


def require_url(text: str) -> httpx.URL:
    """An address of http or https, without a user's name.

    Raises:
        FetchError: it is none (``reason`` "url").
    """
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        refuse("url", text, str(error))
    port = 0 < (url.port or 80) < 65536
    if len(text) > MAX_URL or url.scheme not in ("http", "https") or not url.host or url.userinfo or not port:
        refuse("url", text, "not an address of http or https")
    return url


def _headers(request: Request) -> dict[str, str]:
    headers = _HEADERS | {"Accept": ", ".join(sorted(request.types))}
    if request.body is not None:
        headers["Content-Type"] = request.body_type
    if request.etag:
        headers["If-None-Match"] = request.etag
    if request.last_modified:
        headers["If-Modified-Since"] = request.last_modified
    return headers


def _read(request: Request, response: httpx.Response) -> Answer:
    named = {"etag": _validator(response, "etag"), "last_modified": _validator(response, "last-modified")}
    asked = request.etag or request.last_modified
    if response.status_code == httpx.codes.NOT_MODIFIED and asked:
        return Answer(body=None, **named)
    _require_kind(request, response)
    body = bytearray()
    for piece in response.iter_raw():
        body += piece
        if len(body) > request.limit:
            refuse("too big", request.url, f"more than {request.limit} octets")
    return Answer(body=bytes(body), **named)


def _validator(response: httpx.Response, name: str) -> str | None:
    """A validator as it may be sent back: what no header may hold is no use."""
    value: str = response.headers.get(name, "")
    return value if 0 < len(value) <= _VALIDATOR and value.isascii() and value.isprintable() else None


def _require_kind(request: Request, response: httpx.Response) -> None:
    status = response.status_code
    if response.has_redirect_location:
        refuse("redirect", request.url, f"HTTP status {status}")
    if status != httpx.codes.OK:
        refuse("http status", request.url, f"HTTP status {status}", status=status)
    if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
        refuse("encoding", request.url, "a compressed answer that nobody asked for")
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in request.types:
        refuse("content type", request.url, f"an answer of type {kind[:60] or 'unknown'}")
    length = response.headers.get("content-length", "0")
    if length.isdecimal() and int(length[:20]) > request.limit:
        refuse("too big", request.url, f"{length[:20]} octets, at most {request.limit} are taken")


def refuse(reason: str, url: str, told: str, *, status: int | None = None) -> NoReturn:
    """Raise :class:`FetchError`."""
    shown = ascii(url[:_SHOWN])[1:-1]  # one line in a log
    raise FetchError(f"{shown}: {ascii(told)[1:-1]}", reason=reason, url=shown, status=status)


@contextmanager
def telling(url: str) -> Iterator[None]:
    """Turn what httpx and httpcore raise into :class:`FetchError`."""
    try:
        yield
    except (httpcore.TimeoutException, httpx.TimeoutException):
        refuse("timeout", url, "no whole answer in time")
    except httpcore.ConnectError as error:
        refuse("tls" if isinstance(error.__context__, ssl.SSLError) else "unreachable", url, f"no connection: {error}")
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.ProxyError, httpx.HTTPError, ValueError) as error:
        refuse("broken", url, f"the answer broke off, or is no HTTP: {error}")


class Transport(httpx.BaseTransport):
    """One connection, with a deadline under every operation on it."""

    def __init__(self, deadline: float, context: ssl.SSLContext, *, proxy: httpcore.Proxy | None = None) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=context, proxy=proxy, max_connections=1, network_backend=_Backend(deadline)
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """See :class:`httpx.BaseTransport`."""
        url = request.url
        response = self._pool.handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        stream = _Stream(response)
        return httpx.Response(response.status, headers=response.headers, stream=stream, extensions=response.extensions)

    def close(self) -> None:
        """See :class:`httpx.BaseTransport`."""
        self._pool.close()


class _Stream(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        return self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


class _Backend(httpcore.NetworkBackend):
    """The network, until a moment of :func:`time.monotonic`."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._network = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.NetworkStream:
        wait = _left(self._deadline, timeout, httpcore.ConnectTimeout)
        stream = self._network.connect_tcp(host, port, wait, local_address, socket_options)
        return _Connection(stream, self._deadline)


class _Connection(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._deadline, timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._deadline, timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        wait = _left(self._deadline, timeout, httpcore.ConnectTimeout)
        return _Connection(self._stream.start_tls(ssl_context, server_hostname, wait), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(deadline: float, timeout: float | None, error: type[httpcore.TimeoutException]) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise error("the time for the whole is over")
    return left if timeout is None else min(left, timeout)
