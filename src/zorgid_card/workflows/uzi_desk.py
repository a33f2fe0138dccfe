"""A UZI pass at the desk: put in, opened, made to authenticate a session, shown to its holder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from zorgid_card.cards import CardKind, PIVCard, UZIPass, let_go, open_channel
from zorgid_card.codec.link import Observer
from zorgid_card.errors import WrongCardError
from zorgid_card.ports.card import Reader
from zorgid_card.workflows.holder import Cue, Holder, Question
from zorgid_card.workflows.session import Authenticated, PortalClient

NO_ROLE = "00.000"
"""The role of a pass of type N, M or S (CA model, subjectAltName)."""


@contextmanager
def present_pass(
    reader: Reader,
    holder: Holder,
    *,
    observer: Observer | None = None,
    timeout: float | None = None,
) -> Iterator[UZIPass]:
    """Ask for the pass, open it, and let go of it afterwards, logged out.

    Raises:
        NoCardError: no card came within ``timeout`` seconds.
        WrongCardError: another card: a ZORG-ID Smartcard, a blank, another PIV card.
        CardNotSupportedError: not a card that this library can read.
    """
    holder.cue(Cue.INSERT_PASS)
    reader.wait(present=True, timeout=timeout)
    channel = reader.connect()
    card: UZIPass | None = None
    try:
        card = _uzi_pass(open_channel(channel, observer=observer))
        yield card
    finally:
        let_go(channel, card)


def _uzi_pass(card: UZIPass | PIVCard) -> UZIPass:
    if not isinstance(card, UZIPass):
        raise WrongCardError("a UZI pass is needed here", expected=CardKind.UZI_PASS.value, found=card.kind.value)
    return card


def authenticate(card: UZIPass, client: PortalClient, holder: Holder) -> Authenticated:
    """The pass signs the open session's key; its holder sees what the pass says of them, and confirms (ORG-3, CRD-4).

    Raises:
        WrongPINError, PINBlockedError, LastTryError, DeclinedError: at the desk.
        CertificateError, PortalError: the portal does not accept the pass.
    """
    certificate = card.certificates()["authenticity"]
    holder.confirm(Question("grant-access"))
    known = client.authenticate(card.signer("authenticity", holder.pin), certificate, tuple(card.chain()))
    holder.confirm(Question("pass-data", shown(known)))
    return known


def shown(known: Authenticated) -> tuple[tuple[str, str], ...]:
    """The data of a pass as they are shown to its holder; a role only where the pass names one (type Z)."""
    role = (("role", f"{known.role} {known.role_name}".strip()),) if known.role != NO_ROLE else ()
    return (
        ("name", known.common_name),
        ("uzi-number", known.uzi_number),
        *role,
        ("organisation", known.organisation),
        ("ura", known.ura),
        ("valid-until", known.not_after.date().isoformat()),
    )


def parse_birth_date(text: str) -> date:
    """A birth date as people write it: 31-12-1980, 31/12/1980 or 1980-12-31.

    Raises:
        ValueError: not a date, or not that of a living person.
    """
    parts = text.strip().replace("/", "-").split("-")
    day_first = len(parts[0]) <= len("31")
    born = date.fromisoformat("-".join(part.zfill(2) for part in (reversed(parts) if day_first else parts)))
    if not date(1900, 1, 1) <= born <= date.today():
        raise ValueError("not the birth date of a living person")
    return born
