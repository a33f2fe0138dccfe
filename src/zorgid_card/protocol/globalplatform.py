"""GlobalPlatform: opening a secure channel to a card (Card Specification 2.3.1, Amendment D)."""

from __future__ import annotations

import secrets
from typing import Final

from zorgid_card.codec.apdu import SW, CommandAPDU
from zorgid_card.codec.link import Exchange
from zorgid_card.codec.scp03 import SCP03, SecurityLevel, StaticKeys

ISSUER_SECURITY_DOMAIN: Final = bytes.fromhex("A000000151000000")
"""AID of the issuer security domain (2.3.1, H.1.3)."""

_PROPRIETARY: Final = 0x80
_INITIALIZE_UPDATE: Final = 0x50


def initialize_update(host_challenge: bytes, *, version: int = 0) -> Exchange[bytes]:
    """INITIALIZE UPDATE (Amendment D, 7.1.1): the card derives session keys and shows that it knows them.

    Args:
        host_challenge: 8 bytes (S8 mode) or 16 (S16 mode), never used before.
        version: key version number, 0 for the card's first.

    Returns:
        what :class:`~zorgid_card.codec.scp03.SCP03` judges.
    """
    response = yield CommandAPDU(_PROPRIETARY, _INITIALIZE_UPDATE, version, 0x00, host_challenge, le=0)
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
