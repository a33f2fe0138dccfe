"""A portal and a card side with a card in its reader, between them a channel: for both dialects that have one."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

from piv_card import FACTORY_KEY, key_maker
from zorgid_card.cards import CardProfile, Factory, ZorgIDCard
from zorgid_card.cards.profile import NIST_PIV, YUBICO_PIV, ChannelRules
from zorgid_card.codec.apdu import CommandAPDU
from zorgid_card.codec.link import Link
from zorgid_card.secret import Secret
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.workflows import channel
from zorgid_card.workflows.channel import CardChannel, initialize_update

MAKER = Maker.create()
BLANKS: dict[str, tuple[Callable[[], VirtualPIVCard], CardProfile]] = {
    "nist": (lambda: MAKER.nist_blank(key_maker=key_maker, extended=False), NIST_PIV),
    "yubico": (lambda: MAKER.blank(key_maker=key_maker, extended=False, diversified=True), YUBICO_PIV),
}
CERTIFICATE = bytes(range(256)) * 5
GUID = bytes(range(16))
EXPIRY = date(2029, 3, 1)


@dataclass
class Desk:
    """A card in a reader; the portal knows its keys by its serial."""

    dialect: str
    simulated: VirtualPIVCard = field(init=False)
    reader: SimulatedReader = field(init=False)
    card: ZorgIDCard = field(init=False)
    factory: Factory = field(init=False)
    challenge: bytes = field(default_factory=lambda: secrets.token_bytes(8))
    answer: bytes = b""

    def __post_init__(self) -> None:
        make, profile = BLANKS[self.dialect]
        self.simulated, self.reader = make(), SimulatedReader()
        self.insert()
        assert profile.factory is not None
        self.factory = profile.factory

    def insert(self) -> None:
        """The card, which was pulled perhaps, is put in, and opened anew."""
        self.reader.insert(self.simulated)
        self.card = ZorgIDCard(Link(self.reader.connect()), BLANKS[self.dialect][1])

    @property
    def rules(self) -> ChannelRules:
        assert self.factory.channel is not None
        return self.factory.channel

    def keys(self) -> tuple[Secret, Secret]:
        diversified = MAKER.channel_keys(int(self.card.serial))
        return Secret.of(diversified.enc), Secret.of(diversified.mac)

    def begin(self) -> CardChannel:
        """A channel whose card has shown that it knows its keys."""
        keys = self.keys()
        (self.answer,) = self.card.relay([initialize_update(self.challenge)])
        return CardChannel.open(keys, self.challenge, self.answer, self.rules)

    def again(self) -> CardChannel:
        """The same channel, opened by a portal that was started anew."""
        keys = MAKER.channel_keys(self.simulated.serial)
        return CardChannel.open((Secret.of(keys.enc), Secret.of(keys.mac)), self.challenge, self.answer, self.rules)

    def administered(self) -> tuple[CardChannel, tuple[CommandAPDU, ...]]:
        """A channel, and what the next batch begins with: in one dialect key 9B is authenticated within it."""
        opened = self.begin()
        if self.rules.administers:
            return opened, ()
        key = Secret.of(FACTORY_KEY)
        asked = channel.administration_challenge("AES192", key)
        (told,) = opened.unwrap(self.card.relay(opened.wrap(asked)))
        return opened, channel.administration_answer("AES192", key, told)


def making(factory: Factory, key: Secret) -> tuple[CommandAPDU, ...]:
    """All that a portal does to a card over the channel."""
    return (
        *channel.generate(0x9A, "ECCP256"),
        *channel.generate(0x9C, "RSA2048"),
        *channel.set_administration_key(factory, "AES256", key),
        *channel.write({0x9A: CERTIFICATE, 0x9C: b"\x30\x00"}, GUID, EXPIRY),
    )


def recorded(dialect: str, commands: Sequence[CommandAPDU]) -> tuple[Desk, tuple[bytes, ...], tuple[bytes, ...]]:
    """A desk, a batch wrapped for its card, and the answers; the batch needs no key 9B."""
    desk = Desk(dialect)
    wrapped = desk.begin().wrap(commands)
    return desk, wrapped, desk.card.relay(wrapped)
