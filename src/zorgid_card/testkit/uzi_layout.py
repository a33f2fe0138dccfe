"""Two file layouts for a simulated UZI pass.

**Assumption.** The layout of a real pass is not public: its file identifiers, key references, labels and PIN
references are unknown. Both layouts here follow ISO/IEC 7816-15 and differ in everything that it leaves free,
so that a client has to discover a card's layout; neither claims to be a real pass's.

============  ================================  ==================================
what          ``A``                             ``B``
============  ================================  ==================================
EF.DIR        transparent                       linear records
application   3F00/5015                         3F00/DF20
paths         from the master file              relative to the application
certificates  a file each                       parts of one file, by offset
CA list       trusted certificates              useful certificates
public keys   not listed                        listed, by value
identifiers   one byte                          the SHA-1 of the public key
PIN           81, local, digits, padded         03, global, any character, unpadded
files         longer than their contents        exact; READ BINARY answers 6Cxx
============  ================================  ==================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from zorgid_card.testkit import pkcs15_files as p15
from zorgid_card.testkit.filesystem import DF, EF, MF
from zorgid_card.testkit.pkcs15_files import CertificateEntry, KeyEntry, PINEntry, Place, PublicKeyEntry
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_profile import Function, Usage

ALGORITHM = 1  # how private keys name RSA with PKCS#1 v1.5 in these cards' EF.CIAInfo

_PRIVATE_USAGE: Mapping[Usage, tuple[int, ...]] = {
    Usage.AUTHENTICITY: (p15.SIGN,),
    Usage.SIGNATURE: (p15.NON_REPUDIATION,),
    Usage.CONFIDENTIALITY: (p15.DECRYPT, p15.UNWRAP),
}
_PUBLIC_USAGE: Mapping[Usage, tuple[int, ...]] = {
    Usage.AUTHENTICITY: (p15.VERIFY,),
    Usage.SIGNATURE: (p15.NON_REPUDIATION,),
    Usage.CONFIDENTIALITY: (p15.ENCRYPT, p15.WRAP),
}
_LABELS: Mapping[Usage, str] = {
    Usage.AUTHENTICITY: "Authenticiteit",
    Usage.SIGNATURE: "Handtekening",
    Usage.CONFIDENTIALITY: "Vertrouwelijkheid",
}


@dataclass(frozen=True, slots=True)
class PINFormat:
    """How a PIN is sent: 6 to 8 characters (CPS UZI-register), digits or any, padded to 8 bytes or not."""

    digits_only: bool
    pad: int | None
    minimum: int = 6
    maximum: int = 8

    def is_valid(self, value: bytes) -> bool:
        """Whether these bytes are a PIN as the card takes it."""
        pin = value
        if self.pad is not None:
            if len(value) != self.maximum:
                return False
            pin = value.rstrip(bytes([self.pad]))
        if not self.minimum <= len(pin) <= self.maximum:
            return False
        return pin.isdigit() if self.digits_only else all(0x20 <= byte < 0x7F for byte in pin)

    def encode(self, pin: bytes) -> bytes:
        """The PIN as it is sent."""
        return pin if self.pad is None else pin.ljust(self.maximum, bytes([self.pad]))


class Identifiers(StrEnum):
    """What identifies a key and its certificate in the directory files."""

    COUNTER = "counter"
    KEY_HASH = "key hash"


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything that ISO/IEC 7816-15 leaves to who makes the card."""

    name: str
    df: int
    relative: bool
    dir_records: bool
    one_certificate_file: bool
    ca_kind: int
    public_keys: bool
    identifiers: Identifiers
    key_references: Mapping[Usage, int]
    algorithm_reference: int
    pin: int
    puk: int
    pin_format: PINFormat
    room: int
    exact: bool
    first_file: int

    @property
    def pin_is_local(self) -> bool:
        """Bit 8 of a reference says that it belongs to the current DF (ISO/IEC 7816-4, 11.5.1)."""
        return bool(self.pin & 0x80)


