"""A card through its maker's middleware: PKCS #11 v2.40, bound with cffi (extra ``pkcs11``, which needs no other package).

The way for every real UZI pass today, whose middleware is SafeSign. A PIN goes to the module as a pointer on its own locked page.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Final

from zorgid_card.adapters.pkcs11.library import Hold, find_module, load, usual_places
from zorgid_card.adapters.pkcs11.objects import KeyToken
from zorgid_card.adapters.pkcs11.session import PKCS11Token, token_info
from zorgid_card.errors import NoCardError
from zorgid_card.ports.token import TokenFlag, TokenInfo

__all__ = ["PKCS11Module", "PKCS11Token", "find_module", "usual_places"]

_MOST_SLOTS: Final = 64
_PRESENT: Final = 1


class PKCS11Module:
    """A PKCS#11 module, initialised (:class:`zorgid_card.ports.token.TokenModule`); a context manager that lets go of it.

    It may be opened several times in a process; the last one to close it finalises it, unless another part of the program had
    initialised it before.

    Args:
        path: of the module; None: SafeSign's, at its usual places.

    Raises:
        MiddlewareMissingError: there is none, or it cannot be loaded.
        MiddlewareError: it does not start.
    """

    def __init__(self, path: Path | str | None = None) -> None:
        self._library = load(find_module(path))
        self._hold = Hold(self._library)

    @property
    def path(self) -> Path:
        """Where it was found."""
        return self._library.path

    def tokens(self) -> list[TokenInfo]:
        """The tokens that are in their slots now and were initialised, in the module's order.

        Raises:
            CardResponseError: the module tells of more slots than there can be.
        """
        self._library.require(self._hold.era)
        slots = self._library.numbers("slots", "GetSlotList", _PRESENT, limit=_MOST_SLOTS)
        told = [found for slot in slots if (found := self._info(slot)) is not None]
        return [token for token in told if token.flags & TokenFlag.TOKEN_INITIALIZED]

    def _info(self, slot: int) -> TokenInfo | None:
        """None for a card that was taken out since."""
        try:
            return token_info(self._library, slot)
        except NoCardError:
            return None

    def open(self, slot: int) -> PKCS11Token:
        """The token in a slot, logged in to by nobody yet.

        Raises:
            NoCardError: the slot is empty.
        """
        self._library.require(self._hold.era)
        return PKCS11Token(self._hold, slot)

    def open_keys(self, slot: int) -> KeyToken:
        """The token in a slot as one whose keys are made and used there: that of an HSM. Raises as :meth:`open`."""
        self._library.require(self._hold.era)
        return KeyToken(self._hold, slot)

    def close(self) -> None:
        """Let go of the module; a second time does nothing."""
        self._hold.close()

    def __enter__(self) -> PKCS11Module:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
