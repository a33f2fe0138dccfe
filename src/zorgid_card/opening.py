"""Recipes of the card side: a reader, and the card in it. What a portal needs is not loaded for them."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from zorgid_card.adapters import pcsc
from zorgid_card.cards import Card, CardMemory, Insertion, PIVCard, TokenCard, UZIPass, let_go, open_channel
from zorgid_card.cards.token import find_token_card
from zorgid_card.codec.link import Observer
from zorgid_card.errors import (
    CardNotSupportedError,
    MiddlewareMissingError,
    NoCardError,
    NoReaderError,
    UsageError,
    ZorgIDError,
)
from zorgid_card.ports.card import Channel, Reader, counted, counting


def find_reader(name: str | None = None, readers: Sequence[Reader] | None = None) -> Reader:
    """The reader of this name, or the only one whose name has it in it; None: the only one with a card.

    Args:
        name: the whole name or a part of it, in any case.
        readers: to choose from; those of PC/SC if None.

    Raises:
        PCSCUnavailableError: no PC/SC service on this computer; ``advice`` says what to do.
        NoReaderError: there is none, or none of this name.
        NoCardError: no reader holds a card.
        UsageError: more than one would do; ``names`` lists them.
    """
    known: Sequence[Reader] = pcsc.readers() if readers is None else readers
    if not known:
        raise NoReaderError
    if name is None:
        found = [reader for reader in known if _holds_card(reader)]
        if not found:
            raise NoCardError
    else:
        part = name.casefold()
        found = [reader for reader in known if reader.name == name]
        found = found or [reader for reader in known if part in reader.name.casefold()]
        if not found:
            raise NoReaderError(f"no reader named {name}", name=name)
    if len(found) > 1:
        names = ", ".join(reader.name for reader in found)
        raise UsageError(f"name one of these readers: {names}", reason="ambiguous", names=names)
    return found[0]


def _holds_card(reader: Reader) -> bool:
    with suppress(NoCardError):
        reader.wait(present=True, timeout=0)
        return True
    return False


MODULE_VARIABLE: Final = "ZORGID_PKCS11"
"""Variable of the environment that names the PKCS#11 module of the cards' middleware."""

_log = logging.getLogger("zorgid_card.opening")

CARDS_MET: Final = CardMemory()
"""The cards last opened in this process: what was read of them is public, and it is not kept anywhere else."""


@contextmanager
def open_card(
    reader: Reader | str | None = None,
    *,
    observer: Observer | None = None,
    exclusive: bool = False,
    timeout: float = 0,
    ask_again: bool = False,
    memory: CardMemory | None = CARDS_MET,
    middleware: Path | str | None = "",
) -> Iterator[Card]:
    """The card in a reader, ready for use, and let go of afterwards: logged out, so that no PIN stays verified.

    How it is driven is found out (docs/adr/0012): a ZORG-ID Smartcard by this library itself; a UZI pass through its middleware
    where that is installed and shows a card in this reader, else by this library; a card that this library does not know through
    the middleware alone. With ``observer`` or ``exclusive`` the middleware is left out: its commands are its own.

    Args:
        reader: a reader, or a name as :func:`find_reader` takes it.
        observer: sees every physical APDU, masked; so does the logger ``zorgid_card.apdu`` at level DEBUG.
        exclusive: nobody else may use the card meanwhile.
        timeout: for how many seconds to wait while another program holds the card.
        ask_again: when another program resets the card during a signature, ask for the PIN again and sign again.
        memory: of the cards met before, which makes logging in with one again quicker; None reads every card anew.
        middleware: path of a PKCS#11 module; empty: the one that the environment's ``ZORGID_PKCS11`` names, or SafeSign at its
            usual places; None: no middleware.

    Raises:
        ReaderError, UsageError: see :func:`find_reader`; another program holds the card.
        CardNotSupportedError: not a card of this library: ``reason`` says what was found instead, ``state`` and ``module`` what
            came of the middleware, and the message all of it.
    """
    slot = find_reader(reader) if reader is None or isinstance(reader, str) else reader
    module = None if observer is not None or exclusive else middleware

    def direct() -> AbstractContextManager[UZIPass | PIVCard]:
        return _direct(slot, observer, memory, exclusive=exclusive, timeout=timeout, ask_again=ask_again)

    with ExitStack() as held:
        try:
            card: Card = held.enter_context(direct())
        except CardNotSupportedError as refused:
            card = held.enter_context(_instead(slot.name, module, refused))
        else:
            if isinstance(card, UZIPass) and not card.profile.proven and _is_there(module):
                held.close()
                card = _preferred(held, slot.name, module) or held.enter_context(direct())
        yield card


