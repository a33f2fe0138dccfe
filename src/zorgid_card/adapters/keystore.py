"""The portal's master keys and its makers' batch keys in a file, encrypted at rest."""

from __future__ import annotations

import json
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFCMAC, CounterLocation, Mode
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from zorgid_card.adapters import private_file
from zorgid_card.adapters.diversified import MASTER_OCTETS, DiversifiedKeys, require_batch, require_older
from zorgid_card.errors import PassphraseError, StorageError
from zorgid_card.ports.keys import Batch, Master
from zorgid_card.secret import Secret

MAX_FILE: Final = 256 * 1024
"""Octets."""

_VERSION: Final = 1
_SCRYPT: Final[dict[str, int]] = {"length": 32, "n": 2**15, "r": 8, "p": 1}
_PURPOSE: Final = b"zorgid-card key store "
_TAG: Final = 16
_SALT, _NONCE = 16, 12


@dataclass(frozen=True, slots=True)
class _Keys:
    """What a key store holds."""

    masters: dict[int, tuple[Master, Secret]]
    batches: dict[Batch, Secret]
    retired: dict[int, Master] = field(default_factory=dict)
    """Master keys that are gone, for no card has a key of them: an older copy that has them still is known by that."""

    def index(self) -> dict[str, Any]:
        """What is said in clear, and authenticated, of the keys that lie sealed, in this order, one after another."""
        index: dict[str, Any] = {
            "masters": [_told(master) for master, _ in self.masters.values()],
            "batches": [{"first": b.first, "last": b.last, "octets": len(key)} for b, key in self.batches.items()],
        }
        return index | ({"retired": [_told(master) for master in self.retired.values()]} if self.retired else {})

    def follows(self, before: _Keys) -> bool:
        """Whether this may have become of those: cards have keys of them, so none goes unsaid, and none comes back."""
        known = {*self.retired.values(), *(told for told, _ in self.masters.values()), *self.batches}
        kept = {*(told for told, _ in before.masters.values()), *before.batches}
        return kept <= known and set(before.retired.values()) <= set(self.retired.values())

    def secrets(self) -> list[Secret]:
        return [*(key for _, key in self.masters.values()), *self.batches.values()]


