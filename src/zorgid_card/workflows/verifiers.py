"""Certificates of cards that log in: chain to a pinned root, usage, revocation, identity, in this order (AUT-2)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from zorgid_card.errors import CertificateUsageError
from zorgid_card.pki.chain import Trust
from zorgid_card.pki.identity import UZIIdentity, ZorgIDIdentity, read_uzi_identity, read_zorgid_identity
from zorgid_card.pki.revocation import CRLSource, check_revocation


class UZIVerifier:
    """Judges certificates of UZI passes (:class:`~zorgid_card.workflows.log_in.PassVerifier`).

    Args:
        trust: pinned roots of the UZI register.
        revocation: gives the register's CRLs by issuer.
    """

    def __init__(self, trust: Trust, revocation: CRLSource) -> None:
        self._trust = trust
        self._revocation = revocation

    def verify(
        self, certificate: bytes, /, *, usage: str = "authenticity", at: datetime, intermediates: Iterable[bytes] = ()
    ) -> UZIIdentity:
        """Whom it names.

        Raises:
            NotUZIError, UZIFieldError: not a UZI certificate, or a malformed one.
            CertificateError: of another usage, expired, untrusted, revoked, or its revocation cannot be told.
        """
        identity = read_uzi_identity(certificate)
        if identity.usage != usage:
            raise CertificateUsageError(usage=identity.usage)
        chain = self._trust.verify(certificate, intermediates=intermediates, at=at, usage=usage)
        check_revocation(chain, self._revocation, at)
        return identity


class SmartcardVerifier:
    """Judges certificates of ZORG-ID Smartcards (:class:`~zorgid_card.workflows.log_in.CardVerifier`).

    Args:
        trust: the root, and the CAs below it, of whoever issues the cards.
        revocation: gives their CRLs by issuer.
    """

    def __init__(self, trust: Trust, revocation: CRLSource) -> None:
        self._trust = trust
        self._revocation = revocation

    def verify(self, certificate: bytes, /, *, at: datetime) -> ZorgIDIdentity:
        """Whom it names.

        Raises:
            UntrustedError: of another CA.
            CertificateError: of another usage, expired, revoked, or its revocation cannot be told.
        """
        chain = self._trust.verify(certificate, at=at, usage="authenticity")
        check_revocation(chain, self._revocation, at)
        return read_zorgid_identity(certificate)
