"""How a certificate names the holder of a ZORG-ID Smartcard (docs/certificate-profile.md)."""

from __future__ import annotations

import uuid

from cryptography import x509
from cryptography.x509.oid import NameOID, ObjectIdentifier

from zorgid_card.codec.tlv import encode
from zorgid_card.pki.profile import IDENTITY_VERSION
from zorgid_card.ports.authority import CertificateProfile, SubjectData

_IA5_STRING = 0x16


def subject_name(subject: SubjectData) -> x509.Name:
    """The subject: country, surname, given names, UZI number, common name."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "NL"),
            x509.NameAttribute(NameOID.SURNAME, subject.surname),
            x509.NameAttribute(NameOID.GIVEN_NAME, subject.given_names),
            x509.NameAttribute(NameOID.SERIAL_NUMBER, subject.uzi_number),
            x509.NameAttribute(NameOID.COMMON_NAME, subject.common_name),
        ]
    )


def alternative_names(profile: CertificateProfile, subject: SubjectData, guid: bytes) -> x509.SubjectAlternativeName:
    """subjectAltName: the person, and the card's GUID (16 octets) as a URN."""
    text = f"{IDENTITY_VERSION}-{subject.uzi_number}".encode("ascii")
    return x509.SubjectAlternativeName(
        [
            x509.OtherName(ObjectIdentifier(profile.identity_oid), encode(_IA5_STRING, text)),
            x509.UniformResourceIdentifier(uuid.UUID(bytes=guid).urn),
        ]
    )
