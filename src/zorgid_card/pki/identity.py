"""Who a certificate names: the identity of a UZI pass, and that of a ZORG-ID Smartcard.

The UZI identity stands in the subjectAltName as otherName ``2.5.5.5``, ``[0] EXPLICIT IA5String``, with seven
fields between hyphens: ``<OID CA>-<version>-<UZI number>-<pass type>-<URA>-<role>-<AGB code>`` (CIBG,
Certificaatprofielen). It is decoded as DER; what stands twice must agree: pass type with issuing CA, OID CA
and policy, UZI number with the subject's serialNumber and the UPN. Nothing is trusted by being read: see
:mod:`zorgid_card.pki.chain`.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, NoReturn, TypeVar

from zorgid_card.errors import (
    CertificateMalformedError,
    MessageError,
    NotUZIError,
    NotZorgIDError,
    UZIFieldError,
)
from zorgid_card.pki import _x509
from zorgid_card.pki.certificate import COMMON_NAME, Certificate, usage_bits
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
from zorgid_card.pki.profile import IDENTITY_OID, IDENTITY_VERSION, PROFILES
from zorgid_card.pki.roles import NO_ROLE, role_name
from zorgid_card.ports.authority import CertificateProfile
from zorgid_card.ports.card import Octets

UZI_NAME = "2.5.5.5"
"""type-id of the UZI otherName."""

UPN = "1.3.6.1.4.1.311.20.2.3"
"""type-id of Microsoft's user principal name, in UZI certificates ``<UZI number>@<URA>``."""

FHIR_SYSTEMS: Final = "http://fhir.nl/fhir/NamingSystem/"
"""What the identifier systems of Dutch health care begin with."""

MAX_JSON = 100_000
"""Characters of an identity as JSON: room for the longest certificate."""

_IA5_STRING, _UTF8_STRING = 0x16, 0x0C
_NO_AGB = "00000000"
_moment: Final = datetime.fromtimestamp

_SERIAL_NUMBER = "2.5.4.5"
_SURNAME = "2.5.4.4"
_ORGANISATION = "2.5.4.10"
_GIVEN_NAME = "2.5.4.42"


_UZI_NUMBER = r"[0-9]{9}"
_FORMS: Final = {
    "oid_ca": r"[0-2](?:\.(?:0|[1-9][0-9]*))+",
    "version": r"1",
    "uzi_number": _UZI_NUMBER,
    "pass_type": r"[ZNMS]",
    "ura": r"[0-9]{8}",
    "role": r"[0-9]{2}\.[0-9]{3}",
    "agb": r"[0-9]{8}",
}
"""The fields of the UZI otherName in their order."""


class FHIRIdentifier(NamedTuple):
    """An identifier as FHIR writes it; ``resource``: what it identifies (``Practitioner``, ``Organization``, ``Device``), or
    ``PractitionerRole``, whose ``code`` the role is.
    """

    system: str
    value: str
    resource: str


class UZIIdentity(NamedTuple):
    """What a certificate of the UZI register says.

    ``pass_type`` is Z (zorgverlenerpas), N (medewerkerpas op naam), M (niet op naam) or S (server).
    ``role_name`` is None without role, ``agb`` None for 00000000. Names are None where the type has none (M,
    S); ``surname`` includes the prefixes. ``title`` is the profession's name on a Z pass. ``certificate`` is DER.
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
    certificate: bytes

    @property
    def fhir_identifiers(self) -> tuple[FHIRIdentifier, ...]:
        """URA, UZI number, role and AGB code, as far as there are any. The number of a pass that names no person (M) is that of
        the pass, and has no system; the AGB code is the holder's on Z, else the organisation's.
        """
        found = [FHIRIdentifier(f"{FHIR_SYSTEMS}ura", self.ura, "Organization")]
        if self.pass_type in PERSONAL:
            found.append(FHIRIdentifier(f"{FHIR_SYSTEMS}uzi-nr-pers", self.uzi_number, "Practitioner"))
        elif self.pass_type == "S":
            found.append(FHIRIdentifier(f"{FHIR_SYSTEMS}uzi-nr-sys", self.uzi_number, "Device"))
        if self.role != NO_ROLE:
            found.append(FHIRIdentifier(f"{FHIR_SYSTEMS}uzi-rolcode", self.role, "PractitionerRole"))
        if self.agb is not None:
            owner = "Practitioner" if self.pass_type in PROFESSIONAL else "Organization"
            found.append(FHIRIdentifier(f"{FHIR_SYSTEMS}agb-z", self.agb, owner))
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON has it: moments in ISO 8601, UTC, the certificate in base64."""
        return _shown(self) | {"fhir_identifiers": [item._asdict() for item in self.fhir_identifiers]}

    def to_json(self) -> str:
        """:meth:`to_dict` as JSON text, for a session's store."""
        return json.dumps(self.to_dict(), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str, *, lenient: bool = False, hierarchies: Iterable[Hierarchy] = KNOWN) -> UZIIdentity:
        """The identity that :meth:`to_json` wrote. It is read from its certificate again, and all else must say the same; whether
        the certificate is trusted is not asked again.

        Args:
            text: JSON of at most 100,000 characters.
            lenient, hierarchies: as for :func:`read_uzi_identity`.

        Raises:
            MessageError: not such JSON, or it contradicts its certificate; ``field``.
            CertificateError: as :func:`read_uzi_identity`.
        """
        return _from_json(text, lambda der: read_uzi_identity(der, lenient=lenient, hierarchies=hierarchies))

    def __repr__(self) -> str:
        return f"UZIIdentity({self.pass_type} {self.uzi_number}, {self.common_name!r}, URA {self.ura}, {self.usage})"


