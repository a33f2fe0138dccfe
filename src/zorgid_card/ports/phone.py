"""What a phone and a portal say to each other (ORG-5 to ORG-7).

The values, and the phone's way to the portal. How they are made stands in
:mod:`zorgid_card.workflows.pairing`; a phone app can be written from that page alone, as the simulated
phone of the testkit is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneClaim:
    """The phone took up an offer: its key, and a MAC that shows it has read the QR code."""

    mobile_id: str
    public_key: bytes
    """SubjectPublicKeyInfo, P-256, DER."""
    verifier: bytes
    """32 octets that the phone derives from its digits; from them alone the digits cannot be found."""
    mac: bytes
    """HMAC-SHA256, 32 octets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneQuestion:
    """A log-in that waits for this phone. The number to be entered is shown by the portal's page only."""

    nonce: str
    origin: str
    ura: str
    organisation: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneAnswer:
    """The phone's answer to a log-in."""

    mobile_id: str
    nonce: str
    number: str
    """Two digits, as the person read them from the portal's page."""
    verifier: bytes
    """32 octets, see :class:`PhoneClaim`."""
    signature: bytes
    """ES256 over the statement ``phone-log-in``."""


class PhonePortal(Protocol):
    """The phone's way to the portal, over a channel that ends at the key whose fingerprint the QR code
    carries.
    """

    def link(self, claim: PhoneClaim, /) -> None:
        """Take up an offer.

        Raises:
            PairingError: expired, used, or the MAC does not fit.
        """
        ...

    def waiting(self, mobile_id: str, /) -> PhoneQuestion | None:
        """The log-in that waits for this phone, if there is one."""
        ...

    def answer(self, answer: PhoneAnswer, /) -> None:
        """Approve a log-in.

        Raises:
            PhoneDigitsError: the digits are wrong; they are counted.
            PhoneNumberError: not the number on the portal's page.
            SessionError, ReplayError, SignatureError, TransitionError: expired, used, not signed by this
                phone, blocked.
        """
        ...
