"""The OCSP responder over HTTP by the standard library: no portal, no pages; and no TLS, since answers are signed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from zorgid_card.errors import StorageError
from zorgid_card.ports.http import HTTPAnswer, HTTPService

_SECONDS: Final = 20
"""How long a client may be silent."""


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
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is none of its troubles."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _SECONDS
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]  # the one it is made by

    def do_GET(self) -> None:
        """A request in the path."""
        self._send(self.server.service.respond("GET", self.path, "", b""))

    def do_POST(self) -> None:
        """A request as the body; one whose length is not told is none."""
        limit, length = self.server.service.limit, self.headers.get("Content-Length", "")
        body = self.rfile.read(min(int(length), limit + 1)) if length.isascii() and length.isdecimal() else b""
        self.close_connection = self.close_connection or len(body) > limit or not length
        kind = self.headers.get("Content-Type", "")
        self._send(self.server.service.respond("POST", self.path, kind, body))

    def _send(self, answer: HTTPAnswer) -> None:
        self.send_response(answer.status)
        for header, value in (*answer.headers, ("Content-Length", str(len(answer.body)))):
            self.send_header(header, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: who asks about whom is nobody's business."""
