"""Signatures: the algorithms that cards and portals use, verified by name, and a key in software for tests
and sessions.

Names are JOSE's (RFC 7518, 3.1). ECDSA signatures are DER ``ECDSA-Sig-Value`` (RFC 3279, 2.2.3) everywhere in
this library except in a Web eID token, where they are raw R and S.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from zorgid_card.errors import CertificateMalformedError, SignatureError

PublicKey: TypeAlias = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

RSA_BITS = (2048, 4096)
"""Smallest and largest RSA modulus accepted, in bits."""

_MIN_EXPONENT = 65537


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One signature algorithm: ``family`` is RS (PKCS#1 v1.5), PS (PSS) or ES (ECDSA on ``curve``)."""

    name: str
    family: str
    digest: hashes.HashAlgorithm
    curve: str = ""


ALGORITHMS: Mapping[str, Algorithm] = {
    algorithm.name: algorithm
    for algorithm in (
        Algorithm("RS256", "RS", hashes.SHA256()),
        Algorithm("RS384", "RS", hashes.SHA384()),
        Algorithm("RS512", "RS", hashes.SHA512()),
        Algorithm("PS256", "PS", hashes.SHA256()),
        Algorithm("PS384", "PS", hashes.SHA384()),
        Algorithm("PS512", "PS", hashes.SHA512()),
        Algorithm("ES256", "ES", hashes.SHA256(), "secp256r1"),
        Algorithm("ES384", "ES", hashes.SHA384(), "secp384r1"),
        Algorithm("ES512", "ES", hashes.SHA512(), "secp521r1"),
    )
}

_CURVES: Mapping[str, str] = {a.curve: a.name for a in ALGORITHMS.values() if a.curve}


def load_public_key(spki: bytes) -> PublicKey:
    """Decode a SubjectPublicKeyInfo (RFC 5280, 4.1.2.7): RSA of 2048 to 4096 bits, or EC on P-256, P-384 or
    P-521.

    Raises:
        CertificateMalformedError: not a key, or one too weak or of another kind.
    """
    try:
        key = load_der_public_key(spki)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CertificateMalformedError("not a public key", field="publicKey", reason=str(error)[:200]) from error
    if isinstance(key, rsa.RSAPublicKey):
        _require_strong(key)
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
        return key
    raise CertificateMalformedError(
        "a key of a kind that is not accepted", field="publicKey", reason=type(key).__name__
    )


def _require_strong(key: rsa.RSAPublicKey) -> None:
    exponent = key.public_numbers().e
    if not RSA_BITS[0] <= key.key_size <= RSA_BITS[1] or exponent < _MIN_EXPONENT or not exponent & 1:
        raise CertificateMalformedError(
            f"RSA key of {key.key_size} bits with exponent {exponent} is not accepted",
            field="publicKey",
            reason="weak RSA key",
        )


