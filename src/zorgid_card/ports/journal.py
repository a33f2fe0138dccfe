"""What the card side remembers of cards that it has begun to make, so that a fresh process can go on (CRD-8).

Nothing in it is secret: no PIN, no PUK, no key, not even the session's. What was sealed is a message that the session's key has
signed for one card, one session and one number; whoever reads it can do no more than send it, which is what it is for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """One card in the making: how far it has come."""

    serial: str
    """The card's hardware serial: one card is made once at a time."""
    kind: str
    """Dialect and algorithms: cards of one kind take about equally long."""
    origin: str
    """The portal's origin."""
    session: str
    """The session with the portal in which it is made."""
    step: str
    """The step that was begun last."""
    done: bool
    """Whether that step has ended."""
    issued: bytes = b""
    """What the portal has issued for it, as the message was; empty before."""
    commit: bytes = b""
    """The sealed message that activates the card; empty before the card has proven to work, and once it is given up."""
    puk_shown: bool = False
    """A PUK was shown that perhaps is not the card's."""
    puk_tried: bool = False
    """The maker's PUK was tried, to learn whether it still is the card's: that is done once at most."""
    renewal: bool = False
    """Made on a card in use, whose PIN and PUK stay: when it has proven to work, nothing more is written on it."""


class Journal(Protocol):
    """Keeps makings, and how long their steps took. Serves many threads and processes.

    What a method has kept is there after a crash of process or machine; each call is one transaction, whole or not at all. Every
    method raises StorageError when the journal cannot be read or written; nothing was changed then.
    """

    def write(self, making: Making, /, *, took: float | None = None) -> None:
        """Keep this in place of what was known of the card.

        Args:
            making: how far it has come.
            took: how many seconds its step took, which has ended.
        """
        ...

    def finish(self, making: Making, /, *, took: float | None = None) -> None:
        """The card is finished: keep only how long its last step took."""
        ...

    def find(self, serial: str, /) -> Making | None:
        """What is known of a card."""
        ...

    def unfinished(self) -> tuple[Making, ...]:
        """All cards that were begun and are not finished, the latest first."""
        ...

    def usual(self, kind: str, /) -> dict[str, float]:
        """How many seconds each step took lately on cards of this kind: the median, by step."""
        ...
