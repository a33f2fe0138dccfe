"""Whether somebody else's CA issued what was asked for: a certificate of our profile, for this key and this person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from zorgid_card.errors import CertificateError, CertificateIssuedError
from zorgid_card.pki import _x509
from zorgid_card.pki.certificate import KEY_USAGES
from zorgid_card.pki.identity import read_zorgid_identity
from zorgid_card.pki.naming import alternative_names, subject_name
from zorgid_card.ports.authority import CertificateProfile, SubjectData

SLACK = timedelta(days=1)
"""How much longer than asked a certificate may be valid, and how long before it is issued: CAs round, and their clocks differ."""

MAX_CERTIFICATE = 32 * 1024
"""Octets."""

_SERIAL_BITS = 159
_STRONG = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked for; the fields are those of :meth:`zorgid_card.ports.authority.CertificateAuthority.issue`."""

    profile: CertificateProfile
    subject: SubjectData
    public_key: bytes
    guid: bytes
    now: datetime
    not_after: datetime


def require_issued(der: bytes, asked: Asked, issuer: bytes) -> None:
    """Require that a certificate is the one that was asked for.

    It may have extensions that we do not know, unless they are critical; names, purposes and policies are ours and no others.

    Args:
        der: what came, at most 32 KiB.
        asked: for what.
        issuer: the issuing CA's certificate, DER.

    Raises:
        CertificateIssuedError: it is not; ``field`` names where.
    """
    try:
        _x509.require_size(der, MAX_CERTIFICATE, "certificate")
        identity = read_zorgid_identity(der, identity_oid=asked.profile.identity_oid, profiles=[asked.profile])
        with _x509.decoding("certificate"):
            certificate = x509.load_der_x509_certificate(der)
            differing = list(_differing(certificate, asked, x509.load_der_x509_certificate(issuer)))
    except CertificateError as error:
        raise CertificateIssuedError(f"no certificate of our profile: {error}", field="certificate") from error
    if identity.guid != asked.guid:
        differing.append("guid")
    if differing:
        raise CertificateIssuedError(f"the CA issued something else: {', '.join(differing)}", field=differing[0])


def _differing(certificate: x509.Certificate, asked: Asked, issuer: x509.Certificate) -> Iterable[str]:
    """The names of the fields that are not as asked."""
    sound = {
        "signature": _signed_by(certificate, issuer),
        "public key": _spki(certificate) == asked.public_key,
        "subject": certificate.subject == subject_name(asked.subject),
        "serial": 0 < certificate.serial_number.bit_length() <= _SERIAL_BITS,
        "validity": _valid(certificate, asked),
        "extensions": all(extension.oid in _KNOWN for extension in certificate.extensions if extension.critical),
        "basicConstraints": not _is_ca(certificate),
        "keyUsage": _usages(certificate) == _wanted_usages(certificate, asked.profile),
        "extKeyUsage": _purposes(certificate) == set(asked.profile.extended_key_usage),
        "certificatePolicies": _policies(certificate) == {asked.profile.policy},
        "subjectAltName": _names(certificate) == set(alternative_names(asked.profile, asked.subject, asked.guid)),
    }
    return (field for field, right in sound.items() if not right)


_KNOWN = frozenset(
    kind.oid
    for kind in (
        x509.BasicConstraints,
        x509.KeyUsage,
        x509.ExtendedKeyUsage,
        x509.CertificatePolicies,
        x509.SubjectAlternativeName,
    )
)


def _signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return isinstance(certificate.signature_hash_algorithm, _STRONG)


def _spki(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _valid(certificate: x509.Certificate, asked: Asked) -> bool:
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return asked.now - SLACK <= start <= asked.now + SLACK and start < end <= asked.not_after + SLACK


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _usages(certificate: x509.Certificate) -> set[str]:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return set()
    names = KEY_USAGES if usage.key_agreement else [name for name in KEY_USAGES if not name.endswith("_only")]
    return {name for name in names if getattr(usage, name)}


def _wanted_usages(certificate: x509.Certificate, profile: CertificateProfile) -> frozenset[str]:
    on_curve = isinstance(certificate.public_key(), ec.EllipticCurvePublicKey)
    return profile.key_usage_ec if on_curve else profile.key_usage


def _purposes(certificate: x509.Certificate) -> set[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return set()
    return {purpose.dotted_string for purpose in found}


def _policies(certificate: x509.Certificate) -> set[str]:
    found = certificate.extensions.get_extension_for_class(x509.CertificatePolicies).value
    return {policy.policy_identifier.dotted_string for policy in found}


def _names(certificate: x509.Certificate) -> set[x509.GeneralName]:
    return set(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
