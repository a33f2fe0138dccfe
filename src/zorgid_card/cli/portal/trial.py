"""A portal to try: simulated passes and blanks beside it, a UZI register of its own, and a certificate for this computer alone.

Its registry, CA and rules are real. Everything else lies in its directory with private keys in the clear, and guards nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from zorgid_card.adapters.journal import SQLiteJournal
from zorgid_card.cli.create.trial import CARD, PASS
from zorgid_card.cli.demo import acts
from zorgid_card.cli.demo.holder import KeepingHolder, unseen
from zorgid_card.cli.demo.pages import ADMINISTRATOR
from zorgid_card.cli.demo.stage import Stage
from zorgid_card.cli.demo.world import PLATFORMS, World, pem
from zorgid_card.cli.portal.plan import PKI, TRIAL, Opened, Plan
from zorgid_card.errors import StorageError, UsageError
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.trust import read_certificates
from zorgid_card.ports.registry import Person as RegisteredPerson
from zorgid_card.recipes import write_whole
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.transcript import Transcript
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.testkit.uzi_profile import DE_LINDE, FATIMA_EL_AMRANI, JAN_DE_VRIES, Person

HOST: Final = "localhost"
CERTIFICATE, KEY, CARDS = "tls.pem", "tls-key.pem", "cards"
_MAKER, _ROOT = "maker.json", "maker.pem"
_VALID: Final = timedelta(days=90)
_NAMES: Final = (
    *("Amina Bakker", "Bas Smit", "Carla Visser", "Daan Mulder", "Eva Bos", "Fleur Vos", "Guus Peters"),
    *("Hanna Kok", "Ilse Hendriks", "Joost Dekker", "Kim Brouwer", "Lars Maas", "Mila Schouten", "Noor Willems"),
    *("Olaf Postma",),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What may be chosen."""

    holders: int = 2
    key_algorithm: str = "RSA2048"


def lay(directory: Path, trial: Trial) -> None:
    """Make register, maker, passes, blanks and certificate; what is there of an earlier run is left as it is.

    Raises:
        StorageError: the directory cannot be written.
        UsageError: a portal is in it that is no trial.
    """
    if (directory / "ca").exists() and not (directory / _MAKER).exists():
        raise UsageError(f"a portal is in {directory} that is no trial", reason="portal-trial", value=str(directory))
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (directory / CERTIFICATE).exists():
            self_signed(directory)
        if not (directory / _MAKER).exists():
            _lay_cards(directory, trial.holders)
    except OSError as error:
        raise StorageError(f"{directory} cannot be written", reason=str(error.strerror), path=str(directory)) from error


def plan_of(directory: Path, origin: str, trial: Trial) -> Plan:
    """The plan of a portal that trusts what :func:`lay` has made."""
    return Plan(
        directory=str(directory),
        origin=origin,
        certificate=str(directory / CERTIFICATE),
        key=str(directory / KEY),
        environment=TRIAL,
        makers=(str(directory / _ROOT),),
        status_url=origin,
        key_algorithm=trial.key_algorithm,
        platforms=tuple(sorted(PLATFORMS)),
        per_client=100,
    )


def people(count: int) -> list[Person]:
    """Workers of the practice."""
    others = (name.rsplit(" ", 1) for name in _NAMES)
    found = [FATIMA_EL_AMRANI]
    for number, (given, surname) in enumerate(others, start=1):
        born = date(1975, 3, 14) + timedelta(days=411 * number)
        found.append(Person(given, surname, str(900000100 + number), birth_date=born))
    return found[:count]


def _lay_cards(directory: Path, holders: int) -> None:
    pki, maker = UZITestPKI(pool=KeyPool()), Maker.create()
    pki.trust("Z", "N", "M")
    doctor = directory / ADMINISTRATOR
    doctor.mkdir(exist_ok=True)
    contents = pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", role="01.015", title="Huisarts")
    VirtualUZIPass(contents).save(doctor / PASS)
    for number, person in enumerate(people(holders), start=1):
        place = directory / CARDS / f"{number:02d}"
        place.mkdir(parents=True, exist_ok=True)
        VirtualUZIPass(pki.pass_(person, DE_LINDE, "N")).save(place / PASS)
        maker.blank().save(place / CARD)
    pki.save(directory / PKI)
    write_whole(directory / _ROOT, pem("CERTIFICATE", maker.root))
    maker.save(directory / _MAKER)  # the last: with it all is there


def registered(opened: Opened, directory: Path) -> str:
    """The organisation and its administrator, as the first acts of the demonstration leave them; returns the user name.

    Raises:
        ZorgIDError: something did not go as it must.
    """
    with opened.registry.begin() as unit:
        for person in unit.find(RegisteredPerson, uzi_number=JAN_DE_VRIES.uzi_number):
            return person.user_name
    display = unseen()
    world = World(
        directory=directory,
        pki=UZITestPKI.load(directory / PKI),
        maker=Maker.load(directory / _MAKER),
        reader=SimulatedReader(),
        transcript=Transcript(directory / "transcript.jsonl"),
        registry=opened.registry,
        portal=opened.portal,
        journal=SQLiteJournal(directory / "journal.db"),
        phone_key=Certificate.parse(read_certificates(directory / CERTIFICATE)[0]).spki,
    )
    try:
        play = acts.Play(world, Stage(display), KeepingHolder(display))
        for act in (acts.request, acts.register):
            act(play)
    finally:
        world.transcript.close()
        world.journal.close()
    return play.registered.user_name if play.registered else ""


def self_signed(directory: Path) -> bytes:
    """A certificate for this computer alone, which is trusted because it is named; returns its SubjectPublicKeyInfo."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = directory / KEY
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (directory / CERTIFICATE).write_bytes(certificate.public_bytes(Encoding.PEM))
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
