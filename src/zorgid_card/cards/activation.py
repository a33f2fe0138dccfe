"""One-time activation: passes of the UZI register made since 24 January 2021 are activated once, with the PIN, by their holder."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Activation(StrEnum):
    """Whether a card was activated, as far as reading tells."""

    NONE = "none"
    """Cards of this kind need no activation."""
    NEEDED = "needed"
    DONE = "done"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationRule:
    """How a kind of card shows that it is not activated yet, and how it is. **Every value is an assumption**: it is not public.

    Why these: in ISO/IEC 7816-15 the flag ``initialized`` of a PIN (8.9.2) is the one thing that says whether a PIN was set by
    whom it is for, and reading it costs no try; 6984 is ISO/IEC 7816-4's word for reference data that cannot be used yet; ACTIVATE
    FILE (ISO/IEC 7816-9, 7.3) is the standard's command that takes a card's application into use.

    Args:
        flag: the PIN's ``initialized`` is clear until the card is activated.
        statuses: what VERIFY answers before, with or without a PIN.
        refusals: what a key answers before.
        command: CLA INS P1 P2 of the command that activates, sent to the application with the PIN verified; empty: the first VERIFY
            with the right PIN does it.
    """

    flag: bool = True
    statuses: tuple[int, ...] = (0x6984,)
    refusals: tuple[int, ...] = (0x6985,)
    command: bytes = b"\x00\x44\x00\x00"
