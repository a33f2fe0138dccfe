"""Both ends of SCP03, set up by hand: cards with a channel, and a pair of ends that share keys and challenges."""

from __future__ import annotations

import functools

from piv_card import MAKER, key_maker
from zorgid_card.codec.scp03 import SCP03, SecurityLevel, StaticKeys
from zorgid_card.secret import Secret
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.scp03 import CardSession, ChannelKeys


def static(keys: ChannelKeys) -> StaticKeys:
    return StaticKeys(Secret.of(keys.enc), Secret.of(keys.mac), keys.version)


@functools.cache
def keys_of(length: int) -> ChannelKeys:
    return ChannelKeys(bytes(range(length)), bytes(range(100, 100 + length)), 0x30)


def strict_card(keys: ChannelKeys | None = None, *, extended: bool = True) -> VirtualPIVCard:
    return MAKER.blank(4711, key_maker=key_maker, extended=extended, dialect=False, channel=keys or ChannelKeys())


def pair(keys: ChannelKeys, level: SecurityLevel, size: int) -> tuple[SCP03, CardSession]:
    card = CardSession(keys, bytes(range(size)), bytes(range(50, 50 + size)))
    update = bytes(10) + bytes([keys.version, 3, 0x61]) + card.card + card.cryptogram(0)
    host = SCP03(static(keys), card.host, update)
    assert card.check_mac(host.authenticate(level)) == card.cryptogram(1)
    card.level = int(level)
    return host, card
