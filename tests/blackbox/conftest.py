"""A private pcscd with vpcd's virtual readers, into which the tests put simulated cards.

vpcd listens on all addresses, so pcscd is started only where the network is loopback alone and its directory is empty:
``make test-blackbox`` makes such a place (``unshare -n -m``). Whatever is missing, the tests are skipped and say why.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.vpcd import PORT, VPCDCard

RUN = Path("/run/pcscd")
READER_CONFIGURATION = Path("/etc/reader.conf.d/vpcd")
SLOTS = (0, 1)


def _missing() -> str | None:
    """Why pcscd cannot be started here; None if it can."""
    if os.geteuid() != 0:
        return "a private pcscd needs root"
    if shutil.which("pcscd", path="/usr/sbin:/usr/bin") is None:
        return "pcscd is not installed (Debian package pcscd)"
    if not READER_CONFIGURATION.exists():
        return "the virtual reader driver is not installed (Debian package vsmartcard-vpcd)"
    if {name for _, name in socket.if_nameindex()} != {"lo"}:
        return "vpcd listens on all addresses: run these tests by `make test-blackbox`, in a network of their own"
    if not RUN.is_dir() or any(RUN.iterdir()):
        return f"{RUN} is not an empty directory of our own: run these tests by `make test-blackbox`"
    return None


def _listening(port: int) -> bool:
    """Whether somebody listens on a TCP port, without connecting (that would be a card)."""
    wanted = f":{port:04X}"
    lines = [
        line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    return any(fields[1].endswith(wanted) and fields[3] == "0A" for fields in lines)


def _wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


class PCSCD:
    """A pcscd of our own with two empty virtual slots."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until its readers are there."""
        (RUN / "pcscd.comm").unlink(missing_ok=True)  # one that was killed leaves it behind
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(["/usr/sbin/pcscd", "--foreground"], stdout=output, stderr=output)
        ready = _wait_until(
            lambda: (RUN / "pcscd.comm").exists() and all(_listening(PORT + slot) for slot in SLOTS), 10
        )
        assert ready, f"pcscd did not come up: {self._log.read_text(errors='replace')}"

    def stop(self, *, kill: bool = False) -> None:
        """End it, in good order or at once."""
        if self._process is not None:
            (self._process.kill if kill else self._process.terminate)()
            self._process.wait(10)
            self._process = None


@pytest.fixture(scope="session")
def pcscd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PCSCD]:
    """A pcscd of our own with two empty virtual slots."""
    reason = _missing()
    if reason is not None:
        pytest.skip(reason)
    daemon = PCSCD(tmp_path_factory.mktemp("pcscd") / "log")
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.stop()


@pytest.fixture
def insert(pcscd: PCSCD) -> Iterator[Callable[[VirtualCard], str]]:
    """Puts a card into the next free slot (there are two) and gives the reader's name; it is taken out at the end."""
    served: list[VPCDCard] = []

    def put(card: VirtualCard) -> str:
        slot = len(served)
        assert slot in SLOTS, "vpcd has two slots"
        serving = VPCDCard(card, port=PORT + slot)
        serving.start()
        served.append(serving)
        assert _wait_until(lambda: card.powered, 10), "pcscd did not notice the card"
        return f"Virtual PCD 00 {slot:02X}"

    yield put
    for serving in served:
        serving.stop()
    if served:
        time.sleep(0.6)  # vpcd looks every 0.4 s; the next test must not meet this card
