"""The private-key operations of a simulated pass: PKCS#1 v1.5 padded on the card (RFC 8017, 7.2 and 9.2).

In Python integers, because the card signs whatever octets it is given, which a library that hashes by itself
cannot express. Timing is not constant: the keys protect nothing.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import rsa

_LEAST_PADDING = 8
_OVERHEAD = _LEAST_PADDING + 3


def _private(key: rsa.RSAPrivateKey, value: int) -> int:
    """RSADP / RSASP1 by the Chinese remainder theorem (RFC 8017, 5.1.2)."""
    numbers = key.private_numbers()
    first = pow(value, numbers.dmp1, numbers.p)
    second = pow(value, numbers.dmq1, numbers.q)
    return second + numbers.q * ((first - second) * numbers.iqmp % numbers.p)


def bare(key: rsa.RSAPrivateKey, block: bytes) -> bytes | None:
    """The bare operation on a block as long as the modulus; None for another length or a number that is too big."""
    size, value = key.key_size // 8, int.from_bytes(block, "big")
    if len(block) != size or value >= key.public_key().public_numbers().n:
        return None
    return _private(key, value).to_bytes(size, "big")


def pad_and_sign(key: rsa.RSAPrivateKey, data: bytes) -> bytes | None:
    """Sign ``data`` (a DigestInfo or other) with block type 1; None if there is no room for padding."""
    size = key.key_size // 8
    if not 0 < len(data) <= size - _OVERHEAD:
        return None
    block = b"\x00\x01".ljust(size - len(data) - 1, b"\xff") + b"\x00" + data
    return _private(key, int.from_bytes(block, "big")).to_bytes(size, "big")


def recover(key: rsa.RSAPrivateKey, cryptogram: bytes) -> bytes | None:
    """Decipher and take the padding of block type 2 off; None if it is not of the key's size or malformed."""
    size = key.key_size // 8
    value = int.from_bytes(cryptogram, "big")
    if len(cryptogram) != size or value >= key.public_key().public_numbers().n:
        return None
    block = _private(key, value).to_bytes(size, "big")
    end = block.find(b"\x00", 2)
    if block[:2] != b"\x00\x02" or end < 2 + _LEAST_PADDING:
        return None
    return block[end + 1 :]
