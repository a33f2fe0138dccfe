"""ISO/IEC 7816-15 (PKCS #15): what keys, certificates and PINs are on a card, and where.

Nothing of a layout is assumed but what the standard fixes: EF.DIR (2F00), EF.ODF (5031) and EF.CardInfo
(5032).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Final, TypeVar

from zorgid_card.codec.apdu import CommandAPDU, ResponseAPDU
from zorgid_card.codec.link import Exchange
from zorgid_card.codec.tlv import Index
from zorgid_card.errors import CardNotSupportedError, CardResponseError, StatusWordError, TLVError
from zorgid_card.protocol import asn1
from zorgid_card.protocol.asn1 import Fields
from zorgid_card.protocol.iso7816 import (
    MASTER_FILE,
    MAX_FILE,
    Padding,
    read_binary_all,
    read_records,
    select,
    select_below,
    select_file,
)

AIDS: Final = (bytes.fromhex("A000000063504B43532D3135"), bytes.fromhex("E828BD080F"))
"""Names of the application: PKCS #15 v1.1, 5.7.2, and ISO/IEC 7816-15, 5.2 (which may be followed by more
bytes).
"""

_EF_DIR: Final = bytes.fromhex("3F002F00")
_ODF: Final = bytes.fromhex("5031")
_CARD_INFO: Final = bytes.fromhex("5032")

_NOT_RECORDS: Final = 0x6981
_MAX_PATH: Final = 16
_MAX_CERTIFICATE: Final = 0x4000
_RSA_PKCS: Final = 0x01

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Path:
    """Where a value stands (7816-15, 8.2): a file's path, and the part of the file; lengths in bytes."""

    value: bytes
    index: int = 0
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Application:
    """An application of EF.DIR (7816-4, 12.3.3); ``path`` from the master file, or None when only its name
    is known.
    """

    aid: bytes
    label: str
    path: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PIN:
    """An authentication object (7816-15, 8.9.2); lengths in characters, ``stored_length`` in bytes."""

    label: str
    auth_id: bytes
    reference: int
    minimum: int
    maximum: int
    stored_length: int
    pad: int
    padded: bool
    local: bool
    unblocking: bool
    puk_id: bytes | None
    """``auth_id`` of the PIN that unblocks this one."""
    path: Path | None

    @property
    def padding(self) -> Padding:
        """How the PIN fills its field."""
        return Padding(self.stored_length if self.padded else None, self.pad)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateKey:
    """A private RSA key (7816-15, 8.4.2)."""

    label: str
    identifier: bytes
    auth_id: bytes | None
    user_consent: int | None
    """Uses that one presentation of the PIN allows; None: no limit."""
    usage: frozenset[int]
    """Positions of KeyUsageFlags: 1 decrypt, 2 sign, 5 unwrap, 9 nonRepudiation."""
    reference: int
    bits: int
    algorithms: tuple[int, ...]
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate object (7816-15, 8.7.2): its value stands at ``path``, or is ``direct``."""

    label: str
    identifier: bytes
    authority: bool
    path: Path | None
    direct: bytes | None


@dataclass(frozen=True, slots=True)
class AlgorithmInfo:
    """An algorithm that the card knows (7816-15, 8.10): ``reference`` within the description,
    ``card_reference`` for MSE.
    """

    reference: int
    mechanism: int
    operations: frozenset[int]
    card_reference: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What was found."""

    application: Application
    serial: bytes
    pins: tuple[PIN, ...]
    keys: tuple[PrivateKey, ...]
    certificates: tuple[Certificate, ...]
    algorithms: tuple[AlgorithmInfo, ...]

    def pin(self, auth_id: bytes | None) -> PIN | None:
        """The PIN with this ``auth_id``, or None."""
        return next((pin for pin in self.pins if pin.auth_id == auth_id), None)

    def algorithm_reference(self, key: PrivateKey, operation: int) -> int | None:
        """The card's number for RSA with PKCS #1 v1.5 padding, if it names one for this key.

        Args:
            key: one of ``keys``.
            operation: 1 compute-signature, 5 decipher (7816-15, 8.10, Operations).
        """
        for info in self.algorithms:
            if info.reference in key.algorithms and info.mechanism == _RSA_PKCS and operation in info.operations:
                return info.card_reference
        return None

    def place(self, path: Path | None) -> bytes:
        """Path of a file from the master file, or from the application where that is known by name only."""
        value = path.value if path else b""
        if value.startswith(MASTER_FILE):
            return value
        return (self.application.path or b"") + value


