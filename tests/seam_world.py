"""A portal behind a real uvicorn over real TLS, in a process of its own, and a wire to it that breaks on demand (docs/seam.md)."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cryptography.hazmat.primitives import serialization

from docs_examples import example
from https_portal import certificate
from pki_world import make
from proxies import free_port

HOST = "localhost"
Application = Callable[[Any, Any, Any], Any]
_FORK = multiprocessing.get_context("fork")


def documented(seam: Any) -> Application:
    """The ASGI application of docs/seam.md."""
    names: dict[str, Any] = {"portal": SimpleNamespace(seam=seam)}
    exec(example("docs/seam.md", "asgi"), names)
    app: Application = names["card_side"]
    return app


# --- faults of the server ---------------------------------------------------------------------------------------------


def faulty(app: Application, faults: Sequence[str], count: Any) -> Application:
    """The application with a fault at each request that has one; ``count`` is shared by the processes that serve in turns."""

    async def served(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        with count.get_lock():
            number, count.value = count.value, count.value + 1
        fault = faults[number] if number < len(faults) else ""
        await _FAULTS[fault](app, scope, receive, send)

    return served


async def _sound(app: Application, scope: Any, receive: Any, send: Any) -> None:
    await app(scope, receive, send)


async def _unheard(app: Application, scope: Any, receive: Any, send: Any) -> None:
    await _answer(send, 500, b"")


async def _served_and_500(app: Application, scope: Any, receive: Any, send: Any) -> None:
    await app(scope, receive, _nowhere)
    await _answer(send, 500, b"")


async def _doubled(app: Application, scope: Any, receive: Any, send: Any) -> None:
    """Something between the two sends it twice; the second answer arrives."""
    event = await receive()

    async def again() -> Any:
        return event

    await app(scope, again, _nowhere)
    await app(scope, again, send)


async def _broken_off(app: Application, scope: Any, receive: Any, send: Any) -> None:
    """The answer ends in the middle."""
    await app(scope, receive, _nowhere)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"500"), _JSON]})
    await send({"type": "http.response.body", "body": b"{", "more_body": False})


async def _giant(app: Application, scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [_JSON]})
    with suppress(Exception):  # the client hangs up
        for _ in range(1000):
            await send({"type": "http.response.body", "body": b" " * 65_536, "more_body": True})


async def _slow(app: Application, scope: Any, receive: Any, send: Any) -> None:
    """An octet at a time, for ever: no wait for one of them is long."""
    await app(scope, receive, _nowhere)
    await send({"type": "http.response.start", "status": 200, "headers": [_JSON]})
    with suppress(Exception):
        while True:
            await send({"type": "http.response.body", "body": b" ", "more_body": True})
            await asyncio.sleep(0.05)


async def _killed_before(app: Application, scope: Any, receive: Any, send: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def _killed_after(app: Application, scope: Any, receive: Any, send: Any) -> None:
    await app(scope, receive, _nowhere)
    os.kill(os.getpid(), signal.SIGKILL)


async def _redirected(app: Application, scope: Any, receive: Any, send: Any) -> None:
    await _answer(send, 307, b"", (b"location", b"https://elsewhere.example/card-side"))


async def _page(app: Application, scope: Any, receive: Any, send: Any) -> None:
    await _answer(send, 200, b"<html>", (b"content-type", b"text/html"))


async def _squeezed(app: Application, scope: Any, receive: Any, send: Any) -> None:
    await _answer(send, 200, b"x", _JSON, (b"content-encoding", b"gzip"))


_JSON = (b"content-type", b"application/json")
_FAULTS = {
    "": _sound,
    "500": _unheard,
    "500 after": _served_and_500,
    "doubled": _doubled,
    "broken off": _broken_off,
    "giant": _giant,
    "slow": _slow,
    "killed before": _killed_before,
    "killed after": _killed_after,
    "redirect": _redirected,
    "page": _page,
    "compressed": _squeezed,
}


async def _answer(send: Any, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [*headers]})
    await send({"type": "http.response.body", "body": body})


async def _nowhere(event: Any) -> None:
    """The answer is lost."""


# --- the server -------------------------------------------------------------------------------------------------------


@dataclass
class Served:
    """A portal that is served at ``address``; it can be killed, and comes up again."""

    directory: Path
    portal: Callable[[], Any]
    """Opens the portal, in the process that serves it."""
    faults: Sequence[str] = ()
    address: str = ""
    ca: Path = field(default_factory=Path)
    port: int = 0

    def __post_init__(self) -> None:
        root = make("Test TLS root")
        self.ca = self.directory / "tls-root.pem"
        self.ca.write_bytes(root.certificate.public_bytes(serialization.Encoding.PEM))
        self._certificate = certificate(HOST, self.directory, root)
        self.port = free_port()
        self.address = f"https://{HOST}:{self.port}"
        self._count = _FORK.Value("i", 0)
        self._stop = threading.Event()

    @property
    def requests(self) -> int:
        """How many came."""
        return int(self._count.value)

    def __enter__(self) -> Served:
        self.start()
        self._keeper = threading.Thread(target=self._keep)
        self._keeper.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._keeper.join()
        self.kill()

    def start(self) -> None:
        self._process = _FORK.Process(target=self._serve, daemon=True)
        self._process.start()
        for _ in range(400):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError("uvicorn does not listen")

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    def _keep(self) -> None:
        """As systemd does: what died is started again."""
        while not self._stop.wait(0.02):
            if not self._process.is_alive():
                self._process.join()
                self.start()

    def _serve(self) -> None:
        import uvicorn

        app = faulty(documented(self.portal()), self.faults, self._count)
        uvicorn.run(
            app,
            port=self.port,
            ssl_keyfile=str(self._certificate),
            ssl_certfile=str(self._certificate),
            log_level="critical",
            lifespan="off",
        )


# --- the wire ---------------------------------------------------------------------------------------------------------


class Wire:
    """TCP from a port of its own to the server; a fault for each connection that has one.

    ``refused``: closed at once. ``request lost``: the TLS handshake goes through, and no more. ``answer lost``: the request gets
    there, and the connection ends. ``silence``: the request gets there, and nothing comes back.
    """

    def __init__(self, port: int, faults: Sequence[str]) -> None:
        self._to = port
        self._faults = list(faults)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.connections = 0

    def __enter__(self) -> Wire:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                fault = self._faults[self.connections] if self.connections < len(self._faults) else ""
                self.connections += 1
                threading.Thread(target=self._carry, args=(client, fault), daemon=True).start()

    def _carry(self, client: socket.socket, fault: str) -> None:
        with client:
            if fault == "refused":
                return
            with socket.create_connection(("127.0.0.1", self._to)) as server:
                spoken = threading.Event()  # the client has sent more than its ClientHello
                back = threading.Thread(target=self._back, args=(server, client, fault, spoken), daemon=True)
                back.start()
                with suppress(OSError):
                    bursts = 0
                    while octets := client.recv(65_536):
                        bursts += 1
                        if bursts > 1:
                            spoken.set()
                            if fault == "request lost":
                                return
                        server.sendall(octets)
                    server.shutdown(socket.SHUT_WR)
                back.join(5)

    def _back(self, server: socket.socket, client: socket.socket, fault: str, spoken: threading.Event) -> None:
        with suppress(OSError):
            while octets := server.recv(65_536):
                if fault == "answer lost" and spoken.is_set():
                    break
                if fault != "silence" or not spoken.is_set():
                    client.sendall(octets)
            client.shutdown(socket.SHUT_RDWR)
