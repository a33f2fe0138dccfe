"""Judging the certificates behind tokens, by the parts of :mod:`zorgid_card.pki`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from zorgid_card.pki.identity import UZIIdentity, ZorgIDIdentity
from zorgid_card.pki.revocation import CRLs, CRLSource
from zorgid_card.pki.trust import TrustStore

I = TypeVar("I", UZIIdentity, ZorgIDIdentity)  # noqa: E741


@dataclass(frozen=True, slots=True)
class ChainJudge(Generic[I]):
    """A :class:`~zorgid_card.pki.aorta.Judge` of one kind of card: chain, usage and policies by ``trust``, revocation by CRLs.

    Args:
        trust: the roots, and the policies accepted.
        crls: gives the CRLs of an issuer.
        read: reads the identity: :func:`~zorgid_card.pki.identity.read_uzi_identity` or
            :func:`~zorgid_card.pki.identity.read_zorgid_identity`.
    """

    trust: TrustStore
    crls: CRLSource
    read: Callable[[bytes], I]

    def verify(self, certificate: bytes, /, *, usage: str, at: datetime, intermediates: Iterable[bytes] = ()) -> I:
        """The holder's identity; raises as :class:`~zorgid_card.pki.aorta.Judge` says."""
        chain = self.trust.verify(certificate, intermediates=intermediates, at=at, usage=usage)
        CRLs(self.crls).check(chain, at)
        return self.read(certificate)
