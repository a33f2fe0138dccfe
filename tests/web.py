"""A web server on a port of its own that answers as it is told: well, or in any of the ways in which servers go wrong."""

from __future__ import annotations

import contextlib
import gzip
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate


@dataclass(frozen=True)
class Asked:
    """One request that came."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


Route = Callable[[socket.socket, Asked], None]


@dataclass
class Web:
    """Answers by path; what is not there is 404."""

    port: int
    routes: dict[str, Route] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    tls: ssl.SSLContext | None = None

    def url(self, path: str) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}{path}"

    def count(self, path: str) -> int:
        return sum(asked.target == path for asked in self.asked)

    def handle(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError, ValueError):
            connection.settimeout(30)
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            asked = _read(connection)
            self.asked.append(asked)
            self.routes.get(asked.target, status(404))(connection, asked)


def _read(connection: socket.socket) -> Asked:
    file = connection.makefile("rb")
    method, target, _ = file.readline().decode().split(" ")
    headers: dict[str, str] = {}
    while (line := file.readline().decode().strip()) != "":
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Asked(method, target, headers, file.read(int(headers.get("content-length", "0"))))


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Web]:
    """A server, for as long as the block lasts; a thread for each connection."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        web = Web(listener.getsockname()[1], tls=tls)

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=web.handle, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield web
        finally:
            listener.shutdown(socket.SHUT_RDWR)


def _head(code: int, headers: Mapping[str, object]) -> bytes:
    lines = [f"HTTP/1.1 {code} x", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")


# --- as it should be -------------------------------------------------------------------------------------------------


def body(octets: bytes, kind: str = "application/pkix-crl", *, code: int = 200, **headers: object) -> Route:
    def route(connection: socket.socket, asked: Asked) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.sendall(_head(code, {"Content-Type": kind, "Content-Length": len(octets)} | named) + octets)

    return route


def status(code: int, **headers: object) -> Route:
    return body(b"", "text/html", code=code, **headers)


def versioned(octets: bytes, etag: str, kind: str = "application/pkix-crl") -> Route:
    """Answers "not modified" to who has it already (RFC 9110, 13)."""

    def route(connection: socket.socket, asked: Asked) -> None:
        if asked.headers.get("if-none-match") == etag:
            connection.sendall(_head(304, {"ETag": etag}))
        else:
            body(octets, kind, ETag=etag, Last_Modified=formatdate(1))(connection, asked)

    return route


def answering(answer: Callable[[bytes], bytes], kind: str = "application/ocsp-response") -> Route:
    """Answers a POST with what ``answer`` makes of it."""

    def route(connection: socket.socket, asked: Asked) -> None:
        body(answer(asked.body), kind)(connection, asked)

    return route


# --- faults ----------------------------------------------------------------------------------------------------------


def silent(connection: socket.socket, asked: Asked) -> None:
    time.sleep(20)


def slow_headers(connection: socket.socket, asked: Asked) -> None:
    for octet in _head(200, {"Content-Type": "application/pkix-crl", "X-Padding": "x" * 500}):
        connection.sendall(bytes([octet]))
        time.sleep(0.05)


def drip(connection: socket.socket, asked: Asked) -> None:
    """An octet at a time, each well within any time limit between two."""
    connection.sendall(_head(200, {"Content-Type": asked_type(asked), "Content-Length": 60_000}))
    while True:
        connection.sendall(b"\x30")
        time.sleep(0.05)


def asked_type(asked: Asked) -> str:
    return asked.headers["accept"].split(",")[0]


def endless(connection: socket.socket, asked: Asked) -> None:
    """More and more, as fast as it goes, without a length."""
    connection.sendall(_head(200, {"Content-Type": asked_type(asked), "Transfer-Encoding": "chunked"}))
    chunk = b"10000\r\n" + bytes(65536) + b"\r\n"
    while True:
        connection.sendall(chunk)


def giant(connection: socket.socket, asked: Asked) -> None:
    connection.sendall(_head(200, {"Content-Type": asked_type(asked), "Content-Length": 10**12}))
    while True:
        connection.sendall(bytes(65536))


BOMB = gzip.compress(bytes(30_000_000))


def gzip_bomb(connection: socket.socket, asked: Asked) -> None:
    headers = {"Content-Type": asked_type(asked), "Content-Encoding": "gzip", "Content-Length": len(BOMB)}
    connection.sendall(_head(200, headers) + BOMB)


def truncated(connection: socket.socket, asked: Asked) -> None:
    connection.sendall(_head(200, {"Content-Type": asked_type(asked), "Content-Length": 1000}) + bytes(500))


def reset(connection: socket.socket, asked: Asked) -> None:
    connection.sendall(_head(200, {"Content-Type": asked_type(asked), "Content-Length": 1000}) + bytes(10))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def no_http(connection: socket.socket, asked: Asked) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")


def many_headers(connection: socket.socket, asked: Asked) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-Padding: " + b"x" * 8000 + b"\r\n")


def redirect(target: str) -> Route:
    return status(302, Location=target)


FAULTS: dict[str, tuple[Route, str]] = {
    "silent": (silent, "timeout"),
    "slow headers": (slow_headers, "timeout"),
    "drip": (drip, "timeout"),
    "endless": (endless, "too big"),
    "giant": (giant, "too big"),
    "gzip bomb": (gzip_bomb, "encoding"),
    "truncated": (truncated, "broken"),
    "reset": (reset, "broken"),
    "no HTTP": (no_http, "broken"),
    "many headers": (many_headers, "broken"),
    "404": (status(404), "http status"),
    "500": (status(500), "http status"),
    "206": (status(206), "http status"),
    "304 unasked": (status(304), "http status"),
    "redirect": (redirect("/again"), "redirect"),
    "a page of a hotel's network": (body(b"<html>", "text/html"), "content type"),
}
"""What may go wrong, and how the fetcher names it."""
