"""What must not be written down is not, whatever form it takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zorgid_card.codec.apdu import CommandAPDU
from zorgid_card.codec.masking import Masker, mask_command, mask_response
from zorgid_card.errors import APDUError

PIN = b"\x31\x34\x31\x35\x39\x32\x36\x35"
HIDDEN = [
    (0x20, 0x80),
    (0x21, 0),
    (0x24, 0x80),
    (0x24, 0x81),
    (0x2C, 0x80),
    (0xFF, 0xFF),
    (0xFE, 0x9C),
    (0x87, 0x9B),
    (0x86, 0x9B),
    (0xD8, 0x81),
    (0xE2, 0x00),
    (0xDA, 0xD3),
    (0xDB, 0xD5),
    (0xDB, 0xFF),
    (0x2A, 0x80),
    (0x26, 0x80),
    (0x28, 0x81),
    (0xC2, 0x00),
    (0xC3, 0x00),
]
OPEN = [
    (0xA4, 0x00),
    (0xCB, 0xFF),
    (0x87, 0x9A),
    (0x87, 0x9C),
    (0x47, 0x9B),
    (0xB0, 0x00),
    (0x2A, 0x9A),
]


@pytest.mark.parametrize(("ins", "p2"), HIDDEN)
@pytest.mark.parametrize("cla", [0x00, 0x10, 0x0C, 0x80])
@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize("le", [None, 0])
def test_data_of_secret_instructions_are_hidden(ins: int, p2: int, cla: int, extended: bool, le: int | None) -> None:
    raw = CommandAPDU(cla, ins, 0x00, p2, PIN, le, (), extended).encode()
    masked = mask_command(memoryview(bytearray(raw)))
    assert masked == raw.replace(PIN, b"\xff" * 8)
    assert CommandAPDU.parse(masked).data == b"\xff" * 8


@pytest.mark.parametrize(("ins", "p2"), OPEN)
def test_other_commands_stay_as_they_are(ins: int, p2: int) -> None:
    raw = CommandAPDU(0, ins, 0, p2, PIN, 0).encode()
    assert mask_command(raw) == raw
    assert mask_response(raw, PIN + b"\x90\x00") == PIN + b"\x90\x00"


@given(st.sampled_from(HIDDEN), st.binary(max_size=40))
def test_what_is_no_command_but_begins_as_one_is_hidden_too(head: tuple[int, int], tail: bytes) -> None:
    raw = bytes([0, head[0], 0, head[1]]) + tail
    masked = mask_command(raw)
    assert len(masked) == len(raw)
    try:
        data = CommandAPDU.parse(raw).data
    except APDUError:
        assert masked == raw[:4] + b"\xff" * len(tail)
    else:
        assert CommandAPDU.parse(masked).data == b"\xff" * len(data)


@pytest.mark.parametrize("raw", [b"", b"\x00", b"\x00\x20\x00"])
def test_less_than_a_header_holds_nothing(raw: bytes) -> None:
    assert mask_command(raw) == raw
    assert mask_response(raw, b"\x90\x00") == b"\x90\x00"


@pytest.mark.parametrize(
    ("ins", "p1", "p2"),
    [
        (0x87, 0x0A, 0x9B),
        (0x87, 0x11, 0x9D),
        (0x87, 0x07, 0x82),
        (0x87, 0x07, 0x95),
        (0x87, 0x00, 0x00),
        (0x2A, 0x80, 0x86),
    ],
)
def test_witnesses_and_deciphered_secrets_are_hidden_from_answers(ins: int, p1: int, p2: int) -> None:
    command = CommandAPDU(0, ins, p1, p2, b"x", 0).encode()
    assert mask_response(command, PIN + b"\x61\x05") == b"\xff" * 8 + b"\x61\x05"
    assert mask_response(command, b"\x90\x00") == b"\x90\x00"


def test_an_object_of_piv_stays_and_all_else_that_is_put_is_hidden() -> None:
    written = CommandAPDU(0, 0xDB, 0x3F, 0xFF, bytes.fromhex("5C035FC1055302") + b"ok").encode()
    assert mask_command(written) == written
    imported = CommandAPDU(0, 0xDB, 0x3F, 0xFF, b"\x4d\x08" + PIN).encode()
    assert mask_command(imported) == imported[:5] + b"\xff" * 10


@pytest.mark.parametrize(("first", "hidden"), [(b"\x4d" + PIN, True), (b"\x5c" + PIN, False), (b"", True)])
def test_a_chain_is_hidden_as_its_first_part_says(first: bytes, hidden: bool) -> None:
    masker = Masker()
    masker.command(CommandAPDU(0x10, 0xDB, 0x3F, 0xFF, first).encode())
    for cla, data in ((0x10, b"\x5c" + PIN), (0x10, b"\x4d" + PIN), (0x00, b"\x5c" + PIN)):
        raw = CommandAPDU(cla, 0xDB, 0x3F, 0xFF, data).encode()
        assert (masker.command(raw) == raw) is not hidden
        assert (masker.response(PIN + b"\x90\x00") == PIN + b"\x90\x00") is not hidden
    open_again = CommandAPDU(0x00, 0xDB, 0x3F, 0xFF, b"\x5c" + PIN).encode()
    assert masker.command(open_again) == open_again


def test_what_get_response_fetches_is_hidden_as_the_command_says() -> None:
    masker = Masker()
    get_response = bytes.fromhex("00C0000008")
    masker.mask(CommandAPDU(0, 0x87, 0x11, 0x9D, b"x", 0).encode(), b"\x61\x08")
    assert masker.mask(get_response, PIN + b"\x90\x00") == (get_response, b"\xff" * 8 + b"\x90\x00")
    masker.mask(CommandAPDU(0, 0xCB, 0x3F, 0xFF, b"x", 0).encode(), b"\x61\x08")
    assert masker.mask(get_response, PIN + b"\x90\x00") == (get_response, PIN + b"\x90\x00")


@pytest.mark.parametrize("number", ["03", "08", "09", "21"])
def test_objects_that_only_the_pin_lets_read_are_hidden(number: str) -> None:
    """Yubico's programs keep an administration key in the printed information, 5FC109."""
    tags = bytes.fromhex(f"5C035FC1{number}")
    written = CommandAPDU(0x10, 0xDB, 0x3F, 0xFF, tags + PIN).encode()
    assert PIN not in mask_command(written)
    read = CommandAPDU(0x00, 0xCB, 0x3F, 0xFF, tags, 0).encode()
    assert mask_command(read) == read
    assert mask_response(read, PIN + b"\x90\x00") == b"\xff" * 8 + b"\x90\x00"
    masker, get_response = Masker(), bytes.fromhex("00C0000008")
    assert masker.mask(read, PIN + b"\x61\x08") == (read, b"\xff" * 8 + b"\x61\x08")
    assert masker.mask(get_response, PIN + b"\x90\x00") == (get_response, b"\xff" * 8 + b"\x90\x00")
    for command in (CommandAPDU(0x10, 0xDB, 0x3F, 0xFF, tags[:4]), CommandAPDU(0, 0xDB, 0x3F, 0xFF, tags[4:] + PIN)):
        assert PIN not in masker.command(command.encode())
