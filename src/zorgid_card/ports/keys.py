"""Keys that the portal keeps for its cards."""

from __future__ import annotations

from typing import Protocol

from zorgid_card.secret import Secret


class AdministrationKeys(Protocol):
    """Every card its own administration key (PIV 9B), diversified from a master key by hardware serial (SP 800-108)."""

    def derive(self, serial: str, algorithm: str) -> Secret:
        """The key of the card with this serial; ``algorithm``: AES128, AES192 or AES256 (SP 800-78-5, table 6)."""
        ...
