"""Path validation (RFC 5280, 6.1) to pinned roots, at a moment, for a usage.

The path is built and its signatures, names, dates, basicConstraints, path lengths, name constraints and
critical extensions are judged by ``cryptography.x509.verification``; certificate policies and usages are
judged here (ADR 0003). Where no path is found, the same path is tried at the leaf's own dates, so that
"expired" is only ever said of a chain that is otherwise sound.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from zorgid_card.errors import (
    CertificateError,
    CertificateExpiredError,
    CertificateNotYetValidError,
    CertificateUsageError,
    UntrustedError,
    UsageError,
)
from zorgid_card.pki import _x509

MAX_DEPTH = 6
"""CA certificates above a leaf; the chains of the UZI register have three, a maker's attestation chain at
most four.
"""

MAX_CANDIDATES = 64
"""Intermediate certificates offered with one leaf. A card carries two or three."""

ANY_POLICY = "2.5.29.32.0"


class Rule(NamedTuple):
    """What the extensions of a leaf must say for one usage: one of ``key_usages``, and ``purpose`` where EKU
    is present.
    """

    key_usages: tuple[str, ...]
    purpose: ObjectIdentifier | None


RULES: Mapping[str, Rule] = {
    "authenticity": Rule(("digital_signature",), ExtendedKeyUsageOID.CLIENT_AUTH),
    "signature": Rule(("content_commitment",), None),
    "confidentiality": Rule(("key_encipherment", "key_agreement"), None),
    "server": Rule(("digital_signature",), ExtendedKeyUsageOID.SERVER_AUTH),
}
"""The usages that a leaf can be verified for, and what each asks (RFC 5280, 4.2.1.3 and 4.2.1.12)."""


class Trust:
    """Roots to which chains must lead.

    Args:
        anchors: root certificates, DER or PEM.
        intermediates: CA certificates that may stand between; more can be given with each leaf.
        pins: SHA-256 fingerprints (hexadecimal) of acceptable roots; anchors of other fingerprints are not
            used. None: all are.
        policies: for each usage, the certificate policies of which the leaf must assert one. None: policies
            are not judged.

    Raises:
        CertificateMalformedError: one of the certificates is none.
    """

    __slots__ = ("_anchors", "_intermediates", "_policies")

    def __init__(
        self,
        anchors: Iterable[bytes],
        intermediates: Iterable[bytes] = (),
        pins: Collection[str] | None = None,
        policies: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        roots = [_x509.load_certificate(data) for data in anchors]
        pinned = None if pins is None else {pin.upper() for pin in pins}
        self._anchors = [r for r in roots if pinned is None or _x509.fingerprint(_x509.der(r)) in pinned]
        self._intermediates = [_x509.load_certificate(data) for data in intermediates]
        self._policies = None if policies is None else {k: frozenset(v) for k, v in policies.items()}

    @property
    def anchors(self) -> tuple[bytes, ...]:
        """The roots in use, DER."""
        return tuple(_x509.der(root) for root in self._anchors)

    def verify(
        self, leaf: bytes, *, intermediates: Iterable[bytes] = (), at: datetime, usage: str
    ) -> tuple[bytes, ...]:
        """Verify that ``leaf`` leads to a pinned root at ``at`` and may be used for ``usage``.

        Args:
            leaf: certificate, DER or PEM.
            intermediates: CA certificates that came with it, in any order; those that do not fit are ignored.
            at: the moment of judgement, with a time zone.
            usage: a key of :data:`RULES`.

        Returns:
            The chain as DER: leaf, issuing CA, …, root. Revocation is not judged here: see
            :func:`~zorgid_card.pki.revocation.check_revocation`.

        Raises:
            CertificateMalformedError: the leaf is not a certificate.
            CertificateExpiredError, CertificateNotYetValidError: the chain is sound, but a certificate of it
                not valid at ``at``.
            UntrustedError: there is no chain to a pinned root, or its policies are others.
            CertificateUsageError: the leaf may not be used for this.
        """
        if usage not in RULES:
            raise UsageError(f"unknown usage {usage!r}", reason="usage")
        certificate = _x509.load_certificate(leaf)
        require_usage(certificate, usage)
        between = [*self._intermediates, *_usable(intermediates)]
        accepted = None if self._policies is None else self._policies.get(usage, frozenset())
        chain = _Path(self._anchors, between, accepted).build(certificate, _x509.utc(at))
        return tuple(_x509.der(link) for link in chain)


def _usable(offered: Iterable[bytes]) -> list[x509.Certificate]:
    """The certificates among what came with a leaf; something else among them cannot make a chain, and is
    left out.
    """
    found: dict[bytes, x509.Certificate] = {}
    for count, data in enumerate(offered, start=1):
        if count > MAX_CANDIDATES:
            raise UntrustedError("too many certificates were offered", reason="too many intermediates")
        try:
            certificate = _x509.load_certificate(data)
        except CertificateError:
            continue
        found[_x509.der(certificate)] = certificate
    return list(found.values())


def build_path(
    leaf: x509.Certificate,
    anchors: Sequence[x509.Certificate],
    intermediates: Sequence[x509.Certificate],
    at: datetime,
) -> list[x509.Certificate]:
    """A chain from ``leaf`` to one of ``anchors`` at ``at``, whatever the policies and usages of the leaf.

    Raises:
        CertificateExpiredError, CertificateNotYetValidError, UntrustedError: as :meth:`Trust.verify`.
    """
    return _Path(anchors, intermediates, None).build(leaf, at)


class _Path:
    """One search: what may be in the chain, and which policies (None: any) it must be issued under."""

    def __init__(
        self,
        anchors: Sequence[x509.Certificate],
        intermediates: Sequence[x509.Certificate],
        policies: frozenset[str] | None,
    ) -> None:
        self._anchors = anchors
        self._intermediates = list(intermediates)
        self._policies = policies

    def build(self, leaf: x509.Certificate, at: datetime) -> list[x509.Certificate]:
        if not self._anchors:
            raise UntrustedError("none of the roots is pinned", reason="no pinned root")
        try:
            return self._search(leaf, at)
        except VerificationError as error:
            raise self._diagnose(leaf, at, error) from error

    def _search(self, leaf: x509.Certificate, at: datetime) -> list[x509.Certificate]:
        verifier = (
            PolicyBuilder()
            .store(Store(list(self._anchors)))
            .time(at)
            .max_chain_depth(MAX_DEPTH)
            .extension_policies(ca_policy=self._ca_policy(), ee_policy=self._leaf_policy())
            .build_client_verifier()
        )
        chain = verifier.verify(leaf, self._intermediates).chain
        if len(chain) == 1:
            raise VerificationError("the certificate is itself a root")
        return chain

    def _ca_policy(self) -> ExtensionPolicy:
        return (
            ExtensionPolicy.permit_all()
            .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
            .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _require_cert_sign)
            .may_be_present(x509.CertificatePolicies, Criticality.AGNOSTIC, self._require_policy)
            .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, None)
        )

    def _leaf_policy(self) -> ExtensionPolicy:
        return (
            ExtensionPolicy.permit_all()
            .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, None)
            .may_be_present(x509.CertificatePolicies, Criticality.AGNOSTIC, self._require_policy)
            .may_be_present(x509.SubjectAlternativeName, Criticality.AGNOSTIC, None)
            .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, None)
        )

    def _require_policy(self, _: Policy, certificate: x509.Certificate, value: x509.CertificatePolicies | None) -> None:
        """RFC 5280, 6.1.3 (d) without policy mapping: every certificate below the root asserts an accepted
        policy.
        """
        if self._policies is None or certificate in self._anchors:
            return
        asserted = {item.policy_identifier.dotted_string for item in value or ()}
        allowed = self._policies | {ANY_POLICY} if _is_ca(certificate) else self._policies
        if not asserted & allowed:
            raise ValueError("certificate policy is not accepted")

    def _diagnose(self, leaf: x509.Certificate, at: datetime, error: VerificationError) -> CertificateError:
        for moment in (leaf.not_valid_before_utc, leaf.not_valid_after_utc):
            try:
                chain = self._search(leaf, moment)
            except VerificationError:
                continue
            for link in chain:
                require_valid_at(link, at)
        reason = " ".join(str(error).split()).partition(" (encountered processing")[0][:300]
        return UntrustedError(f"no chain leads to a pinned root: {reason}", reason=reason)


def _require_cert_sign(_: Policy, __: x509.Certificate, value: x509.KeyUsage | None) -> None:
    if value is not None and not value.key_cert_sign:
        raise ValueError("keyUsage of a CA without keyCertSign")


def _is_ca(certificate: x509.Certificate) -> bool:
    constraints = _x509.extension(certificate, x509.BasicConstraints)
    return constraints is not None and constraints.ca


def require_valid_at(certificate: x509.Certificate, at: datetime) -> None:
    """Raise unless ``at`` lies in the certificate's validity period (RFC 5280, 4.1.2.5), both ends included.

    Raises:
        CertificateExpiredError, CertificateNotYetValidError: naming the subject and the date.
    """
    subject = _x509.common_name(certificate.subject)
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if at > end:
        raise CertificateExpiredError(
            f"the certificate of {subject} expired at {_x509.iso(end)}",
            subject=subject,
            not_after=_x509.iso(end),
        )
    if at < start:
        raise CertificateNotYetValidError(
            f"the certificate of {subject} is not valid before {_x509.iso(start)}",
            subject=subject,
            not_before=_x509.iso(start),
        )


def require_usage(certificate: x509.Certificate, usage: str) -> None:
    """Raise unless keyUsage (which must be there) and extendedKeyUsage (where it is there) allow ``usage``.

    Raises:
        CertificateUsageError: they do not, or the certificate is a CA's.
    """
    rule = RULES[usage]
    key_usage = _x509.extension(certificate, x509.KeyUsage)
    purposes = _x509.extension(certificate, x509.ExtendedKeyUsage)
    if _is_ca(certificate):
        raise CertificateUsageError("a CA certificate is not a holder's", usage=usage)
    if key_usage is None or not any(getattr(key_usage, name) for name in rule.key_usages):
        raise CertificateUsageError(f"keyUsage does not allow {usage}", usage=usage)
    if purposes is not None and rule.purpose is not None and rule.purpose not in purposes:
        raise CertificateUsageError(f"extendedKeyUsage does not allow {usage}", usage=usage)
