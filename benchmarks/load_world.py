"""What ``make load`` loads: the reference portal in two processes on PostgreSQL, and the cards and phones of those who come.

The cards are simulated by their keys and certificates alone: what a reader costs is not the portal's.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests"))

import postgres  # noqa: E402  # the tests' server serves here as well
from phone_world import QuickPhone  # noqa: E402
from zorgid_card.adapters.phone import PinnedSeam  # noqa: E402
from zorgid_card.adapters.sql import SQLRegistry  # noqa: E402
from zorgid_card.cli.demo.world import PASSPHRASE  # noqa: E402
from zorgid_card.cli.portal import trial  # noqa: E402
from zorgid_card.cli.portal.plan import PKI, Opened, Plan  # noqa: E402
from zorgid_card.pki.authority import new_serial  # noqa: E402
from zorgid_card.pki.certificate import Certificate  # noqa: E402
from zorgid_card.pki.profile import AUTHENTICITY  # noqa: E402
from zorgid_card.pki.signing import SoftwareSigner, dump_public_key  # noqa: E402
from zorgid_card.pki.trust import read_certificates  # noqa: E402
from zorgid_card.ports.authority import SubjectData  # noqa: E402
from zorgid_card.ports.registry import (  # noqa: E402
    CardLink,
    IssuedCertificate,
    Membership,
    Organisation,
    SmartCard,
    Unit,
)
from zorgid_card.ports.registry import Person as Registered  # noqa: E402
from zorgid_card.secret import Secret  # noqa: E402
from zorgid_card.testkit.keys import KeyPool  # noqa: E402
from zorgid_card.testkit.phone import direct  # noqa: E402
from zorgid_card.testkit.pki import UZITestPKI  # noqa: E402
from zorgid_card.testkit.uzi_profile import Person, Subscriber, Usage  # noqa: E402
from zorgid_card.workflows import pairing  # noqa: E402

DIGITS = b"314159"
RSA_KEYS = 16
"""Of the passes, which share them: to make one takes longer than to log in with it."""
MANAGED = 10
"""Cards of each administrator, with which nobody logs in."""
_BORN = date(1980, 5, 17)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Card:
    """A pass or a ZORG-ID Smartcard, as far as a log-in needs one."""

    kind: str
    certificate: bytes
    signer: SoftwareSigner


@dataclass(slots=True)
class Administrator:
    """Manages an organisation's cards, and signs each change with a phone."""

    number: int
    user_name: str
    ura: str
    phone: QuickPhone
    cards: tuple[str, ...]


@dataclass(slots=True)
class World:
    """All that is loaded, and those who load it."""

    plan: Plan
    people: list[Card]
    administrators: list[Administrator]

    def registry(self) -> SQLRegistry:
        """The portal's, to be looked into."""
        return self.plan.registry()


@contextmanager
def database() -> Iterator[postgres.Server]:
    """A PostgreSQL server of this run's own, which writes through to the disk as a portal's does."""
    place, socket = Path(tempfile.mkdtemp(prefix="load-pg-")), Path(tempfile.mkdtemp(prefix="pg-"))
    server = postgres.Server(
        postgres.owned(place),
        {"fsync": "on", "shared_buffers": "256MB", "max_connections": "200"},
        socket=postgres.owned(socket),
    )
    server.make()
    server.start()
    try:
        yield server
    finally:
        server.stop("immediate")
        for directory in (place, socket):
            shutil.rmtree(directory)


def postmaster(server: postgres.Server) -> int:
    """The server's first process."""
    return int((server._data / "postmaster.pid").read_text().split()[0])


def make(directory: Path, url: str, port: int, people: int, administrators: int) -> World:
    """Lay a portal to try, and put everybody into its registry."""
    trial.lay(directory, trial.Trial(holders=1, key_algorithm="ECCP256"))
    plan = trial.plan_of(directory, f"https://{trial.HOST}:{port}", trial.Trial(key_algorithm="ECCP256"))
    opened = Opened.of(replace(plan, db=url), Secret.of(PASSPHRASE))
    try:
        maker = _Maker(opened)
        made = [maker.card(number) if number % 2 else maker.uzi_pass(number) for number in range(people)]
        return World(opened.plan, made, [maker.administrator(number) for number in range(administrators)])
    finally:
        opened.registry.close()


