"""From a signature algorithm to a mechanism of PKCS#11."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from zorgid_card.errors import NotOfferedError
from zorgid_card.ports.token import Mechanism
from zorgid_card.protocol.piv import KeyAlgorithm
from zorgid_card.protocol.signature import (
    SignatureAlgorithm,
    digest_info,
    ecdsa_digest,
    rsa_block,
)

_HASHING: Final = {
    "RS256": Mechanism.SHA256_RSA_PKCS,
    "RS384": Mechanism.SHA384_RSA_PKCS,
    "RS512": Mechanism.SHA512_RSA_PKCS,
    "PS256": Mechanism.SHA256_RSA_PKCS_PSS,
    "PS384": Mechanism.SHA384_RSA_PKCS_PSS,
    "PS512": Mechanism.SHA512_RSA_PKCS_PSS,
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a mechanism is given, so that a signature of the algorithm asked for comes out."""

    mechanism: Mechanism
    data: bytes
    pss: str | None = None
    """Name of the digest, for RSASSA-PSS by the middleware."""


def choose(algorithm: SignatureAlgorithm, data: bytes, kind: KeyAlgorithm, offered: frozenset[int]) -> Plan:
    """The first way to this signature that the middleware offers: the digest made here, as every module takes it, else there.

    Raises:
        NotOfferedError: none.
    """
    ways = [
        way for way in _ways(algorithm, data, kind) if not (algorithm.prehashed and way.mechanism in _HASHING.values())
    ]
    plan = next((way for way in ways if way.mechanism in offered), None)
    if plan is None:
        raise NotOfferedError(f"the middleware does not sign by {algorithm.name}", operation=algorithm.name)
    return plan


def _ways(algorithm: SignatureAlgorithm, data: bytes, kind: KeyAlgorithm) -> tuple[Plan, ...]:
    if algorithm.scheme == "ecdsa":
        return (Plan(Mechanism.ECDSA, ecdsa_digest(algorithm, data)),)
    if algorithm.scheme == "pkcs1":
        return Plan(Mechanism.RSA_PKCS, digest_info(algorithm, data)), Plan(_HASHING[algorithm.name], data)
    return (
        Plan(Mechanism.RSA_PKCS_PSS, algorithm.message_digest(data), algorithm.digest),
        Plan(_HASHING[algorithm.name], data, algorithm.digest),
        Plan(Mechanism.RSA_X_509, rsa_block(algorithm, data, kind.bits)),
    )