class FileKeyStore(DiversifiedKeys):
    """Keys that lie in one file of mode 0600, sealed by a passphrase (scrypt, AES-GCM): :class:`~zorgid_card.ports.keys.KeyStore`.

    What another process has added, a running one sees at its next call.
    """

    def __init__(self, path: Path, salt: bytes, wrapping: Secret, keys: _Keys) -> None:
        self._path, self._salt, self._wrapping = path, salt, wrapping
        self._keys, self._seen, self._process = keys, private_file.stamp(path), os.getpid()
        self._lock = threading.Lock()

    @classmethod
    def create(cls, path: Path, passphrase: Secret) -> Self:
        """Make a key store with a master key, of generation 1.

        Raises:
            StorageError: the file exists, or cannot be written.
            PassphraseError: the passphrase is empty.
        """
        path = _real(path)
        salt, wrapping = _new_wrapping_key(passphrase)
        keys = _Keys({1: _new_master(1)}, {})
        _write(path, _sealed(keys, salt, wrapping), new=True)
        return cls(path, salt, wrapping, keys)

    @classmethod
    def open(cls, path: Path, passphrase: Secret) -> Self:
        """Open an existing key store.

        Raises:
            StorageError: the file cannot be read or is damaged.
            PassphraseError: the passphrase does not open it, or somebody changed it.
        """
        path = _real(path)
        stored = _read(path)
        wrapping = _wrapping_key(passphrase, stored.salt)
        return cls(path, stored.salt, wrapping, _opened(stored, wrapping))

    @property
    def generation(self) -> int:
        """Of the newest master key."""
        return max(self._current().masters)

    def masters(self) -> tuple[Master, ...]:
        """The master keys, oldest first."""
        return tuple(told for told, _ in self._current().masters.values())

    def batches(self) -> tuple[Batch, ...]:
        """The batches whose key is there, in the order of their first serial."""
        return tuple(sorted(self._current().batches, key=lambda batch: (len(batch.first), batch.first)))

    def rotate(self) -> int:
        """Make a master key of a new generation. The older ones stay: cards have keys of them.

        Raises:
            StorageError: the file cannot be written, or is full; nothing was changed.
        """
        with self._changing() as keys:
            generation = max(keys.masters) + 1
            keys.masters[generation] = _new_master(generation)
        return generation

    def retire(self, generation: int) -> None:
        """Take a master key away for good (:meth:`zorgid_card.ports.keys.KeyStore.retire`)."""
        with self._changing() as keys:
            require_older(generation, keys.masters)
            told, key = keys.masters.pop(generation)
            keys.retired[generation] = told
            key.wipe()

    def change_passphrase(self, passphrase: Secret) -> None:
        """Seal the keys by another passphrase. Whoever has the store open by the old one is told to open it again.

        Raises:
            StorageError: the file cannot be written; the old passphrase still opens it.
            PassphraseError: the new one is empty.
        """
        salt, wrapping = _new_wrapping_key(passphrase)
        with self._changing(salt, wrapping):
            pass

    def add_batch(self, batch: Batch, key: Secret) -> None:
        """Keep the key of a batch (:meth:`zorgid_card.ports.keys.KeyStore.add_batch`)."""
        with self._changing() as keys:
            require_batch(batch, key, tuple(keys.batches))
            with key.expose() as octets:
                keys.batches[batch] = Secret.take(bytearray(octets))

    @contextmanager
    def _changing(self, salt: bytes | None = None, wrapping: Secret | None = None) -> Iterator[_Keys]:
        """The keys of the file as it is now, to be changed by one process at a time; it is written when the block ends.

        Args:
            salt, wrapping: under which; None: as it is.
        """
        self._require_process()
        with self._lock, private_file.alone(self._path):
            keys = self._load()
            yield keys
            salt, wrapping = salt or self._salt, wrapping or self._wrapping
            _write(self._path, _sealed(keys, salt, wrapping), new=False)
            self._keys, self._seen, self._salt, self._wrapping = keys, private_file.stamp(self._path), salt, wrapping

    def _require_process(self) -> None:
        """Secrets are empty in a forked child."""
        if os.getpid() != self._process:
            raise StorageError("the key store was opened before a fork: open it in the child", reason="fork")

    def _current(self) -> _Keys:
        self._require_process()
        with self._lock:
            seen = private_file.stamp(self._path)
            if seen != self._seen:
                self._keys, self._seen = self._load(), seen
            return self._keys

    def _load(self) -> _Keys:
        stored = _read(self._path)
        if stored.salt != self._salt:
            raise StorageError("the key store was replaced: open it again", reason="replaced", path=str(self._path))
        keys = _opened(stored, self._wrapping)
        if not keys.follows(self._keys):
            raise StorageError("an older key store lies in its place", reason="older", path=str(self._path))
        return keys

    def _master(self, generation: int) -> Secret | None:
        found = self._current().masters.get(generation)
        return None if found is None else found[1]

    def _batch(self, batch: Batch) -> tuple[Secret, int]:
        key = self._current().batches[batch]
        return key, len(key)

    def _kdf(self, key: Secret, label: bytes, context: bytes, length: int) -> Secret:
        kdf = KBKDFCMAC(
            algorithm=algorithms.AES,
            mode=Mode.CounterMode,
            length=length,
            rlen=4,
            llen=4,
            location=CounterLocation.BeforeFixed,
            label=label,
            context=context,
            fixed=None,
        )
        with key.expose() as octets:
            return Secret.take(bytearray(kdf.derive(bytes(octets))))

    def __repr__(self) -> str:
        return f"FileKeyStore({str(self._path)!r})"


def _new_master(generation: int) -> tuple[Master, Secret]:
    return Master(generation, datetime.now(UTC).replace(microsecond=0)), Secret.random(MASTER_OCTETS)


def _new_wrapping_key(passphrase: Secret) -> tuple[bytes, Secret]:
    """A salt, and the key that follows."""
    if not len(passphrase):
        raise PassphraseError("an empty passphrase protects nothing", reason="empty")
    salt = secrets.token_bytes(_SALT)
    return salt, _wrapping_key(passphrase, salt)