class _FewKeys(KeyPool):
    """Gives out the same few keys again and again."""

    def key(self, name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
        return super().key(f"{zlib.crc32(name.encode()) % RSA_KEYS}", bits)


class _Maker:
    """Makes people with cards, and administrators with phones."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._now = datetime.now(UTC)
        self._pki = UZITestPKI.load(opened.plan.path / PKI)
        self._pki._pool = _FewKeys()
        self._portal_key = Certificate.parse(read_certificates(Path(opened.plan.certificate))[0]).spki

    def uzi_pass(self, number: int) -> Card:
        """A pass of a worker of the first organisation."""
        holder = Person(f"Pas {number}", "Jansen", f"{910_000_000 + number}", birth_date=_BORN)
        made = self._pki.pass_(holder, Subscriber("Huisartsenpraktijk 0", _ura(0)), "N")
        signer = SoftwareSigner(made.keys[Usage.AUTHENTICITY])
        return Card("UZI pass, RSA-2048", made.certificates[Usage.AUTHENTICITY], signer)

    def card(self, number: int) -> Card:
        """A card in use, of a holder of one of the organisations."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._opened.registry.run(
            lambda unit: self._card(unit, f"holder-{number}", 920_000_000 + number, _ura(0), key)
        )
        return Card("ZORG-ID Smartcard, P-256", certificate, SoftwareSigner(key))

    def administrator(self, number: int) -> Administrator:
        """An organisation's, with a phone that is linked, and cards to manage."""
        ura, name, key = _ura(number), f"administrator-{number}", ec.generate_private_key(ec.SECP256R1())
        portal, registry, serials = self._opened.portal, self._opened.registry, []

        def work(unit: Unit) -> tuple[Registered, pairing.Offer]:
            person = _person(unit, name, 930_000_000 + number, ura, "administrator")
            for card in range(MANAGED):
                self._card(unit, f"managed-{number}-{card}", 940_000_000 + number * MANAGED + card, ura, key)
                serials.append(str(940_000_000 + number * MANAGED + card))
            return person, pairing.offer(unit, portal.services.identity, person, ura, "load", self._now)

        person, offer = registry.run(work)
        phone = QuickPhone(direct(portal.phones.seam, self._portal_key))
        with Secret.of(DIGITS) as digits:
            phone.set_digits(digits)
        phone.scan(offer.qr_text)
        portal.phones.confirm(offer.mobile_id, phone.link(), binding="load")
        phone._connect = PinnedSeam  # from now on over the network
        return Administrator(number, person.user_name, ura, phone, tuple(serials))

    def _card(self, unit: Unit, name: str, number: int, ura: str, key: ec.EllipticCurvePrivateKey) -> bytes:
        person = _person(unit, name, number, ura, "holder")
        subject = SubjectData(
            uzi_number=person.uzi_number,
            given_names=person.given_names,
            surname=person.surname,
            common_name=f"{person.given_names} {person.surname}",
        )
        spki, serial, end = dump_public_key(key.public_key()), new_serial(), self._now + 1000 * _DAY
        profile = self._opened.plan.policy().creation.profiles[AUTHENTICITY.slot]
        der = self._opened.portal.services.authority.issue(
            profile,
            subject,
            spki,
            serial=serial,
            not_before=self._now - _DAY,
            not_after=end,
            guid=secrets.token_bytes(16),
        )
        _add_card(unit, str(number), person, ura, der, spki, end, self._now)
        return der


def _ura(number: int) -> str:
    return f"{90_100_000 + number}"


def _person(unit: Unit, name: str, number: int, ura: str, role: str) -> Registered:
    if next(unit.find(Organisation, ura=ura), None) is None:
        unit.add(Organisation(ura=ura, name=f"Praktijk {ura}", state="validated", validated_at=datetime.now(UTC)))
    person = Registered(
        id=name,
        user_name=f"{name}.{number}",
        given_names=name.title(),
        surname="Jansen",
        birth_date=_BORN,
        uzi_number=str(number),
        role_code="01.015",
    )
    unit.add(person)
    unit.add(Membership(id=f"m-{name}", person_id=name, ura=ura, role=role, until=None))
    return person


def _add_card(
    unit: Unit, serial: str, person: Registered, ura: str, der: bytes, spki: bytes, end: datetime, now: datetime
) -> None:
    certificate = Certificate.parse(der).serial_hex
    unit.add(
        SmartCard(
            serial=serial,
            dialect="yubico",
            firmware="5.7.1",
            guid=secrets.token_hex(16),
            person_id=person.id,
            state="active",
            residency="attested",
            certificate_serial=certificate,
            created_at=now,
            activated_at=now,
            last_used_at=None,
            reason=None,
        )
    )
    unit.add(
        IssuedCertificate(
            serial=certificate,
            card_serial=serial,
            key_hash=hashlib.sha256(spki).digest(),
            der=der,
            status="good",
            reason=None,
            changed_at=now,
            commit_by=None,
            not_after=end,
        )
    )
    unit.add(CardLink(id=f"l-{serial}", card_serial=serial, ura=ura, until=None))


# --- the portal's processes -------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Running:
    """The portal as it runs."""

    process: subprocess.Popen[str]
    workers: list[int]

    def kill_one(self) -> int:
        """Kill a worker with SIGKILL; which."""
        os.kill(self.workers[0], signal.SIGKILL)
        return self.workers[0]

    def now(self) -> list[int]:
        """Its workers at this moment."""
        return children(self.process.pid)


def children(pid: int) -> list[int]:
    """The processes that this one has started, and that still run."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def used(pids: Iterable[int]) -> float:
    """Seconds of the processors that these processes have used, and what they started and outlived."""
    seconds = 0.0
    for pid in pids:
        with suppress(FileNotFoundError):  # it has just ended
            parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            seconds += sum(map(int, parts[11:15])) / os.sysconf("SC_CLK_TCK")
    return seconds


@contextmanager
def serving(world: World, workers: int) -> Iterator[Running]:
    """``zorgid-card portal``, as anybody starts it."""
    plan = world.plan
    command = [sys.executable, "-m", "zorgid_card.cli", "portal", "--trial", "--json", "--dir", plan.directory]
    command += ["--db", plan.db, "--workers", str(workers), "--port", plan.origin.rpartition(":")[2]]
    command += ["--per-client", "1000", "--key-algorithm", "ECCP256"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        told: dict[str, Any] = json.loads(process.stdout.readline())
        yield Running(process, told["workers"])
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
