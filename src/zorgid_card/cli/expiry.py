"""A card about to expire, as its holder is told: one sentence, and one object of JSON, for every command that uses a card."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import click

from zorgid_card.cards.expiry import Expiry, ExpiryState, expiry_of
from zorgid_card.cli.display import Display
from zorgid_card.texts import Texts


def tell_expiry(
    display: Display, certificates: Iterable[bytes], at: datetime | None = None, *, err: bool = False
) -> None:
    """Say so when a card expires soon, or has expired; say nothing else.

    Args:
        display: where it is shown.
        certificates: the card's own, DER: ``card.certificates().values()``, or the one that is used.
        at: the moment, UTC; None: now.
        err: on standard error, for a command whose output is for a program.
    """
    found = expiry_of(certificates, at or datetime.now(UTC))
    sentence = expiry_in_words(found, display.texts)
    if sentence is None:
        return
    if err:
        click.echo(f"zorgid-card: {sentence}", err=True)
    else:
        display.line(sentence, "yellow")


def expiry_in_words(expiry: Expiry | None, texts: Texts) -> str | None:
    """What the holder is to know, and to do; None where there is nothing to tell."""
    if expiry is None or expiry.state is ExpiryState.GOOD:
        return None
    key = "today" if expiry.state is ExpiryState.SOON and expiry.days_left == 0 else expiry.state.value
    key = "tomorrow" if expiry.state is ExpiryState.SOON and expiry.days_left == 1 else key
    return texts(f"expiry.{key}", days=expiry.days_left, date=expiry.not_after.date().isoformat())


def expiry_as_json(expiry: Expiry | None) -> dict[str, Any] | None:
    """``not_after`` (ISO 8601, UTC), ``days_left`` and ``state``: ``good``, ``soon`` or ``expired``; null where it is not known."""
    if expiry is None:
        return None
    end = expiry.not_after.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"not_after": end, "days_left": expiry.days_left, "state": expiry.state.value}
