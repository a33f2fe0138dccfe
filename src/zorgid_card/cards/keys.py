"""What the keys of all kinds of card have in common: what they are for, by which algorithm they are used, what comes out."""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from zorgid_card.errors import CardResponseError, CryptogramError, UsageError
from zorgid_card.protocol.piv import KeyAlgorithm
from zorgid_card.protocol.signature import SignatureAlgorithm, check_ecdsa_signature, signature_algorithm

AUTHENTICITY: Final = "authenticity"
SIGNATURE: Final = "signature"
CONFIDENTIALITY: Final = "confidentiality"

_USUAL: Final = {256: "ES256", 384: "ES384"}
_LEAST_PADDING: Final = 8


def usual_algorithm(kind: KeyAlgorithm) -> str:
    """The algorithm that goes with a key where nobody asks for another: RS256, ES256 or ES384."""
    return _USUAL[kind.bits] if kind.kind == "EC" else "RS256"


def chosen_algorithm(name: str | SignatureAlgorithm | None, kind: KeyAlgorithm) -> SignatureAlgorithm:
    """The algorithm of this name, or the usual one.

    Raises:
        UsageError: there is no such algorithm, or it does not suit the key.
    """
    chosen = signature_algorithm(name or usual_algorithm(kind))
    if chosen.curve_bits != (kind.bits if kind.kind == "EC" else 0):
        raise UsageError(f"{chosen.name} does not suit a key of {kind.name}", reason="algorithm")
    return chosen


def require_rsa(kind: KeyAlgorithm) -> None:
    """The key can decipher.

    Raises:
        UsageError: it is on a curve: there :meth:`~zorgid_card.cards.Card.key_agreement` is what there is.
    """
    if kind.kind != "RSA":
        raise UsageError(f"a key of {kind.name} does not decipher; it agrees on a key", reason="algorithm")


def point_of(public_key: bytes, kind: KeyAlgorithm) -> bytes:
    """The other party's point, uncompressed (04, x, y), from SubjectPublicKeyInfo DER.

    Raises:
        UsageError: the card's key, or the other's, is not on this curve.
    """
    if kind.kind != "EC":
        raise UsageError(f"a key of {kind.name} agrees on nothing; it deciphers", reason="algorithm")
    try:
        key = load_der_public_key(public_key)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageError("not a public key", reason="public key") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.key_size != kind.bits:
        raise UsageError(f"the other party's key is not one of {kind.name}", reason="public key")
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def check_signature(signature: bytes, kind: KeyAlgorithm) -> bytes:
    """A signature as this library gives it: RSA as long as the modulus, ECDSA as DER ECDSA-Sig-Value.

    Cards give r and s of ECDSA plainly, one after another (as PKCS #11 has it), or as DER.

    Raises:
        CardResponseError: anything else.
    """
    expected = 2 * kind.octets if kind.kind == "EC" else kind.octets
    if kind.kind == "EC" and len(signature) != expected:
        return check_ecdsa_signature(signature, kind.bits)
    if len(signature) != expected:
        raise CardResponseError(f"a signature of {len(signature)} bytes by a key of {kind.name}", reason="length")
    if kind.kind == "RSA":
        return signature
    r, s = (int.from_bytes(part, "big") for part in (signature[: kind.octets], signature[kind.octets :]))
    return check_ecdsa_signature(encode_dss_signature(r, s), kind.bits)


def unpadded(block: bytes, kind: KeyAlgorithm) -> bytes:
    """The message in an encryption block of PKCS #1 v1.5 (RFC 8017, 7.2.2), for a card that does the bare RSA operation.

    Raises:
        CryptogramError: there is none in it. To a sender who can tell that from an answer it is a padding oracle.
    """
    block = block.rjust(kind.octets, b"\0")
    end = block.find(b"\0", 2)
    if len(block) != kind.octets or block[:2] != b"\0\x02" or end < 2 + _LEAST_PADDING:
        raise CryptogramError(reason="padding")
    return block[end + 1 :]


def require_cryptogram(cryptogram: bytes, kind: KeyAlgorithm) -> None:
    """A cryptogram of a key of RSA is as long as its modulus.

    Raises:
        UsageError: a key on a curve.
        CryptogramError: another length.
    """
    require_rsa(kind)
    if len(cryptogram) != kind.octets:
        raise CryptogramError(f"a cryptogram of {len(cryptogram)} bytes for a key of {kind.name}", reason="length")
