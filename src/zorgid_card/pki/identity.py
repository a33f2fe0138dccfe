"""Who a certificate names: the identity of a UZI pass, and that of a ZORG-ID Smartcard.

The UZI identity stands in the subjectAltName as otherName ``2.5.5.5``, ``[0] EXPLICIT IA5String``, with seven
fields between hyphens: ``<OID CA>-<version>-<UZI number>-<pass type>-<URA>-<role>-<AGB code>`` (CIBG,
Certificaatprofielen). It is decoded as DER; what stands twice must agree: pass type with issuing CA, OID CA
and policy, UZI number with the subject's serialNumber and the UPN. Nothing is trusted by being read: see
:mod:`zorgid_card.pki.chain`.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from cryptography import x509
from cryptography.x509.oid import NameOID, ObjectIdentifier

from zorgid_card.codec.tlv import Index
from zorgid_card.errors import (
    CertificateMalformedError,
    NotUZIError,
    NotZorgIDError,
    TLVError,
    UZIFieldError,
)
from zorgid_card.pki import _x509
from zorgid_card.pki.hierarchy import (
    ISSUER_ORGANISATION,
    KEY_USAGES,
    KNOWN,
    PERSONAL,
    PROFESSIONAL,
    Hierarchy,
    PassProfile,
    find_pass,
)
from zorgid_card.pki.profile import IDENTITY_OID, IDENTITY_VERSION, PROFILES, CertificateProfile
from zorgid_card.pki.roles import NO_ROLE, role_name

UZI_NAME = "2.5.5.5"
"""type-id of the UZI otherName."""

UPN = "1.3.6.1.4.1.311.20.2.3"
"""type-id of Microsoft's user principal name, in UZI certificates ``<UZI number>@<URA>``."""

_IA5_STRING = 0x16
_UTF8_STRING = 0x0C
_NO_AGB = "00000000"


class _Fields(NamedTuple):
    """The fields of the UZI otherName in their order."""

    oid_ca: str
    version: str
    uzi_number: str
    pass_type: str
    ura: str
    role: str
    agb: str


