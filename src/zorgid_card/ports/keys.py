"""Keys that the portal keeps for its cards, and those of the makers of blanks: every card its own, by hardware serial.

A key is derived by the KDF of SP 800-108r1, 4.1 (counter mode, PRF AES-CMAC, counter of 32 bits before the fixed input): the input
of block ``i`` is ``i`` (4 octets) ‖ label ‖ 00 ‖ serial, ASCII ‖ length in bits (4 octets). The labels are in docs/keys.md.
"""

from __future__ import annotations

from typing import Protocol

from zorgid_card.secret import Secret


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
