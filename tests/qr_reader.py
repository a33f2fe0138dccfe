"""A camera for QR codes in tests: another reader (ZXing) finds what is in them."""

from __future__ import annotations

import re
from collections.abc import Iterable

import zxingcpp

Pixels = list[list[int]]  # 0 dark, 255 light


def read(rows: Pixels) -> str:
    """What the one QR code in a picture says."""
    image = memoryview(bytes(pixel for row in rows for pixel in row)).cast("B", shape=[len(rows), len(rows[0])])
    [found] = zxingcpp.read_barcodes(image)
    assert found.format == zxingcpp.BarcodeFormat.QRCode
    return str(found.text)


def of_svg(document: str) -> Pixels:
    """The one path of strokes: a stroke is dark."""
    [size] = {int(value) for value in re.findall(r'(?:width|height)="(\d+)"', document)}
    [path] = re.findall(r' d="([^"]+)"', document)
    rows = [[255] * (size // 8) for _ in range(size // 8)]
    x, y = 0.0, 0.0
    for letter, numbers in re.findall(r"([Mmh])([-\d. ]+)", path):
        values = [float(value) for value in numbers.split()]
        if letter == "h":
            for column in range(int(x), int(x + values[0])):
                rows[int(y)][column] = 0
            x += values[0]
        else:
            x, y = (values[0], values[1]) if letter == "M" else (x + values[0], y + values[1])
    return enlarged(rows)


def enlarged(rows: Iterable[list[int]]) -> Pixels:
    """Four pixels for each, as a reader wants them."""
    return [[pixel for pixel in row for _ in range(4)] for row in rows for _ in range(4)]
