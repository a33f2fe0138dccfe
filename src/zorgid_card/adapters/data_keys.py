"""The keys of personal data in a file beside the database: whoever copies the database alone reads none of these data."""

from __future__ import annotations

import json
import os
import secrets
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from zorgid_card.adapters import private_file
from zorgid_card.errors import NotFoundError, StorageError
from zorgid_card.secret import Secret

_VERSION: Final = 1
_OCTETS: Final = 32
_MAX_FILE: Final = 64 * 1024
_LAST: Final = 0xFFFFFFFF  # what a sealed value has room for
_FLAGS: Final = (
    os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
)  # a pipe would wait for a writer


class FileDataKeys:
    """Keys in clear in a file of mode 0600 (:class:`~zorgid_card.ports.keys.KeyProvider`).

    A key store with a passphrase, or an HSM, provides such keys too (:mod:`zorgid_card.adapters.diversified`). What another process
    has added, a running one sees at its next call.
    """

    def __init__(self, path: Path) -> None:
        """Stand ready for the file, which is read when a key is asked for."""
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._keys: dict[int, bytes] = {}
        self._lock = threading.Lock()

    @property
    def there(self) -> bool:
        """Whether the file is there."""
        return self._path.exists()

    def create(self) -> None:
        """Make the file, with a key of generation 1.

        Raises:
            StorageError: it is there, or cannot be written.
        """
        private_file.write(self._path, _written({1: secrets.token_bytes(_OCTETS)}), new=True)

    def generations(self) -> tuple[int, ...]:
        """Those that are there, oldest first."""
        return tuple(sorted(self._current()))

    def data_key(self, purpose: str, generation: int) -> Secret:
        """See :meth:`zorgid_card.ports.keys.KeyProvider.data_key`."""
        key = self._current().get(generation)
        if key is None:
            raise NotFoundError(f"no key of generation {generation}", what="data key")
        kdf = HKDF(algorithm=SHA256(), length=_OCTETS, salt=None, info=f"zorgid-card data {purpose}".encode())
        return Secret.take(bytearray(kdf.derive(key)))

    def rotate(self) -> int:
        """Add a key, with which all that is new is sealed; the older ones stay. Returns its generation.

        Raises:
            StorageError: the file cannot be written.
        """
        keys = self._change(lambda keys: keys | {max(keys) + 1: secrets.token_bytes(_OCTETS)})
        return max(keys)

    def retire(self) -> None:
        """Remove all keys but the newest: once everything was sealed with it, for what was not is lost.

        Raises:
            StorageError: the file cannot be written.
        """
        self._change(lambda keys: {max(keys): keys[max(keys)]})

    def _change(self, change: Callable[[dict[int, bytes]], dict[int, bytes]]) -> dict[int, bytes]:
        self._current()  # where there is none, nothing is left beside it
        with private_file.alone(self._path):
            keys = change(self._current())
            private_file.write(self._path, _written(keys), new=False)
        return keys

    def _current(self) -> dict[int, bytes]:
        try:
            seen = private_file.stamp(self._path)
        except StorageError as error:
            raise StorageError(f"the keys of personal data are not in {self._path}", reason="no_keys") from error
        with self._lock:
            if seen != self._seen:
                self._keys, self._seen = _read(self._path), seen
            return self._keys

    def __repr__(self) -> str:
        return f"FileDataKeys({str(self._path)!r})"


class MemoryDataKeys(FileDataKeys):
    """A key that ends with the process, for a database in memory."""

    def __init__(self) -> None:
        super().__init__(Path("memory"))
        self._keys = {1: secrets.token_bytes(_OCTETS)}

    @property
    def there(self) -> bool:
        """Always."""
        return True

    def _current(self) -> dict[int, bytes]:
        return self._keys


def _written(keys: dict[int, bytes]) -> bytes:
    told = [{"generation": generation, "key": key.hex()} for generation, key in sorted(keys.items())]
    return json.dumps({"version": _VERSION, "keys": told}, indent=1).encode() + b"\n"


def _read(path: Path) -> dict[int, bytes]:
    try:
        with open(os.open(path, _FLAGS), "rb") as file:
            _require_sound(path, os.fstat(file.fileno()).st_mode)
            stored: Any = json.loads(file.read(_MAX_FILE))
        keys = {told["generation"]: bytes.fromhex(told["key"]) for told in stored["keys"]}
        if stored["version"] != _VERSION or not keys or any(len(key) != _OCTETS for key in keys.values()):
            raise ValueError("version or length")
        if any(type(generation) is not int or not 1 <= generation <= _LAST for generation in keys):
            raise ValueError("generation")
    except OSError as error:
        raise StorageError(f"{path} cannot be read", reason=str(error.strerror), path=str(path)) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise StorageError(f"{path} holds no keys", reason="malformed", path=str(path)) from error
    return keys


def _require_sound(path: Path, mode: int) -> None:
    """Who may write keys into it could read all that is sealed from then on."""
    if not stat.S_ISREG(mode):
        raise StorageError(f"{path} is no ordinary file", reason="special", path=str(path))
    if os.name == "posix" and mode & 0o022:
        raise StorageError(f"others may write to {path}: chmod 600 {path}", reason="permissions", path=str(path))
