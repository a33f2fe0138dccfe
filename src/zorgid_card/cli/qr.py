"""A QR code in the terminal, two modules to a character, and as a file."""

from __future__ import annotations

from pathlib import Path

import segno

from zorgid_card.errors import StorageError

_BORDER = 4
_BLOCKS = {(0, 0): "█", (0, 1): "▀", (1, 0): "▄", (1, 1): " "}


def _code(text: str) -> segno.QRCode:
    return segno.make_qr(text, error="m", boost_error=False)


def lines(text: str) -> list[str]:
    """The code as lines of half blocks, for light characters on a dark ground, with its quiet zone (ISO/IEC 18004, 9.1)."""
    rows = [list(row) for row in _code(text).matrix_iter(border=_BORDER)]
    if len(rows) % 2:
        rows.append([1] * len(rows[0]))
    return [
        "".join(_BLOCKS[min(upper, 1), min(lower, 1)] for upper, lower in zip(above, below, strict=True))
        for above, below in zip(rows[::2], rows[1::2], strict=True)
    ]


def save(text: str, path: Path) -> None:
    """Write the code as SVG or PNG, by the name's ending.

    Raises:
        StorageError: the file cannot be written.
    """
    try:
        _code(text).save(str(path), scale=8, border=_BORDER)
    except OSError as error:
        raise StorageError(f"{path} cannot be written", reason=str(error.strerror), path=str(path)) from error
