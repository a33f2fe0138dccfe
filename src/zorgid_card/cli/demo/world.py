"""The world of the demonstration: a portal with its registry and CA, and beside it simulated cards, reader and phone.

Everything that the portal keeps lies in one directory: ``registry.db``, ``ca/``, ``keystore.json``, ``crl.der``, ``crl.pem``.
"""

from __future__ import annotations

import base64
import textwrap
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from zorgid_card.adapters.keystore import FileKeyStore
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.errors import StorageError
from zorgid_card.pki import hierarchy
from zorgid_card.pki.authority import Authority
from zorgid_card.pki.chain import Trust
from zorgid_card.pki.signing import SoftwareSigner
from zorgid_card.secret import Secret
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.phone import SimulatedPhone
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.transcript import Transcript
from zorgid_card.workflows import enrolment, issuance, organisation, pairing
from zorgid_card.workflows.authentication import LogIn
from zorgid_card.workflows.lifecycle import Management
from zorgid_card.workflows.phone_door import PhoneDoor
from zorgid_card.workflows.policy import CreationPolicy, Policy
from zorgid_card.workflows.portal import Portal, Services
from zorgid_card.workflows.revocation_list import RevocationList

ORIGIN = "https://portaal.zorgid.example"
PASSPHRASE = b"demonstratie"
"""Opens the CA and the key store of a demonstration; they guard nothing."""


@dataclass(slots=True)
class World:
    """All of it; :meth:`build` makes it in a directory."""

    directory: Path
    pki: UZITestPKI
    maker: Maker
    reader: SimulatedReader
    transcript: Transcript
    registry: SQLRegistry
    services: Services
    portal: Portal
    management: Management
    phones: PhoneDoor
    log_in: LogIn = field(init=False)
    phone_key: bytes
    """The key at which the phone's way to the portal ends, SubjectPublicKeyInfo."""
    revocation: RevocationList = field(init=False)

    def __post_init__(self) -> None:
        """Publish the first, empty CRL, and open the door for cards."""
        services = self.services
        self.revocation = RevocationList(services.registry, services.authority, services.clock, self._published)
        self.log_in = LogIn(services, self.revocation)
        self.publish()

    @classmethod
    def build(cls, directory: Path, key_algorithm: str) -> World:
        """Make the world.

        Args:
            directory: an empty one.
            key_algorithm: of the new card's key: RSA2048 or ECCP256.

        Raises:
            StorageError: the directory cannot be written.
        """
        pki, maker = UZITestPKI(pool=KeyPool()), Maker.create()
        transcript = Transcript(directory / "transcript.jsonl")
        registry = SQLRegistry(f"sqlite:///{directory / 'registry.db'}")
        registry.create()
        portal_key = SoftwareSigner.generate().public_key
        services = Services(
            registry=registry,
            authority=_authority(directory / "ca"),
            uzi=_uzi_trust(pki),
            uzi_revocation=pki.crl_source,
            makers=(maker.root,),
            administration=FileKeyStore.create(directory / "keystore.json", Secret.of(PASSPHRASE)),
            identity=pairing.PortalIdentity(ORIGIN, pairing.fingerprint(portal_key)),
            policy=Policy(creation=CreationPolicy(key_algorithm=key_algorithm)),
        )
        purposes = {organisation.REGISTER: enrolment.STEPS, organisation.CREATE: issuance.STEPS}
        return cls(
            directory=directory,
            pki=pki,
            maker=maker,
            reader=SimulatedReader(transcript=transcript),
            transcript=transcript,
            registry=registry,
            services=services,
            portal=Portal(services, purposes),
            management=Management(registry, services.clock),
            phones=PhoneDoor(services),
            phone_key=portal_key,
        )

    def phone(self) -> SimulatedPhone:
        """A new phone with the app."""
        return SimulatedPhone(self.phones, self.phone_key)

    def publish(self) -> bytes:
        """The portal's CRL as it is now, DER; written out, as DER and PEM, if it is a new one."""
        return self.revocation.current()

    def _published(self, name: str, der: bytes) -> None:
        self.write(name, der)
        self.write(name.replace(".der", ".pem"), pem("X509 CRL", der))

    def write(self, name: str, content: bytes) -> Path:
        """Write a file of the directory.

        Raises:
            StorageError: it cannot be written.
        """
        path = self.directory / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except OSError as error:
            raise StorageError(f"{path} cannot be written", reason=str(error.strerror)) from error
        return path

    def close(self) -> None:
        """Close the registry and the transcript."""
        self.transcript.close()
        self.registry.close()


def pem(label: str, *contents: bytes) -> bytes:
    """DER as PEM (RFC 7468), one block after the other."""
    blocks = (
        "\n".join(
            (
                f"-----BEGIN {label}-----",
                *textwrap.wrap(base64.b64encode(der).decode(), 64),
                f"-----END {label}-----",
                "",
            )
        )
        for der in contents
    )
    return "".join(blocks).encode()


def _authority(directory: Path) -> Authority:
    with Secret.of(PASSPHRASE) as passphrase:
        return Authority.create(directory, passphrase, now=datetime.now(UTC) - timedelta(minutes=5))


def _uzi_trust(pki: UZITestPKI) -> Trust:
    """The simulated register in the place of the real one: its roots and no others."""
    roots = {pki.root(letter) for letter in ("Z", "N")}
    simulated = replace(hierarchy.UZI_G3, roots=frozenset())
    for root in roots:
        simulated = simulated.with_root(root)
    return hierarchy.trust([simulated], roots)
