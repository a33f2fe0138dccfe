"""What the directory files of ISO/IEC 7816-15 hold: keys, certificates, data and PINs, parsed from their entries.

Every entry is hostile until it is parsed: lengths and counts are bounded, and what does not follow the standard is a typed error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, Literal, TypeAlias

from zorgid_card.codec.tlv import Index
from zorgid_card.errors import TLVError
from zorgid_card.protocol import asn1
from zorgid_card.protocol.asn1 import Fields
from zorgid_card.protocol.iso7816 import MAX_FILE, Coding, Padding

_MAX_PATH: Final = 16
_MAX_PIN: Final = 64
_LOCAL: Final = 0x80
_SHORT: Final = 3
"""Bits of a file reference of one byte that are not the short identifier (7816-4, 7.3.2, tag 51)."""

_EXECUTING: Final = frozenset({2, 5, 7, 9})
"""Positions of AccessMode: execute; pso_cds, pso_dec and int_auth of the second edition."""

KeyKind: TypeAlias = Literal["RSA", "EC", "other"]


class Kind(IntEnum):
    """A kind of directory file, by its tag in EF.ODF (7816-15, 8.3, CIOChoice)."""

    PRIVATE_KEYS = 0xA0
    PUBLIC_KEYS = 0xA1
    TRUSTED_PUBLIC_KEYS = 0xA2
    SECRET_KEYS = 0xA3
    CERTIFICATES = 0xA4
    TRUSTED_CERTIFICATES = 0xA5
    USEFUL_CERTIFICATES = 0xA6
    DATA_CONTAINERS = 0xA7
    AUTHENTICATION = 0xA8


class KeyUse(IntEnum):
    """Positions of KeyUsageFlags (7816-15, 8.4.3)."""

    ENCRYPT = 0
    DECRYPT = 1
    SIGN = 2
    SIGN_RECOVER = 3
    WRAP = 4
    UNWRAP = 5
    VERIFY = 6
    VERIFY_RECOVER = 7
    DERIVE = 8
    NON_REPUDIATION = 9


class PINFlag(IntEnum):
    """Positions of PasswordFlags (7816-15, 8.9.2)."""

    CASE_SENSITIVE = 0
    LOCAL = 1
    CHANGE_DISABLED = 2
    UNBLOCK_DISABLED = 3
    INITIALIZED = 4
    NEEDS_PADDING = 5
    UNBLOCKING = 6
    SECURITY_OFFICER = 7
    DISABLE_ALLOWED = 8
    INTEGRITY_PROTECTED = 9
    CONFIDENTIALITY_PROTECTED = 10
    EXCHANGE_REFERENCE_DATA = 11


class PINType(IntEnum):
    """PasswordType (7816-15, 8.9.2)."""

    BCD = 0
    ASCII_NUMERIC = 1
    UTF8 = 2
    HALF_NIBBLE_BCD = 3
    ISO_9564_1 = 4


_CODINGS: Final[Mapping[PINType, Coding]] = {
    PINType.BCD: Coding.BCD,
    PINType.ASCII_NUMERIC: Coding.CHARACTERS,
    PINType.UTF8: Coding.CHARACTERS,
    PINType.HALF_NIBBLE_BCD: Coding.HALF_NIBBLE,
    PINType.ISO_9564_1: Coding.ISO_9564_2,
}


@dataclass(frozen=True, slots=True)
class Path:
    """Where a value stands (7816-15, 8.2.5): a file's path, and the part of the file; lengths in bytes.

    ``short`` is the file's short identifier, where the card names it by that alone.
    """

    value: bytes
    index: int = 0
    length: int | None = None
    short: int | None = None


@dataclass(frozen=True, slots=True)
class Value:
    """Where the value of an object is: at ``path``, or here, ``direct`` (7816-15, 8.2.9, ObjectValue).

    Both are None for one that the card refers to by an address on the network, or gives enciphered: nothing here fetches those.
    """

    path: Path | None = None
    direct: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PIN:
    """A password object (7816-15, 8.9.2); lengths in characters, ``stored_length`` in bytes."""

    label: str
    auth_id: bytes
    reference: int
    type: PINType
    flags: frozenset[int]
    minimum: int
    maximum: int
    stored_length: int
    pad: int
    puk_id: bytes | None
    """``auth_id`` of the PIN that unblocks this one."""
    path: Path | None

    @property
    def padding(self) -> Padding:
        """How the PIN fills its field; the block of ISO 9564-1 is whole by itself."""
        padded = PINFlag.NEEDS_PADDING in self.flags and self.type is not PINType.ISO_9564_1
        return Padding(self.stored_length if padded else None, self.pad, _CODINGS[self.type])

    @property
    def local(self) -> bool:
        """It belongs to a directory, and is known there alone."""
        return PINFlag.LOCAL in self.flags

    @property
    def references(self) -> frozenset[int]:
        """By which the card may know it: a local PIN may be listed with bit 8 clear (7816-4, 11.6.6)."""
        return frozenset({self.reference, self.reference | _LOCAL} if self.local else {self.reference})

    @property
    def unblocking(self) -> bool:
        """It is a PUK."""
        return PINFlag.UNBLOCKING in self.flags

    @property
    def initialized(self) -> bool:
        """Its value was set."""
        return PINFlag.INITIALIZED in self.flags

    @property
    def digits(self) -> bool:
        """It can be of digits only, for its coding knows no other characters."""
        return _CODINGS[self.type] is not Coding.CHARACTERS


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateKey:
    """A private key (7816-15, 8.4)."""

    label: str
    identifier: bytes
    kind: KeyKind
    auth_id: bytes | None
    user_consent: int | None
    """Uses that one presentation of the PIN allows; None: no limit."""
    usage: frozenset[int]
    """:class:`KeyUse`."""
    reference: int | None
    """The key's number on the card; None where it is named by its file."""
    bits: int | None
    """Length of the modulus; None where it is not told: of elliptic curves, whose certificate tells it."""
    algorithms: tuple[int, ...]
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A public key (7816-15, 8.5)."""

    label: str
    identifier: bytes
    kind: KeyKind
    usage: frozenset[int]
    reference: int | None
    value: Value
    trusted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretKey:
    """A symmetric key (7816-15, 8.6): only what is told of it."""

    label: str
    identifier: bytes
    auth_id: bytes | None
    usage: frozenset[int]
    reference: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """An X.509 certificate object (7816-15, 8.7.2); ``kind`` is the directory file that lists it."""

    label: str
    identifier: bytes
    authority: bool
    value: Value
    kind: Kind = Kind.CERTIFICATES


@dataclass(frozen=True, slots=True, kw_only=True)
class DataContainer:
    """A data container object (7816-15, 8.8)."""

    label: str
    application: str
    auth_id: bytes | None
    value: Value


Object: TypeAlias = PIN | PrivateKey | PublicKey | SecretKey | Certificate | DataContainer


# --- the parts that all objects have -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Entry:
    """The parts of every object (7816-15, 8.2.8): common, class and type attributes."""

    label: str
    auth_id: bytes | None
    user_consent: int | None
    own: Fields
    kind: bytes
    """What stands in the type attributes."""


@dataclass(frozen=True, slots=True)
class _Key:
    """CommonKeyAttributes (7816-15, 8.2.10)."""

    identifier: bytes
    usage: frozenset[int]
    reference: int | None
    algorithms: tuple[int, ...] = field(default=())


def _entry(content: bytes) -> _Entry:
    fields = Fields(content)
    common = Fields(fields.need(asn1.SEQUENCE))
    label = asn1.text(common.take(asn1.UTF8_STRING))
    common.take(asn1.BIT_STRING)
    auth_id = common.take(asn1.OCTET_STRING)
    consent = common.take(asn1.INTEGER)
    rules = common.take(asn1.SEQUENCE)
    own = Fields(fields.need(asn1.SEQUENCE))
    fields.take(0xA0)
    uses = None if consent is None else asn1.integer(consent, 1, 0x7FFFFFFF)
    return _Entry(label, auth_id or _guard(rules), uses, own, fields.need(0xA1))


def _guard(rules: bytes | None) -> bytes | None:
    """The PIN that accessControlRules name for executing, where authId is left out (7816-15, 8.2.8)."""
    for rule in Index(rules or b"").all(asn1.SEQUENCE):
        fields = Fields(rule)
        modes = asn1.bits(fields.take(asn1.BIT_STRING) or b"\0")
        if modes & _EXECUTING:
            return fields.take(asn1.OCTET_STRING)
    return None


def _key(own: Fields) -> _Key:
    identifier = own.need(asn1.OCTET_STRING)
    usage = asn1.bits(own.need(asn1.BIT_STRING))
    own.take(asn1.BOOLEAN)
    own.take(asn1.BIT_STRING)
    number = own.take(asn1.INTEGER)
    listed = next((value for tag, value in own.rest() if tag == 0xA1), b"")
    algorithms = tuple(asn1.integer(value, 0, 0xFFFF) for value in Index(listed).all(asn1.INTEGER))
    return _Key(identifier, usage, None if number is None else asn1.reference(number), algorithms)


def _kind(tag: int) -> KeyKind:
    return "RSA" if tag == asn1.SEQUENCE else "EC" if tag == 0xA0 else "other"


def _value(fields: Fields) -> Value:
    path = fields.take(asn1.SEQUENCE)
    if path is not None:
        return Value(path=parse_path(path))
    direct = fields.take(0xA0)
    if direct is None and not fields.rest():
        raise TLVError("an object without a value", reason="value", offset=0)
    return Value(direct=direct)


# --- each kind of object -----------------------------------------------------------------------------------------------


def _pin(tag: int, content: bytes) -> PIN | None:
    """None for what is not a password: biometrics, keys that authenticate the outside."""
    if tag != asn1.SEQUENCE:
        return None
    found = _entry(content)
    fields = Fields(Fields(found.kind).need(asn1.SEQUENCE))
    flags = asn1.bits(fields.need(asn1.BIT_STRING))
    kind = asn1.integer(fields.need(asn1.ENUMERATED), 0, max(PINType))
    minimum, stored = (asn1.integer(fields.need(asn1.INTEGER), 0, _MAX_PIN) for _ in range(2))
    maximum = fields.take(asn1.INTEGER)
    number = fields.take(0x80)
    pad = fields.take(asn1.OCTET_STRING)
    fields.take(asn1.GENERALIZED_TIME)
    path = fields.take(asn1.SEQUENCE)
    return PIN(
        label=found.label,
        auth_id=found.own.need(asn1.OCTET_STRING),
        reference=0 if number is None else asn1.reference(number),
        type=PINType(kind),
        flags=flags,
        minimum=minimum,
        maximum=_most(PINType(kind), stored) if maximum is None else asn1.integer(maximum, 0, _MAX_PIN),
        stored_length=stored,
        pad=pad[0] if pad else 0xFF,
        puk_id=found.auth_id,
        path=None if path is None else parse_path(path),
    )


def _most(kind: PINType, stored: int) -> int:
    """Characters that fit into the stored bytes."""
    return {PINType.BCD: 2 * stored, PINType.ISO_9564_1: 12}.get(kind, stored)


def _private_key(tag: int, content: bytes) -> PrivateKey:
    found = _entry(content)
    key, kind = _key(found.own), _kind(tag)
    fields = Fields(Fields(found.kind).need(asn1.SEQUENCE))
    path = parse_path(fields.need(asn1.SEQUENCE))
    return PrivateKey(
        label=found.label,
        identifier=key.identifier,
        kind=kind,
        auth_id=found.auth_id,
        user_consent=found.user_consent,
        usage=key.usage,
        reference=key.reference,
        bits=asn1.integer(fields.need(asn1.INTEGER), 1024, 8192) if kind == "RSA" else None,
        algorithms=key.algorithms,
        path=path,
    )


def _public_key(tag: int, content: bytes) -> PublicKey:
    found = _entry(content)
    key, fields = _key(found.own), Fields(Fields(found.kind).need(asn1.SEQUENCE))
    return PublicKey(
        label=found.label,
        identifier=key.identifier,
        kind=_kind(tag),
        usage=key.usage,
        reference=key.reference,
        value=_value(fields),
    )


def _trusted_public_key(tag: int, content: bytes) -> PublicKey:
    key = _public_key(tag, content)
    return PublicKey(
        label=key.label,
        identifier=key.identifier,
        kind=key.kind,
        usage=key.usage,
        reference=key.reference,
        value=key.value,
        trusted=True,
    )


def _secret_key(_tag: int, content: bytes) -> SecretKey:
    found = _entry(content)
    key = _key(found.own)
    return SecretKey(
        label=found.label,
        identifier=key.identifier,
        auth_id=found.auth_id,
        usage=key.usage,
        reference=key.reference,
    )


def _certificates_of(listed: Kind) -> Callable[[int, bytes], Certificate | None]:
    def parse(tag: int, content: bytes) -> Certificate | None:
        """None for what is not an X.509 certificate."""
        if tag != asn1.SEQUENCE:
            return None
        found = _entry(content)
        identifier = found.own.need(asn1.OCTET_STRING)
        authority = found.own.take(asn1.BOOLEAN)
        value = _value(Fields(Fields(found.kind).need(asn1.SEQUENCE)))
        named = authority is not None and authority != b"\x00"
        return Certificate(label=found.label, identifier=identifier, authority=named, value=value, kind=listed)

    return parse


def _data_container(tag: int, content: bytes) -> DataContainer | None:
    """None for what is not an opaque object."""
    if tag != asn1.SEQUENCE:
        return None
    found = _entry(content)
    application = asn1.text(found.own.take(asn1.UTF8_STRING))
    return DataContainer(
        label=found.label, application=application, auth_id=found.auth_id, value=_value(Fields(found.kind))
    )


PARSERS: Final[Mapping[Kind, Callable[[int, bytes], Object | None]]] = {
    Kind.PRIVATE_KEYS: _private_key,
    Kind.PUBLIC_KEYS: _public_key,
    Kind.TRUSTED_PUBLIC_KEYS: _trusted_public_key,
    Kind.SECRET_KEYS: _secret_key,
    Kind.CERTIFICATES: _certificates_of(Kind.CERTIFICATES),
    Kind.TRUSTED_CERTIFICATES: _certificates_of(Kind.TRUSTED_CERTIFICATES),
    Kind.USEFUL_CERTIFICATES: _certificates_of(Kind.USEFUL_CERTIFICATES),
    Kind.DATA_CONTAINERS: _data_container,
    Kind.AUTHENTICATION: _pin,
}
"""What reads one entry of each kind of directory file: from its tag and contents; None for what nothing here uses."""


# --- paths -------------------------------------------------------------------------------------------------------------


def parse_path(content: bytes) -> Path:
    """A Path (7816-15, 8.2.5) from its contents.

    Raises:
        TLVError: a path of no form that the standard has, an offset or a length beyond any file.
    """
    fields = Fields(content)
    value, short = path_value(fields.need(asn1.OCTET_STRING))
    index, length = fields.take(asn1.INTEGER), fields.take(0x80)
    return Path(
        value,
        0 if index is None else asn1.integer(index, 0, MAX_FILE),
        None if length is None else asn1.integer(length, 0, MAX_FILE),
        short,
    )


def path_value(value: bytes) -> tuple[bytes, int | None]:
    """File identifiers of two bytes each, or a short identifier (7816-4, 7.3.2, tag 51).

    Of a qualified path the last byte, which says how to select, is left out: a path says the same.
    """
    if len(value) == 1 and value[0] >> _SHORT and not value[0] & 0x07:
        return b"", value[0] >> _SHORT
    if len(value) > _MAX_PATH or len(value) == 1:
        raise TLVError(f"a path of {len(value)} bytes", reason="path", offset=0)
    return value[: len(value) // 2 * 2], None
