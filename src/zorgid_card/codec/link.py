"""The link: carries logical commands over a channel, and runs exchanges on it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from time import perf_counter
from typing import TypeAlias, TypeVar

from zorgid_card.codec.apdu import CommandAPDU, ResponseAPDU
from zorgid_card.codec.exchange import PhysicalCommands
from zorgid_card.codec.masking import Masker
from zorgid_card.ports.card import Channel, Octets

T = TypeVar("T")

Exchange: TypeAlias = Generator[CommandAPDU, ResponseAPDU, T]
"""One operation in the card's own terms: yields logical commands, is sent responses, returns its outcome."""

Observer: TypeAlias = Callable[[bytes, bytes, float], None]
"""Told of each physical command and response, both masked, and the seconds between them."""


class Link:
    """Logical commands over one channel. It serves one thread at a time.

    Args:
        channel: a powered card.
        observer: called after each physical exchange, with masked bytes.
        extended: card and reader take extended length fields.
    """

    def __init__(self, channel: Channel, *, observer: Observer | None = None, extended: bool = False) -> None:
        self._channel = channel
        self._observer = observer
        self._extended = extended
        self._masker = Masker()
        self._count = 0

    @property
    def channel(self) -> Channel:
        """The channel under this link."""
        return self._channel

    @property
    def count(self) -> int:
        """How many physical commands were sent."""
        return self._count

    def transmit(self, command: CommandAPDU) -> ResponseAPDU:
        """Carry one logical command: chaining, 61xx and 6Cxx are dealt with, secrets filled in and wiped.

        Raises:
            CardResponseError: the card's answer is longer than asked, endless, or no answer at all.
            ReaderError: the channel failed; nothing is sent again.
            ValueError: the command itself cannot be sent.
        """
        physical = PhysicalCommands(command, extended=self._extended)
        try:
            while physical.waiting is not None:
                physical.feed(self._send(physical.waiting))
            return physical.response
        finally:
            physical.wipe()

    def _send(self, raw: Octets) -> bytes:
        self._count += 1
        started = perf_counter()
        response = self._channel.transmit(raw)
        if self._observer is not None:
            seconds = perf_counter() - started
            self._observer(*self._masker.mask(raw, response), seconds)
        return response

    def run(self, exchange: Exchange[T]) -> T:
        """Run an exchange to its end and return its outcome; what it or the channel raises passes through."""
        try:
            command = next(exchange)
            while True:
                command = exchange.send(self.transmit(command))
        except StopIteration as done:
            outcome: T = done.value
            return outcome
        finally:
            exchange.close()
