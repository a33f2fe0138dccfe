"""Whether extended length can be used: card and reader must take it, and where the reader does not tell, a harmless read shows."""

from __future__ import annotations

from typing import Final

from zorgid_card.codec.apdu import INS, SW, CommandAPDU
from zorgid_card.codec.atr import ATR
from zorgid_card.codec.link import Link
from zorgid_card.codec.tlv import Index
from zorgid_card.errors import ATRError, CardError, EncodingError, TransportError
from zorgid_card.ports.card import equipped

ENOUGH: Final = 4096
"""Bytes of data that must go through for extended length to be used at all: more than any object of a card of this library."""

_SHORT_ID: Final = 0x80 | 0x01
_INFORMATION, _COMMAND_AND_RESPONSE = 0x7F66, 0x02
_CAPABILITIES, _EXTENDED = 0x47, 0x40

_ROOT: Final = CommandAPDU(0x00, INS.SELECT, 0x00, 0x0C, b"\x3f\x00")
_READ: Final = CommandAPDU(0x00, INS.GET_DATA, 0x3F, 0xFF, b"\x5c\x82\x01\x20" + b"\x7f\x66" * 144, le=0, extended=True)
"""GET DATA with a long list of tags (7816-4, 11.4.3): longer than a reader of short APDUs carries, and changes nothing."""


def extended_length(link: Link, *, read_file: bool = True, from_root: bool = False) -> bool:
    """Whether card and reader take extended length; to be asked before an application is selected, or ``from_root``.

    The card says so in its answer to reset or, where that is silent, in EF.ATR/INFO (7816-4, 12.1.1 and 12.2.2); the reader in
    its properties (PC/SC part 10, dwMaxAPDUDataSize). For a reader that does not, one long and harmless command is sent.

    Args:
        link: to the card.
        read_file: read EF.ATR/INFO where the answer to reset is silent; else that is taken for a no.
        from_root: select the MF before, where the file is; what was selected is not any more.

    Raises:
        CardRemovedError, CardResetError: the card is gone.
    """
    channel = link.channel
    reader = channel.longest if equipped(channel) else None
    if reader is not None and reader < ENOUGH:
        return False
    with channel.transaction():
        return _card_takes(link, read_file, from_root) and (reader is not None or _goes_through(link))


def _card_takes(link: Link, read_file: bool, from_root: bool) -> bool:
    try:
        told = ATR.parse(link.channel.atr).extended_length
    except ATRError:
        told = None
    if told is None:
        return read_file and _file_tells(link, from_root)
    return told


def _file_tells(link: Link, from_root: bool) -> bool:
    """EF.ATR/INFO: the limits it gives, else the card capabilities."""
    try:
        if from_root:
            link.transmit(_ROOT).require(SW.OK, operation="select the MF")
        read = link.transmit(CommandAPDU(0x00, INS.READ_BINARY, _SHORT_ID, 0x00, le=0))
        objects = Index(read.require(SW.OK, SW.WARNING_END_OF_FILE, operation="read EF.ATR/INFO"), padding=True)
        limits = [int.from_bytes(limit, "big") for limit in _limits(objects)]
        capabilities = objects.optional(_CAPABILITIES) or b""
    except (CardError, EncodingError, TransportError):
        return False
    if limits:
        return min(limits) >= ENOUGH
    return len(capabilities) == 3 and bool(capabilities[2] & _EXTENDED)


def _limits(objects: Index) -> list[bytes]:
    """Most bytes in a command and in a response (7816-4, 12.7.1)."""
    information = objects.optional(_INFORMATION)
    return [] if information is None else Index(information).all(_COMMAND_AND_RESPONSE)


def _goes_through(link: Link) -> bool:
    """Whatever the card answers, but for "wrong length", it got the command."""
    try:
        return link.transmit(_READ).sw != SW.WRONG_LENGTH
    except (CardError, TransportError, ValueError):
        return False
