"""The module, a copy of it for each test; what was opened is closed at the end."""

from __future__ import annotations

import gc
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pkcs11_stub import SOURCE, Stub
from uzi_card import contents
from zorgid_card.adapters.pkcs11 import PKCS11Module, PKCS11Token
from zorgid_card.cards import TokenCard
from zorgid_card.cards.token import open_token_card
from zorgid_card.testkit.uzi_profile import Usage


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("stub") / "libpkcs11_stub.so"
    subprocess.run(["gcc", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", library, SOURCE], check=True)
    return library


@pytest.fixture
def stub(compiled: Path, tmp_path: Path) -> Iterator[Stub]:
    """A copy for each test: another file is another library, with variables of its own."""
    stub = Stub(Path(shutil.copy(compiled, tmp_path)))
    modulus = contents("Z").keys[Usage.AUTHENTICITY].public_key().public_numbers().n
    stub.fill("certificate", contents("Z").certificates[Usage.AUTHENTICITY])
    stub.fill("modulus", modulus.to_bytes(256, "big"))
    yield stub
    gc.collect()
    assert (stub["sessions"], stub["initialised"]) == (0, 0)


@pytest.fixture
def module(stub: Stub) -> Iterator[PKCS11Module]:
    with PKCS11Module(stub.path) as opened:
        yield opened


@pytest.fixture
def token(module: PKCS11Module) -> Iterator[PKCS11Token]:
    opened = module.open(0)
    yield opened
    opened.close()


@pytest.fixture
def card(token: PKCS11Token) -> TokenCard:
    return open_token_card(token)
