"""A portal's door over HTTPS, with httpx (extra ``http``): the origin is that of the connection (AUT-1).

The requests are those of Web eID's own example applications: ``GET /auth/challenge`` gives ``{"nonce": …}``, ``POST /auth/login``
takes ``{"auth-token": …}`` in the same browser session, with the portal's CSRF token in a header. What stands on a web page plays
no part: the person names an address, TLS proves that its host answers, and that host's origin is signed.
"""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn

try:
    import httpx
except ModuleNotFoundError as missing:
    advice = "httpx is missing; install it: pip install 'zorgid-card[http]'"
    raise ModuleNotFoundError(advice, name=missing.name) from missing

from zorgid_card.adapters.origin import origin_of
from zorgid_card.errors import (
    CertificateMalformedError,
    Detail,
    PortalAnswerError,
    PortalError,
    PortalTLSError,
    PortalUnreachableError,
    StorageError,
    UsageError,
    ZorgIDError,
)

ANSWER_LIMIT: Final = 64 * 1024
"""Octets of an answer."""

_WORDS: Final = 300
_DEPTH: Final = 16
_OURS: Final = ("portal", "certificate", "encoding")
"""Kinds of refusal that a portal may pass on; it cannot speak for the card, the reader or the person."""
_REFUSED: Final = (400, 401, 403, 409, 422)


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorPlan:
    """How a portal's door is laid out; by default as in Web eID's examples.

    Attributes:
        challenge: path of the request for a challenge.
        login: path to which the token is posted.
        csrf_header: header in which the answer to the first may bring a CSRF token, to be sent back in the same (Spring).
        csrf_cookies: cookies that hold a CSRF token, each with the header in which it is sent back (Angular, Django).
    """

    challenge: str = "/auth/challenge"
    login: str = "/auth/login"
    csrf_header: str = "X-CSRF-TOKEN"
    csrf_cookies: Mapping[str, str] = field(
        default_factory=lambda: {"XSRF-TOKEN": "X-XSRF-TOKEN", "csrftoken": "X-CSRFToken"}
    )

    def __post_init__(self) -> None:
        """What begins otherwise would belong to the host's name or the port: another door would get the token.

        Raises:
            UsageError: a path does not begin with ``/``.
        """
        for path in (self.challenge, self.login):
            if not path.startswith("/"):
                raise UsageError(f"{path[:80]!r} is no path at a portal", reason="path", value=path[:80])


