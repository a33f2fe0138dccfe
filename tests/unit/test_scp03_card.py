"""SCP03: the core's off-card end and the simulated card, which share no code."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from piv_card import FACTORY_KEY, MAKER
from scp03_card import keys_of, pair, static, strict_card
from zorgid_card.codec.apdu import SW, CommandAPDU, ResponseAPDU, SecretField
from zorgid_card.codec.link import Link
from zorgid_card.codec.scp03 import SCP03, SecurityLevel, StaticKeys
from zorgid_card.errors import CancelledError, SecureChannelError, StatusWordError
from zorgid_card.protocol import globalplatform, piv
from zorgid_card.protocol.administration import administration_algorithm, authenticate_administration
from zorgid_card.protocol.iso7816 import select, verify
from zorgid_card.secret import Secret
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.piv import PIV_AID, VirtualPIVCard
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.scp03 import ChannelKeys

DEFAULT = ChannelKeys()
LEVELS = [SecurityLevel(level) for level in (0x01, 0x03, 0x11, 0x13, 0x33)]
MODES = pytest.mark.parametrize("size", [8, 16], ids=["S8", "S16"])
KEY_LENGTHS = pytest.mark.parametrize("key_length", [16, 24, 32], ids=["AES128", "AES192", "AES256"])


class Wiretap:
    """Sees the observer's bytes, and changes what a test asks for."""

    def __init__(self, card: VirtualCard) -> None:
        reader = SimulatedReader()
        reader.insert(card)
        self._channel = reader.connect()
        self.atr = self._channel.atr
        self.sent: list[bytes] = []
        self.change: Any = lambda answer: answer
        self.transaction = self._channel.transaction
        self.close = self._channel.close

    def transmit(self, command: Any, /) -> bytes:
        self.sent.append(bytes(command))
        changed: bytes = self.change(self._channel.transmit(command))
        return changed


def opened(
    card: VirtualPIVCard,
    keys: ChannelKeys = DEFAULT,
    *,
    level: SecurityLevel = SecurityLevel.FULL,
    size: int = 8,
    extended: bool = False,
) -> Link:
    link = Link(Wiretap(card), extended=extended)
    link.run(select(globalplatform.ISSUER_SECURITY_DOMAIN))
    link.secure = link.run(globalplatform.open_channel(static(keys), level=level, challenge_length=size))
    return link


def tapped(link: Link) -> Wiretap:
    channel = link.channel
    assert isinstance(channel, Wiretap)
    return channel


# --- ours against the card


@MODES
@KEY_LENGTHS
@pytest.mark.parametrize("level", LEVELS, ids=lambda level: f"{int(level):02X}")
def test_personalisation_over_the_channel(level: SecurityLevel, key_length: int, size: int) -> None:
    keys = keys_of(key_length)
    link = opened(strict_card(keys, extended=False), keys, level=level, size=size)
    link.run(select(PIV_AID))
    link.run(authenticate_administration(administration_algorithm("AES192"), Secret.of(FACTORY_KEY)))
    link.run(piv.generate(0x9A, piv.key_algorithm("ECCP256")))
    long = bytes(range(256)) * 5
    link.run(piv.put_data(0x5FC105, long))
    assert link.run(piv.get_data(0x5FC105)) == long
    link.run(verify(0x80, Secret.of(b"123456")))
    assert link.run(piv.get_data(0x5FC107)) is None  # 6A82, which comes bare
    assert link.run(piv.get_data(0x5FC105)) == long


@pytest.mark.parametrize("extended", [False, True], ids=["chained", "extended"])
@pytest.mark.parametrize("count", [0, 1, 200, 215, 216, 230, 239, 240, 255, 256, 2000])
def test_every_length_in_every_form(count: int, extended: bool) -> None:
    link = opened(strict_card(extended=extended), extended=extended)
    link.run(select(PIV_AID))
    link.run(authenticate_administration(administration_algorithm("AES192"), Secret.of(FACTORY_KEY)))
    link.run(piv.put_data(0x5FC105, bytes(count)))
    if count:
        assert link.run(piv.get_data(0x5FC105)) == bytes(count)


def test_a_pin_goes_out_encrypted_and_wrong_ones_are_counted() -> None:
    link = opened(strict_card())
    link.run(select(PIV_AID))
    template = CommandAPDU(0, 0x20, 0, 0x80, b"\xff" * 8, secrets=(SecretField(0, Secret.of(b"654321")),))
    assert link.transmit(template) == ResponseAPDU(b"", 0x63C2)
    assert tapped(link).sent[-1][:5] == bytes.fromhex("0420008018")
    assert not any(b"654321" in raw for raw in tapped(link).sent)


def test_a_changed_answer_ends_the_channel_and_nothing_follows_in_clear() -> None:
    link = opened(strict_card())
    link.run(select(PIV_AID))
    tapped(link).change = lambda answer: bytes([answer[0] ^ 1]) + answer[1:]
    with pytest.raises(SecureChannelError):
        link.run(select(PIV_AID))
    count = len(tapped(link).sent)
    with pytest.raises(SecureChannelError):
        link.run(verify(0x80, Secret.of(b"123456")))
    assert len(tapped(link).sent) == count


def test_an_empty_success_without_mac_is_not_believed() -> None:
    link = opened(strict_card())
    link.run(select(PIV_AID))
    tapped(link).change = lambda answer: b"\x90\x00"
    with pytest.raises(SecureChannelError, match="MAC"):
        link.run(verify(0x80, Secret.of(b"123456")))


def test_wrong_keys_are_found_before_anything_is_sent_with_them() -> None:
    link = Link(Wiretap(strict_card()))
    with pytest.raises(SecureChannelError, match="other keys"):
        link.run(globalplatform.open_channel(StaticKeys(Secret.of(bytes(16)), Secret.of(bytes(16)))))
    assert len(tapped(link).sent) == 1


def test_a_card_that_refuses_the_host_closes_the_channel() -> None:
    link = Link(Wiretap(strict_card()))
    challenge = bytes(8)
    update = link.run(globalplatform.initialize_update(challenge))
    channel = SCP03(static(DEFAULT), challenge, update)
    link.run(globalplatform.initialize_update(challenge))  # the card has drawn another challenge
    with pytest.raises(StatusWordError):
        link.run(globalplatform.external_authenticate(channel))
    assert channel.level == SecurityLevel(0)


# --- what the card does with a terminal that errs


def test_the_card_refuses_unprotected_commands_while_a_channel_is_open() -> None:
    link = opened(strict_card())
    secure, link.secure = link.secure, None
    assert link.transmit(CommandAPDU(0, 0x20, 0, 0x80)).sw == SW.SECURITY_STATUS
    link.secure = secure
    assert link.transmit(CommandAPDU(0, 0x20, 0, 0x80)).sw == SW.SECURITY_STATUS


def test_a_replayed_command_ends_the_channel() -> None:
    link = opened(strict_card())
    link.run(select(PIV_AID))
    wire = tapped(link)
    assert wire.transmit(wire.sent[-1])[-2:] == b"\x69\x82"
    assert link.transmit(CommandAPDU(0, 0x20, 0, 0x80)).sw == SW.SECURITY_STATUS


def test_protected_commands_without_a_channel_and_without_the_layer() -> None:
    raw = bytes.fromhex("042000800800000000 00000000")
    card, plain = strict_card(), MAKER.blank(4712)
    card.power_on()
    plain.power_on()
    assert card.transmit(raw) == b"\x69\x82"
    assert plain.transmit(raw) == b"\x68\x82"
    assert card.transmit(bytes.fromhex("0C2000800800000000 00000000")) == b"\x68\x82"


# --- wrapping against wrapping


COMMANDS = st.builds(
    CommandAPDU,
    st.sampled_from([0x00, 0x80, 0x01, 0x83]),
    st.integers(0, 255),
    st.integers(0, 255),
    st.integers(0, 255),
    st.binary(max_size=300) | st.binary(min_size=230, max_size=260),
    st.sampled_from([None, 0]),
    st.just(()),
    st.just(False),
)
RESPONSES = st.builds(ResponseAPDU, st.binary(max_size=300), st.sampled_from([0x9000, 0x6282, 0x63C2, 0x6A80, 0x6982]))


@settings(max_examples=150)
@given(
    length=st.sampled_from([16, 24, 32]),
    level=st.sampled_from(LEVELS),
    size=st.sampled_from([8, 16]),
    turns=st.lists(st.tuples(COMMANDS, RESPONSES), min_size=1, max_size=4),
)
def test_the_card_understands_what_the_core_wraps(
    length: int, level: SecurityLevel, size: int, turns: list[tuple[CommandAPDU, ResponseAPDU]]
) -> None:
    host, card = pair(keys_of(length), level, size)
    for command, response in turns:
        seen = card.unwrap(host.wrap(command))
        assert (seen.cla, seen.ins, seen.p1, seen.p2, seen.data) == (
            command.cla,
            command.ins,
            command.p1,
            command.p2,
            command.data,
        )
        wrapped = card.wrap(response)
        if command.le is None and wrapped.data and response.data and response.sw in {0x9000, 0x6282, 0x63C2}:
            return  # data that were not asked for
        data = response.data if response.sw in {0x9000, 0x6282, 0x63C2} else b""
        assert host.unwrap(wrapped) == ResponseAPDU(data, response.sw)


def test_a_command_cancelled_before_it_is_sent_leaves_the_channel_in_step() -> None:
    link = opened(strict_card())
    link.run(select(PIV_AID))
    before = len(tapped(link).sent)
    link.cancel()
    with pytest.raises(CancelledError):
        link.transmit(CommandAPDU(0x00, 0xCB, 0x3F, 0xFF, bytes.fromhex("5C017E"), 0))
    assert len(tapped(link).sent) == before
    assert link.transmit(CommandAPDU(0x00, 0xCB, 0x3F, 0xFF, bytes.fromhex("5C017E"), 0)).sw == SW.OK