_UZI_NUMBER = r"[0-9]{9}"
_FORMS = _Fields(
    oid_ca=r"[0-2](\.(0|[1-9][0-9]*))+",
    version=r"1",
    uzi_number=_UZI_NUMBER,
    pass_type=r"[ZNMS]",
    ura=r"[0-9]{8}",
    role=r"[0-9]{2}\.[0-9]{3}",
    agb=r"[0-9]{8}",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UZIIdentity:
    """What a certificate of the UZI register says.

    ``pass_type`` is Z (zorgverlenerpas), N (medewerkerpas op naam), M (niet op naam) or S (server).
    ``role_name`` is None without role, ``agb`` None for 00000000. Names are None where the type has none (M,
    S). ``title`` is the profession's name on a Z pass.
    """

    uzi_number: str
    pass_type: str
    ura: str
    role: str
    role_name: str | None
    agb: str | None
    organisation: str
    given_names: str | None
    surname: str | None
    common_name: str
    title: str | None
    oid_ca: str
    environment: str
    usage: str
    not_before: datetime
    not_after: datetime
    issuer_cn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ZorgIDIdentity:
    """What a ZORG-ID certificate says: the person only; URA and role come from the registry (AUT-2).
    ``serial`` is hexadecimal, lower case.
    """

    uzi_number: str
    given_names: str
    surname: str
    common_name: str
    guid: bytes
    usage: str
    serial: str
    not_before: datetime
    not_after: datetime
    issuer_cn: str


def _wrong(field: str, reason: str) -> UZIFieldError:
    return UZIFieldError(f"UZI certificate: {field}: {reason}", field=field, reason=reason)


def read_uzi_identity(data: bytes, *, lenient: bool = False, hierarchies: Iterable[Hierarchy] = KNOWN) -> UZIIdentity:
    """Read the identity of a UZI certificate strictly.

    Args:
        data: one certificate, DER or PEM.
        lenient: accept the UZI otherName as UTF8String, and a person's authenticity certificate without UPN,
            as some third-party test CAs make them.
        hierarchies: the generations to recognise.

    Raises:
        CertificateMalformedError: not a certificate.
        NotUZIError: a certificate of somebody else.
        UZIFieldError: one of the register's that is malformed or contradicts itself; ``field`` names where.
    """
    certificate = _x509.load_certificate(data)
    found = find_pass(tuple(hierarchies), _issuer(certificate))
    fields = _uzi_fields(certificate, known_issuer=found is not None, lenient=lenient)
    if found is None:
        raise _wrong("issuer", "not an issuing CA of the UZI register")
    hierarchy, profile = found
    _require_agreement(fields, profile)
    usage = _usage(certificate, profile)
    _require_upn(
        certificate,
        fields,
        required=usage == "authenticity" and profile.pass_type in PERSONAL and not lenient,
    )
    return _identity(certificate, fields, hierarchy.environment, usage)


def _issuer(certificate: x509.Certificate) -> str:
    """The issuing CA's CN, provided that it is CIBG's; else nothing."""
    if _x509.attributes(certificate.issuer, NameOID.ORGANIZATION_NAME) != [ISSUER_ORGANISATION]:
        return ""
    names = _x509.attributes(certificate.issuer, NameOID.COMMON_NAME)
    return names[0] if len(names) == 1 else ""


def _other_names(certificate: x509.Certificate, type_id: str) -> list[bytes]:
    """The DER values of the otherNames of this type in the subjectAltName (RFC 5280, 4.2.1.6)."""
    names = _x509.extension(certificate, x509.SubjectAlternativeName) or ()
    return [name.value for name in names if isinstance(name, x509.OtherName) and name.type_id.dotted_string == type_id]


def _string(value: bytes, tags: tuple[int, ...]) -> str:
    """The text of one DER string of one of these types.

    Raises:
        ValueError: another type, other octets behind it, or not text.
    """
    try:
        items = Index(value, der=True).items()
    except TLVError as error:
        raise ValueError(f"not DER: {error}") from error
    if len(items) != 1 or items[0][0] not in tags:
        raise ValueError("not one string of the type asked for")
    tag, text = items[0]
    return text.decode("ascii" if tag == _IA5_STRING else "utf-8")


def _uzi_fields(certificate: x509.Certificate, *, known_issuer: bool, lenient: bool) -> _Fields:
    values = _other_names(certificate, UZI_NAME)
    if not values and not known_issuer:
        raise NotUZIError("not a certificate of the UZI register", issuer=_x509.common_name(certificate.issuer))
    if len(values) != 1:
        raise _wrong("subjectAltName", f"{len(values)} otherNames 2.5.5.5, expected one")
    try:
        text = _string(values[0], (_IA5_STRING, _UTF8_STRING) if lenient else (_IA5_STRING,))
    except ValueError as error:
        raise _wrong("subjectAltName", f"not one IA5String: {error}") from error
    parts = text.split("-")
    if len(parts) != len(_FORMS):
        raise _wrong("subjectAltName", f"{len(parts)} fields, expected {len(_FORMS)}")
    for field, form, part in zip(_Fields._fields, _FORMS, parts, strict=True):
        if not re.fullmatch(form, part):
            raise _wrong(field, "not of its form")
    return _Fields(*parts)


def _require_agreement(fields: _Fields, profile: PassProfile) -> None:
    if fields.pass_type != profile.pass_type:
        raise _wrong("pass_type", f"{fields.pass_type}, but the issuing CA is that of {profile.pass_type}")
    if fields.oid_ca != profile.oid_ca:
        raise _wrong("oid_ca", f"not that of the issuing CA, {profile.oid_ca}")
    if profile.pass_type in PROFESSIONAL and fields.role.startswith("00"):
        raise _wrong("role", "a zorgverlenerpas names a profession")
    if profile.pass_type not in PROFESSIONAL and fields.role != NO_ROLE:
        raise _wrong("role", f"{NO_ROLE} expected on type {profile.pass_type}")


def _usage(certificate: x509.Certificate, profile: PassProfile) -> str:
    policies = _x509.extension(certificate, x509.CertificatePolicies) or ()
    asserted = {item.policy_identifier.dotted_string for item in policies}
    usages = {profile.policies[policy] for policy in asserted & profile.policies.keys()}
    if len(usages) != 1:
        raise _wrong("certificatePolicies", "not exactly one policy of this pass type and environment")
    usage = usages.pop()
    key_usage = _x509.extension(certificate, x509.KeyUsage)
    if key_usage is None or not _bits(key_usage) == KEY_USAGES[usage]:
        raise _wrong("keyUsage", f"not that of {usage}")
    return usage


_BITS = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
)


def _bits(key_usage: x509.KeyUsage) -> frozenset[str]:
    return frozenset(name for name in _BITS if getattr(key_usage, name))


def _require_upn(certificate: x509.Certificate, fields: _Fields, *, required: bool) -> None:
    values = _other_names(certificate, UPN)
    if len(values) > 1 or (required and not values):
        raise _wrong("upn", f"{len(values)} user principal names, expected one")
    for value in values:
        try:
            text = _string(value, (_UTF8_STRING,))
        except ValueError as error:
            raise _wrong("upn", f"not a UTF8String: {error}") from error
        if text != f"{fields.uzi_number}@{fields.ura}":
            raise _wrong("upn", "does not agree with UZI number and URA")


def _subject(certificate: x509.Certificate, oid: ObjectIdentifier, field: str, *, present: bool) -> str | None:
    """The one attribute of the subject that must be (or must not be) there."""
    values = _x509.attributes(certificate.subject, oid)
    if len(values) != present or not all(values):
        raise _wrong(field, f"{len(values)} in the subject, expected {int(present)}")
    return values[0] if present else None


