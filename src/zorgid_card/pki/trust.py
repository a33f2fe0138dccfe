"""Whom a portal trusts: pinned roots, the CA certificates at hand, and the policies of the hierarchies it accepts.

A log-in must cost next to nothing beside its signatures. So the path from an issuing CA to a pinned root is found and judged once
(:func:`~zorgid_card.pki.chain.build_path`) and kept; at each verification the leaf is judged in full, and the dates of all
(docs/trust.md, ADR 0012). Only a path that held for a leaf is kept, and only for CAs under a pinned root: whoever sends other
CAs fills nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import reduce
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from cryptography import x509

from zorgid_card.errors import (
    CertificateError,
    CertificateMalformedError,
    SignatureError,
    StorageError,
    UntrustedError,
)
from zorgid_card.pki import _x509
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.chain import (
    ANY_POLICY,
    ANY_PURPOSE,
    Rule,
    build_path,
    faulty,
    may_issue,
    require_sound,
    require_usage,
    require_valid_at,
    rule_of,
)
from zorgid_card.pki.hierarchy import PRODUCTION, TEST, Hierarchy
from zorgid_card.ports.card import Octets

MAX_CANDIDATES = 16
"""CA certificates offered with one leaf. A card carries two or three, and each may have a twin."""

MAX_PATHS = 256
"""Paths that are kept; the oldest goes. The register has some ten issuing CAs, each with four usages at most."""

MAX_FILE = 1024 * 1024
"""Octets of a file of CA certificates."""

MAX_FILES = 200
"""Files of a folder of CA certificates."""

CASignatures: TypeAlias = Literal["cached", "uncached"]
"""Whether the signatures on CA certificates are verified once, or again at each verification."""

_SUFFIXES = frozenset({".cer", ".crt", ".der", ".pem"})
_PEM = b"-----BEGIN "
_EMAIL_ADDRESS = "1.2.840.113549.1.9.1"
_SUBJECT_ALT_NAME = "2.5.29.17"


class _Path(NamedTuple):
    """A path that held: issuing CA to root, which of it is not the store's own, and what it lets a leaf be. ``policies`` and
    ``purposes`` None: any.
    """

    chain: tuple[Certificate, ...]
    foreign: frozenset[Certificate]
    not_before: datetime
    not_after: datetime
    policies: frozenset[str] | None
    purposes: frozenset[str] | None
    constrained: bool


class TrustStore:
    """Roots to which chains must lead, and what may stand between.

    For the UZI register use :meth:`production`, :meth:`test` or :meth:`of`, which pin its roots and judge its policies.
    Threads may share one.

    Args:
        anchors: root certificates, DER or PEM.
        intermediates: CA certificates that may stand between; more can be given with each leaf.
        pins: SHA-256 fingerprints (hexadecimal) of acceptable roots; anchors of other fingerprints are not used, and a root of
            such a fingerprint that comes with a leaf is. None: the anchors are.
        policies: for each usage, the certificate policies of which the leaf must assert one. None: policies are not judged.
        hierarchies: the generations as whose certificates UZI identities are read: none of a store of other CAs.
        ca_signatures: ``cached``, or ``uncached`` to verify the signatures on CA certificates again at each verification.

    Raises:
        CertificateMalformedError: one of the certificates is none.
    """

    __slots__ = (
        "_anchors",
        "_by_subject",
        "_known",
        "_lock",
        "_paths",
        "_pins",
        "_policies",
        "_uncached",
        "hierarchies",
    )

    def __init__(
        self,
        anchors: Iterable[bytes],
        intermediates: Iterable[bytes] = (),
        pins: Collection[str] | None = None,
        policies: Mapping[str, Collection[str]] | None = None,
        *,
        hierarchies: Iterable[Hierarchy] = (),
        ca_signatures: CASignatures = "cached",
    ) -> None:
        roots = [Certificate.parse(data) for data in anchors]
        self._pins = frozenset(pin.upper() for pin in pins) if pins is not None else _fingerprints(roots)
        self._anchors = [root for root in roots if root.fingerprint in self._pins]
        between = [Certificate.parse(data) for data in intermediates]
        self._known = {one.der: one for one in (*self._anchors, *between)}
        self._by_subject: dict[bytes, list[Certificate]] = {}
        for one in self._known.values():
            self._by_subject.setdefault(one.subject, []).append(one)
        self._policies = None if policies is None else {k: frozenset(v) for k, v in policies.items()}
        self._uncached = ca_signatures == "uncached"
        self._paths: dict[tuple[bytes, str], _Path] = {}
        self._lock = threading.Lock()
        self.hierarchies = tuple(hierarchies)

    @classmethod
    def of(
        cls,
        hierarchies: Iterable[Hierarchy],
        certificates: Iterable[bytes] = (),
        *,
        ca_signatures: CASignatures = "cached",
    ) -> TrustStore:
        """What trusts these hierarchies: their pinned roots, their policies.

        Args:
            hierarchies: whose leaves are accepted.
            certificates: CA certificates, DER or PEM, in any order (see :func:`read_certificates`); those that come with a leaf
                are used besides. A Web eID token brings none.
            ca_signatures: see :class:`TrustStore`.

        Raises:
            CertificateMalformedError: one of them is not a certificate.
        """
        accepted = tuple(hierarchies)
        pins = frozenset[str]().union(*(hierarchy.roots for hierarchy in accepted))
        policies: dict[str, frozenset[str]] = {}
        for hierarchy in accepted:
            for usage, oids in hierarchy.policies.items():
                policies[usage] = policies.get(usage, frozenset()) | oids
        known = tuple(certificates)
        return cls(known, known, pins, policies, hierarchies=accepted, ca_signatures=ca_signatures)

    @classmethod
    def production(
        cls,
        certificates: Iterable[bytes] = (),
        *,
        more: Iterable[Hierarchy] = (),
        ca_signatures: CASignatures = "cached",
    ) -> TrustStore:
        """What a portal in production trusts: every generation of the UZI register in the package, and ``more``.

        Raises:
            CertificateMalformedError: one of ``certificates`` is none.
        """
        return cls.of((*PRODUCTION, *more), certificates, ca_signatures=ca_signatures)

    @classmethod
    def test(
        cls,
        certificates: Iterable[bytes] = (),
        *,
        more: Iterable[Hierarchy] = (),
        ca_signatures: CASignatures = "cached",
    ) -> TrustStore:
        """What trusts the register's TEST passes: never for a portal with real data.

        Raises:
            CertificateMalformedError: one of ``certificates`` is none.
        """
        return cls.of((*TEST, *more), certificates, ca_signatures=ca_signatures)

    @property
    def anchors(self) -> tuple[bytes, ...]:
        """The roots at hand, DER."""
        return tuple(root.der for root in self._anchors)

    def verify(
        self,
        leaf: Octets | Certificate,
        *,
        intermediates: Iterable[Octets | Certificate] = (),
        at: datetime,
        usage: str,
    ) -> tuple[Certificate, ...]:
        """Verify that ``leaf`` leads to a pinned root at ``at`` and may be used for ``usage``.

        Args:
            leaf: certificate, DER, PEM or decoded.
            intermediates: CA certificates that came with it, in any order; those that do not fit are ignored.
            at: the moment of judgement, with a time zone.
            usage: a key of :data:`~zorgid_card.pki.chain.RULES`.

        Returns:
            The chain: leaf, issuing CA, …, root. Revocation is not judged here.

        Raises:
            CertificateMalformedError: the leaf is not a certificate.
            CertificateUsageError: the leaf may not be used for this.
            CertificateExpiredError, CertificateNotYetValidError: the chain is sound, but a certificate of it not valid at ``at``.
            UntrustedError: there is no chain to a pinned root, or it breaks a rule; ``reason``, and ``subject`` of the certificate
                that does.
        """
        rule, moment = rule_of(usage), _x509.utc(at)
        certificate = Certificate.parse(leaf)
        require_usage(certificate, usage)
        require_sound(certificate)
        if certificate.name_constraints is not None:  # of a CA alone (RFC 5280, 4.2.1.10)
            raise faulty(certificate, "critical extension")
        offered = self._offered(intermediates) if intermediates else ()
        path = self._kept(certificate, offered, usage, moment) or self._found(certificate, offered, usage, moment)
        self._require_issued(certificate, path, rule, moment)
        return (certificate, *path.chain)

    def _offered(self, intermediates: Iterable[Octets | Certificate]) -> tuple[Certificate, ...]:
        """The certificates among what came with a leaf; something else among them cannot make a chain, and is left out."""
        found: dict[bytes, Certificate] = {}
        for count, data in enumerate(intermediates, start=1):
            if count > MAX_CANDIDATES:
                raise UntrustedError("too many certificates were offered", reason="too many intermediates")
            try:
                one = Certificate.parse(data)
            except CertificateError:
                continue
            found[one.der] = self._known.get(one.der, one)
        return tuple(found.values())

    def _kept(self, leaf: Certificate, offered: Sequence[Certificate], usage: str, at: datetime) -> _Path | None:
        """A path that was judged before, of a CA whose key signed ``leaf``; None if it must be looked for.

        Raises:
            UntrustedError: all keys that a CA of this name has are known, and none of them signed it.
        """
        candidates = [one for one in (*self._by_subject.get(leaf.issuer, ()), *offered) if may_issue(one, leaf)]
        refused: dict[bytes, SignatureError] = {}
        for issuer in candidates:
            path = self._paths.get((issuer.der, usage))
            if path is None or not path.not_before <= at <= path.not_after or not path.foreign.issubset(offered):
                continue  # what is accepted does not depend on who came before, and with which CAs
            try:
                leaf.require_signed_by(issuer)
            except SignatureError as error:
                refused[issuer.spki] = error
                continue
            if self._uncached:
                _require_signatures(path.chain)
            return path
        if refused and all(issuer.spki in refused for issuer in candidates):
            raise faulty(leaf, "signature") from next(iter(refused.values()))
        return None

    def _found(self, leaf: Certificate, offered: Sequence[Certificate], usage: str, at: datetime) -> _Path:
        accepted = None if self._policies is None else self._policies.get(usage, frozenset())
        roots = [one for one in offered if one.der not in self._known and one.fingerprint in self._pins]
        chain = build_path(leaf, [*self._anchors, *roots], [*self._known.values(), *offered], at, accepted)[1:]
        for link in chain:
            require_valid_at(link, at)
        for link in chain[:-1]:
            if link.key_usage is None:  # which a CA below the root must have (RFC 5280, 4.2.1.3)
                raise faulty(link, "not a CA")
            if link.name_constraints is not None and not link.critical_name_constraints:  # RFC 5280, 4.2.1.10
                raise faulty(link, "name constraints")
        path = _Path(
            chain,
            frozenset(one for one in chain if one.der not in self._known),
            max(one.not_before for one in chain),
            min(one.not_after for one in chain),
            None if accepted is None else _common((accepted, *(one.policies for one in chain[:-1])), ANY_POLICY),
            _common((one.extended_key_usage or (ANY_PURPOSE,) for one in chain), ANY_PURPOSE),
            any(one.name_constraints is not None for one in chain),
        )
        with self._lock:
            self._paths[chain[0].der, usage] = path
            while len(self._paths) > MAX_PATHS:
                del self._paths[next(iter(self._paths))]
        return path

    def _require_issued(self, leaf: Certificate, path: _Path, rule: Rule, at: datetime) -> None:
        """What the path lets a leaf be (RFC 5280, 6.1.5), and the leaf's own dates; those of the path hold at ``at``."""
        if path.policies is not None and path.policies.isdisjoint(leaf.policies):
            raise faulty(leaf, "policy")
        if path.purposes is not None and rule.purpose not in path.purposes:
            raise faulty(leaf, "purpose of the CA")
        if path.constrained:
            if _EMAIL_ADDRESS in leaf.subject_attributes and leaf.extension(_SUBJECT_ALT_NAME) is None:
                raise faulty(leaf, "name constraints")  # which it would have to keep there too, and nobody judges that
            build_path(leaf, path.chain[-1:], path.chain[:-1], at)
        require_valid_at(leaf, at)


