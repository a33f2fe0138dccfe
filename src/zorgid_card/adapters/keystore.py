"""The portal's master key for administration keys, in a file, encrypted at rest."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFCMAC, CounterLocation, Mode
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from zorgid_card.errors import PassphraseError, StorageError
from zorgid_card.secret import Secret

_LENGTHS = {"AES128": 16, "AES192": 24, "AES256": 32}
_MASTER_OCTETS = 32
_SCRYPT = {"length": 32, "n": 2**15, "r": 8, "p": 1}
_PURPOSE = b"zorgid-card master key v1"


class FileKeyStore:
    """Diversifies administration keys from a master key that lies encrypted (scrypt, AES-256-GCM) in a file of mode 0600."""

    def __init__(self, master: Secret) -> None:
        self._master = master

    @classmethod
    def create(cls, path: Path, passphrase: Secret) -> Self:
        """Make a new master key.

        Raises:
            StorageError: the file exists, or cannot be written.
        """
        salt, nonce, master = secrets.token_bytes(16), secrets.token_bytes(12), Secret.random(_MASTER_OCTETS)
        with master.expose() as octets:
            sealed = AESGCM(_wrapping_key(passphrase, salt)).encrypt(nonce, octets, _PURPOSE)
        text = json.dumps({"version": 1, "salt": salt.hex(), "nonce": nonce.hex(), "sealed": sealed.hex()})
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(text)
        except OSError as error:
            raise StorageError("the key store cannot be written", reason=str(error)) from error
        return cls(master)

    @classmethod
    def open(cls, path: Path, passphrase: Secret) -> Self:
        """Open an existing key store.

        Raises:
            StorageError: the file cannot be read or is damaged.
            PassphraseError: the passphrase does not open it.
        """
        try:
            stored = json.loads(path.read_text())
            salt, nonce, sealed = (bytes.fromhex(stored[name]) for name in ("salt", "nonce", "sealed"))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StorageError("the key store cannot be read", reason=str(error)) from error
        try:
            master = AESGCM(_wrapping_key(passphrase, salt)).decrypt(nonce, sealed, _PURPOSE)
        except (InvalidTag, ValueError) as error:
            raise PassphraseError from error
        return cls(Secret.take(bytearray(master)))

    def derive(self, serial: str, algorithm: str) -> Secret:
        """SP 800-108r1 KDF in counter mode with AES-256-CMAC; label and context name purpose, algorithm and serial."""
        kdf = KBKDFCMAC(
            algorithm=algorithms.AES,
            mode=Mode.CounterMode,
            length=_LENGTHS[algorithm],
            rlen=4,
            llen=4,
            location=CounterLocation.BeforeFixed,
            label=b"zorgid-card 9B " + algorithm.encode(),
            context=serial.encode(),
            fixed=None,
        )
        with self._master.expose() as octets:
            return Secret.take(bytearray(kdf.derive(bytes(octets))))


def _wrapping_key(passphrase: Secret, salt: bytes) -> bytes:
    with passphrase.expose() as octets:
        return Scrypt(salt=salt, **_SCRYPT).derive(bytes(octets))
