"""A pcscd of one's own, with vpcd's virtual readers, for tests that go the whole way (Linux, root).

vpcd listens on all addresses and pcscd has one directory, so both are only started where they are alone: in a network that
is loopback only, and with ``/run/pcscd`` empty. Such a place is made by::

    mkdir -p /run/pcscd
    unshare -n -m bash -c 'ip link set lo up && mount -t tmpfs none /run/pcscd && exec pytest …'
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from zorgid_card.errors import PCSCUnavailableError
from zorgid_card.testkit.vpcd import PORT, VPCDSlot

RUN: Final = Path("/run/pcscd")
SLOTS_LIMIT: Final = 32
"""pcscd takes 16 readers, and each of vpcd's has two slots."""

_DAEMON = "/usr/sbin/pcscd"
_DRIVERS = ("/usr/lib/pcsc/drivers/serial/libifdvpcd.so", "/usr/lib64/pcsc/drivers/serial/libifdvpcd.so")
_SECONDS: Final = 10.0
_READER = """FRIENDLYNAME "{name}"
DEVICENAME /dev/null:0x{port:04X}
LIBPATH {driver}
CHANNELID 0x{port:04X}
"""


def why_not() -> str | None:
    """Why a private pcscd cannot run here, in one sentence; None if it can."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "a private pcscd needs Linux and root"
    if not Path(_DAEMON).exists():
        return "pcscd is not installed (Debian package pcscd)"
    if _driver() is None:
        return "the virtual reader driver is not installed (Debian package vsmartcard-vpcd)"
    if {name for _, name in socket.if_nameindex()} != {"lo"}:
        return "vpcd listens on all addresses, so it wants a network of its own: `unshare -n -m`, with loopback up"
    if not RUN.is_dir() or any(RUN.iterdir()):
        return f"{RUN} is not an empty directory: a tmpfs is to be mounted there first, so that no other pcscd is in the way"
    return None


def _driver() -> Path | None:
    return next((path for path in map(Path, _DRIVERS) if path.exists()), None)


class PrivatePCSCD:
    """A pcscd and its virtual slots (see :func:`private_pcscd`).

    Attributes:
        slots: where cards are put in; in the order of pcscd's readers.
    """

    def __init__(self, directory: Path, slots: int, name: str) -> None:
        self._directory = directory
        self._log = directory / "log"
        self._daemon: subprocess.Popen[bytes] | None = None
        self._name = name
        self.slots: Sequence[VPCDSlot] = self._configure(slots, name)

    def start(self) -> None:
        """Start it; its slots are empty.

        Raises:
            PCSCUnavailableError: it did not come up.
        """
        with self._log.open("ab") as output:
            self._daemon = _spawn(self._directory / "reader.conf", output)
        if not _until(self._ready, _SECONDS):
            self.stop()
            told = self._log.read_text(errors="replace")[-2000:]
            raise PCSCUnavailableError(f"pcscd did not come up: {told}", reason="service")

    def _ready(self) -> bool:
        return (RUN / "pcscd.comm").exists() and all(_listening(slot.port) for slot in self.slots)

    def _configure(self, slots: int, first: str) -> list[VPCDSlot]:
        """Write pcscd's configuration. Entries on one driver file would share state, so each reader has a copy of it."""
        driver = _driver()
        if driver is None or not 1 <= slots <= SLOTS_LIMIT:
            raise PCSCUnavailableError(f"1 to {SLOTS_LIMIT} slots, and a driver for them", reason="service")
        made, entries = [], []
        for number in range((slots + 1) // 2):
            copy = self._directory / f"libifdvpcd{number}.so"
            shutil.copyfile(driver, copy)
            name = first if number == 0 else f"{first} {chr(ord('A') + number)}"
            port = PORT + 2 * number
            entries.append(_READER.format(name=name, port=port, driver=copy))
            made += [VPCDSlot(port + slot, f"{name} 00 {slot:02X}") for slot in (0, 1)]
        (self._directory / "reader.conf").write_text("\n".join(entries))
        return made[:slots]

    def stop(self, *, kill: bool = False) -> None:
        """End it in good order, or kill it; cards are taken out first, for otherwise its ports stay taken for a while."""
        for slot in self.slots:
            slot.pull()
        if self._daemon is not None:
            (self._daemon.kill if kill else self._daemon.terminate)()
            try:
                self._daemon.wait(_SECONDS)
            except subprocess.TimeoutExpired:
                self._daemon.kill()
                self._daemon.wait(_SECONDS)
            self._daemon = None
        for leftover in ("pcscd.comm", "pcscd.pid"):
            (RUN / leftover).unlink(missing_ok=True)

    def restart(self, *, kill: bool = False) -> None:
        """End it and start it again, as an update of the system does: every program loses its readers, the cards stay where
        they were.

        Raises:
            PCSCUnavailableError: it did not come up again.
        """
        cards = [slot.card for slot in self.slots]
        self.stop(kill=kill)
        self.start()
        for slot, card in zip(self.slots, cards, strict=True):
            if card is not None:
                slot.insert(card)

    @contextmanager
    def resized(self, slots: int, name: str | None = None) -> Iterator[Sequence[VPCDSlot]]:
        """Have this many slots, or another name, for a while: pcscd is restarted before and after, and cards are taken out.

        Args:
            slots: 1 to 32.
            name: begins the readers' names, for programs that go by it; None for the present one.

        Raises:
            PCSCUnavailableError: it did not come up again.
        """
        before = self.slots
        self._reconfigure(slots, name or self._name)
        try:
            yield self.slots
        finally:
            self._reconfigure(len(before), self._name)

    def _reconfigure(self, slots: int, name: str) -> None:
        self.stop()
        self.slots = self._configure(slots, name)
        self.start()


@contextmanager
def private_pcscd(slots: int = 2, name: str = "Virtual PCD") -> Iterator[PrivatePCSCD]:
    """A pcscd of one's own for as long as the block runs.

    Args:
        slots: 1 to 32 virtual slots, for a card each.
        name: begins the readers' names.

    Raises:
        PCSCUnavailableError: it cannot run here; the message, also in ``advice``, says why and what to do.
    """
    reason = why_not()
    if reason is not None:
        raise PCSCUnavailableError(reason, reason="service", advice=reason)
    with tempfile.TemporaryDirectory(prefix="zorgid-card-pcscd-") as directory:
        daemon = PrivatePCSCD(Path(directory), slots, name)
        try:
            daemon.start()
            yield daemon
        finally:
            daemon.stop()


def _spawn(configuration: Path, output: IO[bytes]) -> subprocess.Popen[bytes]:
    command = [_DAEMON, "--foreground", "--config", str(configuration)]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)  # noqa: S603  # fixed


def _listening(port: int) -> bool:
    """Whether somebody listens on a TCP port, without connecting (that would be a card)."""
    wanted = f":{port:04X}"
    tables = [Path(f"/proc/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6")]
    rows = [row.split() for table in tables for row in table]
    return any(row[1].endswith(wanted) and row[3] == "0A" for row in rows)


def _until(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
