"""What a kind of card is, as data: names, limits, factory values and what its dialect can do. No I/O, no
behaviour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from zorgid_card.cards.activation import ActivationRule
from zorgid_card.protocol import piv, pkcs15
from zorgid_card.protocol.operations import STANDARD, Dialect

ZORGID_IDENTITY: Final = "2.25.90819709214569302958764045813210256923.2.1"
"""type-id of the otherName by which a certificate shows itself as a ZORG-ID Smartcard's
(docs/certificate-profile.md).
"""

UZI_IDENTITY: Final = "2.5.5.5"
"""type-id of the otherName by which a certificate shows itself as one of the UZI register (CPS,
subjectAltName).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Factory:
    """The public factory values of a blank; the administration key in bytes, by an algorithm of SP
    800-78-5.
    """

    pin: bytes
    puk: bytes
    administration_algorithm: str
    administration_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CardProfile:
    """A kind of card.

    Args:
        name: for people.
        aids: names of its application, tried in this order.
        pin_minimum, pin_maximum: length of a PIN that may be set, in characters.
        puk_minimum, puk_maximum: length of a PUK that may be set, in characters.
        pin_tries, puk_tries: wrong values in a row until it is blocked, as delivered.
        metadata: the card tells of keys and PINs without a try (instruction F7).
        factory: the blank's values, for a card that this library can personalise; None for others.
        atrs: answers to reset seen on such cards: a hint, never a proof.
        dialect: of PKCS#15, what the standards leave open.
        activation: how the card shows that its holder is to activate it first; None: it needs no activation.
        proven: this library was seen to drive a real one. Where it was not, the card's own middleware is preferred if it is there
            (docs/adr/0012).
    """

    name: str
    aids: tuple[bytes, ...]
    pin_minimum: int = 6
    pin_maximum: int = 8
    puk_minimum: int = 8
    puk_maximum: int = 8
    pin_tries: int = 3
    puk_tries: int = 3
    metadata: bool = False
    factory: Factory | None = None
    atrs: tuple[bytes, ...] = ()
    dialect: Dialect = STANDARD
    activation: ActivationRule | None = None
    proven: bool = True


PLAIN_PIV: Final = CardProfile(name="PIV", aids=piv.AIDS)
"""Any card with the PIV application of SP 800-73-5: it can be used, not made."""

_FACTORY_KEY: Final = bytes.fromhex("010203040506070801020304050607080102030405060708")

YUBICO_PIV: Final = CardProfile(
    name="ZORG-ID Smartcard (Yubico dialect)",
    aids=piv.AIDS,
    metadata=True,
    factory=Factory(pin=b"123456", puk=b"12345678", administration_algorithm="AES192", administration_key=_FACTORY_KEY),
)
"""A ZORG-ID Smartcard on a blank with the Yubico dialect, firmware 5.7 and later."""

YUBICO_PIV_3DES: Final = CardProfile(
    name="ZORG-ID Smartcard (Yubico dialect, 3DES)",
    aids=piv.AIDS,
    metadata=True,
    factory=Factory(pin=b"123456", puk=b"12345678", administration_algorithm="3DES", administration_key=_FACTORY_KEY),
)
"""The same on firmware 5.3 to 5.6, whose factory administration key is for triple DES."""

UZI: Final = CardProfile(
    name="UZI-pas",
    aids=pkcs15.AIDS,
    puk_minimum=6,
    activation=ActivationRule(),
    proven=False,
    atrs=(
        bytes.fromhex("3BDC18FF8191FE1FC3060A2B06010401E910050203D1"),
        bytes.fromhex("3BDC18FF8191FE1FC3060A2B06010401E910050204D6"),
        bytes.fromhex("3BFD1800FF8131FE4543494247555A494A324130383158"),
    ),
)
"""A pass of the UZI register: PKCS#15, its layout found by reading (not proven on a real pass)."""

FOREIGN: Final = {
    bytes.fromhex("A000000116DB00"): "a Common Access Card (GSC-IS 2.1)",
    bytes.fromhex("D27600012401"): "an OpenPGP card",
    b"1PAY.SYS.DDF01": "a payment card (EMV)",
    bytes.fromhex("A0000002471001"): "a travel document or identity card (ICAO 9303)",
}
"""Names of applications on cards that people put into the reader by mistake, and what to call such a card."""