@contextmanager
def _direct(
    slot: Reader,
    observer: Observer | None,
    memory: CardMemory | None,
    *,
    exclusive: bool,
    timeout: float,
    ask_again: bool,
) -> Iterator[UZIPass | PIVCard]:
    """The card as this library drives it by itself."""
    channel = slot.connect(exclusive=exclusive, timeout=timeout)
    card: UZIPass | PIVCard | None = None
    try:
        card = open_channel(channel, observer=observer, memory=memory, insertion=_insertion(slot, channel))
        card.ask_again = ask_again
        yield card
    finally:
        let_go(channel, card)


# --- the middleware ---------------------------------------------------------------------------------------


def _named(module: Path | str) -> Path | str | None:
    """The module that is meant; None: SafeSign's, at its usual places."""
    return module or os.environ.get(MODULE_VARIABLE) or None


def _is_there(module: Path | str | None) -> bool:
    if module is None:
        return False
    from zorgid_card.adapters.pkcs11 import find_module  # noqa: PLC0415  # loaded where a middleware may be needed

    try:
        find_module(_named(module))
    except MiddlewareMissingError:
        return False
    return True


@contextmanager
def _token(reader: str, module: Path | str) -> Iterator[TokenCard]:
    """The card in this reader, through its middleware; raises as :func:`zorgid_card.middleware.open_token`."""
    from zorgid_card.adapters.pkcs11 import PKCS11Module  # noqa: PLC0415  # as above

    with PKCS11Module(_named(module)) as opened, find_token_card(opened, reader=reader) as card:
        yield card


def _preferred(held: ExitStack, reader: str, module: Path | str | None) -> TokenCard | None:
    """A pass through its middleware; None where that does not show it, which is told in the log."""
    try:
        return None if module is None else held.enter_context(_token(reader, module))
    except ZorgIDError as error:
        _log.info("the middleware does not drive the pass in %s, so it is driven directly: %s", reader, error)
        return None


@contextmanager
def _instead(reader: str, module: Path | str | None, refused: CardNotSupportedError) -> Iterator[TokenCard]:
    """A card that this library does not know, through its middleware.

    Raises:
        CardNotSupportedError: that does not drive it either; the message says what was tried, and why each way failed.
    """
    if module is None:
        raise refused
    with ExitStack() as held:
        try:
            card = held.enter_context(_token(reader, module))
        except ZorgIDError as error:
            state = next(state for kind, state in _STATES if isinstance(error, kind))
            tried = f"{refused}; by its middleware neither: {error}"
            details = {**refused.details, "state": state, "module": str(_named(module) or "SafeSign")}
            raise CardNotSupportedError(tried, **details) from error
        yield card


_STATES: Final[tuple[tuple[type[ZorgIDError], str], ...]] = (
    (MiddlewareMissingError, "no middleware"),
    (NoCardError, "no token"),
    (CardNotSupportedError, "other token"),
    (ZorgIDError, "middleware failed"),
)
"""What came of the middleware, by its error."""


def _insertion(reader: Reader, channel: Channel) -> Insertion:
    """Asked when the card is connected: one that was taken out before is not answering any more."""
    if counted(channel):
        return Insertion(reader.name, channel.insertion)
    return Insertion(reader.name, reader.insertion() if counting(reader) else None)
