"""``--key-officer FILE``: whose key PUKs are sealed for, as this computer's own configuration says."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from zorgid_card.cli.files import read_limited
from zorgid_card.errors import MessageError, StorageError
from zorgid_card.workflows.escrow import KeyOfficer

_LIMIT: Final = 16 * 1024


def officer_of(path: Path | None, name: str | None) -> KeyOfficer | None:
    """The key officer of a file; None without one: no PUK is sealed for anybody.

    Args:
        path: the public key, PEM.
        name: as the card's holder is shown it; None for the file's.

    Raises:
        StorageError: the file cannot be read, or holds no P-256 key.
    """
    if path is None:
        return None
    try:
        key = load_pem_public_key(read_limited(path, _LIMIT))
        der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return KeyOfficer.pinned(name or path.stem, der, hashlib.sha256(der).digest())
    except (ValueError, UnsupportedAlgorithm, MessageError) as error:
        raise StorageError(f"{path} holds no P-256 public key", reason="malformed", path=str(path)) from error
