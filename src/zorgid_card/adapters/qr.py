"""A QR code for a terminal, a page or a file, with segno (extra ``qr``): what a phone is to scan (ORG-5).

A code for linking holds a secret: what is made here is shown once, and kept nowhere.
"""

from __future__ import annotations

import io
from typing import Final

try:
    import segno
except ModuleNotFoundError as missing:
    advice = "segno is missing; install it: pip install 'zorgid-card[qr]'"
    raise ModuleNotFoundError(advice, name=missing.name) from missing

_BORDER: Final = 4  # modules of quiet zone (ISO/IEC 18004, 9.1)
_SCALE: Final = 8
_BLOCKS: Final = {(0, 0): "█", (0, 1): "▀", (1, 0): "▄", (1, 1): " "}


def _code(text: str) -> segno.QRCode:
    return segno.make_qr(text, error="m", boost_error=False)


def qr_lines(text: str) -> list[str]:
    """The code as lines of half blocks, two modules to a character, for light characters on a dark ground."""
    rows = [list(row) for row in _code(text).matrix_iter(border=_BORDER)]
    if len(rows) % 2:
        rows.append([1] * len(rows[0]))
    return [
        "".join(_BLOCKS[min(upper, 1), min(lower, 1)] for upper, lower in zip(above, below, strict=True))
        for above, below in zip(rows[::2], rows[1::2], strict=True)
    ]


def qr_svg(text: str) -> bytes:
    """The code as an SVG document; it needs no script and no style, and stands in a page as an image or as it is."""
    return _saved(text, "svg")


def qr_png(text: str) -> bytes:
    """The code as a PNG, 8 pixels a module."""
    return _saved(text, "png")


def _saved(text: str, kind: str) -> bytes:
    out = io.BytesIO()
    _code(text).save(out, kind=kind, scale=_SCALE, border=_BORDER)
    return out.getvalue()