LAYOUT_A = Layout(
    name="A",
    df=0x5015,
    relative=False,
    dir_records=False,
    one_certificate_file=False,
    ca_kind=p15.TRUSTED_CERTIFICATES,
    public_keys=False,
    identifiers=Identifiers.COUNTER,
    key_references={Usage.AUTHENTICITY: 0x91, Usage.SIGNATURE: 0x92, Usage.CONFIDENTIALITY: 0x93},
    algorithm_reference=0x02,
    pin=0x81,
    puk=0x82,
    pin_format=PINFormat(digits_only=True, pad=0x00),
    room=64,
    exact=False,
    first_file=0x4401,
)
LAYOUT_B = Layout(
    name="B",
    df=0xDF20,
    relative=True,
    dir_records=True,
    one_certificate_file=True,
    ca_kind=p15.USEFUL_CERTIFICATES,
    public_keys=True,
    identifiers=Identifiers.KEY_HASH,
    key_references={Usage.AUTHENTICITY: 0x87, Usage.SIGNATURE: 0x85, Usage.CONFIDENTIALITY: 0x86},
    algorithm_reference=0x12,
    pin=0x03,
    puk=0x04,
    pin_format=PINFormat(digits_only=False, pad=None),
    room=0,
    exact=True,
    first_file=0xE001,
)
LAYOUTS: Mapping[str, Layout] = {layout.name: layout for layout in (LAYOUT_A, LAYOUT_B)}

_PIN_ID, _PUK_ID = b"\x01", b"\x02"


def build(layout: Layout, contents: PassContents, stored: Mapping[Usage, bytes] | None = None) -> DF:
    """The master file of a pass with these contents in this layout.

    Args:
        layout: where everything goes.
        contents: what the pass holds.
        stored: octets for certificate files in place of the certificates: a card that went bad, for tests.
    """
    application = DF(layout.df, p15.AID, tuple(_Builder(layout, contents, stored or {}).files()))
    label = "UZI-pas"
    entry = p15.directory_entry(_absolute(layout), label)
    directory = EF(p15.EF_DIR, short_id=p15.SHORT_EF_DIR)
    if layout.dir_records:
        directory.records = (entry,)
    else:
        directory.content = entry
    return DF(MF, children=(directory, application))


def _absolute(layout: Layout) -> bytes:
    return MF.to_bytes(2, "big") + layout.df.to_bytes(2, "big")