# --- discovery --------------------------------------------------------------------------------------------


def discover(listed: tuple[Application, ...] | None = None) -> Exchange[Layout]:
    """Read EF.DIR, EF.ODF and the directory files that it names.

    Args:
        listed: what EF.DIR lists, if it was read already.

    Raises:
        CardNotSupportedError: no application of ISO/IEC 7816-15.
        TLVError: a file that does not follow the standard.
    """
    application = yield from find_application(listed)
    content = yield from _read(application, Path(_ODF))
    pins: list[PIN] = []
    keys: list[PrivateKey] = []
    certificates: list[Certificate] = []
    for tag, entry in asn1.objects(content):
        match tag:
            case 0xA0:
                keys += yield from _directory(application, entry, _private_key)
            case 0xA4 | 0xA5 | 0xA6:
                certificates += yield from _directory(application, entry, _certificate)
            case 0xA8:
                pins += yield from _directory(application, entry, _pin)
            case _:
                continue  # public keys, secret keys and data objects: nothing here uses them
    serial, algorithms = yield from _card_info(application)
    return Layout(
        application=application,
        serial=serial,
        pins=tuple(pins),
        keys=tuple(keys),
        certificates=tuple(certificates),
        algorithms=algorithms,
    )


def find_application(listed: tuple[Application, ...] | None = None) -> Exchange[Application]:
    """The application of ISO/IEC 7816-15, by EF.DIR, or by its name where there is no EF.DIR; it is left
    selected.

    Raises:
        CardNotSupportedError: there is none.
    """
    for application in (yield from applications()) if listed is None else listed:
        if application.aid.startswith(AIDS):
            return (yield from _entered(application))
    for aid in AIDS:
        if (yield from _succeeds(select(aid))):
            return Application(aid, "", None)
    raise CardNotSupportedError("no PKCS#15 application on the card", reason="application")


def _entered(application: Application) -> Exchange[Application]:
    """Select by path; where the path leads nowhere, by name, and forget the path."""
    if application.path is not None and (yield from _succeeds(select_file(application.path))):
        return application
    yield from select(application.aid)
    return Application(application.aid, application.label, None)


def applications() -> Exchange[tuple[Application, ...]]:
    """What EF.DIR lists (7816-4, 12.3.3); nothing when there is no EF.DIR."""
    try:
        size = yield from select_file(_EF_DIR)
    except StatusWordError:
        return ()
    try:
        content = [(yield from read_binary_all(size))]
    except StatusWordError as error:
        if error.sw != _NOT_RECORDS:
            raise
        content = yield from read_records()
    return tuple(_application(value) for part in content for tag, value in asn1.objects(part) if tag == 0x61)


def _application(template: bytes) -> Application:
    index = Index(template)
    path = index.optional(0x51)
    label = asn1.text(index.optional(0x50))
    return Application(index.first(0x4F), label, None if path is None else _absolute(path))


def _absolute(path: bytes) -> bytes:
    value = _path_value(path)
    return value if value.startswith(MASTER_FILE) else MASTER_FILE + value


def _succeeds(exchange: Exchange[object]) -> Exchange[bool]:
    """Whether a SELECT finds what it names; a card that is gone still raises."""
    try:
        yield from exchange
    except StatusWordError:
        return False
    return True


