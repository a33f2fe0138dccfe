"""``zorgid-card demo-portal``: the demonstration's portal over HTTPS on this computer, for ``create`` in another window.

Its registry, CA and rules are real; the passes and blanks are simulated, and lie beside it as files. It is served by the standard
library, to as many as a demonstration has: a portal has a web server (docs/seam.md).
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from zorgid_card.adapters.seam_server import answer_http
from zorgid_card.cli.create.trial import CARD, PASS
from zorgid_card.cli.demo import acts
from zorgid_card.cli.demo.holder import KeepingHolder, unseen
from zorgid_card.cli.demo.run import directory_for
from zorgid_card.cli.demo.stage import Stage
from zorgid_card.cli.demo.world import World
from zorgid_card.cli.display import Display
from zorgid_card.cli.simulate import interruptible
from zorgid_card.errors import StorageError
from zorgid_card.ports.seam import LIMIT, PATH, Seam
from zorgid_card.recipes import PortalSide
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.testkit.uzi_profile import DE_LINDE, FATIMA_EL_AMRANI, Person

HOST: Final = "localhost"
_TLS, _CARDS = "tls.pem", "cards"
_SECONDS: Final = 20
_MINUTE: Final = 60
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
        world = World.build(directory, options.key_algorithm, origin)
        try:
            _register(world)
            _lay(world, options.holders)
            with interruptible(), _listening(world, directory, options.port):
                _tell(display, directory, origin)
                _wait(world.portal)
        except KeyboardInterrupt:
            display.say("portal.stopped", "dim")
        finally:
            world.close()


def _register(world: World) -> None:
    """The organisation, as the first acts of the demonstration leave it."""
    display = unseen()
    play = acts.Play(world, Stage(display), KeepingHolder(display))
    for act in (acts.request, acts.register):
        act(play)


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
    key = _certificate(directory)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / _TLS, key)
    try:
        server = _Server(("127.0.0.1", port), world.portal.seam)
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


def _certificate(directory: Path) -> Path:
    """A certificate for this computer alone, which is trusted because it is named; returns its key's file."""
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
    path = directory / "tls-key.pem"
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (directory / _TLS).write_bytes(certificate.public_bytes(Encoding.PEM))
    return path


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], seam: Seam) -> None:
        self.seam = seam
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away, or does not trust it, is none of its troubles."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _SECONDS
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]  # the one it is made by

    def do_POST(self) -> None:
        """One message."""
        if self.path != PATH:
            self.send_error(404)
            return
        length = self.headers.get("Content-Length", "")
        body = self.rfile.read(min(int(length), LIMIT + 1)) if length.isdecimal() else b""
        answer = answer_http(self.server.seam, "POST", self.headers.get("Content-Type", ""), body)
        self.send_response(answer.status)
        for header, value in (*answer.headers, ("Content-Length", str(len(answer.body))), ("Connection", "close")):
            self.send_header(header, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def _tell(display: Display, directory: Path, origin: str) -> None:
    display.say("portal.ready", "bold", origin=origin)
    display.say("portal.try")
    where = f"--portal {origin} --ca {directory / _TLS} --simulated {directory / _CARDS}"
    display.entry(f"  zorgid-card create {where}")
    display.entry(f"  zorgid-card create {where} --reader 02 --interactive")
    display.entry(f"  zorgid-card create {where} --all-readers")
    display.entry(f"  zorgid-card renew {where}")
    display.entry(f"  zorgid-card reset {where}")
    display.say("portal.stop", "dim")
    with suppress(OSError):
        display.console.file.flush()
