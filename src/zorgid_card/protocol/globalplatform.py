"""GlobalPlatform: what the card manager tells, and opening a secure channel (Card Specification 2.3.1, Amendment D)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final

from zorgid_card.codec.apdu import SW, CommandAPDU
from zorgid_card.codec.link import Exchange
from zorgid_card.codec.scp03 import SCP03, SecurityLevel, StaticKeys
from zorgid_card.codec.tlv import Index
from zorgid_card.errors import CardError, CardResponseError, EncodingError, SecureChannelError
from zorgid_card.protocol import iso7816
from zorgid_card.secret import Secret

ISSUER_SECURITY_DOMAIN: Final = bytes.fromhex("A000000151000000")
"""AID of the issuer security domain (2.3.1, H.1.3)."""

SCP03_IDENTIFIER: Final = 0x03

INITIALIZE_UPDATE: Final = (0x80, 0x50)
EXTERNAL_AUTHENTICATE: Final = (0x84, 0x82)
"""Class and instruction."""

PUBLIC_KEYS: Final = (bytes(range(0x40, 0x60)), bytes(range(0x40, 0x50)) * 2)
"""Beginnings of the static keys that cards of many makers come with: whoever reads this can open a channel with them."""

_PROPRIETARY: Final = 0x80
_GET_DATA: Final = 0xCA
_CARD_DATA: Final = 0x0066
_RECOGNITION: Final = 0x73
_SECURE_CHANNEL: Final = 0x64
_SECURE_CHANNEL_OID: Final = bytes.fromhex("2A864886FC6B04")
"""{globalPlatform 4}, 1.2.840.114283.4; protocol and options follow (2.3.1, H.2)."""
_CPLC: Final = 0x9F7F
_CPLC_LENGTH: Final = 42


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductionData:
    """Of the card production life cycle (CPLC) what tells one card from all others, and its operating system.

    42 bytes in tag 9F7F: a convention of Visa's Card Specification that GlobalPlatform cards keep.
    """

    fabricator: int
    """Of the chip; 16 bits."""
    batch: int
    """Of the chip; 16 bits."""
    serial: int
    """Of the chip within its batch; 32 bits."""
    release: tuple[int, int]
    """Level of the operating system."""

    @property
    def number(self) -> str:
        """One number for the card, decimal, at most 20 digits: fabricator, batch and serial, 64 bits."""
        return str(self.fabricator << 48 | self.batch << 32 | self.serial)

    @property
    def firmware(self) -> str:
        """Level of the operating system, such as ``7.0``."""
        return ".".join(map(str, self.release))


def production_data() -> Exchange[ProductionData]:
    """GET DATA of the CPLC; the card manager is selected.

    Raises:
        StatusWordError: the card does not tell.
        CardResponseError: not 42 bytes.
    """
    data = Index((yield from _get_data(_CPLC, "get production data"))).first(_CPLC)
    if len(data) != _CPLC_LENGTH:
        raise CardResponseError(f"production data of {len(data)} bytes", length=len(data))
    return ProductionData(
        fabricator=int.from_bytes(data[0:2], "big"),
        release=(data[8], data[9]),
        serial=int.from_bytes(data[12:16], "big"),
        batch=int.from_bytes(data[16:18], "big"),
    )


def secure_channels() -> Exchange[frozenset[int]]:
    """Identifiers of the secure channel protocols in the card recognition data (2.3.1, H.2); the card manager is selected.

    Raises:
        StatusWordError: the card does not tell.
    """
    index = Index((yield from _get_data(_CARD_DATA, "get card data")))
    found = set[int]()
    for tag, value in index.items(0x66, _RECOGNITION):
        oid = Index(value).optional(0x06) if tag == _SECURE_CHANNEL else None
        if oid is not None and oid.startswith(_SECURE_CHANNEL_OID) and len(oid) > len(_SECURE_CHANNEL_OID):
            found.add(oid[len(_SECURE_CHANNEL_OID)])
    return frozenset(found)


def _get_data(tag: int, operation: str) -> Exchange[bytes]:
    """GET DATA (2.3.1, 11.3)."""
    response = yield CommandAPDU(_PROPRIETARY, _GET_DATA, tag >> 8, tag & 0xFF, le=0)
    return response.require(SW.OK, operation=operation)


def speaks_scp03() -> Exchange[bool]:
    """Whether the issuer security domain tells of SCP03; it is selected, if the card has it, and no key is tried."""
    try:
        yield from iso7816.select(ISSUER_SECURITY_DOMAIN)
        return SCP03_IDENTIFIER in (yield from secure_channels())
    except (CardError, EncodingError):
        return False


def card_manager() -> Exchange[ProductionData | None]:
    """Select the issuer security domain and read what it tells of a card that speaks SCP03; None for any other card, also for one
    that answers nonsense.

    No key is tried. The security domain stays selected.
    """
    try:
        return (yield from production_data()) if (yield from speaks_scp03()) else None
    except (CardError, EncodingError):
        return None


def initialize_update(host_challenge: bytes, *, version: int = 0) -> Exchange[bytes]:
    """INITIALIZE UPDATE (Amendment D, 7.1.1): the card derives session keys and shows that it knows them.

    Args:
        host_challenge: 8 bytes (S8 mode) or 16 (S16 mode), never used before.
        version: key version number, 0 for the card's first.

    Returns:
        what :class:`~zorgid_card.codec.scp03.SCP03` judges.
    """
    response = yield CommandAPDU(*INITIALIZE_UPDATE, version, 0x00, host_challenge, le=0)
    return response.require(SW.OK, operation="initialize update")


def external_authenticate(channel: SCP03, level: SecurityLevel = SecurityLevel.FULL) -> Exchange[None]:
    """EXTERNAL AUTHENTICATE (Amendment D, 7.1.2): show the card that the host knows the keys, and choose the level.

    Raises:
        StatusWordError: the card refuses; the channel is closed.
    """
    response = yield channel.authenticate(level)
    if response.sw != SW.OK:
        channel.close()
    response.require(SW.OK, operation="external authenticate")


def open_channel(
    keys: StaticKeys, *, level: SecurityLevel = SecurityLevel.FULL, challenge_length: int = 8
) -> Exchange[SCP03]:
    """Open a channel; give it to :attr:`zorgid_card.codec.link.Link.secure`, or wrap and unwrap with it elsewhere.

    A card may block after some tries with wrong keys: never try a second set unasked.

    Args:
        keys: the static keys.
        level: what is protected.
        challenge_length: 8 (S8 mode) or 16 (S16 mode, where the card has it).

    Raises:
        SecureChannelError: the card has other keys, or speaks another protocol.
        StatusWordError: the card refuses.
    """
    challenge = secrets.token_bytes(challenge_length)
    update = yield from initialize_update(challenge, version=keys.version)
    channel = SCP03(keys, challenge, update)
    yield from external_authenticate(channel, level)
    return channel


def require_own_keys(host_challenge: bytes, update: bytes) -> None:
    """Require that the card's static keys are none of :data:`PUBLIC_KEYS`, as its cryptogram shows (Amendment D, 6.2.2.2).

    Args:
        host_challenge: as sent with INITIALIZE UPDATE.
        update: the data of the answer to it.

    Raises:
        SecureChannelError: they are; ``reason`` is ``public keys``.
    """
    for octets in sorted({public[:length] for public in PUBLIC_KEYS for length in (16, 24, 32)}):
        with Secret.of(octets) as enc, Secret.of(octets) as mac:
            try:
                SCP03(StaticKeys(enc, mac), host_challenge, update).close()
            except (SecureChannelError, ValueError):
                continue
        raise SecureChannelError("anybody can open a channel to this card", reason="public keys")
