"""BER as senders stream it, made such that a parser meets definite lengths and whole strings (X.690, 8.1.3.6 and 8.7.3).

asn1crypto reads such BER too, but in a time that grows with the square of the number of pieces; this takes one pass, and counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MAX_ELEMENTS: Final = 200_000
"""Elements of one message: 64 MiB in pieces of 1,000 octets, as is usual, are 67,000."""

MAX_DEPTH: Final = 32

MAX_IDENTIFIER: Final = 128
"""Octets of an object identifier, which asn1crypto reads in a time that grows with their square; none in use has 40."""

_CONTENT_DEPTH: Final = 4
"""How deep encryptedContent stands, with its implicit tag [0]: ContentInfo, [0], EnvelopedData, EncryptedContentInfo (RFC 5652)."""

_CONSTRUCTED: Final = 0x20
_LONG_TAG: Final = 0x1F
_INDEFINITE: Final = 0x80
_END: Final = b"\0\0"
_IDENTIFIER = 0x06
_OCTETS, _OCTETS_IN_PIECES = 0x04, 0x24
_CONTENT, _CONTENT_IN_PIECES = 0x80, 0xA0


@dataclass(slots=True)
class _Element:
    """A tag, and the pieces of its value one after another."""

    tag: int
    value: list[bytes]
    size: int

    def encoded(self) -> list[bytes]:
        return [_header(self.tag, self.size), *self.value]


def definite(data: bytes) -> bytes:
    """The same ContentInfo with definite lengths; OCTET STRINGs in pieces are put together, and so is encryptedContent.

    Raises:
        ValueError: not one element of BER, or one that :func:`require_bounded` refuses.
    """
    return b"".join(_read(data).encoded())


def require_bounded(data: bytes) -> None:
    """Raise unless a parser gets through all of an element of BER in a time that its length bounds.

    Raises:
        ValueError: too many elements, too deep, or an object identifier of too many octets.
    """
    _read(data)


def _read(data: bytes) -> _Element:
    element, end = _Reader(data).element(0, len(data), 0)
    if end != len(data):
        raise ValueError("something follows the element")
    return element


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._count = 0

    def element(self, at: int, end: int, depth: int) -> tuple[_Element, int]:
        """The element at a place, and where the next begins."""
        self._count += 1
        if self._count > MAX_ELEMENTS or depth > MAX_DEPTH:
            raise ValueError("too many elements, or too deep")
        tag, start, size = self._read_header(at, end)
        if not tag & _CONSTRUCTED:
            if size is None:
                raise ValueError("an indefinite length of a primitive element")
            if tag == _IDENTIFIER and size > MAX_IDENTIFIER:
                raise ValueError(f"an object identifier of {size} octets")
            return _Element(tag, [self._data[start : start + size]], size), start + size
        children, after = self._children(start, end if size is None else start + size, depth, open_ended=size is None)
        return _constructed(tag, children, depth), after

    def _children(self, at: int, end: int, depth: int, *, open_ended: bool) -> tuple[list[_Element], int]:
        children: list[_Element] = []
        while True:
            if open_ended and self._data[at : at + 2] == _END and at + 2 <= end:
                return children, at + 2
            if at == end and not open_ended:
                return children, at
            child, at = self.element(at, end, depth + 1)
            children.append(child)

    def _read_header(self, at: int, end: int) -> tuple[int, int, int | None]:
        """Tag, where the value begins, its size; None: indefinite."""
        if at + 2 > end:
            raise ValueError("cut off")
        tag, first = self._data[at], self._data[at + 1]
        if tag & _LONG_TAG == _LONG_TAG:
            raise ValueError("a tag of several octets")
        if first == _INDEFINITE:
            return tag, at + 2, None
        count = first & 0x7F if first & 0x80 else 0
        start = at + 2 + count
        size = int.from_bytes(self._data[at + 2 : start], "big") if count else first
        if count > 8 or start + size > end:
            raise ValueError("longer than what holds it")
        return tag, start, size


def _constructed(tag: int, children: list[_Element], depth: int) -> _Element:
    in_pieces = tag == _OCTETS_IN_PIECES or (tag == _CONTENT_IN_PIECES and depth == _CONTENT_DEPTH)
    if in_pieces and all(child.tag == _OCTETS for child in children):
        whole = _OCTETS if tag == _OCTETS_IN_PIECES else _CONTENT
        return _Element(whole, [piece for child in children for piece in child.value], sum(c.size for c in children))
    value = [piece for child in children for piece in child.encoded()]
    return _Element(tag, value, sum(map(len, value)))


def _header(tag: int, size: int) -> bytes:
    if size < 0x80:
        return bytes((tag, size))
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets
