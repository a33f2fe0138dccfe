"""The OCSP responder as an ASGI application in a real server, asked by OpenSSL and by our own client, which knows nothing of it."""

from __future__ import annotations

import asyncio
import base64
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from openssl_ca import free_port, openssl
from publication_world import Publications
from zorgid_card.adapters.asgi import asgi
from zorgid_card.cli import ocsp_server
from zorgid_card.errors import OnHoldError, RevocationUnknownError
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.ocsp import Answer, Question

uvicorn = pytest.importorskip("uvicorn")


@contextmanager
def served(app: Any, root_path: str = "") -> Iterator[str]:
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical", root_path=root_path))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        for _ in range(500):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Publications]:
    made = Publications(url=f"sqlite:///{tmp_path_factory.mktemp('served') / 'registry.db'}")
    yield made
    made.store.close()


@pytest.fixture(scope="module")
def url(world: Publications) -> Iterator[str]:
    with served(asgi(world.ocsp)) as found:
        yield found


def pem(place: Path, name: str, der: bytes) -> Path:
    path = place / f"{name}.pem"
    path.write_bytes(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM))
    return path


@pytest.mark.parametrize("nonce", ["-nonce", "-no_nonce"])
def test_openssl_asks_over_http_and_sees_each_state(world: Publications, url: str, tmp_path: Path, nonce: str) -> None:
    certificate = world.issue()
    issuer, root = pem(tmp_path, "ca", world.authority.certificate), pem(tmp_path, "root", world.authority.root)
    leaf = pem(tmp_path, "leaf", certificate.der)

    def asked() -> str:
        world.forward(seconds=2)
        return openssl(
            "ocsp", nonce, "-issuer", issuer, "-cert", leaf, "-url", url, "-CAfile", root, "-verify_other", issuer
        )

    assert f"{leaf}: good" in asked()
    world.change(certificate, "block")
    assert "Reason: certificateHold" in asked()
    world.change(certificate, "release")
    assert f"{leaf}: good" in asked()
    world.change(certificate, "revoke")
    assert "Reason: keyCompromise" in (said := asked())
    assert "Response verify OK" in said


def test_get_and_post_and_a_body_in_pieces(world: Publications, url: str) -> None:
    certificate = world.issue()
    world.change(certificate, "block")
    world.forward(seconds=2)
    question = Question(certificate, world.issuer)
    kind = {"Content-Type": "application/ocsp-request"}
    with httpx.Client(trust_env=False) as client:
        whole = client.post(url, content=question.der, headers=kind)
        pieces = client.post(url, content=(bytes((octet,)) for octet in question.der), headers=kind)
        got = client.get(f"{url}/{base64.b64encode(question.der).decode().replace('/', '%2F')}")
        assert whole.content == pieces.content == got.content
        assert got.headers["cache-control"].startswith("max-age=")
        assert client.post(url, content=bytes(100_000), headers=kind).status_code == 413
        assert client.put(url).status_code == 405
    answer = Answer.parse(got.content)
    answer.verify(question, world.now, nonce="none")
    with pytest.raises(OnHoldError):
        answer.status()


def test_it_may_be_mounted_below_another_path(world: Publications) -> None:
    service, certificate = world.service(), world.issue()
    world.forward(seconds=2)
    question = Question(certificate, world.issuer)
    with served(asgi(service), root_path="/pki/ocsp") as url:
        path = quote(base64.b64encode(question.der).decode(), safe="")
        found = httpx.get(f"{url}/{path}", trust_env=False)  # uvicorn's root_path is one that a proxy has taken off
    Answer.parse(found.content).verify(question, world.now, nonce="none")


