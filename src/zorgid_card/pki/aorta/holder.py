"""Whose certificate signs, and what it lets them sign."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from zorgid_card.errors import (
    CertificateUsageError,
    NotLinkedError,
    NotZorgIDError,
    OrganisationMismatchError,
    PassTypeError,
    UsageError,
)
from zorgid_card.pki.aorta.tokens import SMARTCARD_PKI, X509, Acting, Kind
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.identity import UZIIdentity, ZorgIDIdentity, read_uzi_identity, read_zorgid_identity

SMARTCARD: Final = "zorgid-smartcard"
"""What a ZORG-ID Smartcard is called where a pass has the letter of its type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who signs a token: ``ura`` and ``role`` of a UZI pass by its certificate, of a ZORG-ID Smartcard by the registry."""

    identity: UZIIdentity | ZorgIDIdentity
    ura: str
    role: str

    @property
    def name_id(self) -> str:
        """UZI number and role, as a transactietoken names its subject."""
        return f"{self.identity.uzi_number}:{self.role}"


def is_smartcard(certificate: Certificate) -> bool:
    """Whether a certificate says that it is of a ZORG-ID Smartcard; nothing is trusted by being read.

    Raises:
        CertificateMalformedError: not a certificate, or one of a ZORG-ID Smartcard that contradicts itself.
    """
    try:
        read_zorgid_identity(certificate)
    except NotZorgIDError:
        return False
    return True


def authentication_context(identity: UZIIdentity | ZorgIDIdentity) -> str:
    """How the holder of such a certificate proved who they are, as SAML calls it."""
    return X509 if isinstance(identity, ZorgIDIdentity) else SMARTCARD_PKI


def require_kind(identity: UZIIdentity | ZorgIDIdentity, kind: Kind) -> None:
    """Raise unless tokens of this kind may be signed with this certificate.

    Raises:
        CertificateUsageError: with another key of the card.
        PassTypeError: with another type of pass, or not with a ZORG-ID Smartcard.
    """
    if identity.usage != kind.usage:
        raise CertificateUsageError(
            f"a {kind.name} is signed with the {kind.usage} key, not with that for {identity.usage}",
            usage=identity.usage,
        )
    found = SMARTCARD if isinstance(identity, ZorgIDIdentity) else identity.pass_type
    accepted = kind.pass_types | ({SMARTCARD} if kind.smartcards else frozenset())
    if found not in accepted:
        raise PassTypeError(found=found, expected=", ".join(sorted(accepted)))


def read_holder(certificate: Certificate, kind: Kind, acting: Acting | None) -> Holder:
    """The holder of a certificate with which a token of this kind is to be signed.

    Raises:
        CertificateUsageError, PassTypeError: as :func:`require_kind`.
        OrganisationMismatchError: ``acting`` says otherwise than the pass.
        NotLinkedError: of a ZORG-ID Smartcard's holder the registry's word is needed.
        UsageError: ``acting`` gives another role than the pass.
    """
    identity = read_zorgid_identity(certificate) if is_smartcard(certificate) else read_uzi_identity(certificate)
    require_kind(identity, kind)
    if isinstance(identity, ZorgIDIdentity):
        if acting is None:
            raise NotLinkedError("for whom the holder of a ZORG-ID Smartcard acts is the registry's to say", ura=None)
        return Holder(identity=identity, ura=acting.ura, role=acting.role)
    if acting is not None and acting.ura != identity.ura:
        raise OrganisationMismatchError(ura=identity.ura, expected=acting.ura)
    if acting is not None and acting.role != identity.role:
        raise UsageError("the pass gives its holder another role", reason="role")
    return Holder(identity=identity, ura=identity.ura, role=identity.role)
