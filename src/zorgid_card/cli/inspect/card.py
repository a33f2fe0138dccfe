"""The card in a reader: what it is, and the certificates on it. Nothing is tried that could cost a try."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from zorgid_card.cards import Detected, PIVCard, Tries, UZIPass, ZorgIDCard, detect
from zorgid_card.codec.link import Link
from zorgid_card.errors import CardError, EncodingError, NoCardError, NoReaderError, UsageError
from zorgid_card.ports.card import Reader
from zorgid_card.protocol import piv

_SLOTS = (piv.AUTHENTICATION, piv.SIGNATURE, piv.KEY_MANAGEMENT, piv.CARD_AUTHENTICATION)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardReport:
    """What was read. ``certificates``: by usage or slot, DER; ``authorities``: the CA certificates on it."""

    reader: str
    found: Detected
    serial: str | None = None
    firmware: str | None = None
    pin: Tries = Tries.UNKNOWN
    puk: Tries = Tries.UNKNOWN
    certificates: dict[str, bytes] = field(default_factory=dict)
    authorities: Sequence[bytes] = ()


def choose(readers: Sequence[Reader], wanted: str | None) -> Reader:
    """The reader of this name, or the only one whose name has it in it; None: the only one with a card.

    Raises:
        NoReaderError: there is none, or none of this name.
        NoCardError: no reader holds a card.
        UsageError: more than one would do.
    """
    if not readers:
        raise NoReaderError
    if wanted is None:
        holding = [reader for reader in readers if _holds_card(reader)]
        if not holding:
            raise NoCardError
        return _only(holding)
    named = [reader for reader in readers if reader.name == wanted]
    named = named or [reader for reader in readers if wanted.casefold() in reader.name.casefold()]
    if not named:
        raise NoReaderError(f"no reader named {wanted}", name=wanted)
    return _only(named)


def _only(readers: Sequence[Reader]) -> Reader:
    if len(readers) > 1:
        names = ", ".join(reader.name for reader in readers)
        raise UsageError(f"name one of these readers: {names}", reason="ambiguous", names=names)
    return readers[0]


def _holds_card(reader: Reader) -> bool:
    try:
        reader.wait(present=True, timeout=0)
    except NoCardError:
        return False
    return True


def read_card(reader: Reader) -> CardReport:
    """Read everything that can be read without a PIN.

    Raises:
        ReaderError: there is no card, or it is gone.
    """
    channel = reader.connect()
    try:
        link = Link(channel)
        found = detect(link)
        if isinstance(card := _open(link, found), UZIPass):
            return _read_pass(reader.name, found, card)
        if card is not None:
            return _read_piv(reader.name, found, card)
        return CardReport(reader=reader.name, found=found)
    finally:
        channel.close()


def _open(link: Link, found: Detected) -> UZIPass | PIVCard | None:
    if found.profile is None:
        return None
    if found.kind == "uzi-pass":
        return UZIPass(link, found.profile)
    if found.profile.factory is None:
        return PIVCard(link, found.profile, kind=found.kind)
    return ZorgIDCard(link, found.profile, kind=found.kind)


def _read_pass(name: str, found: Detected, card: UZIPass) -> CardReport:
    return CardReport(
        reader=name,
        found=found,
        serial=card.serial or None,
        pin=_tries(card.tries),
        puk=_tries(card.puk_tries),
        certificates=card.certificates(),
        authorities=card.chain(),
    )


def _read_piv(name: str, found: Detected, card: PIVCard) -> CardReport:
    certificates = {f"{slot:02X}": card.certificate(slot) for slot in _SLOTS}
    ours = card if isinstance(card, ZorgIDCard) else None
    return CardReport(
        reader=name,
        found=found,
        serial=ours.serial if ours else None,
        firmware=ours.firmware if ours else None,
        pin=_tries(card.tries),
        puk=_tries(card.puk_tries),
        certificates={slot: der for slot, der in certificates.items() if der is not None},
    )


def _tries(ask: Callable[[], Tries]) -> Tries:
    try:
        return ask()
    except (CardError, EncodingError):
        return Tries.UNKNOWN
