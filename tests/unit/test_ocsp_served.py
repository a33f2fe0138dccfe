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
from contextlib import contextmanager
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


def test_aut_5_an_application_imports_no_framework_and_no_server() -> None:
    program = "import sys, zorgid_card.adapters.asgi; print(*sorted(n.partition('.')[0] for n in sys.modules))"
    loaded = set(
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    )
    assert loaded.isdisjoint({"uvicorn", "starlette", "fastapi", "http", "asgiref", "wsgiref"})
