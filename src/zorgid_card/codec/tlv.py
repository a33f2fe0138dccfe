"""BER-TLV and DER (ISO/IEC 7816-4:2020, 6.3; X.690): an index made in C in one pass, looked up lazily.

Tags are written as their bytes read as one number: ``0x53``, ``0x7F49``, ``0x5FC105``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from zorgid_card._native import ffi, lib, octets, reason
from zorgid_card.errors import TLVError, TLVMissingError
from zorgid_card.ports.card import Octets


def encode(tag: int, *parts: Octets) -> bytes:
    """One data object with the shortest definite length; its value is ``parts`` one after another.

    Raises:
        ValueError: ``tag`` is not a tag field of one to four bytes.
    """
    value = b"".join(parts)
    out, length = ffi.new("uint8_t[]", lib.ZC_TLV_HEADER_MAX), ffi.new("size_t *")
    if not 0 < tag <= 0xFFFFFFFF or lib.zc_tlv_header(tag, len(value), out, length) != lib.ZC_OK:
        raise ValueError(f"{tag:X} is not a tag")
    return bytes(ffi.buffer(out, length[0])) + value


class Index:
    """All data objects of some bytes.

    Constructed objects are entered by themselves. What the encoding does not tell the caller must (PIV's 53
    is primitive and holds data objects; its 71 is constructed and holds a raw byte).

    Args:
        data: the bytes; they are kept, and copied only if they could change.
        der: refuse lengths that are not the shortest possible (X.690, 10.1).
        descend: primitive tags to enter.
        opaque: constructed tags not to enter.
        padding: skip bytes 00 and FF between the objects of the top level, as unused bytes of a card's files
            (ISO/IEC 7816-4).

    Raises:
        TLVError: with ``reason`` and ``offset``.
    """

    __slots__ = ("_count", "_data", "_nodes")

    def __init__(
        self,
        data: Octets,
        *,
        der: bool = False,
        descend: Collection[int] = (),
        opaque: Collection[int] = (),
        padding: bool = False,
    ) -> None:
        self._data = bytes(data)
        flags = (lib.ZC_TLV_DER if der else 0) | (lib.ZC_TLV_PADDING if padding else 0)
        entered = ffi.new("uint32_t[]", list(descend))
        closed = ffi.new("uint32_t[]", list(opaque))
        rules = ffi.new("zc_tlv_rules *", (entered, closed, len(descend), len(opaque), flags))
        self._nodes, self._count = _index(self._data, rules)

    def _find(self, path: tuple[int, ...], start: int = 0) -> int | None:
        if not path:
            raise ValueError("a path has at least one tag")
        found = ffi.new("size_t *")
        status = lib.zc_tlv_find(self._nodes, self._count, path, len(path), start, found)
        return int(found[0]) if status == lib.ZC_OK else None

    def _require(self, path: tuple[int, ...]) -> int:
        found = self._find(path)
        if found is None:
            shown = "/".join(f"{tag:02X}" for tag in path)
            raise TLVMissingError(f"no data object {shown}", reason=reason(lib.ZC_E_MISSING), path=shown)
        return found

    def _value(self, node: Any) -> bytes:
        return self._data[node.value : node.value + node.length]

    def first(self, *path: int) -> bytes:
        """The value of the first object whose tags from the top level down are ``path``.

        Raises:
            TLVMissingError: there is none; ``path`` names the tags.
        """
        return self._value(self._nodes[self._require(path)])

    def optional(self, *path: int) -> bytes | None:
        """The value of the first object at ``path``, or None."""
        found = self._find(path)
        return None if found is None else self._value(self._nodes[found])

    def all(self, *path: int) -> list[bytes]:
        """The values of all objects at ``path``, in order."""
        values = []
        found = self._find(path)
        while found is not None:
            values.append(self._value(self._nodes[found]))
            found = self._find(path, found + 1)
        return values

    def items(self, *path: int) -> list[tuple[int, bytes]]:
        """Tag and value of each child of the first object at ``path``; without a path, of the top level.

        Raises:
            TLVMissingError: there is no object at ``path``.
        """
        if not path:
            return list(self._siblings(0))
        parent = self._require(path)
        child = parent + 1
        if child < self._count and self._nodes[child].parent == parent:
            return list(self._siblings(child))
        return []

    def _siblings(self, index: int) -> Iterator[tuple[int, bytes]]:
        while index < self._count:
            node = self._nodes[index]
            yield int(node.tag), self._value(node)
            index = node.next


def _index(data: bytes, rules: Any) -> tuple[Any, int]:
    """The packed nodes and their number; asked again when the first guess was too small."""
    count, offset = ffi.new("size_t *"), ffi.new("size_t *")
    capacity = 16 + len(data) // 16
    while True:
        nodes = ffi.new("zc_tlv_node[]", capacity)
        status = lib.zc_tlv_index(octets(data), len(data), rules, nodes, capacity, count, offset)
        if status == lib.ZC_OK:
            return nodes, count[0]
        if status != lib.ZC_E_CAPACITY:
            why = reason(status)
            raise TLVError(f"TLV: {why} at offset {offset[0]}", reason=why, offset=offset[0])
        capacity = count[0]
