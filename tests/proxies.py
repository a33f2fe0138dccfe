"""nginx, Apache httpd and HAProxy with the configurations of docs/portal-tls.md, before a portal in a few lines of Python."""

from __future__ import annotations

import json
import socket
import socketserver
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from docs_examples import example
from made_card import need, pem
from zorgid_card.errors import ZorgIDError
from zorgid_card.pki.revocation import CRLs
from zorgid_card.pki.tls import UNIX_SOCKET, TLSProxy, identity_from_tls
from zorgid_card.pki.verifier import CertificateVerifier
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_profile import DE_LINDE, Usage

HOST = "portal.example"
PAGE = "docs/portal-tls.md"
APACHE_MODULES = "mpm_event authn_core authz_core headers proxy proxy_http ssl socache_shmcb"


class Upstream:
    """The portal behind a proxy: tells whom the headers of each request name, or which error they raise."""

    def __init__(self, directory: Path, proxy: TLSProxy, pki: UZITestPKI) -> None:
        self.proxy = proxy
        lists = CRLs(lambda issuer: [pki.crl(issuer, datetime.now(UTC))])
        self.verifier = CertificateVerifier(pki.trust("Z", "N"), lists)
        self.socket = directory / "portal.sock"
        self.seen: list[tuple[str, str]] = []
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                upstream.seen = self.headers.items()
                peer = self.client_address[0] if self.client_address else ""
                answer = json.dumps(upstream.judge(self.headers.items(), peer)).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args: object) -> None:
                """Says nothing."""

        class UnixServer(socketserver.ThreadingUnixStreamServer):
            daemon_threads = True

        self._servers: list[socketserver.BaseServer] = [
            UnixServer(str(self.socket), Handler),
            ThreadingHTTPServer(("127.0.0.1", 0), Handler),
        ]
        self.port: int = self._servers[1].server_address[1]  # type: ignore[attr-defined]

    def judge(self, headers: list[tuple[str, str]], peer: str) -> dict[str, Any]:
        try:
            now = datetime.now(UTC)
            who = identity_from_tls(headers, peer=peer or UNIX_SOCKET, proxy=self.proxy, verifier=self.verifier, at=now)
        except ZorgIDError as error:
            return {"error": error.code, **error.details}
        return {"uzi_number": who.uzi_number, "ura": who.ura}

    def __enter__(self) -> Upstream:
        for server in self._servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()


@dataclass(frozen=True)
class Site:
    """The proxy, as clients find it: port, and the files they need."""

    port: int
    directory: Path
    upstream: Upstream
    pki: UZITestPKI

    def get(
        self,
        client: PassContents | None = None,
        headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        **tls: Any,
    ) -> dict[str, Any]:
        """What the portal says of a request. ``client`` shows its authenticity certificate; headers are sent as they are."""
        with self.connect(client, **tls) as connection:
            return self.ask(connection, headers)

    def ask(
        self, connection: ssl.SSLSocket, headers: Mapping[str, str] | Sequence[tuple[str, str]] = ()
    ) -> dict[str, Any]:
        pairs = list(headers.items()) if isinstance(headers, Mapping) else list(headers)
        lines = [f"GET / HTTP/1.1\r\nHost: {HOST}\r\n", *(f"{name}: {value}\r\n" for name, value in pairs), "\r\n"]
        connection.sendall("".join(lines).encode("latin-1"))
        response = HTTPResponse(connection)
        response.begin()
        body = response.read()
        return json.loads(body) if response.status == 200 else {"status": response.status}

    def context(
        self, client: PassContents | None = None, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    ) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.directory / "site-ca.pem"))
        context.minimum_version = context.maximum_version = version
        if client is not None:
            context.load_cert_chain(key_and_certificate(self.directory / "client.pem", client))
        return context

    @contextmanager
    def connect(self, client: PassContents | None = None, **tls: Any) -> Iterator[ssl.SSLSocket]:
        session = tls.pop("session", None)
        context = tls.pop("context", None) or self.context(client, **tls)
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        with plain, context.wrap_socket(plain, server_hostname=HOST, session=session) as connection:
            yield connection


def key_and_certificate(path: Path, client: PassContents) -> Path:
    """A software key, which every TLS library can use; PEM."""
    key = client.keys[Usage.AUTHENTICITY].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(key + pem(client.certificates[Usage.AUTHENTICITY]))
    return path


