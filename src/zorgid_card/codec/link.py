"""The link: carries logical commands over a channel, and runs exchanges on it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from time import perf_counter
from typing import Final, TypeAlias, TypeVar

from zorgid_card._native import Carrier
from zorgid_card.codec.apdu import EXTENDED_NE, SHORT_NE, CommandAPDU, ResponseAPDU
from zorgid_card.codec.exchange import PhysicalCommands, fail_exchange
from zorgid_card.codec.masking import Masker
from zorgid_card.codec.messaging import SecureMessaging
from zorgid_card.errors import CancelledError
from zorgid_card.ports.card import Channel, LogicalChannel, Octets, Placed

T = TypeVar("T")

_tuple: Final = tuple.__new__
"""Spares the hot path the call of a named tuple's own constructor."""

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
        self._carrier = Carrier(channel.transmit if observer is None else self._observed)
        logical = channel if observer is None and isinstance(channel, LogicalChannel) else None
        self._in_core = logical is not None
        self._exchange = self._carry if logical is None else logical.exchange
        self._below: Carrier | LogicalChannel = self._carrier if logical is None else logical
        self._uncounted = self._below.count
        self.secure: SecureMessaging | None = None
        """While set, every logical command is wrapped before it is cut into physical ones, and its answer unwrapped. A channel
        that a wrong MAC closed stays set, so that nothing goes out in clear: whoever set it takes it away."""

    @property
    def channel(self) -> Channel:
        """The channel under this link."""
        return self._channel

    @property
    def count(self) -> int:
        """How many physical commands were sent."""
        return self._below.count - self._uncounted

    def cancel(self) -> None:
        """Stop the command under way, or else the next; may be called from any thread.

        A chain of commands is carried to its end first; an answer that comes in parts may be left on the card.
        """
        self._below.cancelled = True

    def transmit(self, command: CommandAPDU) -> ResponseAPDU:
        """Carry one logical command: chaining, 61xx and 6Cxx are dealt with, secrets filled in and wiped.

        Raises:
            CancelledError: :meth:`cancel`.
            CardResponseError: the card's answer is longer than asked, endless, or no answer at all.
            SecureChannelError: the answer is not authentic, or :attr:`secure` was closed.
            ReaderError: the channel failed; nothing is sent again.
            ValueError: the command itself cannot be sent.
        """
        if self.secure is not None or (command.secrets and not self._in_core):
            return self._step(command)
        extended = self._extended
        ne = command.le
        if ne is None:
            ne = 0
        elif ne == 0:
            ne = EXTENDED_NE if extended or command.extended else SHORT_NE
        form = 1 if command.extended else 2 if extended else 0
        outcome = self._exchange(
            command.cla, command.ins, command.p1, command.p2, command.data, ne, form, command.secrets
        )
        if form == 2 and self._below.refused:
            self._extended = False
        return _tuple(ResponseAPDU, outcome)

    def _carry(
        self, cla: int, ins: int, p1: int, p2: int, data: Octets, ne: int, form: int, secrets: Sequence[Placed]
    ) -> tuple[bytes, int]:
        """One logical command, whose physical ones the C core hands to this link."""
        outcome = self._carrier.exchange(cla, ins, p1, p2, data, ne, form, None)
        if len(outcome) != 2:
            fail_exchange(outcome[0])
        return outcome

    def _step(self, command: CommandAPDU) -> ResponseAPDU:
        """One logical command, physical one by physical one: what is wrapped, and what holds a secret and goes to Python."""
        self._stop_if_cancelled()  # before anything is wrapped: a wrapped command that is not sent would end the channel
        physical = PhysicalCommands(command, extended=self._extended, secure=self.secure)
        try:
            while physical.waiting is not None:
                physical.feed(self._below.transmit(physical.waiting))
                # An answer under secure messaging is taken to its end: its MAC counts in the channel.
                if physical.collecting and self.secure is None:
                    self._stop_if_cancelled()
            self._extended = self._extended and not physical.fell_back
            return physical.response
        finally:
            physical.wipe()

    def _stop_if_cancelled(self) -> None:
        if self._below.cancelled:
            self._below.cancelled = False
            raise CancelledError

    def _observed(self, raw: Octets) -> bytes:
        started = perf_counter()
        response = self._channel.transmit(raw)
        seconds = perf_counter() - started
        if self._observer is not None:
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
