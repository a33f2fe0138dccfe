"""A private pcscd refuses where it cannot run, and says why; so does the bystander at its reader."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zorgid_card.errors import PCSCUnavailableError, TransportError
from zorgid_card.testkit import pcscd
from zorgid_card.testkit.bystander import Bystander
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.vpcd import VPCDSlot

Patch = pytest.MonkeyPatch


def _sound(patch: Patch, directory: Path) -> None:
    """A machine on which it could run, as far as is looked at beforehand."""
    patch.setattr(os, "geteuid", lambda: 0)
    patch.setattr(socket, "if_nameindex", lambda: [(1, "lo")])
    patch.setattr(pcscd, "RUN", directory)
    for name in ("pcscd", "driver.so"):
        (directory.parent / name).write_bytes(b"")
    patch.setattr(pcscd, "_DAEMON", str(directory.parent / "pcscd"))
    patch.setattr(pcscd, "_DRIVERS", (str(directory.parent / "driver.so"),))


BREAKS: list[tuple[Callable[[Patch, Path], Any], str]] = [
    (lambda patch, _: patch.setattr(os, "geteuid", lambda: 1000), "needs Linux and root"),
    (lambda patch, _: patch.delattr(os, "geteuid"), "needs Linux and root"),
    (lambda patch, _: patch.setattr(pcscd, "_DAEMON", "/nowhere"), "Debian package pcscd"),
    (lambda patch, _: patch.setattr(pcscd, "_DRIVERS", ()), "Debian package vsmartcard-vpcd"),
    (lambda patch, _: patch.setattr(socket, "if_nameindex", lambda: [(1, "lo"), (2, "eth0")]), "unshare -n -m"),
    (lambda _, directory: (directory / "pcscd.comm").write_bytes(b""), "not an empty directory"),
    (lambda patch, _: patch.setattr(pcscd, "RUN", Path("/nowhere")), "not an empty directory"),
]


@pytest.mark.parametrize(("broken", "said"), BREAKS, ids=lambda value: value if isinstance(value, str) else "")
def test_it_says_why_it_cannot_run(
    broken: Callable[[Patch, Path], Any], said: str, monkeypatch: Patch, tmp_path: Path
) -> None:
    directory = tmp_path / "run"
    directory.mkdir()
    _sound(monkeypatch, directory)
    assert pcscd.why_not() is None
    broken(monkeypatch, directory)
    with pytest.raises(PCSCUnavailableError, match=said) as caught, pcscd.private_pcscd():
        pass
    assert caught.value.advice == str(caught.value)


@pytest.mark.parametrize("slots", [0, 33])
def test_there_are_as_many_slots_as_pcscd_takes(slots: int, monkeypatch: Patch, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    _sound(monkeypatch, tmp_path / "run")
    with pytest.raises(PCSCUnavailableError, match="1 to 32 slots"), pcscd.private_pcscd(slots):
        pass


def test_a_daemon_that_does_not_come_up_is_told_and_ended(monkeypatch: Patch, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    _sound(monkeypatch, tmp_path / "run")
    (tmp_path / "pcscd").write_text("#!/bin/sh\necho no such driver; exec sleep 60\n")
    (tmp_path / "pcscd").chmod(0o755)
    monkeypatch.setattr(pcscd, "_SECONDS", 0.5)
    with pytest.raises(PCSCUnavailableError, match="did not come up: no such driver"), pcscd.private_pcscd():
        pass


def test_a_bystander_at_no_reader_says_so() -> None:
    bystander = Bystander("no such reader")
    for call in (bystander.reset, lambda: bystander.wait(present=True, timeout=0.1)):
        with pytest.raises((PCSCUnavailableError, TransportError)):
            call()


def test_a_slot_without_vpcd_holds_no_card() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    slot = VPCDSlot(port)
    with pytest.raises(TransportError, match="no virtual reader"):
        slot.insert(Maker.create().blank())
    assert slot.card is None
    assert slot.pull() is None
