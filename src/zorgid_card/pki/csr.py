"""Certification requests (PKCS #10, RFC 2986): made with a key that only signs, and verified.

A request shows possession of the key. Its subject decides nothing: person and number come from the UZI authentication, and
the portal tells the card side what the request says (:func:`request_template`), because a remote CA reads it.
"""

from __future__ import annotations

from typing import Any, ClassVar

from asn1crypto import algos, core, csr, keys
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from zorgid_card.errors import CertificateMalformedError, SignatureError
from zorgid_card.pki import _x509
from zorgid_card.pki.naming import alternative_names, subject_name
from zorgid_card.pki.signing import ALGORITHMS, dump_public_key, load_public_key, require_algorithm
from zorgid_card.ports.authority import CertificateProfile, SubjectData
from zorgid_card.ports.card import Signer

MAX_CSR = 16 * 1024
"""Octets."""

MAX_TEMPLATE = 4096
"""Octets."""

_DIGESTS = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


class _Template(core.Sequence):  # type: ignore[misc]  # asn1crypto has no types
    """Subject and attributes of a CertificationRequestInfo (RFC 2986, 4.1)."""

    _fields: ClassVar = [("subject", asn1_x509.Name), ("attributes", csr.CRIAttributes, {"implicit": 0})]


def request_template(profile: CertificateProfile, subject: SubjectData, guid: bytes) -> bytes:
    """What the request of a card says, besides its key: subject, and subjectAltName as an extensionRequest (RFC 2985, 5.4.2).

    Args:
        profile: the slot's profile.
        subject: the person.
        guid: the card's GUID, 16 octets.

    Returns:
        ``SEQUENCE { subject Name, attributes [0] }``, DER, at most 4096 octets.
    """
    names = alternative_names(profile, subject, guid)
    extension = {"extn_id": "subject_alt_name", "extn_value": core.ParsableOctetString(names.public_bytes())}
    attribute = csr.CRIAttribute({"type": "extension_request", "values": [[extension]]})
    name = asn1_x509.Name.load(subject_name(subject).public_bytes())
    return bytes(_Template({"subject": name, "attributes": [attribute]}).dump())


_NOTHING = bytes.fromhex("30043000A000")


def build_csr(signer: Signer, template: bytes = _NOTHING) -> bytes:
    """Make a request for the signer's key and sign it with that key.

    Args:
        signer: the key, for instance in slot 9A of a card; it signs once.
        template: what it says besides the key (:func:`request_template`); without it, nothing.

    Returns:
        CertificationRequest, DER.

    Raises:
        SignatureError: the signer's algorithm is unknown or does not fit its key.
        CertificateMalformedError: the template is none.
    """
    said = _parse_template(template)
    key = load_public_key(signer.public_key)
    require_algorithm(key, signer.algorithm)
    info = csr.CertificationRequestInfo(
        {
            "version": "v1",
            "subject": said["subject"],
            "subject_pk_info": keys.PublicKeyInfo.load(dump_public_key(key)),
            "attributes": said["attributes"],
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


def _parse_template(template: bytes) -> Any:
    _x509.require_size(template, MAX_TEMPLATE, "request template")
    with _x509.decoding("request template"):
        parsed = _Template.load(bytes(template), strict=True)
        parsed.native  # noqa: B018  # asn1crypto parses what is asked for
        return parsed


def require_template(data: bytes, template: bytes) -> None:
    """Require that a request, verified before, says what the template says and nothing else.

    Raises:
        CertificateMalformedError: it says something else.
    """
    info = csr.CertificationRequest.load(bytes(data))["certification_request_info"]
    said = _parse_template(template)
    if any(info[name].dump() != said[name].dump() for name in ("subject", "attributes")):
        raise CertificateMalformedError(
            "the request says something else than it should", field="CSR", reason="contents"
        )


def named_template(common_name: str) -> bytes:
    """What the request of a phone says, besides its key: a common name alone (RFC 5280, 4.1.2.4), and no attribute.

    Args:
        common_name: 1 to 64 characters.

    Returns:
        as :func:`request_template`.
    """
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    return bytes(_Template({"subject": asn1_x509.Name.load(name.public_bytes()), "attributes": []}).dump())


def require_common_name(data: bytes, common_name: str) -> None:
    """Require that a request, verified before, names this common name and nothing else as its subject.

    Raises:
        CertificateMalformedError: it names another subject.
    """
    with _x509.decoding("CSR"):
        subject = [(attribute.oid, attribute.value) for attribute in x509.load_der_x509_csr(bytes(data)).subject]
    if subject != [(NameOID.COMMON_NAME, common_name)]:
        raise CertificateMalformedError("the request is for another subject", field="CSR", reason="contents")


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
