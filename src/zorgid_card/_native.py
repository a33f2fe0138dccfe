"""The door to the C core: the only module that imports the compiled extensions.

``native/include/zc.h`` is the manual of every function. Pointers do not leave the modules that call them;
what those hand out are bytes, values and typed errors.
"""

from __future__ import annotations

from typing import Any

from zorgid_card._hot import Carrier, Certificate, Index, base64, plain_texts, revoked, unwrap, uzi_fields, wrap
from zorgid_card._zc import ffi, lib

__all__ = [
    "Carrier", "Certificate", "Index", "base64", "ffi", "lib", "octets", "plain_texts", "reason", "revoked", "unwrap",
    "uzi_fields", "wrap",
]  # fmt: skip


def reason(status: int) -> str:
    """A few words on a status of the core."""
    return str(ffi.string(lib.zc_reason(status)).decode())


def octets(data: bytes | bytearray | memoryview) -> Any:
    """``data`` as a ``const uint8_t *`` that keeps it alive; nothing is copied."""
    return ffi.from_buffer("uint8_t[]", data)
