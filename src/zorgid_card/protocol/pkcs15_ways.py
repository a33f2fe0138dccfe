"""How a key of ISO/IEC 7816-15 makes a signature, deciphers or agrees: chosen from what the card says of its algorithms.

EF.CIAInfo names an algorithm by the number that PKCS#11 has for it, and that tells what the card is to be given: a DigestInfo that
it pads, a block that is padded already, or the digest alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from zorgid_card.errors import NotOfferedError
from zorgid_card.protocol.operations import (
    AGREEMENT_TEMPLATE,
    AUTHENTICATION_TEMPLATE,
    CONFIDENTIALITY_TEMPLATE,
    Dialect,
)
from zorgid_card.protocol.pkcs15 import Layout
from zorgid_card.protocol.pkcs15_info import AlgorithmInfo
from zorgid_card.protocol.pkcs15_objects import PrivateKey
from zorgid_card.protocol.signature import SignatureAlgorithm, digest_info, ecdsa_digest, rsa_block

_COMPUTE_SIGNATURE: Final = 1
_DECIPHER: Final = 5


class Form(Enum):
    """What the card is given."""

    DIGEST_INFO = "DigestInfo"
    DIGEST = "digest"
    BLOCK = "block"

    def of(self, algorithm: SignatureAlgorithm, data: bytes, bits: int) -> bytes:
        """``data`` in this form; ``bits`` is the length of the modulus."""
        if self is Form.DIGEST_INFO:
            return digest_info(algorithm, data)
        if self is Form.BLOCK:
            return rsa_block(algorithm, data, bits)
        return ecdsa_digest(algorithm, data) if algorithm.scheme == "ecdsa" else algorithm.message_digest(data)


@dataclass(frozen=True, slots=True)
class Way:
    """One way to use a key: in which template it is set, the card's number of the algorithm, and what the card is given."""

    template: int
    algorithm: int | None
    form: Form

    @property
    def authenticates(self) -> bool:
        """By INTERNAL AUTHENTICATE."""
        return self.template == AUTHENTICATION_TEMPLATE


_RSA_PKCS, _RSA_X_509, _ECDH = 0x1, 0x3, 0x1050
_WITH_HASH: Final = {
    0x40: "RS256",
    0x41: "RS384",
    0x42: "RS512",
    0x43: "PS256",
    0x44: "PS384",
    0x45: "PS512",
    0x1044: "ES256",
    0x1045: "ES384",
}
"""Mechanisms of PKCS #11 that name a hash as well."""

_HASHES: Final = {
    "sha256": bytes.fromhex("0609608648016503040201"),
    "sha384": bytes.fromhex("0609608648016503040202"),
    "sha512": bytes.fromhex("0609608648016503040203"),
}
"""Object identifiers, DER (FIPS 180-4), as RSASSA-PSS-params name them (RFC 8017, A.2.3)."""


def signing_ways(layout: Layout, key: PrivateKey, algorithm: SignatureAlgorithm, dialect: Dialect) -> list[Way]:
    """The ways to a signature, the likeliest first; MANAGE SECURITY ENVIRONMENT tells which is the card's.

    Raises:
        NotOfferedError: the card says what its key can do, and this is not among it.
    """
    infos = layout.algorithms(key, _COMPUTE_SIGNATURE)
    if not infos and not key.algorithms and algorithm.scheme != "pss":
        usual = Form.DIGEST if algorithm.scheme == "ecdsa" else Form.DIGEST_INFO
        return [Way(template, None, usual) for template in dialect.signing]
    found = [
        Way(template, info.card_reference, form)
        for info in infos
        if (form := _form(info, algorithm)) is not None
        for template in _templates(info, dialect)
    ]
    if not found:
        raise NotOfferedError(f"the key does not sign by {algorithm.name}", operation=algorithm.name)
    return sorted(found, key=lambda way: way.form is Form.BLOCK)


def _templates(info: AlgorithmInfo, dialect: Dialect) -> tuple[int, ...]:
    return (AUTHENTICATION_TEMPLATE,) if info.oid in dialect.authenticating else dialect.signing


def _form(info: AlgorithmInfo, algorithm: SignatureAlgorithm) -> Form | None:
    """What an algorithm of the card's is given to make this signature; None if it makes another."""
    if _WITH_HASH.get(info.mechanism) == algorithm.name:
        return Form.DIGEST
    match info.mechanism, algorithm.scheme:
        case (0x1, "pkcs1"):
            return Form.DIGEST_INFO
        case (0x3, "pkcs1" | "pss"):
            return Form.BLOCK
        case (0x1041, "ecdsa"):
            return Form.DIGEST
        case (0xD, "pss") if _takes(info, algorithm):
            return Form.DIGEST
    return None


def _takes(info: AlgorithmInfo, algorithm: SignatureAlgorithm) -> bool:
    """Whether parameters of RSASSA-PSS name this hash, or none of those known here."""
    named = [name for name, identifier in _HASHES.items() if identifier in info.parameters]
    return not named or algorithm.digest in named


def deciphering_way(layout: Layout, key: PrivateKey, wanted: Form | None = None) -> Way:
    """How the key deciphers PKCS #1 v1.5; with :attr:`Form.BLOCK` the card leaves the padding on, and ``wanted`` asks for that.

    Raises:
        NotOfferedError: the card says what its key can do, and this is not among it.
    """
    infos = layout.algorithms(key, _DECIPHER)
    if not infos and not key.algorithms and wanted is None:
        return Way(CONFIDENTIALITY_TEMPLATE, None, Form.DIGEST)
    for mechanism, form in ((_RSA_PKCS, Form.DIGEST), (_RSA_X_509, Form.BLOCK)):
        for info in _of(infos, mechanism) if wanted in (None, form) else ():
            return Way(CONFIDENTIALITY_TEMPLATE, info.card_reference, form)
    raise NotOfferedError("the key does not decipher", operation="decipher")


def agreeing_ways(layout: Layout, key: PrivateKey) -> list[Way]:
    """How the key does Diffie-Hellman: it is set for confidentiality, or for key agreement.

    EF.CIAInfo has no operation for it: an algorithm of that kind is taken by its number alone.
    """
    known = [one for one in layout.info.algorithms if not key.algorithms or one.reference in key.algorithms]
    algorithm = next((info.card_reference for info in _of(known, _ECDH)), None)
    return [Way(template, algorithm, Form.DIGEST) for template in (CONFIDENTIALITY_TEMPLATE, AGREEMENT_TEMPLATE)]


def _of(infos: list[AlgorithmInfo], mechanism: int) -> Iterator[AlgorithmInfo]:
    return (info for info in infos if info.mechanism == mechanism)
