"""What is on a token of PKCS#11 that is a card: certificates by usage, their keys, tries, limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from zorgid_card.cards.access import Tries, TryState
from zorgid_card.cards.certificates import carries, public_key_of, usage_of
from zorgid_card.cards.kinds import CardKind
from zorgid_card.cards.profile import PLAIN_PIV, UZI, UZI_IDENTITY, ZORGID_IDENTITY, CardProfile
from zorgid_card.errors import CardError, CertificateMalformedError
from zorgid_card.ports.token import TokenCertificate, TokenFlag, TokenInfo, TokenKey

IDENTITIES: Final = ((CardKind.UZI_PASS, UZI_IDENTITY, UZI), (CardKind.ZORGID, ZORGID_IDENTITY, PLAIN_PIV))


@dataclass(frozen=True, slots=True)
class TokenContents:
    """The certificates of the card's own keys by usage, and the others."""

    usages: Mapping[str, TokenCertificate]
    chain: tuple[bytes, ...]


def limited(profile: CardProfile, info: TokenInfo) -> CardProfile:
    """The profile within the token's own limits, unless what the token tells cannot be."""
    minimum = max(profile.pin_minimum, info.pin_minimum)
    maximum = min(profile.pin_maximum, info.pin_maximum)
    return replace(profile, pin_minimum=minimum, pin_maximum=maximum) if minimum <= maximum else profile


def sorted_by_use(certificates: Sequence[TokenCertificate], kind: CardKind) -> TokenContents:
    """The holder's certificates carry the identity; the others are their issuers'."""
    identity = next(identity for known, identity, _ in IDENTITIES if known is kind)
    usages: dict[str, TokenCertificate] = {}
    chain: list[bytes] = []
    for certificate in certificates:
        usage = _purpose(certificate.der) if carries(certificate.der, identity) else None
        if usage is None:
            chain.append(certificate.der)
        else:
            usages.setdefault(usage, certificate)
    return TokenContents(usages, tuple(chain))


def _purpose(der: bytes) -> str | None:
    try:
        return usage_of(der)
    except CertificateMalformedError:
        return None  # whoever verifies it will say so


def tries_told(flags: TokenFlag, locked: TokenFlag, final: TokenFlag, low: TokenFlag) -> Tries:
    """Tries left as the token's flags tell: ``known`` without a number where none of them is set."""
    if flags & locked:
        return Tries.known(0)
    if flags & final:
        return Tries.known(1)
    return Tries.LOW if flags & low else Tries(TryState.KNOWN)


def key_of(certificate: TokenCertificate, keys: list[TokenKey]) -> TokenKey:
    """The private key of a certificate: that of its CKA_ID, and of its modulus where the token tells that.

    Raises:
        CardError: there is none.
    """
    public_key, kind = public_key_of(certificate.der)
    modulus = _modulus(public_key)
    for key in keys:
        same = bool(key.identifier) and key.identifier == certificate.identifier and key.kind == kind.kind
        if same and key.modulus in (b"", modulus):
            return key
    raise CardError("the token has no key for this certificate", identifier=certificate.identifier.hex())


def _modulus(public_key: bytes) -> bytes:
    key = load_der_public_key(public_key)
    if not isinstance(key, rsa.RSAPublicKey):
        return b""
    number = key.public_numbers().n
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
