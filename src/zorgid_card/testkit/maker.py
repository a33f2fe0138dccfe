"""The maker of simulated blank cards: a root, and on each card an attestation key with a certificate of that root; and a batch key,
from which the channel keys of each card of the batch follow by its hardware serial.

So a portal can tell a key that was generated on a card of this maker from one that was not (CRD-7), by either. The maker's own
keys are test keys; they are saved, if at all, unencrypted.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from zorgid_card.codec import tlv
from zorgid_card.errors import StorageError
from zorgid_card.testkit.nist import VirtualNISTCard
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.piv_keys import (
    Algorithm,
    CardKey,
    KeyMaker,
    Origin,
    PINPolicy,
    PrivateKey,
    TouchPolicy,
    algorithm_of,
    make_key,
)
from zorgid_card.testkit.piv_messaging import MessagingKey
from zorgid_card.testkit.piv_objects import ATTESTATION_CERTIFICATE
from zorgid_card.testkit.piv_state import (
    ATTESTATION,
    AdministrationAlgorithm,
    PIVState,
    Production,
    private_from_hex,
    private_to_hex,
    read_json,
    write_json,
)
from zorgid_card.testkit.scp03 import ChannelKeys, cmac
from zorgid_card.testkit.yubico import digest_for

FIRMWARE = (5, 7, 1)
NIST_FIRMWARE = (1, 10, 0)
FIRST_SERIAL = 20_000_001
FABRICATOR = 0x2A5A
"""In the production data of cards of the NIST dialect; nobody's."""
CHANNEL_LABEL = "zorgid-card SCP03 {use} AES{bits}"
"""Of a card's static keys (docs/keys.md)."""
_BATCH_KEY = 16
_FORMAT = "zorgid-card simulated maker; keys in clear, for simulation only"
_NOT_BEFORE = datetime(2016, 3, 14, tzinfo=UTC)
_NOT_AFTER = datetime(2049, 12, 31, tzinfo=UTC)
_ALGORITHMS = {"P-256": Algorithm.ECCP256, "RSA-2048": Algorithm.RSA2048}
_ADMINISTRATION = {
    "3DES": AdministrationAlgorithm.TDES,
    "AES192": AdministrationAlgorithm.AES192,
}


