"""File layouts for a simulated UZI pass.

**Assumption.** The layout of a real pass is not public: its file identifiers, key references, labels and PIN references are
unknown. All layouts here follow ISO/IEC 7816-15 and differ in everything that it leaves free, so that a client has to discover a
card's layout; none claims to be a real pass's. C and D use what the standard allows and no pass is known to: they are here so that
a client that works on any card of the standard can show it.

============  ======================  =======================  ==============================  ===================================
what          ``A``                   ``B``                    ``C``                           ``D``
============  ======================  =======================  ==============================  ===================================
EF.DIR        transparent             linear records           names EF.OD and EF.CIAInfo      none: the name must be known
application   3F00/5015               3F00/DF20                3F00/DF30                       3F00/5015
paths         from the master file    relative                 from the master file            from the master file
certificates  a file each             parts of one file        a file each                     signature's in a directory of its own
CA list       trusted certificates    useful certificates      useful certificates             trusted certificates
public keys   not listed              listed, by value         not listed                      not listed
identifiers   one byte                SHA-1 of the public key  one byte                        SHA-1 of the public key
keys          RSA                     RSA                      P-256                           RSA
signatures    PKCS #1 v1.5            PKCS #1 v1.5             ECDSA, r and s plain            PSS and PKCS #1 v1.5 by the card
log-in key    COMPUTE SIGNATURE too   COMPUTE SIGNATURE too    INTERNAL AUTHENTICATE only      COMPUTE SIGNATURE, bare RSA
deciphering   padding off             padding off              ECDH by DECIPHER                padding left on
PIN           81, local, digits,      03, global, any          81, local, BCD, padded with F   03, global, half nibbles; another,
              padded with 00          character, unpadded                                      ISO 9564, for the signature key
PIN wanted    signature: each time    signature: each time     log-in: every third use;        signature: each time
                                                               signature: each time
files         longer than contents    exact; 6Cxx              exact                           longer than contents
============  ======================  =======================  ==============================  ===================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from zorgid_card.testkit import pkcs15_files as p15
from zorgid_card.testkit.filesystem import DF, EF, MF
from zorgid_card.testkit.pkcs15_files import CertificateEntry, KeyEntry, PINEntry, Place, PublicKeyEntry
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_profile import Function, Usage

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


class PINCoding(StrEnum):
    """How a digit becomes bits (PasswordType, 8.9.2)."""

    ASCII = "ascii"
    BCD = "bcd"
    HALF_NIBBLE = "half nibble"
    ISO_9564 = "iso 9564"


_FORMAT_2 = 0x20


@dataclass(frozen=True, slots=True)
class PINFormat:
    """How a PIN is sent: 6 to 8 characters (CPS UZI-register), digits or any, padded to 8 bytes or not; or coded otherwise."""

    digits_only: bool
    pad: int | None
    minimum: int = 6
    maximum: int = 8
    coding: PINCoding = PINCoding.ASCII

    @property
    def stored(self) -> int:
        """Bytes that it takes on the card."""
        return {PINCoding.BCD: self.maximum // 2}.get(self.coding, self.maximum)

    @property
    def kind(self) -> int:
        """Its PasswordType."""
        coded = {
            PINCoding.BCD: p15.BCD,
            PINCoding.HALF_NIBBLE: p15.HALF_NIBBLE_BCD,
            PINCoding.ISO_9564: p15.ISO_9564_1,
        }
        return coded.get(self.coding, p15.ASCII_NUMERIC if self.digits_only else p15.UTF8)

    def is_valid(self, value: bytes) -> bool:
        """Whether these bytes are a PIN as the card takes it."""
        if self.coding is not PINCoding.ASCII:
            return any(self.encode(digits) == value for digits in self._read(value))
        pin = value
        if self.pad is not None:
            if len(value) != self.maximum:
                return False
            pin = value.rstrip(bytes([self.pad]))
        if not self.minimum <= len(pin) <= self.maximum:
            return False
        return pin.isdigit() if self.digits_only else all(0x20 <= byte < 0x7F for byte in pin)

    def _read(self, value: bytes) -> Iterator[bytes]:
        """The digits that these bytes may stand for."""
        hexadecimal = value.hex()
        if self.coding is PINCoding.ISO_9564:
            hexadecimal = hexadecimal[2:]
        if self.coding is PINCoding.HALF_NIBBLE:
            hexadecimal = hexadecimal[1::2]
        digits = hexadecimal.rstrip("f")
        if digits.isdigit() and self.minimum <= len(digits) <= self.maximum:
            yield digits.encode()

    def encode(self, pin: bytes) -> bytes:
        """The PIN as it is sent."""
        digits = pin.decode("latin-1")
        if self.coding is PINCoding.BCD:
            return bytes.fromhex(digits.ljust(2 * self.stored, "f"))
        if self.coding is PINCoding.HALF_NIBBLE:
            return bytes(0xF0 | int(digit) for digit in digits).ljust(self.stored, b"\xff")
        if self.coding is PINCoding.ISO_9564:
            return bytes([_FORMAT_2 | len(pin)]) + bytes.fromhex(digits.ljust(14, "f"))
        return pin if self.pad is None else pin.ljust(self.maximum, bytes([self.pad]))


class Identifiers(StrEnum):
    """What identifies a key and its certificate in the directory files."""

    COUNTER = "counter"
    KEY_HASH = "key hash"


@dataclass(frozen=True, slots=True)
class SignaturePIN:
    """A PIN of its own for the signature key, known in that key's directory; the PUK is the other PIN's."""

    reference: int
    form: PINFormat


RSA_PADDED = p15.Algorithm(1, p15.CKM_RSA_PKCS, (p15.COMPUTE_SIGNATURE, p15.DECIPHER), p15.RSA_OID, 0x02)
_ALL_OF_THE_FIRST: Mapping[Usage, tuple[int, ...]] = dict.fromkeys(Usage, (1,))


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything that ISO/IEC 7816-15 leaves to who makes the card.

    ``signature_df`` is a directory in the application for the signature key alone. Keys of ``authenticating`` are used by INTERNAL
    AUTHENTICATE and by nothing else. ``consent`` is how many uses of a key one VERIFY allows.
    """

    name: str
    df: int
    relative: bool
    dir_records: bool
    one_certificate_file: bool
    ca_kind: int
    public_keys: bool
    identifiers: Identifiers
    key_references: Mapping[Usage, int]
    pin: int
    puk: int
    pin_format: PINFormat
    room: int
    exact: bool
    first_file: int
    algorithms: tuple[p15.Algorithm, ...] = (RSA_PADDED,)
    key_algorithms: Mapping[Usage, tuple[int, ...]] = field(default_factory=lambda: _ALL_OF_THE_FIRST)
    authenticating: frozenset[Usage] = frozenset()
    consent: Mapping[Usage, int] = field(default_factory=lambda: {Usage.SIGNATURE: 1})
    ef_dir: bool = True
    odf: int = p15.EF_OD
    info: int = p15.EF_CIA_INFO
    signature_df: int | None = None
    signature_pin: SignaturePIN | None = None
    curve: bool = False

    @property
    def algorithm_reference(self) -> int:
        """The card's own number of its first algorithm."""
        return self.algorithms[0].card_reference

    def usable(self, usage: Usage) -> list[p15.Algorithm]:
        """The algorithms of a key."""
        return [one for one in self.algorithms if one.number in self.key_algorithms[usage]]

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
    algorithms=(replace(RSA_PADDED, card_reference=0x12),),
    pin=0x03,
    puk=0x04,
    pin_format=PINFormat(digits_only=False, pad=None),
    room=0,
    exact=True,
    first_file=0xE001,
)
LAYOUT_C = Layout(
    name="C",
    df=0xDF30,
    relative=False,
    dir_records=False,
    one_certificate_file=False,
    ca_kind=p15.USEFUL_CERTIFICATES,
    public_keys=False,
    identifiers=Identifiers.COUNTER,
    key_references={Usage.AUTHENTICITY: 0x01, Usage.SIGNATURE: 0x02, Usage.CONFIDENTIALITY: 0x03},
    pin=0x81,
    puk=0x82,
    pin_format=PINFormat(digits_only=True, pad=0xFF, coding=PINCoding.BCD),
    room=0,
    exact=True,
    first_file=0x4101,
    algorithms=(
        p15.Algorithm(1, p15.CKM_ECDSA, (p15.COMPUTE_SIGNATURE,), p15.ECDSA_OID, 0x21),
        p15.Algorithm(2, p15.CKM_ECDH1_DERIVE, (), p15.EC_OID, 0x22),
    ),
    key_algorithms={Usage.AUTHENTICITY: (1,), Usage.SIGNATURE: (1,), Usage.CONFIDENTIALITY: (2,)},
    authenticating=frozenset({Usage.AUTHENTICITY}),
    consent={Usage.AUTHENTICITY: 3, Usage.SIGNATURE: 1},
    odf=0x4031,
    info=0x4032,
    curve=True,
)
LAYOUT_D = Layout(
    name="D",
    df=0x5015,
    relative=False,
    dir_records=False,
    one_certificate_file=False,
    ca_kind=p15.TRUSTED_CERTIFICATES,
    public_keys=False,
    identifiers=Identifiers.KEY_HASH,
    key_references={Usage.AUTHENTICITY: 0x11, Usage.SIGNATURE: 0x81, Usage.CONFIDENTIALITY: 0x13},
    pin=0x03,
    puk=0x04,
    pin_format=PINFormat(digits_only=True, pad=0xFF, coding=PINCoding.HALF_NIBBLE),
    room=48,
    exact=False,
    first_file=0x4401,
    algorithms=(
        p15.Algorithm(1, p15.CKM_RSA_PKCS, (p15.COMPUTE_SIGNATURE,), p15.RSA_OID, 0x31),
        p15.Algorithm(2, p15.CKM_RSA_PKCS_PSS, (p15.COMPUTE_SIGNATURE,), p15.PSS_OID, 0x32),
        p15.Algorithm(3, p15.CKM_RSA_X_509, (p15.COMPUTE_SIGNATURE, p15.DECIPHER), p15.RSA_OID, 0x33),
    ),
    key_algorithms={Usage.AUTHENTICITY: (3,), Usage.SIGNATURE: (1, 2), Usage.CONFIDENTIALITY: (3,)},
    ef_dir=False,
    signature_df=0xDF50,
    signature_pin=SignaturePIN(0x82, PINFormat(digits_only=True, pad=0xFF, coding=PINCoding.ISO_9564)),
)
LAYOUTS: Mapping[str, Layout] = {layout.name: layout for layout in (LAYOUT_A, LAYOUT_B)}
"""Those of passes as they may be."""

