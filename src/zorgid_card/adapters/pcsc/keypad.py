"""What a reader can do by itself (PC/SC part 10, rev. 2.02.09): a PIN entered on its keypad, and the length it carries."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from zorgid_card.errors import (
    DeclinedError,
    KeypadTimeoutError,
    PINFormError,
    PINMismatchError,
    ReaderError,
    TransportError,
    UsageError,
)
from zorgid_card.ports.card import PINEntry

Control: TypeAlias = Callable[[int, bytes], bytes]
"""SCardControl: given a control code (or a number of part 10) and data, the reader's answer."""

GET_FEATURES: Final = 3400  # CM_IOCTL_GET_FEATURE_REQUEST, 2.2
_VERIFY_DIRECT, _MODIFY_DIRECT, _PIN_PROPERTIES, _TLV_PROPERTIES = 0x06, 0x07, 0x0A, 0x12  # 2.3

# Tags of FEATURE_GET_TLV_PROPERTIES, 2.6.14; their values are little-endian.
_LCD_LAYOUT, _VALIDATION, _MINIMUM, _MAXIMUM, _LONGEST = 0x01, 0x02, 0x06, 0x07, 0x0A
_LONGEST_NUMBER: Final = 4

# PIN_VERIFY_STRUCTURE and PIN_MODIFY_STRUCTURE, 2.5.2 and 2.5.3: packed, numbers in the host's byte order.
_VERIFY: Final = struct.Struct("=5BH2BHB3sI")
_MODIFY: Final = struct.Struct("=7BH3BH3B3sI")
_PROPERTIES: Final = struct.Struct("=H2B")

_SECONDS: Final = 30
_ASCII_LEFT_IN_BYTES: Final = 0x82  # bmFormatString: units of bytes, at position 0, left justified, ASCII
_VALIDATION_KEY: Final = 0x02
_OLD_AND_CONFIRMED: Final = 0x03  # bConfirmPIN: the old PIN is asked for, the new one twice
_DUTCH: Final = 0x0413
_NO_PROLOGUE: Final = bytes(3)

_TIMEOUT, _CANCELLED, _DIFFER, _LENGTH, _STRUCTURE = 0x6400, 0x6401, 0x6402, 0x6403, 0x6B80  # 2.5.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What a reader tells of itself.

    ``controls``: control codes by feature. ``longest``: data bytes in one command or response, 0 where it takes short APDUs only.
    ``lines``: whether it has a display. ``validation``: how an entry may end (bEntryValidationCondition). ``minimum`` and
    ``maximum``: characters of a PIN. None, or 0, where it does not tell.
    """

    controls: Mapping[int, int]
    longest: int | None = None
    lines: bool = False
    validation: int = 0
    minimum: int = 0
    maximum: int = 0

    @property
    def keypad(self) -> bool:
        """Whether a PIN can be entered on it."""
        return _VERIFY_DIRECT in self.controls


def ask(control: Control) -> Features:
    """Ask a reader what it can do. A reader that knows no such question can do nothing.

    Args:
        control: the reader's.

    Raises:
        CardRemovedError, CardResetError: the connection is lost.
    """
    controls = {tag: int.from_bytes(value, "big") for tag, value in _tlvs(_told(control, GET_FEATURES))}
    told: dict[int, int] = {}
    if _TLV_PROPERTIES in controls:
        answer = _told(control, controls[_TLV_PROPERTIES])
        told = {tag: int.from_bytes(value, "little") for tag, value in _tlvs(answer)}
    if _PIN_PROPERTIES in controls:
        answer = _told(control, controls[_PIN_PROPERTIES])
        if len(answer) >= _PROPERTIES.size:
            layout, validation, _ = _PROPERTIES.unpack_from(answer)
            told = {_LCD_LAYOUT: layout, _VALIDATION: validation} | told
    return Features(
        controls=controls,
        longest=told.get(_LONGEST),
        lines=bool(told.get(_LCD_LAYOUT)),
        validation=told.get(_VALIDATION, 0) & 0xFF,
        minimum=told.get(_MINIMUM, 0),
        maximum=told.get(_MAXIMUM, 0),
    )


def _told(control: Control, code: int) -> bytes:
    try:
        return control(code, b"")
    except TransportError:
        return b""


def _tlvs(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag, length and value, one byte of the first two each; what is cut off, or no number of 4 bytes at most, is left out."""
    at = 0
    while at + 2 <= len(octets):
        value = octets[at + 2 : at + 2 + octets[at + 1]]
        if len(value) == octets[at + 1] <= _LONGEST_NUMBER:
            yield octets[at], value
        at += 2 + octets[at + 1]


