"""The card's edge: something that answers bytes with bytes."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol, TypeAlias

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


class Reader(Protocol):
    """A slot for one card."""

    @property
    def name(self) -> str:
        """The reader's name as PC/SC gives it."""
        ...

    def connect(self, *, exclusive: bool = False) -> Channel:
        """Power the card and open a channel to it.

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


class Signer(Protocol):
    """A private key that signs, with its certificate: on a card, or in software for tests and CAs."""

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
