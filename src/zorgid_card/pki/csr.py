"""Certification requests (PKCS #10, RFC 2986): made with a key that only signs, and verified.

A request shows possession of the key. Its subject is ignored when a certificate is issued: person and number
come from the UZI authentication.
"""

from __future__ import annotations

from typing import Any

from asn1crypto import algos, csr, keys
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from zorgid_card.errors import SignatureError
from zorgid_card.pki import _x509
from zorgid_card.pki.signing import ALGORITHMS, dump_public_key, load_public_key, require_algorithm
from zorgid_card.ports.card import Signer

MAX_CSR = 16 * 1024
"""Octets."""

_DIGESTS = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


def build_csr(signer: Signer, common_name: str = "") -> bytes:
    """Make a request for the signer's key and sign it with that key.

    Args:
        signer: the key, for instance in slot 9A of a card; it signs once.
        common_name: CN of the subject; without it the subject is empty.

    Returns:
        CertificationRequest, DER.

    Raises:
        SignatureError: the signer's algorithm is unknown or does not fit its key.
    """
    key = load_public_key(signer.public_key)
    require_algorithm(key, signer.algorithm)
    subject = {"common_name": common_name} if common_name else {}
    info = csr.CertificationRequestInfo(
        {
            "version": "v1",
            "subject": asn1_x509.Name.build(subject),
            "subject_pk_info": keys.PublicKeyInfo.load(dump_public_key(key)),
            "attributes": [],
        }
    )
    request = csr.CertificationRequest(
        {
            "certification_request_info": info,
            "signature_algorithm": signature_algorithm(signer.algorithm),
            "signature": signer.sign(info.dump()),
        }
    )
    return bytes(request.dump())


def signature_algorithm(name: str) -> Any:
    """The AlgorithmIdentifier of a JOSE algorithm (RFC 4055, RFC 5758)."""
    algorithm = ALGORITHMS[name]
    digest = algorithm.digest.name
    if algorithm.family == "RS":
        return algos.SignedDigestAlgorithm({"algorithm": f"{digest}_rsa"})
    if algorithm.family == "ES":
        return algos.SignedDigestAlgorithm({"algorithm": f"{digest}_ecdsa"})
    parameters = {
        "hash_algorithm": {"algorithm": digest},
        "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": {"algorithm": digest}},
        "salt_length": algorithm.digest.digest_size,
    }
    return algos.SignedDigestAlgorithm({"algorithm": "rsassa_pss", "parameters": parameters})


def verify_csr(data: bytes) -> bytes:
    """Verify a request's signature with the key that it names.

    Args:
        data: CertificationRequest, DER, at most 16 KiB.

    Returns:
        The key's SubjectPublicKeyInfo, DER.

    Raises:
        CertificateMalformedError: not a request, or a key that is not acceptable.
        SignatureError: the signature does not verify, or is made with a weak digest.
    """
    _x509.require_size(data, MAX_CSR, "CSR")
    with _x509.decoding("CSR"):
        request = x509.load_der_x509_csr(bytes(data))
        strong = isinstance(request.signature_hash_algorithm, _DIGESTS)
        spki = request.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        sound = request.is_signature_valid
    key = load_public_key(spki)
    if not strong or not sound:
        raise SignatureError("the request is not signed by the key that it names")
    return dump_public_key(key)
