"""What a chain must hold to (RFC 5280, 6.1): its leaf, judged here; its path, found and judged by ``cryptography``.

:func:`build_path` has ``cryptography.x509.verification`` find a path and judge signatures, names, dates, basicConstraints, path
lengths, name constraints, keys and critical extensions; certificate policies are judged inside its search (ADR 0003). The leaf's
side of the same rules stands in :func:`require_sound` and :func:`require_usage`, so that a path that was judged before serves the
next leaf (ADR 0012). :func:`why_not` names the one certificate and rule that a path fails by.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from zorgid_card.codec.revoked import SERIAL_OCTETS
from zorgid_card.errors import (
    CertificateError,
    CertificateExpiredError,
    CertificateMalformedError,
    CertificateNotYetValidError,
    CertificateUsageError,
    SignatureError,
    UntrustedError,
    UsageError,
)
from zorgid_card.pki import _x509
from zorgid_card.pki.certificate import Certificate, usage_bits
from zorgid_card.pki.signing import ALGORITHMS

MAX_DEPTH = 6
"""CA certificates above a leaf; the chains of the UZI register have three, a maker's attestation chain at
most four.
"""

MAX_SERIAL_BITS = 159
"""serialNumber is positive and of at most 20 octets, the sign's bit among them (RFC 5280, 4.1.2.2)."""

MAX_NAME = 200
"""Characters of a name that an error tells."""

ANY_POLICY = "2.5.29.32.0"
ANY_PURPOSE = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE.dotted_string

_NO_SERIAL = bytes(SERIAL_OCTETS)
_LONG_SERIAL = (1 << MAX_SERIAL_BITS).to_bytes(SERIAL_OCTETS, "big")

_SIGNED_WITH = frozenset(name for name, algorithm in ALGORITHMS.items() if algorithm.family in ("RS", "ES"))
"""The signature algorithms of a certificate: PKCS#1 v1.5 and ECDSA, with SHA-256, SHA-384 or SHA-512."""


class Rule(NamedTuple):
    """What the extensions of a leaf must say for one usage: one of the bits ``key_usages`` (bit n of RFC 5280, 4.2.1.3 as
    ``1 << n``), and ``purpose`` where EKU is present.
    """

    key_usages: int
    purpose: str


def _rule(purpose: x509.ObjectIdentifier, *key_usages: str) -> Rule:
    return Rule(usage_bits(key_usages), purpose.dotted_string)


RULES: Mapping[str, Rule] = {
    "authenticity": _rule(ExtendedKeyUsageOID.CLIENT_AUTH, "digital_signature"),
    "signature": _rule(ExtendedKeyUsageOID.EMAIL_PROTECTION, "content_commitment"),
    "confidentiality": _rule(ExtendedKeyUsageOID.EMAIL_PROTECTION, "key_encipherment", "key_agreement"),
    "server": _rule(ExtendedKeyUsageOID.SERVER_AUTH, "digital_signature"),
}
"""The usages that a leaf can be verified for, and what each asks (RFC 5280, 4.2.1.3 and 4.2.1.12)."""


def rule_of(usage: str) -> Rule:
    """The rule of a usage.

    Raises:
        UsageError: there is no such usage.
    """
    rule = RULES.get(usage)
    if rule is None:
        raise UsageError(f"unknown usage {usage!r}", reason="usage")
    return rule


# --- one certificate -------------------------------------------------------------------------------------------------


def require_usage(certificate: Certificate, usage: str) -> None:
    """Raise unless keyUsage (which must be there) and extendedKeyUsage (where it is there) allow ``usage``.

    Raises:
        CertificateUsageError: they do not, or the certificate is a CA's; ``reason``.
    """
    rule = RULES.get(usage) or rule_of(usage)
    if certificate.is_ca:
        raise _unusable(usage, "CA", "a CA certificate is not a holder's")
    if not certificate.usage_bits & rule.key_usages:
        raise _unusable(usage, "keyUsage", f"keyUsage does not allow {usage}")
    purposes = certificate.extended_key_usage
    if purposes is not None and rule.purpose not in purposes:
        raise _unusable(usage, "extendedKeyUsage", f"extendedKeyUsage does not allow {usage}")


def _unusable(usage: str, reason: str, why: str) -> CertificateUsageError:
    return CertificateUsageError(why, usage=usage, reason=reason)


