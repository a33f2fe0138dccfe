"""The portal that anybody may start (``zorgid-card demo-portal``), in a process of its own, with TLS."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from proxies import free_port

PROGRAM = [sys.executable, "-m", "zorgid_card.cli"]


@dataclass(frozen=True)
class DemoPortal:
    """Where it answers, where its files lie, and what it said at its start."""

    origin: str
    directory: Path
    told: str


@contextmanager
def demo_portal(directory: Path, holders: int) -> Iterator[DemoPortal]:
    """One that lays cards for so many holders; it ends soundly."""
    port = free_port()
    command = [*PROGRAM, "demo-portal", "--keep", str(directory), "--port", str(port), "--holders", str(holders)]
    serving = subprocess.Popen(
        [*command, "--key-algorithm", "ECCP256", "--lang", "en"], stdout=subprocess.PIPE, text=True
    )
    assert serving.stdout is not None
    told = ""
    for line in serving.stdout:
        told += line
        if "Ctrl-C" in line:
            break
    yield DemoPortal(f"https://localhost:{port}", directory, told)
    serving.send_signal(signal.SIGTERM)
    assert serving.wait(20) == 0
