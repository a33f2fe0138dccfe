"""``zorgid-card demo-portal``: the demonstration's portal over HTTPS on this computer, for ``create`` in another window.

Its registry, CA and rules are real; the passes and blanks are simulated, and lie beside it as files. It is served by the standard
library, to as many as a demonstration has: a portal has a web server (docs/seam.md).
"""

from __future__ import annotations

import json
import secrets
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from zorgid_card.adapters.seam_server import HTTPAnswer, answer_http
from zorgid_card.cli.create.trial import CARD, PASS
from zorgid_card.cli.demo import acts
from zorgid_card.cli.demo.holder import KeepingHolder, unseen
from zorgid_card.cli.demo.pages import PATH as PAGES
from zorgid_card.cli.demo.pages import Pages
from zorgid_card.cli.demo.run import directory_for
from zorgid_card.cli.demo.stage import Stage
from zorgid_card.cli.demo.world import World
from zorgid_card.cli.display import Display
from zorgid_card.cli.simulate import interruptible
from zorgid_card.errors import StorageError, ZorgIDError
from zorgid_card.ports.phone import PATH as PHONE_PATH
from zorgid_card.ports.seam import CONTENT_TYPE, LIMIT, PATH, Seam
from zorgid_card.recipes import PortalSide
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.testkit.uzi_profile import DE_LINDE, FATIMA_EL_AMRANI, Person
from zorgid_card.workflows.messages import parse

HOST: Final = "localhost"
_TLS, _KEY, _CARDS = "tls.pem", "tls-key.pem", "cards"
_SECONDS: Final = 20
_MINUTE: Final = 60
_COOKIE, _SESSION = "session", 32
_NAMES: Final = (
    *("Amina Bakker", "Bas Smit", "Carla Visser", "Daan Mulder", "Eva Bos", "Fleur Vos", "Guus Peters"),
    *("Hanna Kok", "Ilse Hendriks", "Joost Dekker", "Kim Brouwer", "Lars Maas", "Mila Schouten", "Noor Willems"),
    *("Olaf Postma",),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What may be chosen."""

    keep: Path | None = None
    port: int = 8443
    holders: int = 2
    key_algorithm: str = "RSA2048"


def serve(display: Display, options: Options) -> None:
    """Make the portal and its cards, and serve it until Ctrl-C or SIGTERM.

    Raises:
        StorageError: the directory cannot be written, or the port is taken.
    """
    display.say("portal.making", "dim", count=options.holders)
    origin = f"https://{HOST}:{options.port}"
    with directory_for(options.keep) as directory:
        key = _certificate(directory)
        world = World.build(directory, options.key_algorithm, origin, key)
        try:
            user_name = _register(world)
            _lay(world, options.holders)
            with interruptible(), _listening(world, directory, options.port):
                _tell(display, directory, origin, user_name)
                _wait(world.portal)
        except KeyboardInterrupt:
            display.say("portal.stopped", "dim")
        finally:
            world.close()


def _register(world: World) -> str:
    """The organisation, as the first acts of the demonstration leave it; returns the administrator's user name."""
    display = unseen()
    play = acts.Play(world, Stage(display), KeepingHolder(display))
    for act in (acts.request, acts.register):
        act(play)
    return play.registered.user_name if play.registered else ""


def people(count: int) -> list[Person]:
    """Workers of the practice."""
    others = (name.rsplit(" ", 1) for name in _NAMES)
    found = [FATIMA_EL_AMRANI]
    for number, (given, surname) in enumerate(others, start=1):
        born = date(1975, 3, 14) + timedelta(days=411 * number)
        found.append(Person(given, surname, str(900000100 + number), birth_date=born))
    return found[:count]


def _lay(world: World, holders: int) -> None:
    for number, person in enumerate(people(holders), start=1):
        place = world.directory / _CARDS / f"{number:02d}"
        try:
            place.mkdir(parents=True)
        except OSError as error:
            raise StorageError(f"{place} cannot be made", reason=str(error.strerror), path=str(place)) from error
        VirtualUZIPass(world.pki.pass_(person, DE_LINDE, "N")).save(place / PASS)
        world.maker.blank().save(place / CARD)


# --- the server -------------------------------------------------------------------------------------------------------


@contextmanager
def _listening(world: World, directory: Path, port: int) -> Iterator[None]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / _TLS, directory / _KEY)
    try:
        server = _Server(("127.0.0.1", port), world)
    except OSError as error:
        raise StorageError(f"port {port} cannot be used", reason=str(error.strerror), path=f"port {port}") from error
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def _wait(portal: PortalSide) -> None:
    """For ever, as a portal does: by the clock."""
    while True:
        with suppress(StorageError):  # made up for at the next call
            portal.tend()
        time.sleep(_MINUTE)


