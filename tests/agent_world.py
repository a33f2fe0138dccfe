"""An agent beside a simulated reader, a portal behind real TLS, a person, and a page: what the agent's tests stand on."""

from __future__ import annotations

import itertools
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from https_portal import certificate
from pki_world import make
from world import CARD_PIN, DOCTOR, PASS_PIN, WORKER, World
from zorgid_card.adapters.http import Timeouts
from zorgid_card.adapters.seam import HTTPSSeam
from zorgid_card.adapters.seam_server import answer_http
from zorgid_card.agent.page_holder import Own
from zorgid_card.agent.pairing import Origins, Rollout
from zorgid_card.agent.server import Agent
from zorgid_card.agent.steps import Desk
from zorgid_card.agent.transport import PATH
from zorgid_card.cards.access import LastTry, PINRequest
from zorgid_card.errors import CancelledError, DeclinedError, ZorgIDError
from zorgid_card.ports.card import Reader
from zorgid_card.ports.seam import Seam
from zorgid_card.protocol.iso7816 import Credential
from zorgid_card.secret import Secret
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.texts import Texts
from zorgid_card.workflows.holder import Cue, Progress, Question
from zorgid_card.workflows.phone_door import PhoneDoor
from zorgid_card.workflows.pin import PINPolicy

PATIENCE = 30
"""Seconds for what is to come at once: a test that waits so long has failed."""
NONCE = "x" * 44


# --- the portal -------------------------------------------------------------------------------------------------------


@dataclass
class Portal:
    """The world's portal over TLS; ``away``: it answers nobody."""

    ca: Path
    away: bool = False


