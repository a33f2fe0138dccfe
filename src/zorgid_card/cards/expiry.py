"""How long a card can still be used: its holder is to be told in time to apply for the next one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from cryptography import x509

NOTICE: Final = timedelta(days=60)
"""How long before the end a person is told. **Policy**: applying for the next pass of the UZI register takes some weeks."""

_DAY: Final = timedelta(days=1)


class ExpiryState(StrEnum):
    """Where a card is in its life."""

    GOOD = "good"
    SOON = "soon"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Expiry:
    """When the first of a card's certificates ends (RFC 5280, 4.1.2.5), UTC, and how many whole days are left, 0 or more."""

    not_after: datetime
    days_left: int
    state: ExpiryState


def expiry_of(certificates: Iterable[bytes], at: datetime, notice: timedelta = NOTICE) -> Expiry | None:
    """How long a card with these certificates can still be used, as they say themselves: none of them is judged.

    Args:
        certificates: DER; one that cannot be read is passed over, for who verifies it says so.
        at: the moment, in UTC.
        notice: how long before the end it is ``soon``.

    Returns:
        None where no certificate can be read.
    """
    ends = [end for der in certificates if (end := _end(der)) is not None]
    if not ends:
        return None
    left = min(ends) - at
    state = ExpiryState.GOOD if left > notice else ExpiryState.SOON
    return Expiry(min(ends), max(left // _DAY, 0), ExpiryState.EXPIRED if left < timedelta() else state)


def _end(der: bytes) -> datetime | None:
    try:
        return x509.load_der_x509_certificate(der).not_valid_after_utc
    except (ValueError, x509.InvalidVersion):
        return None
