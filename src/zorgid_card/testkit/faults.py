"""Faults on the way to the card: it is pulled, the transport breaks, or another program resets it, at the n-th command.

A test counts the commands of a whole procedure once, then runs it again for every n and every fault: that is "the card
pulled at every step" (CRD-8).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum

from zorgid_card.errors import CardRemovedError, CardResetError, TransportError
from zorgid_card.ports.card import Octets
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.reader import SimulatedChannel, SimulatedReader


class Kind(StrEnum):
    """What goes wrong."""

    REMOVE = "remove"  # the card is pulled out of the slot
    TRANSPORT = "transport"  # the reader loses the command or the answer; the card stays as it is
    RESET = "reset"  # another program resets the card


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Attributes:
        at: number of the physical command, counted from 1 over all channels of the reader.
        kind: what goes wrong.
        after: False: before the card gets the command; True: the card has carried it out, the answer is lost.
    """

    at: int
    kind: Kind = Kind.REMOVE
    after: bool = False

    @classmethod
    def every(cls, commands: int) -> Iterator[Fault]:
        """Each kind, before and after each of ``commands`` commands."""
        for at in range(1, commands + 1):
            for kind in Kind:
                yield cls(at, kind, after=False)
                yield cls(at, kind, after=True)

    @classmethod
    def seeded(cls, seed: int, commands: int) -> Fault:
        """One of these at random; the same seed gives the same fault."""
        chance = random.Random(seed)  # noqa: S311  # repeatable tests, no secrets
        return cls(chance.randint(1, commands), chance.choice(list(Kind)), after=chance.random() < 0.5)


class FaultyReader:
    """A reader in which one fault happens, once (:class:`zorgid_card.ports.card.Reader`).

    Args:
        reader: the sound reader; put cards in and out there, or through :meth:`insert` and :meth:`remove`.
        fault: what goes wrong; None only counts commands.
    """

    def __init__(self, reader: SimulatedReader, fault: Fault | None = None) -> None:
        self._reader = reader
        self._fault = fault
        self.count = 0
        self.fired = False

    @property
    def name(self) -> str:
        """The reader's name."""
        return self._reader.name

    def insert(self, card: VirtualCard) -> None:
        """Put a card into the slot."""
        self._reader.insert(card)

    def remove(self) -> VirtualCard | None:
        """Take the card out."""
        return self._reader.remove()

    def connect(self, *, exclusive: bool = False, timeout: float = 0) -> FaultyChannel:
        """Open a channel on which the fault may happen.

        Raises:
            NoCardError: the slot is empty.
            ReaderBusyError: another channel holds the card.
        """
        return FaultyChannel(self, self._reader.connect(exclusive=exclusive, timeout=timeout))

    def wait(self, *, present: bool, timeout: float | None = None) -> None:
        """Return as soon as a card is (or is not) in the slot.

        Raises:
            NoCardError: ``timeout`` seconds passed.
        """
        self._reader.wait(present=present, timeout=timeout)

    def strike(self, *, after: bool) -> None:
        """Let the fault happen if it is due at this point of this command.

        Raises:
            CardRemovedError, CardResetError, TransportError: as the fault's kind says.
        """
        fault = self._fault
        if fault is None or fault.at != self.count or fault.after is not after:
            return
        self.fired = True
        if fault.kind is Kind.TRANSPORT:
            raise TransportError(reader=self.name)
        if fault.kind is Kind.RESET:
            self._reader.reset()
            raise CardResetError(reader=self.name)
        self._reader.remove()
        raise CardRemovedError(reader=self.name)


class FaultyChannel:
    """A channel on which the reader's fault may happen (:class:`zorgid_card.ports.card.Channel`)."""

    def __init__(self, reader: FaultyReader, channel: SimulatedChannel) -> None:
        self._reader = reader
        self._channel = channel

    @property
    def atr(self) -> bytes:
        """Answer to reset."""
        return self._channel.atr

    def transmit(self, command: Octets, /) -> bytes:
        """Send one physical command APDU, return the response APDU.

        Raises:
            CardRemovedError, CardResetError, TransportError: the fault happened, or its transaction has ended with it.
        """
        self._reader.count += 1
        self._reader.strike(after=False)
        response = self._channel.transmit(command)
        self._reader.strike(after=True)
        return response

    def transaction(self) -> AbstractContextManager[None]:
        """Keep other threads off the card over consecutive commands."""
        return self._channel.transaction()

    def close(self, *, reset: bool = False) -> None:
        """Let go of the card. Never raises."""
        self._channel.close(reset=reset)
