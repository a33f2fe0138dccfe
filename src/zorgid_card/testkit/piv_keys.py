"""The keys of a simulated PIV card: what they are, how they are made, imported, shown and used (SP 800-78-5).

The private halves live in ordinary memory. Nothing here answers a command; :mod:`~zorgid_card.testkit.piv` does, and it
calls only what returns results of operations and public keys.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from zorgid_card.codec import tlv
from zorgid_card.codec.apdu import SW
from zorgid_card.testkit.card import Refused

PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

TAG_MODULUS = 0x81
TAG_EXPONENT = 0x82
TAG_POINT = 0x86


class Algorithm(IntEnum):
    """Algorithm identifiers of asymmetric keys (SP 800-78-5, table 9)."""

    RSA3072 = 0x05
    RSA2048 = 0x07
    ECCP256 = 0x11
    ECCP384 = 0x14


class PINPolicy(IntEnum):
    """When a private key wants the PIN (Yubico's coding, tag AA)."""

    NEVER = 1
    ONCE = 2
    ALWAYS = 3


class TouchPolicy(IntEnum):
    """When a private key wants a touch (Yubico's coding, tag AB); a simulated card counts as always touched."""

    NEVER = 1
    ALWAYS = 2
    CACHED = 3


class Origin(IntEnum):
    """Where a key was made (Yubico's metadata, tag 03); only a generated one can be attested."""

    GENERATED = 1
    IMPORTED = 2


_RSA_BITS = {Algorithm.RSA2048: 2048, Algorithm.RSA3072: 3072}
_CURVES: dict[Algorithm, type[ec.EllipticCurve]] = {
    Algorithm.ECCP256: ec.SECP256R1,
    Algorithm.ECCP384: ec.SECP384R1,
}
_DIGESTS: dict[Algorithm, hashes.HashAlgorithm] = {
    Algorithm.ECCP256: hashes.SHA256(),
    Algorithm.ECCP384: hashes.SHA384(),
}
SIZES: Mapping[Algorithm, int] = {
    Algorithm.RSA2048: 256,
    Algorithm.RSA3072: 384,
    Algorithm.ECCP256: 32,
    Algorithm.ECCP384: 48,
}
"""Modulus or field size in bytes."""

KeyMaker: TypeAlias = Callable[[Algorithm], PrivateKey]
"""Makes the private key for GENERATE ASYMMETRIC KEY PAIR; tests may hand out ready-made ones."""


def make_key(algorithm: Algorithm) -> PrivateKey:
    """Make a fresh private key; RSA with public exponent 65537 (SP 800-78-5, 3.1)."""
    if algorithm in _RSA_BITS:
        return rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS[algorithm])
    return ec.generate_private_key(_CURVES[algorithm]())


@dataclass(slots=True)
class CardKey:
    """A private key in a slot, with the conditions for its use."""

    algorithm: Algorithm
    private: PrivateKey
    pin_policy: PINPolicy
    touch_policy: TouchPolicy
    origin: Origin

    def __repr__(self) -> str:
        return f"<CardKey {self.algorithm.name}, {self.origin.name.lower()}>"

    def public_objects(self) -> bytes:
        """The public key's data objects: 81 and 82, or 86 (SP 800-73-5 part 2, table 11)."""
        if isinstance(self.private, rsa.RSAPrivateKey):
            numbers = self.private.public_key().public_numbers()
            exponent = numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8, "big")
            modulus = numbers.n.to_bytes(SIZES[self.algorithm], "big")
            return tlv.encode(TAG_MODULUS, modulus) + tlv.encode(TAG_EXPONENT, exponent)
        point = self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return tlv.encode(TAG_POINT, point)

    def sign(self, block: bytes) -> bytes:
        """The private operation on a challenge: raw RSA on k bytes, or ECDSA on a digest (part 2, A.4).

        The card hashes nothing and checks no padding. ECDSA takes a digest of at most the field's size, as an integer.
        """
        if isinstance(self.private, rsa.RSAPrivateKey):
            return _raw_rsa(self.private, block, SIZES[self.algorithm])
        if not 0 < len(block) <= SIZES[self.algorithm]:
            raise Refused(SW.WRONG_DATA)
        digest = block.rjust(SIZES[self.algorithm], b"\0")
        return self.private.sign(digest, ec.ECDSA(Prehashed(_DIGESTS[self.algorithm])))

    def agree(self, point: bytes) -> bytes:
        """ECC CDH with an uncompressed point; the shared X coordinate, of the field's size (part 2, A.5.2)."""
        if isinstance(self.private, rsa.RSAPrivateKey) or len(point) != 1 + 2 * SIZES[self.algorithm]:
            raise Refused(SW.WRONG_DATA)
        try:
            other = ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[self.algorithm](), point)
        except ValueError:
            raise Refused(SW.WRONG_DATA) from None
        return self.private.exchange(ec.ECDH(), other)


def _raw_rsa(key: rsa.RSAPrivateKey, block: bytes, size: int) -> bytes:
    """RSADP by the Chinese remainder theorem (RFC 8017, 5.1.2)."""
    numbers = key.private_numbers()
    value = int.from_bytes(block, "big")
    if len(block) != size or value >= numbers.public_numbers.n:
        raise Refused(SW.WRONG_DATA)
    first = pow(value, numbers.dmp1, numbers.p)
    second = pow(value, numbers.dmq1, numbers.q)
    factor = (first - second) * numbers.iqmp % numbers.p
    return (second + factor * numbers.q).to_bytes(size, "big")


def import_key(algorithm: Algorithm, parts: Mapping[int, bytes]) -> PrivateKey:
    """Put a key together from what Yubico's IMPORT ASYMMETRIC KEY carries: p, q (and CRT parts), or the scalar."""
    try:
        if algorithm in _RSA_BITS:
            return _import_rsa(parts, _RSA_BITS[algorithm])
        if len(parts[0x06]) != SIZES[algorithm]:
            raise Refused(SW.WRONG_DATA)
        return ec.derive_private_key(int.from_bytes(parts[0x06], "big"), _CURVES[algorithm]())
    except (ValueError, KeyError, ZeroDivisionError):
        raise Refused(SW.WRONG_DATA) from None


def _import_rsa(parts: Mapping[int, bytes], bits: int) -> rsa.RSAPrivateKey:
    p, q = (int.from_bytes(parts[tag], "big") for tag in (0x01, 0x02))
    if (p * q).bit_length() != bits:
        raise Refused(SW.WRONG_DATA)
    d = pow(65537, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(65537, p * q)
    crt = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    return rsa.RSAPrivateNumbers(p, q, d, *crt, public).private_key()


def algorithm_of(key: PrivateKey) -> Algorithm:
    """The identifier of a key's algorithm.

    Raises:
        ValueError: a PIV card has no such keys.
    """
    if isinstance(key, rsa.RSAPrivateKey):
        found = [algorithm for algorithm, bits in _RSA_BITS.items() if bits == key.key_size]
    else:
        found = [algorithm for algorithm, curve in _CURVES.items() if isinstance(key.curve, curve)]
    if not found:
        raise ValueError("not an algorithm of a PIV card")
    return found[0]


def asymmetric(identifier: int, refusal: int) -> Algorithm:
    """The algorithm that an identifier names; ``refusal`` is the status word if this card has it not."""
    try:
        return Algorithm(identifier)
    except ValueError:
        raise Refused(refusal) from None


def one_byte(value: bytes) -> int:
    """The value of a data object of one byte; any other length is refused with 6A80."""
    if len(value) != 1:
        raise Refused(SW.WRONG_DATA)
    return value[0]
