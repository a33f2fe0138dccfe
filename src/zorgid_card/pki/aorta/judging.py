"""Judging the certificates of ZORG-ID Smartcards; those of UZI passes are :mod:`zorgid_card.pki.verifier`'s."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from zorgid_card.pki.identity import ZorgIDIdentity, read_zorgid_identity
from zorgid_card.pki.revocation import Revocation
from zorgid_card.pki.trust import TrustStore


@dataclass(frozen=True, slots=True)
class SmartcardJudge:
    """A :class:`~zorgid_card.pki.aorta.Judge` of ZORG-ID Smartcards: chain, usage and policies, then revocation.

    Args:
        trust: the CA's root, and its policies (:data:`zorgid_card.pki.profile.POLICIES`).
        revocation: tells whether a certificate of a chain is revoked.
    """

    trust: TrustStore
    revocation: Revocation

    def verify(
        self, certificate: bytes, /, *, usage: str, at: datetime, intermediates: Iterable[bytes] = ()
    ) -> ZorgIDIdentity:
        """The holder's identity; raises as :class:`~zorgid_card.pki.aorta.Judge` says."""
        chain = self.trust.verify(certificate, intermediates=intermediates, at=at, usage=usage)
        self.revocation.check(chain, at)
        return read_zorgid_identity(certificate)