def _required(certificate: x509.Certificate, oid: ObjectIdentifier, field: str) -> str:
    return _subject(certificate, oid, field, present=True) or ""


def _identity(certificate: x509.Certificate, fields: _Fields, environment: str, usage: str) -> UZIIdentity:
    if _required(certificate, NameOID.SERIAL_NUMBER, "serialNumber") != fields.uzi_number:
        raise _wrong("serialNumber", "the subject's serialNumber is not the UZI number")
    personal = fields.pass_type in PERSONAL
    return UZIIdentity(
        uzi_number=fields.uzi_number,
        pass_type=fields.pass_type,
        ura=fields.ura,
        role=fields.role,
        role_name=role_name(fields.role),
        agb=None if fields.agb == _NO_AGB else fields.agb,
        organisation=_required(certificate, NameOID.ORGANIZATION_NAME, "organisation"),
        given_names=_subject(certificate, NameOID.GIVEN_NAME, "given_names", present=personal),
        surname=_subject(certificate, NameOID.SURNAME, "surname", present=personal),
        common_name=_required(certificate, NameOID.COMMON_NAME, "common_name"),
        title=_subject(certificate, NameOID.TITLE, "title", present=fields.pass_type in PROFESSIONAL),
        oid_ca=fields.oid_ca,
        environment=environment,
        usage=usage,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        issuer_cn=_x509.common_name(certificate.issuer),
    )


def read_zorgid_identity(
    data: bytes,
    *,
    identity_oid: str = IDENTITY_OID,
    profiles: Iterable[CertificateProfile] = tuple(PROFILES.values()),
) -> ZorgIDIdentity:
    """Read the identity of a certificate of our own profile (docs/certificate-profile.md).

    Raises:
        CertificateMalformedError: not a certificate, or one of ours that contradicts itself; ``field`` names
            where.
        NotZorgIDError: a certificate of somebody else.
    """
    certificate = _x509.load_certificate(data)
    values = _other_names(certificate, identity_oid)
    if not values:
        raise NotZorgIDError("not a ZORG-ID certificate", issuer=_x509.common_name(certificate.issuer))
    number = _zorgid_number(values)
    subject = {oid: _x509.attributes(certificate.subject, oid) for oid in _ZORGID_SUBJECT}
    for oid, field in _ZORGID_SUBJECT.items():
        if len(subject[oid]) != 1:
            raise CertificateMalformedError(f"{field}: expected once", field=field, reason="count")
    if subject[NameOID.SERIAL_NUMBER] != [number]:
        raise CertificateMalformedError(
            "the subject's serialNumber is not the UZI number", field="serialNumber", reason="contradiction"
        )
    return ZorgIDIdentity(
        uzi_number=number,
        given_names=subject[NameOID.GIVEN_NAME][0],
        surname=subject[NameOID.SURNAME][0],
        common_name=subject[NameOID.COMMON_NAME][0],
        guid=_guid(certificate),
        usage=_zorgid_usage(certificate, profiles),
        serial=f"{certificate.serial_number:x}",
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        issuer_cn=_x509.common_name(certificate.issuer),
    )


_ZORGID_SUBJECT = {
    NameOID.GIVEN_NAME: "given_names",
    NameOID.SURNAME: "surname",
    NameOID.COMMON_NAME: "common_name",
    NameOID.SERIAL_NUMBER: "serialNumber",
}


def _zorgid_number(values: list[bytes]) -> str:
    try:
        (value,) = values
        version, number = _string(value, (_IA5_STRING,)).split("-")
    except ValueError as error:
        raise CertificateMalformedError(
            "malformed ZORG-ID otherName", field="subjectAltName", reason=str(error)[:200]
        ) from error
    if version != IDENTITY_VERSION or not re.fullmatch(_UZI_NUMBER, number):
        raise CertificateMalformedError("malformed ZORG-ID otherName", field="uzi_number", reason="not of its form")
    return number


def _guid(certificate: x509.Certificate) -> bytes:
    names = _x509.extension(certificate, x509.SubjectAlternativeName) or ()
    uris = [n.value for n in names if isinstance(n, x509.UniformResourceIdentifier)]
    found = [uri for uri in uris if re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", uri)]
    if len(found) != 1:
        raise CertificateMalformedError("not one urn:uuid of the card", field="guid", reason="count")
    return uuid.UUID(found[0]).bytes


def _zorgid_usage(certificate: x509.Certificate, profiles: Iterable[CertificateProfile]) -> str:
    policies = _x509.extension(certificate, x509.CertificatePolicies) or ()
    asserted = {item.policy_identifier.dotted_string for item in policies}
    found = {profile.name for profile in profiles if profile.policy in asserted}
    if len(found) != 1:
        raise CertificateMalformedError("not exactly one policy of ours", field="certificatePolicies", reason="count")
    return found.pop()
