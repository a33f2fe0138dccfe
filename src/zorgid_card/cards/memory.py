"""What is remembered of cards met before, so that logging in with one again takes few APDUs.

Public data only, in this process only: a file would outlive the card's contents, and would tell others who was here. Nothing of
it is trusted: a card is recognised by its CHUID, or by the reader's word that it was never taken out, before a PIN goes to it; and
a signature is given out only when it is one by the remembered certificate's key. What did not hold is forgotten.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Final, NamedTuple
from weakref import WeakSet

from zorgid_card.cards.access import Tries
from zorgid_card.codec.tlv import Index
from zorgid_card.errors import TLVError

_CAPACITY: Final = 64
_LONGEST_CHUID: Final = 4096
_GUID: Final = 0x34
_VALUES: Final = tuple(range(0x30, 0x40))
"""Tags of a CHUID: by their coding constructed, but they hold plain values."""
_GUID_LENGTH: Final = 16


class Insertion(NamedTuple):
    """A card's stay in a reader, from being put in to being taken out, as the reader counts them; None where it does not."""

    reader: str
    number: int | None


@dataclass(frozen=True, slots=True)
class KnownCard:
    """What was read of a ZORG-ID Smartcard.

    Attributes:
        atr: its answer to reset.
        chuid: contents of its CHUID, which tells it from all others; renewed whenever its contents change.
        certificate: the one to log in with, DER.
        tries: tries left of the PIN when they were last told.
    """

    atr: bytes
    chuid: bytes
    certificate: bytes
    tries: Tries = Tries.UNREAD


@dataclass(slots=True)
class Recognised:
    """A card in a reader, with what was read of it now or before.

    Attributes:
        known: what was read.
        memory: where it is remembered; None: nowhere, so it was read just now.
        selected: its application was selected to recognise it.
    """

    known: KnownCard
    memory: CardMemory | None = None
    selected: bool = True

    def told(self, tries: Tries) -> None:
        """The card told how many tries of the PIN are left."""
        self.known = replace(self.known, tries=tries)
        if self.memory is not None:
            self.memory.told(self.known.chuid, tries)

    def forget(self) -> None:
        """Something of it did not hold."""
        if self.memory is not None:
            self.memory.forget(self.known.chuid)


class CardMemory:
    """Remembers the cards last met, as many as ``capacity``; safe to use from several threads."""

    def __init__(self, capacity: int = _CAPACITY) -> None:
        self._capacity = capacity
        self._lock = threading.Lock()
        self._cards: OrderedDict[bytes, KnownCard] = OrderedDict()
        self._inserted: OrderedDict[str, tuple[int, bytes]] = OrderedDict()
        self._extended: OrderedDict[tuple[str, bytes], bool] = OrderedDict()
        with _register:
            _memories.add(self)

    @property
    def size(self) -> int:
        """How many cards are remembered."""
        with self._lock:
            return len(self._cards)

    def inserted(self, insertion: Insertion | None, atr: bytes) -> KnownCard | None:
        """The card that was recognised in this very insertion, if it is remembered."""
        if insertion is None or insertion.number is None:
            return None
        with self._lock:
            number, chuid = self._inserted.get(insertion.reader, (None, b""))
            return self._find(chuid, atr) if number == insertion.number else None

    def left(self, reader: str) -> None:
        """The card may have been taken out of this reader: what was recognised there holds no more, whatever is counted."""
        with self._lock:
            self._inserted.pop(reader, None)

    def recognise(self, chuid: bytes, atr: bytes, insertion: Insertion | None = None) -> KnownCard | None:
        """The card of this CHUID, if it is remembered; and that it is the one of this insertion is remembered then."""
        with self._lock:
            known = self._find(chuid, atr)
            if known is not None:
                self._note(chuid, insertion)
            return known

    def keep(self, known: KnownCard, insertion: Insertion | None = None) -> None:
        """Remember a card, unless its CHUID does not tell it from others."""
        if not _tells_apart(known.chuid):
            return
        with self._lock:
            self._cards[known.chuid] = known
            self._cards.move_to_end(known.chuid)
            self._note(known.chuid, insertion)
            while len(self._cards) > self._capacity:
                self._cards.popitem(last=False)

    def told(self, chuid: bytes, tries: Tries) -> None:
        """Remember how many tries of the PIN are left on a card that is remembered."""
        with self._lock:
            known = self._cards.get(chuid)
            if known is not None:
                self._cards[chuid] = replace(known, tries=tries)

    def forget(self, chuid: bytes) -> None:
        """Remember nothing of a card any more."""
        with self._lock:
            self._cards.pop(chuid, None)

    def extended(self, reader: str, atr: bytes) -> bool | None:
        """Whether this reader and cards of this answer to reset were found to take extended length; None: not looked at yet."""
        with self._lock:
            return self._extended.get((reader, atr))

    def found_extended(self, reader: str, atr: bytes, found: bool) -> None:
        """Remember that. A card that refuses it all the same is spoken to in short form by the link."""
        with self._lock:
            self._extended[reader, atr] = found
            while len(self._extended) > self._capacity:
                self._extended.popitem(last=False)

    def forget_kind(self, atr: bytes) -> None:
        """Remember nothing of the cards with this answer to reset any more."""
        with self._lock:
            for known in [known for known in self._cards.values() if known.atr == atr]:
                del self._cards[known.chuid]

    def _find(self, chuid: bytes, atr: bytes) -> KnownCard | None:
        known = self._cards.get(chuid)
        if known is None or known.atr != atr:
            return None
        self._cards.move_to_end(chuid)
        return known

    def _note(self, chuid: bytes, insertion: Insertion | None) -> None:
        if insertion is None or insertion.number is None:
            return
        self._inserted[insertion.reader] = (insertion.number, chuid)
        self._inserted.move_to_end(insertion.reader)
        while len(self._inserted) > self._capacity:
            self._inserted.popitem(last=False)


_register: Final = threading.Lock()
_memories: Final[WeakSet[CardMemory]] = WeakSet()


def contents_change(atr: bytes) -> None:
    """This process is about to change a card with this answer to reset: in no memory of it anything of such a card is relied on."""
    with _register:
        memories = list(_memories)
    for memory in memories:
        memory.forget_kind(atr)


def _tells_apart(chuid: bytes) -> bool:
    """Whether it carries a GUID of its own (SP 800-73-5 part 1, 3.1.2); some makers leave it empty, or the same on all cards."""
    try:
        guid = Index(chuid, opaque=_VALUES).optional(_GUID) or b""
    except TLVError:
        return False
    return len(chuid) <= _LONGEST_CHUID and len(guid) == _GUID_LENGTH and len(set(guid)) > 1
