"""Answers to reset (ISO/IEC 7816-3:2006, 8.2) and their historical bytes (ISO/IEC 7816-4:2020, 12.1.1)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import Final, NoReturn

from zorgid_card.errors import ATRError
from zorgid_card.ports.card import Octets

_CONVENTIONS: Final = (0x3B, 0x3F)
_INTERFACE_BYTES: Final = (0x10, 0x20, 0x40)  # TA, TB, TC; 0x80 announces TD
_CAPABILITIES: Final = 0x7
_EXTENDED_LENGTH: Final = 0x40
_CHAINING: Final = 0x80


@dataclass(frozen=True, slots=True)
class ATR:
    """An answer to reset.

    ``protocols`` are the transmission protocols offered (0 for T=0, 1 for T=1; 15 is none and left out),
    ``historical`` the historical bytes. ``extended_length`` and ``chaining`` come from the card capabilities;
    None where the card does not say.
    """

    raw: bytes
    protocols: tuple[int, ...]
    historical: bytes
    extended_length: bool | None
    chaining: bool | None

    @classmethod
    def parse(cls, raw: Octets) -> ATR:
        """Read an answer to reset of 2 to 33 bytes.

        Raises:
            ATRError: ``reason`` and ``offset``: a byte is missing or left over, or the check byte TCK is
            wrong.
        """
        data = bytes(raw)
        if not 2 <= len(data) <= 33 or data[0] not in _CONVENTIONS:
            _fail("not an answer to reset", 0)
        announced, at = _interface(data)
        end = at + (data[1] & 0x0F)
        checked = any(protocol != 0 for protocol in announced)
        if len(data) < end + checked:
            _fail("ends too early", len(data))
        if len(data) > end + checked:
            _fail("bytes after the end", end + checked)
        if checked and reduce(xor, data[1:]) != 0:
            _fail("check byte TCK is wrong", end)
        capabilities = _capabilities(data[at:end])
        known = len(capabilities) == 3
        return cls(
            data,
            tuple(dict.fromkeys(protocol for protocol in announced if protocol != 15)) or (0,),
            data[at:end],
            bool(capabilities[2] & _EXTENDED_LENGTH) if known else None,
            bool(capabilities[2] & _CHAINING) if known else None,
        )


def _fail(why: str, offset: int) -> NoReturn:
    raise ATRError(f"answer to reset: {why} at offset {offset}", reason=why, offset=offset)


def _interface(data: bytes) -> tuple[list[int], int]:
    """The protocols that the bytes TD1, TD2, ... name, and the offset of the historical bytes."""
    announced: list[int] = []
    at, indicator = 2, data[1]
    while True:
        at += sum(1 for bit in _INTERFACE_BYTES if indicator & bit)
        if not indicator & 0x80:
            return announced, at
        if at >= len(data):
            _fail("ends too early", len(data))
        indicator = data[at]
        announced.append(indicator & 0x0F)
        at += 1


def _capabilities(historical: bytes) -> bytes:
    """The card capabilities (compact-TLV tag 7) of the historical bytes, or nothing."""
    if not historical or historical[0] not in (0x00, 0x80):
        return b""
    at = 1
    end = len(historical) - (3 if historical[0] == 0x00 else 0)
    while at < end:
        tag, length = historical[at] >> 4, historical[at] & 0x0F
        if tag == _CAPABILITIES:
            return historical[at + 1 : min(at + 1 + length, end)]
        at += 1 + length
    return b""
