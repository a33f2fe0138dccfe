"""What is said while a ZORG-ID Smartcard is made (CRD-1 to CRD-10), in this order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

from zorgid_card.workflows.messages import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchPerson(Message):
    """Card side: the holder's birth date (CRD-4)."""

    kind: ClassVar[str] = "match-person"
    birth_date: date


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonMatched(Message):
    """Portal: the person is known, or was taken up (ORG-8)."""

    kind: ClassVar[str] = "person-matched"
    user_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferCard(Message):
    """Card side: the card in the reader, and what reading alone found it to be: blank, zorgid, piv (CRD-5)."""

    kind: ClassVar[str] = "offer-card"
    serial: str
    dialect: str
    firmware: str
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CardAccepted(Message):
    """Portal: make a card of it. ``reset``: it was left half made or revoked, and is to be emptied first (CRD-8)."""

    kind: ClassVar[str] = "card-accepted"
    reset: bool
    slot: int
    key_algorithm: str
    administration_algorithm: str
    guid: bytes
    expires: date
    pin_minimum: int
    pin_maximum: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestCertificate(Message):
    """Card side: the CSR signed on the card, and the proof that the key is on it (DER)."""

    kind: ClassVar[str] = "request-certificate"
    csr: bytes
    attestation: bytes
    intermediate: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateIssued(Message):
    """Portal: the certificate (DER), on hold, and the issuing CA's chain."""

    kind: ClassVar[str] = "certificate-issued"
    certificate: bytes
    chain: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchAdministrationKey(Message):
    """Card side: ask for this card's administration key. Changes nothing, and its answer is never kept.

    ``recipient``: SubjectPublicKeyInfo of a P-256 key that the card side made for this answer alone.
    """

    kind: ClassVar[str] = "fetch-administration-key"
    volatile: ClassVar[bool] = True
    recipient: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AdministrationKey(Message):
    """Portal: the key; crosses the card side once, because the dialect can only be given it in clear.

    ``sealed``: for the recipient (:mod:`zorgid_card.workflows.sealing`), so that it is nowhere as text: not in the answer's JSON,
    and not in what carries it.
    """

    kind: ClassVar[str] = "administration-key"
    sealed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitCard(Message):
    """Card side: the card is finished; its signature over the statement of :func:`proof_fields`."""

    kind: ClassVar[str] = "commit-card"
    algorithm: str
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CardActive(Message):
    """Portal: the certificate is valid from now on, the card linked to person and organisation (CRD-10)."""

    kind: ClassVar[str] = "card-active"
    serial: str
    user_name: str
    ura: str
    not_after: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AbandonCard(Message):
    """Card side: the card will not be finished; ``code`` of the error that ended it (CRD-8)."""

    kind: ClassVar[str] = "abandon-card"
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CardAbandoned(Message):
    """Portal: whatever was issued for the card is revoked; another card may be offered in this session."""

    kind: ClassVar[str] = "card-abandoned"


def proof_fields(*, session: str, origin: str, serial: str, certificate_serial: str) -> dict[str, str]:
    """What the finished card signs (statement kind ``card-proof``): this session, this card, this certificate."""
    return {"session": session, "origin": origin, "card": serial, "certificate": certificate_serial}
