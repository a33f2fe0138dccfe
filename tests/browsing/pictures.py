"""Screenshots for the manuals, docs/images: written by ``make screenshots`` alone, and only where a page has changed to the eye."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from playwright.sync_api import Locator, Page

IMAGES: Final = Path(__file__).parents[2] / "docs" / "images"
_ASKED: Final = "ZORGID_SCREENSHOTS"
_COVER: Final = "#d8dee6"
# What a glyph's edge may differ by, and how many pixels may: times and numbers are covered, letters are not.
_DIFFERENT: Final = """async ([before, after]) => {
  const pixels = async (url) => {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = new OffscreenCanvas(image.width, image.height);
    const drawing = canvas.getContext("2d");
    drawing.drawImage(image, 0, 0);
    return drawing.getImageData(0, 0, image.width, image.height);
  };
  const [one, other] = [await pixels(before), await pixels(after)];
  if (one.width !== other.width || one.height !== other.height) return true;
  let different = 0;
  for (let at = 0; at < one.data.length; at += 4) {
    const by = [0, 1, 2].map((channel) => Math.abs(one.data[at + channel] - other.data[at + channel]));
    if (Math.max(...by) > 48) different += 1;
  }
  return different > 12;
}"""


def wanted() -> bool:
    """Whether this run is to write screenshots."""
    return bool(os.environ.get(_ASKED))


def take(page: Page, name: str, *, hidden: Sequence[Locator] = (), whole: bool = True) -> None:
    """Write ``docs/images/NAME.png``, if screenshots are wanted; if not, it is to be there.

    Args:
        page: as it is now.
        name: the file's, without ending.
        hidden: what differs from run to run, such as a QR code or a time: covered.
        whole: the whole page; else what the window shows.
    """
    path = IMAGES / f"{name}.png"
    if not wanted():
        assert path.exists(), f"{path} is not there: make screenshots"
        return
    taken = page.screenshot(
        full_page=whole, animations="disabled", caret="hide", scale="css", mask=list(hidden), mask_color=_COVER
    )
    if path.exists() and not _differ(page, path.read_bytes(), taken):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(taken)


def _differ(page: Page, before: bytes, after: bytes) -> bool:
    blank = page.context.new_page()
    try:
        urls = [f"data:image/png;base64,{base64.b64encode(png).decode()}" for png in (before, after)]
        different: bool = blank.evaluate(_DIFFERENT, urls)
        return different
    finally:
        blank.close()