class ZorgIDIdentity(NamedTuple):
    """What a ZORG-ID certificate says: the person only; URA and role come from the registry (AUT-2).
    ``serial`` is hexadecimal, lower case; ``guid`` the card's, 16 octets; ``certificate`` is DER.
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
    certificate: bytes

    @property
    def fhir_identifiers(self) -> tuple[FHIRIdentifier, ...]:
        """The UZI number."""
        return (FHIRIdentifier(f"{FHIR_SYSTEMS}uzi-nr-pers", self.uzi_number, "Practitioner"),)

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON has it: moments in ISO 8601, UTC, the certificate in base64, the GUID as a UUID."""
        shown = _shown(self) | {"guid": str(uuid.UUID(bytes=self.guid))}
        return shown | {"fhir_identifiers": [item._asdict() for item in self.fhir_identifiers]}

    def to_json(self) -> str:
        """:meth:`to_dict` as JSON text, for a session's store."""
        return json.dumps(self.to_dict(), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(
        cls,
        text: str,
        *,
        identity_oid: str = IDENTITY_OID,
        profiles: Iterable[CertificateProfile] = tuple(PROFILES.values()),
    ) -> ZorgIDIdentity:
        """As :meth:`UZIIdentity.from_json`; the arguments are those of :func:`read_zorgid_identity`."""
        return _from_json(text, lambda der: read_zorgid_identity(der, identity_oid=identity_oid, profiles=profiles))


_Identity = TypeVar("_Identity", UZIIdentity, ZorgIDIdentity)


def _shown(identity: UZIIdentity | ZorgIDIdentity) -> dict[str, Any]:
    shown = identity._asdict()
    shown["not_before"], shown["not_after"] = _x509.iso(identity.not_before), _x509.iso(identity.not_after)
    shown["certificate"] = base64.b64encode(identity.certificate).decode()
    return shown


_REWORDED: Final = "role_name"
"""What another version of this library may say in other words."""


def _from_json(text: str, read: Callable[[bytes], _Identity]) -> _Identity:
    if len(text) > MAX_JSON:
        raise MessageError("too long for an identity", field="identity")
    try:
        given = json.loads(text)
        certificate = base64.b64decode(given["certificate"], validate=True)
    except (ValueError, TypeError, KeyError, RecursionError, binascii.Error) as error:
        raise MessageError("not an identity as JSON", field="identity") from error
    identity = read(certificate)
    _require_same(given, identity.to_dict())
    return identity


def _require_same(given: Mapping[str, Any], read: Mapping[str, Any]) -> None:
    for name in (given.keys() ^ read.keys()) | (read.keys() - {_REWORDED}):
        if name not in given or name not in read or given[name] != read[name]:
            raise MessageError(f"{name} is not what the certificate says", field=name[:40])


def _wrong(field: str, reason: str) -> UZIFieldError:
    return UZIFieldError(f"UZI certificate: {field}: {reason}", field=field, reason=reason)


def read_uzi_identity(
    data: Octets | Certificate, *, lenient: bool = False, hierarchies: Iterable[Hierarchy] = KNOWN
) -> UZIIdentity:
    """Read the identity of a UZI certificate strictly.

    Args:
        data: one certificate, DER or PEM, or one that was parsed.
        lenient: accept the UZI otherName as UTF8String, and a person's authenticity certificate without UPN,
            as some third-party test CAs make them.
        hierarchies: the generations to recognise.

    Raises:
        CertificateMalformedError: not a certificate.
        NotUZIError: a certificate of somebody else.
        UZIFieldError: one of the register's that is malformed or contradicts itself; ``field`` names where.
    """
    certificate = Certificate.parse(data)
    issuer = issuing_ca(certificate)
    found = find_pass(hierarchies, issuer)
    texts = certificate.uzi_texts(_IA5_STRING) or (certificate.uzi_texts(_UTF8_STRING) if lenient else None)
    if texts is None:
        _refuse_name(certificate, known_issuer=found is not None, lenient=lenient)
    if found is None:
        raise _wrong("issuer", "not an issuing CA of the UZI register")
    hierarchy, profile = found
    oid_ca, _, number, pass_type, ura, role, agb, upn, serial_number, organisation, cn, given_names, surname, title = (
        texts
    )
    _require_agreement(profile, pass_type, oid_ca, role)
    usage = _usage(certificate, profile)
    needs_upn = usage == "authenticity" and pass_type in PERSONAL and not lenient
    if upn != f"{number}@{ura}" and (needs_upn or upn is not None):
        raise _wrong("upn", _upn_fault(certificate))
    _require_subject(texts[_SUBJECT_AT:], pass_type)
    if serial_number != number:
        raise _wrong("serialNumber", "the subject's serialNumber is not the UZI number")
    return UZIIdentity(
        number,
        pass_type,
        ura,
        role,
        role_name(role),
        None if agb == _NO_AGB else agb,
        organisation,
        given_names,
        surname,
        cn,
        title,
        oid_ca,
        hierarchy.environment,
        usage,
        _moment(certificate.begins, UTC),
        _moment(certificate.ends, UTC),
        issuer,
        certificate.der,
    )


_MAX_ISSUERS: Final = 64
_issuers: dict[bytes, str] = {}


def issuing_ca(certificate: Certificate) -> str:
    """The issuer's CN, provided that it is CIBG's; else nothing."""
    name = certificate.issuer
    found = _issuers.get(name)
    if found is None:
        found = _read_issuer(certificate)
        if found:
            if len(_issuers) >= _MAX_ISSUERS:  # the register has some ten: somebody makes up others
                _issuers.clear()
            _issuers[name] = found
    return found


def _read_issuer(certificate: Certificate) -> str:
    attributes = certificate.issuer_attributes
    if attributes.get(_ORGANISATION) != (ISSUER_ORGANISATION,):
        return ""
    names = attributes.get(COMMON_NAME, ())
    return names[0] if len(names) == 1 else ""


def _string(value: bytes, tags: tuple[int, ...]) -> str:
    """The text of one DER string of one of these types; the decoder has seen that it is one object and no more.

    Raises:
        ValueError: another type, or not text.
    """
    if value[0] not in tags:
        raise ValueError("not one string of the type asked for")
    header = 2 if value[1] < 0x80 else 2 + (value[1] & 0x7F)
    return str(value[header:], "ascii" if value[0] == _IA5_STRING else "utf-8")


def _refuse_name(certificate: Certificate, *, known_issuer: bool, lenient: bool) -> NoReturn:
    """Say why the core found no UZI otherName of its form."""
    values = certificate.other_names(UZI_NAME)
    if not values and not known_issuer:
        raise NotUZIError("not a certificate of the UZI register", issuer=certificate.issuer_common_name)
    if len(values) != 1:
        raise _wrong("subjectAltName", f"{len(values)} otherNames 2.5.5.5, expected one")
    try:
        text = _string(values[0], (_IA5_STRING, _UTF8_STRING) if lenient else (_IA5_STRING,))
    except ValueError as error:
        raise _wrong("subjectAltName", f"not one IA5String: {error}") from error
    _refuse_form(text)


def _refuse_form(text: str) -> NoReturn:
    """Say which field is not of its form."""
    parts = text.split("-")
    if len(parts) != len(_FORMS):
        raise _wrong("subjectAltName", f"{len(parts)} fields, expected {len(_FORMS)}")
    for (field, form), part in zip(_FORMS.items(), parts, strict=True):
        if not re.fullmatch(form, part):
            raise _wrong(field, "not of its form")
    raise _wrong("subjectAltName", "not of its form")


def _require_agreement(profile: PassProfile, pass_type: str, oid_ca: str, role: str) -> None:
    if pass_type != profile.pass_type:
        raise _wrong("pass_type", f"{pass_type}, but the issuing CA is that of {profile.pass_type}")
    if oid_ca != profile.oid_ca:
        raise _wrong("oid_ca", f"not that of the issuing CA, {profile.oid_ca}")
    if pass_type in PROFESSIONAL:
        if role.startswith("00"):
            raise _wrong("role", "a zorgverlenerpas names a profession")
    elif role != NO_ROLE:
        raise _wrong("role", f"{NO_ROLE} expected on type {pass_type}")


_USAGE_BITS: Final = {usage: usage_bits(names) for usage, names in KEY_USAGES.items()}


def _usage(certificate: Certificate, profile: PassProfile) -> str:
    found = set(map(profile.policies.get, certificate.policies))
    found.discard(None)  # the policies of others
    usage = found.pop() if len(found) == 1 else None
    if usage is None:
        raise _wrong("certificatePolicies", "not exactly one policy of this pass type and environment")
    if certificate.usage_bits != _USAGE_BITS[usage]:
        raise _wrong("keyUsage", f"not that of {usage}")
    return usage


def _upn_fault(certificate: Certificate) -> str:
    values = certificate.other_names(UPN)
    if len(values) != 1:
        return f"{len(values)} user principal names, expected one"
    try:
        _string(values[0], (_UTF8_STRING,))
    except ValueError:
        return "not a UTF8String"
    return "does not agree with UZI number and URA"


_SUBJECT: Final = (
    ("serialNumber", "ZNMS"),
    ("organisation", "ZNMS"),
    ("common_name", "ZNMS"),
    ("given_names", PERSONAL),
    ("surname", PERSONAL),
    ("title", PROFESSIONAL),
)
"""The attributes as ``uzi_texts`` gives them behind the fields and the UPN, and the types of pass that have them."""
_SUBJECT_AT: Final = len(_FORMS) + 1
_COUNTS: Final = {t: sum(t in types for _, types in _SUBJECT) for t in "ZNMS"}
"""By pass type: how many of the attributes, from the first on, stand in the subject once; the others not at all."""
_NONE: Final = {t: (None,) * (len(_SUBJECT) - count) for t, count in _COUNTS.items()}


def _require_subject(texts: tuple[Any, ...], pass_type: str) -> None:
    count = _COUNTS[pass_type]
    if all(texts[:count]) and texts[count:] == _NONE[pass_type]:
        return
    for text, (field, types) in zip(texts, _SUBJECT, strict=True):
        wanted = pass_type in types
        if not text if wanted else text is not None:
            raise _wrong(field, f"expected {'once' if wanted else 'not at all'} in the subject")


def read_zorgid_identity(
    data: Octets | Certificate,
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
    certificate = Certificate.parse(data)
    values = certificate.other_names(identity_oid)
    if not values:
        raise NotZorgIDError("not a ZORG-ID certificate", issuer=certificate.issuer_common_name)
    number = _zorgid_number(values)
    subject = certificate.subject_attributes
    for oid, field in _ZORGID_SUBJECT.items():
        if len(subject.get(oid, ())) != 1:
            raise CertificateMalformedError(f"{field}: expected once", field=field, reason="count")
    if subject[_SERIAL_NUMBER] != (number,):
        raise CertificateMalformedError(
            "the subject's serialNumber is not the UZI number", field="serialNumber", reason="contradiction"
        )
    return ZorgIDIdentity(
        uzi_number=number,
        given_names=subject[_GIVEN_NAME][0],
        surname=subject[_SURNAME][0],
        common_name=subject[COMMON_NAME][0],
        guid=_guid(certificate),
        usage=_zorgid_usage(certificate, profiles),
        serial=certificate.serial_hex,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        issuer_cn=certificate.issuer_common_name,
        certificate=certificate.der,
    )


_ZORGID_SUBJECT = {
    _GIVEN_NAME: "given_names",
    _SURNAME: "surname",
    COMMON_NAME: "common_name",
    _SERIAL_NUMBER: "serialNumber",
}


def _zorgid_number(values: tuple[bytes, ...]) -> str:
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


_URN = re.compile(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _guid(certificate: Certificate) -> bytes:
    found = [uri for uri in certificate.uris if _URN.fullmatch(uri)]
    if len(found) != 1:
        raise CertificateMalformedError("not one urn:uuid of the card", field="guid", reason="count")
    return uuid.UUID(found[0]).bytes


def _zorgid_usage(certificate: Certificate, profiles: Iterable[CertificateProfile]) -> str:
    asserted = set(certificate.policies)
    found = {profile.name for profile in profiles if profile.policy in asserted}
    if len(found) != 1:
        raise CertificateMalformedError("not exactly one policy of ours", field="certificatePolicies", reason="count")
    return found.pop()