def dump_public_key(key: PublicKey) -> bytes:
    """The key's SubjectPublicKeyInfo, DER, in the one form by which keys are compared."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def algorithm_for(spki: bytes) -> str:
    """The algorithm that a key is used with by default: RS256 for RSA, ES256/384/512 by the curve.

    Raises:
        CertificateMalformedError: see :func:`load_public_key`.
    """
    key = load_public_key(spki)
    return "RS256" if isinstance(key, rsa.RSAPublicKey) else _CURVES[key.curve.name]


def key_algorithm(spki: bytes) -> str:
    """What kind of key this is, as cards name it: RSA2048, RSA3072, RSA4096, ECCP256, ECCP384, ECCP521.

    Raises:
        CertificateMalformedError: see :func:`load_public_key`.
    """
    key = load_public_key(spki)
    return f"RSA{key.key_size}" if isinstance(key, rsa.RSAPublicKey) else f"ECCP{key.curve.key_size}"


def require_algorithm(key: PublicKey, name: str) -> Algorithm:
    """The algorithm ``name``, provided that it is one for this key.

    Raises:
        SignatureError: the algorithm is unknown, or made for another kind of key.
    """
    algorithm = ALGORITHMS.get(name)
    if algorithm is None:
        raise SignatureError("unknown signature algorithm", algorithm=name[:20])
    is_rsa = isinstance(key, rsa.RSAPublicKey)
    curve = "" if isinstance(key, rsa.RSAPublicKey) else key.curve.name
    if is_rsa is (algorithm.family == "ES") or curve != algorithm.curve:
        raise SignatureError(f"{name} does not fit the key", algorithm=name)
    return algorithm


def rsa_padding(algorithm: Algorithm) -> padding.AsymmetricPadding:
    """The padding of an RSA signature (RFC 8017, 8); the PSS salt is as long as the digest (RFC 7518,
    3.5).
    """
    if algorithm.family == "RS":
        return padding.PKCS1v15()
    return padding.PSS(padding.MGF1(algorithm.digest), algorithm.digest.digest_size)


_RSA_SCHEMES = {name: rsa_padding(algorithm) for name, algorithm in ALGORITHMS.items() if algorithm.family != "ES"}
_EC_SCHEMES = {name: ec.ECDSA(algorithm.digest) for name, algorithm in ALGORITHMS.items() if algorithm.family == "ES"}


def verify_signature(spki: bytes, algorithm: str, data: bytes, signature: bytes) -> None:
    """Verify ``signature`` over ``data``.

    Args:
        spki: SubjectPublicKeyInfo, DER.
        algorithm: JOSE name; it must fit the key.
        data: what was signed; hashed here.
        signature: ECDSA as DER ``ECDSA-Sig-Value``, RSA as many octets as the modulus.

    Raises:
        SignatureError: the signature does not verify, or the algorithm does not fit the key.
        CertificateMalformedError: the key is not acceptable.
    """
    verify_with(load_public_key(spki), algorithm, data, signature)


def verify_with(key: PublicKey, algorithm: str, data: bytes, signature: bytes) -> None:
    """As :func:`verify_signature`, with a key that :func:`load_public_key` accepted before.

    Raises:
        SignatureError: the signature does not verify, or the algorithm does not fit the key.
    """
    known = require_algorithm(key, algorithm)
    if (
        isinstance(key, rsa.RSAPublicKey) and len(signature) != (key.key_size + 7) // 8
    ):  # OpenSSL takes PSS without its zeros
        raise SignatureError(f"an RSA signature of {len(signature)} octets", algorithm=algorithm)
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, data, _RSA_SCHEMES[algorithm], known.digest)
        else:
            key.verify(signature, data, _EC_SCHEMES[algorithm])
    except (InvalidSignature, ValueError) as error:
        raise SignatureError("the signature does not verify", algorithm=algorithm) from error


def _coordinate_size(algorithm: str) -> int:
    return {"ES256": 32, "ES384": 48, "ES512": 66}[algorithm]


def ecdsa_raw(signature: bytes, algorithm: str) -> bytes:
    """DER ``ECDSA-Sig-Value`` to R and S of fixed width (RFC 7518, 3.4): 64, 96 or 132 octets.

    Raises:
        SignatureError: not an ECDSA signature of this size.
    """
    size = _coordinate_size(algorithm)
    try:
        return b"".join(number.to_bytes(size, "big") for number in decode_dss_signature(signature))
    except (ValueError, OverflowError) as error:
        raise SignatureError("not an ECDSA signature", algorithm=algorithm) from error


def ecdsa_der(raw: bytes, algorithm: str) -> bytes:
    """R and S of fixed width to DER ``ECDSA-Sig-Value``.

    Raises:
        SignatureError: ``raw`` is not twice the width of the curve, for example because a leading zero was
            lost.
    """
    size = _coordinate_size(algorithm)
    if len(raw) != 2 * size:
        raise SignatureError(f"{algorithm} signature of {len(raw)} octets, expected {2 * size}", algorithm=algorithm)
    return encode_dss_signature(int.from_bytes(raw[:size], "big"), int.from_bytes(raw[size:], "big"))


class SoftwareSigner:
    """A :class:`~zorgid_card.ports.card.Signer` whose key lives in this process: session keys, CAs and tests;
    never a card holder's.
    """

    def __init__(self, key: PrivateKey, algorithm: str = "") -> None:
        self._key = key
        self._spki = dump_public_key(key.public_key())
        self._algorithm = require_algorithm(load_public_key(self._spki), algorithm or algorithm_for(self._spki))

    @classmethod
    def generate(cls, algorithm: str = "ES256") -> SoftwareSigner:
        """A new key: RSA-2048 for RS and PS, the curve of the algorithm for ES.

        Raises:
            SignatureError: the algorithm is unknown.
        """
        known = ALGORITHMS.get(algorithm)
        if known is None:
            raise SignatureError("unknown signature algorithm", algorithm=algorithm[:20])
        curves = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
        if known.family == "ES":
            return cls(ec.generate_private_key(curves[algorithm]), algorithm)
        return cls(rsa.generate_private_key(_MIN_EXPONENT, RSA_BITS[0]), algorithm)

    @property
    def public_key(self) -> bytes:
        """SubjectPublicKeyInfo, DER."""
        return self._spki

    @property
    def algorithm(self) -> str:
        """JOSE name."""
        return self._algorithm.name

    def sign(self, data: bytes, /) -> bytes:
        """Hash ``data`` and sign it; ECDSA as DER, RSA as many octets as the modulus."""
        if isinstance(self._key, rsa.RSAPrivateKey):
            return self._key.sign(data, rsa_padding(self._algorithm), self._algorithm.digest)
        return self._key.sign(data, ec.ECDSA(self._algorithm.digest))

    def __repr__(self) -> str:
        return f"SoftwareSigner({self._algorithm.name})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a private key is not pickled")
