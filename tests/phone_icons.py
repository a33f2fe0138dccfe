"""Draws the icons of the phone's page, from one list of shapes: ``python tests/phone_icons.py`` writes them anew."""

from __future__ import annotations

import math
import struct
import zlib
from itertools import pairwise
from pathlib import Path

PLACE = Path(__file__).parents[1] / "src/zorgid_card/web/static/phone"
SIZES = (192, 512)
SIDE = 64
"""Of the drawing, in its own units; what matters lies within four fifths of it, which every mask leaves (W3C Manifest, masks)."""

GROUND, PAPER, SIGN = (0x0B, 0x4F, 0x6C), (0xFF, 0xFF, 0xFF), (0xF2, 0xC1, 0x4E)
BOXES = ((21, 12, 22, 40, 4, PAPER), (24, 17, 16, 28, 1, GROUND))
"""x, y, width, height, radius, colour: the phone, and its screen."""
TICK = ((27, 31), (31, 35.5), (37.5, 26))
WIDTH = 3.2


def svg() -> str:
    """The drawing as SVG."""
    boxes = "".join(
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="{radius}" fill="{_hex(colour)}"/>'
        for x, y, width, height, radius, colour in BOXES
    )
    line = " ".join(f"{x},{y}" for x, y in TICK)
    round_ends = 'stroke-linecap="round" stroke-linejoin="round"'
    tick = f'<polyline points="{line}" fill="none" stroke="{_hex(SIGN)}" stroke-width="{WIDTH}" {round_ends}/>'
    ground = f'<rect width="{SIDE}" height="{SIDE}" fill="{_hex(GROUND)}"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE} {SIDE}">{ground}{boxes}{tick}</svg>\n'


def png(size: int) -> bytes:
    """The drawing as PNG (ISO/IEC 15948), truecolour, 8 bits."""
    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    rows = b"".join(b"\0" + row(size, number) for number in range(size))
    return (
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows, 9)) + _chunk(b"IEND", b"")
    )


def row(size: int, number: int) -> bytes:
    """One row, three octets a pixel; edges are smooth by how far each pixel's middle is from them."""
    scale = SIDE / size
    y = (number + 0.5) * scale
    return bytes(part for step in range(size) for part in _colour((step + 0.5) * scale, y, scale))


def _colour(x: float, y: float, pixel: float) -> tuple[int, ...]:
    colour = GROUND
    for left, top, width, height, radius, fill in BOXES:
        colour = _mixed(colour, fill, _box(x, y, left, top, width, height, radius) / pixel)
    distance = min(_segment(x, y, *begin, *end) for begin, end in pairwise(TICK))
    return _mixed(colour, SIGN, (distance - WIDTH / 2) / pixel)


def _box(x: float, y: float, left: float, top: float, width: float, height: float, radius: float) -> float:
    """How far a point is outside a box with round corners."""
    across = abs(x - left - width / 2) - width / 2 + radius
    down = abs(y - top - height / 2) - height / 2 + radius
    return math.hypot(max(across, 0), max(down, 0)) + min(max(across, down), 0) - radius


def _segment(x: float, y: float, x1: float, y1: float, x2: float, y2: float) -> float:
    """How far a point is from a line between two."""
    along = ((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / ((x2 - x1) ** 2 + (y2 - y1) ** 2)
    share = min(max(along, 0), 1)
    return math.hypot(x - x1 - share * (x2 - x1), y - y1 - share * (y2 - y1))


def _mixed(under: tuple[int, ...], over: tuple[int, ...], outside: float) -> tuple[int, ...]:
    share = min(max(0.5 - outside, 0), 1)
    return tuple(round(below + (above - below) * share) for below, above in zip(under, over, strict=True))


def _hex(colour: tuple[int, ...]) -> str:
    return "#" + bytes(colour).hex()


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


if __name__ == "__main__":
    (PLACE / "icon.svg").write_text(svg())
    for side in SIZES:
        (PLACE / f"icon-{side}.png").write_bytes(png(side))
