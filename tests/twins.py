"""Plain Python twins of what the C core does, written for being obviously right: the tests compare the
two.
"""

from __future__ import annotations


def encode_command(header: bytes, data: bytes, ne: int, *, extended: bool) -> bytes:
    """ISO/IEC 7816-3:2006, 12.1.3, read off its figures."""
    if extended or len(data) > 255 or ne > 256:
        lc = b"\x00" + len(data).to_bytes(2, "big") if data else b""
        le = (ne % 65536).to_bytes(2, "big") if ne else b""
        return header + lc + data + (b"\x00" if le and not lc else b"") + le
    lc = bytes([len(data)]) if data else b""
    return header + lc + data + (bytes([ne % 256]) if ne else b"")


def encode_tlv(tag: bytes, value: bytes) -> bytes:
    """X.690, 8.1 and 10.1."""
    size = len(value)
    if size < 0x80:
        return tag + bytes([size]) + value
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return tag + bytes([0x80 | len(octets)]) + octets + value


Tree = list[tuple[int, "bytes | Tree"]]


def parse_tlv(data: bytes) -> Tree:
    """Definite lengths only; raises ValueError or IndexError for all else."""
    tree: Tree = []
    at = 0
    while at < len(data):
        start = at
        first = data[at]
        at += 1
        if first == 0:
            raise ValueError("tag")
        if first & 0x1F == 0x1F:
            if data[at] < 0x1F or data[at] == 0x80:
                raise ValueError("tag")
            while data[at] & 0x80:
                at += 1
            at += 1
        if at - start > 4:
            raise ValueError("tag")
        tag = int.from_bytes(data[start:at], "big")
        size = data[at]
        at += 1
        if size >= 0x80:
            count = size - 0x80
            if not 1 <= count <= 4 or at + count > len(data):
                raise ValueError("length")
            size = int.from_bytes(data[at : at + count], "big")
            at += count
        if at + size > len(data):
            raise ValueError("length")
        value = data[at : at + size]
        tree.append((tag, parse_tlv(value) if first & 0x20 else value))
        at += size
    return tree
