"""Secure messaging over PC/SC: wrapped, carried and unwrapped in one call of the core, with a simulated card behind the stub."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from pcsc_stub import RESET_CARD, Stub
from piv_card import FACTORY_KEY
from scp03_card import static, strict_card
from zorgid_card.adapters.pcsc import PCSCChannel, PCSCReader
from zorgid_card.codec.apdu import CommandAPDU, ResponseAPDU, SecretField
from zorgid_card.codec.link import Link
from zorgid_card.codec.scp03 import SecurityLevel
from zorgid_card.errors import CancelledError, CardResetError, SecureChannelError, TransportError
from zorgid_card.protocol import globalplatform, piv
from zorgid_card.protocol.administration import administration_algorithm, authenticate_administration
from zorgid_card.protocol.iso7816 import select
from zorgid_card.secret import Secret
from zorgid_card.testkit.piv import PIV_AID
from zorgid_card.testkit.scp03 import ChannelKeys

PIN = b"123456"
PIN_COMMAND = CommandAPDU(0, 0x20, 0, 0x80, b"\xff" * 8, secrets=(SecretField(0, Secret.of(PIN)),))


class Heard:
    """What goes over the wire, seen by the card that stands behind the stub."""

    def __init__(self, stub: Stub) -> None:
        self.commands: list[bytes] = []
        self.spoil = False
        self.card = strict_card()
        inner = self.card.transmit

        def transmit(command: bytes) -> bytes:
            self.commands.append(bytes(command))
            answer = inner(command)
            return bytes([answer[0] ^ 1]) + answer[1:] if self.spoil and len(answer) > 2 else answer

        self.card.transmit = transmit  # type: ignore[method-assign]
        stub.hold(self.card)


@pytest.fixture
def heard(stub: Stub) -> Heard:
    return Heard(stub)


@pytest.fixture
def link(stub: Stub, heard: Heard) -> Iterator[Link]:
    channel = PCSCReader("Stub Reader 00 00", stub.path).connect()
    link = Link(channel)
    link.run(select(globalplatform.ISSUER_SECURITY_DOMAIN))
    link.secure = link.run(globalplatform.open_channel(static(ChannelKeys()), level=SecurityLevel.FULL))
    link.run(select(PIV_AID))
    heard.commands.clear()
    yield link
    channel.close()


def test_long_data_go_and_come_wrapped(link: Link, heard: Heard) -> None:
    long = bytes(range(256)) * 5
    link.run(authenticate_administration(administration_algorithm("AES192"), Secret.of(FACTORY_KEY)))
    link.run(piv.put_data(0x5FC105, long))
    assert link.run(piv.get_data(0x5FC105)) == long
    assert all(command[0] & 0x04 or command[1] == 0xC0 for command in heard.commands)
    assert not [command for command in heard.commands if long[:16] in command]
    assert isinstance(link.channel, PCSCChannel)
    assert link.channel.carrier.count == link.count


def test_pin_7_a_pin_is_encrypted_in_its_page(link: Link, heard: Heard) -> None:
    assert link.transmit(PIN_COMMAND) == ResponseAPDU(b"", 0x9000)
    (sent,) = heard.commands
    assert sent[:5] == bytes.fromhex("0420008018")
    assert PIN not in sent


def test_a_wrong_mac_ends_the_channel_and_nothing_follows_in_clear(link: Link, heard: Heard) -> None:
    heard.spoil = True
    with pytest.raises(SecureChannelError):
        link.run(select(PIV_AID))
    count = len(heard.commands)
    for command in (PIN_COMMAND, CommandAPDU(0, 0xA4, 4, 0, PIV_AID, le=0)):
        with pytest.raises(SecureChannelError):
            link.transmit(command)
    assert len(heard.commands) == count


@pytest.mark.parametrize(("code", "error"), [(RESET_CARD, CardResetError), (0x80100016, TransportError)])
def test_after_an_error_nothing_is_sent_again(
    stub: Stub, link: Link, heard: Heard, code: int, error: type[Exception]
) -> None:
    stub.fail("transmit", code, passing=1)
    with pytest.raises(error):
        link.run(piv.put_data(0x5FC105, bytes(600)))
    assert len(heard.commands) == 1


def test_cancelling_comes_before_anything_is_wrapped(link: Link, heard: Heard) -> None:
    link.cancel()
    with pytest.raises(CancelledError):
        link.transmit(PIN_COMMAND)
    assert not heard.commands
    assert link.transmit(PIN_COMMAND).sw == 0x9000  # and the channel is in step


def test_closing_the_channel_from_another_thread_waits_for_the_command(stub: Stub, link: Link, heard: Heard) -> None:
    """Otherwise keys that are wiped half-way would let the rest out in clear."""
    secure, answers = link.secure, list[ResponseAPDU]()
    assert secure is not None
    stub["hold"], before = 1, stub.calls("transmit")
    worker = threading.Thread(target=lambda: answers.append(link.transmit(PIN_COMMAND)))
    worker.start()
    while stub.calls("transmit") == before:
        time.sleep(0.001)
    secure.close()
    with pytest.raises(ValueError, match="another thread"):
        secure.wrap(CommandAPDU(0, 0xA4, 4, 0))
    stub["hold"] = 0
    worker.join()
    assert answers == [ResponseAPDU(b"", 0x9000)]
    with pytest.raises(SecureChannelError):
        link.transmit(PIN_COMMAND)
    assert len(heard.commands) == 1
