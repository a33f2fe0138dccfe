"""CRLs made (RFC 5280, 5): full, delta, and of one distribution point.

``cryptography`` encodes the extensions and signs; the entries, of which there may be a hundred thousand, are put together here: an
object for each of them would take longer than all the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final, NamedTuple

from asn1crypto.core import ObjectIdentifier
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from zorgid_card.codec.tlv import encode
from zorgid_card.errors import UsageError
from zorgid_card.pki import _x509
from zorgid_card.pki.crl import UNSPECIFIED
from zorgid_card.pki.signing import PrivateKey
from zorgid_card.ports.authority import CRLForm

REMOVED: Final = "removeFromCRL"
"""In a delta CRL: the certificate is on hold no more (5.3.1)."""

_SEQUENCE, _BITS, _OCTETS, _EXTENSIONS = 0x30, 0x03, 0x04, 0xA0
_TRUE, _VERSION_2 = b"\x01\x01\xff", b"\x02\x01\x01"
_RSA_SHA256 = bytes.fromhex("300d06092a864886f70d01010b0500")
_ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
_REASON = bytes.fromhex("300c300a0603551d1504030a01")
"""Extensions with one, reasonCode (5.3.1): its value, one octet, follows."""
REASON_CODES: Final = {
    "keyCompromise": 1,
    "cACompromise": 2,
    "affiliationChanged": 3,
    "superseded": 4,
    "cessationOfOperation": 5,
    "certificateHold": 6,
    REMOVED: 8,
    "privilegeWithdrawn": 9,
    "aACompromise": 10,
}
_FULL: Final = CRLForm()
_SHA256: Final = hashes.SHA256()
_PKCS1: Final = padding.PKCS1v15()
_ECDSA: Final = ec.ECDSA(Prehashed(_SHA256))


class Period(NamedTuple):
    """thisUpdate and nextUpdate, UTC."""

    start: datetime
    end: datetime

    @classmethod
    def of(cls, this_update: datetime, next_update: datetime) -> Period:
        """To the second; raises UsageError unless one is after the other."""
        start, end = (_x509.utc(moment).replace(microsecond=0) for moment in (this_update, next_update))
        if start >= end:
            raise UsageError("nextUpdate is not after thisUpdate", reason="dates")
        return cls(start, end)


def sign_list(
    issuer: x509.Certificate,
    key: PrivateKey,
    entries: Iterable[tuple[int, datetime, str]],
    number: int,
    period: Period,
    form: CRLForm = _FULL,
) -> bytes:
    """Sign a CRL with authorityKeyIdentifier and CRL number, and what its form brings, with SHA-256.

    Args:
        issuer: the CA.
        key: its key.
        entries: serial, since, reason; in any order, each serial once.
        number: CRL number (5.2.3), not negative.
        period: how long it is fresh.
        form: full or delta, and about whom.

    Returns:
        CertificateList, DER.

    Raises:
        UsageError: a serial stands twice, a reason is unknown or not for such a list, or the numbers are none.
    """
    if number < 0 or not 0 <= (form.base or 0) <= number:
        raise UsageError("a CRL number is not negative, and a base's is no later one", reason="number")
    listed, reasons = _entries(entries)
    if REMOVED in reasons and form.base is None:
        raise UsageError("removeFromCRL is for delta CRLs only", reason="reason")
    tbs = encode(
        _SEQUENCE,
        _VERSION_2,
        algorithm_of(key),
        issuer.subject.public_bytes(),
        time_of(period.start),
        time_of(period.end),
        encode(_SEQUENCE, listed) if listed else b"",  # 5.1.2.6: absent rather than empty
        encode(_EXTENSIONS, encode(_SEQUENCE, *(_extension(*one) for one in _extensions(issuer, number, form)))),
    )
    return signed(key, tbs)


def _entries(entries: Iterable[tuple[int, datetime, str]]) -> tuple[bytes, set[str]]:
    """revokedCertificates, and which reasons there are in it."""
    tails: dict[tuple[datetime, str], bytes] = {}
    found: dict[int, bytes] = {}
    count = 0
    for serial, since, reason in entries:
        count += 1
        tail = tails.get((since, reason))
        if tail is None:
            tail = tails[since, reason] = time_of(since) + _reason(reason)
        size = (serial.bit_length() >> 3) + 1
        found[serial] = b"\x30%c\x02%c%b%b" % (2 + size + len(tail), size, serial.to_bytes(size, "big"), tail)
    if len(found) != count:
        raise UsageError("a serial number stands twice", reason="serial")
    return b"".join(found.values()), {reason for _, reason in tails}


def _reason(reason: str) -> bytes:
    if reason == UNSPECIFIED:  # 5.3.1: absent rather than unspecified
        return b""
    if reason not in REASON_CODES:
        raise UsageError(f"unknown reason {reason!r}", reason="reason")
    return _REASON + bytes((REASON_CODES[reason],))


def _extensions(issuer: x509.Certificate, number: int, form: CRLForm) -> list[tuple[x509.ExtensionType, bool]]:
    found: list[tuple[x509.ExtensionType, bool]] = [
        (authority_key(issuer), False),
        (x509.CRLNumber(number), False),
    ]
    if form.point is not None:
        found.append((_issuing_point(form.point), True))
    if form.base is not None:
        found.append((x509.DeltaCRLIndicator(form.base), True))
    elif form.freshest is not None:
        found.append((x509.FreshestCRL([_point(form.freshest)]), False))
    return found


def _issuing_point(url: str) -> x509.IssuingDistributionPoint:
    """A part of the list of holders' certificates (5.2.5): CAs' own are on another list, of another issuer."""
    return x509.IssuingDistributionPoint(
        full_name=[x509.UniformResourceIdentifier(url)],
        relative_name=None,
        only_contains_user_certs=True,
        only_contains_ca_certs=False,
        only_some_reasons=None,
        indirect_crl=False,
        only_contains_attribute_certs=False,
    )


def _point(url: str) -> x509.DistributionPoint:
    return x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, None)


def _extension(value: x509.ExtensionType, critical: bool) -> bytes:
    oid: bytes = ObjectIdentifier(value.oid.dotted_string).dump()
    return encode(_SEQUENCE, oid, _TRUE if critical else b"", encode(_OCTETS, value.public_bytes()))


def authority_key(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """authorityKeyIdentifier of what this CA signs (4.2.1.1)."""
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def time_of(moment: datetime) -> bytes:
    """Time (4.1.2.5): UTCTime up to 2049, then GeneralizedTime; to the second."""
    moment = moment.astimezone(UTC) if moment.tzinfo is not None else _x509.utc(moment)
    digits = b"%04d%02d%02d%02d%02d%02dZ" % moment.timetuple()[:6]
    if 1950 <= moment.year < 2050:
        return b"\x17\x0d" + digits[2:]
    return b"\x18\x0f" + digits


def algorithm_of(key: PrivateKey) -> bytes:
    """AlgorithmIdentifier of its signatures with SHA-256, DER."""
    return _ECDSA_SHA256 if isinstance(key, ec.EllipticCurvePrivateKey) else _RSA_SHA256


def signer_of(key: PrivateKey) -> Callable[[bytes], bytes]:
    """Signs with SHA-256: ECDSA as DER, RSA by PKCS #1 v1.5."""
    if isinstance(key, rsa.RSAPrivateKey):
        return lambda tbs: key.sign(tbs, _PKCS1, _SHA256)
    return lambda tbs: key.sign(sha256(tbs).digest(), _ECDSA)


def signed(key: PrivateKey, tbs: bytes) -> bytes:
    """What is to be signed, its algorithm and its signature in one SEQUENCE, DER."""
    return encode(_SEQUENCE, tbs, algorithm_of(key), encode(_BITS, b"\0", signer_of(key)(tbs)))
