"""What card is this? Found by selecting and reading: no PIN and no key is tried, so no counter can change."""

from __future__ import annotations

from dataclasses import dataclass, replace

from zorgid_card.cards.certificates import carries
from zorgid_card.cards.inventory import Inventory, take_inventory
from zorgid_card.cards.kinds import CardKind
from zorgid_card.cards.profile import (
    FOREIGN,
    PLAIN_PIV,
    UZI,
    UZI_IDENTITY,
    YUBICO_PIV,
    YUBICO_PIV_3DES,
    ZORGID_IDENTITY,
    CardProfile,
)
from zorgid_card.codec.link import Exchange, Link
from zorgid_card.errors import CardError, CardNotSupportedError, EncodingError, StatusWordError
from zorgid_card.protocol import iso7816, piv, pkcs15, yubico
from zorgid_card.protocol.administration import administration_algorithm

_PERSONALISED = (YUBICO_PIV, YUBICO_PIV_3DES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """What a card was found to be, and why."""

    kind: CardKind
    atr: bytes
    applications: tuple[str, ...]
    why: str
    profile: CardProfile | None


def detect(link: Link) -> Detected:
    """Tell what card is at the other end, in one transaction, by reading alone.

    A guess to route by and to refuse by: certificates are only looked at, their trust is decided elsewhere.

    Raises:
        ReaderError: the card is gone.
    """
    with link.channel.transaction():
        return detection(link)


def detection(link: Link) -> Detected:
    """What :func:`detect` does, for a caller who holds the transaction; another application may be selected afterwards."""
    atr = link.channel.atr
    try:
        return link.run(_detect(atr))
    except (CardError, EncodingError) as error:
        # A card that breaks off in the middle of a known application is not one to work with.
        return _found(CardKind.UNKNOWN, atr, (), f"the card answers nonsense: {error}", None)


def _found(
    kind: CardKind, atr: bytes, applications: tuple[str, ...], why: str, profile: CardProfile | None
) -> Detected:
    return Detected(kind=kind, atr=atr, applications=applications, why=why, profile=profile)


def _detect(atr: bytes) -> Exchange[Detected]:
    for aid in PLAIN_PIV.aids:
        if (yield from _selects(aid)):
            kind, why, profile = yield from _judge_piv()
            return _found(kind, atr, ("PIV",), why, _selected_by(aid, profile))
    listed = yield from pkcs15.applications()
    names = tuple(application.label or application.aid.hex().upper() for application in listed)
    try:
        layout = yield from pkcs15.discover()
    except CardNotSupportedError:
        name = yield from _foreign()
        why = f"{name or 'a card'} with neither a PIV application nor one of PKCS#15"
        return _found(CardKind.UNKNOWN, atr, names, why, None)
    return (yield from _judge_pkcs15(layout, atr, names or ("PKCS#15",)))


def _selects(aid: bytes) -> Exchange[bool]:
    try:
        yield from iso7816.select(aid)
    except StatusWordError:
        return False
    return True


def _foreign() -> Exchange[str | None]:
    """What to call a card that this library does not use, by the first application known on it."""
    for aid, name in FOREIGN.items():
        if (yield from _selects(aid)):
            return name
    return None


def _selected_by(aid: bytes, profile: CardProfile) -> CardProfile:
    """The profile, for a card that knows the application by this name."""
    return profile if profile.aids[0] == aid else replace(profile, aids=(aid,))


def _judge_pkcs15(layout: pkcs15.Layout, atr: bytes, names: tuple[str, ...]) -> Exchange[Detected]:
    if atr in UZI.atrs:
        return _found(CardKind.UZI_PASS, atr, names, "the answer to reset of a UZI pass, and PKCS#15", UZI)
    for certificate in layout.certificates:
        der = yield from pkcs15.read_certificate(layout, certificate)
        if carries(der, UZI_IDENTITY):
            return _found(CardKind.UZI_PASS, atr, names, "a certificate with a UZI identity", UZI)
    why = "a PKCS#15 application, but no certificate of the UZI register in it"
    return _found(CardKind.UNKNOWN, atr, names, why, None)


def _judge_piv() -> Exchange[tuple[CardKind, str, CardProfile]]:
    certificate = yield from piv.get_data(piv.certificate_object(piv.AUTHENTICATION))
    profile = yield from _dialect()
    if certificate is not None and _ours(certificate):
        return CardKind.ZORGID, "its certificate 9A carries a ZORG-ID identity", profile
    if profile.factory is None:
        return CardKind.PIV_OTHER, "a PIV card that cannot be shown to be blank by reading", profile
    inventory: Inventory = yield from take_inventory()
    if inventory.used:
        return CardKind.PIV_OTHER, f"a PIV card in use: {', '.join(inventory.used)}", profile
    return CardKind.BLANK, "a PIV card in factory state", profile


def _ours(content: bytes) -> bool:
    try:
        return carries(piv.decode_certificate(content), ZORGID_IDENTITY)
    except (CardError, EncodingError):
        return False  # a broken certificate: a card in use by somebody


def _dialect() -> Exchange[CardProfile]:
    """The profile whose administration key has the card's algorithm; plain PIV where the card tells
    nothing.
    """
    try:
        yield from yubico.version()
        told = yield from yubico.metadata(piv.ADMINISTRATION)
    except (CardError, EncodingError):
        return PLAIN_PIV
    for profile in _PERSONALISED:
        factory = profile.factory
        if factory is not None and told is not None:
            algorithm = administration_algorithm(factory.administration_algorithm)
            if algorithm.identifier == told.algorithm:
                return profile
    # Another algorithm was set later: a card in use, still of this dialect.
    return YUBICO_PIV if told is not None else PLAIN_PIV
