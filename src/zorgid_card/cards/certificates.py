"""What a card needs to know of a certificate to use its key: no trust is decided here."""

from __future__ import annotations

from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from zorgid_card.codec.tlv import encode
from zorgid_card.errors import CertificateMalformedError
from zorgid_card.protocol.piv import KeyAlgorithm, key_algorithm_of_spki

_OBJECT_IDENTIFIER: Final = 0x06


def carries(der: bytes, type_id: str) -> bool:
    """Whether the object identifier ``type_id`` stands anywhere in the certificate: a sign of its kind, no
    proof.
    """
    return _object_identifier(type_id) in der


def _object_identifier(dotted: str) -> bytes:
    """DER (X.690, 8.19)."""
    first, second, *rest = map(int, dotted.split("."))
    return encode(_OBJECT_IDENTIFIER, *map(_subidentifier, (40 * first + second, *rest)))


def _subidentifier(number: int) -> bytes:
    """In groups of seven bits, with bit 8 set on all but the last."""
    octets = [number & 0x7F]
    while number := number >> 7:
        octets.append(number & 0x7F | 0x80)
    return bytes(reversed(octets))


def public_key_of(der: bytes) -> tuple[bytes, KeyAlgorithm]:
    """SubjectPublicKeyInfo DER of a certificate, and what kind of key it is.

    Raises:
        CertificateMalformedError: not a certificate, or not a public key.
        CardResponseError: a key that these cards do not have.
    """
    try:
        key = x509.load_der_x509_certificate(der).public_key()
        spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise _malformed("subjectPublicKeyInfo", error) from error
    return spki, key_algorithm_of_spki(key)


def usage_of(der: bytes) -> str | None:
    """What the key of a UZI certificate is for, by its KeyUsage (CPS, certificate profiles); None when it
    has none.

    Returns:
        ``authenticity``, ``signature`` or ``confidentiality``.

    Raises:
        CertificateMalformedError: not a certificate.
    """
    try:
        usage = x509.load_der_x509_certificate(der).extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return None
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.InvalidVersion) as error:
        raise _malformed("keyUsage", error) from error
    if usage.content_commitment:
        return "signature"
    if usage.digital_signature:
        return "authenticity"
    return "confidentiality" if usage.key_encipherment or usage.data_encipherment or usage.key_agreement else None


def _malformed(field: str, error: Exception) -> CertificateMalformedError:
    return CertificateMalformedError(f"the certificate on the card: {error}", field=field, reason=type(error).__name__)
