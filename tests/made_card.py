"""A ZORG-ID Smartcard made by the library in a virtual reader of pcscd, for other people's programs to use."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from world import World
from zorgid_card import find_reader, open_card
from zorgid_card.adapters.pcsc import PCSCChannel, readers
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.vpcd import VPCDCard
from zorgid_card.workflows.creation import Made
from zorgid_card.workflows.policy import CreationPolicy

FIRST = "Virtual PCD 00 00"
SECONDS = 60
MODULES = ("/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so", "/usr/lib/opensc-pkcs11.so")


class VirtualSlot:
    """A virtual reader of pcscd: cards are moved through vpcd, and seen through PC/SC."""

    def __init__(self) -> None:
        (self._reader,) = (reader for reader in readers() if reader.name.endswith("00 00"))
        self._serving: VPCDCard | None = None
        self.card: VirtualCard | None = None

    @property
    def name(self) -> str:
        return self._reader.name

    def connect(self, *, exclusive: bool = False, timeout: float = 0) -> PCSCChannel:
        return self._reader.connect(exclusive=exclusive, timeout=timeout)

    def wait(self, *, present: bool, timeout: float | None = None) -> None:
        self._reader.wait(present=present, timeout=10)

    def insert(self, card: VirtualCard) -> None:
        self.remove()
        self._serving, self.card = VPCDCard(card), card
        self._serving.start()
        self._reader.wait(present=True, timeout=10)

    def remove(self) -> VirtualCard | None:
        card, self.card = self.card, None
        if self._serving is not None:
            self._serving.stop()
            self._serving = None
            self._reader.wait(present=False, timeout=10)
        return card


@dataclass(frozen=True)
class MadeCard:
    """The card in the reader, the portal that made it, and its certificate as DER in ``certificate``."""

    world: World
    made: Made
    slot: VirtualSlot
    algorithm: str
    directory: Path

    @property
    def certificate(self) -> Path:
        return self.directory / "certificate.der"

    @property
    def authority(self) -> Path:
        """The root and the issuing CA of the portal, PEM."""
        return self.directory / "authority.pem"


@contextmanager
def made_card(algorithm: str, directory: Path) -> Iterator[MadeCard]:
    """A card is made, and taken out of the reader at the end."""
    slot = VirtualSlot()
    now = datetime.now(UTC).replace(microsecond=0)
    world = World(directory, creation=CreationPolicy(key_algorithm=algorithm), reader=slot, now=now)
    world.validated()
    case = MadeCard(world, world.create(world.worker()), slot, algorithm, directory)
    case.certificate.write_bytes(case.made.certificate)
    case.authority.write_bytes(b"".join(pem(der) for der in world.authority.chain))
    yield case
    slot.remove()
    time.sleep(0.6)  # vpcd looks every 0.4 s; the next card must not meet this one


def pem(certificate: bytes) -> bytes:
    """A certificate in the form that OpenSSL asks for."""
    return x509.load_der_x509_certificate(certificate).public_bytes(Encoding.PEM)


def need(*programs: str) -> None:
    """Skips the test, and says so, where a program is not installed."""
    for program in programs:
        if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin") is None:
            pytest.skip(f"{program} is not installed")


def opensc_module() -> str:
    """OpenSC's PKCS#11 module."""
    found = next((path for path in MODULES if Path(path).exists()), None)
    if found is None:
        pytest.skip("opensc-pkcs11.so is not installed (Debian package opensc-pkcs11)")
    return found


def run(
    *command: str | Path,
    env: Mapping[str, str] | None = None,
    fails: bool = False,
    given: str = "",
) -> str:
    """Everything that a program prints; its exit status must be as expected."""
    need(str(command[0]))
    done = subprocess.run(
        [*map(str, command)],
        input=given.encode(),
        capture_output=True,
        timeout=SECONDS,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})},
    )
    output = (done.stdout + done.stderr).decode(errors="replace")
    assert (done.returncode != 0) is fails, f"{command}: exit status {done.returncode}\n{output}"
    return output


def wait_for(log: Path, text: str) -> None:
    """Waits until a program has logged something; ten seconds at most."""
    for _ in range(200):
        if text in log.read_text(errors="replace"):
            return
        time.sleep(0.05)
    raise AssertionError(f"no {text!r} in {log}: {log.read_text(errors='replace')}")


def wait_for_card() -> None:
    """Waits until PC/SC tells of the card in the first reader: some time after it was powered for the first time."""
    find_reader(FIRST).wait(present=True, timeout=10)


def tries_left() -> tuple[int | None, int | None]:
    """Tries left of the PIN and of the PUK of the card in the first reader, as it tells through PC/SC."""
    with open_card(find_reader(FIRST)) as card:
        return card.tries().left, card.puk_tries().left
