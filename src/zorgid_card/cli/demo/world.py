"""The world of the demonstration: a portal with its registry and CA, and beside it simulated cards, reader and phone.

Everything that the portal keeps lies in one directory: ``registry.db`` and its ``.keys``, ``ca/``, ``master.key``, ``crl.der``,
``crl.pem``.
"""

from __future__ import annotations

import base64
import textwrap
from dataclasses import dataclass
from pathlib import Path

from zorgid_card.adapters.journal import SQLiteJournal
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.pki.revocation import CRLs
from zorgid_card.pki.signing import SoftwareSigner
from zorgid_card.recipes import PortalSide, open_portal, write_whole
from zorgid_card.secret import Secret
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.phone import SimulatedPhone, direct
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.transcript import RecordingReader, Transcript
from zorgid_card.workflows import pairing
from zorgid_card.workflows.policy import CreationPolicy, Policy

ORIGIN = "https://portaal.zorgid.example"
PLATFORMS = frozenset({"Windows", "Linux", "Darwin"})
"""Where simulated cards are made is nobody's policy."""
PASSPHRASE = b"demonstratie"
"""Opens the CA and the key store of a demonstration; they guard nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """All of it; :meth:`build` makes it in a directory."""

    directory: Path
    pki: UZITestPKI
    maker: Maker
    reader: SimulatedReader
    transcript: Transcript
    registry: SQLRegistry
    portal: PortalSide
    journal: SQLiteJournal
    """The card side's."""
    phone_key: bytes
    """The key at which the phone's way to the portal ends, SubjectPublicKeyInfo."""

    @classmethod
    def build(cls, directory: Path, key_algorithm: str) -> World:
        """Make the world, and publish the portal's first, empty CRL.

        Args:
            directory: an empty one.
            key_algorithm: of the new card's key: RSA2048 or ECCP256.

        Raises:
            StorageError: the directory cannot be written.
        """
        pki, maker = UZITestPKI(pool=KeyPool()), Maker.create()
        registry = SQLRegistry.file(directory / "registry.db")
        registry.create()
        phone_key = SoftwareSigner.generate().public_key  # nothing is served, and it is made up
        with Secret.of(PASSPHRASE) as passphrase:
            portal = open_portal(
                directory,
                passphrase,
                registry=registry,
                identity=pairing.PortalIdentity(ORIGIN, pairing.fingerprint(phone_key)),
                uzi=pki.trust("Z", "N"),
                uzi_revocation=CRLs(pki.crl_source),
                makers=(maker.root,),
                policy=Policy(creation=CreationPolicy(key_algorithm=key_algorithm, platforms=PLATFORMS)),
            )
        transcript = Transcript(directory / "transcript.jsonl")
        world = cls(
            directory=directory,
            pki=pki,
            maker=maker,
            reader=SimulatedReader(),
            transcript=transcript,
            registry=registry,
            portal=portal,
            journal=SQLiteJournal(directory / "journal.db"),
            phone_key=phone_key,
        )
        world.publish()
        return world

    @property
    def recorded(self) -> RecordingReader:
        """The reader as the workflows get it: everything that crosses goes into the transcript."""
        return RecordingReader(self.reader, self.transcript)

    def phone(self) -> SimulatedPhone:
        """A new phone with the app."""
        return SimulatedPhone(direct(self.portal.phones.seam, self.phone_key))

    def publish(self) -> bytes:
        """The portal's CRL as it is now, DER; the portal writes ``crl.der``, and beside it stands ``crl.pem``."""
        crl = self.portal.revocation.current()
        self.write("crl.pem", pem("X509 CRL", crl))
        return crl

    def write(self, name: str, content: bytes) -> None:
        """Write a file of the directory.

        Raises:
            StorageError: it cannot be written.
        """
        write_whole(self.directory / name, content)

    def close(self) -> None:
        """Close the registry and the transcript."""
        try:
            self.transcript.close()
        finally:
            self.journal.close()
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
