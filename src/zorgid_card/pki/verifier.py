"""All that must hold of a certificate before anybody acts on it (AUT-2), in one call and in one order.

Of a certificate of the UZI register (:class:`CertificateVerifier`):

1. **Form**: the certificate decodes, every part of it.
2. **Register**: its issuer, or its subjectAltName, is the UZI register's; a certificate of somebody else is told apart first, so
   that a portal can go on to its other kinds of card.
3. **Usage**: keyUsage and extendedKeyUsage are there and allow it.
4. **Chain**: strength, path to a pinned root, policies, dates (:meth:`~zorgid_card.pki.trust.TrustStore.verify`).
5. **Identity**: read only now that the CA's signature vouches for it, and as that of a generation under this root; what stands
   twice agrees, and the certificate is of the kind that it is used as.
6. **Pass type**: one that the caller accepts.
7. **Revocation**: last, because it may cost a fetch, which no forged certificate should cause.

Of one of a ZORG-ID Smartcard (:class:`SmartcardVerifier`): usage, chain, revocation, identity.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Protocol, TypeVar

from zorgid_card.errors import CertificateUsageError, NotUZIError, PassTypeError
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.chain import require_usage
from zorgid_card.pki.hierarchy import Hierarchy, find_pass
from zorgid_card.pki.identity import (
    UZI_NAME,
    UZIIdentity,
    ZorgIDIdentity,
    issuing_ca,
    read_uzi_identity,
    read_zorgid_identity,
)
from zorgid_card.pki.revocation import Revocation
from zorgid_card.pki.trust import TrustStore
from zorgid_card.ports.card import Octets

I_co = TypeVar("I_co", covariant=True)


class Verifier(Protocol[I_co]):
    """Whatever judges certificates: the two below, or a portal's own."""

    def verify(
        self, certificate: Certificate, /, *, usage: str, at: datetime, intermediates: Iterable[bytes] = ()
    ) -> I_co:
        """The holder's identity.

        Raises:
            CertificateError: the certificate cannot be relied on for ``usage`` at ``at``.
        """
        ...


class CertificateVerifier:
    """Verifies certificates of UZI passes and servers.

    Args:
        trust: the roots, and the generations accepted (:meth:`TrustStore.production`, :meth:`~TrustStore.test` or
            :meth:`~TrustStore.of`).
        revocation: tells whether a certificate of a chain is revoked.
        pass_types: the types accepted, of Z, N, M and S; None: all.
        lenient: read identities leniently (:func:`~zorgid_card.pki.identity.read_uzi_identity`), for some third-party test CAs.
    """

    __slots__ = ("_lenient", "_pass_types", "_revocation", "_trust", "_under")

    def __init__(
        self,
        trust: TrustStore,
        revocation: Revocation,
        *,
        pass_types: Collection[str] | None = None,
        lenient: bool = False,
    ) -> None:
        self._trust = trust
        self._revocation = revocation
        self._pass_types = None if pass_types is None else frozenset(pass_types)
        self._lenient = lenient
        self._under: dict[bytes, tuple[Hierarchy, ...]] = {}

    def verify(
        self,
        certificate: Octets | Certificate,
        *,
        usage: str = "authenticity",
        at: datetime,
        intermediates: Iterable[Octets | Certificate] = (),
    ) -> UZIIdentity:
        """Whom the certificate names, provided that all of it holds.

        Args:
            certificate: DER, PEM or decoded.
            usage: ``authenticity``, ``signature``, ``confidentiality`` or ``server``.
            at: the moment of judgement, with a time zone.
            intermediates: CA certificates that came with it, in any order.

        Raises:
            CertificateMalformedError: not a certificate.
            NotUZIError: a certificate of somebody else.
            CertificateUsageError: it may not be used for this; ``reason``.
            UntrustedError: no path to a pinned root, or it breaks a rule; ``reason``, ``subject``.
            CertificateExpiredError, CertificateNotYetValidError: a certificate of the chain, ``subject``, is not valid at ``at``.
            UZIFieldError: what it says of its holder is malformed or contradicts itself; ``field``.
            PassTypeError: of a type that is not accepted.
            RevokedError, OnHoldError, RevocationUnknownError: what :class:`~zorgid_card.pki.revocation.Revocation` finds.
        """
        leaf = Certificate.parse(certificate)
        self._require_register(leaf)
        if leaf.extended_key_usage is None:
            require_usage(leaf, usage)
            raise CertificateUsageError("no extendedKeyUsage", usage=usage, reason="extendedKeyUsage")
        chain = self._trust.verify(leaf, intermediates=intermediates, at=at, usage=usage)
        identity = read_uzi_identity(leaf, lenient=self._lenient, hierarchies=self._above(chain[-1]))
        if identity.usage != usage:
            raise CertificateUsageError(f"a certificate for {identity.usage}", usage=usage, reason="policy")
        if self._pass_types is not None and identity.pass_type not in self._pass_types:
            raise PassTypeError(found=identity.pass_type, expected=", ".join(sorted(self._pass_types)))
        self._revocation.check(chain, at)
        return identity

    def _above(self, root: Certificate) -> tuple[Hierarchy, ...]:
        """The generations that this root is one of: each vouches for its own issuing CAs alone."""
        found = self._under.get(root.der)
        if found is None:
            found = tuple(one for one in self._trust.hierarchies if root.fingerprint in one.roots)
            self._under[root.der] = found  # of pinned roots only, so there are few
        return found

    def _require_register(self, leaf: Certificate) -> None:
        known = find_pass(self._trust.hierarchies, issuing_ca(leaf))
        if known is None and not leaf.other_names(UZI_NAME):
            raise NotUZIError("not a certificate of the UZI register", issuer=leaf.issuer_common_name)


class SmartcardVerifier:
    """Verifies certificates of ZORG-ID Smartcards.

    Args:
        trust: the root, and the CAs below it, of whoever issues the cards, and their policies
            (:data:`zorgid_card.pki.profile.POLICIES`).
        revocation: tells whether a certificate of a chain is revoked.
    """

    __slots__ = ("_revocation", "_trust")

    def __init__(self, trust: TrustStore, revocation: Revocation) -> None:
        self._trust = trust
        self._revocation = revocation

    def verify(
        self,
        certificate: Octets | Certificate,
        *,
        usage: str = "authenticity",
        at: datetime,
        intermediates: Iterable[Octets | Certificate] = (),
    ) -> ZorgIDIdentity:
        """Whom the certificate names; arguments as :meth:`CertificateVerifier.verify`.

        Raises:
            UntrustedError: of another CA.
            CertificateError: of another usage or policy, expired, revoked, or its revocation cannot be told.
        """
        leaf = Certificate.parse(certificate)
        chain = self._trust.verify(leaf, intermediates=intermediates, at=at, usage=usage)
        self._revocation.check(chain, at)
        return read_zorgid_identity(leaf)
