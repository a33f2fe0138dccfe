"""The chain of an organisation's audit events, as octets (docs/audit.md has the same, for who verifies with another program).

An event's five fields enter as commitments: HMAC-SHA256 under a random salt of the field's own. Who has the salt and the value can
show what was committed to; once both are gone, the commitment tells nothing, and the chain holds all the same.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

FIELDS: Final = ("event", "actor", "subject", "reason", "detail")
"""What is committed to; ``event`` is when, where and what."""

SALT: Final = 16
"""Octets of a field's salt, 0 throughout where the field was erased."""

DIGEST: Final = 32
"""Octets of a commitment, and of a link's digest (SHA-256)."""

FIRST: Final = bytes(DIGEST)
"""What goes before the first event of a chain."""

ERASED: Final = bytes(SALT)

_LINK: Final = b"zorgid-card audit link 1"
_STATEMENT: Final = b"zorgid-card audit heads 1"


def event(at: datetime, ura: str | None, action: str) -> str:
    """When, where and what, as text: a JSON array; the time is UTC, in microseconds."""
    return _json([at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"), ura, action])


def commitments(values: Sequence[str | None], salts: bytes) -> bytes:
    """The commitments to the values of :data:`FIELDS`, one after the other.

    Args:
        values: UTF-8 of a value is committed to behind an octet 01; None is an octet 00.
        salts: as many times :data:`SALT` octets.
    """
    return b"".join(
        hmac.digest(salts[SALT * n : SALT * (n + 1)], name.encode() + _value(value), "sha256")
        for n, (name, value) in enumerate(zip(FIELDS, values, strict=True))
    )


def link(previous: bytes, identifier: str, committed: bytes) -> bytes:
    """The digest that stands for the chain up to this event.

    Args:
        previous: that of the event before, or :data:`FIRST`.
        identifier: the event's id: the chain's name, a colon, and its number in 12 digits.
        committed: what :func:`commitments` gave.
    """
    return hashlib.sha256(_LINK + previous + committed + identifier.encode()).digest()


def statement(told: str) -> bytes:
    """What is signed of a statement about heads: nothing else can be taken for one."""
    return _STATEMENT + b"\0" + told.encode()


def split(identifier: str) -> tuple[str, int]:
    """Chain and number of an id; a number of 0 is none."""
    chain, _, number = identifier.rpartition(":")
    well_formed = len(number) == 12 and number.isascii() and number.isdigit()
    return chain, int(number) if well_formed else 0


def name(chain: str, number: int) -> str:
    """The id of an event."""
    return f"{chain}:{number:012d}"


def _value(value: str | None) -> bytes:
    return b"\0" if value is None else b"\1" + value.encode()


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
