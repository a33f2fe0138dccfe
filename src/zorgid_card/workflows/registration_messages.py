"""What is said while an organisation is registered (ORG-3 to ORG-6), in this order."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, ClassVar

from zorgid_card.workflows.messages import Length, Line, Message, Signature, Word

CONSENT_TEXT = "administrator-1"
"""Names the text that was shown and agreed to; a new text gets a new name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmOrganisation(Message):
    """Card side: the organisation's data were shown, and confirmed (ORG-3)."""

    kind: ClassVar[str] = "confirm-organisation"
    ura: Word


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationValidated(Message):
    """Portal: the organisation is validated."""

    kind: ClassVar[str] = "organisation-validated"
    ura: Word
    name: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterAdministrator(Message):
    """Card side: birth date, and the consent that the pass signed (ORG-4)."""

    kind: ClassVar[str] = "register-administrator"
    birth_date: date = field(repr=False)
    algorithm: Word
    signature: Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class AdministratorRegistered(Message):
    """Portal: the person is administrator of the organisation."""

    kind: ClassVar[str] = "administrator-registered"
    person: Word
    user_name: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferPhone(Message):
    """Card side: ask for the QR code. Its answer is never kept: the code is shown once (ORG-5)."""

    kind: ClassVar[str] = "offer-phone"
    volatile: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneOffered(Message):
    """Portal: the text of the QR code, and until when it can be scanned."""

    kind: ClassVar[str] = "phone-offered"
    qr: Annotated[str, Length(1, 4096)] = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AskPhone(Message):
    """Card side: has a phone scanned the code?"""

    kind: ClassVar[str] = "ask-phone"


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneScanned(Message):
    """Portal: the short code to compare with the one on the phone; null while no phone has scanned."""

    kind: ClassVar[str] = "phone-scanned"
    code: Word | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmPhone(Message):
    """Card side: the codes on screen and phone are the same (ORG-6)."""

    kind: ClassVar[str] = "confirm-phone"
    code: Word


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneLinked(Message):
    """Portal: the phone is linked; the administrator logs in with it from now on."""

    kind: ClassVar[str] = "phone-linked"
    phone: Word


def consent_fields(
    *, session: str, origin: str, expires_at: datetime, ura: str, uzi_number: str, birth_date: date
) -> dict[str, str]:
    """The consent that the pass signs (statement kind ``consent``): this session, portal, person, organisation."""
    return {
        "action": "register-administrator",
        "text": CONSENT_TEXT,
        "session": session,
        "origin": origin,
        "expires": expires_at.isoformat(),
        "ura": ura,
        "uzi_number": uzi_number,
        "birth_date": birth_date.isoformat(),
    }
