"""From two looks at the readers to what happened in between: no I/O, no time.

What a slot holds, and the event that tells of it:

=============  ====================================  ==============
now            before                                event
=============  ====================================  ==============
a card         nothing, or a card that was mute      CARD_INSERTED
a mute card    nothing, or a card that answered      CARD_MUTE
nothing        a card, mute or not                   CARD_REMOVED
=============  ====================================  ==============

A reader is added before anything is told of its slot, and its slot is empty when it is removed. Where more cards came and went than
two looks show (PC/SC counts them), CHANGED_UNSEEN is told first, and then what leads to the slot as it is now: a card that was
exchanged is removed, and another inserted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class Change(StrEnum):
    """What happened to a reader."""

    READER_ADDED = "reader-added"
    READER_REMOVED = "reader-removed"
    CARD_INSERTED = "card-inserted"
    CARD_REMOVED = "card-removed"
    CARD_MUTE = "card-mute"
    CHANGED_UNSEEN = "changed-unseen"


class Held(StrEnum):
    """What a slot holds."""

    NOTHING = "nothing"
    CARD = "card"
    MUTE = "mute"


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotState:
    """A slot at one moment.

    Attributes:
        held: nothing, a card, or one that does not answer.
        atr: the card's answer to reset, 0 to 33 bytes; empty where there is none.
        counter: cards that came and went in this slot, modulo 65,536, as PC/SC counts them; 0 where it does not.
    """

    held: Held = Held.NOTHING
    atr: bytes = b""
    counter: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderEvent:
    """Something that happened to a reader, or (at first) is already so.

    Attributes:
        change: what.
        reader: the reader's name.
        atr: of the card that was inserted, 0 to 33 bytes; else empty.
        counter: of :class:`SlotState`, when this was seen.
    """

    change: Change
    reader: str
    atr: bytes = b""
    counter: int = 0


Snapshot: TypeAlias = Mapping[str, SlotState]
"""All readers at one moment, by name."""

_COUNTED = 0x10000
_TOLD = {Held.NOTHING: Change.CARD_REMOVED, Held.CARD: Change.CARD_INSERTED, Held.MUTE: Change.CARD_MUTE}


def changes(before: Snapshot, after: Snapshot) -> Iterator[ReaderEvent]:
    """What leads from one look to the next: readers that went, then slots that changed, then readers that came."""
    for reader, state in before.items():
        if reader not in after:
            yield from _went(reader, state)
    for reader, state in before.items():
        if reader in after:
            yield from _changed(reader, state, after[reader])
    for reader, state in after.items():
        if reader not in before:
            yield from _came(reader, state)


def _came(reader: str, state: SlotState) -> Iterator[ReaderEvent]:
    yield ReaderEvent(change=Change.READER_ADDED, reader=reader, counter=state.counter)
    yield from _becomes(reader, Held.NOTHING, state)


def _went(reader: str, state: SlotState) -> Iterator[ReaderEvent]:
    yield from _becomes(reader, state.held, SlotState(counter=state.counter))
    yield ReaderEvent(change=Change.READER_REMOVED, reader=reader, counter=state.counter)


def _becomes(reader: str, held: Held, state: SlotState) -> Iterator[ReaderEvent]:
    if held is not state.held:
        yield ReaderEvent(change=_TOLD[state.held], reader=reader, atr=state.atr, counter=state.counter)


def _changed(reader: str, before: SlotState, after: SlotState) -> Iterator[ReaderEvent]:
    if not _unseen(before, after):
        yield from _becomes(reader, before.held, after)
        return
    yield ReaderEvent(change=Change.CHANGED_UNSEEN, reader=reader, counter=after.counter)
    if _counted(before, after) >= _COUNTED // 2:  # it counts anew: the reader was unplugged, and plugged in again
        yield from _went(reader, before)
        yield from _came(reader, after)
        return
    empty = SlotState(counter=after.counter)
    yield from _becomes(reader, before.held, empty)
    yield from _becomes(reader, Held.NOTHING, after)


def _counted(before: SlotState, after: SlotState) -> int:
    return (after.counter - before.counter) % _COUNTED


def _unseen(before: SlotState, after: SlotState) -> bool:
    """Whether a card came or went that the two states alone do not show."""
    shown = (before.held is Held.NOTHING) is not (after.held is Held.NOTHING)
    exchanged = not after.counter and bool(before.atr and after.atr) and before.atr != after.atr
    return _counted(before, after) > shown or exchanged
