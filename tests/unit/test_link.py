"""The link: what reaches the channel, what the observer sees, what an exchange gets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from zorgid_card.codec.apdu import SW, CommandAPDU, ResponseAPDU, SecretField
from zorgid_card.codec.link import Exchange, Link
from zorgid_card.errors import CancelledError, CardRemovedError, CardResponseError, StatusWordError
from zorgid_card.ports.card import Octets
from zorgid_card.secret import Secret


class ScriptedChannel:
    """Answers from a list; an exception in it is raised."""

    atr = b"\x3b\x00"

    def __init__(self, *answers: bytes | Exception) -> None:
        self.answers = list(answers)
        self.sent: list[bytes] = []
        self.views: list[Octets] = []

    def transmit(self, command: Octets, /) -> bytes:
        self.views.append(command)
        self.sent.append(bytes(command))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @contextmanager
    def transaction(self) -> Iterator[None]:
        yield

    def close(self, *, reset: bool = False) -> None:
        """Nothing to let go of."""


def pin_command() -> CommandAPDU:
    return CommandAPDU(0, 0x20, 0, 0x80, b"\xff" * 8, secrets=(SecretField(0, Secret.of(b"314159")),))


def select(aid: bytes) -> Exchange[bytes]:
    response = yield CommandAPDU(0, 0xA4, 4, 0, aid, le=0)
    return response.require(SW.OK, operation="SELECT")


def test_one_logical_command_may_be_many_physical_ones() -> None:
    channel = ScriptedChannel(b"\x90\x00", b"ab\x61\x02", b"cd\x90\x00")
    link = Link(channel)
    assert link.transmit(CommandAPDU(0, 0xDB, 0x3F, 0xFF, bytes(300), le=0)) == ResponseAPDU(b"abcd", 0x9000)
    assert link.count == len(channel.sent) == 3
    assert link.channel is channel


def test_an_exchange_runs_to_its_outcome() -> None:
    channel = ScriptedChannel(b"fci\x90\x00")
    assert Link(channel).run(select(b"\xa0\x00")) == b"fci"
    assert channel.sent == [bytes.fromhex("00A4040002A00000")]


def test_an_exchange_raises_what_it_raises_and_is_closed() -> None:
    with pytest.raises(StatusWordError, match="SELECT: card answered 6A82"):
        Link(ScriptedChannel(b"\x6a\x82")).run(select(b"\xa0"))


def test_an_exchange_is_closed_when_the_channel_breaks() -> None:
    closed = []

    def careful() -> Exchange[None]:
        try:
            yield CommandAPDU(0, 0xA4, 4, 0)
        finally:
            closed.append(True)

    with pytest.raises(CardRemovedError):
        Link(ScriptedChannel(CardRemovedError())).run(careful())
    assert closed == [True]


def test_after_a_transport_error_nothing_is_sent_again() -> None:
    channel = ScriptedChannel(CardRemovedError())
    with pytest.raises(CardRemovedError):
        Link(channel).transmit(pin_command())
    assert len(channel.sent) == 1


@pytest.mark.parametrize("answer", [b"\x90\x00", b"\x63\xc2", b"", CardRemovedError()])
def test_whatever_happens_the_pin_is_gone_from_the_buffer(answer: bytes | Exception) -> None:
    channel = ScriptedChannel(answer)
    with suppress(CardRemovedError, CardResponseError):
        Link(channel).transmit(pin_command())
    assert channel.sent[0][5:11] == b"314159"
    assert bytes(channel.views[0]) == bytes(13)


def test_the_observer_sees_masked_bytes_and_the_time() -> None:
    seen: list[tuple[bytes, bytes, float]] = []
    channel = ScriptedChannel(b"\x63\xc2", b"x\x90\x00")
    link = Link(channel, observer=lambda *event: seen.append(event))
    link.transmit(pin_command())
    link.transmit(CommandAPDU(0, 0xCB, 0x3F, 0xFF, b"\x5c\x01\x7e", le=0))
    assert [event[:2] for event in seen] == [
        (bytes.fromhex("0020008008") + b"\xff" * 8, b"\x63\xc2"),
        (bytes.fromhex("00CB3FFF035C017E00"), b"x\x90\x00"),
    ]
    assert all(event[2] >= 0 for event in seen)


def test_an_extended_link_sends_long_data_whole() -> None:
    channel = ScriptedChannel(b"\x90\x00")
    Link(channel, extended=True).transmit(CommandAPDU(0, 0xDB, 0x3F, 0xFF, bytes(300)))
    assert len(channel.sent[0]) == 4 + 3 + 300


def test_a_link_that_was_refused_extended_form_does_not_try_it_again() -> None:
    channel = ScriptedChannel(b"\x67\x00", b"\x90\x00", b"\x90\x00", b"\x90\x00", b"\x90\x00")
    link = Link(channel, extended=True)
    command = CommandAPDU(0, 0xDB, 0x3F, 0xFF, bytes(300))
    assert link.transmit(command).sw == SW.OK
    assert link.transmit(command).sw == SW.OK
    assert [len(raw) for raw in channel.sent] == [4 + 3 + 300, 260, 50, 260, 50]


def test_cancelling_acts_before_a_command_and_between_the_parts_of_an_answer() -> None:
    channel = ScriptedChannel(b"\x90\x00", b"\x90\x00")
    link = Link(channel)
    link.cancel()
    with pytest.raises(CancelledError):
        link.transmit(CommandAPDU(0, 0xDB, 0x3F, 0xFF, bytes(300)))
    assert channel.sent == []
    link.transmit(CommandAPDU(0, 0xDB, 0x3F, 0xFF, bytes(300)))
    assert link.count == 2

    class Cancelling(ScriptedChannel):
        def transmit(self, command: Octets, /) -> bytes:
            link.cancel()
            return super().transmit(command)

    channel = Cancelling(b"\x90\x00", b"ab\x61\x02", b"cd\x90\x00")
    link = Link(channel)
    with pytest.raises(CancelledError):
        link.transmit(CommandAPDU(0, 0xDB, 0x3F, 0xFF, bytes(300), le=0))
    assert len(channel.sent) == 2


def test_a_cancel_that_is_taken_back_stops_nothing() -> None:
    channel = ScriptedChannel(b"\x90\x00", b"\x90\x00")
    link = Link(channel)
    for command in (CommandAPDU(0, 0xCA, 0, 0), pin_command()):
        link.cancel()
        link.resume()
        assert link.transmit(command).sw == SW.OK
    assert len(channel.sent) == 2


def test_a_command_with_secrets_may_be_cancelled_too() -> None:
    channel = ScriptedChannel(b"\x90\x00")
    link = Link(channel)
    link.cancel()
    with pytest.raises(CancelledError):
        link.transmit(pin_command())
    assert channel.sent == []
    assert link.transmit(pin_command()).sw == 0x9000


@pytest.mark.parametrize("answer", [b"", b"\x90", bytes(257) + b"\x90\x00", bytes(70_000)])
def test_an_answer_that_cannot_be_one_is_refused(answer: bytes) -> None:
    with pytest.raises(CardResponseError):
        Link(ScriptedChannel(answer)).transmit(CommandAPDU(0, 0xCB, 0x3F, 0xFF, le=0))
    with pytest.raises(CardResponseError):
        Link(ScriptedChannel(answer)).transmit(
            CommandAPDU(0, 0xCB, 0x3F, 0xFF, le=256 if len(answer) < 9 else 3, extended=True)
        )


def test_a_channel_may_answer_with_any_buffer_but_nothing_else() -> None:
    for answer in (bytearray(b"ab\x90\x00"), memoryview(b"ab\x90\x00")):
        assert Link(ScriptedChannel(answer)).transmit(CommandAPDU(0, 0xCB, 0, 0, le=0)).data == b"ab"  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Link(ScriptedChannel("ab")).transmit(CommandAPDU(0, 0xCB, 0, 0, le=0))  # type: ignore[arg-type]


def test_what_was_sent_before_the_channel_broke_is_counted() -> None:
    link = Link(ScriptedChannel(b"\x90\x00", CardRemovedError()))
    with pytest.raises(CardRemovedError):
        link.transmit(CommandAPDU(0, 0xDB, 0x3F, 0xFF, bytes(600)))
    assert link.count == 2


@pytest.mark.parametrize("field", ["cla", "ins", "p1", "p2", "le"])
def test_a_field_that_no_command_has_is_a_value_error(field: str) -> None:
    fields = {"cla": 0, "ins": 0xA4, "p1": 0, "p2": 0} | {field: -1 if field == "le" else 256}
    with pytest.raises(ValueError, match="range"):
        Link(ScriptedChannel()).transmit(CommandAPDU(**fields))
