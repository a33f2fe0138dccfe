"""What card is this? Found by selecting and reading: no PIN and no key is tried, so no counter can change."""

from __future__ import annotations

from dataclasses import dataclass, replace

from zorgid_card.cards.certificates import carries
from zorgid_card.cards.inventory import take_inventory
from zorgid_card.cards.kinds import CardKind
from zorgid_card.cards.memory import CardMemory, Insertion, KnownCard, Recognised
from zorgid_card.cards.profile import (
    FOREIGN,
    NIST_PIV,
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
from zorgid_card.protocol import globalplatform, iso7816, piv, pkcs15, yubico
from zorgid_card.protocol.administration import administration_algorithm

_PERSONALISED = (YUBICO_PIV, YUBICO_PIV_3DES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """What a card was found to be, and why.

    Attributes:
        kind: what it is.
        atr: its answer to reset.
        applications: those found on it.
        why: for people.
        profile: what is known of its kind; None for a card that is not one of this library, and for a ZORG-ID Smartcard whose
            dialect was not asked.
        met: of a ZORG-ID Smartcard, what was read to tell.
        layout: of a UZI pass, what is where.
    """

    kind: CardKind
    atr: bytes
    applications: tuple[str, ...]
    why: str
    profile: CardProfile | None
    met: Recognised | None = None
    layout: pkcs15.Layout | None = None


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
    found = recognise(link)
    return found if found.kind is not CardKind.ZORGID else replace(found, profile=link.run(dialect()))


def recognise(link: Link, memory: CardMemory | None = None, insertion: Insertion | None = None) -> Detected:
    """As :func:`detection`, in as few commands as log-in needs: the dialect of a ZORG-ID Smartcard is not asked.

    Args:
        link: to the card; the caller holds the transaction.
        memory: of the cards met before; one that is in it is not read but for its CHUID, and one that is not is kept there.
        insertion: since when the card is in its reader, where that is known.
    """
    atr = link.channel.atr
    try:
        if link.run(_selects(piv.AID)):
            return link.run(_piv_card(atr, memory, insertion))
        return _named_by_atr(link.run(_other_card(atr)))
    except (CardError, EncodingError) as error:
        # A card that breaks off in the middle of a known application is not one to work with.
        return _named_by_atr(_found(CardKind.UNKNOWN, atr, (), f"the card answers nonsense: {error}", None))


def _found(
    kind: CardKind, atr: bytes, applications: tuple[str, ...], why: str, profile: CardProfile | None
) -> Detected:
    return Detected(kind=kind, atr=atr, applications=applications, why=why, profile=profile)


def _named_by_atr(found: Detected) -> Detected:
    """A card that cannot be read may still say by its answer to reset whose it is, and so which middleware it wants."""
    if found.kind is not CardKind.UNKNOWN or found.atr not in UZI.atrs:
        return found
    return replace(found, why=f"the answer to reset of a UZI pass, which only its middleware can read: {found.why}")


def _selects(aid: bytes) -> Exchange[bool]:
    try:
        yield from iso7816.select(aid)
    except StatusWordError:
        return False
    return True


# --- PKCS#15 ------------------------------------------------------------------------------------------------


def _other_card(atr: bytes) -> Exchange[Detected]:
    listed = yield from pkcs15.applications()
    names = tuple(application.label or application.aid.hex().upper() for application in listed)
    try:
        layout = yield from pkcs15.discover(listed)
    except CardNotSupportedError:
        return (yield from _odd_card(atr, names))
    names = names or ("PKCS#15",)
    shown = yield from pkcs15.bounded(_why_uzi(layout, atr), pkcs15.MAX_COMMANDS)
    if shown is None:
        why = "a PKCS#15 application, but no certificate of the UZI register in it"
        return _found(CardKind.UNKNOWN, atr, names, why, None)
    return replace(_found(CardKind.UZI_PASS, atr, names, shown, UZI), layout=layout)


def _why_uzi(layout: pkcs15.Layout, atr: bytes) -> Exchange[str | None]:
    if atr in UZI.atrs:
        return "the answer to reset of a UZI pass, and PKCS#15"
    for certificate in layout.certificates:
        if carries((yield from pkcs15.read_certificate(layout, certificate)), UZI_IDENTITY):
            return "a certificate with a UZI identity"
    return None


# --- PIV ----------------------------------------------------------------------------------------------------


def _piv_card(
    atr: bytes, memory: CardMemory | None, insertion: Insertion | None, aid: bytes = piv.AID
) -> Exchange[Detected]:
    chuid = b"" if memory is None else (yield from _chuid())
    known = None if memory is None else memory.recognise(chuid, atr, insertion)
    if known is not None:
        return _zorgid(known, memory)
    content = yield from piv.get_data(piv.certificate_object(piv.AUTHENTICATION))
    certificate = None if content is None else _ours(content)
    if certificate is None:
        return _found(*(yield from _judge_piv(atr, content, aid)))
    known = KnownCard(atr, chuid, certificate)
    if memory is not None:
        memory.keep(known, insertion)
    return _zorgid(known, memory)


def _zorgid(known: KnownCard, memory: CardMemory | None) -> Detected:
    why = "its certificate 9A carries a ZORG-ID identity"
    return replace(_found(CardKind.ZORGID, known.atr, ("PIV",), why, None), met=Recognised(known, memory))


def _chuid() -> Exchange[bytes]:
    """What tells the card from others; empty where it has no such thing, or a broken one."""
    try:
        return (yield from piv.get_data(piv.CHUID)) or b""
    except (CardError, EncodingError):
        return b""


def _judge_piv(
    atr: bytes, certificate: bytes | None, aid: bytes
) -> Exchange[tuple[CardKind, bytes, tuple[str, ...], str, CardProfile]]:
    """A PIV card that is not a ZORG-ID Smartcard: blank, or in use. What shows that it is in use ends the search."""
    profile, administration = yield from _by_metadata()
    if certificate is None and profile is PLAIN_PIV:
        profile = yield from _by_card_manager(aid)
    kind, why = CardKind.PIV_OTHER, "a PIV card that cannot be shown to be blank by reading"
    if profile.factory is not None:
        used = (
            ("certificate 9A",)
            if certificate
            else (yield from take_inventory(profile, administration, until_used=True)).used
        )
        kind = CardKind.PIV_OTHER if used else CardKind.BLANK
        why = f"a PIV card in use: {', '.join(used)}" if used else "a PIV card in factory state"
    return kind, atr, ("PIV",), why, profile


def _ours(content: bytes) -> bytes | None:
    """The certificate, if it is one of a ZORG-ID Smartcard; a broken one is on a card in use by somebody."""
    try:
        certificate = piv.decode_certificate(content)
    except (CardError, EncodingError):
        return None
    return certificate if carries(certificate, ZORGID_IDENTITY) else None


def dialect(aid: bytes = piv.AID) -> Exchange[CardProfile]:
    """The card's dialect; plain PIV where the card tells nothing. The application ``aid`` is selected, and is so again."""
    profile, _ = yield from _by_metadata()
    return (yield from _by_card_manager(aid)) if profile is PLAIN_PIV else profile


def _by_card_manager(aid: bytes) -> Exchange[CardProfile]:
    """A card that tells nothing within PIV: does its card manager speak SCP03, and tell which card this is?"""
    found = yield from globalplatform.card_manager()
    yield from iso7816.select(aid)
    return PLAIN_PIV if found is None else NIST_PIV


def _by_metadata() -> Exchange[tuple[CardProfile, yubico.Metadata | None]]:
    """The profile whose administration key has the card's algorithm."""
    try:
        told = yield from yubico.metadata(piv.ADMINISTRATION)
    except (CardError, EncodingError):
        return PLAIN_PIV, None
    if told is None:
        return PLAIN_PIV, None
    for profile in _PERSONALISED:
        factory = profile.factory
        if factory is not None:
            algorithm = administration_algorithm(factory.administration_algorithm)
            if algorithm.identifier == told.algorithm:
                return profile, told
    # Another algorithm was set later: a card in use, still of this dialect.
    return YUBICO_PIV, told


# --- others -------------------------------------------------------------------------------------------------


def _odd_card(atr: bytes, names: tuple[str, ...]) -> Exchange[Detected]:
    """A card without PKCS#15 that does not know PIV's whole name: it may know the beginning of it."""
    for aid in PLAIN_PIV.aids[1:]:
        if (yield from _selects(aid)):
            found = yield from _piv_card(atr, None, None, aid)
            profile = found.profile or (yield from dialect(aid))
            return replace(found, profile=replace(profile, aids=(aid,)))
    why, name = "neither a PIV application nor one of PKCS#15 is on the card", (yield from _foreign())
    return _found(CardKind.UNKNOWN, atr, names, f"{why}: {name}" if name else why, None)


def _foreign() -> Exchange[str | None]:
    """What to call a card that this library does not use, by the first application known on it."""
    for aid, name in FOREIGN.items():
        if (yield from _selects(aid)):
            return name
    return None