EVERY_LAYOUT: Mapping[str, Layout] = {**LAYOUTS, LAYOUT_C.name: LAYOUT_C, LAYOUT_D.name: LAYOUT_D}

_PIN_ID, _PUK_ID, _SIGNATURE_PIN_ID = b"\x01", b"\x02", b"\x03"


def build(
    layout: Layout, contents: PassContents, stored: Mapping[Usage, bytes] | None = None, *, activated: bool = True
) -> DF:
    """The master file of a pass with these contents in this layout.

    Args:
        layout: where everything goes.
        contents: what the pass holds.
        stored: octets for certificate files in place of the certificates: a card that went bad, for tests.
        activated: the PIN's flag ``initialized`` says so.
    """
    application = DF(layout.df, p15.AID, tuple(_Builder(layout, contents, stored or {}, activated).files()))
    if not layout.ef_dir:
        return DF(MF, children=(application,))
    named = layout.odf != p15.EF_OD
    places = [Place(_absolute(layout) + file.to_bytes(2, "big")) for file in (layout.odf, layout.info)] if named else []
    entry = p15.directory_entry(_absolute(layout), "UZI-pas", *places)
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

    def __init__(self, layout: Layout, contents: PassContents, stored: Mapping[Usage, bytes], activated: bool) -> None:
        self._stored = {**contents.certificates, **stored}
        self._activated = activated
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

    def _place(self, identifier: int, offset: int | None = None, length: int = 0, *, apart: bool = False) -> Place:
        prefix = b"" if self._layout.relative else _absolute(self._layout)
        if apart:
            prefix += (self._layout.signature_df or 0).to_bytes(2, "big")
        return Place(prefix + identifier.to_bytes(2, "big"), offset, length)

    def _is_apart(self, usage: Usage) -> bool:
        return usage is Usage.SIGNATURE and self._layout.signature_df is not None

    def files(self) -> Iterator[DF | EF]:
        """All files of the application, EF.OD last because it names the others."""
        lists: list[tuple[int, Place]] = []
        apart: list[DF | EF] = []
        for one in (False, True):
            usages = [usage for usage in self._stored if self._is_apart(usage) is one]
            if not usages:
                continue
            files = list(self._directories(usages, lists, apart=one))
            if one:
                apart += files
            else:
                yield from files
        if apart:
            yield DF(self._layout.signature_df or 0, children=tuple(apart))
        pins = self._file(b"".join(entry.encode() for entry in self._pins()))
        lists.append((p15.AUTHENTICATION, self._place(pins.id)))
        yield pins
        layout = self._layout
        info_short = p15.SHORT_EF_CIA_INFO if layout.info == p15.EF_CIA_INFO else None
        yield EF(layout.info, self._info(), short_id=info_short)
        entries = b"".join(p15.object_directory_entry(kind, place) for kind, place in lists)
        yield EF(layout.odf, entries, short_id=p15.SHORT_EF_OD if layout.odf == p15.EF_OD else None)

    def _directories(self, usages: list[Usage], lists: list[tuple[int, Place]], *, apart: bool) -> Iterator[EF]:
        """The files of some keys and their certificates, and the directory files that list them, which go to ``lists``."""
        own = [(self._label(u), self._identifiers[u], self._stored[u]) for u in usages]
        chain = [] if apart else [(_common_name(der), _key_hash(der), der) for der in self._contents.chain]
        found: list[tuple[int, EF]] = []
        for kind, certificates in ((p15.CERTIFICATES, own), (self._layout.ca_kind, chain)):
            if not certificates:
                continue
            kept, entries = self._kept(certificates, authority=kind != p15.CERTIFICATES, apart=apart)
            yield from kept
            found.append((kind, self._file(entries)))
        keys = list(self._keys(usages))
        yield from (file for file, _ in keys)
        found.append((p15.PRIVATE_KEYS, self._file(b"".join(entry.encode() for _, entry in keys))))
        if self._layout.public_keys:
            found.append((p15.PUBLIC_KEYS, self._file(b"".join(e.encode() for e in self._public_keys()))))
        yield from (file for _, file in found)
        lists += [(kind, self._place(file.id, apart=apart)) for kind, file in found]

    def _kept(
        self, certificates: list[tuple[str, bytes, bytes]], authority: bool, *, apart: bool
    ) -> tuple[list[EF], bytes]:
        """The files with these certificates, and their entries for EF.CD."""
        if self._layout.one_certificate_file:
            return self._kept_together(certificates, authority)
        files, entries = [], b""
        for label, identifier, der in certificates:
            file = EF(self._next, der)
            self._next += 1
            files.append(file)
            entries += CertificateEntry(identifier, label, self._place(file.id, apart=apart), authority).encode()
        return files, entries

    def _kept_together(self, certificates: list[tuple[str, bytes, bytes]], authority: bool) -> tuple[list[EF], bytes]:
        identifier, self._next = self._next, self._next + 1
        content, entries = b"", b""
        for label, key, der in certificates:
            place = self._place(identifier, len(content), len(der))
            entries += CertificateEntry(key, label, place, authority).encode()
            content += der
        return [EF(identifier, content)], entries

    def _keys(self, usages: list[Usage]) -> Iterator[tuple[EF, KeyEntry]]:
        layout = self._layout
        for usage in usages:
            file, certificate = EF(self._next, internal=True), self._certificates[usage]
            self._next += 1
            own_pin = layout.signature_pin is not None and usage is Usage.SIGNATURE
            entry = KeyEntry(
                self._identifiers[usage],
                self._label(usage),
                (p15.DERIVE,) if layout.curve and usage is Usage.CONFIDENTIALITY else _PRIVATE_USAGE[usage],
                layout.key_references[usage],
                self._place(file.id, apart=self._is_apart(usage)),
                _SIGNATURE_PIN_ID if own_pin else _PIN_ID,
                certificate.subject.public_bytes(),
                layout.key_algorithms[usage],
                user_consent=layout.consent.get(usage),
                bits=None if layout.curve else 2048,
            )
            yield file, entry

    def _public_keys(self) -> Iterator[PublicKeyEntry]:
        for usage, certificate in self._certificates.items():
            key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
            reference = self._layout.key_references[usage]
            yield PublicKeyEntry(self._identifiers[usage], self._label(usage), _PUBLIC_USAGE[usage], reference, key)

    def _pins(self) -> Iterator[PINEntry]:
        layout = self._layout
        pin = self._pin(_PIN_ID, "PIN", layout.pin, layout.pin_format, _absolute(layout))
        yield pin
        yield replace(
            pin,
            identifier=_PUK_ID,
            label="PUK",
            flags=(
                *(flag for flag in pin.flags if flag != p15.PIN_INITIALIZED),
                p15.PIN_INITIALIZED,
                p15.PIN_UNBLOCKING,
            ),
            reference=layout.puk,
            unblocked_by=b"",
        )
        if layout.signature_pin is not None:
            own = layout.signature_pin
            directory = _absolute(layout) + (layout.signature_df or layout.df).to_bytes(2, "big")
            yield self._pin(_SIGNATURE_PIN_ID, "Handtekening-PIN", own.reference, own.form, directory)

    def _pin(self, identifier: bytes, label: str, reference: int, form: PINFormat, directory: bytes) -> PINEntry:
        local = bool(reference & 0x80)
        flags = (
            *((p15.PIN_INITIALIZED,) if self._activated else ()),
            *((p15.PIN_LOCAL,) if local else ()),
            *((p15.PIN_NEEDS_PADDING,) if form.pad is not None else ()),
        )
        return PINEntry(
            identifier=identifier,
            label=label,
            flags=flags,
            kind=form.kind,
            minimum=form.minimum,
            stored=form.stored,
            maximum=form.maximum,
            reference=reference,
            pad=form.pad,
            path=directory if local else b"",
            unblocked_by=_PUK_ID,
        )

    def _info(self) -> bytes:
        return p15.cia_info(
            self._contents.card_number.encode(),
            "Nagebootst",
            f"UZI-pas {self._contents.card_number}",
            self._layout.algorithms,
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
