"""The QR code as a camera sees it: another reader (ZXing) finds its text in terminal, SVG and PNG (ORG-5)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import pytest

import qr_reader
from qr_reader import Pixels, enlarged
from zorgid_card.adapters.qr import qr_lines, qr_png, qr_svg

TEXT = "https://portaal.zorgid.example/phone#1." + ".".join(("A" * 43, "B" * 22, "C" * 22))


def of_lines(text: str) -> Pixels:
    """A terminal: a block is light."""
    halves = {"█": (255, 255), "▀": (255, 0), "▄": (0, 255), " ": (0, 0)}
    rows: Pixels = []
    for line in qr_lines(text):
        pairs = [halves[character] for character in line]
        rows += [[upper for upper, _ in pairs], [lower for _, lower in pairs]]
    return enlarged(rows)


def of_png(text: str) -> Pixels:
    """PNG, 1 bit a pixel, greyscale, rows as they are (filter 0) or less those above (filter 2)."""
    octets, at, data = qr_png(text), 8, b""
    assert octets.startswith(b"\x89PNG\r\n\x1a\n")
    while at < len(octets):
        length, kind = struct.unpack(">I4s", octets[at : at + 8])
        if kind == b"IHDR":
            width, height, depth, colours = struct.unpack(">IIBB", octets[at + 8 : at + 18])
        if kind == b"IDAT":
            data += octets[at + 8 : at + 8 + length]
        at += length + 12
    assert (depth, colours) == (1, 0)
    raw, stride = zlib.decompress(data), (width + 7) // 8 + 1
    rows: list[bytes] = [bytes(stride)]
    for start in range(0, height * stride, stride):
        row = raw[start : start + stride]
        above = {0: bytes(stride), 2: rows[-1]}[row[0]]
        rows.append(bytes((one + other) & 0xFF for one, other in zip(row, above, strict=True)))
    return [[255 if row[1 + x // 8] >> (7 - x % 8) & 1 else 0 for x in range(width)] for row in rows[1:]]


def of_svg(text: str) -> Pixels:
    return qr_reader.of_svg(qr_svg(text).decode())


@pytest.mark.parametrize("drawn", [of_lines, of_png, of_svg], ids=["terminal", "png", "svg"])
def test_org_5_another_reader_finds_the_text(drawn: Callable[[str], Pixels]) -> None:
    assert qr_reader.read(drawn(TEXT)) == TEXT


def test_org_5_the_code_has_its_quiet_zone_and_fits_a_terminal() -> None:
    lines = qr_lines(TEXT)
    assert all(len(line) <= 76 for line in lines), "fits 80 columns with its indentation"
    assert all(line.startswith("█" * 4) and line.endswith("█" * 4) for line in lines[:-1])
    assert set(lines[0] + lines[1]) == {"█"}
