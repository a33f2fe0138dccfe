"""What many files need and takes long to make: libraries compiled once, one PostgreSQL server, a registry on either database."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pcsc_stub import Stub, compile_stub, fresh_stub

if TYPE_CHECKING:
    from postgres import Server
    from zorgid_card.adapters.sql import SQLRegistry


@pytest.fixture(scope="session")
def pcsc_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_stub(tmp_path_factory.mktemp("stub"))


@pytest.fixture
def stub(pcsc_library: Path, tmp_path: Path) -> Iterator[Stub]:
    with fresh_stub(pcsc_library, tmp_path) as stub:
        yield stub


@pytest.fixture(scope="session")
def readers_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PC/SC library for a ``readers_world.World``."""
    from readers_world import compile_library

    return compile_library(tmp_path_factory.mktemp("readers"))


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server; each test takes a database of its own, or ``registry``."""
    from postgres import running

    with running() as server:
        yield server


@pytest.fixture(scope="session")
def registry_on_postgres(server: Server) -> Iterator[SQLRegistry]:
    made = server.registry()
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SQLRegistry]:
    """An empty registry, on one database and on the other."""
    from registry_world import emptied, in_file

    sqlite = request.param == "sqlite"
    with in_file(tmp_path) if sqlite else emptied(request.getfixturevalue("registry_on_postgres")) as made:
        yield made


@pytest.fixture
def quick_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Portals made in this process get the keys of their CA, and of simulated passes, from the process's pool; passphrases are
    stretched little. For tests that make a whole portal each and compare it with no other.
    """
    from zorgid_card.adapters import keystore
    from zorgid_card.pki import _keyfile, authority
    from zorgid_card.testkit.keys import KeyPool

    numbers = itertools.count(1)
    monkeypatch.setattr(authority, "_new_key", lambda: KeyPool.shared().key(f"CA {next(numbers)}", authority.CA_BITS))
    monkeypatch.setattr("zorgid_card.cli.demo.world.KeyPool", KeyPool.shared)
    monkeypatch.setattr(_keyfile, "ROUNDS", 1000)
    monkeypatch.setitem(keystore._SCRYPT, "n", 2**10)