@dataclass(slots=True)
class Maker:
    """A maker of cards: makes them one after the other, each with its own serial number, attestation key and channel keys.

    Attributes:
        batch: number of the present batch, 16 bits.
        batch_key: AES key of the batch, 16, 24 or 32 bytes; portals that make these cards have it too.
    """

    name: str
    certificate: x509.Certificate
    attestation: Algorithm
    next_serial: int
    batch: int
    batch_key: bytes = field(repr=False)
    _key: CardKey

    @classmethod
    def create(
        cls, name: str = "ZORG-ID Test Maker", *, attestation: str = "P-256", first_serial: int = FIRST_SERIAL
    ) -> Maker:
        """A new maker with a new root.

        Args:
            name: begins the names of root and attestation certificates.
            attestation: kind of attestation keys, ``P-256`` or ``RSA-2048``.
            first_serial: serial number of the first card, below 2**31.
        """
        algorithm = _ALGORITHMS[attestation]
        key = _maker_key(make_key(algorithm))
        subject = _name(f"{name} PIV Root")
        certificate = _certificate(subject, key, subject, key, path_length=1)
        return cls(name, certificate, algorithm, first_serial, 1, secrets.token_bytes(_BATCH_KEY), key)

    def new_batch(self) -> None:
        """The cards made from now on have another batch key; those made before keep theirs."""
        self.batch, self.batch_key = self.batch + 1, secrets.token_bytes(_BATCH_KEY)

    def channel_keys(self, serial: int) -> ChannelKeys:
        """The static SCP03 keys of the card of the present batch with this hardware serial number (SP 800-108r1, counter mode)."""
        key, context = self.batch_key, str(serial).encode()
        labels = (CHANNEL_LABEL.format(use=use, bits=8 * len(key)).encode() for use in ("ENC", "MAC"))
        enc, mac = (_derived(key, label, context) for label in labels)
        return ChannelKeys(enc, mac)

    @property
    def root(self) -> bytes:
        """The root certificate that attestations are traced to, DER."""
        return self.certificate.public_bytes(Encoding.DER)

    def blank(
        self,
        serial: int | None = None,
        *,
        firmware: tuple[int, int, int] = FIRMWARE,
        administration: str = "AES192",
        key_maker: KeyMaker = make_key,
        extended: bool = True,
        dialect: bool = True,
        channel: ChannelKeys | None = None,
        diversified: bool = False,
        messaging: MessagingKey | None = None,
    ) -> VirtualPIVCard:
        """A card in factory state: PIN 123456, PUK 12345678, administration key 0102030405060708 three times.

        Args:
            serial: hardware serial number; the maker's next if None.
            firmware: version that the card tells.
            administration: algorithm of the administration key, ``AES192`` or ``3DES``.
            key_maker: makes private keys for the card; tests may hand out ready-made ones.
            extended: whether the card takes extended length fields.
            dialect: whether it has Yubico's commands; without, it is a plain card of the standard that nobody can make.
            channel: static keys of SCP03, if the card is to have it.
            diversified: it has SCP03, with the keys that follow from the batch key.
            messaging: key of PIV secure messaging, if the card is to have it.
        """
        state = self.blank_state(serial, firmware=firmware, administration=administration)
        channel = self.channel_keys(state.number) if diversified else channel
        return VirtualPIVCard(
            state, key_maker=key_maker, extended=extended, dialect=dialect, channel=channel, messaging=messaging
        )

    def nist_blank(
        self,
        serial: int | None = None,
        *,
        firmware: tuple[int, int, int] = NIST_FIRMWARE,
        administration: str = "AES192",
        key_maker: KeyMaker = make_key,
        extended: bool = True,
        channel: ChannelKeys | None = None,
    ) -> VirtualNISTCard:
        """A card of the NIST dialect in factory state, with the same public values, of the present batch.

        Args:
            serial: of the chip within the batch, 32 bits; the maker's next if None.
            firmware: level of the operating system, of which the card tells major and minor.
            administration: algorithm of the administration key, ``AES192`` or ``3DES``.
            key_maker: makes private keys for the card.
            extended: whether the card takes extended length fields.
            channel: static keys of SCP03 other than those that follow from the batch key.
        """
        state = self.nist_state(serial, firmware=firmware, administration=administration)
        state.channel = channel or state.channel
        return VirtualNISTCard(state, key_maker=key_maker, extended=extended)

    def nist_state(
        self,
        serial: int | None = None,
        *,
        firmware: tuple[int, int, int] = NIST_FIRMWARE,
        administration: str = "AES192",
    ) -> PIVState:
        """What :meth:`nist_blank` puts on a card."""
        state = PIVState.factory(self._serial(serial), firmware, _ADMINISTRATION[administration])
        state.production = Production(FABRICATOR, self.batch)
        state.channel = self.channel_keys(state.number)
        return state

    def _serial(self, wanted: int | None) -> int:
        if wanted is None:
            wanted, self.next_serial = self.next_serial, self.next_serial + 1
        return wanted

    def blank_state(
        self,
        serial: int | None = None,
        *,
        firmware: tuple[int, int, int] = FIRMWARE,
        administration: str = "AES192",
    ) -> PIVState:
        """What :meth:`blank` puts on a card."""
        serial = self._serial(serial)
        state = PIVState.factory(serial, firmware, _ADMINISTRATION[administration])
        key = _maker_key(make_key(self.attestation))
        subject = _name(f"{self.name} PIV Attestation {serial}")
        certificate = _certificate(subject, key, self.certificate.subject, self._key, path_length=0)
        content = tlv.encode(0x70, certificate.public_bytes(Encoding.DER)) + bytes.fromhex("710100FE00")
        state.keys[ATTESTATION] = key
        state.objects[ATTESTATION_CERTIFICATE] = content
        return state

    def save(self, path: Path) -> None:
        """Write the maker to a file, its private key in clear.

        Raises:
            StorageError: the file could not be written.
        """
        values: dict[str, Any] = {
            "format": _FORMAT,
            "name": self.name,
            "certificate": self.root.hex(),
            "attestation": self.attestation.name,
            "next_serial": self.next_serial,
            "batch": self.batch,
            "batch_key": self.batch_key.hex(),
            "private": private_to_hex(self._key.private),
        }
        write_json(values, path)

    @classmethod
    def load(cls, path: Path) -> Maker:
        """Read a maker from a file that :meth:`save` wrote.

        Raises:
            StorageError: the file could not be read, or is not such a file.
        """
        loaded = read_json(path, _FORMAT)
        try:
            return cls(
                str(loaded["name"]),
                x509.load_der_x509_certificate(bytes.fromhex(loaded["certificate"])),
                Algorithm[loaded["attestation"]],
                int(loaded["next_serial"]),
                int(loaded["batch"]),
                bytes.fromhex(loaded["batch_key"]),
                _maker_key(private_from_hex(loaded["private"])),
            )
        except (KeyError, ValueError, TypeError) as error:
            raise StorageError(f"{path} is not a simulated maker", reason=type(error).__name__) from None


def _derived(key: bytes, label: bytes, context: bytes) -> bytes:
    """SP 800-108r1, 4.1, with AES-CMAC: counter and length in 32 bits; as long as ``key``."""
    length = (8 * len(key)).to_bytes(4, "big")
    blocks = (cmac(key, number.to_bytes(4, "big") + label + b"\0" + context + length) for number in (1, 2))
    return b"".join(blocks)[: len(key)]


def _maker_key(private: PrivateKey) -> CardKey:
    return CardKey(algorithm_of(private), private, PINPolicy.NEVER, TouchPolicy.NEVER, Origin.GENERATED)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(
    subject: x509.Name, key: CardKey, issuer: x509.Name, signer: CardKey, *, path_length: int
) -> x509.Certificate:
    """A CA certificate for the root or for a card's attestation key (RFC 5280, 4.2.1.9)."""
    public = key.private.public_key()
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .not_valid_before(_NOT_BEFORE)
        .not_valid_after(_NOT_AFTER)
        .serial_number(x509.random_serial_number())
        .public_key(public)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.private.public_key()), critical=False)
    )
    return builder.sign(signer.private, digest_for(signer))
