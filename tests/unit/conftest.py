"""The stub PC/SC library, a fresh one for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pcsc_stub import Stub, compile_stub, fresh_stub


@pytest.fixture(scope="session")
def pcsc_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_stub(tmp_path_factory.mktemp("stub"))


@pytest.fixture
def stub(pcsc_library: Path, tmp_path: Path) -> Iterator[Stub]:
    with fresh_stub(pcsc_library, tmp_path) as stub:
        yield stub