def _certificate(directory: Path) -> bytes:
    """A certificate for this computer alone, which is trusted because it is named; returns its SubjectPublicKeyInfo."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = directory / _KEY
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (directory / _TLS).write_bytes(certificate.public_bytes(Encoding.PEM))
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], world: World) -> None:
        self.seams: Mapping[str, Seam] = {PATH: world.portal.seam, PHONE_PATH: world.portal.phones.seam}
        self.pages = Pages(world)
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away, or does not trust it, is none of its troubles."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _SECONDS
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]  # the one it is made by

    def do_POST(self) -> None:
        """One message, or what a browser sends from a page."""
        length = self.headers.get("Content-Length", "")
        body = self.rfile.read(min(int(length), LIMIT + 1)) if length.isdecimal() else b""
        seam = self.server.seams.get(self.path)
        if seam is not None:
            self._send(answer_http(seam, "POST", self.headers.get("Content-Type", ""), body))
        elif self.path.startswith(PAGES):
            self._send(self._page(self.path.removeprefix(PAGES), body))
        else:
            self.send_error(404)

    def _page(self, name: str, body: bytes) -> HTTPAnswer:
        """A page's answer; the browser's session is a cookie."""
        kept = SimpleCookie(self.headers.get("Cookie", "")).get(_COOKIE)
        session = kept.value if kept is not None and len(kept.value) >= _SESSION else secrets.token_urlsafe(32)
        cookie = ("Set-Cookie", f"{_COOKIE}={session}; Secure; HttpOnly; SameSite=Strict; Path=/")
        headers = (("Content-Type", CONTENT_TYPE), ("Cache-Control", "no-store"), cookie)
        try:
            found = self.server.pages.answer(name, session, parse(body), str(self.client_address[0]))
            status = 404 if found is None else 200
        except ZorgIDError as error:
            status, found = 409, {"code": error.code, "message": str(error), "details": error.details}
        return HTTPAnswer(status, headers, json.dumps(found).encode())

    def _send(self, answer: HTTPAnswer) -> None:
        self.send_response(answer.status)
        for header, value in (*answer.headers, ("Content-Length", str(len(answer.body))), ("Connection", "close")):
            self.send_header(header, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def _tell(display: Display, directory: Path, origin: str, user_name: str) -> None:
    display.say("portal.ready", "bold", origin=origin)
    display.say("portal.try")
    where = f"--portal {origin} --ca {directory / _TLS} --simulated {directory / _CARDS}"
    display.entry(f"  zorgid-card create {where}")
    display.entry(f"  zorgid-card create {where} --reader 02 --interactive")
    display.entry(f"  zorgid-card create {where} --all-readers")
    display.entry(f"  zorgid-card renew {where}")
    display.entry(f"  zorgid-card reset {where}")
    display.say("portal.try_phone")
    page, phone = f"--portal {origin} --ca {directory / _TLS}", f"--state {directory / 'phone.json'}"
    session = f"--session {directory / 'browser.json'}"
    display.entry(f"  zorgid-card phone link {page} {phone}")
    display.entry(f"  zorgid-card phone log-in {page} {session} --user-name {user_name} --ura {DE_LINDE.ura}")
    display.entry(f"  zorgid-card phone approve {phone}")
    display.entry(f"  zorgid-card phone change {page} {session} card.block CARD --reason lost")
    display.say("portal.stop", "dim")
    with suppress(OSError):
        display.console.file.flush()
