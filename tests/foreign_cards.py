"""Cards that are not ours, in the shape in which VPCDCard serves them: jcecard (PyPI) and libcacard (Debian)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import TracebackType

import pytest

from made_card import need

CAC_NICKNAMES = ("id", "signing", "encryption")


class ForeignCard:
    """Notes each command that it gets. Made powered down, as VirtualCard is."""

    atr: bytes
    powered = False

    def __init__(self) -> None:
        self.commands: list[bytes] = []

    def power_on(self) -> bytes:
        raise NotImplementedError

    def power_off(self) -> None:
        raise NotImplementedError

    def reset(self) -> bytes:
        self.power_off()
        return self.power_on()

    def transmit(self, raw: bytes) -> bytes:
        self.commands.append(raw)
        return self._answer(raw)

    def _answer(self, raw: bytes) -> bytes:
        raise NotImplementedError

    @property
    def instructions(self) -> set[int]:
        """Of all commands so far."""
        return {raw[1] for raw in self.commands}


class JCECard(ForeignCard):
    """jcecard: a PIV application by SP 800-73-4 beside one for OpenPGP."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        card = pytest.importorskip("jcecard.main", reason="jcecard is not installed (PyPI)")
        self._card = card.OpenPGPCard(storage_path=directory)
        self.atr = bytes(self._card.get_atr())

    def power_on(self) -> bytes:
        self._card.power_on()
        self.powered = True
        return self.atr

    def power_off(self) -> None:
        self._card.power_off()
        self.powered = False

    def _answer(self, raw: bytes) -> bytes:
        return bytes(self._card.process_apdu(raw))


class CACard(ForeignCard):
    """libcacard: a Common Access Card (GSC-IS 2.1) on a database of NSS, in a process of its own; a context manager."""

    def __init__(self, directory: Path, pin: str) -> None:
        super().__init__()
        database = _nss_database(directory, pin)
        names = ",".join(CAC_NICKNAMES)
        options = f'db="sql:{database}" use_hw=no soft=(,Virtual Card,CAC,,{names})'
        program = [sys.executable, str(Path(__file__).with_name("cacard.py")), options]
        self._process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started = self._process.stdout.readline()
        if started == "missing\n":
            pytest.skip("libcacard is not installed (Debian package libcacard0)")
        assert started == "ready\n", "libcacard does not start"
        self.atr = self.power_on()
        self.power_off()

    def power_on(self) -> bytes:
        self.powered = True
        return self._ask("on")

    def power_off(self) -> None:
        self.powered = False
        self._ask("off")

    def _answer(self, raw: bytes) -> bytes:
        return self._ask(raw.hex())

    def _ask(self, question: str) -> bytes:
        self._process.stdin.write(question + "\n")
        self._process.stdin.flush()
        return bytes.fromhex(self._process.stdout.readline())

    def close(self) -> None:
        self._process.kill()
        self._process.communicate(timeout=10)

    def __enter__(self) -> CACard:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _nss_database(directory: Path, pin: str) -> Path:
    """A database with a key and a certificate for each purpose of a CAC, behind a PIN."""
    need("certutil")
    database, secret, noise = (directory / name for name in ("nss", "pin", "noise"))
    database.mkdir()
    secret.write_text(f"{pin}\n")
    noise.write_bytes(bytes(range(64)))  # certutil mixes it in; without it it wants keystrokes

    def certutil(*arguments: str) -> None:
        command = ["certutil", *arguments, "-d", f"sql:{database}", "-f", str(secret)]
        subprocess.run(command, check=True, timeout=60, capture_output=True)

    certutil("-N")
    for number, name in enumerate(CAC_NICKNAMES, 1):
        subject = ("-n", name, "-s", f"CN=DOE.JOHN.{name}", "-x", "-t", "u,u,u", "-m", str(number))
        certutil("-S", *subject, "-k", "rsa", "-g", "2048", "-z", str(noise))
    return database
