"""Authenticating to a PIV card with its administration key 9B (SP 800-73-5 part 2, 3.2.4 and appendix A.1,
A.2).
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from typing import Final, cast

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from zorgid_card.codec.apdu import INS, SW, CommandAPDU
from zorgid_card.codec.link import Exchange
from zorgid_card.codec.tlv import Index, encode
from zorgid_card.errors import CardResponseError, ProofError, StatusWordError, UsageError
from zorgid_card.protocol.piv import ADMINISTRATION
from zorgid_card.secret import Secret

# A card without the mutual form refuses the request for a witness in one of these ways.
_NO_MUTUAL: Final = (SW.WRONG_DATA, SW.FUNC_NOT_SUPPORTED, SW.WRONG_P1P2)


@dataclass(frozen=True, slots=True)
class AdministrationAlgorithm:
    """A symmetric algorithm of the administration key (SP 800-78-5, table 8); lengths in bytes."""

    name: str
    identifier: int
    key_length: int
    block_length: int


_ALGORITHMS: Final = (
    AdministrationAlgorithm("3DES", 0x03, 24, 8),
    AdministrationAlgorithm("AES128", 0x08, 16, 16),
    AdministrationAlgorithm("AES192", 0x0A, 24, 16),
    AdministrationAlgorithm("AES256", 0x0C, 32, 16),
)


def administration_algorithm(name: str) -> AdministrationAlgorithm:
    """The algorithm called ``name``.

    Raises:
        UsageError: none of 3DES, AES128, AES192, AES256.
    """
    for algorithm in _ALGORITHMS:
        if algorithm.name == name:
            return algorithm
    raise UsageError(f"{name!r} is not an algorithm for the administration key", reason="algorithm")


def administration_algorithm_of(identifier: int) -> AdministrationAlgorithm:
    """The algorithm with this identifier on the card; 00 is 3DES too (SP 800-78-4, table 6-2).

    Raises:
        CardResponseError: one that this library does not use.
    """
    for algorithm in _ALGORITHMS:
        if algorithm.identifier == (identifier or 0x03):
            return algorithm
    raise CardResponseError(f"administration key with algorithm {identifier:02X}", algorithm=identifier)


def check_key(algorithm: AdministrationAlgorithm, key: Secret) -> None:
    """The key has the algorithm's length.

    Raises:
        UsageError: it has not.
    """
    if len(key) != algorithm.key_length:
        raise UsageError(f"a key of {len(key)} bytes for {algorithm.name}", reason="key length")


def authenticate_administration(algorithm: AdministrationAlgorithm, key: Secret) -> Exchange[None]:
    """GENERAL AUTHENTICATE with key 9B: mutually, or one-way where the card has no mutual form.

    Mutual: the card's witness is deciphered, and our challenge must come back enciphered. One-way: the
    card's challenge is enciphered, and nothing is learned about the card.

    Args:
        algorithm: the key's.
        key: 16, 24 or 32 bytes.

    Raises:
        StatusWordError: the card refuses the key.
        ProofError: the card does not know the key.
        CardResponseError: a witness or challenge of a wrong length.
    """
    check_key(algorithm, key)
    try:
        witness = yield from _ask(algorithm, encode(0x80), 0x80)
    except StatusWordError as error:
        if error.sw not in _NO_MUTUAL:
            raise
        yield from authenticate_one_way(algorithm, key)
    else:
        yield from _mutual(algorithm, key, witness)


def _mutual(algorithm: AdministrationAlgorithm, key: Secret, witness: bytes) -> Exchange[None]:
    challenge = secrets.token_bytes(algorithm.block_length)
    answer = encode(0x80, _block(algorithm, key, witness, encipher=False)) + encode(0x81, challenge)
    response = yield from _send(algorithm, answer)
    expected = _block(algorithm, key, challenge, encipher=True)
    if not hmac.compare_digest(Index(response).first(0x7C, 0x82), expected):
        raise ProofError("the card does not know the administration key")


def authenticate_one_way(algorithm: AdministrationAlgorithm, key: Secret) -> Exchange[None]:
    """GENERAL AUTHENTICATE with key 9B in two commands: the card's challenge comes back enciphered. Nothing of ours is random."""
    challenge = yield from _ask(algorithm, encode(0x81), 0x81)
    yield from _send(algorithm, encode(0x82, _block(algorithm, key, challenge, encipher=True)))


def _ask(algorithm: AdministrationAlgorithm, request: bytes, tag: int) -> Exchange[bytes]:
    value = Index((yield from _send(algorithm, request))).first(0x7C, tag)
    if len(value) != algorithm.block_length:
        raise CardResponseError(f"a challenge of {len(value)} bytes for {algorithm.name}", length=len(value))
    return value


def _send(algorithm: AdministrationAlgorithm, template: bytes) -> Exchange[bytes]:
    data = encode(0x7C, template)
    response = yield CommandAPDU(0x00, INS.GENERAL_AUTHENTICATE, algorithm.identifier, ADMINISTRATION, data, le=0)
    return response.require(SW.OK, operation="authenticate administration key")


def _block(algorithm: AdministrationAlgorithm, key: Secret, block: bytes, *, encipher: bool) -> bytes:
    """One block of the bare cipher, as the standard has it; ECB is a mode in name only here."""
    with key.expose() as octets:
        cipher: Cipher[ECB] = Cipher(_cipher(algorithm, octets), ECB())  # noqa: S305
        step = cipher.encryptor() if encipher else cipher.decryptor()
    return step.update(block) + step.finalize()


def _cipher(algorithm: AdministrationAlgorithm, key: memoryview) -> BlockCipherAlgorithm:
    """The key is looked at in place; that a view will do is missing from the annotation of TripleDES only."""
    return TripleDES(cast("bytes", key)) if algorithm.block_length == 8 else AES(key)
