"""Command and response APDUs against a plain twin, and what is not one (ISO/IEC 7816-3:2006, 12.1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twins import encode_command
from zorgid_card.codec.apdu import INS, SW, CommandAPDU, ResponseAPDU, SecretField
from zorgid_card.errors import APDUError, StatusWordError
from zorgid_card.secret import Secret

octet = st.integers(0, 255)
short_commands = st.builds(
    CommandAPDU,
    octet,
    octet,
    octet,
    octet,
    st.binary(max_size=255),
    st.none() | st.integers(0, 255),
    st.just(()),
    st.just(False),
)
extended_commands = st.builds(
    lambda c, data, le: CommandAPDU(c.cla, c.ins, c.p1, c.p2, data, le, (), True),
    short_commands,
    st.binary(min_size=1, max_size=700),
    st.none() | st.integers(0, 65535),
)


@given(short_commands | extended_commands)
def test_encoding_equals_the_twin_and_parses_back(command: CommandAPDU) -> None:
    raw = command.encode()
    header = bytes([command.cla, command.ins, command.p1, command.p2])
    assert raw == encode_command(header, command.data, command.ne, extended=command.extended)
    assert CommandAPDU.parse(raw) == command
    assert CommandAPDU.parse(memoryview(bytearray(raw))) == command


@given(st.binary(max_size=400))
def test_any_bytes_parse_or_raise_with_an_offset(raw: bytes) -> None:
    try:
        command = CommandAPDU.parse(raw)
    except APDUError as error:
        assert isinstance(error.reason, str)
        assert 0 <= int(error.details["offset"] or 0) <= len(raw)
    else:
        assert command.encode() == raw or command.extended  # 00 0000 says what nothing says shorter


@given(short_commands | extended_commands, st.data())
def test_no_part_of_a_command_is_another_reading_of_it(command: CommandAPDU, data: st.DataObject) -> None:
    raw = command.encode()
    part = raw[: data.draw(st.integers(0, len(raw) - 1))]
    try:
        parsed = CommandAPDU.parse(part)
    except APDUError:
        return
    assert parsed != command


def test_long_data_and_long_answers_make_an_extended_command() -> None:
    assert CommandAPDU(0, 0xDB, 0, 0, bytes(256)).encode()[4:7] == b"\x00\x01\x00"
    assert CommandAPDU(0, 0xB0, 0, 0, le=257).encode() == bytes.fromhex("00B00000000101")
    assert CommandAPDU(0, 0xB0, 0, 0, le=65536).encode() == bytes.fromhex("00B00000000000")


@pytest.mark.parametrize(
    ("command", "ne"),
    [
        (CommandAPDU(0, 0, 0, 0), 0),
        (CommandAPDU(0, 0, 0, 0, le=0), 256),
        (CommandAPDU(0, 0, 0, 0, le=0, extended=True), 65536),
        (CommandAPDU(0, 0, 0, 0, bytes(256), le=0), 65536),
        (CommandAPDU(0, 0, 0, 0, le=8), 8),
    ],
)
def test_ne_is_what_le_means(command: CommandAPDU, ne: int) -> None:
    assert command.ne == ne


@pytest.mark.parametrize(
    "command",
    [
        CommandAPDU(256, 0, 0, 0),
        CommandAPDU(0, -1, 0, 0),
        CommandAPDU(0, 0, 0, 0, bytes(65536)),
        CommandAPDU(0, 0, 0, 0, le=65537),
        CommandAPDU(0, 0, 0, 0, le=-1),
    ],
)
def test_what_a_field_cannot_hold_is_refused(command: CommandAPDU) -> None:
    with pytest.raises(ValueError, match="out of range"):
        command.encode()


def test_a_command_with_secrets_is_not_encoded() -> None:
    secret = Secret.of(b"314159")
    command = CommandAPDU(0, INS.VERIFY, 0, 0x80, b"\xff" * 8, secrets=(SecretField(0, secret),))
    with pytest.raises(ValueError, match="link"):
        command.encode()
    assert "314159" not in repr(command)
    assert "Secret(6 bytes)" in repr(command)


@given(st.binary(max_size=300), st.integers(0, 0xFFFF))
def test_responses_round_trip(data: bytes, sw: int) -> None:
    response = ResponseAPDU(data, sw)
    assert ResponseAPDU.parse(response.encode()) == response


@pytest.mark.parametrize("raw", [b"", b"\x90", bytes(65539)])
def test_what_is_no_response_is_refused(raw: bytes) -> None:
    with pytest.raises(APDUError):
        ResponseAPDU.parse(raw)


def test_an_unexpected_status_word_is_raised_and_kept() -> None:
    assert ResponseAPDU(b"a", 0x9000).require(SW.OK) == b"a"
    assert ResponseAPDU(b"", 0x6A82).require(SW.OK, SW.NOT_FOUND) == b""
    with pytest.raises(StatusWordError, match="GET DATA: card answered 6F17") as caught:
        ResponseAPDU(b"", 0x6F17).require(SW.OK, operation="GET DATA")
    assert caught.value.sw == 0x6F17
