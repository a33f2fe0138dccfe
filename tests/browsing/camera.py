"""The phone's camera, held before the screen: another reader (ZXing) finds the QR code in what is seen there."""

from __future__ import annotations

import base64

import zxingcpp
from playwright.sync_api import Page

# A blank page makes grey pixels of the picture: no image library is needed.
_GREY = """async (url) => {
  const image = new Image();
  image.src = url;
  await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height);
  const drawing = canvas.getContext("2d");
  drawing.drawImage(image, 0, 0);
  const { data } = drawing.getImageData(0, 0, image.width, image.height);
  let grey = "";
  for (let at = 0; at < data.length; at += 4) {
    grey += String.fromCharCode((data[at] + data[at + 1] + data[at + 2]) / 3);
  }
  return [image.width, image.height, btoa(grey)];
}"""


def scan(screen: Page) -> str:
    """What the one QR code on a screen says; the person scrolls until they see all of it."""
    screen.locator("img, svg").first.scroll_into_view_if_needed()
    picture = base64.b64encode(screen.screenshot()).decode()
    blank = screen.context.new_page()
    try:
        width, height, grey = blank.evaluate(_GREY, f"data:image/png;base64,{picture}")
    finally:
        blank.close()
    seen = memoryview(base64.b64decode(grey)).cast("B", (height, width))
    [found] = zxingcpp.read_barcodes(seen)
    return str(found.text)
