"""An EST server (RFC 7030) behind real TLS on this machine, with a CA of its own, and with faults on demand.

It shares nothing with the client: certificates are built with ``cryptography``. strongSwan's ``pki --est`` is its first client
(tests/unit/test_est.py), so that it is not made to suit ours.
"""

from __future__ import annotations

import base64
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
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID

from https_portal import certificate as tls_certificate
from pki_world import Node, key_usage, make

USER, PASSWORD = "portal", b"correct horse"
PKCS7 = "application/pkcs7-mime; smime-type=certs-only"
WELL_KNOWN = "/.well-known/est"
POLICY = "2.25.90819709214569302958764045813210256923.1.1"
"""Of certificates for authenticity in docs/certificate-profile.md: the CA has been told our profile."""

CSR_ATTRIBUTES = bytes.fromhex(
    "302106072a8648ce3d0201"  # ecPublicKey
    "301606092a864886f70d01090e310906072b060102020110"  # extensionRequest { an object identifier }
)
"""CsrAttrs of both forms: an object identifier, and an Attribute with values (RFC 7030, 4.5.2)."""

Fault = Callable[["Handler", bytes], None]
"""Answers a request, whose body is given, in the place of the server."""


@dataclass
class ESTServer:
    """The running server; what a test changes in it counts from the next request."""

    address: str
    anchors: Path
    root: Node
    issuing: Node
    client: Path
    """Key and TLS client certificate that it knows, PEM."""
    pending: list[str] = field(default_factory=list)
    """Values of Retry-After with which the next requests are put off; an empty one is left out."""
    fault: Fault | None = None
    build: Callable[[x509.CertificateSigningRequest, Node], x509.Certificate] | None = None
    """What is issued, if not what was asked for."""
    seen: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    issued: list[x509.Certificate] = field(default_factory=list)

    @property
    def chain(self) -> tuple[bytes, bytes]:
        return self.issuing.der, self.root.der


def issue(
    request: x509.CertificateSigningRequest,
    issuer: Node,
    *,
    subject: x509.Name | None = None,
    public_key: Any = None,
    names: x509.SubjectAlternativeName | None = None,
    purposes: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.CLIENT_AUTH,),
    usages: tuple[str, ...] = ("digital_signature",),
    policies: tuple[str, ...] = (POLICY,),
    days: int = 365,
    start: timedelta = timedelta(0),
    ca: bool = False,
    signer: Node | None = None,
    extensions: tuple[tuple[x509.ExtensionType, bool], ...] = (),
) -> x509.Certificate:
    """A certificate for the request by the profile that this CA was told; a test changes a part."""
    now, key = datetime.now(UTC) + start, public_key or request.public_key()
    wanted = names
    if wanted is None:
        try:
            wanted = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            wanted = None
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject or request.subject)
        .issuer_name(issuer.certificate.subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca, None), True)
        .add_extension(key_usage(*usages), True)
        .add_extension(
            x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier(p), None) for p in policies]), False
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), False)
    )
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), False)
    if wanted is not None:
        builder = builder.add_extension(wanted, False)
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    return builder.sign((signer or issuer).key, hashes.SHA256())


@contextmanager
def est_server(directory: Path, *, host: str = "localhost") -> Iterator[ESTServer]:
    """Serve on a port of this machine; RSA throughout, for clients of every age."""
    now = datetime.now(UTC)
    period = {"start": now - timedelta(days=1), "end": now + timedelta(days=3650)}
    tls, root = (make(name, key=_rsa(), **period) for name in ("Test TLS root", "Test EST root"))
    issuing = make("Test EST CA", root, key=_rsa(), path_length=0, **period)
    anchors = directory / "tls-root.pem"
    anchors.write_bytes(tls.certificate.public_bytes(Encoding.PEM))
    registrar = make(
        "registrar",
        tls,
        ca=False,
        usages=("digital_signature",),
        key=_rsa(),
        purposes=[ExtendedKeyUsageOID.CLIENT_AUTH],
    )
    client = directory / "registrar.pem"
    client.write_bytes(pem(registrar.key) + registrar.certificate.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls_certificate(host, directory, tls))
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(str(anchors))
    context.load_verify_locations(cadata=root.der + issuing.der)  # simplereenroll: with a certificate of this CA
    server = _Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    state = ESTServer(f"https://{host}:{server.server_port}", anchors, root, issuing, client)
    server.state = state
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _rsa() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, passphrase: bytes = b"") -> bytes:
    sealing: Any = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return key.private_bytes(Encoding.PEM, serialization.PrivateFormat.PKCS8, sealing)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    state: ESTServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away, or trusts nobody here, is what the tests are about."""


class Handler(BaseHTTPRequestHandler):
    """RFC 7030, 4; every answer is base64 in lines, as RFC 8951 has it."""

    protocol_version = "HTTP/1.1"
    timeout = 10

    def log_message(self, format: str, *args: object) -> None:
        pass

    @property
    def est(self) -> ESTServer:
        return self.server.state  # type: ignore[attr-defined,no-any-return]

    def do_GET(self) -> None:
        self.est.seen.append((self.path, dict(self.headers.items()), b""))
        if self._faulty(b""):
            return
        if self.path == f"{WELL_KNOWN}/cacerts":
            self.certificates([self.est.issuing.certificate, self.est.root.certificate])
        elif self.path == f"{WELL_KNOWN}/csrattrs":
            self.reply(200, "application/csrattrs", base64.encodebytes(CSR_ATTRIBUTES))
        else:
            self.reply(404, "text/plain", b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.est.seen.append((self.path, dict(self.headers.items()), body))
        if self._faulty(body):
            return
        if self.path not in (f"{WELL_KNOWN}/simpleenroll", f"{WELL_KNOWN}/simplereenroll"):
            self.reply(404, "text/plain", b"")
            return
        if not self._known():
            self.reply(401, "text/plain", b"", ("WWW-Authenticate", 'Basic realm="est"'))
            return
        request = self._request(body)
        if request is None:
            self.reply(400, "text/plain", b"not a request")
            return
        if self.est.pending:
            after = self.est.pending.pop(0)
            self.reply(202, "text/plain", b"", *([("Retry-After", after)] if after else []))
            return
        made = (self.est.build or issue)(request, self.est.issuing)
        self.est.issued.append(made)
        self.certificates([made])

    def _known(self) -> bool:
        """By TLS client certificate, or by HTTP Basic."""
        if self.connection.getpeercert():  # type: ignore[attr-defined]
            return True
        expected = base64.b64encode(USER.encode() + b":" + PASSWORD).decode()
        return secrets.compare_digest(self.headers.get("Authorization", ""), f"Basic {expected}")

    def _request(self, body: bytes) -> x509.CertificateSigningRequest | None:
        if self.headers.get_content_type() != "application/pkcs10":
            return None
        try:
            request = x509.load_der_x509_csr(base64.b64decode(body))
        except ValueError:
            return None
        return request if request.is_signature_valid else None

    def _faulty(self, body: bytes) -> bool:
        if self.est.fault is None:
            return False
        self.est.fault(self, body)
        return True

    def certificates(self, found: list[x509.Certificate]) -> None:
        self.reply(200, PKCS7, base64.b64encode(pkcs7.serialize_certificates(found, Encoding.DER)))

    def reply(self, status: int, kind: str, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Transfer-Encoding", "base64")
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
