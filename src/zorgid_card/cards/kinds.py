"""The kinds of card that this library tells apart."""

from __future__ import annotations

from enum import StrEnum


class CardKind(StrEnum):
    """What a card is, by what can be read from it without PIN or key."""

    UZI_PASS = "uzi-pass"
    ZORGID = "zorgid"
    BLANK = "blank"
    PIV_OTHER = "piv"
    UNKNOWN = "unknown"
