"""A portal behind real TLS on this machine, with the log-in that a vendor would build, and with faults on demand."""

from __future__ import annotations

import ipaddress
import json
import secrets
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from pki_world import Node, make
from zorgid_card.errors import ZorgIDError
from zorgid_card.workflows.log_in import LogIn

Fault = Callable[[BaseHTTPRequestHandler], None]
"""Answers a request in the place of the portal."""


@dataclass
class HTTPSPortal:
    """The running portal: ``door`` judges; ``faults`` answer in its place by path; ``seen`` are the requests that came."""

    address: str
    ca: Path
    door: LogIn | None = None
    csrf: str = ""
    faults: dict[str, Fault] = field(default_factory=dict)
    seen: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)


def certificate(host: str, directory: Path, issuer: Node, **options: Any) -> Path:
    """A key and certificate for a host, PEM in one file."""
    try:
        name: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        name = x509.DNSName(host)
    names = (x509.SubjectAlternativeName([name]), False)
    now = datetime.now(UTC)
    given: dict[str, Any] = {"start": now - timedelta(days=1), "end": now + timedelta(days=30), "extensions": [names]}
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH]
    usages = ("digital_signature",)
    node = make(host, issuer, ca=False, usages=usages, purposes=purposes, **(given | options))
    key = node.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = directory / f"{secrets.token_hex(4)}.pem"
    path.write_bytes(key + node.certificate.public_bytes(serialization.Encoding.PEM))
    return path


@contextmanager
def https_portal(directory: Path, *, host: str = "localhost", named: str = "", **options: Any) -> Iterator[HTTPSPortal]:
    """Serve on a port of this machine.

    Args:
        directory: for its certificates.
        host: by which it is reached.
        named: whom its certificate names, if not ``host``.
        options: of that certificate.
    """
    root = make("Test TLS root")
    ca = directory / "tls-root.pem"
    ca.write_bytes(root.certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(named or host, directory, root, **options))
    server = _Server(("127.0.0.1", 0), _Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    portal = HTTPSPortal(f"https://{host}:{server.server_port}", ca)
    server.portal = portal  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield portal
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away, or trusts nobody here, is what the tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10

    def log_message(self, format: str, *args: object) -> None:
        pass

    @property
    def _portal(self) -> HTTPSPortal:
        return self.server.portal  # type: ignore[attr-defined,no-any-return]

    def do_GET(self) -> None:
        self._portal.seen.append((self.path, dict(self.headers.items()), None))
        if self._faulty():
            return
        session = secrets.token_urlsafe(16)
        assert self._portal.door is not None
        nonce = self._portal.door.challenge(session, client=self.client_address[0])
        cookies = [f"session={session}; Secure; HttpOnly; SameSite=Strict; Path=/"]
        if self._portal.csrf:
            cookies.append(f"csrftoken={self._portal.csrf}; Secure; Path=/")
        answer(self, 200, {"nonce": nonce}, cookies=cookies)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._portal.seen.append((self.path, dict(self.headers.items()), body))
        if self._faulty():
            return
        if self._portal.csrf and self.headers["X-CSRFToken"] != self._portal.csrf:
            answer(self, 403, {})
            return
        cookies = dict(part.strip().split("=", 1) for part in (self.headers["Cookie"] or "").split(";") if "=" in part)
        assert self._portal.door is not None
        try:
            who = self._portal.door.verify(json.dumps(body["auth-token"]), binding=cookies.get("session", ""))
        except ZorgIDError as error:
            answer(self, 401, {"code": error.code, "message": str(error), "details": error.details})
            return
        answer(self, 200, who.to_dict())

    def _faulty(self) -> bool:
        fault = self._portal.faults.get(self.path)
        if fault is not None:
            fault(self)
        return fault is not None


def answer(
    handler: BaseHTTPRequestHandler,
    status: int,
    value: Any,
    *,
    kind: str = "application/json",
    cookies: Any = (),
    **more: str,
) -> None:
    """Answer with JSON, or with octets as they are."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(body)))
    for cookie in cookies:
        handler.send_header("Set-Cookie", cookie)
    for name, given in more.items():
        handler.send_header(name.replace("_", "-"), given)
    handler.end_headers()
    handler.wfile.write(body)
