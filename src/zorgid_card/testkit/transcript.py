"""Recording what crosses between terminal and card, as JSON lines, with secrets masked before they are written."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import TextIO

from zorgid_card.codec.masking import Masker
from zorgid_card.errors import StorageError


class Transcript:
    """A list of exchanges: ``{"t": seconds, "reader": name, "command": hex, "response": hex}`` per line.

    Args:
        path: the file to append to; None only counts.

    Raises:
        StorageError: the file cannot be opened.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._count = 0
        self._maskers: dict[str, Masker] = {}
        self._file: TextIO | None = None
        if path is not None:
            try:
                self._file = path.open("a", encoding="ascii")
            except OSError as error:
                raise StorageError(f"{path} cannot be written", reason=str(error.strerror)) from error

    @property
    def count(self) -> int:
        """Physical APDUs seen so far."""
        return self._count

    def record(self, reader: str, command: bytes, response: bytes) -> None:
        """Note one exchange; PIN, PUK and keys in it are replaced before they get here any further.

        Raises:
            StorageError: it could not be written.
        """
        with self._lock:
            self._count += 1
            if self._file is None:
                return
            shown = self._maskers.setdefault(reader, Masker()).mask(command, response)
            line = {
                "t": round(time.monotonic() - self._began, 6),
                "reader": reader,
                "command": shown[0].hex(),
                "response": shown[1].hex(),
            }
            self._write(self._file, json.dumps(line) + "\n")

    @staticmethod
    def _write(file: TextIO, line: str) -> None:
        try:
            file.write(line)
            file.flush()
        except OSError as error:
            raise StorageError("the transcript could not be written", reason=str(error.strerror)) from error

    def close(self) -> None:
        """Close the file; further exchanges are counted only."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None
