"""What is hashed and padded before a card signs it: RFC 8017 (PKCS #1), FIPS 186-5, under the names of RFC
7518.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, replace
from typing import Final, Literal

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from zorgid_card.errors import CardResponseError, UsageError

Scheme = Literal["pkcs1", "pss", "ecdsa"]


@dataclass(frozen=True, slots=True)
class SignatureAlgorithm:
    """A signature algorithm as JOSE names it (RFC 7518, 3.1); ``curve_bits`` is 0 for RSA."""

    name: str
    scheme: Scheme
    digest: str
    curve_bits: int = 0
    prehashed: bool = False
    """What is given to be signed is a digest already (:mod:`zorgid_card.hazardous`)."""

    def hash(self, data: bytes) -> bytes:
        """The digest of ``data``."""
        return hashlib.new(self.digest, data).digest()

    def message_digest(self, data: bytes) -> bytes:
        """The digest of what is signed: that of ``data``, or ``data`` itself where that is one already."""
        return data if self.prehashed else self.hash(data)


_ALGORITHMS: Final = {
    algorithm.name: algorithm
    for algorithm in (
        SignatureAlgorithm("RS256", "pkcs1", "sha256"),
        SignatureAlgorithm("RS384", "pkcs1", "sha384"),
        SignatureAlgorithm("RS512", "pkcs1", "sha512"),
        SignatureAlgorithm("PS256", "pss", "sha256"),
        SignatureAlgorithm("PS384", "pss", "sha384"),
        SignatureAlgorithm("PS512", "pss", "sha512"),
        SignatureAlgorithm("ES256", "ecdsa", "sha256", 256),
        SignatureAlgorithm("ES384", "ecdsa", "sha384", 384),
    )
}

# The DER of DigestInfo up to the digest itself (RFC 8017, 9.2, note 1).
_DIGEST_INFO: Final = {
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}

# Orders of the base points (SP 800-186, 3.2.1.3 and 3.2.1.4).
_ORDER: Final = {
    256: int("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16),
    384: int("ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973", 16),
}


def signature_algorithm(name: str | SignatureAlgorithm) -> SignatureAlgorithm:
    """The algorithm that JOSE calls ``name``; one that is known already is given back.

    Raises:
        UsageError: none of RS256/384/512, PS256/384/512, ES256, ES384.
    """
    if isinstance(name, SignatureAlgorithm):
        return name
    try:
        return _ALGORITHMS[name]
    except KeyError:
        raise UsageError(f"{name!r} is not a signature algorithm of these cards", reason="algorithm") from None


def prehashed(name: str) -> SignatureAlgorithm:
    """The algorithm that JOSE calls ``name``, for a digest that is there already; raises as :func:`signature_algorithm`."""
    return replace(signature_algorithm(name), prehashed=True)


def digest_info(algorithm: SignatureAlgorithm, data: bytes) -> bytes:
    """DER of DigestInfo over ``data``, for a card that pads by itself (RFC 8017, 9.2, steps 1 and 2)."""
    return _DIGEST_INFO[algorithm.digest] + algorithm.message_digest(data)


def rsa_block(algorithm: SignatureAlgorithm, data: bytes, bits: int) -> bytes:
    """The padded block of an RSA key's length, for a card that computes the bare RSA operation.

    Args:
        algorithm: one of RSA.
        data: what is signed.
        bits: length of the modulus; a multiple of 8, at least 1024.

    Returns:
        EMSA-PKCS1-v1_5 or EMSA-PSS encoding, ``bits`` / 8 bytes.
    """
    if algorithm.scheme == "pss":
        return _emsa_pss(algorithm, data, bits)
    info = digest_info(algorithm, data)
    return b"\x00\x01" + b"\xff" * (bits // 8 - 3 - len(info)) + b"\x00" + info


def _emsa_pss(algorithm: SignatureAlgorithm, data: bytes, bits: int) -> bytes:
    """RFC 8017, 9.1.1, with a salt as long as the digest and MGF1 over the same hash; emBits = ``bits`` -
    1.
    """
    digest = algorithm.message_digest(data)
    salt = secrets.token_bytes(len(digest))
    seal = algorithm.hash(bytes(8) + digest + salt)
    block = bytes(bits // 8 - 2 * len(digest) - 2) + b"\x01" + salt
    masked = bytearray(a ^ b for a, b in zip(block, _mgf1(algorithm, seal, len(block)), strict=True))
    masked[0] &= 0x7F
    return bytes(masked) + seal + b"\xbc"


def _mgf1(algorithm: SignatureAlgorithm, seed: bytes, length: int) -> bytes:
    """RFC 8017, B.2.1."""
    mask = b""
    while len(mask) < length:
        counter = len(mask) // len(seed)
        mask += algorithm.hash(seed + counter.to_bytes(4, "big"))
    return mask[:length]


def ecdsa_digest(algorithm: SignatureAlgorithm, data: bytes) -> bytes:
    """The leftmost bits of the digest, as many as the curve's order has (FIPS 186-5, 6.4.1, step 2)."""
    return algorithm.message_digest(data)[: algorithm.curve_bits // 8]


def check_ecdsa_signature(signature: bytes, curve_bits: int) -> bytes:
    """Strict DER of ECDSA-Sig-Value with r and s below the order (RFC 3279, 2.2.3); returned as it is.

    Raises:
        CardResponseError: anything else.
    """
    try:
        r, s = decode_dss_signature(signature)
        canonical = encode_dss_signature(r, s)
    except ValueError as error:
        raise CardResponseError("the card's ECDSA signature is not DER") from error
    order = _ORDER[curve_bits]
    if canonical != signature or not (0 < r < order and 0 < s < order):
        raise CardResponseError("the card's ECDSA signature is not one of its curve")
    return signature
