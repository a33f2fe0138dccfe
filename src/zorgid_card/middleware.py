"""A recipe: the card behind its maker's middleware."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zorgid_card.adapters.pkcs11 import PKCS11Module
from zorgid_card.cards.token import TokenCard, find_token_card


@contextmanager
def open_token(module: Path | str | None = None, *, token: str | None = None) -> Iterator[TokenCard]:
    """The card behind its maker's middleware (PKCS#11), ready for use; logged out and let go of afterwards.

    The way to a card that only its middleware can drive, which is every real UZI pass today.

    Args:
        module: path of the PKCS#11 module; None: SafeSign's, at its usual places.
        token: its label or serial number, or its reader's name, or a part of one of them in any case; None: the only token that is
            a card of this library.

    Raises:
        MiddlewareMissingError: no module there, or one that cannot be loaded.
        NoCardError: no token, or none of this name.
        CardNotSupportedError: none that is a UZI pass or a ZORG-ID Smartcard.
        UsageError: more than one would do; ``names`` lists them.
        MiddlewareError, ReaderError: the module or the card fails.
    """
    with PKCS11Module(module) as opened, find_token_card(opened, token) as card:
        yield card
