"""The log of all APDUs: logger ``zorgid_card.apdu``, level DEBUG, secrets masked before a line is made of them.

``logging.getLogger("zorgid_card.apdu").setLevel(logging.DEBUG)`` switches it on for cards opened from then on. Certificates, and so
names, are in it: it is for the search for a fault, not for keeping.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from zorgid_card.codec.link import Observer

LOGGER: Final = logging.getLogger("zorgid_card.apdu")


def observed(observer: Observer | None) -> Observer | None:
    """What a new link tells of its APDUs to: ``observer``, the log where it is on, or both.

    Where the log is off this is ``observer`` itself, and the log costs nothing per APDU.
    """
    if not LOGGER.isEnabledFor(logging.DEBUG):
        return observer
    if observer is None:
        return log

    def both(command: bytes, response: bytes, seconds: float) -> None:
        log(command, response, seconds)
        observer(command, response, seconds)

    return both


def log(command: bytes, response: bytes, seconds: float) -> None:
    """Log one physical exchange; an :data:`~zorgid_card.codec.link.Observer`, so both are masked."""
    LOGGER.debug("%s -> %s (%.1f ms)", _Hex(command), _Hex(response), seconds * 1000)


class _Hex(bytes):
    """Bytes that become digits only where a handler writes them."""

    def __str__(self) -> str:
        return self.hex().upper()
