"""ISO/IEC 7816-8: using a card's keys. Which command a key wants is told by its description, and where that is silent by data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from zorgid_card.codec.apdu import INS, SW, CommandAPDU
from zorgid_card.codec.link import Exchange
from zorgid_card.codec.tlv import Index, encode
from zorgid_card.errors import CardResponseError, CryptogramError

SIGNATURE_TEMPLATE: Final = 0xB6
CONFIDENTIALITY_TEMPLATE: Final = 0xB8
AUTHENTICATION_TEMPLATE: Final = 0xA4
AGREEMENT_TEMPLATE: Final = 0xA6
"""Control reference templates (7816-4, 10.3.2)."""

_FOR_COMPUTING: Final = 0x41
_UNDECIPHERED: Final = (SW.WRONG_DATA, SW.SECURE_MESSAGING_WRONG)


class Agreement(Enum):
    """How a card does Diffie-Hellman, which 7816-8 leaves open."""

    DECIPHER = "decipher"
    """PSO DECIPHER of a control reference template A6 with the other's public key (7F49, 86)."""
    DECIPHER_POINT = "decipher point"
    """PSO DECIPHER of the padding indicator 00 and the other's point."""
    GENERAL_AUTHENTICATE = "general authenticate"
    """GENERAL AUTHENTICATE of a dynamic authentication template 7C with the other's point (85)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What the standards leave to who makes a card, and its description does not tell. **Every default is an assumption**.

    Args:
        signing: templates in which a signing key is set, tried in this order: B6 goes with COMPUTE DIGITAL SIGNATURE, A4 with
            INTERNAL AUTHENTICATE. MANAGE SECURITY ENVIRONMENT refuses a key that is not for it, and costs nothing.
        authenticating: object identifiers, DER contents, of algorithms that are only used by INTERNAL AUTHENTICATE.
        select_key: the key's file is selected before MANAGE SECURITY ENVIRONMENT, which makes its directory the current one.
        padding_indicator: PSO DECIPHER is told by 00 that nothing in clear comes before the cryptogram (P2=86); False: P2=84.
        agreement: how the card does Diffie-Hellman.
    """

    signing: tuple[int, ...] = (SIGNATURE_TEMPLATE, AUTHENTICATION_TEMPLATE)
    authenticating: frozenset[bytes] = frozenset()
    select_key: bool = True
    padding_indicator: bool = True
    agreement: Agreement = Agreement.DECIPHER


STANDARD: Final = Dialect()
"""What is tried on a card of which nothing else is known."""


def mse_set(
    template: int, key_reference: int | None, algorithm: int | None = None, *, file: bytes = b""
) -> Exchange[None]:
    """MANAGE SECURITY ENVIRONMENT, SET for computing: choose the private key (7816-4, 11.6.11, P1=41).

    Args:
        template: A4, A6, B6 or B8.
        key_reference: the key's number on the card, 0 to 255; None: it is named by its file.
        algorithm: the card's own number of the algorithm, where its description gives one.
        file: path of the key's file, for a key without a number.
    """
    data = b"" if algorithm is None else encode(0x80, algorithm.to_bytes(1, "big"))
    data += encode(0x81, file) if key_reference is None else encode(0x84, key_reference.to_bytes(1, "big"))
    response = yield CommandAPDU(0x00, INS.MSE, _FOR_COMPUTING, template, data)
    response.require(SW.OK, operation="manage security environment")


def pso_sign(data: bytes) -> Exchange[bytes]:
    """PERFORM SECURITY OPERATION, COMPUTE DIGITAL SIGNATURE (7816-8:2021, P1-P2=9E9A).

    Args:
        data: what the card's algorithm takes.

    Returns:
        what the card made of it, in no form that is checked here.
    """
    response = yield CommandAPDU(0x00, INS.PSO, 0x9E, 0x9A, data, le=0)
    return response.require(SW.OK, operation="compute digital signature")


def internal_authenticate(data: bytes) -> Exchange[bytes]:
    """INTERNAL AUTHENTICATE with the key set before (7816-4, 11.6.2, P1-P2=0000); as :func:`pso_sign`."""
    response = yield CommandAPDU(0x00, INS.INTERNAL_AUTHENTICATE, 0x00, 0x00, data, le=0)
    return response.require(SW.OK, operation="internal authenticate")


def pso_decipher(cryptogram: bytes, *, indicator: bool = True) -> Exchange[bytes]:
    """PERFORM SECURITY OPERATION, DECIPHER (7816-8:2021, P1-P2=8086); the padding indicator 00 says: none in clear.

    Args:
        cryptogram: as many bytes as the modulus.
        indicator: whether the card wants it; False sends the cryptogram alone (P2=84).

    Returns:
        the plain text, with its padding where the card leaves that on; not longer than ``cryptogram``.

    Raises:
        CryptogramError: the card finds no plain text in it.
    """
    p2, data = (0x86, b"\x00" + cryptogram) if indicator else (0x84, cryptogram)
    response = yield CommandAPDU(0x00, INS.PSO, 0x80, p2, data, le=0)
    if response.sw in _UNDECIPHERED:
        raise CryptogramError(sw=response.sw)
    plain = response.require(SW.OK, operation="decipher")
    if len(plain) > len(cryptogram):
        raise CardResponseError("the plain text is longer than the cryptogram allows", length=len(plain))
    return plain


def agree(point: bytes, how: Agreement) -> Exchange[bytes]:
    """Elliptic-curve Diffie-Hellman with the key set before.

    Args:
        point: the other party's public key, uncompressed (04, x, y).
        how: in which command.

    Returns:
        the x coordinate of the shared point; a whole point is cut to that.

    Raises:
        CardResponseError: the answer is neither.
    """
    size = (len(point) - 1) // 2
    if how is Agreement.GENERAL_AUTHENTICATE:
        template = encode(0x7C, encode(0x82) + encode(0x85, point))
        response = yield CommandAPDU(0x00, INS.GENERAL_AUTHENTICATE, 0x00, 0x00, template, le=0)
        answer = Index(response.require(SW.OK, operation="key agreement")).first(0x7C, 0x82)
    else:
        data = b"\x00" + point
        if how is Agreement.DECIPHER:
            data = encode(AGREEMENT_TEMPLATE, encode(0x7F49, encode(0x86, point)))
        response = yield CommandAPDU(0x00, INS.PSO, 0x80, 0x86, data, le=0)
        answer = response.require(SW.OK, operation="key agreement")
    if len(answer) == len(point) and answer[0] == 0x04:
        answer = answer[1 : 1 + size]
    if len(answer) != size:
        raise CardResponseError(f"a shared secret of {len(answer)} bytes", length=len(answer))
    return answer
