"""Files for their owner's eyes only, of which a reader finds the old contents or the new, never a part; when it
was written, the new ones, also after a crash of the machine."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zorgid_card.errors import StorageError


def write(path: Path, octets: bytes, *, new: bool) -> None:
    """Write a file of mode 0600.

    Args:
        path: where.
        octets: all of it.
        new: whether it must not be there yet.

    Raises:
        StorageError: it cannot be written, or is there already.
    """
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # gives mode 0600
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(octets)
                file.flush()
                os.fsync(file.fileno())
            if new:
                os.link(name, path)  # unlike a rename, it never replaces what is there
            else:
                os.replace(name, path)
            _keep_name(path.parent)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"{path} cannot be written", reason=str(error.strerror), path=str(path)) from error


def _keep_name(directory: Path) -> None:
    """A new name is on the disk when its directory is: what was written is used at once."""
    if os.name == "nt":  # where a directory cannot be opened
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep other processes from changing the file meanwhile: of two that add a key at once, one would be lost.

    The lock is the system's, on a file beside it that stays: it ends with the process that had it, however that ends.

    Raises:
        StorageError: one is changing it (``lock``), or the file beside it cannot be made.
    """
    lock = path.with_name(path.name + ".lock")
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StorageError(f"{lock} cannot be written", reason=str(error.strerror), path=str(lock)) from error
    try:
        try:
            _lock(descriptor)
        except OSError as error:
            told = f"{path} is being changed by another process"
            raise StorageError(told, reason="lock", path=str(path)) from error
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    """Have it alone until it is closed; raises OSError where somebody has it."""
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl  # noqa: PLC0415

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def stamp(path: Path) -> tuple[int, int]:
    """What is another when the file was written anew.

    Raises:
        StorageError: it cannot be looked at.
    """
    try:
        told = path.stat()
    except OSError as error:
        raise StorageError(f"{path} cannot be read", reason=str(error.strerror), path=str(path)) from error
    return told.st_mtime_ns, told.st_ino
