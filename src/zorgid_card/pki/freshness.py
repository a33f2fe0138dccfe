"""How fresh a statement of a CA is: a CRL (RFC 5280, 5.1.2.4) and an OCSP answer (RFC 6960, 4.2.2.1) are dated alike."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from zorgid_card.errors import RevocationUnknownError
from zorgid_card.pki import _x509


class Freshness(NamedTuple):
    """The dates of a statement, and what is asked of them.

    Attributes:
        this_update: of when it is.
        next_update: when it ends; None: no end is told.
        max_age: how long after ``this_update`` it counts, at most.
        ahead: how far ``this_update`` may lie in our future.
    """

    this_update: datetime
    next_update: datetime | None
    max_age: timedelta
    ahead: timedelta

    def overdue(self, at: datetime) -> timedelta:
        """How long it has been stale at this moment; nothing, or less, if it counts.

        Raises:
            RevocationUnknownError: it is of a later time, ``reason`` ``not yet valid``.
        """
        moment = _x509.utc(at)
        if self.this_update - moment > self.ahead:
            told = f"it is of a later time, {_x509.iso(self.this_update)}"
            raise RevocationUnknownError(told, reason="not yet valid")
        end = self.this_update + self.max_age
        return moment - (end if self.next_update is None else min(end, self.next_update))

    def require(self, at: datetime) -> None:
        """Raise unless it counts at this moment.

        Raises:
            RevocationUnknownError: ``reason`` is ``stale`` or ``not yet valid``.
        """
        overdue = self.overdue(at)
        if overdue > timedelta():
            raise RevocationUnknownError(f"stale for {period(overdue)}", reason="stale")


def period(length: timedelta) -> str:
    """A period as text, to the second."""
    return str(timedelta(seconds=round(length.total_seconds())))
