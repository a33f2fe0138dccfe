"""ISO/IEC 7816-15 (PKCS #15): what keys, certificates and PINs are on a card, and where.

Nothing of a layout is assumed but what the standard fixes: EF.DIR (2F00), and EF.ODF (5031) and EF.CIAInfo (5032) unless EF.DIR
says where they are. What the objects are is in :mod:`zorgid_card.protocol.pkcs15_objects`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from zorgid_card.codec.link import Exchange
from zorgid_card.codec.tlv import Index
from zorgid_card.errors import CardNotSupportedError, CardResponseError, StatusWordError, TLVError
from zorgid_card.protocol import asn1
from zorgid_card.protocol.asn1 import Fields
from zorgid_card.protocol.iso7816 import (
    MASTER_FILE,
    read_binary_all,
    read_records,
    select,
    select_below,
    select_file,
)
from zorgid_card.protocol.pkcs15_info import AlgorithmInfo, CardInfo, parse_card_info
from zorgid_card.protocol.pkcs15_objects import (
    PARSERS,
    PIN,
    Certificate,
    Kind,
    Object,
    Path,
    PrivateKey,
    Value,
    parse_path,
    path_value,
)

AIDS: Final = (bytes.fromhex("A000000063504B43532D3135"), bytes.fromhex("E828BD080F"))
"""Names of the application: PKCS #15 v1.1, 5.7.2, and ISO/IEC 7816-15, 5.2 (which may be followed by more
bytes).
"""

MAX_COMMANDS: Final = 400
"""Commands that finding a layout may take; a card that wants more leads round in circles."""

_EF_DIR: Final = bytes.fromhex("3F002F00")
_ODF: Final = Path(bytes.fromhex("5031"))
_CIA_INFO: Final = Path(bytes.fromhex("5032"))

_NOT_RECORDS: Final = 0x6981
_MAX_CERTIFICATE: Final = 0x4000
_MAX_DIRECTORY: Final = 0x4000
_MAX_FILES: Final = 32
"""Directory files that EF.ODF may name."""
_NEEDED: Final = (
    Kind.PRIVATE_KEYS,
    Kind.CERTIFICATES,
    Kind.TRUSTED_CERTIFICATES,
    Kind.USEFUL_CERTIFICATES,
    Kind.AUTHENTICATION,
)
"""What is read to use a card; the others are read when they are asked for."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Application:
    """An application of EF.DIR (7816-4, 12.3.3).

    Attributes:
        aid: its name.
        label: for people.
        path: from the master file, or None when only its name is known.
        named: its name selects it.
        odf, info: where EF.ODF and EF.CIAInfo are, if not where the standard puts them (7816-15, 8.1, CIODDO).
    """

    aid: bytes
    label: str
    path: bytes | None
    named: bool = False
    odf: Path | None = None
    info: Path | None = None