def _files(directory: Path, pki: UZITestPKI, host: str) -> None:
    server = pki.server(host, DE_LINDE, "900000099")
    key = server.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain = b"".join(map(pem, [server.certificate, *server.chain[:-1]]))
    (directory / "server.key").write_bytes(key)
    (directory / "server.pem").write_bytes(chain)
    (directory / "server-and-key.pem").write_bytes(key + chain)
    (directory / "site-ca.pem").write_bytes(pem(server.chain[-1]))
    above = {der for letter in "ZN" for der in pki.chain(letter)}
    (directory / "uzi-ca.pem").write_bytes(b"".join(map(pem, above)))


def _nginx(directory: Path, text: str) -> tuple[list[str], Path]:
    configuration = directory / "nginx.conf"
    configuration.write_text(
        f"user root; worker_processes 1; pid {directory}/nginx.pid; error_log {directory}/log;\n"
        f"events {{}}\nhttp {{ access_log off;\n{text}\n}}\n"
    )
    return ["nginx", "-p", str(directory), "-c", str(configuration), "-g", "daemon off;"], directory / "log"


def _apache(directory: Path, text: str) -> tuple[list[str], Path]:
    configuration = directory / "apache.conf"
    modules = "".join(
        f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n" for name in APACHE_MODULES.split()
    )
    listen = text.split("*:")[1].split(">", maxsplit=1)[0]
    configuration.write_text(
        f'{modules}ServerRoot "{directory}"\nPidFile "{directory}/pid"\nErrorLog "{directory}/log"\n'
        f"ServerName {HOST}\nListen 127.0.0.1:{listen}\nUser www-data\nGroup www-data\n"
        f"DefaultRuntimeDir {directory}\n{text}"
    )
    return ["apache2", "-f", str(configuration), "-DFOREGROUND"], directory / "log"


def _haproxy(directory: Path, text: str) -> tuple[list[str], Path]:
    configuration = directory / "haproxy.cfg"
    configuration.write_text(text)
    return ["haproxy", "-db", "-f", str(configuration)], directory / "log"


PROGRAMS: Mapping[str, Callable[[Path, str], tuple[list[str], Path]]] = {
    "nginx": _nginx,
    "apache": _apache,
    "haproxy": _haproxy,
}


def configuration(program: str, directory: Path, port: int, portal: Path) -> str:
    """What the page says, with this test's places in the place of the page's."""
    text = example(PAGE, program)
    for said, here in (
        ("/run/portal/portal.sock", str(portal)),
        ("/etc/portal", str(directory)),
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("*:443", f"*:{port}"),
        ("bind :443", f"bind 127.0.0.1:{port}"),
    ):
        text = text.replace(said, here)
    assert "443" not in text.replace(str(port), "")
    return text


@contextmanager
def site(program: str, pki: UZITestPKI, proxy: TLSProxy, change: Callable[[str], str] = str) -> Iterator[Site]:
    """A proxy and the portal of :class:`Upstream` behind it; ``change`` edits the page's configuration."""
    with place(pki) as directory, Upstream(directory, proxy, pki) as upstream:
        upstream.socket.chmod(0o777)
        with front(program, directory, free_port(), upstream.socket, change) as port:
            yield Site(port, directory, upstream, pki)


@contextmanager
def place(pki: UZITestPKI, host: str = HOST) -> Iterator[Path]:
    """A directory with what the configurations name: the server's key and certificate, and the CAs."""
    with TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)  # Apache's workers are another user, who may not look into pytest's directories
        _files(directory, pki, host)
        yield directory


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


@contextmanager
def front(program: str, directory: Path, port: int, portal: Path, change: Callable[[str], str] = str) -> Iterator[int]:
    """A proxy that listens on ``port`` and hands on to the socket ``portal``."""
    need({"apache": "apache2"}.get(program, program))
    text = change(configuration(program, directory, port, portal))
    command, log = PROGRAMS[program](directory, text)
    with running(command, log, ("127.0.0.1", port)):
        yield port


@contextmanager
def running(command: list[str], log: Path, listens: tuple[str, int] | str, **options: Any) -> Iterator[None]:
    """A server, from when it listens on an address or a Unix socket."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **options)
    try:
        _wait(process, log, listens)
        yield
    finally:
        process.terminate()
        process.wait(10)


def _wait(process: subprocess.Popen[bytes], log: Path, listens: tuple[str, int] | str) -> None:
    family = socket.AF_UNIX if isinstance(listens, str) else socket.AF_INET
    for _ in range(400):
        assert process.poll() is None, log.read_text(errors="replace")
        with socket.socket(family) as probe:
            if probe.connect_ex(listens) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"nobody listens: {log.read_text(errors='replace')}")
