"""What a script does to a card in a slot: how fast it answers, and when it is torn out.

The same words work on a slot in the process (:class:`~zorgid_card.testkit.reader.SimulatedReader`) and on one of pcscd
(:class:`~zorgid_card.testkit.vpcd.VPCDSlot`).
"""

from __future__ import annotations

import threading
import time
from typing import Protocol

from zorgid_card.testkit.card import VirtualCard


class Slot(Protocol):
    """A slot whose cards a script moves."""

    @property
    def name(self) -> str:
        """The reader's name as PC/SC gives it."""
        ...

    @property
    def card(self) -> VirtualCard | None:
        """The card in the slot, if any."""
        ...

    def insert(self, card: VirtualCard, /) -> None:
        """Put a card in; one that is there is taken out first."""
        ...

    def remove(self) -> VirtualCard | None:
        """Take the card out, in the middle of whatever is going on; returns it, without power."""
        ...

    def swap(self, card: VirtualCard, /) -> VirtualCard | None:
        """Take the card out and put another in; returns the one that was taken out."""
        ...

    def reset(self) -> None:
        """Reset the card, as another program might."""
        ...

    def slow(self, seconds: float, /) -> None:
        """Let each command take this much longer from now on; 0 ends that."""
        ...

    def tear(self, *, after: int = 0, done: bool = False) -> None:
        """Pull the card out by and by, once.

        Args:
            after: physical commands that are still answered.
            done: whether the card carries out the command in which it is pulled; its answer never comes out.
        """
        ...


class TornError(Exception):
    """The card was pulled; the slot makes of it what its users see."""


class Script:
    """What is in store for the card of one slot; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds = 0.0
        self._left: int | None = None
        self._done = False

    def slow(self, seconds: float) -> None:
        """Let each command take this much longer."""
        with self._lock:
            self._seconds = seconds

    def tear(self, *, after: int = 0, done: bool = False) -> None:
        """Pull the card after so many commands (:meth:`Slot.tear`)."""
        with self._lock:
            self._left, self._done = after, done

    def carry(self, card: VirtualCard, command: bytes) -> bytes:
        """The card's answer, if it comes out.

        Raises:
            TornError: the card was pulled.
        """
        torn, done = self._due()
        if self._seconds:
            time.sleep(self._seconds)
        if torn and not done:
            raise TornError
        answer = card.transmit(command)
        if torn:
            raise TornError
        return answer

    def _due(self) -> tuple[bool, bool]:
        with self._lock:
            torn = self._left == 0
            if self._left is not None:
                self._left = None if torn else self._left - 1
            return torn, self._done
