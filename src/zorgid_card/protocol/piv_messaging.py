"""Establishing PIV secure messaging (SP 800-73-5 part 2, 4.1)."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from zorgid_card.codec.apdu import INS, SW, CommandAPDU
from zorgid_card.codec.link import Exchange
from zorgid_card.codec.piv_messaging import CipherSuite, Establishment, PIVMessaging
from zorgid_card.codec.tlv import Index, encode
from zorgid_card.errors import CardResponseError
from zorgid_card.secret import Secret

KEY: Final = 0x04
"""Key reference of the card's secure messaging key (part 1, table 4b)."""

_CURVES: Final[dict[CipherSuite, ec.EllipticCurve]] = {
    CipherSuite.CS2: ec.SECP256R1(),
    CipherSuite.CS7: ec.SECP384R1(),
}
_CRYPTOGRAM: Final = 16


def establish(suite: CipherSuite, card_point: Callable[[bytes], bytes]) -> Exchange[PIVMessaging]:
    """GENERAL AUTHENTICATE with key 04: a session; give it to :attr:`zorgid_card.codec.link.Link.secure`.

    Args:
        suite: one that the card names in its application property template.
        card_point: is given the card verifiable certificate, judges it, and returns the card's public point, uncompressed;
            what it raises passes through.

    Raises:
        StatusWordError: the card refuses.
        CardResponseError: an answer of another form, or a point that is not on the curve.
        SecureChannelError: the card does not have the certificate's key.
    """
    key = ec.generate_private_key(_CURVES[suite])
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    host_id = secrets.token_bytes(8)
    request = encode(0x7C, encode(0x81, b"\x00", host_id, point), encode(0x82))
    response = yield CommandAPDU(0x00, INS.GENERAL_AUTHENTICATE, suite, KEY, request, le=0)
    answer = Index(response.require(SW.OK, operation="establish secure messaging")).first(0x7C, 0x82)
    nonce, cryptogram, certificate = _parts(suite, answer)
    secret = _agree(key, card_point(certificate))
    card_id = hashlib.sha256(certificate).digest()[:8]
    return PIVMessaging(Establishment(suite, secret, host_id, point, card_id, nonce), cryptogram)


def _parts(suite: CipherSuite, answer: bytes) -> tuple[bytes, bytes, bytes]:
    """N_ICC, AuthCryptogram_ICC and C_ICC behind the control byte, which says 00: no persistent binding (4.1.2)."""
    end = 1 + suite.nonce_length
    if len(answer) <= end + _CRYPTOGRAM or answer[0] != 0x00:
        raise CardResponseError("the card's answer to the key establishment is of another form")
    return answer[1:end], answer[end : end + _CRYPTOGRAM], answer[end + _CRYPTOGRAM :]


def _agree(key: ec.EllipticCurvePrivateKey, point: bytes) -> Secret:
    try:
        card = ec.EllipticCurvePublicKey.from_encoded_point(key.curve, point)
    except ValueError:
        raise CardResponseError("the card's public key is not a point of the curve") from None
    return Secret.take(bytearray(key.exchange(ec.ECDH(), card)))
