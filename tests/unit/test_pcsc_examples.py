"""The examples of docs/pcsc.md are programs that run."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import uzi_card
from readers_world import World, compile_library
from zorgid_card.adapters.pcsc import LIBRARY_VARIABLE, Held, forget_insertions

pytestmark = pytest.mark.skipif("sys.platform != 'linux'", reason="the stub is a libpcsclite")

DOCUMENT = Path(__file__).parents[2] / "docs" / "pcsc.md"
PASS = uzi_card.powered()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    (tmp_path / "world").mkdir()
    world = World(compile_library(tmp_path), tmp_path / "world")
    monkeypatch.setenv(LIBRARY_VARIABLE, world.path)
    world.serve(lambda reader, command: PASS.transmit(command))
    world.plug("Desk 1")
    yield world
    forget_insertions()
    assert world["contexts"] == world["cards"] == 0


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("readers", "Desk 1\n"),
        ("wait", "3082"),
        ("watch", f"Desk 1 card-inserted {PASS.atr.hex()}\n"),
        ("async", f"Desk 1 card-inserted {PASS.atr.hex()}\n"),
    ],
)
def test_an_example_of_the_page_runs(world: World, name: str, printed: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = re.search(rf"<!-- example: {name} -->\n```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert found is not None
    inserting = threading.Thread(target=lambda: world.put("Desk 1", Held.CARD, PASS.atr))
    inserting.start()
    exec(compile(found[1], str(DOCUMENT), "exec"), {"__name__": "example"})
    inserting.join()
    assert printed in capsys.readouterr().out
