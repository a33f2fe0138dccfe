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


def parse_command(raw: bytes) -> tuple[bytes, int, bool]:
    """Data field, Ne and whether extended, as ISO/IEC 7816-3:2006, 12.1.3, tells the cases apart; else ValueError."""
    body = raw[4:]
    if len(raw) < 4:
        raise ValueError("header")
    if not body:
        return b"", 0, False
    if len(body) == 1:
        return b"", body[0] or 256, False
    if body[0] != 0:
        data, le = body[1 : 1 + body[0]], body[1 + body[0] :]
        if len(data) != body[0] or len(le) > 1:
            raise ValueError("length")
        return data, (le[0] or 256) if le else 0, False
    number = int.from_bytes(body[1:3], "big")
    if len(body) == 3:
        return b"", number or 65536, True
    data, le = body[3 : 3 + number], body[3 + number :]
    if len(body) < 3 or number == 0 or len(data) != number or len(le) not in (0, 2):
        raise ValueError("length")
    return data, (int.from_bytes(le, "big") or 65536) if le else 0, True


def parse_compact(data: bytes) -> list[tuple[int, bytes]]:
    """COMPACT-TLV (ISO/IEC 7816-4:2020, 12.1.1); ValueError where a value is cut short."""
    objects = []
    while data:
        size = data[0] & 0x0F
        if len(data) < 1 + size:
            raise ValueError("value")
        objects.append((data[0] >> 4, data[1 : 1 + size]))
        data = data[1 + size :]
    return objects


def parse_simple(data: bytes) -> list[tuple[int, bytes]]:
    """SIMPLE-TLV (ISO/IEC 7816-4:2020, 6.2); ValueError or IndexError for all else."""
    objects = []
    while data:
        if data[0] in (0x00, 0xFF):
            raise ValueError("tag")
        size, start = (data[1], 2) if data[1] != 0xFF else (data[2] << 8 | data[3], 4)
        if len(data) < start + size:
            raise ValueError("value")
        objects.append((data[0], data[start : start + size]))
        data = data[start + size :]
    return objects


def parse_atr(raw: bytes) -> tuple[set[int], list[tuple[str, int]], bytes, int | None]:
    """Protocols, named interface bytes, historical bytes and the third byte of the card capabilities."""
    if not 2 <= len(raw) <= 33 or raw[0] not in (0x3B, 0x3F):
        raise ValueError("TS")
    interface, protocols = [], []
    at, indicator, number = 2, raw[1] >> 4, 1
    while indicator:
        follows = False
        for bit, kind in enumerate("ABCD"):
            if indicator >> bit & 1:
                interface.append((f"T{kind}{number}", raw[at]))
                follows = kind == "D"
                at += 1
        if not follows:
            break
        protocols.append(raw[at - 1] & 0x0F)
        indicator, number = raw[at - 1] >> 4, number + 1
    historical, rest = raw[at : at + (raw[1] & 0x0F)], raw[at + (raw[1] & 0x0F) :]
    if len(historical) != raw[1] & 0x0F or len(rest) != int(any(protocols)):
        raise ValueError("length")
    total = 0
    for byte in raw[1:]:
        total ^= byte
    if rest and total != 0:
        raise ValueError("TCK")
    return set(protocols) - {15} or {0}, interface, historical, capabilities(historical)


def capabilities(historical: bytes) -> int | None:
    """The third byte of tag 7, of historical bytes whose first objects up to it are whole."""
    if historical[:1] == b"\x00" and len(historical) >= 4:
        objects = historical[1:-3]
    elif historical[:1] == b"\x80":
        objects = historical[1:]
    else:
        return None
    while objects:
        size = objects[0] & 0x0F
        value, cut = objects[1 : 1 + size], len(objects) < 1 + size
        if objects[0] >> 4 == 7 or cut:
            return value[2] if size == 3 and not cut and objects[0] >> 4 == 7 else None
        objects = objects[1 + size :]
    return None
