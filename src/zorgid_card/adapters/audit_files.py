"""A key for the audit log's heads in a file, and what it signs in another: away from who keeps the database."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from zorgid_card.adapters import private_file
from zorgid_card.errors import StorageError


class FileAuditKey:
    """A P-256 key in clear in a file of mode 0600 (:class:`~zorgid_card.ports.audit.HeadSigner`)."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key

    @classmethod
    def create(cls, path: Path) -> Self:
        """Make a key.

        Raises:
            StorageError: the file is there, or cannot be written.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        octets = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        private_file.write(path, octets, new=True)
        return cls(key)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Read the key.

        Raises:
            StorageError: the file cannot be read, or holds no such key.
        """
        try:
            key = load_pem_private_key(path.read_bytes(), None)
        except OSError as error:
            raise StorageError(f"{path} cannot be read", reason=str(error.strerror), path=str(path)) from error
        except (ValueError, TypeError) as error:
            raise StorageError(f"{path} holds no key", reason="malformed", path=str(path)) from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise StorageError(f"{path} holds another kind of key", reason="malformed", path=str(path))
        return cls(key)

    @property
    def public_key(self) -> bytes:
        """SubjectPublicKeyInfo, DER."""
        return self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def sign(self, data: bytes, /) -> bytes:
        """ECDSA with SHA-256, DER."""
        return self._key.sign(data, ec.ECDSA(hashes.SHA256()))

    def __repr__(self) -> str:
        return "FileAuditKey()"


class FileStatements:
    """Statements in a file, one a line, only ever added to (:class:`~zorgid_card.ports.audit.Statements`)."""

    def __init__(self, path: Path) -> None:
        """Stand ready for the file, which need not be there yet."""
        self._path = path

    def lines(self) -> Iterator[str]:
        """All of them; a last line that was not written whole was never kept."""
        try:
            with self._path.open(encoding="utf-8", errors="replace", newline="\n") as file:
                yield from (line.removesuffix("\n") for line in file if line.endswith("\n"))
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._error(error) from error

    def append(self, line: str, /) -> None:
        """Keep one more; it is on the disk when this returns."""
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            try:
                self._cut_torn(file)
                _write(file, line.encode() + b"\n")
                os.fsync(file)
            finally:
                os.close(file)
        except OSError as error:
            raise self._error(error) from error

    def _cut_torn(self, file: int) -> None:
        """What a crash has left of a line is cut off: it was not kept."""
        octets = self._path.read_bytes()
        if octets and not octets.endswith(b"\n"):
            os.ftruncate(file, octets.rfind(b"\n") + 1)

    def _error(self, error: OSError) -> StorageError:
        return StorageError(f"{self._path} cannot be used", reason=str(error.strerror), path=str(self._path))


def public_key_of(path: Path) -> bytes:
    """The SubjectPublicKeyInfo in a PEM file, DER.

    Raises:
        StorageError: the file cannot be read, or holds no public key.
    """

    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise StorageError(f"{path} cannot be read", reason=str(error.strerror), path=str(path)) from error
    except (ValueError, TypeError) as error:
        raise StorageError(f"{path} holds no public key", reason="malformed", path=str(path)) from error
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _write(file: int, octets: bytes) -> None:
    while octets:
        octets = octets[os.write(file, octets) :]