def _directory(
    application: Application, entry: bytes, parse: Callable[[bytes], T]
) -> Generator[CommandAPDU, ResponseAPDU, list[T]]:
    """The objects of one EF.ODF entry: at a path, or in the entry itself (7816-15, 8.3, PathOrObjects).

    Keys that are not RSA, and what else has not the first tag of its choice, are passed over.
    """
    fields = Fields(entry)
    path = fields.take(asn1.SEQUENCE)
    content = fields.need(0xA0) if path is None else (yield from _read(application, _path(path)))
    return [parse(value) for tag, value in asn1.objects(content) if tag == asn1.SEQUENCE]


def _read(application: Application, path: Path) -> Exchange[bytes]:
    """The bytes at ``path``."""
    layout = Layout(application=application, serial=b"", pins=(), keys=(), certificates=(), algorithms=())
    return (yield from read(layout, path))


def _card_info(application: Application) -> Exchange[tuple[bytes, tuple[AlgorithmInfo, ...]]]:
    """Serial number and algorithms of EF.CardInfo (7816-15, 8.10); nothing when it is not there."""
    try:
        content = yield from _read(application, Path(_CARD_INFO))
    except StatusWordError:
        return b"", ()
    info = next((value for tag, value in asn1.objects(content) if tag == asn1.SEQUENCE), None)
    if info is None:
        return b"", ()
    fields = Fields(info)
    fields.need(asn1.INTEGER)
    serial = fields.take(asn1.OCTET_STRING) or b""
    listed = next((value for tag, value in fields.rest() if tag == 0xA2), b"")
    return serial, tuple(_algorithm(value) for value in Index(listed).all(asn1.SEQUENCE))


# --- objects ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Object:
    """The parts of every object (7816-15, 8.1): common, class and type attributes."""

    label: str
    auth_id: bytes | None
    user_consent: int | None
    own: Fields
    type: Fields


def _object(entry: bytes) -> _Object:
    fields = Fields(entry)
    common = Fields(fields.need(asn1.SEQUENCE))
    label = asn1.text(common.take(asn1.UTF8_STRING))
    common.take(asn1.BIT_STRING)
    auth_id = common.take(asn1.OCTET_STRING)
    consent = common.take(asn1.INTEGER)
    own = Fields(fields.need(asn1.SEQUENCE))
    fields.take(0xA0)
    kind = Fields(Fields(fields.need(0xA1)).need(asn1.SEQUENCE))
    uses = None if consent is None else asn1.integer(consent, 1, 0x7FFFFFFF)
    return _Object(label, auth_id, uses, own, kind)


def _pin(entry: bytes) -> PIN:
    found = _object(entry)
    fields = found.type
    flags = asn1.bits(fields.need(asn1.BIT_STRING))
    fields.need(asn1.ENUMERATED)
    minimum, stored = (asn1.integer(fields.need(asn1.INTEGER), 0, 64) for _ in range(2))
    maximum = fields.take(asn1.INTEGER)
    number = fields.take(0x80)
    pad = fields.take(asn1.OCTET_STRING)
    fields.take(asn1.GENERALIZED_TIME)
    path = fields.take(asn1.SEQUENCE)
    return PIN(
        label=found.label,
        auth_id=found.own.need(asn1.OCTET_STRING),
        reference=0 if number is None else asn1.reference(number),
        minimum=minimum,
        maximum=stored if maximum is None else asn1.integer(maximum, 0, 64),
        stored_length=stored,
        pad=pad[0] if pad else 0xFF,
        padded=5 in flags,
        local=1 in flags,
        unblocking=6 in flags,
        puk_id=found.auth_id,
        path=None if path is None else _path(path),
    )


