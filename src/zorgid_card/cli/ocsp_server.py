"""The OCSP responder over HTTP by the standard library: no portal, no pages; and no TLS, since answers are signed."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from zorgid_card.errors import StorageError
from zorgid_card.ports.http import HTTPAnswer, HTTPService

_SECONDS: Final = 20
"""How long a client has for one question and its answer, however it spends them."""

_DIGITS: Final = 9  # of a length: int() refuses very many, and takes its time for many
_MOST: Final = 256
"""Clients at once; each has a thread."""


@contextmanager
def listening(service: HTTPService, host: str, port: int) -> Iterator[str]:
    """Serve in threads while the block lasts; its URL.

    Raises:
        StorageError: the port is taken.
    """
    try:
        server = _Server((host, port), service)
    except OSError as error:
        where = f"port {port}"
        raise StorageError(f"{where} cannot be used", reason=str(error.strerror), path=where) from error
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], service: HTTPService) -> None:
        self.service = service
        self.since: dict[Any, float] = {}
        """Connections, each with the moment of its last answer."""
        super().__init__(address, _Handler)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether there is room for one more."""
        return len(self.since) < _MOST

    def process_request(self, request: Any, client_address: Any) -> None:
        """Its time begins."""
        self.since[request] = time.monotonic()
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """It is over."""
        self.since.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Twice a second: who sends an octet now and then is given up too."""
        for request, since in list(self.since.items()):
            if time.monotonic() - since > _SECONDS:
                with suppress(OSError):  # it has gone
                    request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is none of its troubles."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _SECONDS
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]  # the one it is made by

    def do_GET(self) -> None:
        """A request in the path. A body, which nobody looks at, is not taken for what follows."""
        self.close_connection = self.close_connection or bool(self._told()) or "Transfer-Encoding" in self.headers
        self._send(self.server.service.respond("GET", self.path, "", b""))

    def do_POST(self) -> None:
        """A request as the body; one whose length is not told once, and plainly, is none, and nothing may follow it."""
        limit, told = self.server.service.limit, self._told()
        plain = len(told) == 1 and told[0].isascii() and told[0].isdecimal() and len(told[0]) <= _DIGITS
        length = int(told[0]) if plain and "Transfer-Encoding" not in self.headers else -1
        body = self.rfile.read(min(length, limit + 1)) if length > 0 else b""
        self.close_connection = self.close_connection or len(body) != length
        kind = self.headers.get("Content-Type", "")
        self._send(self.server.service.respond("POST", self.path, kind, body))

    def _told(self) -> list[str]:
        found: list[str] = self.headers.get_all("Content-Length", [])
        return found

    def _send(self, answer: HTTPAnswer) -> None:
        self.send_response(answer.status)
        if self.close_connection:
            self.send_header("Connection", "close")
        for header, value in (*answer.headers, ("Content-Length", str(len(answer.body)))):
            self.send_header(header, value)
        self.end_headers()
        self.wfile.write(answer.body)
        self.server.since[self.connection] = time.monotonic()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: who asks about whom is nobody's business."""
