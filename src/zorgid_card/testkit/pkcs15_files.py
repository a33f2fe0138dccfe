"""The directory files of a PKCS#15 card, encoded after ISO/IEC 7816-15 (and PKCS#15 v1.1; they agree here).

Each function gives the DER of one value. The module of the standard has IMPLICIT TAGS, but where a context
tag stands on a choice or on a parameter it is explicit (X.680, 31.2.7): the entries of EF.OD, subclass and
type attributes.
"""

from __future__ import annotations

from dataclasses import dataclass

from zorgid_card.codec import tlv

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OID, ENUMERATED = 1, 2, 3, 4, 5, 6, 10
UTF8_STRING, SEQUENCE = 0x0C, 0x30

AID = bytes.fromhex("A000000063") + b"PKCS-15"
EF_DIR, EF_OD, EF_CIA_INFO = 0x2F00, 0x5031, 0x5032
SHORT_EF_DIR, SHORT_EF_OD, SHORT_EF_CIA_INFO = 0x1E, 0x11, 0x12

PRIVATE_KEYS, PUBLIC_KEYS, CERTIFICATES, TRUSTED_CERTIFICATES, USEFUL_CERTIFICATES, AUTHENTICATION = (
    0,
    1,
    4,
    5,
    6,
    8,
)

DECRYPT, SIGN, UNWRAP, VERIFY, ENCRYPT, WRAP, DERIVE, NON_REPUDIATION = 1, 2, 5, 6, 0, 4, 8, 9
"""Bits of KeyUsageFlags (8.4.3)."""

SENSITIVE, ALWAYS_SENSITIVE, NEVER_EXTRACTABLE, LOCAL = 0, 2, 3, 4
"""Bits of AccessFlags (8.4.3)."""

PIN_LOCAL, PIN_INITIALIZED, PIN_NEEDS_PADDING, PIN_UNBLOCKING = 1, 4, 5, 6
"""Bits of PasswordFlags (8.9.2)."""

BCD, ASCII_NUMERIC, UTF8, HALF_NIBBLE_BCD, ISO_9564_1 = 0, 1, 2, 3, 4
"""PasswordType (8.9.2)."""

RSA_ENCRYPTION = "1.2.840.113549.1.1.1"

CKM_RSA_PKCS, CKM_RSA_X_509, CKM_RSA_PKCS_PSS, CKM_ECDSA, CKM_ECDH1_DERIVE = 0x1, 0x3, 0xD, 0x1041, 0x1050
COMPUTE_SIGNATURE, DECIPHER = 1, 5
"""Bits of Operations (8.10)."""


