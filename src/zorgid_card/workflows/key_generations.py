"""Which master keys cards still need (docs/keys.md)."""

from __future__ import annotations

from typing import Final

from zorgid_card.errors import UsageError
from zorgid_card.ports.registry import Registry, SmartCard

_NEEDED: Final = frozenset({"creating", "active", "suspended", "renewing"})
"""States of a card that is managed by its own administration key. From the others it is only made anew: emptied first, it has its
maker's key again."""


def require_unused(registry: Registry, generation: int) -> None:
    """No card needs the master key of this generation any more.

    Raises:
        UsageError: cards do: ``reason`` is ``generation``, ``count`` says how many.
    """
    with registry.begin() as unit:
        count = sum(card.state in _NEEDED for card in unit.find(SmartCard, key_generation=generation))
    if count:
        raise UsageError(f"{count} cards have a key of generation {generation}", reason="generation", count=count)
