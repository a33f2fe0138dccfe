"""A simulated reader: a slot in the process, into which simulated cards are put, with PC/SC's manners.

As with PC/SC, several programs may be connected at once, a transaction keeps the others waiting, and what one of them resets is
lost to the others: they are told so once, and their channels are connected anew (docs/pcsc-sessions.md).
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from zorgid_card.errors import (
    CardRemovedError,
    CardResetError,
    NoCardError,
    ReaderBusyError,
    ReaderError,
    WrongCardError,
)
from zorgid_card.ports.card import Octets
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.script import Script, TornError

_insertions = itertools.count(1)
"""Of all simulated readers: two may have the same name."""


class SimulatedReader:
    """A slot for one simulated card (:class:`zorgid_card.ports.card.Reader`), whose cards a script moves
    (:class:`zorgid_card.testkit.script.Slot`); safe to use from several threads.

    Args:
        name: as PC/SC would give it.
    """

    def __init__(self, name: str = "Simulated Reader 00 00") -> None:
        self._name = name
        self._change = threading.Condition()
        self._exchange = threading.RLock()
        self._script = Script()
        self._card: VirtualCard | None = None
        self._insertion = 0
        self._resets = 0
        self._open: set[SimulatedChannel] = set()

    @property
    def name(self) -> str:
        """The reader's name."""
        return self._name

    @property
    def card(self) -> VirtualCard | None:
        """The card in the slot, if any."""
        return self._card

    def insert(self, card: VirtualCard) -> None:
        """Put a card into the slot; one that is there is taken out first."""
        with self._change:
            if self._card is not None:
                self._card.power_off()
            self._card = card
            self._insertion = next(_insertions)
            self._open.clear()
            self._change.notify_all()

    def remove(self) -> VirtualCard | None:
        """Take the card out, in the middle of whatever is going on; returns it, without power."""
        with self._change:
            card, self._card = self._card, None
            if card is not None:
                card.power_off()
            self._open.clear()
            self._change.notify_all()
            return card

    def swap(self, card: VirtualCard) -> VirtualCard | None:
        """Take the card out and put another in; returns the one that was taken out."""
        before = self.remove()
        self.insert(card)
        return before

    def slow(self, seconds: float, /) -> None:
        """Let each command take this much longer from now on; 0 ends that."""
        self._script.slow(seconds)

    def tear(self, *, after: int = 0, done: bool = False) -> None:
        """Pull the card out by and by (:meth:`zorgid_card.testkit.script.Slot.tear`)."""
        self._script.tear(after=after, done=done)

    def reset(self) -> None:
        """Reset the card, as another program might."""
        with self._change:
            if self._card is not None:
                self._card.reset()
                self._resets += 1

    def insertion(self) -> int | None:
        """A number that no other insertion in this process has; None: the slot is empty."""
        with self._change:
            return None if self._card is None else self._insertion

    def connect(self, *, exclusive: bool = False, timeout: float = 0) -> SimulatedChannel:
        """Power the card and open a channel to it; while others stand in the way, wait for ``timeout`` seconds.

        Raises:
            NoCardError: the slot is empty.
            ReaderBusyError: another channel holds the card alone, or ``exclusive`` is asked while one is open.
        """
        with self._change:
            free = self._change.wait_for(lambda: self._free(exclusive), timeout)
            if self._card is None:
                raise NoCardError(reader=self._name)
            if not free:
                raise ReaderBusyError(reader=self._name)
            self._card.power_on()
            channel = SimulatedChannel(self, self._card.atr, (self._insertion, self._resets), exclusive)
            self._open.add(channel)
            return channel

    def _free(self, exclusive: bool) -> bool:
        return not any(exclusive or channel.exclusive for channel in self._open)

    def wait(self, *, present: bool, timeout: float | None = None) -> None:
        """Return as soon as a card is (or is not) in the slot.

        Raises:
            NoCardError: ``timeout`` seconds passed.
        """
        with self._change:
            if not self._change.wait_for(lambda: (self._card is not None) is present, timeout):
                raise NoCardError(reader=self._name)

    # --- what channels do with the slot

    def _transmit(self, epoch: tuple[int, int], command: Octets) -> bytes:
        raw = bytes(command)
        with self._exchange:
            response = self._carry(self._present(epoch), raw)
            self._present(epoch)  # pulled while it worked: the answer never came out
            return response

    def _carry(self, card: VirtualCard, command: bytes) -> bytes:
        try:
            return self._script.carry(card, command)
        except TornError:
            self.remove()
            raise CardRemovedError(reader=self._name) from None

    def _present(self, epoch: tuple[int, int]) -> VirtualCard:
        """The card of this epoch, or the reason why it is gone."""
        with self._change:
            if self._card is None or epoch[0] != self._insertion:
                raise CardRemovedError(reader=self._name)
            if epoch[1] != self._resets:
                raise CardResetError(reader=self._name)
            return self._card

    def _reconnect(self, channel: SimulatedChannel) -> tuple[int, int]:
        """The epoch of the card that is here now, if it is one of the same kind."""
        with self._change:
            if self._card is None:
                raise CardRemovedError(reader=self._name)
            if channel not in self._open and not self._free(channel.exclusive):
                raise ReaderBusyError(reader=self._name)
            self._card.power_on()
            if self._card.atr != channel.atr:
                raise WrongCardError(
                    "another card is in the reader", expected=channel.atr.hex(), found=self._card.atr.hex()
                )
            self._open.add(channel)
            return self._insertion, self._resets

    def _close(self, channel: SimulatedChannel, epoch: tuple[int, int], reset: bool) -> None:
        with self._change:
            self._open.discard(channel)
            self._change.notify_all()
            if reset and self._card is not None and epoch == (self._insertion, self._resets):
                self._card.power_off()
                self._card.power_on()
                self._resets += 1