class HTTPSDoor:
    """One browser session at one portal (:class:`zorgid_card.ports.portal.PortalDoor`); to be closed after use.

    TLS 1.2 or later, with the certificate verified for the host; no redirect is followed, no proxy of the environment used, no
    password of a file sent, and TLS secrets go into no file, whatever ``SSLKEYLOGFILE`` says.

    Args:
        address: ``https://host[:port]``, as :func:`~zorgid_card.adapters.origin.origin_of` takes it.
        ca: PEM file with the CA certificates to trust in the place of the system's.
        plan: how the door is laid out.
        timeout: seconds for one request, 2 to 120.
        proxy: ``http://host:port`` of a proxy for CONNECT, where the way out leads through one; TLS still ends at the portal.

    Raises:
        UsageError: ``address`` is none.
        StorageError, CertificateMalformedError: ``ca`` cannot be read, or holds no certificate.
    """

    def __init__(
        self,
        address: str,
        *,
        ca: Path | None = None,
        plan: DoorPlan | None = None,
        timeout: float = 20.0,
        proxy: str | None = None,
    ) -> None:
        self._origin = origin_of(address)
        self._plan = plan or DoorPlan()
        self._timeout = timeout
        self._csrf: dict[str, str] = {}
        self._socket: socket.socket | None = None
        self._over = threading.Event()
        self._client = httpx.Client(
            verify=tls_context(ca),
            timeout=httpx.Timeout(timeout / 2),
            follow_redirects=False,
            trust_env=False,
            proxy=proxy,
            headers={"User-Agent": "zorgid-card", "Accept": "application/json", "Accept-Encoding": "identity"},
        )

    def __enter__(self) -> HTTPSDoor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the browser session: its cookies are forgotten."""
        self._client.close()

    @property
    def origin(self) -> str:
        """The origin to which this is connected."""
        return self._origin

    def challenge(self) -> str:
        """A challenge for this session; see the port."""
        response, answer = self._ask("GET", self._plan.challenge)
        if response.status_code != httpx.codes.OK:
            self._refuse("status", response.status_code)
        nonce = answer.get("nonce")
        if not isinstance(nonce, str) or not nonce:
            self._refuse("nonce", response.status_code)
        self._csrf = self._csrf_of(response)
        return nonce

    def log_in(self, token: str, /) -> dict[str, Any]:
        """Hand in the token; see the port."""
        body = json.dumps({"auth-token": json.loads(token)}).encode()
        headers = {
            "Content-Type": "application/json",
            "Origin": self._origin,
            "Referer": f"{self._origin}/",
        } | self._csrf
        response, answer = self._ask("POST", self._plan.login, body, headers)
        if response.status_code in _REFUSED:
            raise _refusal(answer, response.status_code)
        if response.status_code != httpx.codes.OK:
            self._refuse("status", response.status_code)
        return answer

    def _ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[httpx.Response, dict[str, Any]]:
        url, more = self._origin + path, {"trace": self._note_socket}
        with (
            self._telling(),
            self._within_time(),
            self._client.stream(method, url, content=body, headers=headers, extensions=more) as response,
        ):
            self._require_ours(response)
            octets = bytearray()
            for piece in response.iter_raw():
                octets += piece
                if len(octets) > ANSWER_LIMIT:
                    self._refuse("length", response.status_code)
        return response, self._object(response, bytes(octets))

    def _note_socket(self, event: str, info: Mapping[str, Any]) -> None:
        """httpcore tells of the connection that it makes, to the portal or to the proxy, and of the TLS that takes it over.

        It serves all requests of this session. The handshake itself has one limit for the whole of it.
        """
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            self._socket = info["return_value"].get_extra_info("socket")
            if self._over.is_set():  # while it was being made
                self._end()

    def _end(self) -> None:
        self._over.set()
        if self._socket is not None:
            with suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    @contextmanager
    def _within_time(self) -> Iterator[None]:
        """End the connection when the time for the whole is over: httpx has a limit for each piece only."""
        self._over.clear()
        timer = threading.Timer(self._timeout, self._end)
        timer.daemon = True
        timer.start()
        try:
            yield
        except httpx.TransportError as error:
            if self._over.is_set():
                raise httpx.ReadTimeout("the answer comes too slowly") from error
            raise
        finally:
            timer.cancel()

    def _require_ours(self, response: httpx.Response) -> None:
        """The answer came over TLS from the very origin that is going to be signed, and leads nowhere else."""
        url, stream = response.url, response.extensions["network_stream"]
        connected = origin_of(f"{url.scheme}://{url.netloc.decode('ascii')}")
        if connected != self._origin or stream.get_extra_info("ssl_object") is None:
            self._refuse("origin", response.status_code)
        if 300 <= response.status_code < 400:
            self._refuse("redirect", response.status_code)

    def _object(self, response: httpx.Response, octets: bytes) -> dict[str, Any]:
        """The JSON object of an answer; of a refusal any other body is passed over."""
        try:
            value = json.loads(octets.decode()) if _is_json(response) else None
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict) and _is_shallow(value, _DEPTH):
            return value
        if response.status_code == httpx.codes.OK:
            self._refuse("type", response.status_code)
        return {}

    def _csrf_of(self, response: httpx.Response) -> dict[str, str]:
        name = self._plan.csrf_header
        found = {name: response.headers[name]} if name in response.headers else {}
        for cookie in self._client.cookies.jar:
            if cookie.name in self._plan.csrf_cookies and cookie.value:
                found[self._plan.csrf_cookies[cookie.name]] = cookie.value
        return found

    def _refuse(self, reason: str, status: int) -> NoReturn:
        raise PortalAnswerError(
            f"{self._origin} gives no log-in ({reason})", origin=self._origin, reason=reason, status=status
        )

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Turn what httpx raises into errors of a portal."""
        try:
            yield
        except httpx.TimeoutException as error:
            raise PortalUnreachableError("no answer in time", origin=self._origin, reason="timeout") from error
        except (httpx.TransportError, httpx.InvalidURL) as error:
            refused = tls_error(error)
            if refused is not None:
                reason = getattr(refused, "verify_message", "") or refused.reason or str(refused)
                raise PortalTLSError(f"TLS: {reason}", origin=self._origin, reason=str(reason)[:_WORDS]) from error
            raise PortalUnreachableError(f"no connection: {error}", origin=self._origin, reason="connection") from error
        except (httpx.HTTPError, UnicodeEncodeError) as error:  # of a cookie or a CSRF token that is no ASCII
            raise PortalAnswerError(f"no HTTP: {error}", origin=self._origin, reason="type") from error


def tls_context(ca: Path | None, *, system: bool = False) -> ssl.SSLContext:
    """How a portal is verified: by the CA certificates of a PEM file, or by the system's; with ``system`` by both.

    Raises:
        StorageError, CertificateMalformedError: ``ca`` cannot be read, or holds no certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # which, unlike the default one, does not listen to SSLKEYLOGFILE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False  # RFC 9525: as in browsers
    try:
        if ca is None or system:
            context.load_default_certs()
        if ca is not None:
            context.load_verify_locations(ca)
    except ssl.SSLError as error:
        reason = str(error.reason or error)[:_WORDS]
        raise CertificateMalformedError(f"{ca} holds no CA certificate", field="PEM", reason=reason) from error
    except OSError as error:
        raise StorageError(f"{ca} cannot be read", reason=str(error.strerror), path=str(ca)) from error
    return context


def tls_error(error: BaseException | None) -> ssl.SSLError | None:
    """The failure of TLS under an error, if that is what it is."""
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return error
        error = error.__cause__ or error.__context__
    return None


def _is_shallow(value: object, depth: int) -> bool:
    """Whoever shows or stores an answer may not be ready for one that is nested a thousand times."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return depth > 0 and all(_is_shallow(part, depth - 1) for part in inner)


def _is_json(response: httpx.Response) -> bool:
    kind: str = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


def _refusal(answer: Mapping[str, Any], status: int) -> ZorgIDError:
    """The portal's refusal, in this library's words where it uses them."""
    code, message = answer.get("code"), answer.get("message")
    if not isinstance(code, str) or code.partition(".")[0] not in _OURS:
        return PortalError("the portal refuses the log-in", status=status)
    details: dict[str, Detail] = {"status": status}
    given = answer.get("details")
    for name, value in given.items() if isinstance(given, dict) else ():
        if isinstance(value, str | int) and not isinstance(value, bool) and name.isidentifier():
            details[name[:40]] = value[:_WORDS] if isinstance(value, str) else value
    return ZorgIDError.of(code, str(message or "")[:_WORDS], details)
