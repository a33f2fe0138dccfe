"""BER-TLV and DER (ISO/IEC 7816-4:2020, 6.3; X.690): an index made in C in one pass, looked up lazily.

Tags are written as their bytes read as one number: ``0x53``, ``0x7F49``, ``0x5FC105``.
"""

from __future__ import annotations

from typing import NoReturn

from zorgid_card._native import Index, ffi, lib, reason
from zorgid_card.errors import TLVError, TLVMissingError
from zorgid_card.ports.card import Octets

__all__ = ["Index", "encode"]


def encode(tag: int, *parts: Octets) -> bytes:
    """One data object with the shortest definite length; its value is ``parts`` one after another.

    Raises:
        ValueError: ``tag`` is not a tag field of one to four bytes.
    """
    value = b"".join(parts)
    out, length = ffi.new("uint8_t[]", lib.ZC_TLV_HEADER_MAX), ffi.new("size_t *")
    if not 0 < tag <= 0xFFFFFFFF or lib.zc_tlv_header(tag, len(value), out, length) != lib.ZC_OK:
        raise ValueError(f"{tag:X} is not a tag")
    return bytes(ffi.buffer(out, length[0])) + value


def _malformed(status: int, offset: int) -> NoReturn:
    """What :class:`Index` raises for bytes that are not TLV."""
    why = reason(status)
    raise TLVError(f"TLV: {why} at offset {offset}", reason=why, offset=offset)


def _missing(*path: int) -> NoReturn:
    """What :class:`Index` raises for a path that leads nowhere."""
    shown = "/".join(f"{tag:02X}" for tag in path)
    raise TLVMissingError(f"no data object {shown}", reason=reason(lib.ZC_E_MISSING), path=shown)
