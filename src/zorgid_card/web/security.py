"""What protects the pages in the browser: headers, the host that is asked for, and that a form is this session's own."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from zorgid_card.errors import FormError

COOKIE: Final = "__Host-zorgid"
STATIC: Final = "/static/"
FOR_ALL: Final = ("/crl/", "/ocsp")
"""Public, signed, and perhaps reached by another name than the portal's: certificates say where."""
PATIENCE: Final = 30.0
"""Seconds for the body of a request; at most 64 KiB."""
LANGUAGE_COOKIE: Final = "__Host-zorgid-lang"
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_TOKEN: Final = b"zorgid-card form v1"
_FIXED: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # "no-referrer" would take the origin off forms, too
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}


def new_secret() -> str:
    """A secret for a browser's cookie: 32 random octets."""
    return secrets.token_urlsafe(32)


def known_secret(cookies: Mapping[str, str]) -> str | None:
    """The secret that the browser sent, if it has the form of one."""
    found = cookies.get(COOKIE, "")
    return found if _SECRET.fullmatch(found) else None


def form_token(secret: str) -> str:
    """The token of all forms of a session: whoever knows it knows the cookie's secret, and it does not tell the secret."""
    return hmac.new(secret.encode(), _TOKEN, hashlib.sha256).hexdigest()


def require_own(headers: Mapping[str, str], origin: str, secret: str | None, token: str) -> None:
    """Raise unless what came was sent by a page of this portal, to the session that it was made for.

    Args:
        headers: of the request.
        origin: the portal's.
        secret: the session's; None: the browser sent none.
        token: as the form, or the header ``X-CSRF-Token``, has it.

    Raises:
        FormError: ``reason``: ``origin``, ``site`` or ``token``.
    """
    if headers.get("origin", "") != origin:
        raise FormError("sent by another site", reason="origin")
    require_same_site(headers)
    if secret is None or not hmac.compare_digest(form_token(secret).encode(), token.encode()):
        raise FormError("sent by a page of another session", reason="token")


def require_same_site(headers: Mapping[str, str]) -> None:
    """Raise FormError where the browser says that another site has sent it; other programs say nothing."""
    if is_cross_site(headers):
        raise FormError("another site asks for this", reason="site")


def is_cross_site(headers: Mapping[str, str]) -> bool:
    """Whether a page of another site has led here: the browser keeps the cookie back then (SameSite=Strict)."""
    return headers.get("sec-fetch-site", "") in ("cross-site", "same-site")


def client_name(host: str) -> str:
    """What counts as one client: an address, of IPv6 its network of 64 bits."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host[:64]
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped) if mapped else f"{IPv6Address(int(address) >> 64 << 64)}/64"
    return str(address)


class Guard:
    """An application behind which nothing is served without the headers that protect it, and for no other host than the portal's.

    A name of somebody else's that leads to this machine (DNS rebinding) is told no more than that it is not here.

    Who sends a request's body too slowly is let go of: it is nobody's browser.

    Args:
        app: what is guarded.
        origin: the portal's.
        agent_port: where pages reach the agent.
        patience: seconds that a body may take.
    """

    def __init__(self, app: ASGIApp, *, origin: str, agent_port: int, patience: float = PATIENCE) -> None:
        self._app = app
        self._patience = patience
        where = urlsplit(origin)
        self._hosts = {where.netloc}
        if where.port is None:
            self._hosts.add(f"{where.netloc}:443")
        self._headers = {**_FIXED, "Content-Security-Policy": policy(agent_port)}
        if where.hostname not in _LOCAL:  # what else listens on one's own computer may have no TLS
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        answered = False

        async def guarded(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = True
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-cache" if scope["path"].startswith(STATIC) else "no-store")
            await send(message)

        here = Headers(scope=scope).get("host", "").lower() in self._hosts or scope["path"].startswith(FOR_ALL)
        app = self._app if here else _ELSEWHERE
        try:
            await app(scope, _in_time(receive, self._patience), guarded)
        except _SlowError:
            if not answered:
                await _TOO_SLOW(scope, receive, guarded)


_ELSEWHERE: Final = PlainTextResponse("This is not served here.\n", 421)
_TOO_SLOW: Final = PlainTextResponse("This took too long.\n", 408, {"Connection": "close"})


class _SlowError(Exception):
    """The body is not there in time."""


def _in_time(receive: Receive, seconds: float) -> Receive:
    """The same, until the body is whole; what comes then is that the client goes, which may take long."""
    end, whole = asyncio.get_running_loop().time() + seconds, False

    async def received() -> Message:
        nonlocal whole
        if whole:
            return await receive()
        try:
            async with asyncio.timeout_at(end):
                message = await receive()
        except TimeoutError as error:
            raise _SlowError from error
        whole = not message.get("more_body", False)
        return message

    return received


def policy(agent_port: int) -> str:
    """The Content-Security-Policy of all pages: nothing inline, nothing from elsewhere, and the agent on this computer."""
    return "; ".join((
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        f"connect-src 'self' ws://127.0.0.1:{agent_port}",
        "manifest-src 'self'",
        "worker-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ))  # fmt: skip
