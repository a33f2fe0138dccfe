"""Signatures on what a CA publishes: CRLs and OCSP answers, with the algorithm floor of the certificates themselves."""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ObjectIdentifier, SignatureAlgorithmOID

from zorgid_card.errors import SignatureError
from zorgid_card.pki.signing import ALGORITHMS, PublicKey, rsa_padding

_ACCEPTED: Final = {
    SignatureAlgorithmOID.RSA_WITH_SHA256: "RS256",
    SignatureAlgorithmOID.RSA_WITH_SHA384: "RS384",
    SignatureAlgorithmOID.RSA_WITH_SHA512: "RS512",
    SignatureAlgorithmOID.ECDSA_WITH_SHA256: "ES256",
    SignatureAlgorithmOID.ECDSA_WITH_SHA384: "ES384",
    SignatureAlgorithmOID.ECDSA_WITH_SHA512: "ES512",
}


def require_accepted(oid: ObjectIdentifier, what: str) -> str:
    """JOSE's name of a signature algorithm (of ES256, ES384 and ES512 the digest alone).

    Raises:
        SignatureError: it is not accepted: SHA-1, an algorithm of another family.
    """
    name = _ACCEPTED.get(oid)
    if name is None:
        raise SignatureError(
            f"the {what} is signed with an algorithm that is not accepted", algorithm=oid.dotted_string
        )
    return name


def require_signature(key: PublicKey, oid: ObjectIdentifier, signature: bytes, signed: bytes, what: str) -> None:
    """Verify a signature, ECDSA as DER.

    Raises:
        SignatureError: it does not verify, or its algorithm is not accepted or not the key's.
    """
    algorithm = ALGORITHMS[require_accepted(oid, what)]
    try:
        if isinstance(key, rsa.RSAPublicKey) and algorithm.family == "RS":
            return key.verify(signature, signed, rsa_padding(algorithm), algorithm.digest)
        if isinstance(key, ec.EllipticCurvePublicKey) and algorithm.family == "ES":
            return key.verify(signature, signed, ec.ECDSA(algorithm.digest))
    except (InvalidSignature, ValueError) as error:
        raise SignatureError(f"the signature of the {what} does not verify", algorithm=algorithm.name) from error
    raise SignatureError(f"the {what} is signed with another kind of key", algorithm=algorithm.name)
