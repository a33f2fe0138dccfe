"""What an error says by itself, for whoever reads a log: what went wrong and what is known of it, no markup."""

from __future__ import annotations

import pytest

from zorgid_card import errors
from zorgid_card.errors import LastTryError, ReaderBusyError, WrongPINError, ZorgIDError

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ZorgIDError)]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_says_something_plain(kind: type[ZorgIDError]) -> None:
    told = str(kind())
    assert len(told) > 8
    assert "``" not in told


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (WrongPINError(tries_left=2), "Wrong PIN (tries_left: 2)"),
        (WrongPINError(tries_left=None), "Wrong PIN"),
        (ReaderBusyError(reader="Desk 1", holders=None), "Another program holds the card (reader: Desk 1)"),
        (ReaderBusyError("said otherwise", reader="Desk 1"), "said otherwise"),
    ],
)
def test_an_error_says_what_is_known(error: ZorgIDError, told: str) -> None:
    assert str(error) == told


def test_pin_1_what_the_last_try_needs_is_told() -> None:
    assert "explicit word" in str(LastTryError(tries_left=1))
