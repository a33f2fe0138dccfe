"""Who signed: what the verification of CMS and JWS asks of certificates, and what it gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Generic, TypeVar

from zorgid_card.errors import UsageError
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.signing import PublicKey
from zorgid_card.ports.card import Signer

SIGNATURE: Final = "signature"
AUTHENTICITY: Final = "authenticity"
USAGES: Final = (SIGNATURE, AUTHENTICITY)
"""The keys of a pass that sign: *signature* (nonRepudiation) is the holder's will, *authenticity* proves who sends."""

MAX_CHAIN: Final = 16
"""Certificates that may come with a signature, the signatory's included; a pass brings four."""


I = TypeVar("I")  # noqa: E741  # whom a judge names


@dataclass(frozen=True, slots=True, kw_only=True)
class Signatory(Generic[I]):
    """Who signed, and how.

    Attributes:
        identity: of the certificate's holder.
        certificate: the holder's.
        usage: of the key: ``signature`` or ``authenticity``.
        algorithm: JOSE's name; of ECDSA in CMS the number is the digest's length, and the curve is the key's.
        signed_at: when the signatory says it was; nobody else vouches for it. None: they do not say.
    """

    identity: I
    certificate: Certificate = field(repr=False)
    usage: str
    algorithm: str
    signed_at: datetime | None = None


def require_usage(usage: str) -> None:
    """Raise unless ``usage`` is that of a key that signs.

    Raises:
        UsageError: it is not.
    """
    if usage not in USAGES:
        raise UsageError(f"nothing is signed with a key for {usage!r}", reason="usage", usage=usage)


def require_key(signer: Signer, certificate: Certificate) -> PublicKey:
    """The key of ``certificate``, provided that it is the signer's: nothing is signed in another's name.

    Raises:
        UsageError: it is another's.
        CertificateMalformedError: a key of a kind that is not accepted, or too weak.
    """
    key = certificate.public_key
    if certificate.spki != signer.public_key:
        raise UsageError("the certificate is not that of the signer's key", reason="certificate")
    return key
