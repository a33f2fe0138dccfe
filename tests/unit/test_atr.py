"""Answers to reset (ISO/IEC 7816-3:2006, 8.2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zorgid_card.codec.atr import ATR
from zorgid_card.errors import ATRError

UZI = bytes.fromhex("3BDC18FF8191FE1FC3060A2B06010401E91005020 3D1".replace(" ", ""))


def test_a_uzi_pass_speaks_t1_and_has_a_check_byte() -> None:
    atr = ATR.parse(UZI)
    assert atr.protocols == (1,)
    assert atr.historical == bytes.fromhex("060A2B06010401E910050203")
    assert atr.extended_length is None
    assert atr.chaining is None


def test_interface_bytes_have_their_names_and_protocols() -> None:
    assert ATR.parse(UZI).interface == (
        ("TA1", 0x18, None),
        ("TC1", 0xFF, None),
        ("TD1", 0x81, None),
        ("TD2", 0x91, 1),
        ("TA3", 0xFE, 1),
        ("TD3", 0x1F, 1),
        ("TA4", 0xC3, 15),
    )


def test_the_protocol_offered_first_stands_first() -> None:
    assert ATR.parse(bytes.fromhex("3B8081800180")).protocols == (1, 0)


def test_without_interface_bytes_it_is_t0_without_check_byte() -> None:
    atr = ATR.parse(bytes.fromhex("3B026202"))
    assert atr.protocols == (0,)
    assert atr.historical == b"\x62\x02"


@pytest.mark.parametrize(
    ("third", "extended", "chaining"),
    [(0x00, False, False), (0x40, True, False), (0x80, False, True), (0xC0, True, True)],
)
def test_card_capabilities_are_read(third: int, extended: bool, chaining: bool) -> None:
    for historical in (
        bytes([0x80, 0x31, 0x80, 0x73, 0, 0, third]),
        bytes([0, 0x73, 0, 0, third, 5, 0x90, 0]),
    ):
        atr = ATR.parse(bytes([0x3B, len(historical)]) + historical)
        assert (atr.extended_length, atr.chaining) == (extended, chaining)


def test_capabilities_without_a_third_byte_say_nothing() -> None:
    historical = bytes([0x80, 0x72, 0, 0])
    assert ATR.parse(bytes([0x3B, 4]) + historical).extended_length is None


@pytest.mark.parametrize("at", range(1, len(UZI)))
def test_every_changed_byte_and_every_cut_is_noticed(at: int) -> None:
    changed = bytearray(UZI)
    changed[at] ^= 0x01
    with pytest.raises(ATRError):
        ATR.parse(changed)
    with pytest.raises(ATRError):
        ATR.parse(UZI[:at])


def test_what_follows_the_end_is_refused() -> None:
    with pytest.raises(ATRError) as caught:
        ATR.parse(UZI + b"\x00")
    assert caught.value.reason == "bytes after the end"


@given(st.binary(max_size=40) | st.binary(max_size=31).map(lambda b: b"\x3b" + b))
def test_any_bytes_parse_or_raise(raw: bytes) -> None:
    try:
        atr = ATR.parse(raw)
    except ATRError as error:
        assert isinstance(error.offset, int)
    else:
        assert atr.raw == raw
        assert atr.historical in raw
        assert atr.protocols
