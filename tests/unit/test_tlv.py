"""TLV against a plain twin, and everything that is not TLV (ISO/IEC 7816-4:2020, 6.3; X.690)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twins import Tree, encode_tlv, parse_tlv
from zorgid_card.codec.tlv import Index, encode
from zorgid_card.errors import TLVError, TLVMissingError

PRIMITIVE = [0x04, 0x53, 0x80, 0x82, 0x5F2F, 0x5FC105]
CONSTRUCTED = [0x30, 0x61, 0x70, 0x7F49, 0xA0]

leaves = st.tuples(st.sampled_from(PRIMITIVE), st.binary(max_size=300))
trees = st.lists(
    st.recursive(
        leaves,
        lambda node: st.tuples(st.sampled_from(CONSTRUCTED), st.lists(node, max_size=4)),
        max_leaves=12,
    ),
    max_size=4,
)


def tag_bytes(tag: int) -> bytes:
    return tag.to_bytes((tag.bit_length() + 7) // 8, "big")


def write(tree: Tree) -> bytes:
    return b"".join(
        encode_tlv(tag_bytes(tag), value if isinstance(value, bytes) else write(value)) for tag, value in tree
    )


def paths(tree: Tree, above: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], bytes]]:
    for tag, value in tree:
        path = (*above, tag)
        if isinstance(value, bytes):
            yield path, value
        else:
            yield path, write(value)
            yield from paths(value, path)


@given(trees)
def test_every_object_is_found_at_its_path(tree: Tree) -> None:
    index = Index(write(tree), der=True)
    objects = list(paths(tree))
    for path in {path for path, _ in objects}:
        values = [value for other, value in objects if other == path]
        assert index.all(*path) == values
        assert index.first(*path) == index.optional(*path) == values[0]
    assert index.items() == [(tag, value if isinstance(value, bytes) else write(value)) for tag, value in tree]


@given(trees.filter(bool))
def test_items_are_the_children(tree: Tree) -> None:
    index = Index(write(tree))
    for tag, value in tree[:1]:
        expected = [] if isinstance(value, bytes) else parse_tlv(write(value))
        assert [child for child, _ in index.items(tag)] == [child for child, _ in expected]


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda b: b"\x30" + bytes([len(b)]) + b))
def test_any_bytes_are_read_as_the_twin_reads_them(data: bytes) -> None:
    try:
        expected = parse_tlv(data)
    except (ValueError, IndexError):
        with pytest.raises(TLVError) as caught:
            Index(data)
        assert 0 <= int(caught.value.details["offset"] or 0) <= len(data)
    else:
        flat = [path for path, _ in paths(expected)]
        index = Index(data)
        assert [tag for tag, _ in index.items()] == [tag for tag, _ in expected]
        for path in set(flat):
            assert len(index.all(*path)) == flat.count(path)


@given(st.sampled_from(PRIMITIVE + CONSTRUCTED), st.lists(st.binary(max_size=40000), max_size=3))
def test_encoding_equals_the_twin(tag: int, parts: list[bytes]) -> None:
    assert encode(tag, *parts) == encode_tlv(tag_bytes(tag), b"".join(parts))


@pytest.mark.parametrize("tag", [0, -1, 0x5F, 0x5301, 0x5F80, 0x5F1E, 0x100000000])
def test_what_is_no_tag_is_not_encoded(tag: int) -> None:
    with pytest.raises(ValueError, match="is not a tag"):
        encode(tag, b"")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("30800000", "indefinite length"),
        ("5303AABB", "ends too early"),
        ("5384FFFFFFFFAA", "ends too early"),
        ("53850000000001AA", "not a length"),
        ("0000", "not a tag"),
        ("3081", "ends too early"),
        ("30030402AA", "ends too early"),
    ],
)
def test_what_is_no_tlv_is_refused_with_its_reason(data: str, reason: str) -> None:
    with pytest.raises(TLVError) as caught:
        Index(bytes.fromhex(data))
    assert caught.value.reason == reason


def test_der_refuses_long_lengths_that_ber_takes() -> None:
    data = bytes.fromhex("048101AA")
    assert Index(data).first(0x04) == b"\xaa"
    with pytest.raises(TLVError) as caught:
        Index(data, der=True)
    assert caught.value.reason == "length is not the shortest form"
    assert caught.value.offset == 1


def test_piv_needs_to_be_told_where_to_descend() -> None:
    data = encode(0x53, encode(0x70, b"\x30\x00"), encode(0x71, b"\x00"), encode(0xFE, b""))
    index = Index(data, descend=[0x53], opaque=[0x70, 0x71])
    assert index.items(0x53) == [(0x70, b"\x30\x00"), (0x71, b"\x00"), (0xFE, b"")]
    assert index.items(0x53, 0x70) == []
    assert Index(data).optional(0x53, 0x70) is None
    with pytest.raises(TLVError):
        Index(data, descend=[0x53])


def test_padding_of_files_is_skipped_when_asked() -> None:
    data = encode(0x30, b"") + bytes(10) + encode(0x61, b"") + b"\xff" * 5
    assert [tag for tag, _ in Index(data, padding=True).items()] == [0x30, 0x61]
    with pytest.raises(TLVError):
        Index(data)


def test_what_is_missing_is_named() -> None:
    index = Index(encode(0x7F49, encode(0x81, b"n")))
    with pytest.raises(TLVMissingError) as caught:
        index.first(0x7F49, 0x86)
    assert caught.value.path == "7F49/86"
    with pytest.raises(TLVMissingError):
        index.items(0x53)
    assert index.optional(0x86) is None
    assert index.all(0x86) == []
    with pytest.raises(ValueError, match="at least one tag"):
        index.first()


def test_nesting_is_bounded() -> None:
    data = b""
    for _ in range(32):
        data = encode(0x30, data)
    Index(data)
    with pytest.raises(TLVError) as caught:
        Index(encode(0x30, encode(0x30, data)))
    assert caught.value.reason == "nested too deeply"


def test_many_small_objects_are_all_indexed() -> None:
    data = encode(0x80, b"") * 5000
    assert len(Index(data).items()) == 5000
    assert len(Index(data).all(0x80)) == 5000


def test_changing_the_buffer_afterwards_changes_nothing() -> None:
    buffer = bytearray(encode(0x53, b"abc"))
    index = Index(buffer)
    buffer[2] = 0
    assert index.first(0x53) == b"abc"
