"""The keys of a PIV card: for what they are, when they want the PIN, what they sign (SP 800-73-5, part 1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from zorgid_card.cards.keys import AUTHENTICITY, CONFIDENTIALITY, SIGNATURE
from zorgid_card.protocol import piv, yubico
from zorgid_card.protocol.piv import KeyAlgorithm
from zorgid_card.protocol.signature import SignatureAlgorithm, ecdsa_digest, rsa_block

SLOTS: Final[Mapping[str, int]] = {
    AUTHENTICITY: piv.AUTHENTICATION,
    SIGNATURE: piv.SIGNATURE,
    CONFIDENTIALITY: piv.KEY_MANAGEMENT,
}
"""Which key is for which usage (SP 800-73-5 part 1, 3.1)."""

_DEFAULT_POLICIES = {piv.SIGNATURE: yubico.PIN_ALWAYS, piv.CARD_AUTHENTICATION: yubico.PIN_NEVER}
ALWAYS: Final = (yubico.PIN_ALWAYS, yubico.MATCH_ALWAYS)
"""Policies of a key that wants the PIN before each use."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key on the card: its public half (SubjectPublicKeyInfo DER), and when it wants the PIN."""

    slot: int
    algorithm: KeyAlgorithm
    public_key: bytes
    pin_policy: int


def usual_policy(slot: int) -> int:
    """When the key in ``slot`` wants the PIN, where the card does not tell."""
    return _DEFAULT_POLICIES.get(slot, yubico.PIN_ONCE)


def block_of(key: KeyAlgorithm, algorithm: SignatureAlgorithm, data: bytes) -> bytes:
    """What the card is given to sign: a digest, or a padded block."""
    return ecdsa_digest(algorithm, data) if key.kind == "EC" else rsa_block(algorithm, data, key.bits)
