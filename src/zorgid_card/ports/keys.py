"""Keys that the portal keeps for its cards, and those of the makers of blanks: every card its own, by hardware serial.

A key is derived by the KDF of SP 800-108r1, 4.1 (counter mode, PRF AES-CMAC, counter of 32 bits before the fixed input): the input
of block ``i`` is ``i`` (4 octets) ‖ label ‖ 00 ‖ serial, ASCII ‖ length in bits (4 octets). The labels are in docs/keys.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from zorgid_card.errors import UsageError
from zorgid_card.secret import Secret

_SERIAL_LENGTH = 64


def require_serial(serial: str) -> str:
    """A hardware serial from which a key may be derived: 1 to 64 printable ASCII characters, no blank among them.

    Raises:
        UsageError: it is none.
    """
    if not (0 < len(serial) <= _SERIAL_LENGTH and serial.isascii() and serial.isprintable() and " " not in serial):
        raise UsageError("a hardware serial has 1 to 64 printable characters", reason="serial")
    return serial


@dataclass(frozen=True, slots=True)
class Batch:
    """The blanks of one maker's delivery: all serials of one length from ``first`` to ``last``, in the order of ASCII."""

    first: str
    last: str

    def __post_init__(self) -> None:
        if len(require_serial(self.first)) != len(require_serial(self.last)) or self.first > self.last:
            raise UsageError("a batch has serials of one length, from the first to the last", reason="batch")

    def covers(self, serial: str) -> bool:
        """Whether the card with this serial is one of them."""
        return len(serial) == len(self.first) and self.first <= serial <= self.last

    def overlaps(self, other: Batch) -> bool:
        """Whether a serial could be of both."""
        return len(self.first) == len(other.first) and self.first <= other.last and other.first <= self.last


@dataclass(frozen=True, slots=True)
class Master:
    """What is told of a master key; ``made`` is None where the store does not tell."""

    generation: int
    made: datetime | None


class AdministrationKeys(Protocol):
    """Every card its own administration key (PIV 9B), from a master key of a generation. Serves many threads.

    Every method raises StorageError when the keys cannot be reached.
    """

    @property
    def generation(self) -> int:
        """Of the newest master key, 1 or more: new cards get their key from it, and it is kept with the card."""
        ...

    def derive(self, serial: str, algorithm: str, generation: int | None = None) -> Secret:
        """The administration key of a card.

        Args:
            serial: the card's hardware serial, 1 to 64 printable ASCII characters.
            algorithm: AES128, AES192 or AES256 (SP 800-78-5, table 6).
            generation: the one kept with the card; None for the newest.

        Raises:
            NotFoundError: there is no master key of this generation.
        """
        ...


class ChannelKeys(Protocol):
    """The static SCP03 keys of blank cards, from the batch keys of their makers. Serves many threads.

    Every method raises StorageError when the keys cannot be reached.
    """

    def channel(self, serial: str) -> tuple[Secret, Secret]:
        """Key-ENC and Key-MAC of a card (GlobalPlatform Amendment D, 6.2), each as long as the batch key: 16, 24 or 32 bytes.

        Args:
            serial: the card's hardware serial, as :meth:`AdministrationKeys.derive` has it.

        Raises:
            NotFoundError: no batch key is for this serial.
        """
        ...


class KeyStore(AdministrationKeys, ChannelKeys, Protocol):
    """Where master keys and batch keys are kept, as its keeper sees it."""

    def masters(self) -> tuple[Master, ...]:
        """The master keys, oldest first."""
        ...

    def batches(self) -> tuple[Batch, ...]:
        """The batches whose key is there, in the order of their first serial."""
        ...

    def rotate(self) -> int:
        """Make a master key of a new generation; the older ones stay. Returns its generation."""
        ...

    def retire(self, generation: int) -> None:
        """Take the master key of an older generation away for good: cards that have a key of it can be managed no more
        (:func:`zorgid_card.workflows.key_generations.require_unused` tells whether there are any).

        Raises:
            NotFoundError: there is none.
            UsageError: it is the newest (``reason``).
        """
        ...

    def add_batch(self, batch: Batch, key: Secret) -> None:
        """Keep the key of a batch: 16, 24 or 32 bytes.

        Raises:
            UsageError: the key is of another length, or a batch is there that overlaps this one (``reason``).
        """
        ...


class KeyProvider(Protocol):
    """The keys with which a database's personal data are sealed; they are kept outside it. Serves many threads.

    Every method raises StorageError when the keys cannot be reached.
    """

    def generations(self) -> tuple[int, ...]:
        """Those that are there, oldest first: the last seals what is new, all open what is old."""
        ...

    def data_key(self, purpose: str, generation: int) -> Secret:
        """A key for one purpose, 32 bytes; always the same.

        Args:
            purpose: one word of ASCII.
            generation: one of :meth:`generations`.

        Raises:
            NotFoundError: there is no key of this generation.
        """
        ...
