"""The readers of this computer."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import Final

from zorgid_card.adapters.pcsc import sharing
from zorgid_card.adapters.pcsc.channel import PCSCChannel
from zorgid_card.adapters.pcsc.context import TIMEOUT, Context, check, encoded, lost, no_reader_yet
from zorgid_card.adapters.pcsc.kept import kept
from zorgid_card.adapters.pcsc.slots import PRESENT, UNKNOWN, Slots
from zorgid_card.errors import NoCardError, NoReaderError, PCSCUnavailableError, ReaderError

LIBRARY_VARIABLE: Final = "ZORGID_PCSC_LIBRARY"

SLICE_MS: Final = 250
"""The longest that Ctrl-C goes unheard while waiting."""


class PCSCReader:
    """One reader of this computer (:class:`zorgid_card.ports.card.Reader`)."""

    def __init__(self, name: str, library: str | None = None) -> None:
        self._name = name
        self._encoded = encoded(name)
        self._library = library

    @property
    def name(self) -> str:
        """The reader's name as PC/SC gives it."""
        return self._name

    def __repr__(self) -> str:
        return f"PCSCReader({self._name!r})"

    def connect(self, *, exclusive: bool = False, timeout: float = 0) -> PCSCChannel:
        """Power the card and open a channel to it.

        Args:
            exclusive: nobody else may use the card until the channel is closed.
            timeout: for how many seconds to wait while others stand in the way.

        Raises:
            NoCardError: the slot is empty.
            NoReaderError: the reader was unplugged.
            ReaderBusyError: another program holds the card exclusively, or ``exclusive`` is asked while one uses it;
                ``holders`` names programs that may, where that can be told.
            CardResponseError: the card does not answer (it may be in upside down).
            PCSCUnavailableError: the PC/SC service has stopped.
        """
        keeper = kept(self._library)
        context, (protocol, share) = keeper.connected(
            lambda context: sharing.connect(context, self._encoded, self._name, exclusive=exclusive, timeout=timeout)
        )
        try:
            stay = None
            with suppress(ReaderError):  # what cannot be looked up is asked of the card
                stay = keeper.stay(self._name)
            return PCSCChannel(context, protocol, share, stay)
        except BaseException:
            context.close()
            raise

    def wait(self, *, present: bool, timeout: float | None = None) -> None:
        """Return as soon as a card is (or is not) in the slot; ``timeout`` in seconds, None waits for ever.

        Raises:
            NoCardError: ``timeout`` passed.
            NoReaderError: the reader was unplugged.
        """
        if timeout == 0:
            if kept(self._library).present(self._name) != present:
                raise _too_late()
            return
        end = None if timeout is None else time.monotonic() + timeout
        slot = Slots([self._name])
        context = Context(self._library)
        try:
            while True:
                self._look(context, slot, end)
                if bool(slot.state(0) & PRESENT) == present:
                    return
                if end is not None and time.monotonic() >= end:
                    raise _too_late()
        finally:
            context.close()

    def _look(self, context: Context, slot: Slots, end: float | None) -> None:
        """Let ``slot`` know its state, waiting a while for it to change; the first look does not wait."""
        left = SLICE_MS if end is None else min(SLICE_MS, max(0, int((end - time.monotonic()) * 1000)))
        code = slot.wait(context, left)
        if code == TIMEOUT:
            return
        check("wait", code)
        slot.know(0, slot.state(0))
        if slot.state(0) & UNKNOWN:
            raise NoReaderError("the reader is gone", reason="unplugged")

    def insertion(self) -> int | None:
        """A number for the card being in this reader since it was put in: while it stays the same, nobody took the card out.

        To know it of a card that is connected, connect first and ask then: a card taken out in between answers no more. The
        number is one of this process, and changes when the PC/SC service restarts.

        Returns:
            None where that cannot be known: no card, no reader, no service, a platform that does not count (macOS), or a card
            that came with its reader, of which nothing is counted yet.
        """
        try:
            stay = kept(self._library).stay(self._name)
        except ReaderError as error:
            if not lost(error):
                raise
            return None
        return None if stay is None else stay.number


def _too_late() -> NoCardError:
    return NoCardError("the time to wait has passed", reason="timeout")


def readers(*, library: str | None = None) -> list[PCSCReader]:
    """The readers of this computer, in PC/SC's order; none is an empty list.

    Args:
        library: path of a PC/SC library; without, ``ZORGID_PCSC_LIBRARY`` or the system's own.

    Raises:
        PCSCUnavailableError: the library or its service is not there; ``reason`` is "library" or "service".
    """
    library = library or os.environ.get(LIBRARY_VARIABLE)
    try:
        return [PCSCReader(name, library) for name in kept(library).names()]
    except PCSCUnavailableError as error:
        if no_reader_yet(error):
            return []
        raise
