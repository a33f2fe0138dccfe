"""The files of a simulated pass: its contents put where its layout says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from zorgid_card.testkit import pkcs15_files as p15
from zorgid_card.testkit.filesystem import DF, EF, MF
from zorgid_card.testkit.pkcs15_files import CertificateEntry, KeyEntry, PINEntry, Place, PublicKeyEntry
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_layout import Identifiers, Layout, PINFormat
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
