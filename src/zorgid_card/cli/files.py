"""Files that the commands read and write: read in pieces or within a limit, written as new ones only."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from zorgid_card.cli.display import Display
from zorgid_card.errors import StorageError

_PIECE: Final = 1 << 20
_SHOWN_FROM: Final = 256 * _PIECE
"""Octets from which on reading takes long enough to show how far it is."""


@dataclass(frozen=True, slots=True)
class Document:
    """A file as it was when it was first read."""

    path: Path
    size: int
    sha256: str

    @classmethod
    def read(cls, path: Path, display: Display) -> Document:
        """Read it once, to show what it is.

        Raises:
            StorageError: it cannot be read.
        """
        digest, size = hashlib.sha256(), 0
        for piece in _pieces(path, display):
            digest.update(piece)
            size += len(piece)
        return cls(path, size, digest.hexdigest())

    def pieces(self, display: Display) -> Iterator[bytes]:
        """Its octets; at their end it is known that they are those that were shown.

        Raises:
            StorageError: it cannot be read, or has changed.
        """
        digest = hashlib.sha256()
        for piece in _pieces(self.path, display):
            digest.update(piece)
            yield piece
        if digest.hexdigest() != self.sha256:
            raise StorageError(f"{self.path} has changed", reason="changed", path=str(self.path))

    def content(self, display: Display, limit: int) -> bytes:
        """All of it; raises as :meth:`pieces`, and where it is longer than ``limit`` octets."""
        if self.size > limit:
            raise StorageError(f"{self.path} is too large", reason="too large", path=str(self.path))
        return b"".join(self.pieces(display))


def _pieces(path: Path, display: Display) -> Iterator[bytes]:
    _require_ordinary(path)
    with path.open("rb") as file:
        total = os.fstat(file.fileno()).st_size
        shown = total >= _SHOWN_FROM and display.console.is_terminal
        done = 0
        try:
            while piece := file.read(_PIECE):
                if shown:
                    display.progress(display.texts("document.reading"), done / total)
                done += len(piece)
                yield piece
        finally:
            display.pause()


def _require_ordinary(path: Path) -> None:
    """Looked at before it is opened: a pipe would wait for whoever writes into it."""
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        reason = "directory" if stat.S_ISDIR(mode) else "special"
        raise StorageError(f"{path} is no ordinary file", reason=reason, path=str(path))


def read_limited(path: Path, limit: int) -> bytes:
    """A file of at most ``limit`` octets.

    Raises:
        StorageError: it is longer, no ordinary file, or cannot be read.
    """
    try:
        _require_ordinary(path)
        with path.open("rb") as file:
            found = file.read(limit + 1)
    except OSError as error:
        raise StorageError(f"{path} cannot be read", reason=str(error.strerror), path=str(path)) from error
    if len(found) > limit:
        raise StorageError(f"{path} is too large", reason="length", path=str(path))
    return found


def require_new(path: Path) -> None:
    """Raise unless there is no file of this name yet: before a PIN is asked for what could not be kept.

    Raises:
        StorageError: there is one, or no directory for it.
    """
    if path.exists() or path.is_symlink():
        raise StorageError(f"{path} exists", reason="exists", path=str(path))
    if not path.parent.is_dir():
        raise StorageError(f"{path.parent} is no directory", reason="missing", path=str(path.parent))


def write_new(path: Path, octets: bytes, *, private: bool = False) -> None:
    """Write a new file, whole or not at all; ``private``: for its owner's eyes only.

    Raises:
        StorageError: there is one of this name.
        OSError: it cannot be written.
    """
    mode = 0o600 if private else 0o666
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError as error:
        raise StorageError(f"{path} exists", reason="exists", path=str(path)) from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