@dataclass(frozen=True, slots=True)
class Directory:
    """An entry of EF.ODF: objects of a kind, at a path, or ``direct`` in the entry itself (7816-15, 8.3, PathOrObjects)."""

    kind: Kind
    path: Path | None
    direct: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What was found: ``directories`` is all that EF.ODF names, the rest what was read of them."""

    application: Application
    info: CardInfo = field(default_factory=CardInfo)
    directories: tuple[Directory, ...] = ()
    pins: tuple[PIN, ...] = ()
    keys: tuple[PrivateKey, ...] = ()
    certificates: tuple[Certificate, ...] = ()

    @property
    def serial(self) -> bytes:
        """Serial number of EF.CIAInfo; empty when there is none."""
        return self.info.serial

    def pin(self, auth_id: bytes | None) -> PIN | None:
        """The PIN with this ``auth_id``, or None."""
        return next((pin for pin in self.pins if pin.auth_id == auth_id), None)

    def guard(self, key: PrivateKey) -> PIN | None:
        """The PIN that guards a key. It is never a PUK, nor what the card knows by a PUK's reference: three PINs tried there would
        kill the card.
        """
        puks = [pin for pin in self.pins if pin.unblocking]
        named = (pin for pin in self.pins if pin.auth_id == key.auth_id)
        return next((pin for pin in named if not any(self.is_one(pin, puk) for puk in puks)), None)

    def is_one(self, first: PIN, second: PIN) -> bool:
        """Whether a VERIFY for the one might reach the other: by its reference, in its directory where both are local."""
        apart = first.local and second.local and self.place(first.path) != self.place(second.path)
        return not apart and not first.references.isdisjoint(second.references)

    def algorithms(self, key: PrivateKey, operation: int) -> list[AlgorithmInfo]:
        """The algorithms of EF.CIAInfo that a key may be used by, where the card tells of any.

        Args:
            key: one of ``keys``; one that names no algorithm may be used by any that suits it.
            operation: 1 compute-signature, 5 decipher (7816-15, 8.10, Operations).
        """
        listed = self.info.algorithms
        own = [info for info in listed if info.reference in key.algorithms] if key.algorithms else listed
        return [info for info in own if operation in info.operations or not info.operations]

    def place(self, path: Path | None) -> bytes:
        """Path of a file from the master file, or from the application where that is known by name only."""
        value = path.value if path else b""
        if value.startswith(MASTER_FILE):
            return value
        return (self.application.path or b"") + value


# --- discovery --------------------------------------------------------------------------------------------


def discover(listed: tuple[Application, ...] | None = None) -> Exchange[Layout]:
    """Read EF.DIR, EF.ODF, and the directory files that it names as far as they are needed to use the card.

    Of several applications that follow the standard the first with a private key counts, or else the first.

    Args:
        listed: what EF.DIR lists, if it was read already.

    Raises:
        CardNotSupportedError: no application of ISO/IEC 7816-15.
        TLVError: a file that does not follow the standard.
        CardResponseError: it takes more commands than an honest card does.
    """
    return (yield from bounded(_discover(listed), MAX_COMMANDS))


def _discover(listed: tuple[Application, ...] | None) -> Exchange[Layout]:
    known = (yield from applications()) if listed is None else listed
    first: Layout | None = None
    for application in _candidates(known):
        layout = yield from _layout(application)
        if layout is not None and layout.keys:
            return layout
        first = first or layout
    if first is None:
        raise CardNotSupportedError("no PKCS#15 application on the card", reason="application")
    return first


def bounded(exchange: Exchange[T], most: int) -> Exchange[T]:
    """The same exchange, but of at most so many commands.

    Raises:
        CardResponseError: it wants more.
    """
    try:
        command = next(exchange)
        for _ in range(most):
            command = exchange.send((yield command))
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]  # what an exchange returns
    raise CardResponseError("the card's description leads round in circles", reason="endless", count=most)


def _candidates(listed: Iterable[Application]) -> list[Application]:
    """Those that EF.DIR calls by one of the standard's names, or whose description it gives; else the standard's names."""
    found = [one for one in listed if one.aid.startswith(AIDS) or one.odf is not None]
    return found or [Application(aid, "", None) for aid in AIDS]


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
    odf, info = _description(index.optional(0x73))
    return Application(index.first(0x4F), label, None if path is None else _absolute(path), odf=odf, info=info)


def _description(discretionary: bytes | None) -> tuple[Path | None, Path | None]:
    """Where CIODDO (7816-15, 8.1) says that EF.ODF and EF.CIAInfo are. What else may stand in this template is not our affair."""
    try:
        fields = Fields(discretionary or b"")
        fields.take(asn1.OBJECT_IDENTIFIER)
        odf, info = fields.take(asn1.SEQUENCE), fields.take(0xA0)
        return (None if odf is None else parse_path(odf)), (None if info is None else parse_path(info))
    except TLVError:
        return None, None


def _absolute(path: bytes) -> bytes:
    value, _ = path_value(path)
    return value if value.startswith(MASTER_FILE) else MASTER_FILE + value


def _succeeds(exchange: Exchange[object]) -> Exchange[bool]:
    """Whether a SELECT finds what it names; a card that is gone still raises."""
    try:
        yield from exchange
    except StatusWordError:
        return False
    return True


def _layout(application: Application) -> Exchange[Layout | None]:
    """What an application holds; None where neither its name nor its path leads to an EF.ODF."""
    named = yield from _succeeds(select(application.aid))
    tried = [replace(application, named=named)] if named or application.path is not None else []
    if named and application.path is not None:
        tried.append(replace(application, named=True, path=None))  # its path leads nowhere: it is known by name only
    for one in tried:
        for odf in dict.fromkeys((one.odf or _ODF, _ODF)):
            try:
                content = yield from _read_file(Layout(application=one), odf)
            except StatusWordError:
                continue
            return (yield from _filled(Layout(application=one, directories=_directories(content))))
    return None


def _directories(content: bytes) -> tuple[Directory, ...]:
    """The entries of EF.ODF; one of a kind that the standard does not know is passed over."""
    found = [_directory(Kind(tag), entry) for tag, entry in asn1.objects(content) if tag in set(Kind)]
    if len(found) > _MAX_FILES:
        raise CardResponseError("more directory files than a card can have", count=len(found))
    return tuple(dict.fromkeys(found))  # each is read once, however often it is named


def _directory(kind: Kind, entry: bytes) -> Directory:
    fields = Fields(entry)
    path = fields.take(asn1.SEQUENCE)
    return Directory(kind, None, fields.need(0xA0)) if path is None else Directory(kind, parse_path(path))


def _filled(layout: Layout) -> Exchange[Layout]:
    found: list[Object] = []
    for kind in _NEEDED:
        found += yield from objects(layout, kind)
    info = yield from _card_info(layout)
    return replace(
        layout,
        info=info,
        pins=tuple(one for one in found if isinstance(one, PIN)),
        keys=tuple(one for one in found if isinstance(one, PrivateKey)),
        certificates=tuple(one for one in found if isinstance(one, Certificate)),
    )


def objects(layout: Layout, kind: Kind) -> Exchange[list[Object]]:
    """The objects of a kind, read from all directory files of that kind; at most 64 in each.

    What nothing here uses is passed over: certificates that are not X.509, authentication objects that are not passwords.

    Raises:
        TLVError: a file that does not follow the standard.
        CardResponseError: more objects than a card can have.
    """
    return (yield from bounded(_objects(layout, kind), MAX_COMMANDS))


def _objects(layout: Layout, kind: Kind) -> Exchange[list[Object]]:
    found: list[Object] = []
    for directory in layout.directories:
        if directory.kind is kind:
            content = directory.direct if directory.path is None else (yield from _read_file(layout, directory.path))
            found += _parsed(kind, asn1.objects(content))
    return found


def _parsed(kind: Kind, entries: Sequence[tuple[int, bytes]]) -> list[Object]:
    parse = PARSERS[kind]
    return [one for tag, value in entries if (one := parse(tag, value)) is not None]


def _card_info(layout: Layout) -> Exchange[CardInfo]:
    """EF.CIAInfo; nothing when it is not there."""
    try:
        content = yield from _read_file(layout, layout.application.info or _CIA_INFO)
    except StatusWordError:
        return CardInfo()
    return parse_card_info(content)


# --- using a layout ---------------------------------------------------------------------------------------


def enter(layout: Layout, place: bytes) -> Exchange[int | None]:
    """SELECT the file at ``place`` (as :meth:`Layout.place` gives it); its size in bytes, or None."""
    if place.startswith(MASTER_FILE):
        return (yield from select_file(place))
    yield from select(layout.application.aid)
    return (yield from select_below(place)) if place else None


def enter_application(layout: Layout) -> Exchange[None]:
    """Make the application's directory current, whatever another program selected meanwhile.

    By its name where it has one: on a card with several applications only then its files can be named. A card that is one file
    system may not know the name.
    """
    if layout.application.named:
        yield from select(layout.application.aid)
    else:
        yield from enter(layout, layout.place(None))


def read(layout: Layout, value: Value) -> Exchange[bytes]:
    """The value of an object, as far as its file goes.

    Raises:
        CardResponseError: it is not on the card, or given in a form that is not read here.
    """
    if value.direct is not None:
        return value.direct
    if value.path is None:
        raise CardResponseError("the card gives an object's value in a form that is not read here", reason="value")
    return (yield from _read_file(layout, value.path))


def _read_file(layout: Layout, path: Path) -> Exchange[bytes]:
    """The part of a file that ``path`` names, as far as the file goes.

    Raises:
        CardResponseError: the card says that it is of more than 16 KiB.
    """
    if path.short is not None:
        yield from enter_application(layout)
        return (yield from read_binary_all(path.length, start=path.index, short=path.short))
    size = yield from enter(layout, layout.place(path))
    length = path.length
    if length is None and size is not None:
        length = max(size - path.index, 0)
    if length is not None and length > _MAX_DIRECTORY:
        raise CardResponseError(f"the card claims an object of {length} bytes", size=length)
    return (yield from read_binary_all(length, start=path.index))


def read_certificate(layout: Layout, certificate: Certificate) -> Exchange[bytes]:
    """The certificate's DER, without the padding of its file; at most 16 KiB.

    Raises:
        CardResponseError: nothing there that can be a certificate.
    """
    content = yield from read(layout, certificate.value)
    der = asn1.first_object(content)
    if der[0] != asn1.SEQUENCE or len(der) > _MAX_CERTIFICATE:
        raise CardResponseError(f"there is no certificate where the card says {certificate.label!r} is")
    return der


__all__ = [
    "AIDS",
    "MAX_COMMANDS",
    "PIN",
    "Application",
    "Certificate",
    "Directory",
    "Kind",
    "Layout",
    "Path",
    "PrivateKey",
    "applications",
    "bounded",
    "discover",
    "enter",
    "enter_application",
    "objects",
    "read",
    "read_certificate",
]