def _wrapping_key(passphrase: Secret, salt: bytes) -> Secret:
    with passphrase.expose() as octets:
        return Secret.take(bytearray(Scrypt(salt=salt, **_SCRYPT).derive(bytes(octets))))


# --- the file --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Stored:
    salt: bytes
    nonce: bytes
    index: dict[str, Any]
    sealed: bytes


def _told(master: Master) -> dict[str, Any]:
    return {"generation": master.generation, "made": master.made.isoformat() if master.made else None}


def _master_of(told: dict[str, Any]) -> Master:
    return Master(told["generation"], datetime.fromisoformat(told["made"]))


def _said(index: dict[str, Any]) -> bytes:
    return _PURPOSE + json.dumps([_VERSION, index], sort_keys=True, separators=(",", ":")).encode()


def _sealed(keys: _Keys, salt: bytes, wrapping: Secret) -> bytes:
    index, nonce, whole = keys.index(), secrets.token_bytes(_NONCE), keys.secrets()
    with wrapping.expose() as octets:
        cipher = Cipher(algorithms.AES(bytes(octets)), modes.GCM(nonce)).encryptor()
    cipher.authenticate_additional_data(_said(index))
    sealed = bytearray()
    for key in whole:
        with key.expose() as octets:
            sealed += cipher.update(octets)
    sealed += cipher.finalize() + cipher.tag
    stored = {"version": _VERSION, "salt": salt.hex(), "nonce": nonce.hex(), **index, "sealed": sealed.hex()}
    return json.dumps(stored, indent=1).encode() + b"\n"


def _opened(stored: _Stored, wrapping: Secret) -> _Keys:
    body, tag = stored.sealed[:-_TAG], stored.sealed[-_TAG:]
    plain = bytearray(len(body) + 15)  # update_into wants room for a block
    try:
        with wrapping.expose() as octets:
            cipher = Cipher(algorithms.AES(bytes(octets)), modes.GCM(stored.nonce, tag)).decryptor()
        cipher.authenticate_additional_data(_said(stored.index))
        cipher.update_into(body, plain)
        cipher.finalize()
        return _keys(stored.index, memoryview(plain)[: len(body)])
    except (InvalidTag, ValueError) as error:
        raise PassphraseError from error
    finally:
        plain[:] = bytes(len(plain))


def _keys(index: dict[str, Any], plain: memoryview) -> _Keys:
    """The keys, cut out of what was sealed; the index is what its writer wrote, for it was authenticated."""
    keys = _Keys({}, {})
    for told in index["masters"]:
        master = _master_of(told)
        keys.masters[master.generation] = master, Secret.take(plain[:MASTER_OCTETS])
        plain = plain[MASTER_OCTETS:]
    for told in index["batches"]:
        keys.batches[Batch(told["first"], told["last"])] = Secret.take(plain[: told["octets"]])
        plain = plain[told["octets"] :]
    for told in index.get("retired", ()):
        keys.retired[told["generation"]] = _master_of(told)
    return keys


def _read(path: Path) -> _Stored:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE + 1)
        if len(text) > MAX_FILE:
            raise ValueError("too long")
        stored = json.loads(text)
        if stored["version"] != _VERSION:
            raise ValueError(f"version {stored['version']}")
        salt, nonce, sealed = (bytes.fromhex(stored[name]) for name in ("salt", "nonce", "sealed"))
        if len(salt) != _SALT or len(nonce) != _NONCE or len(sealed) < _TAG:
            raise ValueError("lengths")
        index = {name: stored[name] for name in ("masters", "batches")}
        index |= {name: stored[name] for name in ("retired",) if name in stored}
    except OSError as error:
        raise StorageError(f"{path} cannot be read", reason=str(error.strerror), path=str(path)) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise StorageError(f"{path} is no key store", reason="malformed", path=str(path)) from error
    return _Stored(salt, nonce, index, sealed)


def _write(path: Path, octets: bytes, *, new: bool) -> None:
    if len(octets) > MAX_FILE:  # which could never be read again
        raise StorageError(f"{path} holds no more keys", reason="too many keys", path=str(path))
    private_file.write(path, octets, new=new)


def _real(path: Path) -> Path:
    """What is behind a link is changed, and not the link: others have it by another name."""
    return Path(os.path.realpath(path))  # which a link that leads to itself does not upset
