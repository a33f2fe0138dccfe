"""The reader of a step: named, the only one, or the one where the wanted card is put; other cards are told of, and passed over."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from zorgid_card.agent.page_holder import Stop
from zorgid_card.cards import CardKind, detect
from zorgid_card.codec.link import Link
from zorgid_card.errors import (
    CancelledError,
    CardError,
    EncodingError,
    NoCardError,
    NoReaderError,
    ReaderBusyError,
    ReaderError,
)
from zorgid_card.ports.card import Channel, Reader, counting
from zorgid_card.workflows.holder import Cue
from zorgid_card.workflows.stopping import LOOK, StoppableReader

_PATIENCE: Final = 4
"""Looks, :data:`LOOK` seconds apart, at a card of which it cannot be told what it is."""

_FIT: Final[Mapping[Cue, frozenset[CardKind]]] = {
    Cue.INSERT_PASS: frozenset((CardKind.UZI_PASS,)),
    Cue.INSERT_BLANK: frozenset((CardKind.BLANK, CardKind.ZORGID, CardKind.PIV_OTHER)),
    Cue.INSERT_CARD: frozenset((CardKind.ZORGID,)),
}
"""Which kinds of card fit what was asked for. Whether a card in use may become another's is the workflow's to judge."""


def kind_in(reader: Reader) -> CardKind | None:
    """What card is in a reader, by reading alone; None: none, or it cannot be told now."""
    with suppress(ReaderError, CardError, EncodingError):
        channel = reader.connect()
        try:
            return detect(Link(channel)).kind
        finally:
            channel.close()
    return None


class Claims:
    """Which readers steps are going on at: one step at a time at each."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._claimed: set[str] = set()
        self._known: dict[str, tuple[int, CardKind]] = {}

    def kind_in(self, reader: Reader) -> CardKind | None:
        """What card is in a reader; a card is looked at once, for a page may ask every second.

        Returns:
            None where it cannot be told, or a step goes on there, which would be disturbed. None begins meanwhile.
        """
        with self._turn:
            if reader.name in self._claimed:
                return None
            stay = _insertion(reader)
            known = self._known.get(reader.name)
            if known is not None and known[0] == stay:
                return known[1]
            kind = kind_in(reader)
            if kind is not None and stay is not None:
                self._known[reader.name] = stay, kind
            return kind

    def going_on(self, reader: Reader) -> bool:
        """Whether a step has this reader."""
        with self._turn:
            return reader.name in self._claimed

    @contextmanager
    def claim(self, reader: Reader) -> Iterator[None]:
        """Have a reader alone among steps.

        Raises:
            ReaderBusyError: another step goes on there; ``reason`` is ``step``.
        """
        with self._turn:
            if reader.name in self._claimed:
                raise ReaderBusyError("another step goes on at this reader", reason="step")
            self._claimed.add(reader.name)
        try:
            yield
        finally:
            with self._turn:
                self._claimed.discard(reader.name)


class Slot:
    """The reader of one step (:class:`zorgid_card.ports.card.Reader`): waits end when told to, and for the card that was asked for.

    Args:
        reader: where the cards are put.
        stop: set when the step is to end.
        other: told of each card that is not the one that was asked for.
    """

    def __init__(self, reader: Reader, stop: Stop, other: Callable[[CardKind], None]) -> None:
        self._reader = reader
        self._stoppable = StoppableReader(reader, stop)
        self._other = other
        self._fitting: Collection[CardKind] = ()

    @property
    def name(self) -> str:
        """The reader's name."""
        return self._stoppable.name

    def expect(self, cue: Cue, kinds: Collection[CardKind] | None = None) -> None:
        """The next card is to be one that fits this."""
        self._fitting = _FIT.get(cue, ()) if kinds is None else kinds

    def connect(self, *, exclusive: bool = False, timeout: float = 0) -> Channel:
        """See the Protocol."""
        return self._stoppable.connect(exclusive=exclusive, timeout=timeout)

    def wait(self, *, present: bool, timeout: float | None = None) -> None:
        """See the Protocol; another card than was asked for is waited for until it is out again."""
        self._stoppable.wait(present=present, timeout=timeout)
        while present and self._fitting:
            before, kind = _insertion(self._reader), kind_in(self._stoppable)
            if kind is None or kind in self._fitting:  # what cannot be told is the workflow's to find out
                return
            self._other(kind)
            self._until_out(before)
            self._stoppable.wait(present=True, timeout=timeout)

    def _until_out(self, insertion: int | None) -> None:
        """Until the card of this insertion is out, or was out."""
        while True:
            with suppress(NoCardError):
                return self._stoppable.wait(present=False, timeout=LOOK)
            if _insertion(self._reader) != insertion:
                return None


def _insertion(reader: Reader) -> int | None:
    return reader.insertion() if counting(reader) else None


class Search:
    """For a reader in which the wanted card is, among several; each card of another kind is told of once.

    Args:
        readers: gives those of this computer, now.
        claims: those where steps go on.
        stop: ends the search.
        other: told of each card of another kind.
    """

    def __init__(
        self,
        readers: Callable[[], Sequence[Reader]],
        claims: Claims,
        stop: Stop,
        other: Callable[[CardKind], None],
    ) -> None:
        self._readers = readers
        self._claims = claims
        self._stop = stop
        self._other = other
        self._passed: set[str] = set()
        self._untold: Counter[str] = Counter()

    def reader(self, name: str | None, kinds: Collection[CardKind]) -> Reader:
        """The reader of this name; without one the only reader, or as soon as there is one the first with a card of these kinds.

        Raises:
            NoReaderError: there is none, or none of this name.
            CancelledError: it was stopped.
        """
        known = self._readers()
        if name is not None:
            known = [reader for reader in known if reader.name == name]
        if not known:
            raise NoReaderError(name=name) if name is not None else NoReaderError()
        while len(known) > 1:
            if (found := self._look(known, kinds)) is not None:
                return found
            if self._stop.wait(LOOK):
                raise CancelledError
            known = self._readers()
        if not known:
            raise NoReaderError
        return known[0]

    def _look(self, readers: Sequence[Reader], kinds: Collection[CardKind]) -> Reader | None:
        for reader in readers:
            if not holds_card(reader):
                self._passed.discard(reader.name)
                self._untold.pop(reader.name, None)
            elif reader.name not in self._passed:
                kind = self._claims.kind_in(reader)
                if kind in kinds or (kind is None and self._stays_untold(reader)):
                    return reader
                if kind is not None:
                    self._passed.add(reader.name)
                    self._other(kind)
        return None

    def _stays_untold(self, reader: Reader) -> bool:
        """Whether it cannot be told for a while what card is in it: another program has it alone, or it is in upside down. The step
        finds out, and says so.
        """
        self._untold[reader.name] += 0 if self._claims.going_on(reader) else 1
        return self._untold[reader.name] > _PATIENCE


def holds_card(reader: Reader) -> bool:
    """Whether a card is in it now."""
    with suppress(NoCardError, ReaderError):
        reader.wait(present=True, timeout=0)
        return True
    return False
