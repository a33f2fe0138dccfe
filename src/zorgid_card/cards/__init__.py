"""What a card is: UZI passes and ZORG-ID Smartcards behind one small set of operations.

:func:`open_card` finds out which it is and gives it; :class:`Card` is what both can do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from zorgid_card.cards.access import (
    CardSession,
    CardSigner,
    LastTry,
    OnKeypad,
    PINProvider,
    PINRequest,
    Tries,
    TryState,
)
from zorgid_card.cards.activation import Activation, ActivationRule
from zorgid_card.cards.capability import extended_length
from zorgid_card.cards.card import Card, CardPIN
from zorgid_card.cards.detect import Detected, detect, recognise
from zorgid_card.cards.inventory import Inventory
from zorgid_card.cards.kinds import CardKind
from zorgid_card.cards.memory import CardMemory, Insertion, Recognised
from zorgid_card.cards.piv import PIVCard
from zorgid_card.cards.profile import (
    NIST_PIV,
    PLAIN_PIV,
    UZI,
    YUBICO_PIV,
    YUBICO_PIV_3DES,
    CardProfile,
    ChannelRules,
    Factory,
)
from zorgid_card.cards.token import TokenCard
from zorgid_card.cards.uzi import UZIPass
from zorgid_card.cards.zorgid import ZorgIDCard
from zorgid_card.codec.link import Link, Observer
from zorgid_card.errors import CardNotSupportedError, CardRemovedError, CardResetError, ReaderError, TransportError
from zorgid_card.ports.card import Channel

__all__ = [
    "NIST_PIV",
    "PLAIN_PIV",
    "UZI",
    "YUBICO_PIV",
    "YUBICO_PIV_3DES",
    "Activation",
    "ActivationRule",
    "Card",
    "CardKind",
    "CardMemory",
    "CardPIN",
    "CardProfile",
    "CardSigner",
    "ChannelRules",
    "Detected",
    "Factory",
    "Insertion",
    "Inventory",
    "LastTry",
    "OnKeypad",
    "PINProvider",
    "PINRequest",
    "PIVCard",
    "TokenCard",
    "Tries",
    "TryState",
    "UZIPass",
    "ZorgIDCard",
    "detect",
    "let_go",
    "on_link",
    "open_card",
    "open_channel",
]

T = TypeVar("T")


def open_card(link: Link, memory: CardMemory | None = None, insertion: Insertion | None = None) -> UZIPass | PIVCard:
    """The card at the other end, ready for use: found by reading, nothing tried.

    Args:
        link: to the card.
        memory: of the cards met before; a ZORG-ID Smartcard that is in it is not read again.
        insertion: since when the card is in its reader, asked after connecting to it. A card recognised in this very insertion is
            sent nothing at all.

    Returns:
        a :class:`UZIPass`; a :class:`ZorgIDCard` (also for a blank: see its ``kind``); or, for somebody
        else's PIV card, a plain :class:`PIVCard`.

    Raises:
        CardNotSupportedError: ``reason`` says what was found instead.
        ReaderError: the card is gone.
    """
    known = None if memory is None else memory.inserted(insertion, link.channel.atr)
    if known is not None:
        return ZorgIDCard(link, None, met=Recognised(known, memory, selected=False))
    with link.channel.transaction():
        found = recognise(link, memory, insertion)
    if found.met is not None:
        return ZorgIDCard(link, None, met=found.met)
    if found.profile is None:
        advice = "if it has a middleware of its own (PKCS#11), use open_token"
        raise CardNotSupportedError(f"this card cannot be used: {found.why}; {advice}", reason=found.why, advice=advice)
    if found.kind is CardKind.UZI_PASS:
        return UZIPass(link, found.profile, layout=found.layout)
    if found.kind is CardKind.PIV_OTHER or found.profile.factory is None:
        return PIVCard(link, found.profile, kind=found.kind)
    return ZorgIDCard(link, found.profile, kind=found.kind)


def open_channel(
    channel: Channel,
    *,
    observer: Observer | None = None,
    memory: CardMemory | None = None,
    insertion: Insertion | None = None,
) -> UZIPass | PIVCard:
    """The card behind a channel; extended length is used where card and reader take it (:func:`on_link`).

    Arguments and errors as :func:`open_card`, and besides:

    Raises:
        CardResetError: the card was reset, and perhaps exchanged, before anything was sent: open it anew.
    """

    def read(link: Link) -> UZIPass | PIVCard:
        return open_card(link, memory, insertion)

    try:
        return on_link(channel, read, observer=observer, memory=memory, insertion=insertion)
    except CardResetError:
        if memory is not None and insertion is not None:
            memory.left(insertion.reader)  # a caller who tries again may bring the same insertion
        raise


def on_link(
    channel: Channel,
    read: Callable[[Link], T],
    *,
    observer: Observer | None = None,
    memory: CardMemory | None = None,
    insertion: Insertion | None = None,
) -> T:
    """Read from the card behind a channel over a link that uses extended length where card and reader take it.

    A reader may take long commands and yet break off a long answer: then the card is read once more, with short ones.

    Args:
        channel: a powered card.
        read: what is done; it changes nothing on the card, and may be done twice.
        observer: sees every physical APDU, masked.
        memory: of the readers that carried long commands, and of those that did not.
        insertion: since when the card is in its reader.

    Raises:
        ReaderError: the card is gone; and whatever ``read`` raises.
    """

    def over(extended: bool) -> T:
        try:
            return read(Link(channel, observer=observer, extended=extended))
        except TransportError:
            if not extended:
                raise
        if memory is not None and insertion is not None:
            memory.found_extended(insertion.reader, channel.atr, False)
        return read(Link(channel, observer=observer))

    if memory is None or insertion is None or insertion.number is None:
        return over(extended_length(Link(channel, observer=observer)))
    known = memory.extended(insertion.reader, channel.atr)
    if known is not None:
        return over(known)
    # Looked at once for a reader that counts insertions and a kind of card. A file read to find out would be one command more at
    # the first log-in with a ZORG-ID Smartcard, and most have none: it is read once the card is known to be a pass.
    found = extended_length(Link(channel, observer=observer), read_file=False)
    memory.found_extended(insertion.reader, channel.atr, found)
    card = over(found)
    if not found and isinstance(card, UZIPass) and extended_length(card.link, from_root=True):
        memory.found_extended(insertion.reader, channel.atr, True)
        return over(True)
    return card


def let_go(channel: Channel, card: CardSession | None) -> None:
    """Log out and close the channel; the card is reset only where it does not know how to log out, or an administration key
    was authenticated, or where logging out is broken off. Never raises for a card that is gone.
    """
    reset = True  # unless it is known that nothing stays verified
    try:
        reset = card is not None and card.leave()
    except (CardRemovedError, CardResetError):
        reset = False  # nothing is verified any more
    except ReaderError:
        pass
    finally:
        channel.close(reset=reset)