def test_many_at_once_over_one_registry(world: Publications, url: str) -> None:
    """Each question gets its own answer, also while statuses change."""
    certificates = [world.issue() for _ in range(8)]
    world.forward(seconds=2)

    async def ask(client: httpx.AsyncClient, certificate: Certificate) -> bool:
        question = Question(certificate, world.issuer, b"n" * 32)
        kind = {"Content-Type": "application/ocsp-request"}
        answer = Answer.parse((await client.post(url, content=question.der, headers=kind)).content)
        answer.verify(question, world.now)
        try:
            answer.status()
        except (OnHoldError, RevocationUnknownError):
            return False
        return True

    async def all_of_them() -> list[bool]:
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            return await asyncio.gather(*(ask(client, certificate) for certificate in certificates * 5))

    assert all(asyncio.run(all_of_them()))
    for certificate in certificates[:4]:
        world.change(certificate, "block")
    world.forward(seconds=2)
    assert sum(asyncio.run(all_of_them())) == 20


def test_a_client_that_goes_away_is_no_trouble(world: Publications) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
    asyncio.run(asgi(world.ocsp)(scope, receive, send))
    assert sent == []


# --- by the standard library ------------------------------------------------------------------------------------------


@pytest.fixture
def plain(world: Publications) -> Iterator[socket.socket]:
    """A connection to the server of ``zorgid-card ocsp serve``."""
    with ocsp_server.listening(world.ocsp, "127.0.0.1", 0) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            yield connection


def until_the_end(connection: socket.socket) -> bytes:
    """All that is sent until the other side has closed the connection."""
    found = b""
    with suppress(ConnectionResetError):
        while octets := connection.recv(65536):
            found += octets
    return found


HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"0\r\n\r\n" + HIDDEN


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN,
        b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED,
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" + CHUNKED,
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: %d\r\n\r\n0" % len(HIDDEN) + HIDDEN,
        b"POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n" + HIDDEN,
        b"POST / HTTP/1.1\r\nContent-Length: %b\r\n\r\n" % (b"1" * 5000) + HIDDEN,
        b"POST / HTTP/1.1\r\n\r\n" + HIDDEN,
    ],
    ids=["body of a GET", "chunks of a GET", "chunks", "two lengths", "odd length", "long length", "no length"],
)
def test_a_body_is_never_taken_for_a_request(plain: socket.socket, sent: bytes) -> None:
    """Behind a proxy that reads it otherwise, the answer to it would be somebody else's (RFC 9112, 11.2)."""
    plain.sendall(sent)
    assert until_the_end(plain).count(b"HTTP/1.1 ") == 1


def test_questions_may_follow_each_other_on_one_connection(world: Publications, plain: socket.socket) -> None:
    asked = Question(world.issue(), world.issuer).der
    head = b"POST / HTTP/1.1\r\nContent-Type: application/ocsp-request\r\nContent-Length: %d\r\n" % len(asked)
    plain.sendall((head + b"\r\n" + asked) * 2 + head + b"Connection: close\r\n\r\n" + asked)
    assert until_the_end(plain).count(b"HTTP/1.1 200 ") == 3


def test_who_sends_an_octet_now_and_then_is_given_up(plain: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocsp_server, "_SECONDS", 0.5)
    plain.sendall(b"POST / HTTP/1.1\r\nContent-Length: 8000\r\n\r\n")
    plain.settimeout(0.05)
    for _ in range(300):
        try:
            plain.send(b"x")
            ended = plain.recv(1) == b""
        except TimeoutError:
            continue
        except OSError:
            ended = True
        assert ended
        return
    pytest.fail("it waits for ever")


def test_clients_beyond_those_there_is_room_for_are_sent_away(
    plain: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert plain.recv(65536)
    monkeypatch.setattr(ocsp_server, "_MOST", 1)
    with socket.create_connection(plain.getpeername(), timeout=10) as another:
        assert until_the_end(another) == b""
    plain.sendall(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert b"HTTP/1.1 200 " in until_the_end(plain)


def test_aut_5_an_application_imports_no_framework_and_no_server() -> None:
    program = "import sys, zorgid_card.adapters.asgi; print(*sorted(n.partition('.')[0] for n in sys.modules))"
    loaded = set(
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    )
    assert loaded.isdisjoint({"uvicorn", "starlette", "fastapi", "http", "asgiref", "wsgiref"})
