"""One logical command as physical ones, before honest cards of many habits and before hostile ones."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zorgid_card.codec.apdu import CommandAPDU, ResponseAPDU, SecretField
from zorgid_card.codec.exchange import ANSWER_LIMIT, PhysicalCommands
from zorgid_card.errors import CardResponseError
from zorgid_card.secret import Secret


class HonestCard:
    """Collects a chain, answers ``answer``: ``first`` bytes at once, the rest through GET RESPONSE; may
    insist on an exact Le.
    """

    def __init__(self, answer: bytes, *, first: int, insists: bool, sw: int = 0x9000) -> None:
        self.answer, self.first, self.insists, self.sw = answer, first, insists, sw
        self.got = b""
        self.commands: list[CommandAPDU] = []
        self.rest: bytes | None = None

    def __call__(self, raw: bytes | bytearray | memoryview) -> bytes:
        command = CommandAPDU.parse(raw)
        self.commands.append(command)
        if command.ins == 0xC0:
            assert self.rest is not None
            return self.give(self.rest, command.ne)
        if self.rest is None:
            self.got += command.data
        if command.cla & 0x10:
            return b"\x90\x00"
        if self.insists and command.ne != min(len(self.answer), 256) and self.rest is None and command.ne:
            self.rest = b""
            return bytes([0x6C, min(len(self.answer), 256) & 0xFF])
        return self.give(self.answer, min(command.ne, self.first))

    def give(self, data: bytes, most: int) -> bytes:
        now, self.rest = data[:most], data[most:]
        if self.rest:
            return now + bytes([0x61, min(len(self.rest), 256) & 0xFF])
        return now + self.sw.to_bytes(2, "big")


def talk(physical: PhysicalCommands, card: HonestCard) -> ResponseAPDU:
    while physical.waiting is not None:
        physical.feed(card(physical.waiting))
    return physical.response


@given(
    data=st.binary(max_size=900),
    answer=st.binary(min_size=1, max_size=900),
    first=st.integers(0, 256),
    insists=st.booleans(),
    sw=st.sampled_from([0x9000, 0x6282, 0x63C2, 0x6A82]),
)
def test_an_honest_card_gets_all_data_and_its_whole_answer_arrives(
    data: bytes, answer: bytes, first: int, insists: bool, sw: int
) -> None:
    card = HonestCard(answer, first=first, insists=insists, sw=sw)
    response = talk(PhysicalCommands(CommandAPDU(0x00, 0xCB, 0x3F, 0xFF, data, le=0)), card)
    assert response == ResponseAPDU(answer, sw)
    assert card.got == data
    parts = [command for command in card.commands if command.ins != 0xC0]
    assert all(len(part.data) <= 255 for part in parts)
    assert not parts[-1].cla & 0x10


@given(data=st.binary(max_size=900), answer=st.binary(max_size=900))
def test_an_extended_exchange_is_one_command(data: bytes, answer: bytes) -> None:
    card = HonestCard(answer, first=65536, insists=False)
    command = CommandAPDU(0x00, 0xDB, 0x3F, 0xFF, data, le=0)
    assert talk(PhysicalCommands(command, extended=True), card) == ResponseAPDU(answer, 0x9000)
    assert [seen.data for seen in card.commands] == [data]
    assert card.commands[0].ne == 65536


@given(data=st.binary(max_size=900), answer=st.binary(min_size=1, max_size=900), first=st.integers(1, 256))
def test_a_card_of_short_commands_gets_all_data_from_an_extended_exchange(
    data: bytes, answer: bytes, first: int
) -> None:
    card = HonestCard(answer, first=first, insists=False)

    def short_only(raw: bytes | bytearray | memoryview) -> bytes:
        return b"\x67\x00" if CommandAPDU.parse(raw).extended else card(raw)

    physical = PhysicalCommands(CommandAPDU(0x00, 0xCB, 0x3F, 0xFF, data, le=0), extended=True)
    while physical.waiting is not None:
        physical.feed(short_only(physical.waiting))
    assert physical.response == ResponseAPDU(answer, 0x9000)
    assert card.got == data
    assert physical.fell_back


def test_what_the_caller_wants_extended_does_not_fall_back() -> None:
    physical = PhysicalCommands(CommandAPDU(0, 0xDB, 0x3F, 0xFF, bytes(300), extended=True), extended=True)
    physical.feed(b"\x67\x00")
    assert physical.response == ResponseAPDU(b"", 0x6700)
    assert not physical.fell_back


def test_an_extended_link_leaves_short_commands_short() -> None:
    physical = PhysicalCommands(CommandAPDU(0, 0xB0, 0, 0, le=256), extended=True)
    assert physical.waiting == bytes.fromhex("00B0000000")
    physical = PhysicalCommands(CommandAPDU(0, 0x20, 0, 0x80), extended=True)
    assert physical.waiting == bytes.fromhex("00200080")


@settings(max_examples=300)
@given(
    command=st.builds(
        CommandAPDU,
        st.just(0),
        st.just(0xCB),
        st.just(0),
        st.just(0),
        st.binary(max_size=600),
        st.none() | st.integers(0, 400),
        st.just(()),
        st.just(False),
    ),
    answers=st.lists(
        st.binary(max_size=300)
        | st.builds(
            lambda data, sw1, sw2: data + bytes([sw1, sw2]),
            st.binary(max_size=258),
            st.sampled_from([0x61, 0x6C, 0x90]),
            st.integers(0, 255),
        ),
        max_size=20,
    ),
)
def test_a_hostile_card_gets_a_typed_error_or_a_bounded_answer(command: CommandAPDU, answers: list[bytes]) -> None:
    physical = PhysicalCommands(command)
    sent = 0
    for answer in answers:
        if physical.waiting is None:
            break
        assert len(physical.waiting) <= 261
        sent += len(answer)
        try:
            physical.feed(answer)
        except CardResponseError as error:
            assert isinstance(error.reason, str)
            assert physical.waiting is None
            return
    if physical.waiting is None:
        assert len(physical.response.data) <= sent


def endless(answer: bytes) -> tuple[CardResponseError, int]:
    physical = PhysicalCommands(CommandAPDU(0, 0xCB, 0x3F, 0xFF, b"", le=0))
    for rounds in range(1, 5000):
        try:
            physical.feed(answer)
        except CardResponseError as error:
            return error, rounds
    raise AssertionError("no end")


@pytest.mark.parametrize("answer", [b"\x61\x01", b"x\x61\x01", bytes(256) + b"\x61\x00"])
def test_endless_61xx_ends(answer: bytes) -> None:
    error, rounds = endless(answer)
    assert error.reason in ("61xx without end", "answer longer than asked for")
    assert rounds <= 1025


def test_the_longest_answer_is_64_kib() -> None:
    card = HonestCard(bytes(ANSWER_LIMIT), first=256, insists=False)
    command = CommandAPDU(0, 0xCB, 0x3F, 0xFF, b"", le=0)
    assert len(talk(PhysicalCommands(command), card).data) == ANSWER_LIMIT
    with pytest.raises(CardResponseError, match="longer than asked"):
        talk(PhysicalCommands(command), HonestCard(bytes(ANSWER_LIMIT + 1), first=256, insists=False))


@pytest.mark.parametrize("answer", [b"", b"\x90", b"x\x90\x00"])
def test_an_answer_that_is_none_is_refused(answer: bytes) -> None:
    physical = PhysicalCommands(CommandAPDU(0, 0xDB, 0, 0, b"x"))
    with pytest.raises(CardResponseError):
        physical.feed(answer)
    with pytest.raises(CardResponseError, match="exchange has ended"):
        physical.feed(b"\x90\x00")


def verify(secret: Secret, *, offset: int = 0, size: int = 8) -> CommandAPDU:
    return CommandAPDU(0, 0x20, 0, 0x80, b"\xff" * size, secrets=(SecretField(offset, secret),))


def test_secrets_are_filled_into_the_template_and_wiped_after() -> None:
    physical = PhysicalCommands(verify(Secret.of(b"314159")))
    waiting = physical.waiting
    assert isinstance(waiting, memoryview)
    assert waiting.readonly
    assert bytes(waiting) == bytes.fromhex("0020008008") + b"314159\xff\xff"
    physical.feed(b"\x90\x00")
    physical.wipe()
    assert bytes(waiting) == bytes(len(waiting))


def test_two_secrets_stand_in_one_template() -> None:
    fields = (SecretField(0, Secret.of(b"123456")), SecretField(8, Secret.of(b"654321")))
    physical = PhysicalCommands(CommandAPDU(0, 0x24, 0, 0x80, b"\xff" * 16, secrets=fields))
    assert bytes(physical.waiting or b"")[5:] == b"123456\xff\xff654321\xff\xff"


@pytest.mark.parametrize(("offset", "size"), [(3, 8), (-1, 8), (0, 5), (9, 8)])
def test_a_secret_that_does_not_fit_its_template_is_refused(offset: int, size: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        PhysicalCommands(verify(Secret.of(b"314159"), offset=offset, size=size))


def test_a_wiped_secret_is_not_sent() -> None:
    secret = Secret.of(b"314159")
    secret.wipe()
    with pytest.raises(ValueError, match="wiped"):
        PhysicalCommands(verify(secret))


def test_a_template_too_long_for_a_page_is_refused() -> None:
    with pytest.raises(ValueError, match="with secrets"):
        PhysicalCommands(verify(Secret.of(b"314159"), size=5000))