def _fingerprints(certificates: Iterable[Certificate]) -> frozenset[str]:
    return frozenset(one.fingerprint for one in certificates)


def _common(sets: Iterable[Collection[str]], anything: str) -> frozenset[str] | None:
    """What all of the sets hold, those with ``anything`` in them left out; None: anything."""
    limits = [frozenset(one) for one in sets if anything not in one]
    return reduce(frozenset.intersection, limits) if limits else None


def _require_signatures(chain: Sequence[Certificate]) -> None:
    for child, parent in pairwise(chain):
        child.require_signed_by(parent)


# --- files -----------------------------------------------------------------------------------------------------------


def read_certificates(*paths: Path) -> list[bytes]:
    """The certificates in files, DER or PEM (one or more), and in folders of such files (``.cer .crt .der .pem``); as DER.

    Raises:
        StorageError: a file or folder cannot be read.
        CertificateMalformedError: there is no certificate in a file; ``path``, where a folder was named.
    """
    return [der for path in map(Path, paths) for der in (_folder(path) if path.is_dir() else _certificates(path))]


def _folder(path: Path) -> list[bytes]:
    """What is in a folder: of a file that nobody named, the error says which it is."""
    found: list[bytes] = []
    for file in _files(path):
        try:
            found += [Certificate.parse(der).der for der in _certificates(file)]
        except CertificateMalformedError as error:
            error.details.setdefault("path", str(file))
            raise
    return found


def _files(path: Path) -> list[Path]:
    try:
        found = sorted(file for file in path.iterdir() if file.suffix.lower() in _SUFFIXES and file.is_file())
    except OSError as error:
        raise StorageError(f"{path} cannot be read", reason=str(error.strerror), path=str(path)) from error
    if len(found) > MAX_FILES:
        raise StorageError(f"{path} holds more than {MAX_FILES} files", reason="too many files", path=str(path))
    return found


def _certificates(path: Path) -> list[bytes]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise StorageError(f"{path} cannot be read", reason=str(error.strerror), path=str(path)) from error
    if len(data) > MAX_FILE:
        raise CertificateMalformedError("too long for a certificate", field="certificate", reason="length")
    if _PEM not in data:
        return [data]
    with _x509.decoding("PEM"):
        return [_x509.der(one) for one in x509.load_pem_x509_certificates(data)]
