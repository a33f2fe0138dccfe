"""Which certificate: X509IssuerSerial (XML Signature 1.1, 4.5.4.1), written, read and compared.

An issuer's name has many spellings: attributes by keyword or by number, values as text or as the hexadecimal of their DER. So
names are compared by what they say, never as text.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple, TypeAlias

from cryptography import x509
from cryptography.x509.oid import NameOID, ObjectIdentifier

from zorgid_card.codec.tlv import Index
from zorgid_card.errors import SAMLError, TLVError
from zorgid_card.pki import _x509
from zorgid_card.pki.certificate import Certificate

MAX_NAME: Final = 1000
"""Characters of an issuer's name."""

Said: TypeAlias = tuple[frozenset[tuple[str, str]], ...]
"""A name: its RDNs in DER's order, each the types (dotted) and values in it."""

_KEYWORDS: Final[dict[str, ObjectIdentifier]] = {
    keyword: oid
    for keywords, oid in (
        (("organizationIdentifier", "OrganizationIdentifier"), NameOID.ORGANIZATION_IDENTIFIER),
        (("S",), NameOID.STATE_OR_PROVINCE_NAME),
        (("E", "EMAILADDRESS"), NameOID.EMAIL_ADDRESS),
        (("SERIALNUMBER", "serialNumber"), NameOID.SERIAL_NUMBER),
    )
    for keyword in keywords
}
_BETWEEN: Final = re.compile(r"\s*,\s*(?=[A-Za-z0-9.]{1,64}\s?=)")
_NUMBERED: Final = re.compile(r"(^|[,+])OID\.(?=[0-9])", re.IGNORECASE)
_HEXADECIMAL: Final = re.compile(r"=#((?:[0-9A-Fa-f]{2}){2,400})(?=[,+]|$)")
_SPECIAL: Final = re.compile(r'[,\\#+<>;"= ]')
_STRINGS: Final = {0x0C: "utf-8", 0x13: "ascii", 0x16: "ascii", 0x14: "latin-1", 0x1E: "utf-16-be"}
_SERIAL: Final = re.compile(r"0|[1-9][0-9]{0,49}", re.ASCII)


class IssuerSerial(NamedTuple):
    """A certificate, named by its issuer and serial number."""

    issuer: Said
    serial: int


def issuer_serial(certificate: Certificate) -> IssuerSerial:
    """How this certificate is named."""
    return IssuerSerial(_said(_issuer(certificate)), certificate.serial)


def issuer_text(certificate: Certificate) -> str:
    """The issuer's name as RFC 4514 writes it."""
    return _issuer(certificate).rfc4514_string()


def _issuer(certificate: Certificate) -> x509.Name:
    return _x509.load_certificate(certificate.der).issuer


def read_issuer_serial(issuer: str, serial: str) -> IssuerSerial:
    """Read X509IssuerName and X509SerialNumber.

    Raises:
        SAMLError: ``reason`` is ``issuer name`` or ``serial number``.
    """
    if not _SERIAL.fullmatch(serial):
        raise SAMLError("not a certificate's serial number", reason="serial number", element="X509SerialNumber")
    try:
        return IssuerSerial(_said(x509.Name.from_rfc4514_string(_plain(issuer), _KEYWORDS)), int(serial))
    except (ValueError, TLVError) as error:
        raise SAMLError("not an issuer's name", reason="issuer name", element="X509IssuerName") from error


def _plain(text: str) -> str:
    """The same name without white space between attributes, and with numbers and values as RFC 4514 writes them."""
    if not 0 < len(text) <= MAX_NAME:
        raise ValueError("too long or empty")
    bare = _NUMBERED.sub(r"\1", _BETWEEN.sub(",", text.strip()))
    return _HEXADECIMAL.sub(lambda found: "=" + _decoded(bytes.fromhex(found[1])), bare)


def _decoded(der: bytes) -> str:
    ((tag, value),) = Index(der, der=True).items()
    if tag not in _STRINGS:
        raise ValueError("not a string")
    return _SPECIAL.sub(r"\\\g<0>", value.decode(_STRINGS[tag]))


def _said(name: x509.Name) -> Said:
    return tuple(frozenset((part.oid.dotted_string, str(part.value)) for part in rdn) for rdn in name.rdns)
