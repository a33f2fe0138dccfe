"""The C core's codecs against plain twins: commands, flat TLV, the writer, answers to reset."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from twins import Tree, encode_tlv, parse_atr, parse_command, parse_compact, parse_simple
from zorgid_card._native import ffi, lib, octets
from zorgid_card.codec.apdu import CommandAPDU
from zorgid_card.codec.atr import ATR
from zorgid_card.errors import APDUError, ATRError

octet = st.integers(0, 255)
flat = st.lists(st.tuples(st.integers(0, 15), st.binary(max_size=15)), max_size=6)
nested = st.lists(
    st.recursive(
        st.tuples(st.sampled_from([0x04, 0x5FC105, 0x81]), st.binary(max_size=300)),
        lambda node: st.tuples(st.sampled_from([0x30, 0x7F49, 0xA0]), st.lists(node, max_size=4)),
        max_leaves=12,
    ),
    max_size=4,
)


def with_tck(raw: bytes) -> bytes:
    """``raw`` with the check byte that makes it right."""
    total = 0
    for byte in raw[1:]:
        total ^= byte
    return raw + bytes([total])


def an_atr(groups: list[tuple[int, int, bytes]], historical: bytes) -> bytes:
    """TS, T0, groups of (announced bytes, protocol of the TD before, values) and historical bytes, as a card builds them."""
    out, last = bytearray([0x3B, len(historical)]), 1
    for announced, protocol, values in groups:
        if last != 1:
            out[last] = protocol
        out[last] |= announced << 4
        count = announced.bit_count()
        out += (values + bytes(4))[:count]
        if not announced & 8:
            break
        last = len(out) - 1
        out[last] &= 0x0F
    return bytes(out + historical)


atrs = st.builds(
    an_atr,
    st.lists(st.tuples(octet.map(lambda b: b & 0x0F), st.sampled_from([0, 1, 15]), st.binary(max_size=4)), max_size=3),
    st.binary(max_size=15)
    | st.builds(
        lambda category, before, value, after: (category + before + bytes([0x70 | len(value)]) + value + after)[:15],
        st.sampled_from([b"\x00", b"\x80", b"\x10"]),
        st.sampled_from([b"", b"\x31\x80", b"\x45abcde"]),
        st.binary(min_size=2, max_size=4),
        st.binary(max_size=4),
    ),
)


@given(
    st.binary(max_size=20) | st.builds(lambda a, b: bytes(4) + a + b, st.binary(max_size=3), st.binary(max_size=300))
)
@example(bytes(4) + b"\x00\x01\x00" + bytes(256) + b"\x00")
@example(bytes(4) + b"\x00\x00\x00\x00")
def test_any_bytes_are_a_command_as_the_twin_reads_it(raw: bytes) -> None:
    try:
        data, ne, extended = parse_command(raw)
    except ValueError:
        with pytest.raises(APDUError):
            CommandAPDU.parse(raw)
    else:
        command = CommandAPDU.parse(raw)
        assert (command.data, command.ne, command.extended) == (data, ne, extended)


def objects_of(function: Any, data: bytes) -> list[tuple[int, bytes]]:
    """All objects that the core's cursor finds; ValueError where it stops before the end."""
    at, found, objects = ffi.new("size_t *"), ffi.new("zc_tlv_flat *"), []
    while (status := function(octets(data), len(data), at, found)) == lib.ZC_MORE:
        objects.append((int(found.tag), data[found.value : found.value + found.length]))
    if status != lib.ZC_OK:
        assert at[0] < len(data)
        raise ValueError(status)
    assert at[0] == len(data)
    return objects


@given(st.binary(max_size=40) | flat.map(lambda objects: b"".join(bytes([t << 4 | len(v)]) + v for t, v in objects)))
def test_compact_tlv_is_read_as_the_twin_reads_it(data: bytes) -> None:
    try:
        expected = parse_compact(data)
    except ValueError:
        with pytest.raises(ValueError, match="-"):
            objects_of(lib.zc_tlv_compact, data)
    else:
        assert objects_of(lib.zc_tlv_compact, data) == expected


def simple_header(tag: int, size: int) -> bytes:
    out, length = ffi.new("uint8_t[4]"), ffi.new("size_t *")
    assert lib.zc_tlv_simple_header(tag, size, out, length) == lib.ZC_OK
    return bytes(ffi.buffer(out, length[0]))


@given(st.lists(st.tuples(st.integers(1, 254), st.binary(max_size=300)), max_size=4))
def test_simple_tlv_round_trips(objects: list[tuple[int, bytes]]) -> None:
    data = b"".join(simple_header(tag, len(value)) + value for tag, value in objects)
    assert parse_simple(data) == objects
    assert objects_of(lib.zc_tlv_simple, data) == objects


@given(st.binary(max_size=40))
@example(b"\x01\xff\x00")
def test_any_bytes_are_simple_tlv_as_the_twin_reads_them(data: bytes) -> None:
    try:
        expected = parse_simple(data)
    except (ValueError, IndexError):
        with pytest.raises(ValueError, match="-"):
            objects_of(lib.zc_tlv_simple, data)
    else:
        assert objects_of(lib.zc_tlv_simple, data) == expected


def twin_of(tree: Tree) -> bytes:
    return b"".join(
        encode_tlv(
            tag.to_bytes((tag.bit_length() + 7) // 8, "big"), value if isinstance(value, bytes) else twin_of(value)
        )
        for tag, value in tree
    )


def put(writer: Any, tree: Tree) -> None:
    for tag, value in tree:
        if isinstance(value, bytes):
            lib.zc_tlv_writer_put(writer, tag, octets(value), len(value))
        else:
            lib.zc_tlv_writer_open(writer, tag)
            put(writer, value)
            lib.zc_tlv_writer_close(writer)


@given(nested, st.integers(0, 3))
def test_the_writer_writes_what_the_twin_writes(tree: Tree, missing: int) -> None:
    expected = twin_of(tree)
    capacity = max(0, len(expected) - missing)
    out, writer, length = ffi.new("uint8_t[]", capacity), ffi.new("zc_tlv_writer *"), ffi.new("size_t *")
    lib.zc_tlv_writer_begin(writer, out, capacity)
    put(writer, tree)
    status = lib.zc_tlv_writer_end(writer, length)
    if capacity < len(expected):
        assert (status, length[0]) == (lib.ZC_E_CAPACITY, 0)
    else:
        assert status == lib.ZC_OK
        assert bytes(ffi.buffer(out, length[0])) == expected


@given(st.binary(max_size=40) | atrs | atrs.map(with_tck))
def test_answers_to_reset_are_read_as_the_twin_reads_them(raw: bytes) -> None:
    try:
        protocols, interface, historical, capabilities = parse_atr(raw)
    except (ValueError, IndexError):
        with pytest.raises(ATRError):
            ATR.parse(raw)
        return
    atr = ATR.parse(raw)
    assert set(atr.protocols) == protocols
    assert [(byte.name, byte.value) for byte in atr.interface] == interface
    assert atr.historical == historical
    assert atr.extended_length == (None if capabilities is None else bool(capabilities & 0x40))
    assert atr.chaining == (None if capabilities is None else bool(capabilities & 0x80))
