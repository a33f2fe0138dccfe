"""Screenshots for the manuals, docs/images: written by ``make screenshots`` alone, and only where a page has changed to the eye."""

from __future__ import annotations

import base64
import os
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Locator, Page

IMAGES: Final = Path(__file__).parents[2] / "docs" / "images"
_ASKED: Final = "ZORGID_SCREENSHOTS"
_COVER: Final = "#d8dee6"
_TERMINAL: Final = "body { margin: 0; background: #1c2733 } pre { margin: 1rem; color: #f4f6f8; font-size: 15px }"
_PIXELS: Final = """
const pixels = async (png) => {
  const image = new Image();
  image.src = `data:image/png;base64,${png}`;
  await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height);
  const drawing = canvas.getContext("2d");
  drawing.drawImage(image, 0, 0);
  return drawing.getImageData(0, 0, image.width, image.height);
};
"""
# What a letter's edge may differ by, and how many pixels may: times and numbers are covered, other letters are seen.
_DIFFER: Final = f"""async ([before, after]) => {{ {_PIXELS}
  const [one, other] = [await pixels(before), await pixels(after)];
  if (one.width !== other.width || one.height !== other.height) return true;
  let different = 0;
  for (let at = 0; at < one.data.length; at += 4) {{
    const by = [0, 1, 2].map((channel) => Math.abs(one.data[at + channel] - other.data[at + channel]));
    if (Math.max(...by) > 48) different += 1;
  }}
  return different > 12;
}}"""
# Text on a ground has few colours: with 4 bits of each channel no more than a byte tells.
_FEW_COLOURS: Final = f"""async (png) => {{ {_PIXELS}
  const {{ width, height, data }} = await pixels(png);
  for (const bits of [8, 7, 6, 5, 4]) {{
    const [colours, step] = [new Map(), 1 << (8 - bits)];
    let rows = "";
    for (let at = 0; at < data.length && colours.size <= 256; at += 4) {{
      const [red, green, blue] = [0, 1, 2].map((channel) => Math.min(255, Math.round(data[at + channel] / step) * step));
      const colour = (red << 16) | (green << 8) | blue;
      if (!colours.has(colour)) colours.set(colour, colours.size);
      rows += String.fromCharCode(colours.get(colour) & 255);
    }}
    if (colours.size <= 256) return {{ width, height, colours: [...colours.keys()], rows: btoa(rows) }};
  }}
  return null;
}}"""


def wanted() -> bool:
    """Whether this run is to write screenshots."""
    return bool(os.environ.get(_ASKED))


def take_terminal(page: Page, name: str, text: str) -> None:
    """The same of what stood in a terminal.

    Args:
        page: of the same person.
        name: as for :func:`take`.
        text: without colours.
    """
    blank = page.context.new_page()
    try:
        blank.set_viewport_size({"width": 660, "height": 100})
        blank.set_content(f"<style>{_TERMINAL}</style><pre></pre>")
        blank.locator("pre").evaluate(
            "(element, text) => { element.textContent = text; }", text.replace("\r", "").strip()
        )
        take(blank, name)
    finally:
        blank.close()


def take(page: Page, name: str, *, hidden: Sequence[Locator] = ()) -> None:
    """Write ``docs/images/NAME.png``, if screenshots are wanted; if not, it is to be there.

    Args:
        page: as it is now.
        name: the file's, without ending.
        hidden: what differs from run to run, such as a QR code or a time: covered.
    """
    path = IMAGES / f"{name}.png"
    if not wanted():
        assert path.exists(), f"{path} is not there: make screenshots"
        return
    taken = page.screenshot(
        full_page=True, animations="disabled", caret="hide", scale="css", mask=list(hidden), mask_color=_COVER
    )
    blank = page.context.new_page()
    try:
        if not path.exists() or blank.evaluate(_DIFFER, [_text(path.read_bytes()), _text(taken)]):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_smaller(taken, blank.evaluate(_FEW_COLOURS, _text(taken))))
    finally:
        blank.close()


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def _smaller(taken: bytes, found: dict[str, Any] | None) -> bytes:
    """The same with a palette (PNG, colour type 3), where its colours are few enough."""
    if found is None:
        return taken
    width, height = found["width"], found["height"]
    pixels = base64.b64decode(found["rows"])
    rows = b"".join(b"\0" + pixels[at : at + width] for at in range(0, len(pixels), width))
    palette = b"".join(colour.to_bytes(3, "big") for colour in found["colours"])
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", palette),
        (b"IDAT", zlib.compress(rows, 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
