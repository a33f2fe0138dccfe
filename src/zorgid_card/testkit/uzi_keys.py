"""What the keys of a simulated pass do, by the algorithm that MANAGE SECURITY ENVIRONMENT chose (PKCS #11 gives them numbers).

Each answers None where a card would refuse the data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature

from zorgid_card.codec import tlv
from zorgid_card.errors import TLVError
from zorgid_card.testkit import pkcs15_files as p15
from zorgid_card.testkit.rsa_operations import bare, pad_and_sign, recover
from zorgid_card.testkit.uzi_contents import PassKey

_Operation: TypeAlias = Callable[[rsa.RSAPrivateKey, bytes], "bytes | None"]

_HASHES: Mapping[int, hashes.HashAlgorithm] = {32: hashes.SHA256(), 48: hashes.SHA384(), 64: hashes.SHA512()}
_KEY_AGREEMENT, _PUBLIC_KEY, _POINT = 0xA6, 0x7F49, 0x86


def sign(key: PassKey, mechanism: int, data: bytes) -> bytes | None:
    """COMPUTE DIGITAL SIGNATURE, or INTERNAL AUTHENTICATE."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return _ecdsa(key, data) if mechanism == p15.CKM_ECDSA else None
    by: Mapping[int, _Operation] = {
        p15.CKM_RSA_PKCS: pad_and_sign,
        p15.CKM_RSA_X_509: bare,
        p15.CKM_RSA_PKCS_PSS: _pss,
    }
    return by[mechanism](key, data) if mechanism in by else None


def decipher(key: PassKey, mechanism: int, cryptogram: bytes) -> bytes | None:
    """DECIPHER: the padding comes off, or stays on where the algorithm is the bare operation."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return None
    by: Mapping[int, _Operation] = {p15.CKM_RSA_PKCS: recover, p15.CKM_RSA_X_509: bare}
    return by[mechanism](key, cryptogram) if mechanism in by else None


def agree(key: PassKey, mechanism: int, data: bytes) -> bytes | None:
    """DECIPHER of a template A6 with the other's public key (7F49, 86): the x coordinate of the shared point."""
    if not isinstance(key, ec.EllipticCurvePrivateKey) or mechanism != p15.CKM_ECDH1_DERIVE:
        return None
    try:
        point = tlv.Index(tlv.Index(data).first(_KEY_AGREEMENT)).first(_PUBLIC_KEY, _POINT)
        other = ec.EllipticCurvePublicKey.from_encoded_point(key.curve, point)
    except (TLVError, ValueError):
        return None
    return key.exchange(ec.ECDH(), other)


def _ecdsa(key: ec.EllipticCurvePrivateKey, digest: bytes) -> bytes | None:
    """r and s, plain, one after another."""
    size = (key.key_size + 7) // 8
    if len(digest) not in _HASHES or len(digest) > size:
        return None
    r, s = decode_dss_signature(key.sign(digest, ec.ECDSA(Prehashed(_HASHES[len(digest)]))))
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def _pss(key: rsa.RSAPrivateKey, digest: bytes) -> bytes | None:
    """RSASSA-PSS over a digest, whose length says of which hash; the salt is as long."""
    chosen = _HASHES.get(len(digest))
    if chosen is None:
        return None
    try:
        return key.sign(digest, padding.PSS(padding.MGF1(chosen), chosen.digest_size), Prehashed(chosen))
    except (ValueError, InvalidSignature):
        return None
