"""Answers to reset (ISO/IEC 7816-3:2006, 8.2) and their historical bytes (ISO/IEC 7816-4:2020, 12.1.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from zorgid_card._native import ffi, lib, octets, reason
from zorgid_card.errors import ATRError
from zorgid_card.ports.card import Octets

_PROTOCOLS: Final = 15
_UNKNOWN: Final = lib.ZC_ATR_UNKNOWN


class InterfaceByte(NamedTuple):
    """One interface byte: its name ("TA1"), its value, and the T of the TD before it (None before any)."""

    name: str
    value: int
    protocol: int | None


@dataclass(frozen=True, slots=True)
class ATR:
    """An answer to reset.

    ``protocols`` are the transmission protocols offered, the first one first (0 for T=0, 1 for T=1; 15 is
    none and left out), ``interface`` the interface bytes in order, ``historical`` the historical bytes.
    ``extended_length`` and ``chaining`` come from the card capabilities; None where the card does not say.
    """

    raw: bytes
    protocols: tuple[int, ...]
    interface: tuple[InterfaceByte, ...]
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
        atr, offset = ffi.new("zc_atr *"), ffi.new("size_t *")
        status = lib.zc_atr_parse(octets(data), len(data), atr, offset)
        if status != lib.ZC_OK:
            why = reason(status)
            raise ATRError(f"answer to reset: {why} at offset {offset[0]}", reason=why, offset=offset[0])
        start = atr.historical_offset
        return cls(
            data,
            _protocols(atr),
            tuple(_interface_byte(atr.interface_bytes[i]) for i in range(atr.interface_count)),
            data[start : start + atr.historical_length],
            _capability(atr.extended_length),
            _capability(atr.chaining),
        )


def _protocols(atr: Any) -> tuple[int, ...]:
    offered = [protocol for protocol in range(_PROTOCOLS) if atr.protocols >> protocol & 1]
    return tuple(sorted(offered, key=lambda protocol: protocol != atr.first))


def _interface_byte(byte: Any) -> InterfaceByte:
    return InterfaceByte(
        f"T{chr(byte.kind)}{byte.number}", byte.value, None if byte.protocol == _UNKNOWN else byte.protocol
    )


def _capability(value: int) -> bool | None:
    return None if value == _UNKNOWN else bool(value)
