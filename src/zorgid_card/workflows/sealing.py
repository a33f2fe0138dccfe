"""A secret on its way to one recipient, whom nobody in between can stand in for (RFC 9180, HPKE, base mode).

DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM. Who seals is not shown by it: the message around it is signed, or the receiver
tries what comes out. What was sealed for one purpose and one card opens for no other.
"""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from zorgid_card.errors import DecryptionError, MessageError
from zorgid_card.secret import Secret
from zorgid_card.workflows.messages import canonical

ADMINISTRATION_KEY: Final = "administration-key"
PUK: Final = "puk"
"""Purposes."""

_SUITE: Final = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_DOMAIN: Final = b"zorgid-card sealed v1\n"


def seal(recipient: bytes, secret: Secret, purpose: str, **context: str) -> bytes:
    """Seal a secret for the owner of a public key.

    Args:
        recipient: SubjectPublicKeyInfo (DER) of a P-256 key.
        secret: 1 to 256 bytes.
        purpose: one of those above.
        context: what it belongs to, such as ``card``; whoever opens it says the same.

    Raises:
        MessageError: not a P-256 key.
    """
    key = public_key(recipient)
    with secret.expose() as octets:
        return _SUITE.encrypt(octets, key, info=info(purpose, context))


def unseal(key: ec.EllipticCurvePrivateKey, sealed: bytes, purpose: str, **context: str) -> Secret:
    """Open what was sealed for this key; the only copy is the secret.

    Raises:
        DecryptionError: it was sealed for another key, purpose or context, or was changed.
    """
    try:
        return Secret.seize(_SUITE.decrypt(sealed, key, info=info(purpose, context)))
    except (InvalidTag, ValueError) as error:
        raise DecryptionError("not sealed for this key, or for something else") from error


class Receiver:
    """A key for one answer: its public half goes with the question."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    @property
    def public(self) -> bytes:
        """SubjectPublicKeyInfo, DER."""
        return self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def open(self, sealed: bytes, purpose: str, **context: str) -> Secret:
        """As :func:`unseal`."""
        return unseal(self._key, sealed, purpose, **context)


def public_key(der: bytes) -> ec.EllipticCurvePublicKey:
    """A key to seal for.

    Raises:
        MessageError: not the SubjectPublicKeyInfo of a P-256 key.
    """
    try:
        key = load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise MessageError("not a public key", field="recipient") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise MessageError("not a P-256 key", field="recipient")
    return key


def info(purpose: str, context: dict[str, str]) -> bytes:
    """What a sealing is for: HPKE's parameter of that name."""
    return _DOMAIN + canonical({"purpose": purpose, **context})