def integer(value: int, tag: int = INTEGER) -> bytes:
    """A non-negative INTEGER in its shortest form; ``tag`` for an implicit context tag."""
    return tlv.encode(tag, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def boolean(value: bool) -> bytes:
    """BOOLEAN; TRUE is FF (X.690, 11.1)."""
    return tlv.encode(BOOLEAN, b"\xff" if value else b"\0")


def bits(*numbers: int) -> bytes:
    """A named-bit BIT STRING: trailing zero bits are left out (X.690, 11.2.2)."""
    if not numbers:
        return tlv.encode(BIT_STRING, b"\0")
    length = max(numbers) + 1
    size = (length + 7) // 8
    value = sum(1 << (size * 8 - 1 - number) for number in numbers)
    return tlv.encode(BIT_STRING, bytes([size * 8 - length]), value.to_bytes(size, "big"))


def sequence(*parts: bytes) -> bytes:
    """SEQUENCE or SEQUENCE OF."""
    return tlv.encode(SEQUENCE, *parts)


def octets(value: bytes) -> bytes:
    """OCTET STRING."""
    return tlv.encode(OCTET_STRING, value)


def text(value: str, tag: int = UTF8_STRING) -> bytes:
    """A Label: UTF8String; ``tag`` for an implicit context tag."""
    return tlv.encode(tag, value.encode())


def explicit(number: int, *parts: bytes) -> bytes:
    """A constructed context tag around what is given."""
    return tlv.encode(0xA0 | number, *parts)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value lies (Path, 8.2.5): file identifiers, and perhaps a part of the file."""

    path: bytes
    offset: int | None = None
    length: int = 0

    def encode(self) -> bytes:
        """The Path."""
        part = b"" if self.offset is None else integer(self.offset) + integer(self.length, 0x80)
        return sequence(octets(self.path), part)


def directory_entry(df_path: bytes, label: str, odf: Place | None = None, info: Place | None = None) -> bytes:
    """An application template for EF.DIR (ISO/IEC 7816-4, 12.2.3): AID, label, path.

    And where EF.OD and EF.CIAInfo are, if not where the standard puts them (7816-15, 8.1, CIODDO).
    """
    parts = [tlv.encode(0x4F, AID), tlv.encode(0x50, label.encode()), tlv.encode(0x51, df_path)]
    if odf is not None and info is not None:
        provider = tlv.encode(OID, bytes.fromhex("2A864886F70D010F0401"))
        where = tlv.encode(0xA0, info.encode()[2:])
        parts.append(tlv.encode(0x73, provider, odf.encode(), where))
    return tlv.encode(0x61, *parts)


def object_directory_entry(kind: int, place: Place) -> bytes:
    """One entry of EF.OD (8.3): where the objects of a kind are listed."""
    return explicit(kind, place.encode())


def _object(common: bytes, of_class: bytes, of_type: bytes, of_subclass: bytes = b"") -> bytes:
    """A CIO (8.2.8)."""
    return sequence(common, of_class, explicit(0, of_subclass) if of_subclass else b"", explicit(1, of_type))


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A private key for EF.PrKD (8.4.8): identifier, usage bits, reference for MSE SET, where it lies."""

    identifier: bytes
    label: str
    usage: tuple[int, ...]
    reference: int
    place: Place
    pin: bytes
    subject: bytes
    algorithms: tuple[int, ...]
    user_consent: int | None = None
    bits: int | None = 2048
    """None: a key on a curve, whose certificate tells."""

    def encode(self) -> bytes:
        """A privateRSAKey or privateECKey: private and not modifiable, protected by the PIN, perhaps for each use."""
        consent = b"" if self.user_consent is None else integer(self.user_consent)
        common = sequence(text(self.label), bits(0), octets(self.pin), consent)
        access = bits(SENSITIVE, ALWAYS_SENSITIVE, NEVER_EXTRACTABLE, LOCAL)
        of_class = sequence(
            octets(self.identifier),
            bits(*self.usage),
            access,
            integer(self.reference),
            explicit(1, *map(integer, self.algorithms)),
        )
        of_type = sequence(self.place.encode(), b"" if self.bits is None else integer(self.bits))
        entry = _object(common, of_class, of_type, sequence(self.subject))
        return entry if self.bits is not None else b"\xa0" + entry[1:]


@dataclass(frozen=True, slots=True)
class PublicKeyEntry:
    """A public key for EF.PuKD (8.4.9): the value itself is in the file."""

    identifier: bytes
    label: str
    usage: tuple[int, ...]
    reference: int
    key: bytes
    bits: int = 2048

    def encode(self) -> bytes:
        """A publicRSAKey with its RSAPublicKey given directly."""
        of_class = sequence(octets(self.identifier), bits(*self.usage), integer(self.reference))
        of_type = sequence(explicit(0, self.key), integer(self.bits))
        return _object(sequence(text(self.label)), of_class, of_type)


@dataclass(frozen=True, slots=True)
class CertificateEntry:
    """A certificate for EF.CD (8.7.4), by reference."""

    identifier: bytes
    label: str
    place: Place
    authority: bool = False

    def encode(self) -> bytes:
        """An x509Certificate."""
        authority = boolean(True) if self.authority else b""  # DEFAULT FALSE
        of_class = sequence(octets(self.identifier), authority)
        return _object(sequence(text(self.label)), of_class, sequence(self.place.encode()))


@dataclass(frozen=True, slots=True)
class PINEntry:
    """A password object for EF.AOD (8.9.3): PIN or PUK."""

    identifier: bytes
    label: str
    flags: tuple[int, ...]
    kind: int
    minimum: int
    stored: int
    maximum: int
    reference: int
    pad: int | None
    path: bytes
    unblocked_by: bytes = b""

    def encode(self) -> bytes:
        """A pwd object; what unblocks it is named by its authId."""
        unblocker = octets(self.unblocked_by) if self.unblocked_by else b""
        common = sequence(text(self.label), bits(0, 1), unblocker)
        of_type = sequence(
            bits(*self.flags),
            integer(self.kind, ENUMERATED),
            integer(self.minimum),
            integer(self.stored),
            integer(self.maximum),
            integer(self.reference, 0x80),
            b"" if self.pad is None else octets(bytes([self.pad])),
            Place(self.path).encode() if self.path else b"",
        )
        return _object(common, sequence(octets(self.identifier)), of_type)


@dataclass(frozen=True, slots=True)
class Algorithm:
    """An AlgorithmInfo (8.10): by which number keys name it here, PKCS#11's number, and the card's own for MSE SET."""

    number: int
    mechanism: int
    operations: tuple[int, ...]
    oid: bytes
    card_reference: int

    def encode(self) -> bytes:
        """The entry of supportedAlgorithms."""
        return sequence(
            integer(self.number),
            integer(self.mechanism),
            tlv.encode(NULL),
            bits(*self.operations),
            tlv.encode(OID, self.oid),
            integer(self.card_reference),
        )


RSA_OID = bytes.fromhex("2A864886F70D010101")
PSS_OID = bytes.fromhex("2A864886F70D01010A")
EC_OID = bytes.fromhex("2A8648CE3D0201")
ECDSA_OID = bytes.fromhex("2A8648CE3D0403")


def cia_info(serial: bytes, manufacturer: str, label: str, algorithms: tuple[Algorithm, ...]) -> bytes:
    """EF.CIAInfo (8.10): version 1, log-in required, and the algorithms.

    Args:
        serial: the card's number.
        manufacturer: who made the card.
        label: its name.
        algorithms: what its keys can do.
    """
    return sequence(
        integer(0),
        octets(serial),
        text(manufacturer),
        text(label, 0x80),
        bits(0, 1),  # read only, login required
        explicit(2, *(algorithm.encode() for algorithm in algorithms)),
    )
