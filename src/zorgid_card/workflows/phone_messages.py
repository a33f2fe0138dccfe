"""What a phone and the portal say to each other (ORG-5 to ORG-7); docs/mobile-protocol.md tells it to those who write an app."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, ClassVar, TypeAlias

from zorgid_card.workflows.messages import Length, Message, Word

Request: TypeAlias = Annotated[bytes, Length(1, 2048)]
"""CertificationRequest (RFC 2986), DER."""
Digest: TypeAlias = Annotated[bytes, Length(32, 32)]
"""32 octets: an HMAC-SHA256, a SHA-256, or what is derived from the digits."""
ES256: TypeAlias = Annotated[bytes, Length(8, 72)]
"""ECDSA-Sig-Value, DER."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimPhone(Message):
    """Phone: it has read the QR code (ORG-6); ``device`` is its name, for its person to know it by."""

    kind: ClassVar[str] = "phone-claim"
    phone: Word
    csr: Request
    verifier: Digest = field(repr=False)
    device: Annotated[str, Length(0, 40)]
    mac: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneClaimed(Message):
    """Portal: the claim waits for the page, until then."""

    kind: ClassVar[str] = "phone-claimed"
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PollPhone(Message):
    """Phone: what is there for it? Signed, so that nobody else is told."""

    kind: ClassVar[str] = "phone-poll"
    phone: Word
    at: datetime
    signature: ES256


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneState(Message):
    """Portal: the phone's state, the tries left, the TLS keys to trust from now on, and what it is asked to sign, if anything.

    ``statement`` is the kind, ``fields`` what is to be shown and signed, but for the number, as canonical JSON.
    """

    kind: ClassVar[str] = "phone-state"
    state: Word
    tries_left: int
    fingerprints: Annotated[tuple[Digest, ...], Length(1, 2)]
    statement: Word | None
    fields: Annotated[str, Length(2, 8192)] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovePhone(Message):
    """Phone: its person has read what is asked, and entered the page's number and the digits."""

    kind: ClassVar[str] = "phone-approve"
    phone: Word
    nonce: Annotated[str, Length(1, 64)]
    number: Annotated[str, Length(2, 2)]
    verifier: Digest = field(repr=False)
    signature: ES256


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusePhone(Message):
    """Phone: its person says no."""

    kind: ClassVar[str] = "phone-refuse"
    phone: Word
    nonce: Annotated[str, Length(1, 64)]
    signature: ES256


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneDone(Message):
    """Portal: it is noted."""

    kind: ClassVar[str] = "phone-done"
