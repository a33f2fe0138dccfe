"""Administration over a secure channel, as the open applet OpenFIPS201 has it: what SP 800-73-5 leaves to the maker.

Sources: its public description (Applet Pre-Personalisation, Appendix - ASN.1 Schema, Appendix - NIST Compliant Profile) of
CHANGE REFERENCE DATA with P1 = FF or an algorithm, and PUT DATA with P2 = 00. A card takes these over an SCP03 channel with
command encryption only, and wants no old value.
"""

from __future__ import annotations

from typing import Final

from zorgid_card.codec.apdu import INS, SW, CommandAPDU, SecretField
from zorgid_card.codec.link import Exchange
from zorgid_card.codec.tlv import encode
from zorgid_card.protocol.administration import AdministrationAlgorithm, check_key
from zorgid_card.protocol.piv import ADMINISTRATION
from zorgid_card.secret import Secret

REFERENCE_LENGTH: Final = 8
"""PIN and PUK as they are stored: padded with FF (SP 800-73-5 part 2, 2.4.3)."""

_WITHOUT_OLD_VALUE: Final = 0xFF
_KEY: Final = 0x30
_KEY_ELEMENT: Final = 0x80
_UPDATE_CONFIGURATION: Final = 0x68
_PIN_POLICY: Final = 0xA0
_PIN_RETRIES: Final = (0x86, 0x87)
_PUK_POLICY: Final = 0xA1
_PUK_RETRIES: Final = (0x83, 0x84)
"""Over contacts, and without; the second must be lower, so that a stranger near the card cannot block it."""


def set_reference(reference: int, value: Secret) -> Exchange[None]:
    """CHANGE REFERENCE DATA without the old value; the counter is set back.

    Args:
        reference: 80 for the PIN, 81 for the PUK.
        value: 6 to 8 characters.
    """
    field = SecretField(0, value)
    data = b"\xff" * REFERENCE_LENGTH
    response = yield CommandAPDU(0x00, INS.CHANGE_REFERENCE_DATA, _WITHOUT_OLD_VALUE, reference, data, secrets=(field,))
    response.require(SW.OK, operation="set reference data")


def set_administration_key(algorithm: AdministrationAlgorithm, key: Secret) -> Exchange[None]:
    """CHANGE REFERENCE DATA of key 9B, without the old one."""
    check_key(algorithm, key)
    length = algorithm.key_length
    data = encode(_KEY, encode(_KEY_ELEMENT, bytes(length)))
    field = SecretField(len(data) - length, key)
    response = yield CommandAPDU(
        0x00, INS.CHANGE_REFERENCE_DATA, algorithm.identifier, ADMINISTRATION, data, secrets=(field,)
    )
    response.require(SW.OK, operation="set administration key")


def set_retries(pin: int, puk: int) -> Exchange[None]:
    """PUT DATA, update configuration: tries of PIN and PUK, 1 to 15; one fewer each over a contactless reader."""
    configuration = encode(_PIN_POLICY, _retries(_PIN_RETRIES, pin)) + encode(_PUK_POLICY, _retries(_PUK_RETRIES, puk))
    response = yield CommandAPDU(0x00, INS.PUT_DATA, 0x3F, 0x00, encode(_UPDATE_CONFIGURATION, configuration))
    response.require(SW.OK, operation="set retries")


def _retries(tags: tuple[int, int], tries: int) -> bytes:
    return encode(tags[0], bytes([tries])) + encode(tags[1], bytes([tries - 1]))