def _private_key(entry: bytes) -> PrivateKey:
    found = _object(entry)
    own = found.own
    identifier = own.need(asn1.OCTET_STRING)
    usage = asn1.bits(own.need(asn1.BIT_STRING))
    own.take(asn1.BOOLEAN)
    own.take(asn1.BIT_STRING)
    number = own.take(asn1.INTEGER)
    algorithms = next((value for tag, value in own.rest() if tag == 0xA1), b"")
    path = found.type.need(asn1.SEQUENCE)
    return PrivateKey(
        label=found.label,
        identifier=identifier,
        auth_id=found.auth_id,
        user_consent=found.user_consent,
        usage=usage,
        reference=0 if number is None else asn1.reference(number),
        bits=asn1.integer(found.type.need(asn1.INTEGER), 1024, 8192),
        algorithms=tuple(asn1.integer(value, 0, 0xFFFF) for value in Index(algorithms).all(asn1.INTEGER)),
        path=_path(path),
    )


def _certificate(entry: bytes) -> Certificate:
    found = _object(entry)
    identifier = found.own.need(asn1.OCTET_STRING)
    authority = found.own.take(asn1.BOOLEAN)
    path = found.type.take(asn1.SEQUENCE)
    return Certificate(
        label=found.label,
        identifier=identifier,
        authority=authority is not None and authority != b"\x00",
        path=None if path is None else _path(path),
        direct=found.type.need(0xA0) if path is None else None,
    )


def _algorithm(content: bytes) -> AlgorithmInfo:
    fields = Fields(content)
    number, mechanism = (asn1.integer(fields.need(asn1.INTEGER), 0, 0xFFFFFFFF) for _ in range(2))
    after = fields.rest()
    operations = next((asn1.bits(value) for tag, value in after if tag == asn1.BIT_STRING), frozenset[int]())
    card = after[-1][1] if after and after[-1][0] == asn1.INTEGER else None
    return AlgorithmInfo(number, mechanism, operations, None if card is None else asn1.reference(card))


def _path(content: bytes) -> Path:
    fields = Fields(content)
    value = _path_value(fields.need(asn1.OCTET_STRING))
    index, length = fields.take(asn1.INTEGER), fields.take(0x80)
    return Path(
        value,
        0 if index is None else asn1.integer(index, 0, MAX_FILE),
        None if length is None else asn1.integer(length, 0, MAX_FILE),
    )


def _path_value(value: bytes) -> bytes:
    """File identifiers of two bytes; the one-byte short form is not for other files than the current
    directory's.
    """
    if len(value) % 2 or len(value) > _MAX_PATH:
        raise TLVError(f"a path of {len(value)} bytes", reason="path", offset=0)
    return value


# --- using a layout ---------------------------------------------------------------------------------------


def enter(layout: Layout, place: bytes) -> Exchange[int | None]:
    """SELECT the file at ``place`` (as :meth:`Layout.place` gives it); its size in bytes, or None."""
    if place.startswith(MASTER_FILE):
        return (yield from select_file(place))
    yield from select(layout.application.aid)
    return (yield from select_below(place)) if place else None


def enter_application(layout: Layout) -> Exchange[None]:
    """Make the application's directory current, whatever another program selected meanwhile.

    A card with several applications is told its name first, for only then its files can be named; a card that is one file
    system may not know the name.
    """
    yield from _succeeds(select(layout.application.aid))
    yield from enter(layout, layout.place(None))


def read(layout: Layout, path: Path) -> Exchange[bytes]:
    """The part of a file that ``path`` names, as far as the file goes."""
    size = yield from enter(layout, layout.place(path))
    length = path.length
    if length is None and size is not None:
        length = max(size - path.index, 0)
    return (yield from read_binary_all(length, start=path.index))


def read_certificate(layout: Layout, certificate: Certificate) -> Exchange[bytes]:
    """The certificate's DER, without the padding of its file; at most 16 KiB.

    Raises:
        CardResponseError: nothing there that can be a certificate.
    """
    path = certificate.path
    content = certificate.direct if path is None else (yield from read(layout, path))
    der = asn1.first_object(content or b"")
    if der[0] != asn1.SEQUENCE or len(der) > _MAX_CERTIFICATE:
        raise CardResponseError(f"there is no certificate where the card says {certificate.label!r} is")
    return der
