"""How a portal's notices reach people: by e-mail, or whatever else it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A notice in words.

    Args:
        id: the same whenever it is sent again, so that whoever gets it twice can tell.
        recipient: an address, as somebody has entered it.
        subject: one line.
        body: paragraphs, parted by empty lines.
    """

    id: str
    recipient: str
    subject: str
    body: str


class Notifier(Protocol):
    """Sends letters. Serves many threads."""

    def send(self, letter: Letter, /) -> None:
        """Send one; it has been accepted when this returns. It takes less than five minutes.

        Raises:
            FetchError: it was not accepted: ``refused`` for good, any other ``reason`` for now.
        """
        ...


class Events(Protocol):
    """Is told what happens, for counters of the portal's own monitoring; it must not raise. Serves many threads."""

    def happened(self, name: str, times: int = 1, /) -> None:
        """Something happened: ``notice.sent``, ``notice.failed`` (to be tried again), ``notice.dead`` (given up); a service did
        what was asked, by the action in the table of roles: ``card.block``; ``log-in.`` with ``uzi-pass``, ``zorgid-smartcard``,
        ``phone`` or ``refused``; ``phone.linked``; a message of the card side was served, by its kind: ``commit-card``, or was
        refused: ``message-refused``.
        """
        ...
