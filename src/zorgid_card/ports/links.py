"""For whom the holder of a ZORG-ID Smartcard acts: what its certificate does not say and a portal's records do (AUT-2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentedCard:
    """A ZORG-ID Smartcard that logs in; its certificate's chain and revocation have been judged.

    ``serial`` is the certificate's, hexadecimal, lower case.
    """

    certificate: bytes
    serial: str
    uzi_number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One person at one organisation.

    Attributes:
        ura: the organisation's, 8 digits.
        organisation: its name.
        role: the person's role code, ``NN.NNN``.
        person_id: the person's in these records.
        card_serial: the card's hardware serial.
        until: a guest's last moment there (CRD-13), UTC; None: no end is set.
    """

    ura: str
    organisation: str
    role: str
    person_id: str
    card_serial: str
    until: datetime | None = None


class Links(Protocol):
    """A portal's records of cards, people and organisations."""

    def acting_for(self, card: PresentedCard, /, *, ura: str | None, at: datetime, used: bool) -> Link:
        """The link by which the holder acts.

        Args:
            card: which one.
            ura: the organisation that the holder acts for; None: the only one there is.
            at: now.
            used: the card has signed just now, which may be recorded; otherwise an open session is judged again.

        Raises:
            NotLinkedError: the person, or the card, is not linked to this organisation now, or to several and none was named.
            OnHoldError, RevokedError: the card is blocked or revoked.
            UntrustedError: the card is not known.
        """
        ...

    def require_admitted(self, ura: str, /) -> None:
        """Raise unless holders of UZI passes of this organisation may log in.

        Raises:
            OrganisationUnknownError: they may not; ``ura``, ``state``.
        """
        ...