@contextmanager
def served(world: World, directory: Path) -> Iterator[Portal]:
    """The world's portal on this machine; its origin is that address."""
    root = make("Test TLS root")
    ca = directory / "tls-root.pem"
    ca.write_bytes(root.certificate.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate("localhost", directory, root))
    server = _Server(("127.0.0.1", 0), _Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    world.moved(f"https://localhost:{server.server_port}")
    world.phones = PhoneDoor(world.services)
    portal = Portal(ca)
    server.portal, server.seam = portal, lambda: world.portal
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
    portal: Portal
    seam: Callable[[], Seam]

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.portal.away:
            self.send_error(503)
            return
        found = answer_http(self.server.seam(), "POST", self.headers["Content-Type"], body)
        self.send_response(found.status)
        for name, value in (*found.headers, ("Content-Length", str(len(found.body))), ("Connection", "close")):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(found.body)

    def log_message(self, format: str, *args: object) -> None:
        pass


# --- the person -------------------------------------------------------------------------------------------------------


@dataclass
class Person:
    """Who sits at the agent: answers its prompts as told, and remembers them."""

    pass_pin: bytes = PASS_PIN
    card_pin: bytes = CARD_PIN
    puk: bytes = b""
    new: list[tuple[bytes, bytes]] = field(default_factory=lambda: [(CARD_PIN, CARD_PIN)])
    """New PINs as they are typed, one pair after the other; the last of them for good."""
    declines: set[str] = field(default_factory=set)
    stays: set[str] = field(default_factory=set)
    """Prompts that nobody answers."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Whose prompt, and what."""
    questions: list[Question] = field(default_factory=list)
    errors: list[ZorgIDError] = field(default_factory=list)
    open: int = 0
    """Prompts on the screen now; ``most``: there were at once."""
    most: int = 0
    shown: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    """One more for each prompt."""
    released: threading.Event = field(default_factory=threading.Event)
    """Set: what stays is answered."""

    def own(self, origin: str, texts: Texts) -> Own:
        return _Prompt(self, origin)


class _Prompt:
    """The agent's own holder, for one page."""

    def __init__(self, person: Person, origin: str) -> None:
        self._person = person
        self._origin = origin
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        self._cancelled.set()
        self._person.released.set()

    def cue(self, cue: Cue) -> None:
        raise AssertionError("the page tells")

    def progress(self, progress: Progress) -> None:
        raise AssertionError("the page tells")

    def birth_date(self) -> date:
        raise AssertionError("the page asks")

    def refused(self, error: ZorgIDError) -> None:
        self._person.errors.append(error)

    def pin(self, request: PINRequest) -> Secret | LastTry:
        person, puk = self._person, request.what is Credential.PUK
        self._prompt("puk" if puk else "pin")
        return Secret.of(person.puk if puk else person.pass_pin if not request.digits else person.card_pin)

    def confirm(self, question: Question) -> None:
        self._person.questions.append(question)
        self._prompt(question.code)

    def new_pin(self, policy: PINPolicy) -> tuple[Secret, Secret]:
        self._prompt("new-pin")
        new = self._person.new
        first, second = new.pop(0) if len(new) > 1 else new[0]
        return Secret.of(first), Secret.of(second)

    def show_puk(self, puk: Secret) -> None:
        with puk.expose() as octets:
            self._person.puk = bytes(octets)
        self._prompt("show-puk")

    def _prompt(self, what: str) -> None:
        person = self._person
        person.asked.append((self._origin, what))
        person.open += 1
        person.most = max(person.most, person.open)
        person.shown.release()
        try:
            if what in person.stays:
                assert person.released.wait(PATIENCE)
            if self._cancelled.is_set():
                raise CancelledError
            if what in person.declines:
                raise DeclinedError(reason=what)
        finally:
            person.open -= 1


# --- the page ---------------------------------------------------------------------------------------------------------


class Page:
    """A page in a browser: what its script would do."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self._names = itertools.count(1)
        self.seen: list[dict[str, Any]] = []

    def hear(self) -> dict[str, Any]:
        """The next message."""
        found: dict[str, Any] = json.loads(self.socket.recv(PATIENCE))
        self.seen.append(found)
        return found

    def say(self, **message: Any) -> None:
        self.socket.send(json.dumps(message))

    def start(self, step: str, **given: Any) -> str:
        name = f"step-{next(self._names)}"
        self.say(type="start", id=name, step=step, lang="en", **given)
        return name

    def answer(self, question: dict[str, Any], value: Any) -> None:
        self.say(type="answer", id=question["id"], question=question["question"], value=value)

    def until(self, wanted: str) -> dict[str, Any]:
        """The first message of this type, event, or code of a question."""
        while True:
            found = self.hear()
            if wanted in (found["type"], found.get("event"), found.get("code"), found.get("cue")):
                return found
            assert found["type"] not in ("done", "failed"), found

    def closed(self) -> int:
        """The code with which the agent has closed, or closes."""
        with suppress(ConnectionClosed):
            while True:
                self.hear()
        return int(self.socket.close_code or 0)


@dataclass
class Hands:
    """Whoever sits at the page: moves cards, and answers what the page asks."""

    world: World
    page: Page
    passes: VirtualCard
    blank: VirtualCard | None = None
    born: str = WORKER.birth_date.isoformat()
    answers: dict[str, Any] = field(default_factory=dict)
    on: dict[str, Callable[[dict[str, Any]], None]] = field(default_factory=dict)
    """Done in the place of what would be done, when an event or a question of this name comes."""

    def drive(self, name: str) -> dict[str, Any]:
        """Do what is asked until the step ends; gives its last message."""
        while True:
            told = self.page.hear()
            assert told["id"] == name
            if told["type"] != "event":
                return told
            what = told["code"] if told["event"] == "question" else told.get("cue") or told["event"]
            act = self.on.pop(what, None) or self.do
            act(told)

    def do(self, told: dict[str, Any]) -> None:
        """What a person would do."""
        if told["event"] == "question":
            self._answer(told)
        else:
            self._act(told)

    def _act(self, told: dict[str, Any]) -> None:
        if told["event"] != "cue":
            return
        reader, card = self.world.reader, self.passes if told["cue"] == "insert-pass" else self.blank
        if told["cue"] == "remove-pass":
            reader.remove()
        elif card is not None and reader.card is not card:
            reader.remove()
            reader.insert(card)

    def _answer(self, told: dict[str, Any]) -> None:
        value = self.answers.get(told["code"], self.born if told["code"] == "birth-date" else True)
        self.page.answer(told, value)


# --- all of it --------------------------------------------------------------------------------------------------------


@dataclass
class AgentWorld:
    """All of it; the portal's origin is paired."""

    world: World
    portal: Portal
    person: Person
    agent: Agent
    port: int
    origins: Origins

    @property
    def origin(self) -> str:
        return self.world.origin

    @property
    def uri(self) -> str:
        return f"ws://127.0.0.1:{self.port}{PATH}"

    @contextmanager
    def visit(self, origin: str | None = None, **options: Any) -> Iterator[Page]:
        """A page of this origin, by default the portal's; its hello is not heard yet."""
        with connect(self.uri, origin=origin or self.origin, **options) as socket:  # type: ignore[arg-type]
            yield Page(socket)

    @contextmanager
    def page(self) -> Iterator[Page]:
        """A page of the portal."""
        with self.visit() as page:
            assert page.hear()["paired"] is True
            yield page

    def worker(self, page: Page, blank: VirtualCard | None = None, **options: Any) -> Hands:
        return Hands(self.world, page, self.world.worker_pass, blank or self.world.maker.blank(), **options)

    def doctor(self, page: Page, **options: Any) -> Hands:
        return Hands(self.world, page, self.world.doctor_pass, born=DOCTOR.birth_date.isoformat(), **options)

    def idle(self, pages: int = 0) -> None:
        """Wait until no more pages than these are there, and no step goes on."""
        end = time.monotonic() + PATIENCE
        while self.agent.visits > pages:
            assert time.monotonic() < end
            time.sleep(0.01)
        self.agent.wait()


@contextmanager
def portal_world(directory: Path) -> Iterator[tuple[World, Portal]]:
    """A portal that is served, and knows the practice: agents come and go beside it."""
    world = World(directory)
    world.validated()
    with served(world, directory) as portal:
        yield world, portal


@contextmanager
def agent_at(
    world: World,
    portal: Portal,
    directory: Path,
    *,
    readers: Callable[[], Sequence[Reader]] | None = None,
    rollout: Rollout | None = None,
    paired: bool = True,
    clock: Callable[[], float] | None = None,
) -> Iterator[AgentWorld]:
    """An agent and a person beside an empty reader; it ends with the block."""
    person, portal.away = Person(), False
    world.reader.remove()
    desk = Desk(
        readers=readers or (lambda: (world.reader,)),
        seam=lambda origin: HTTPSSeam(origin, ca=portal.ca, timeouts=Timeouts(connect=5, read=5, total=20), patience=0),
        own=person.own,
        journal=world.journal,
        middleware=None,
    )
    origins = Origins(directory / "agent.json", rollout)
    if paired:
        origins.add(world.origin)
    agent = Agent(desk, origins, port=0, **({"clock": clock} if clock else {}))
    with agent.running() as port:
        yield AgentWorld(world, portal, person, agent, port, origins)