def require_sound(certificate: Certificate) -> None:
    """Raise unless all that stands in the certificate is understood and strong enough: no SHA-1, RSA of 2048 to 4096 bits, the
    curves P-256, P-384 and P-521, no critical extension that is not judged, a serial number as RFC 5280, 4.1.2.2 wants it.

    Raises:
        UntrustedError: ``reason`` is ``weak signature``, ``weak key``, ``critical extension`` or ``serial number``.
    """
    if certificate.signature_algorithm not in _SIGNED_WITH:
        raise faulty(certificate, "weak signature")
    if certificate.unknown_critical or certificate.critical_crl_points:  # the latter should not be (RFC 5280, 4.2.1.13)
        raise faulty(certificate, "critical extension")
    if not _NO_SERIAL < certificate.serial_octets < _LONG_SERIAL:
        raise faulty(certificate, "serial number")
    try:
        certificate.public_key  # noqa: B018  # made, and judged, when it is first asked for
    except CertificateMalformedError as error:
        raise faulty(certificate, "weak key") from error


def told_name(certificate: Certificate) -> str:
    """The subject's CN as errors tell it: whoever made the certificate wrote it, and it may end up in a log."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in certificate.common_name[:MAX_NAME])


def faulty(certificate: Certificate, reason: str) -> UntrustedError:
    """The refusal of a chain because of one certificate in it."""
    subject = told_name(certificate)
    return UntrustedError(f"the certificate of {subject} is refused: {reason}", reason=reason, subject=subject)


def require_valid_at(certificate: Certificate, at: datetime) -> None:
    """Raise unless ``at`` lies in the certificate's validity period (RFC 5280, 4.1.2.5), both ends included.

    Raises:
        CertificateExpiredError, CertificateNotYetValidError: naming the subject and the date.
    """
    if certificate.begins <= at.timestamp() <= certificate.ends:
        return
    subject, start, end = told_name(certificate), certificate.not_before, certificate.not_after
    if at > end:
        raise CertificateExpiredError(
            f"the certificate of {subject} expired at {_x509.iso(end)}", subject=subject, not_after=_x509.iso(end)
        )
    raise CertificateNotYetValidError(
        f"the certificate of {subject} is not valid before {_x509.iso(start)}",
        subject=subject,
        not_before=_x509.iso(start),
    )


def may_issue(issuer: Certificate, certificate: Certificate) -> bool:
    """Whether the names say that ``issuer`` issued ``certificate``, and the key identifiers, where both are there, do not deny it
    (RFC 5280, 4.2.1.1).
    """
    if issuer.subject != certificate.issuer:
        return False
    wanted, found = certificate.authority_key_identifier, issuer.subject_key_identifier
    return wanted is None or found is None or wanted == found


# --- a path ----------------------------------------------------------------------------------------------------------


def build_path(
    leaf: Certificate,
    anchors: Sequence[Certificate],
    intermediates: Sequence[Certificate],
    at: datetime,
    policies: frozenset[str] | None = None,
) -> tuple[Certificate, ...]:
    """A chain from ``leaf`` to one of ``anchors`` at ``at``, whatever the usages of the leaf.

    Args:
        leaf: what the chain begins with; a CA's certificate too.
        anchors: roots.
        intermediates: CA certificates that may stand between.
        at: the moment of judgement, UTC.
        policies: of which every certificate below the root asserts one, or a CA anyPolicy (RFC 5280, 6.1.3 d, without policy
            mapping). None: policies are not judged.

    Raises:
        CertificateExpiredError, CertificateNotYetValidError: the chain is sound, but a certificate of it not valid at ``at``.
        UntrustedError: there is no chain; ``reason``, and ``subject`` of the certificate that fails.
    """
    if not anchors:
        raise UntrustedError("none of the roots is pinned", reason="no pinned root")
    search = _Search(anchors, intermediates, policies)
    try:
        chain = search(leaf, at)
    except VerificationError as error:
        raise search.diagnose(leaf, at, error) from error
    for link in chain[1:]:
        require_sound(link)
    for child, parent in pairwise(chain):
        if not may_issue(parent, child):
            raise faulty(child, "key identifier")
    return chain


class _Search:
    """One search: what may be in the chain, and which policies (None: any) it must be issued under."""

    def __init__(
        self,
        anchors: Sequence[Certificate],
        intermediates: Sequence[Certificate],
        policies: frozenset[str] | None,
    ) -> None:
        self._anchors = anchors
        self._intermediates = intermediates
        self._policies = policies
        self._roots = [_foreign(one) for one in anchors]

    def __call__(self, leaf: Certificate, at: datetime) -> tuple[Certificate, ...]:
        verifier = (
            PolicyBuilder()
            .store(Store(self._roots))
            .time(at)
            .max_chain_depth(MAX_DEPTH)
            .extension_policies(ca_policy=self._ca_policy(), ee_policy=self._leaf_policy())
            .build_client_verifier()
        )
        found = verifier.verify(_foreign(leaf), [_foreign(one) for one in self._intermediates]).chain
        if len(found) == 1:
            raise VerificationError("the certificate is itself a root")
        known = {one.der: one for one in (*self._anchors, *self._intermediates)}
        return (leaf, *(known[_x509.der(link)] for link in found[1:]))

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
        if self._policies is None or certificate in self._roots:
            return
        asserted = {item.policy_identifier.dotted_string for item in value or ()}
        constraints = _x509.extension(certificate, x509.BasicConstraints)
        is_ca = constraints is not None and constraints.ca
        if not asserted & (self._policies | {ANY_POLICY} if is_ca else self._policies):
            raise ValueError("certificate policy is not accepted")

    def diagnose(self, leaf: Certificate, at: datetime, error: VerificationError) -> CertificateError:
        """Whether the path holds at the leaf's own dates, so that "expired" is only ever said of a chain that is otherwise sound;
        and if it does not, what it fails by.
        """
        dated = any(
            not one.begins <= at.timestamp() <= one.ends for one in (leaf, *self._anchors, *self._intermediates)
        )
        for moment in (leaf.not_before, leaf.not_after) if dated else ():
            try:
                chain = self(leaf, moment)
            except VerificationError:
                continue
            try:
                for link in chain:
                    require_valid_at(link, at)
            except CertificateError as refusal:
                return refusal
        known = why_not(leaf, self._anchors, self._intermediates, self._policies)
        if known is not None:
            return known
        reason = " ".join(str(error).split()).partition(" (encountered processing")[0][:300]
        return UntrustedError(f"no chain leads to a pinned root: {reason}", reason=reason)


def _foreign(certificate: Certificate) -> x509.Certificate:
    return x509.load_der_x509_certificate(certificate.der)


def _require_cert_sign(_: Policy, __: x509.Certificate, value: x509.KeyUsage | None) -> None:
    if value is not None and not value.key_cert_sign:
        raise ValueError("keyUsage of a CA without keyCertSign")


# --- why a path fails ------------------------------------------------------------------------------------------------


def why_not(
    leaf: Certificate,
    anchors: Sequence[Certificate],
    intermediates: Sequence[Certificate],
    policies: Collection[str] | None,
) -> UntrustedError | None:
    """The first rule that the chain of ``leaf`` breaks, walking up from it; for the sentence that people read, after a path was
    refused. None if this walk finds none. At each step the first certificate whose key made the signature is followed.
    """
    known = (*anchors, *intermediates)
    link, below = leaf, 0
    while link not in anchors:
        if link.subject == link.issuer:
            return faulty(link, "no pinned root")
        fault = _fault_below_root(link, leaf, below, policies)
        if fault is not None:
            return fault
        issuer, reason = _issuer(link, known)
        if issuer is None or below == MAX_DEPTH:
            return faulty(link, reason)
        below += link is not leaf and link.subject != link.issuer
        link = issuer
    return _fault_of_ca(link, below)


def _issuer(link: Certificate, known: Sequence[Certificate]) -> tuple[Certificate | None, str]:
    named = [one for one in known if one.subject == link.issuer]
    fitting = [one for one in named if may_issue(one, link)]
    for one in fitting[:4]:
        try:
            link.require_signed_by(one)
        except SignatureError:
            continue
        except CertificateMalformedError:
            return one, "weak key"
        return one, "path too long"
    return None, "signature" if fitting else "key identifier" if named else "no issuing CA"


def _fault_below_root(
    link: Certificate, leaf: Certificate, below: int, policies: Collection[str] | None
) -> UntrustedError | None:
    try:
        require_sound(link)
    except UntrustedError as error:
        return error
    if policies is not None:
        accepted = {*policies} if link is leaf else {*policies, ANY_POLICY}
        if accepted.isdisjoint(link.policies):
            return faulty(link, "policy")
    return None if link is leaf else _fault_of_ca(link, below)


def _fault_of_ca(link: Certificate, below: int) -> UntrustedError | None:
    if not link.is_ca:
        return faulty(link, "not a CA")
    if link.key_usage is not None and "key_cert_sign" not in link.key_usage:
        return faulty(link, "not a CA")
    if link.path_length is not None and below > link.path_length:
        return faulty(link, "path length")
    if link.name_constraints is not None:
        return faulty(link, "name constraints")
    return None
