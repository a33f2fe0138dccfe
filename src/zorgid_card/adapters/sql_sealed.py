"""Personal data as they lie in the database: encrypted, with keys that are kept elsewhere.

A sealed value is 01 ‖ generation of the key (4 octets) ‖ nonce (12) ‖ AES-256-GCM of the value ‖ tag (16); table, column and
primary key are authenticated with it, so that it opens only where it was put. A mark, by which equal values are found, is the
first 16 octets of HMAC-SHA-256 under another key.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import fields
from datetime import date
from typing import Any, Final, cast, get_type_hints

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from zorgid_card.adapters.sql_tables import MARKED, SEALED, TABLES
from zorgid_card.errors import NotFoundError, StorageError
from zorgid_card.ports.keys import KeyProvider

VERSION: Final = b"\x01"

_HEAD, _NONCE, _MARK = 5, 12, 16
_ENCODED: Final[dict[type, tuple[Callable[[Any], bytes], Callable[[bytes], Any]]]] = {
    date: (lambda value: value.isoformat().encode(), lambda octets: date.fromisoformat(octets.decode())),
    str: (str.encode, bytes.decode),
    bytes: (bytes, bytes),
}
_TYPES: Final = {
    kind: {name: get_type_hints(kind)[name] for name in names if name in {field.name for field in fields(kind)}}
    for kind, names in SEALED.items()
}


class Sealer:
    """Seals and opens the fields of :data:`~zorgid_card.adapters.sql_tables.SEALED`.

    Args:
        keys: where the keys are; None: whatever is sealed can be neither read nor written.
    """

    def __init__(self, keys: KeyProvider | None) -> None:
        self._keys = keys
        self._known: dict[int, tuple[AESGCM, bytes]] = {}

    @property
    def generation(self) -> int:
        """Of the keys with which new values are sealed."""
        return self._generations()[-1]

    def sealed(self, kind: type, record: Any, key: str) -> dict[str, bytes]:
        """The columns that the sealed fields of a record become."""
        columns = {}
        for name, plain in _TYPES.get(kind, {}).items():
            value = _ENCODED[plain][0](getattr(record, name))
            columns[name] = self.seal(TABLES[kind].name, name, key, value)
            if MARKED.get(kind) == name:
                columns[f"{name}_mark"] = self.mark(value)
        return columns

    def opened(self, kind: type, row: dict[str, Any], key: str) -> dict[str, Any]:
        """The values of the sealed fields in a row.

        Raises:
            StorageError: there is no key (``no_keys``), it is another one, or the value is not what was put there (``keys``).
        """
        return {
            name: _ENCODED[plain][1](self._open(_place(TABLES[kind].name, name, key), row[name]))
            for name, plain in _TYPES.get(kind, {}).items()
        }

    def marks(self, kind: type, value: Any) -> list[bytes]:
        """The marks that this value may have, of all generations."""
        octets = _ENCODED[_TYPES[kind][MARKED[kind]]][0](value)
        return [self.mark(octets, generation) for generation in self._generations()]

    def seal(self, table: str, column: str, key: str, value: bytes) -> bytes:
        """A value as it lies in this place."""
        place, generation = _place(table, column, key), self.generation
        head = VERSION + generation.to_bytes(4, "big") + secrets.token_bytes(_NONCE)
        return head + self._keys_of(generation)[0].encrypt(head[_HEAD:], value, head[:_HEAD] + place)

    def mark(self, value: bytes, generation: int | None = None) -> bytes:
        """By what records with this value are found; with the newest key, if no other is named."""
        key = self._keys_of(self.generation if generation is None else generation)[1]
        return hmac.digest(key, value, "sha256")[:_MARK]

    def _open(self, place: bytes, sealed: bytes) -> bytes:
        head, nonce, rest = sealed[:_HEAD], sealed[_HEAD : _HEAD + _NONCE], sealed[_HEAD + _NONCE :]
        if head[:1] != VERSION:
            raise StorageError("a sealed value in the registry cannot be read", reason="corrupt")
        try:
            return self._keys_of(generation_of(sealed))[0].decrypt(nonce, rest, head + place)
        except (InvalidTag, ValueError) as error:
            raise StorageError("a sealed value was made with another key, or changed", reason="keys") from error

    def _generations(self) -> tuple[int, ...]:
        if self._keys is None:
            raise StorageError("the registry was opened without the keys of its personal data", reason="no_keys")
        return self._keys.generations()

    def _keys_of(self, generation: int) -> tuple[AESGCM, bytes]:
        if generation not in self._known:
            self._known[generation] = self._derived(generation)
        return self._known[generation]

    def _derived(self, generation: int) -> tuple[AESGCM, bytes]:
        self._generations()
        keys = cast(KeyProvider, self._keys)
        try:
            with keys.data_key("seal", generation) as seal, seal.expose() as octets:
                cipher = AESGCM(bytes(octets))
            with keys.data_key("mark", generation) as mark, mark.expose() as octets:
                return cipher, bytes(octets)
        except NotFoundError as error:
            raise StorageError(f"the key of generation {generation} is not there", reason="keys") from error


def generation_of(sealed: bytes) -> int:
    """Of the key with which a value was sealed."""
    return int.from_bytes(sealed[1:_HEAD], "big")


def _place(table: str, column: str, key: str) -> bytes:
    return f"{table}.{column}:{key}".encode()
