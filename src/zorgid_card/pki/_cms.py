"""Structures of CMS (RFC 5652): what is parsed with :mod:`asn1crypto`, and whatever it raises made one error of ours."""

from __future__ import annotations

import base64
import re
import string
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding

from zorgid_card.errors import CMSError, SignatureError
from zorgid_card.pki.signing import Algorithm, PublicKey, rsa_padding

SigningCertificateV2: Final = tsp.SigningCertificateV2
"""asn1crypto knows the attributes of ESS (RFC 5035) only once its module for time stamps is imported."""

DIGESTS: Final[dict[str, hashes.HashAlgorithm]] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
"""Those that are accepted, by asn1crypto's names."""

_PLAIN: Final = {
    f"{digest}_{kind}": (family, digest) for digest in DIGESTS for kind, family in (("rsa", "RS"), ("ecdsa", "ES"))
}
_RSA: Final = "rsassa_pkcs1v15"
_PSS: Final = "rsassa_pss"
_PEM: Final = b"-----BEGIN "
_BLOCK: Final = re.compile(
    rb"\s*-----BEGIN (?P<label>[A-Z0-9 ]{1,40})-----\s(?P<base64>[A-Za-z0-9+/=\s]*)-----END (?P=label)-----\s*"
)


@contextmanager
def decoding(field: str) -> Iterator[None]:
    """Turn what ``asn1crypto`` raises over malformed input into :class:`CMSError` naming ``field``."""
    try:
        yield
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, AttributeError, RecursionError) as error:
        raise malformed(field, str(error)[:200] or type(error).__name__) from error


def malformed(field: str, reason: str) -> CMSError:
    """The error for a part that is not as it must be."""
    return CMSError(f"{field}: {reason}", field=field, reason=reason)


def require(holds: bool, field: str, reason: str) -> None:
    """Raise :class:`CMSError` unless it holds."""
    if not holds:
        raise malformed(field, reason)


def require_size(data: bytes, limit: int, field: str) -> None:
    """Refuse what is empty or longer than ``limit`` octets before anything looks at it."""
    require(0 < len(data) <= limit, field, f"{len(data)} octets, expected 1 to {limit}")


def load_content(data: bytes, *names: str) -> tuple[str, Any]:
    """The type and the content of a ContentInfo (RFC 5652, 3), which is all of ``data``.

    Args:
        data: DER or BER.
        names: the content types accepted, by asn1crypto's names.
    """
    with decoding("contentInfo"):
        info = cms.ContentInfo.load(data, strict=True)
        name = info["content_type"].native
    require(name in names, "contentType", f"{name}")
    with decoding("content"):
        return name, info["content"]


def is_absent(value: Any) -> bool:
    """Whether an optional part is not there."""
    return isinstance(value, core.Void)


# --- names and algorithms --------------------------------------------------------------------------------


def certificate_of(der: bytes) -> asn1_x509.Certificate:
    """A certificate as asn1crypto's; it was parsed by another already."""
    return asn1_x509.Certificate.load(der)


class Named(NamedTuple):
    """By what a certificate is named in CMS: issuer (DER) and serial number, or key identifier."""

    issuer: bytes
    serial: int
    key_identifier: bytes | None

    @classmethod
    def of(cls, der: bytes) -> Named:
        """What names this certificate."""
        found = certificate_of(der)
        return cls(bytes(found.issuer.dump()), int(found.serial_number), found.key_identifier)

    def is_meant_by(self, identifier: Any) -> bool:
        """Whether a SignerIdentifier, a RecipientIdentifier or a KeyAgreeRecipientIdentifier means this certificate."""
        chosen = identifier.chosen
        if identifier.name == "issuer_and_serial_number":
            return bool(chosen["serial_number"].native == self.serial and chosen["issuer"].dump() == self.issuer)
        key_identifier = chosen[0] if identifier.name == "r_key_id" else chosen  # RFC 5652, 6.2.2: subjectKeyIdentifier
        return self.key_identifier is not None and bool(key_identifier.native == self.key_identifier)


def digest_name(identifier: Any, field: str) -> str:
    """The digest of an AlgorithmIdentifier, if it is one that is accepted: SHA-256, SHA-384 or SHA-512.

    Raises:
        CMSError: it is another; SHA-1 and MD5 are not accepted.
    """
    name = str(identifier["algorithm"].native)
    require(name in DIGESTS, field, f"digest {name} is not accepted")
    return name


