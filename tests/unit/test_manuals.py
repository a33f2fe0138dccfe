"""The manuals' pages: each screenshot that stands in one is there, and each that is there stands in one."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path("docs")


def test_each_picture_stands_in_a_page_and_each_page_has_its_pictures() -> None:
    shown = {name for page in DOCS.glob("*.md") for name in re.findall(r"images/([a-z0-9-]+\.png)", page.read_text())}
    assert shown == {path.name for path in (DOCS / "images").glob("*.png")}


def test_pictures_are_small() -> None:
    assert max(path.stat().st_size for path in (DOCS / "images").glob("*.png")) < 90_000
