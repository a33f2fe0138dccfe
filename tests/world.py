"""A portal, its organisations and people, and a desk with one simulated reader: what the workflows' tests stand on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol
from unittest.mock import patch

from cryptography import x509

from zorgid_card.adapters import keystore
from zorgid_card.adapters.journal import SQLiteJournal
from zorgid_card.adapters.keystore import FileKeyStore
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.cards.access import LastTry, PINRequest
from zorgid_card.cards.uzi import UZIPass
from zorgid_card.cards.zorgid import ZorgIDCard
from zorgid_card.codec.link import Link
from zorgid_card.errors import DeclinedError, ZorgIDError
from zorgid_card.pki.authority import Authority
from zorgid_card.pki.revocation import CRLs
from zorgid_card.pki.signing import SoftwareSigner
from zorgid_card.ports.card import Reader
from zorgid_card.ports.keys import Batch
from zorgid_card.ports.registry import Organisation, Registry
from zorgid_card.ports.seam import Seam
from zorgid_card.recipes import registry_log_in
from zorgid_card.secret import Secret
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.nist import VirtualNISTCard
from zorgid_card.testkit.phone import SimulatedPhone, direct
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.testkit.uzi_profile import Person as PassHolder
from zorgid_card.testkit.uzi_profile import Subscriber
from zorgid_card.workflows import enrolment, issuance, organisation
from zorgid_card.workflows.card_side import log_in
from zorgid_card.workflows.creation import CardCreation, Made
from zorgid_card.workflows.health import EventCounts
from zorgid_card.workflows.holder import Cue, Progress, Question, Step
from zorgid_card.workflows.management import Management
from zorgid_card.workflows.pairing import PortalIdentity, fingerprint
from zorgid_card.workflows.phone_door import PhoneDoor
from zorgid_card.workflows.pin import PINPolicy
from zorgid_card.workflows.policy import UNSIGNED, CreationPolicy, PhonePolicy, Policy
from zorgid_card.workflows.portal import Portal, Services
from zorgid_card.workflows.registration import Registered, Registration
from zorgid_card.workflows.revocation_list import RevocationList
from zorgid_card.workflows.session import PortalClient

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ORIGIN = "https://portal.example"
PRACTICE = Subscriber("Huisartsenpraktijk De Linde", "90000123")
DOCTOR = PassHolder("Jan", "Vries", "900000011", prefixes="de", birth_date=date(1971, 2, 3))
WORKER = PassHolder("Zoë", "Amrani", "900000022", prefixes="el", birth_date=date(1985, 6, 7))
PASSPHRASE = b"correct horse battery staple"
PASS_PIN = b"271828"
CARD_PIN = b"314159"
DESKTOP = {"platform": "Linux", "client_version": "0.1"}


class Slot(Reader, Protocol):
    """A reader whose cards the tests move."""

    def insert(self, card: VirtualCard) -> None: ...

    def remove(self) -> VirtualCard | None: ...

    @property
    def card(self) -> VirtualCard | None: ...


@dataclass
class ScriptedHolder:
    """The person at the desk: answers as told, moves cards in the reader, and remembers what was shown."""

    reader: Slot
    passes: VirtualCard
    blank: VirtualCard | None = None
    pass_pin: bytes = PASS_PIN
    born: date = WORKER.birth_date
    pins: list[tuple[bytes, bytes]] = field(default_factory=lambda: [(CARD_PIN, CARD_PIN)])
    declines: set[str] = field(default_factory=set)
    pulls_at: Step | None = None
    pulls_when_asked: str = ""
    last_try: bool = False
    puk: bytes = b""
    steps: list[Step] = field(default_factory=list)
    beats: list[Progress] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    errors: list[ZorgIDError] = field(default_factory=list)

    def cue(self, cue: Cue) -> None:
        self.asked.append(cue.value)
        if cue is Cue.INSERT_PASS:
            self.reader.insert(self.passes)
        elif cue is Cue.REMOVE_PASS:
            self.reader.remove()
        elif self.blank is not None:
            self.reader.remove()
            self.reader.insert(self.blank)

    def pin(self, request: PINRequest) -> Secret | LastTry:
        self._decide("pin")
        pin = Secret.of(self.pass_pin)
        return LastTry(pin) if self.last_try else pin

    def birth_date(self) -> date:
        self._decide("birth-date")
        return self.born

    def confirm(self, question: Question) -> None:
        self.questions.append(question)
        self._decide(question.code)

    def new_pin(self, policy: PINPolicy) -> tuple[Secret, Secret]:
        self._decide("new-pin")
        first, second = self.pins.pop(0) if len(self.pins) > 1 else self.pins[0]
        return Secret.of(first), Secret.of(second)

    def refused(self, error: ZorgIDError) -> None:
        self.errors.append(error)

    def show_puk(self, puk: Secret) -> None:
        self._decide("puk")
        with puk.expose() as octets:
            self.puk = bytes(octets)

    def progress(self, progress: Progress) -> None:
        self.beats.append(progress)
        if not self.steps or self.steps[-1] is not progress.step:
            self.steps.append(progress.step)
        if progress.step is self.pulls_at:
            self.pulls_at = None
            self.reader.remove()

    def _decide(self, what: str) -> None:
        self.asked.append(what)
        if what == self.pulls_when_asked:
            self.pulls_when_asked = ""
            self.reader.remove()
        if what in self.declines:
            raise DeclinedError


@cache
def _authority(now: datetime) -> tuple[Authority, dict[str, bytes]]:
    """A CA, and its files: to make its keys and to seal them takes as long as to make ten cards."""
    with TemporaryDirectory() as place:
        authority = Authority.create(Path(place) / "ca", Secret.of(PASSPHRASE), now=now)
        return authority, {path.name: path.read_bytes() for path in (Path(place) / "ca").iterdir()}


def made_authority(directory: Path, now: datetime, *, own: bool = False) -> Authority:
    """A CA that lies there: the same for all worlds of this process that begin at this moment, or one of its own."""
    if own:
        return Authority.create(directory, Secret.of(PASSPHRASE), now=now)
    authority, files = _authority(now)
    directory.mkdir(mode=0o700)
    for name, content in files.items():
        (directory / name).touch(mode=0o600)
        (directory / name).write_bytes(content)
    return authority


@cache
def _wrapping(cost: int) -> tuple[bytes, bytes]:
    """A salt and the key that follows from it and the passphrase: scrypt is slow on purpose."""
    salt, wrapping = keystore._new_wrapping_key(Secret.of(PASSPHRASE))
    with wrapping, wrapping.expose() as octets:
        return salt, bytes(octets)


def made_key_store(path: Path) -> FileKeyStore:
    """A key store that lies there, with a master key of its own."""
    salt, wrapping = _wrapping(keystore._SCRYPT["n"])
    with patch.object(keystore, "_new_wrapping_key", lambda passphrase: (salt, Secret.of(wrapping))):
        return FileKeyStore.create(path, Secret.of(PASSPHRASE))


class World:
    """One portal and one desk. ``clock`` may be set forward."""

    def __init__(
        self,
        directory: Path,
        *,
        creation: CreationPolicy | None = None,
        reader: Slot | None = None,
        now: datetime = NOW,
        registry: SQLRegistry | None = None,
        own_ca: bool = False,
    ) -> None:
        self.now = now
        self.pki = UZITestPKI(pool=KeyPool.shared(), now=now - timedelta(days=30))
        self.maker = Maker.create()
        self.reader: Slot = reader or SimulatedReader()
        kept = registry or SQLRegistry(f"sqlite:///{directory}/registry.db")
        kept.create()
        self.registry: Registry = kept
        self.journal = SQLiteJournal(directory / "journal.db")
        self.directory = directory
        self.authority = made_authority(directory / "ca", now - timedelta(days=30), own=own_ca)
        self.keys = made_key_store(directory / "master.key")
        self.portal_key = SoftwareSigner.generate().public_key
        self.origin = ORIGIN
        self.counts = EventCounts()
        self.services = self._services(creation or CreationPolicy(key_algorithm="ECCP256"))
        self.portal = self._portal()
        self.management = Management(self.registry, lambda: self.now, self.services.policy)
        self.revocation = RevocationList(self.registry, self.authority, lambda: self.now)
        self.log_in = registry_log_in(self.services, self.revocation)
        self.phones = PhoneDoor(self.services)
        self.worker_pass = self.uzi_pass(WORKER, "N")
        self.doctor_pass = self.uzi_pass(DOCTOR, "Z", role="01.015")

    def _portal(self) -> Portal:
        return Portal(self.services, {organisation.CREATE: issuance.STEPS, organisation.REGISTER: enrolment.STEPS})

    def moved(self, origin: str) -> None:
        """The portal is served at another address: its origin is that one."""
        self.origin = origin
        self.services = self._services(self.services.policy.creation)
        self.portal, self.log_in = self._portal(), registry_log_in(self.services, self.revocation)

    def reopened(self) -> Portal:
        """The portal as another process opens it: what is kept in locked memory does not survive a fork."""
        self.keys = FileKeyStore.open(self.directory / "master.key", Secret.of(PASSPHRASE))
        self.moved(self.origin)
        return self.portal

    def _services(self, creation: CreationPolicy) -> Services:
        return Services(
            registry=self.registry,
            authority=self.authority,
            uzi=self.pki.trust("Z", "N"),
            uzi_revocation=CRLs(lambda issuer: [self.pki.crl(issuer, self.now)]),
            makers=(self.maker.root,),
            administration=self.keys,
            identity=PortalIdentity(self.origin, fingerprint(self.portal_key)),
            policy=Policy(creation=creation, phones=PhonePolicy(signed=UNSIGNED)),
            channels=self.keys,
            clock=lambda: self.now,
            events=self.counts,
        )

    def uzi_pass(self, holder: PassHolder, letter: str, role: str = "00.000", **options: object) -> VirtualUZIPass:
        contents = self.pki.pass_(holder, PRACTICE, letter, role, **options)  # type: ignore[arg-type]
        return VirtualUZIPass(contents, pin=PASS_PIN)

    def pki_person(self, given_names: str, surname: str, uzi_number: str) -> VirtualUZIPass:
        """Another worker of the practice, with a pass of type N."""
        return self.uzi_pass(PassHolder(given_names, surname, uzi_number), "N")

    def client(self, seam: Seam | None = None) -> PortalClient:
        return PortalClient(seam or self.portal)

    def approve(self) -> None:
        """ORG-1: a request is filed and approved."""
        with self.registry.begin() as unit:
            request = organisation.file_request(
                unit,
                ura=PRACTICE.ura,
                organisation_name=PRACTICE.name,
                contact_name="Jan de Vries",
                contact_email="jan@delinde.example",
                now=self.now,
            )
            organisation.approve(unit, request.id, operator="operator", reason="in order", now=self.now)

    def validated(self) -> None:
        """The organisation, as registration leaves it."""
        with self.registry.begin() as unit:
            unit.add(Organisation(ura=PRACTICE.ura, name=PRACTICE.name, state="validated", validated_at=NOW))

    def doctor(self) -> ScriptedHolder:
        return ScriptedHolder(self.reader, self.doctor_pass, born=DOCTOR.birth_date)

    def nist_blank(self) -> VirtualNISTCard:
        """A blank of the strict dialect, of whose batch the portal has the key."""
        blank = self.maker.nist_blank()
        self.deliver(blank)
        return blank

    def deliver(self, blank: VirtualPIVCard) -> None:
        """The portal gets the key of the card's batch."""
        serial = str(blank._state.number)
        self.keys.add_batch(Batch(serial, serial), Secret.of(self.maker.batch_key))

    def worker(self, blank: VirtualCard | None = None) -> ScriptedHolder:
        return ScriptedHolder(self.reader, self.worker_pass, blank if blank is not None else self.maker.blank())

    def register(self, holder: ScriptedHolder | None = None) -> Registered:
        return Registration(self.reader, self.client(), holder or self.doctor()).register(**DESKTOP)

    def phone(self) -> SimulatedPhone:
        """A new phone with the app."""
        return SimulatedPhone(direct(self.phones.seam, self.portal_key), clock=lambda: self.now)

    def creation(self, holder: ScriptedHolder, seam: Seam | None = None) -> CardCreation:
        return CardCreation(self.reader, self.client(seam), holder, self.journal, card_timeout=1)

    def create(self, holder: ScriptedHolder) -> Made:
        return self.creation(holder).run(**DESKTOP)

    def card(self) -> ZorgIDCard:
        """The ZORG-ID Smartcard in the reader."""
        return ZorgIDCard(Link(self.reader.connect()), None)

    def presented_piv(self) -> VirtualPIVCard:
        """The simulated card itself."""
        assert isinstance(self.reader.card, VirtualPIVCard)
        return self.reader.card

    def presented(self) -> UZIPass:
        """The UZI pass in the reader."""
        return UZIPass(Link(self.reader.connect()))


def serial_of(certificate: bytes) -> str:
    return f"{x509.load_der_x509_certificate(certificate).serial_number:x}"


def pass_pin(_: PINRequest) -> Secret:
    return Secret.of(PASS_PIN)


def card_pin(_: PINRequest) -> Secret:
    return Secret.of(CARD_PIN)


def pass_token(world: World, nonce: str, origin: str = ORIGIN) -> str:
    if world.reader.card is not world.worker_pass:
        world.reader.remove()
        world.reader.insert(world.worker_pass)
    card = world.presented()
    return log_in(card.signer("authenticity", pass_pin), card.authentication_certificate(), origin=origin, nonce=nonce)


def card_token(world: World, nonce: str, origin: str = ORIGIN) -> str:
    card = world.card()
    return log_in(card.authentication_signer(card_pin), card.authentication_certificate(), origin=origin, nonce=nonce)
