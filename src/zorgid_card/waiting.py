"""A recipe: waiting for a card of a kind, whatever readers and cards come and go."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable

from zorgid_card.adapters import pcsc
from zorgid_card.adapters.pcsc import Change, PCSCReader, ReaderEvent
from zorgid_card.cards import CardKind, detect
from zorgid_card.codec.link import Link
from zorgid_card.errors import CardError, CardResetError, NoCardError, ReaderBusyError, ReaderError, WrongCardError
from zorgid_card.ports.card import Reader

_TRY_AGAIN = 0.5
"""Seconds after which a card that another program holds is looked at again."""


def wait_for_card(
    kind: CardKind | None = None,
    timeout: float | None = None,
    *,
    other: Callable[[PCSCReader, CardKind], None] | None = None,
) -> PCSCReader:
    """The reader that holds a card of this kind, as soon as one does; whatever readers and cards come and go meanwhile.

    What a card is, is found by reading alone, in a connection shared with other programs; one that another program holds for itself
    is looked at when it lets go. Cards of other kinds are passed over.

    Args:
        kind: what is waited for; None: any card that answers.
        timeout: seconds, 0 to look only once; None waits for ever.
        other: told once of each card of another kind, with its reader: such as to say to the person what was put in.

    Raises:
        WrongCardError: the time passed, and the card that is there is of another kind; ``expected``, ``found``.
        NoCardError: the time passed without a card.
        PCSCUnavailableError: no PC/SC service on this computer; ``advice`` says what to do.
    """
    end = math.inf if timeout is None else time.monotonic() + timeout
    with pcsc.watch_readers() as watch:
        search = _Search(kind, other, watch.reader)
        while True:
            left = max(0.0, end - time.monotonic())
            found = search.among(watch.poll(min(left, _TRY_AGAIN) if search.unsettled else left))
            if found is not None:
                return found
            if left == 0:
                raise search.failure()


class _Search:
    """Which cards are still to be looked at, and what the others were."""

    def __init__(
        self,
        kind: CardKind | None,
        other: Callable[[PCSCReader, CardKind], None] | None,
        reader: Callable[[str], PCSCReader],
    ) -> None:
        self._kind = kind
        self._other = other
        self._reader = reader
        self.unsettled: set[str] = set()
        self._passed: dict[str, CardKind] = {}

    def among(self, events: Iterable[ReaderEvent]) -> PCSCReader | None:
        for event in events:
            if event.change is Change.CARD_INSERTED:
                self.unsettled.add(event.reader)
            elif event.change is not Change.CHANGED_UNSEEN:
                self.unsettled.discard(event.reader)
                self._passed.pop(event.reader, None)
        readers = [self._reader(name) for name in sorted(self.unsettled)]
        return next((reader for reader in readers if self._kind is None or self._suits(reader, self._kind)), None)

    def _suits(self, reader: PCSCReader, wanted: CardKind) -> bool:
        try:
            found = _kind_in(reader)
        except (ReaderBusyError, CardResetError):
            return False
        except (ReaderError, CardError):  # it is gone, or mute: the next event tells
            self.unsettled.discard(reader.name)
            return False
        if found is not wanted:
            self.unsettled.discard(reader.name)
            self._passed[reader.name] = found
            if self._other is not None:
                self._other(reader, found)
        return found is wanted

    def failure(self) -> ReaderError | CardError:
        for found in self._passed.values():
            return WrongCardError(expected=self._kind.value if self._kind else None, found=found.value)
        return NoCardError("the time to wait has passed", reason="timeout")


def _kind_in(reader: Reader) -> CardKind:
    channel = reader.connect()
    try:
        return detect(Link(channel)).kind
    finally:
        channel.close()
