"""What a kind of card is, as data: names, limits, factory values, and which exchanges its dialect has for what SP 800-73-5
leaves open. No I/O.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from zorgid_card.cards.activation import ActivationRule
from zorgid_card.codec.link import Exchange
from zorgid_card.protocol import globalplatform, iso7816, openfips201, piv, pkcs15, yubico
from zorgid_card.protocol.administration import AdministrationAlgorithm
from zorgid_card.protocol.operations import STANDARD, Dialect
from zorgid_card.secret import Secret

ZORGID_IDENTITY: Final = "2.25.90819709214569302958764045813210256923.2.1"
"""type-id of the otherName by which a certificate shows itself as a ZORG-ID Smartcard's
(docs/certificate-profile.md).
"""

UZI_IDENTITY: Final = "2.5.5.5"
"""type-id of the otherName by which a certificate shows itself as one of the UZI register (CPS,
subjectAltName).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRules:
    """How a dialect is administered over SCP03.

    Args:
        administers: whoever opened the channel is the administrator, and nobody else: every command that makes or changes the card
            goes over it, and so from the portal. Without, key 9B is authenticated within it.
        by_part: a long command is cut into a chain first, and each part is wrapped by itself; without, the whole is wrapped and
            what comes out is cut.
    """

    administers: bool
    by_part: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Factory:
    """A blank as its maker delivers it, and the dialect in which it is made into a card: what SP 800-73-5 leaves open.

    What a dialect does not have is None; the operation that needs it says so (NotOfferedError).

    Args:
        dialect: its name, as the registry keeps it.
        pin, puk, administration_key: the public values of a blank, the key in bytes.
        administration_algorithm: of SP 800-78-5.
        serial: reads the hardware serial number, decimal; afterwards another application may be selected.
        firmware: reads the version of firmware or operating system, numbers with dots between; likewise.
        set_administration_key: sets another key 9B.
        set_retries: sets the tries of PIN and PUK.
        set_reference: sets PIN (80) or PUK (81) without the old value.
        reset: factory state, once PIN and PUK are blocked.
        attestation: the card states by a certificate that a key was generated on it.
        channel: cards of this dialect may speak SCP03.
    """

    dialect: str
    pin: bytes
    puk: bytes
    administration_algorithm: str
    administration_key: bytes
    serial: Callable[[], Exchange[str]]
    firmware: Callable[[], Exchange[str]]
    set_administration_key: Callable[[AdministrationAlgorithm, Secret], Exchange[None]]
    set_retries: Callable[[int, int], Exchange[None]]
    set_reference: Callable[[int, Secret], Exchange[None]] | None = None
    reset: Callable[[], Exchange[None]] | None = None
    attestation: bool = False
    channel: ChannelRules | None = None


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
            (docs/adr/0014).
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

_PIN, _PUK = b"123456", b"12345678"
_FACTORY_KEY: Final = bytes.fromhex("010203040506070801020304050607080102030405060708")


def _yubico_serial() -> Exchange[str]:
    return str((yield from yubico.serial()))


def _yubico_firmware() -> Exchange[str]:
    return ".".join(map(str, (yield from yubico.version())))


_YUBICO: Final = Factory(
    dialect="yubico",
    pin=_PIN,
    puk=_PUK,
    administration_algorithm="AES192",
    administration_key=_FACTORY_KEY,
    serial=_yubico_serial,
    firmware=_yubico_firmware,
    set_administration_key=yubico.set_management_key,
    set_retries=yubico.set_retries,
    reset=yubico.reset,
    attestation=True,
    channel=ChannelRules(administers=False, by_part=False),
)

YUBICO_PIV: Final = CardProfile(
    name="ZORG-ID Smartcard (Yubico dialect)", aids=piv.AIDS, metadata=True, factory=_YUBICO
)
"""A ZORG-ID Smartcard on a blank with the Yubico dialect, firmware 5.7 and later."""

YUBICO_PIV_3DES: Final = CardProfile(
    name="ZORG-ID Smartcard (Yubico dialect, 3DES)",
    aids=piv.AIDS,
    metadata=True,
    factory=replace(_YUBICO, dialect="yubico-3des", administration_algorithm="3DES", channel=None),
)
"""The same on firmware 5.3 to 5.6, whose factory administration key is for triple DES, and which has no secure channel."""


def _nist_serial() -> Exchange[str]:
    yield from iso7816.select(globalplatform.ISSUER_SECURITY_DOMAIN)
    return (yield from globalplatform.production_data()).number


def _nist_firmware() -> Exchange[str]:
    yield from iso7816.select(globalplatform.ISSUER_SECURITY_DOMAIN)
    return (yield from globalplatform.production_data()).firmware


NIST_PIV: Final = CardProfile(
    name="ZORG-ID Smartcard (NIST dialect)",
    aids=piv.AIDS,
    factory=Factory(
        dialect="nist",
        pin=_PIN,
        puk=_PUK,
        administration_algorithm="AES192",
        administration_key=_FACTORY_KEY,
        serial=_nist_serial,
        firmware=_nist_firmware,
        set_administration_key=openfips201.set_administration_key,
        set_retries=openfips201.set_retries,
        set_reference=openfips201.set_reference,
        channel=ChannelRules(administers=True, by_part=True),
    ),
)
"""A ZORG-ID Smartcard on a blank with the commands of SP 800-73-5 alone, administered over SCP03 (docs/card-profile.md)."""

DIALECTS: Final = {
    profile.factory.dialect: profile
    for profile in (YUBICO_PIV, YUBICO_PIV_3DES, NIST_PIV)
    if profile.factory is not None
}
"""What a portal knows of a card by the name of its dialect."""

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
