"""Commands with secrets, put together in a locked page of the C core."""

from __future__ import annotations

from typing import Any, Final

from zorgid_card._native import ffi, lib, octets, reason
from zorgid_card.codec.apdu import CommandAPDU

CONTENTS: Final = ffi.offsetof("zc_secret", "bytes")
"""Where in a ``zc_secret`` its bytes begin."""


def locked_page(size: int) -> Any:
    """A locked page with room for ``size`` bytes, 0 to 4080, as a ``zc_secret *`` that is wiped when it is collected.

    Raises:
        ValueError: more than a page holds.
        MemoryError: the system gave no page.
    """
    page = ffi.new("zc_secret **")
    status = lib.zc_secret_open(size, page)
    if status == lib.ZC_E_RANGE:
        raise ValueError("a command with secrets: more bytes than a locked page holds")
    if status != lib.ZC_OK:
        raise MemoryError(reason(status))
    return ffi.gc(page[0], lib.zc_secret_close)


def filled_page(command: CommandAPDU, room: int) -> Any:
    """The command's data with its secrets filled in, at the beginning of a locked page of ``room`` bytes.

    Raises:
        ValueError: a secret does not fit its template, or was wiped; the page is wiped.
    """
    size = len(command.data)
    page = locked_page(room)
    lib.zc_secret_write(page, 0, octets(command.data), size)
    try:
        for field in command.secrets:
            if field.offset < 0 or field.offset + len(field.secret) > size:
                raise ValueError("a secret does not fit its template")
            field.secret.insert_into(page, field.offset)
    except BaseException:
        lib.zc_secret_wipe(page)
        raise
    return page
