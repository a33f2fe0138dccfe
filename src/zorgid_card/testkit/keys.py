"""RSA keys for test PKIs and simulated cards: made once, found again by name.

Making an RSA key takes a tenth of a second or more, and a test run wants dozens. A pool makes each key when
it is first asked for, and can keep them in a file. **The file holds private keys in the clear: for
simulations alone.**
"""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from zorgid_card.errors import StorageError
from zorgid_card.testkit.piv_state import read_json, write_json

_FORMAT = "zorgid-card RSA keys in clear, for simulation only"


class KeyPool:
    """Named RSA keys; the same name gives the same key for as long as the pool (or its file) lives."""

    _shared: KeyPool | None = None

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._pem: dict[str, str] = _read(path) if path is not None and path.exists() else {}
        self._keys: dict[str, rsa.RSAPrivateKey] = {}

    @classmethod
    def shared(cls) -> KeyPool:
        """The process's own pool, kept in the file that ``ZORGID_TEST_KEYS`` names, if it names one."""
        if cls._shared is None:
            path = os.environ.get("ZORGID_TEST_KEYS")
            cls._shared = cls(Path(path) if path else None)
        return cls._shared

    def __repr__(self) -> str:
        return f"KeyPool({len(self._pem)} keys)"

    def key(self, name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
        """The key of this name and size, made now if it is not there."""
        label = f"{name}/{bits}"
        if label not in self._keys:
            self._keys[label] = self._load(label) if label in self._pem else self._make(label, bits)
        return self._keys[label]

    def save(self, path: Path) -> None:
        """Write all keys to ``path``, readable by its owner alone.

        Raises:
            StorageError: the file could not be written.
        """
        write_json({"format": _FORMAT, "keys": self._pem}, path)

    def _make(self, label: str, bits: int) -> rsa.RSAPrivateKey:
        key = rsa.generate_private_key(65537, bits)
        self._pem[label] = private_pem(key)
        if self._path is not None:
            self.save(self._path)
        return key

    def _load(self, label: str) -> rsa.RSAPrivateKey:
        return load_rsa_key(self._pem[label])


def private_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    """The key in PEM (PKCS #8), in the clear."""
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem.decode()


def load_rsa_key(pem: str) -> rsa.RSAPrivateKey:
    """Read an unencrypted RSA key in PEM.

    Raises:
        StorageError: it is none.
    """
    try:
        key = serialization.load_pem_private_key(pem.encode(), None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError) as error:
        raise StorageError("a key of the simulation cannot be read", reason="key") from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise StorageError("a key of the simulation is not RSA", reason="key")
    return key


def _read(path: Path) -> dict[str, str]:
    found = read_json(path, _FORMAT).get("keys")
    if not isinstance(found, dict):
        raise StorageError("the file of keys cannot be read", reason="keys")
    return {str(name): str(pem) for name, pem in found.items()}