class _Builder:
    """Hands out file identifiers while it fills the application."""

    def __init__(self, layout: Layout, contents: PassContents, stored: Mapping[Usage, bytes]) -> None:
        self._stored = {**contents.certificates, **stored}
        self._layout = layout
        self._contents = contents
        self._next = layout.first_file
        self._certificates = {
            usage: x509.load_der_x509_certificate(der) for usage, der in contents.certificates.items()
        }
        self._identifiers = {
            usage: self._identifier(position, certificate)
            for position, (usage, certificate) in enumerate(self._certificates.items())
        }

    def _identifier(self, position: int, certificate: x509.Certificate) -> bytes:
        if self._layout.identifiers is Identifiers.COUNTER:
            return bytes([0x45 + position])
        subject_key = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        return subject_key.digest

    def _file(self, content: bytes) -> EF:
        """A new file, with room to spare if the layout wants it (unused bytes are 00, ISO/IEC 7816-15, 7)."""
        room = self._layout.room
        size = (len(content) // room + 1) * room if room else len(content)
        file = EF(self._next, content.ljust(size, b"\0"))
        self._next += 1
        return file

    def _place(self, identifier: int, offset: int | None = None, length: int = 0) -> Place:
        prefix = b"" if self._layout.relative else _absolute(self._layout)
        return Place(prefix + identifier.to_bytes(2, "big"), offset, length)

    def files(self) -> Iterator[EF]:
        """All elementary files of the application, EF.OD last because it names the others."""
        lists: list[tuple[int, EF]] = []
        own = [(self._label(u), self._identifiers[u], der) for u, der in self._stored.items()]
        chain = [(_common_name(der), _key_hash(der), der) for der in self._contents.chain]
        for kind, certificates in ((p15.CERTIFICATES, own), (self._layout.ca_kind, chain)):
            kept, entries = self._kept(certificates, authority=kind != p15.CERTIFICATES)
            yield from kept
            lists.append((kind, self._file(entries)))
        keys = list(self._keys())
        yield from (file for file, _ in keys)
        lists.append((p15.PRIVATE_KEYS, self._file(b"".join(entry.encode() for _, entry in keys))))
        if self._layout.public_keys:
            lists.append((p15.PUBLIC_KEYS, self._file(b"".join(e.encode() for e in self._public_keys()))))
        lists.append((p15.AUTHENTICATION, self._file(b"".join(entry.encode() for entry in self._pins()))))
        yield from (file for _, file in lists)
        yield EF(p15.EF_CIA_INFO, self._info(), short_id=p15.SHORT_EF_CIA_INFO)
        entries = b"".join(p15.object_directory_entry(kind, self._place(file.id)) for kind, file in lists)
        yield EF(p15.EF_OD, entries, short_id=p15.SHORT_EF_OD)

    def _kept(self, certificates: list[tuple[str, bytes, bytes]], authority: bool) -> tuple[list[EF], bytes]:
        """The files with these certificates, and their entries for EF.CD."""
        if self._layout.one_certificate_file:
            return self._kept_together(certificates, authority)
        files, entries = [], b""
        for label, identifier, der in certificates:
            file = EF(self._next, der)
            self._next += 1
            files.append(file)
            entries += CertificateEntry(identifier, label, self._place(file.id), authority).encode()
        return files, entries

    def _kept_together(self, certificates: list[tuple[str, bytes, bytes]], authority: bool) -> tuple[list[EF], bytes]:
        identifier, self._next = self._next, self._next + 1
        content, entries = b"", b""
        for label, key, der in certificates:
            place = self._place(identifier, len(content), len(der))
            entries += CertificateEntry(key, label, place, authority).encode()
            content += der
        return [EF(identifier, content)], entries

    def _keys(self) -> Iterator[tuple[EF, KeyEntry]]:
        for usage, certificate in self._certificates.items():
            file = EF(self._next, internal=True)
            self._next += 1
            yield (
                file,
                KeyEntry(
                    self._identifiers[usage],
                    self._label(usage),
                    _PRIVATE_USAGE[usage],
                    self._layout.key_references[usage],
                    self._place(file.id),
                    _PIN_ID,
                    certificate.subject.public_bytes(),
                    ALGORITHM,
                    user_consent=1 if usage is Usage.SIGNATURE else None,
                ),
            )

    def _public_keys(self) -> Iterator[PublicKeyEntry]:
        for usage, certificate in self._certificates.items():
            key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
            reference = self._layout.key_references[usage]
            yield PublicKeyEntry(self._identifiers[usage], self._label(usage), _PUBLIC_USAGE[usage], reference, key)

    def _pins(self) -> Iterator[PINEntry]:
        layout, form = self._layout, self._layout.pin_format
        flags: tuple[int, ...] = (p15.PIN_INITIALIZED,)
        if layout.pin_is_local:
            flags += (p15.PIN_LOCAL,)
        if form.pad is not None:
            flags += (p15.PIN_NEEDS_PADDING,)
        pin = PINEntry(
            identifier=_PIN_ID,
            label="PIN",
            flags=flags,
            kind=p15.ASCII_NUMERIC if form.digits_only else p15.UTF8,
            minimum=form.minimum,
            stored=form.maximum,
            maximum=form.maximum,
            reference=layout.pin,
            pad=form.pad,
            path=_absolute(layout) if layout.pin_is_local else b"",
            unblocked_by=_PUK_ID,
        )
        yield pin
        yield replace(
            pin,
            identifier=_PUK_ID,
            label="PUK",
            flags=(*flags, p15.PIN_UNBLOCKING),
            reference=layout.puk,
            unblocked_by=b"",
        )

    def _info(self) -> bytes:
        return p15.cia_info(
            self._contents.card_number.encode(),
            "Nagebootst",
            f"UZI-pas {self._contents.card_number}",
            ALGORITHM,
            self._layout.algorithm_reference,
        )

    def _label(self, usage: Usage) -> str:
        if self._layout.identifiers is Identifiers.COUNTER:
            return _LABELS[usage]
        holder = self._contents.holder
        return holder.name if isinstance(holder, Function) else holder.common_name


def _common_name(der: bytes) -> str:
    names = x509.load_der_x509_certificate(der).subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(names[0].value)


def _key_hash(der: bytes) -> bytes:
    certificate = x509.load_der_x509_certificate(der)
    return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
