"""Where the heads of the audit log's chains are signed, and kept: away from the database whose keeper might change it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class HeadSigner(Protocol):
    """A key that is not in the database. Its methods raise StorageError where it cannot be reached."""

    @property
    def public_key(self) -> bytes:
        """SubjectPublicKeyInfo, DER: RSA, or EC on P-256, P-384 or P-521."""
        ...

    def sign(self, data: bytes, /) -> bytes:
        """Hash ``data`` and sign it, by the key's usual algorithm (RS256, ES256, ...); ECDSA as DER."""
        ...


class Statements(Protocol):
    """Signed statements about heads, one a line, in the order in which they were made; never changed."""

    def lines(self) -> Iterable[str]:
        """All of them; raises StorageError where they cannot be read."""
        ...

    def append(self, line: str, /) -> None:
        """Keep one more for good; raises StorageError where that cannot be."""
        ...
