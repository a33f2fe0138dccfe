"""An HTTP service as an ASGI 3 application, for uvicorn, hypercorn or a portal's own framework to mount; it needs none of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from zorgid_card.ports.http import HTTPService

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]


def asgi(service: HTTPService) -> ASGIApp:
    """The service as an application; where it is mounted (``root_path``) is taken off the path."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            body = await _body(receive, service.limit)
            if body is None:  # the client has gone
                return
            headers = {bytes(name).lower(): bytes(value).decode("latin-1") for name, value in scope["headers"]}
            kind, method = headers.get(b"content-type", ""), str(scope["method"])
            answer = await asyncio.to_thread(service.respond, method, _path(scope), kind, body)
            sent = [(name.lower().encode(), value.encode("latin-1")) for name, value in answer.headers]
            sent.append((b"content-length", str(len(answer.body)).encode()))
            await send({"type": "http.response.start", "status": answer.status, "headers": sent})
            await send({"type": "http.response.body", "body": answer.body})

    return app


async def _live(receive: Receive, send: Send) -> None:
    while (message := await receive())["type"] != "lifespan.shutdown":
        await send({"type": f"{message['type']}.complete"})
    await send({"type": "lifespan.shutdown.complete"})


async def _body(receive: Receive, limit: int) -> bytes | None:
    """At most one octet more than the limit."""
    parts, size, more = [], 0, True
    while more and size <= limit:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(bytes(message.get("body", b"")))
        size += len(parts[-1])
        more = bool(message.get("more_body"))
    return b"".join(parts)[: limit + 1]


def _path(scope: Message) -> str:
    """As it came, where the server tells (``raw_path``): base64 has slashes of its own."""
    raw = scope.get("raw_path")
    path = bytes(raw).decode("latin-1") if raw else str(scope["path"])
    return path.removeprefix(str(scope.get("root_path", "")))
