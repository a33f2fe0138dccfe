"""The card's edge: something that answers bytes with bytes."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from inspect import getattr_static
from typing import Final, Protocol, TypeAlias, TypeGuard

Octets: TypeAlias = bytes | bytearray | memoryview


class Channel(Protocol):
    """One powered card: a PC/SC connection, a simulated card, a relay or a replayed transcript."""

    @property
    def atr(self) -> bytes:
        """Answer to reset, 2 to 33 bytes (ISO/IEC 7816-3, 8)."""
        ...

    def transmit(self, command: Octets, /) -> bytes:
        """Send one physical command APDU, return the response APDU (data and SW1-SW2, at least 2 bytes).

        Raises:
            CardRemovedError, CardResetError, TransportError: the exchange did not complete; it is never repeated here.
        """
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Keep other programs off the card over consecutive commands; never over a prompt, a wait or a network call."""
        ...

    def close(self, *, reset: bool = False) -> None:
        """Let go of the card; power it down and up first if ``reset``. Never raises for a card that is gone."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PINEntry:
    """A command whose PIN, or old and new PIN, the person enters on the reader.

    Attributes:
        header: CLA INS P1 P2.
        template: the data field with pad octets in place; empty where PINs go unpadded.
        offsets: where in it each PIN goes: one, or the old one and the new one.
        width: bytes that a padded PIN fills; 0 where PINs go unpadded.
        minimum, maximum: characters of a PIN.
    """

    header: bytes
    template: bytes
    offsets: tuple[int, ...]
    width: int
    minimum: int
    maximum: int


class Keypad(Protocol):
    """Where a PIN is entered on the reader itself (PC/SC part 10): this process never holds it."""

    def enter(self, entry: PINEntry, /) -> int:
        """Let the person enter the PINs and the reader send the command; returns the card's status word.

        Raises:
            KeypadTimeoutError, DeclinedError, PINMismatchError, PINFormError: at the keypad; the card has heard nothing.
            UsageError: the keypad does not do this.
            ReaderError: as for :meth:`Channel.transmit`.
        """
        ...


class EquippedChannel(Channel, Protocol):
    """A channel that knows what its reader can do."""

    @property
    def keypad(self) -> Keypad | None:
        """The reader's keypad, if it has one."""
        ...

    @property
    def longest(self) -> int | None:
        """Most bytes of data that it carries in one command or response; 0: short APDUs alone; None: it does not tell."""
        ...


class CountedChannel(Channel, Protocol):
    """A channel that knows the insertion of its card (:class:`CountingReader`)."""

    @property
    def insertion(self) -> int | None:
        """The number of the insertion, asked when the card was connected."""
        ...


def equipped(channel: Channel) -> TypeGuard[EquippedChannel]:
    """Whether it is an :class:`EquippedChannel`. Its attributes are not evaluated for that: to do so would ask its reader."""
    return _has(channel, "keypad") and _has(channel, "longest")


def counted(channel: Channel) -> TypeGuard[CountedChannel]:
    """Whether it is a :class:`CountedChannel`."""
    return _has(channel, "insertion")


def counting(reader: Reader) -> TypeGuard[CountingReader]:
    """Whether it is a :class:`CountingReader`."""
    return getattr_static(reader, "insertion", None) is not None


def _has(value: object, name: str) -> bool:
    return getattr_static(value, name, _ABSENT) is not _ABSENT


_ABSENT: Final = object()


class Reader(Protocol):
    """A slot for one card."""

    @property
    def name(self) -> str:
        """The reader's name as PC/SC gives it."""
        ...

    def connect(self, *, exclusive: bool = False, timeout: float = 0) -> Channel:
        """Power the card and open a channel to it.

        Args:
            exclusive: nobody else may use the card until the channel is closed.
            timeout: for how many seconds to wait while others stand in the way.

        Raises:
            NoCardError: the slot is empty.
            ReaderBusyError: another program holds the card.
        """
        ...

    def wait(self, *, present: bool, timeout: float | None = None) -> None:
        """Return as soon as a card is (or is not) in the slot; ``timeout`` in seconds, None waits for ever.

        Raises:
            NoCardError: ``timeout`` passed.
        """
        ...


class CountingReader(Reader, Protocol):
    """A reader that counts the cards put into it, as those of PC/SC do."""

    def insertion(self) -> int | None:
        """A number for the card being in this reader since it was put in: while it stays the same, nobody took the card out.

        To know it of a card that is connected, connect first and ask then: a card taken out in between answers no more.

        Returns:
            None where that cannot be known.
        """
        ...


class Signer(Protocol):
    """A private key that signs: on a card, or in software for tests and CAs.

    One key signs many kinds of statement. What it is given comes from a typed operation, whose octets no other kind can begin with
    (docs/statements.md); what a page, a message or a relay sends is never given to it as it is.
    """

    @property
    def public_key(self) -> bytes:
        """SubjectPublicKeyInfo, DER (RFC 5280, 4.1)."""
        ...

    @property
    def algorithm(self) -> str:
        """The signature algorithm this key is used with, as JOSE names it (RFC 7518, 3.1): RS256, PS256, ES256, ES384."""
        ...

    def sign(self, data: bytes, /) -> bytes:
        """Hash ``data`` as the algorithm says and sign it; ECDSA as DER ECDSA-Sig-Value, RSA as k octets."""
        ...
