"""The revocation index: what a CRL revokes (RFC 5280, 5.1.2.6), ready to be looked up in constant memory, or mapped from a file.

``zc.h`` describes the format of the file. It says what the CRL says; whether that is true is a matter of the CRL's signature
(:mod:`zorgid_card.pki.revocation`) and of who can write the file.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from zorgid_card._native import ffi, lib, octets, reason, revoked
from zorgid_card.errors import CertificateMalformedError, StorageError

SERIAL_OCTETS: Final = 20
"""Most octets of a serial number (RFC 5280, 4.1.2.2)."""

_to_bytes: Final = int.to_bytes
_uncleared: Final = ffi.new_allocator(should_clear_after_alloc=False)


class RevokedSerial(NamedTuple):
    """One revoked certificate: ``since`` is revocationDate in seconds since 1970, ``reason`` the number of 5.3.1."""

    serial: int
    reason: int
    since: int


class RevokedIndex:
    """The revoked certificates of one CRL. Made by :meth:`build` or :meth:`load`; any number of threads may use it.

    Args:
        data: an index that the C core has built or checked.
    """

    __slots__ = ("_data", "_size", "find_octets")

    find_octets: Callable[[bytes], tuple[int, int] | None]
    """As :meth:`find`, of a serial number in octets, big-endian."""

    def __init__(self, data: bytes | mmap.mmap) -> None:
        self._data = data
        self.find_octets = partial(revoked, data)
        self._size = int.from_bytes(data[8:12], "little")

    @classmethod
    def build(cls, crl: bytes) -> RevokedIndex:
        """Index a whole CRL, DER, in one pass over it.

        Of two entries for one serial the one for good counts before certificateHold, then the earlier one. Issuer, signature and
        the list's own extensions are left to whoever verifies them.

        Raises:
            CertificateMalformedError: not a CRL in DER; an entry with a serial number that is negative or longer than 20 bytes,
                a date that is none, a critical extension that is not known, or ``removeFromCRL``.
        """
        room = lib.zc_revoked_room(len(crl))
        out, size = _uncleared("uint8_t[]", room), ffi.new("size_t *")
        status = lib.zc_revoked_build(octets(crl), len(crl), out, room, size)
        if status != lib.ZC_OK:
            raise CertificateMalformedError(f"CRL: {reason(status)}", field="CRL", reason=reason(status))
        return cls(bytes(ffi.buffer(out, size[0])))

    @classmethod
    def load(cls, path: Path) -> RevokedIndex:
        """Map the file of :meth:`save`, after checking every byte of it. It must not be written to or cut short while it is in
        use (a mapped page that is gone ends the process): replace the file, as :meth:`save` does.

        Raises:
            StorageError: it cannot be read, or is not a revocation index.
        """
        try:
            with path.open("rb") as file:
                data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:  # ValueError: an empty file cannot be mapped
            raise StorageError(f"{path} cannot be read", reason=str(error)) from error
        status = lib.zc_revoked_check(octets(memoryview(data)), len(data))
        if status != lib.ZC_OK:
            raise StorageError(f"{path}: {reason(status)}", reason=reason(status))
        return cls(data)

    def save(self, path: Path) -> None:
        """Write the index to a file, whole or not at all, for :meth:`load` by this or another process.

        Raises:
            StorageError: it could not be written.
        """
        beside = path.with_name(path.name + ".new")
        try:
            beside.write_bytes(self._data)
            beside.replace(path)
        except OSError as error:
            raise StorageError(f"{path} cannot be written", reason=str(error.strerror)) from error

    def find(self, serial: int) -> tuple[int, int] | None:
        """The reason's number and the seconds since 1970 if this serial number is revoked, else None."""
        try:
            return self.find_octets(_to_bytes(serial, SERIAL_OCTETS, "big"))
        except OverflowError:  # negative or longer than any on a CRL
            return None

    def __contains__(self, serial: object) -> bool:
        return isinstance(serial, int) and self.find(serial) is not None

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[RevokedSerial]:
        """Each entry, in the order of the index, which means nothing."""
        data: Any = octets(memoryview(self._data))
        entry = ffi.new("zc_revoked *")
        for position in range(self._size):
            lib.zc_revoked_at(data, len(data), position, entry)
            yield RevokedSerial(int.from_bytes(ffi.buffer(entry.serial), "big"), entry.reason, entry.since)
