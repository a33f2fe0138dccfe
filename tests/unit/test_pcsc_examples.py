"""The examples of docs/pcsc.md, and the README's for a desk, are programs that run."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import uzi_card
from readers_world import World
from zorgid_card.adapters.pcsc import LIBRARY_VARIABLE, Held, forget_insertions

pytestmark = pytest.mark.skipif("sys.platform != 'linux'", reason="the stub is a libpcsclite")

ROOT = Path(__file__).parents[2]
PASS = uzi_card.powered()


@pytest.fixture
def world(readers_library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    (tmp_path / "world").mkdir()
    world = World(readers_library, tmp_path / "world")
    monkeypatch.setenv(LIBRARY_VARIABLE, world.path)
    world.serve(lambda reader, command: PASS.transmit(command))
    world.plug("Desk 1")
    yield world
    forget_insertions()
    assert world["contexts"] == world["cards"] == 0


@pytest.mark.parametrize(
    ("page", "name", "printed"),
    [
        ("docs/pcsc.md", "readers", "Desk 1\n"),
        ("docs/pcsc.md", "wait", "3082"),
        ("docs/pcsc.md", "watch", f"Desk 1 card-inserted {PASS.atr.hex()}\n"),
        ("docs/pcsc.md", "async", f"Desk 1 card-inserted {PASS.atr.hex()}\n"),
        ("README.md", "desk", "Put your pass into Desk 1\nJan de Vries in Desk 1\n"),
    ],
)
def test_an_example_runs(world: World, page: str, name: str, printed: str, capsys: pytest.CaptureFixture[str]) -> None:
    document = ROOT / page
    found = re.search(rf"<!-- example: {name} -->\n```python\n(.*?)```", document.read_text(), re.DOTALL)
    assert found is not None
    inserting = threading.Thread(target=lambda: world.put("Desk 1", Held.CARD, PASS.atr))
    inserting.start()
    exec(compile(found[1], str(document), "exec"), {"__name__": "example"})
    inserting.join()
    assert printed in capsys.readouterr().out
