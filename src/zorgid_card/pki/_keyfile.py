"""Files of a CA: written whole or not at all, readable by the owner only, private keys under a passphrase.

A private key is PKCS #8 (RFC 5958) encrypted with PBES2 (RFC 8018): AES-256-CBC under PBKDF2 with
HMAC-SHA-256 and 600,000 rounds. The library's own serialisation uses 2,048 rounds, which a guesser tries in a
millisecond; hence the few lines here. ``openssl pkey`` reads the file.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import cast

from asn1crypto import algos, keys, pem
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from zorgid_card.errors import PassphraseError, StorageError
from zorgid_card.pki.signing import PrivateKey
from zorgid_card.secret import Secret

ROUNDS = 600_000
_SALT = 16
_BLOCK = 128
_LABEL = "ENCRYPTED PRIVATE KEY"


def _failed(path: Path, error: OSError) -> StorageError:
    reason = error.strerror or type(error).__name__
    return StorageError(f"{path}: {reason}", reason=reason, path=str(path))


def write_new(path: Path, data: bytes) -> None:
    """Write ``data`` to a new file, mode 0600: it is there whole, or not at all.

    Raises:
        StorageError: the file is there already, the directory is not, or the disk is full; nothing was
            changed.
    """
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise _failed(path, error) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)  # unlike a rename, it never replaces what is there
    except OSError as error:
        raise _failed(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def replace(path: Path, data: bytes) -> None:
    """Write ``data`` in the place of a file, mode 0600: a reader finds the old contents or the new, never a part.

    Raises:
        StorageError: it cannot be written; nothing was changed.
    """
    temporary = path.with_name(f".{path.name}.new")
    try:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()  # of somebody who was interrupted
        write_new(temporary, data)
        os.replace(temporary, path)
    except OSError as error:
        raise _failed(path, error) from error


def read(path: Path, limit: int = 64 * 1024) -> bytes:
    """Read a file of at most ``limit`` octets.

    Raises:
        StorageError: it cannot be read, or is longer.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise _failed(path, error) from error
    if len(data) > limit:
        raise StorageError(f"{path}: longer than {limit} octets", reason="too long", path=str(path))
    return data


def encrypt_key(key: PrivateKey, passphrase: Secret) -> bytes:
    """The key as PEM, encrypted.

    Raises:
        PassphraseError: the passphrase is empty.
    """
    if not len(passphrase):
        raise PassphraseError("an empty passphrase protects nothing", reason="empty")
    salt, vector = os.urandom(_SALT), os.urandom(_BLOCK // 8)
    plain = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    padder = PKCS7(_BLOCK).padder()
    padded = padder.update(plain) + padder.finalize()
    with passphrase.expose() as view:
        derived = PBKDF2HMAC(hashes.SHA256(), 32, salt, ROUNDS).derive(cast("bytes", view))
    encryptor = Cipher(algorithms.AES(derived), modes.CBC(vector)).encryptor()
    info = keys.EncryptedPrivateKeyInfo(
        {
            "encryption_algorithm": _parameters(salt, vector),
            "encrypted_data": encryptor.update(padded) + encryptor.finalize(),
        }
    )
    return bytes(pem.armor(_LABEL, info.dump()))


def _parameters(salt: bytes, vector: bytes) -> algos.EncryptionAlgorithm:
    derivation = {
        "salt": algos.Pbkdf2Salt("specified", salt),
        "iteration_count": ROUNDS,
        "prf": {"algorithm": "sha256"},
    }
    return algos.EncryptionAlgorithm(
        {
            "algorithm": "pbes2",
            "parameters": {
                "key_derivation_func": {"algorithm": "pbkdf2", "parameters": derivation},
                "encryption_scheme": {"algorithm": "aes256_cbc", "parameters": vector},
            },
        }
    )


def decrypt_key(data: bytes, passphrase: Secret, path: Path) -> PrivateKey:
    """The key in an encrypted PKCS #8 file.

    Raises:
        PassphraseError: the passphrase does not open it.
        StorageError: the file holds no such key.
    """
    if not data.lstrip().startswith(f"-----BEGIN {_LABEL}-----".encode()):
        raise StorageError(f"{path}: not an encrypted key", reason="malformed", path=str(path))
    if not len(passphrase):
        raise PassphraseError("an empty passphrase opens nothing", reason="empty")
    try:
        with passphrase.expose() as view:
            key = load_pem_private_key(data, cast("bytes", view))
    except (ValueError, TypeError) as error:
        raise PassphraseError(f"the passphrase does not open {path.name}", path=str(path)) from error
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise StorageError(f"{path}: not an RSA or EC key", reason="malformed", path=str(path))
    return key


def resealed(path: Path, present: Secret, new: Secret) -> bytes | None:
    """A key's file under the new passphrase; None if it is that already. Nothing is written.

    Raises:
        PassphraseError: neither opens it; or the new one is empty.
        StorageError: the file cannot be read, or holds no such key.
    """
    data = read(path)
    try:
        return encrypt_key(decrypt_key(data, present, path), new)
    except PassphraseError:
        decrypt_key(data, new, path)
        return None
