"""The link: carries logical commands over a channel, and runs exchanges on it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from time import perf_counter
from typing import NoReturn, Protocol, TypeAlias, TypeVar, runtime_checkable

from zorgid_card._native import Carrier
from zorgid_card.codec.apdu import CommandAPDU, ResponseAPDU
from zorgid_card.codec.exchange import EITHER, SHORT, PhysicalCommands, fail_exchange, fills
from zorgid_card.codec.masking import Masker
from zorgid_card.codec.messaging import SecureMessaging
from zorgid_card.codec.trace import observed
from zorgid_card.errors import CancelledError
from zorgid_card.ports.card import Channel, Octets

T = TypeVar("T")

Exchange: TypeAlias = Generator[CommandAPDU, ResponseAPDU, T]
"""One operation in the card's own terms: yields logical commands, is sent responses, returns its outcome."""

Observer: TypeAlias = Callable[[bytes, bytes, float], None]
"""Told of each physical command and response, both masked, and the seconds between them."""


@runtime_checkable
class LogicalChannel(Channel, Protocol):
    """A channel whose logical commands the C core carries by itself, as the PC/SC one's."""

    @property
    def carrier(self) -> Carrier:
        """What carries them."""
        ...

    def failed(self, status: int, code: int) -> NoReturn:
        """Raise what an exchange that did not end well means.

        Args:
            status: of the C core.
            code: the transport's, 0 if nothing is wrong with it.
        """
        ...


class Link:
    """Logical commands over one channel. It serves one thread at a time.

    Args:
        channel: a powered card.
        observer: called after each physical exchange, with masked bytes. The log of APDUs (:mod:`zorgid_card.codec.trace`), if it
            is on now, is told too.
        extended: card and reader take extended length fields.
    """

    def __init__(self, channel: Channel, *, observer: Observer | None = None, extended: bool = False) -> None:
        observer = observed(observer)
        self._channel = channel
        self._observer = observer
        self._extended = extended
        self._masker = Masker()
        self._send = channel.transmit if observer is None else self._observed
        self._carrier = Carrier()
        self._over: Callable[[bytes], Octets] | None = self._send
        self._failed: Callable[[int, int], NoReturn] = _failed
        if observer is None and isinstance(channel, LogicalChannel):
            self._carrier, self._failed, self._over = channel.carrier, channel.failed, None
        self._stepped = -self._carrier.count
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
        return self._carrier.count + self._stepped

    def cancel(self) -> None:
        """Stop the command under way, or else the next; may be called from any thread.

        A chain of commands is carried to its end first; an answer that comes in parts may be left on the card.
        """
        self._carrier.cancelled = True

    def resume(self) -> None:
        """Take a :meth:`cancel` back that stopped nothing yet, so that it does not stop the next command."""
        self._carrier.cancelled = False

    def transmit(self, command: CommandAPDU) -> ResponseAPDU:
        """Carry one logical command: chaining, 61xx and 6Cxx are dealt with, secrets filled in and wiped.

        Raises:
            CancelledError: :meth:`cancel`.
            CardResponseError: the card's answer is longer than asked, endless, or no answer at all.
            SecureChannelError: the answer is not authentic, or :attr:`secure` was closed.
            ReaderError: the channel failed; nothing is sent again.
            ValueError: the command itself cannot be sent.
        """
        if command.secrets and self._over is not None:
            return self._step(command)
        extended, secure = self._extended, self.secure
        outcome = self._carrier.exchange(
            command,
            EITHER if extended else SHORT,
            None if secure is None else secure.page,
            fills(command.secrets) if command.secrets else None,
            self._over,
            ResponseAPDU,
        )
        if not isinstance(outcome, ResponseAPDU):
            self._failed(*outcome)
        if extended and self._carrier.refused:
            self._extended = False
        return outcome

    def _step(self, command: CommandAPDU) -> ResponseAPDU:
        """One logical command that holds a secret, over Python: physical one by physical one, out of a locked page."""
        self._stop_if_cancelled()  # before anything is wrapped: a wrapped command that is not sent would end the channel
        physical = PhysicalCommands(command, extended=self._extended, secure=self.secure)
        try:
            while physical.waiting is not None:
                self._stepped += 1
                physical.feed(self._send(physical.waiting))
                # An answer under secure messaging is taken to its end: its MAC counts in the channel.
                if physical.collecting and self.secure is None:
                    self._stop_if_cancelled()
            self._extended = self._extended and not physical.fell_back
            return physical.response
        finally:
            physical.wipe()

    def _stop_if_cancelled(self) -> None:
        if self._carrier.cancelled:
            self._carrier.cancelled = False
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


def _failed(status: int, code: int) -> NoReturn:
    """What the function over which an exchange went has raised has passed through: the rest is the card's."""
    fail_exchange(status)
