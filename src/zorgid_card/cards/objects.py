"""What a maker writes besides certificates: CHUID, CCC and the discovery object (SP 800-73-5 part 1, 3.1
and 3.3).
"""

from __future__ import annotations

import secrets
from datetime import date
from typing import Final

from zorgid_card.codec.tlv import encode
from zorgid_card.errors import UsageError
from zorgid_card.protocol.piv import AID

_AGENCY: Final = "9999"
"""Issuers outside the US government have no agency code of their own (SP 800-73-5 part 1, 3.1.2)."""

_START, _SEPARATOR, _END = 0xB, 0xD, 0xF
_PIV_PIN_ONLY: Final = b"\x40\x00"
_CARD_NUMBER_LENGTH: Final = 14


def fasc_n() -> bytes:
    """The FASC-N of a card without one: agency 9999, all other fields 9 or 0 (TIG SCEPACS 2.3, 6.2); 25
    bytes.

    Forty characters of four bits, least significant first, each with an odd parity bit; the last is the
    exclusive or of the others.
    """
    fields: list[int] = [_START, *map(int, _AGENCY), _SEPARATOR]
    for field in ("9999", "999999", "0", "1"):
        fields += [*map(int, field), _SEPARATOR]
    fields += [*map(int, "0000000000" + "3" + "0000" + "1"), _END]
    check = 0
    for value in fields:
        check ^= value
    bits = "".join(f"{value:04b}"[::-1] + str(1 - value.bit_count() % 2) for value in (*fields, check))
    return int(bits, 2).to_bytes(25, "big")


def chuid(guid: bytes, expiry: date) -> bytes:
    """Contents of the Card Holder Unique Identifier (part 1, table 9).

    Args:
        guid: 16 bytes, random; Windows keeps what it read of a card under this number.
        expiry: last day.
    """
    if len(guid) != 16:
        raise UsageError(f"a GUID of {len(guid)} bytes", reason="guid")
    return b"".join(
        (
            encode(0x30, fasc_n()),
            encode(0x34, guid),
            encode(0x35, expiry.isoformat().replace("-", "").encode()),
            encode(0x3E),
            encode(0xFE),
        )
    )


def ccc(number: bytes | None = None) -> bytes:
    """Contents of the Card Capability Container (part 1, table 8; GSC-IS 2.1, 6.3).

    Args:
        number: 14 bytes, random; made here if None.
    """
    number = secrets.token_bytes(_CARD_NUMBER_LENGTH) if number is None else number
    if len(number) != _CARD_NUMBER_LENGTH:
        raise UsageError(f"a card number of {len(number)} bytes", reason="number")
    identifier = bytes.fromhex("A000000116FF02") + number
    empty = b"".join(encode(tag) for tag in (0xF6, 0xF7, 0xFA, 0xFB, 0xFC, 0xFD, 0xFE))
    return b"".join(
        (
            encode(0xF0, identifier),
            encode(0xF1, b"\x21"),
            encode(0xF2, b"\x21"),
            encode(0xF3),
            encode(0xF4, b"\x00"),
            encode(0xF5, b"\x10"),
            empty,
        )
    )


def discovery() -> bytes:
    """Contents of the discovery object: the PIV application, its own PIN and no global one (part 1,
    3.3.2).
    """
    return encode(0x4F, AID) + encode(0x5F2F, _PIV_PIN_ONLY)
