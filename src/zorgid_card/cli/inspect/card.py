"""The card in a reader: what it is, and the certificates on it. Nothing is tried that could cost a try."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from zorgid_card.cards import Activation, Detected, PIVCard, TokenCard, Tries, UZIPass, ZorgIDCard, detect, on_link
from zorgid_card.codec.link import Link
from zorgid_card.errors import CardError, EncodingError
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
    activation: Activation = Activation.NONE


def read_card(reader: Reader) -> CardReport:
    """Read everything that can be read without a PIN.

    Raises:
        ReaderError: there is no card, or it is gone.
    """
    channel = reader.connect()
    try:
        return on_link(channel, lambda link: _read(reader.name, link))
    finally:
        channel.close()


def _read(name: str, link: Link) -> CardReport:
    found = detect(link)
    if isinstance(card := _open(link, found), UZIPass):
        return _read_pass(name, found, card)
    if card is not None:
        return _read_piv(name, found, card)
    return CardReport(reader=name, found=found)


def read_token(card: TokenCard) -> CardReport:
    """Read what the card's middleware tells without a PIN. It does not tell the answer to reset."""
    why = "certificates that the card's middleware (PKCS#11) shows"
    return CardReport(
        reader=card.reader,
        found=Detected(kind=card.kind, atr=b"", applications=("PKCS#11",), why=why, profile=card.profile),
        serial=card.serial or None,
        pin=card.tries(),
        puk=card.puk_tries(),
        certificates=card.certificates(),
        authorities=card.chain(),
        activation=card.activation,
    )


def _open(link: Link, found: Detected) -> UZIPass | PIVCard | None:
    if found.profile is None:
        return None
    if found.kind == "uzi-pass":
        return UZIPass(link, found.profile, layout=found.layout)
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
        activation=card.activation,
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
