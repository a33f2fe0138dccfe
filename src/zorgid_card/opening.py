"""Recipes of the card side: a reader, and the card in it. What a portal needs is not loaded for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from zorgid_card.adapters import pcsc
from zorgid_card.cards import CardMemory, Insertion, PIVCard, UZIPass, let_go, open_channel
from zorgid_card.codec.link import Observer
from zorgid_card.errors import NoCardError, NoReaderError, UsageError
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
) -> Iterator[UZIPass | PIVCard]:
    """The card in a reader, ready for use, and let go of afterwards: logged out, so that no PIN stays verified.

    Args:
        reader: a reader, or a name as :func:`find_reader` takes it.
        observer: sees every physical APDU, masked; so does the logger ``zorgid_card.apdu`` at level DEBUG.
        exclusive: nobody else may use the card meanwhile.
        timeout: for how many seconds to wait while another program holds the card.
        ask_again: when another program resets the card during a signature, ask for the PIN again and sign again.
        memory: of the cards met before, which makes logging in with one again quicker; None reads every card anew.

    Raises:
        ReaderError, UsageError: see :func:`find_reader`; another program holds the card.
        CardNotSupportedError: not a card of this library; ``reason`` says what was found instead. What only the card's own
            middleware can drive is opened by :func:`open_token`.
    """
    slot = find_reader(reader) if reader is None or isinstance(reader, str) else reader
    channel = slot.connect(exclusive=exclusive, timeout=timeout)
    card: UZIPass | PIVCard | None = None
    try:
        card = open_channel(channel, observer=observer, memory=memory, insertion=_insertion(slot, channel))
        card.ask_again = ask_again
        yield card
    finally:
        let_go(channel, card)


def _insertion(reader: Reader, channel: Channel) -> Insertion:
    """Asked when the card is connected: one that was taken out before is not answering any more."""
    if counted(channel):
        return Insertion(reader.name, channel.insertion)
    return Insertion(reader.name, reader.insertion() if counting(reader) else None)