class SimulatedChannel:
    """A channel to the card in a :class:`SimulatedReader` (:class:`zorgid_card.ports.card.Channel`).

    When another program has reset the card, the operation raises :class:`CardResetError`, and so does every further one of the same
    transaction. Outside a transaction, and once it has ended, the channel is connected anew.
    """

    def __init__(self, reader: SimulatedReader, atr: bytes, epoch: tuple[int, int], exclusive: bool) -> None:
        self._reader = reader
        self._atr = atr
        self._epoch = epoch
        self._depth = 0
        self._lost: type[ReaderError] | None = None
        self._closed = False
        self.exclusive = exclusive

    @property
    def atr(self) -> bytes:
        """Answer to reset, 2 to 33 bytes."""
        return self._atr

    def transmit(self, command: Octets, /) -> bytes:
        """Send one physical command APDU, return the response APDU.

        Raises:
            CardRemovedError: the card is, or was, out of the slot, or the channel is closed.
            CardResetError: somebody reset the card.
        """
        if self._closed:
            raise CardRemovedError(reader=self._reader.name, reason="closed")
        if self._lost is not None:
            raise self._lost(reader=self._reader.name)
        try:
            return self._reader._transmit(self._epoch, command)  # one thing in two classes
        except (CardRemovedError, CardResetError) as error:
            self._lost = type(error)
            if self._depth == 0 and self._lost is CardResetError:
                self._reconnect()
            raise

    def _reconnect(self) -> None:
        self._epoch = self._reader._reconnect(self)
        self._lost = None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep other threads off the card over consecutive commands.

        Raises:
            CardResetError: the card was reset, or (``reason`` "inserted") taken out and put in again, before anything was sent:
                the channel is connected anew, and the transaction may be begun again.
            CardRemovedError, WrongCardError: no card, or another one, is in the slot.
        """
        with self._reader._exchange:
            if self._depth == 0:
                self._begin()
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1

    def _begin(self) -> None:
        if self._closed:
            raise CardRemovedError(reader=self._reader.name, reason="closed")
        if self._lost is None:
            try:
                self._reader._present(self._epoch)
            except (CardRemovedError, CardResetError) as error:
                self._lost = type(error)
            else:
                return
        inserted = self._lost is CardRemovedError
        self._reconnect()
        raise CardResetError(reader=self._reader.name, reason="inserted" if inserted else None)

    def close(self, *, reset: bool = False) -> None:
        """Let go of the card; power it down and up first if ``reset``. Never raises."""
        if not self._closed:
            self._closed = True
            self._reader._close(self, self._epoch, reset)