class PCSCKeypad:
    """The keypad of a reader (:class:`zorgid_card.ports.card.Keypad`).

    Args:
        features: what the reader told.
        control: the reader's.
    """

    def __init__(self, features: Features, control: Control) -> None:
        self._features = features
        self._control = control

    def enter(self, entry: PINEntry, /) -> int:
        """Let the person enter the PIN or PINs, and the reader send the command; the reader waits 30 seconds for each key.

        Returns:
            the card's status word.

        Raises:
            KeypadTimeoutError: nobody entered one.
            DeclinedError: the person pressed the key that cancels.
            PINMismatchError: the new PIN, entered twice, differs.
            PINFormError: the PIN is too short or too long.
            UsageError: the reader has no keypad for this, or none for PINs of this length.
            ReaderError: the reader refuses the request; or as :meth:`zorgid_card.ports.card.Channel.transmit`.
        """
        feature = _VERIFY_DIRECT if len(entry.offsets) == 1 else _MODIFY_DIRECT
        code = self._features.controls.get(feature)
        if code is None:
            raise UsageError("the reader's keypad does not do this", reason="keypad")
        answer = self._control(code, structure(entry, self._features))
        if len(answer) != 2:
            raise TransportError("PIN entry: the reader gave no status word", reason="status word")
        sw = int.from_bytes(answer, "big")
        _require_entered(sw, entry)
        return sw


def structure(entry: PINEntry, features: Features) -> bytes:
    """PIN_VERIFY_STRUCTURE (one PIN) or PIN_MODIFY_STRUCTURE (the old one and a new one), with the command's template.

    Raises:
        UsageError: the reader takes no PINs of this length.
    """
    command = entry.header + bytes([len(entry.template)]) + entry.template
    messages = len(entry.offsets) if features.lines else 0
    begin = (_SECONDS, _SECONDS, _ASCII_LEFT_IN_BYTES, entry.width, 0)
    limits, validation = _limits(entry, features), _validation(features)
    if len(entry.offsets) == 1:
        head = _VERIFY.pack(*begin, limits, validation, messages, _DUTCH, 0, _NO_PROLOGUE, len(command))
    else:
        confirmed = messages + 1 if messages else 0
        indexes = (0, 1, 2) if messages else (0, 0, 0)
        what = (limits, _OLD_AND_CONFIRMED, validation, confirmed, _DUTCH)
        head = _MODIFY.pack(*begin, *entry.offsets, *what, *indexes, _NO_PROLOGUE, len(command))
    return head + command


def _limits(entry: PINEntry, features: Features) -> int:
    """wPINMaxExtraDigit: the fewest characters in the high byte, the most in the low one."""
    minimum = max(entry.minimum, features.minimum)
    maximum = min(entry.maximum, features.maximum or entry.maximum)
    if minimum > maximum:
        raise UsageError("the reader's keypad takes no PINs of this length", reason="keypad")
    return minimum << 8 | maximum


def _validation(features: Features) -> int:
    """The key that ends an entry, unless the reader knows other ways only."""
    return _VALIDATION_KEY if features.validation & _VALIDATION_KEY else features.validation or _VALIDATION_KEY


def _require_entered(sw: int, entry: PINEntry) -> None:
    """What the reader itself says in place of the card; the card has heard nothing then."""
    if sw == _TIMEOUT:
        raise KeypadTimeoutError
    if sw == _CANCELLED:
        raise DeclinedError("cancelled on the reader's keypad", reason="keypad")
    if sw == _DIFFER:
        raise PINMismatchError
    if sw == _LENGTH:
        raise PINFormError(minimum=entry.minimum, maximum=entry.maximum)
    if sw == _STRUCTURE:
        raise ReaderError(f"PIN entry: the reader refuses the request ({sw:04X})", reason=f"{sw:04X}")
