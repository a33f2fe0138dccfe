"""One certificate: whose it is, and whether it leads to a pinned root at a moment."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from zorgid_card.errors import (
    CertificateMalformedError,
    NotUZIError,
    NotZorgIDError,
    UntrustedError,
    ZorgIDError,
)
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.chain import build_path, require_valid_at
from zorgid_card.pki.hierarchy import KNOWN
from zorgid_card.pki.identity import UZIIdentity, ZorgIDIdentity, read_uzi_identity, read_zorgid_identity
from zorgid_card.pki.profile import POLICIES
from zorgid_card.pki.trust import TrustStore, read_certificates

_SUFFIXES = frozenset({".cer", ".crt", ".der", ".pem"})
_NEIGHBOURS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorities:
    """CA certificates to judge with.

    Args:
        found: from the card, or from the file's folder; they become roots only where the library has their fingerprint pinned.
        given: what the person names; a root among them is trusted for ZORG-ID certificates, whose CA is each portal's own.
    """

    found: Sequence[bytes] = ()
    given: Sequence[bytes] = ()


@dataclass(slots=True, kw_only=True)
class CertificateReport:
    """What was found out. ``verdict``: ``trusted``, ``refused``, or ``unjudged`` where no CA of the portal was given.

    ``given``: the chain ends at a root that the person named, not at a pinned one.
    """

    certificate: x509.Certificate | None
    kind: str = "other-certificate"
    identity: UZIIdentity | ZorgIDIdentity | None = None
    verdict: str = "refused"
    at: datetime
    chain: list[str] = field(default_factory=list)
    given: bool = False
    error: ZorgIDError | None = None


def examine(data: bytes, authorities: Authorities, at: datetime) -> CertificateReport:
    """Find out everything; what does not hold is the report's ``error``, so that the rest can be shown all the same."""
    report = CertificateReport(certificate=None, at=at)
    try:
        report.certificate = _load(data)
        if _is_authority(data):
            report.kind = "ca-certificate"
            chain, report.given = _authority_chain(report.certificate, authorities, at)
        else:
            report.kind, report.identity = _identity(data, report.certificate)
            chain = _chain(data, report.identity, authorities, at)
            report.given = isinstance(report.identity, ZorgIDIdentity)
    except ZorgIDError as error:
        if report.identity is not None:
            error.details["card"] = "uzi-pass" if isinstance(report.identity, UZIIdentity) else "zorgid"
        report.error = error
        return report
    report.verdict = "trusted" if chain else "unjudged"
    report.chain = [name_of(x509.load_der_x509_certificate(der).subject) for der in chain]
    return report


def _load(data: bytes) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(data)
    except ValueError as error:
        raise CertificateMalformedError("not a certificate", field="certificate", reason=str(error)[:120]) from error


def _identity(data: bytes, certificate: x509.Certificate) -> tuple[str, UZIIdentity | ZorgIDIdentity]:
    try:
        return "uzi-certificate", read_uzi_identity(data)
    except NotUZIError as error:
        try:
            return "zorgid-certificate", read_zorgid_identity(data)
        except NotZorgIDError:
            raise error from None


def _chain(
    data: bytes, identity: UZIIdentity | ZorgIDIdentity, authorities: Authorities, at: datetime
) -> tuple[bytes, ...]:
    """The chain, leaf to root; empty where there is nothing to judge a ZORG-ID certificate by."""
    if isinstance(identity, UZIIdentity):
        accepted = [h for h in KNOWN if h.environment == identity.environment]
        trust = TrustStore.of(accepted, [*authorities.given, *authorities.found])
    else:
        roots = [der for der in authorities.given if _is_root(der)]
        if not roots:
            return ()
        trust = TrustStore(roots, [*authorities.given, *authorities.found], None, POLICIES)
    return tuple(link.der for link in trust.verify(data, at=at, usage=identity.usage))


def _authority_chain(
    certificate: x509.Certificate, authorities: Authorities, at: datetime
) -> tuple[tuple[bytes, ...], bool]:
    """The chain of a CA, up to a pinned root or else to one that the person gave; and whether it is one given.

    Raises:
        UntrustedError, CertificateExpiredError, CertificateNotYetValidError: there is none that holds.
    """
    between = [_load(der) for der in (*authorities.given, *authorities.found)]
    pins = frozenset[str]().union(*(one.roots for one in KNOWN))
    pinned = [one for one in (certificate, *between) if fingerprint(one) in pins]
    try:
        return _path(certificate, pinned, between, at), False
    except UntrustedError:
        roots = [one for one in map(_load, authorities.given) if one.issuer == one.subject]
        if not roots:
            raise
        return _path(certificate, roots, between, at), True


def _path(
    certificate: x509.Certificate, roots: list[x509.Certificate], between: list[x509.Certificate], at: datetime
) -> tuple[bytes, ...]:
    if certificate in roots:
        require_valid_at(_judged(certificate), at)
        return (certificate.public_bytes(Encoding.DER),)
    found = build_path(_judged(certificate), [*map(_judged, roots)], [*map(_judged, between)], at)
    return tuple(link.der for link in found)


def _judged(certificate: x509.Certificate) -> Certificate:
    return Certificate.parse(certificate.public_bytes(Encoding.DER))


def _is_root(der: bytes) -> bool:
    certificate = x509.load_der_x509_certificate(der)
    return certificate.issuer == certificate.subject


# --- files -----------------------------------------------------------------------------------------------------------


def neighbours(path: Path) -> list[bytes]:
    """The CA certificates that lie in the same folder as a file; whatever else lies there is passed over."""
    try:
        found = sorted(other for other in path.resolve().parent.iterdir() if other.suffix.lower() in _SUFFIXES)
    except OSError:
        return []
    return authorities_in(found[:_NEIGHBOURS], strict=False)


def authorities_in(paths: Iterable[Path], *, strict: bool = True) -> list[bytes]:
    """The CA certificates in files.

    Raises:
        StorageError, CertificateMalformedError: a file cannot be read, and ``strict`` is set.
    """
    found: list[bytes] = []
    for path in paths:
        try:
            found += [der for der in read_certificates(path) if _is_authority(der)]
        except ZorgIDError:
            if strict:
                raise
    return found


def _is_authority(der: bytes) -> bool:
    certificate = _load(der)
    try:
        return bool(certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except (x509.ExtensionNotFound, ValueError):
        return False


# --- words -----------------------------------------------------------------------------------------------------------


def name_of(name: x509.Name) -> str:
    """A name as people know it: its CN, or all of it."""
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else name.rfc4514_string()


def key_of(certificate: x509.Certificate) -> str:
    """Kind and size of the key."""
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA-{key.key_size}"
    return key.curve.name if isinstance(key, ec.EllipticCurvePublicKey) else type(key).__name__


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256, hexadecimal, upper case."""
    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest().upper()
