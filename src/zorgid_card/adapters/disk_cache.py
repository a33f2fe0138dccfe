"""A cache on disk that several processes share (extra ``http``): what one has fetched, the others need not.

The directory is its owner's alone (0700). A file is written beside its place and moved into it, so that whoever reads finds the old
or the new, and it carries a digest of itself: one that was cut short or damaged is passed over and fetched anew. That is against
accidents, not against whoever can write there: what is read back is verified again by whoever asked for it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

try:
    import filelock
except ModuleNotFoundError as missing:
    advice = "filelock is missing; install it: pip install 'zorgid-card[http]'"
    raise ModuleNotFoundError(advice, name=missing.name) from missing

from zorgid_card.errors import StorageError
from zorgid_card.ports.fetch import Kept

LIMIT: Final = 256 * 1024 * 1024
"""Octets of one kind of data, by default: four CRLs of the largest size, or some hundred thousand OCSP answers."""

MAX_FILE: Final = 80 * 1024 * 1024
"""Octets of one file; a longer one is not read."""

_MAGIC: Final = b"zorgid-card cache 1\n"
_log = logging.getLogger(__name__)


class DiskCache:
    """A cache in a directory (:class:`zorgid_card.ports.fetch.Cache`). Serves many threads and many processes.

    Args:
        directory: made with mode 0700 if it is not there; its parents too.
        limit: octets of one kind of data; when there are more, what was written longest ago goes. Several processes together
            may be a quarter of it each above that for a while.

    Raises:
        StorageError: the directory cannot be made, is another user's, or others may write in it.
    """

    def __init__(self, directory: Path, *, limit: int = LIMIT) -> None:
        self._directory = Path(directory)
        self._limit = limit
        self._room: dict[str, int] = {}
        self._counting = threading.Lock()
        _require_own(self._directory)

    def get(self, key: str, /) -> Kept | None:
        """What was last kept under this key; None if there is nothing, or nothing sound."""
        path = self._path(key)
        try:
            with path.open("rb") as file:
                octets = file.read(MAX_FILE + 1)
            return _unpack(octets, key)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            _log.warning("%s of the cache is passed over: %s", path, error)
            return None

    def put(self, key: str, kept: Kept, /) -> None:
        """Keep it, in place of what was there."""
        path, octets = self._path(key), _pack(kept, key)
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            _replace(path, octets)
            self._bound(path.parent, len(octets))
        except OSError as error:
            _log.warning("%s cannot be written to the cache: %s", path, error)

    @contextmanager
    def alone(self, key: str, wait: float, /) -> Iterator[bool]:
        """Keep others from fetching the same; False if another still does so after ``wait`` seconds. The lock of a process that
        ends is free.
        """
        path = self._path(key).with_suffix(".lock")
        with suppress(OSError):
            path.parent.mkdir(mode=0o700, exist_ok=True)
        lock = filelock.FileLock(path, mode=0o600)
        try:
            lock.acquire(timeout=wait)
        except filelock.Timeout:
            yield False
            return
        except (
            OSError,
            NotImplementedError,
        ) as error:  # a full disk, or one without locks: better twice than not at all
            _log.warning("%s cannot be locked: %s", path, error)
            yield True
            return
        try:
            yield True
        finally:
            lock.release()

    def _path(self, key: str) -> Path:
        kind, _, _ = key.partition(":")
        if not kind.isalnum():
            raise ValueError("a key is <kind>:<rest>")
        return self._directory / kind / f"{hashlib.sha256(key.encode()).hexdigest()}.kept"

    def _bound(self, place: Path, added: int) -> None:
        """Look at the sizes when what was left at the last look may be used up, not at every file."""
        with self._counting:
            left = self._room[place.name] = self._room.get(place.name, 0) - added
            if left > 0:
                return
            self._room[place.name] = max(self._limit - _shrink(place, self._limit), 0) // 4


def _require_own(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = directory.stat()
    except OSError as error:
        raise StorageError(f"{directory} cannot be made", reason=str(error.strerror)) from error
    if os.name == "posix" and (status.st_mode & 0o022 or status.st_uid != os.geteuid()):
        raise StorageError(f"others may write in {directory}: chmod 700 {directory}", reason="permissions")


def _pack(kept: Kept, key: str) -> bytes:
    head = json.dumps({"key": key, "facts": dict(kept.facts)}).encode() + b"\n"
    digest = hashlib.sha256(head + kept.data).hexdigest().encode() + b"\n"
    return _MAGIC + digest + head + kept.data


def _unpack(octets: bytes, key: str) -> Kept:
    digest, _, rest = octets[len(_MAGIC) :].partition(b"\n")
    sound = octets.startswith(_MAGIC) and hashlib.sha256(rest).hexdigest().encode() == digest
    if not sound or len(octets) > MAX_FILE:
        raise ValueError("it is damaged")
    head, _, data = rest.partition(b"\n")
    told = json.loads(head)
    if told["key"] != key:
        raise ValueError("it is another's")
    return Kept(data, {str(name): str(value) for name, value in told["facts"].items()})


def _replace(path: Path, octets: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(octets)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def _shrink(place: Path, limit: int) -> int:
    """If there is more than ``limit``, remove what was written longest ago until three quarters of that are left: the next look
    is far off then. What a process that ended left half written goes the same way.

    Returns:
        The octets that are left.
    """
    files: list[tuple[float, int, Path]] = []
    for path in place.iterdir():
        with suppress(OSError):
            status = path.stat()
            if path.suffix != ".lock":
                files.append((status.st_mtime, status.st_size, path))
    total = sum(size for _, size, _ in files)
    if total <= limit:
        return total
    for _, size, path in sorted(files)[:-1]:  # never what was written last
        if total <= limit * 3 // 4:
            break
        with suppress(OSError):
            path.unlink()
            total -= size
    return total
