"""A digest that a page gives is signed, on purpose and within bounds: docs/adr/0019.

The only module that may use :mod:`zorgid_card.hazardous`. What keeps it within bounds: the portal is on the list of this
computer; the key is the *signature* key, never that with which people log in and consent; the certificate is the card's own; the
person has seen which portal asks, and that the document is not shown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from typing import Final, cast

from zorgid_card.cards.access import PINProvider
from zorgid_card.cards.card import Card
from zorgid_card.cards.certificates import public_key_of
from zorgid_card.errors import MessageError, NotOfferedError, UsageError
from zorgid_card.pki.signing import ecdsa_raw

_KEY: Final = "signature"
DIGESTS: Final[Mapping[str, str]] = {"SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
"""What Web eID calls them, and what Python does."""
_OF_CURVE: Final = {256: "SHA-256", 384: "SHA-384"}


def require_allowed(origin: str, allowed: Collection[str]) -> None:
    """Raise unless this computer lets the portal have digests signed.

    Raises:
        UsageError: it is not on the list.
    """
    if origin not in allowed:
        raise UsageError("this portal may not have documents signed here", reason="hash-signing", origin=origin)


def signing_certificate(card: Card) -> bytes:
    """The certificate of the signature key, DER.

    Raises:
        NotOfferedError: the card has none, or its signature key is the one with which its holder logs in.
    """
    found = card.certificates()
    certificate = found.get(_KEY)
    if certificate is None:
        raise NotOfferedError("the card has no key for signatures", operation="sign", reason="no signature key")
    key, _ = public_key_of(certificate)
    if any(public_key_of(other)[0] == key for usage, other in found.items() if usage != _KEY):
        raise NotOfferedError("the signature key serves another purpose, too", operation="sign", reason="shared key")
    return certificate


def functions_of(certificate: bytes) -> tuple[str, ...]:
    """The digests that its key signs: all with RSA, on a curve the one of its size."""
    _, kind = public_key_of(certificate)
    return tuple(DIGESTS) if kind.kind == "RSA" else tuple(filter(None, [_OF_CURVE.get(kind.bits)]))


def algorithm(certificate: bytes, function: str) -> dict[str, str]:
    """A signature algorithm as Web eID names it."""
    _, kind = public_key_of(certificate)
    if kind.kind == "RSA":
        return {"cryptoAlgorithm": "RSA", "hashFunction": function, "paddingScheme": "PKCS1.5"}
    return {"cryptoAlgorithm": "ECC", "hashFunction": function, "paddingScheme": "NONE"}


def require_digest(digest: bytes, function: str) -> None:
    """Raise unless it has this function's length.

    Raises:
        MessageError: it has not, or there is no such function here.
    """
    if function not in DIGESTS:
        raise MessageError("unknown hash function", field="hashFunction")
    if len(digest) != hashlib.new(DIGESTS[function]).digest_size:
        raise MessageError("the hash has another length", field="hash")


def sign(card: Card, certificate: bytes, digest: bytes, function: str, pin: PINProvider) -> bytes:
    """The signature: RSASSA-PKCS1-v1_5, or R and S of ECDSA one after the other.

    Args:
        card: whose signature key signs.
        certificate: that key's, from :func:`signing_certificate`.
        digest: of :func:`require_digest`.
        function: one of :func:`functions_of`.
        pin: asked for the PIN.

    Raises:
        NotOfferedError: the key signs no digest of this function.
        ZorgIDError: as the card's own ``sign``.
    """
    from zorgid_card.hazardous import SigningCard, sign_digest  # noqa: PLC0415  # loaded for nothing else

    if function not in functions_of(certificate):
        raise NotOfferedError("the card's key signs no hash of this kind", operation="sign", reason=function)
    signature = sign_digest(cast(SigningCard, card), _KEY, digest, DIGESTS[function], pin)
    _, kind = public_key_of(certificate)
    return signature if kind.kind == "RSA" else ecdsa_raw(signature, f"ES{kind.bits}")