def signature_identifier(algorithm: Algorithm) -> algos.SignedDigestAlgorithm:
    """The AlgorithmIdentifier of a signature (RFC 5754, 3; RFC 4056 for PSS)."""
    digest = algorithm.digest.name
    if algorithm.family != "PS":
        kind = "rsa" if algorithm.family == "RS" else "ecdsa"
        parameters = core.Null() if kind == "rsa" else None
        return algos.SignedDigestAlgorithm({"algorithm": f"{digest}_{kind}", "parameters": parameters})
    chosen = {"algorithm": digest}
    parameters = algos.RSASSAPSSParams(
        {
            "hash_algorithm": chosen,
            "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": chosen},
            "salt_length": algorithm.digest.digest_size,
        }
    )
    return algos.SignedDigestAlgorithm({"algorithm": _PSS, "parameters": parameters})


def signature_algorithm(identifier: Any, digest: str, key: PublicKey) -> tuple[Algorithm, int | None]:
    """What an AlgorithmIdentifier of a signature says, and the length of PSS's salt.

    Args:
        identifier: of the signature.
        digest: that of the SignerInfo, with which it must agree.
        key: whose signature it is said to be.

    Raises:
        CMSError: the algorithm is not accepted, or contradicts itself.
        SignatureError: it does not fit the key.
    """
    name, salt = str(identifier["algorithm"].native), None
    if name == _PSS:
        family, salt = "PS", _salt(identifier["parameters"], digest)
    elif name == _RSA:
        family = "RS"
    else:
        require(name in _PLAIN, "signatureAlgorithm", f"{name} is not accepted")
        family, stated = _PLAIN[name]
        require(stated == digest, "signatureAlgorithm", "another digest than digestAlgorithm")
    is_curve = isinstance(key, ec.EllipticCurvePublicKey)
    if is_curve is not (family == "ES"):
        raise SignatureError("the signature algorithm does not fit the key", algorithm=name)
    curve = key.curve.name if isinstance(key, ec.EllipticCurvePublicKey) else ""
    return Algorithm(f"{family}{digest.removeprefix('sha')}", family, DIGESTS[digest], curve), salt


def _salt(parameters: Any, digest: str) -> int:
    """PSS as RFC 4055, 3.1, has it, with one digest throughout, and a salt no shorter than that."""
    mask, field = parameters["mask_gen_algorithm"], "signatureAlgorithm"
    require(digest_name(parameters["hash_algorithm"], field) == digest, field, "another digest than digestAlgorithm")
    require(mask["algorithm"].native == "mgf1", field, "not MGF1")
    require(digest_name(mask["parameters"], field) == digest, field, "MGF1 with another digest")
    salt = int(parameters["salt_length"].native)
    require(DIGESTS[digest].digest_size <= salt <= 512, field, f"a salt of {salt} octets")
    require(parameters["trailer_field"].native == "trailer_field_bc", field, "unknown trailer")
    return salt


def check_signature(
    key: PublicKey, algorithm: Algorithm, data: bytes, signature: bytes, salt_length: int | None = None
) -> None:
    """Verify a signature by an algorithm that fits the key, among them pairs of curve and digest that JOSE has no name for.

    Args:
        salt_length: of PSS, where it is not the digest's.

    Raises:
        SignatureError: it does not verify.
    """
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, data, ec.ECDSA(algorithm.digest))
            return
        if len(signature) != (key.key_size + 7) // 8:
            raise ValueError("another length than the modulus")
        salt = salt_length or algorithm.digest.digest_size
        scheme = (
            rsa_padding(algorithm) if algorithm.family == "RS" else padding.PSS(padding.MGF1(algorithm.digest), salt)
        )
        key.verify(signature, data, scheme, algorithm.digest)
    except (InvalidSignature, ValueError) as error:
        raise SignatureError("the signature does not verify", algorithm=algorithm.name) from error


def unwrapped(data: bytes, label: str, field: str) -> bytes:
    """The DER in a file that may be PEM (RFC 7468): exactly one block, with this label and nothing around it.

    asn1crypto reads PEM too, but in a time that grows with the square of the number of lines.
    """
    if not data.lstrip().startswith(_PEM):
        return data
    block = _BLOCK.fullmatch(data)
    if block is None:
        raise malformed(field, "not one block of PEM")
    require(block["label"] == label.encode("ascii"), field, f"PEM of {block['label'].decode('ascii')}")
    with decoding(field):
        return base64.b64decode(block["base64"].translate(None, string.whitespace.encode()), validate=True)
