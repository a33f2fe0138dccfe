"""Loading of certificates, CRLs and CSRs: whatever the bytes are, only typed errors come out.

``cryptography`` decodes many parts of a certificate only when they are asked for, and then raises
``ValueError`` and others. Here every part is asked for at once, so that what is returned can be read without
a second thought.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, ObjectIdentifier

from zorgid_card.errors import CertificateMalformedError, UsageError

MAX_CERTIFICATE = 64 * 1024
"""Octets; a certificate object of a PIV card holds at most 3 KiB, a UZI certificate about 2 KiB."""

_PEM = b"-----BEGIN "

_DECODING = (
    ValueError,
    TypeError,
    OverflowError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)

T = TypeVar("T")
E = TypeVar("E", bound=x509.ExtensionType)


@contextmanager
def decoding(field: str) -> Iterator[None]:
    """Turn what ``cryptography`` raises over malformed input into :class:`CertificateMalformedError` naming
    ``field``.
    """
    try:
        yield
    except _DECODING as error:
        reason = str(error)[:200] or type(error).__name__
        raise CertificateMalformedError(f"malformed {field}: {reason}", field=field, reason=reason) from error


def require_size(data: bytes, limit: int, field: str) -> None:
    """Refuse input of more than ``limit`` octets before anything looks at it.

    Raises:
        CertificateMalformedError: ``data`` is empty or too long.
    """
    if not 0 < len(data) <= limit:
        raise CertificateMalformedError(
            f"{field}: {len(data)} octets, expected 1 to {limit}", field=field, reason="length"
        )


def load_certificate(data: bytes) -> x509.Certificate:
    """Decode one X.509 v3 certificate (RFC 5280, 4.1), DER or PEM, and every part of it.

    Args:
        data: exactly one certificate, at most 64 KiB.

    Raises:
        CertificateMalformedError: not a certificate, or a part of it is malformed.
    """
    require_size(data, MAX_CERTIFICATE, "certificate")
    with decoding("certificate"):
        certificate = _decode_certificate(bytes(data))
    _decode_all(certificate)
    return certificate


def _decode_certificate(data: bytes) -> x509.Certificate:
    if not data.lstrip().startswith(_PEM):
        return x509.load_der_x509_certificate(data)
    found = x509.load_pem_x509_certificates(data)
    if len(found) != 1:
        raise ValueError(f"{len(found)} certificates in the file, expected one")
    return found[0]


def _decode_all(certificate: x509.Certificate) -> None:
    parts: dict[str, Callable[[], object]] = {
        "version": lambda: certificate.version,
        "issuer": lambda: str(certificate.issuer),
        "subject": lambda: str(certificate.subject),
        "validity": lambda: (certificate.not_valid_before_utc, certificate.not_valid_after_utc),
        "subjectPublicKeyInfo": certificate.public_key,
        "extensions": lambda: certificate.extensions,
        "signatureAlgorithm": lambda: certificate.signature_algorithm_parameters,
    }
    for field, read in parts.items():
        with decoding(field):
            read()
    if certificate.version is not x509.Version.v3:
        raise CertificateMalformedError(
            "not an X.509 version 3 certificate", field="version", reason=certificate.version.name
        )


def extension(certificate: x509.Certificate, kind: type[E]) -> E | None:
    """The value of the extension ``kind``, or None where the certificate has none."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def attributes(name: x509.Name, oid: ObjectIdentifier) -> list[str]:
    """The values of all attributes ``oid`` of a name, in order; octets that are no text are left out."""
    return [a.value for a in name.get_attributes_for_oid(oid) if isinstance(a.value, str)]


def common_name(name: x509.Name) -> str:
    """The name's CN, or its whole RFC 4514 text where it has none."""
    found = attributes(name, NameOID.COMMON_NAME)
    return found[0] if found else name.rfc4514_string()


def der(certificate: x509.Certificate) -> bytes:
    """The certificate's DER."""
    return certificate.public_bytes(Encoding.DER)


def fingerprint(data: bytes) -> str:
    """SHA-256 of a DER certificate, 64 hexadecimal characters, upper case."""
    return hashlib.sha256(data).hexdigest().upper()


def utc(at: datetime) -> datetime:
    """``at`` in UTC.

    Raises:
        UsageError: ``at`` has no time zone, so that it is not known which moment is meant, or lies beyond all years in UTC.
    """
    if at.tzinfo is None:
        raise UsageError("a moment without a time zone cannot be judged", reason="naive time")
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise UsageError("a moment beyond all years", reason="date") from error


def iso(at: datetime) -> str:
    """ISO 8601 text in UTC, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
