"""PIN-7 over pcscd: what the C core carries by itself leaves no code behind either; the card is behind vpcd, in another process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hygiene_desk import CardSideProcess
from memory_scanner import in_files
from zorgid_card.testkit.card import VirtualCard

pytestmark = pytest.mark.blackbox


@pytest.mark.parametrize("way", ["prompt", "bytearray", "descriptor"])
def test_pin_7_no_code_is_left_behind_by_what_goes_over_pcscd(
    tmp_path: Path, insert: Callable[[VirtualCard], str], way: str
) -> None:
    side = CardSideProcess(tmp_path, way, reader="Virtual PCD 00 00")
    side.made_here()
    assert insert(side.blank) == "Virtual PCD 00 00"
    side.begin()
    for task in ("log_in", "sign traced", "wrong", "change_pin", "unblock", "change_puk"):
        side.run(task)
        found = side.left()
        assert not found, f"after {task}: {found}"
    assert side.left_in(side.end()) == [], "in the core"
    assert not in_files(side.directory, side.wanted())
