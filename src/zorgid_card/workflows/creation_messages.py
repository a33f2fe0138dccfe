"""What is said while a ZORG-ID Smartcard is made (CRD-1 to CRD-10), in this order; and when one is replaced, renewed or retired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, ClassVar, Final, TypeAlias

from cryptography import x509

from zorgid_card.workflows.messages import Certificate, Chain, Length, Line, Message, PublicKey, Signature, Word

_KEYS: Final = Length(1, 3)
"""9A, 9C, 9D."""
Request: TypeAlias = Annotated[bytes, Length(1, 4096)]
"""CertificationRequest (PKCS #10), DER."""
Command: TypeAlias = Annotated[bytes, Length(4, 261)]
"""A short command APDU (ISO/IEC 7816-4, 5.1)."""
Response: TypeAlias = Annotated[bytes, Length(2, 4096)]
"""What the card answered, SW1-SW2 at its end; 61xx was followed."""
Serial: TypeAlias = Annotated[str, Length(1, 20)]
"""A card's hardware serial, decimal."""
_CARDS: Final = Length(0, 50)
Fingerprint: TypeAlias = Annotated[bytes, Length(0, 32)]
"""SHA-256 of the SubjectPublicKeyInfo of a key officer's key; empty: no PUK is escrowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchPerson(Message):
    """Card side: the holder's birth date (CRD-4)."""

    kind: ClassVar[str] = "match-person"
    birth_date: date = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonMatched(Message):
    """Portal: the person is known, or was taken up (ORG-8)."""

    kind: ClassVar[str] = "person-matched"
    user_name: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferCard(Message):
    """Card side: the card in the reader, and what reading alone found it to be: blank, zorgid, piv (CRD-5).

    ``dialect`` names what its commands are (:data:`zorgid_card.cards.profile.DIALECTS`); ``channel``: the card
    itself speaks SCP03.
    """

    kind: ClassVar[str] = "offer-card"
    serial: Serial
    dialect: Word
    firmware: Line
    found: Word
    channel: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CardAccepted(Message):
    """Portal: make a card of it.

    ``renew``: it was left half made or revoked, and is to be emptied first (CRD-8). ``channel``: keys are generated, and contents
    written, over the portal's secure channel (:class:`Relay`). ``residency``: what proves that the keys are on the card: attested,
    channel, possession-only. ``slots``, ``algorithms`` and ``requests`` (:func:`zorgid_card.pki.csr.request_template`) go
    together. ``pin_tries``, ``puk_tries``: 0 leaves the card's own. ``key_officer``: for whose key the PUK is to be sealed
    (:class:`EscrowPUK`); the card side seals it for none but the one that it has pinned itself.
    """

    kind: ClassVar[str] = "card-accepted"
    renew: bool
    channel: bool
    residency: Word
    slots: Annotated[tuple[int, ...], _KEYS]
    algorithms: Annotated[tuple[Word, ...], _KEYS]
    requests: Annotated[tuple[Request, ...], _KEYS]
    administration_algorithm: Word
    guid: Annotated[bytes, Length(16, 16)]
    expires: date
    pin_minimum: int
    pin_maximum: int
    pin_tries: int
    puk_tries: int
    key_officer: Fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay(Message):
    """Card side: what the card answered to the commands of the last :class:`RelayCommands`; none at all: begin (anew).

    After ``card-accepted`` the keys are generated this way, after ``certificates-issued`` the card is written.
    """

    kind: ClassVar[str] = "relay"
    responses: Annotated[tuple[Response, ...], Length(0, 128)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayCommands(Message):
    """Portal: give these command APDUs to the card as they are; ``done``: there are none, the channel has served.

    ``public_keys``: what was generated on the card, SubjectPublicKeyInfo, in the order of the slots; when that is done.
    """

    kind: ClassVar[str] = "relay-commands"
    commands: Annotated[tuple[Command, ...], Length(0, 128)]
    done: bool
    public_keys: Annotated[tuple[PublicKey, ...], Length(0, 3)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestCertificates(Message):
    """Card side: a CSR signed on the card for each slot; with residency ``attested`` the proof that each key is on it (DER).

    Without attestation ``attestations`` is empty, and so is ``intermediate``.
    """

    kind: ClassVar[str] = "request-certificates"
    csrs: Annotated[tuple[Request, ...], _KEYS]
    attestations: Annotated[tuple[Certificate, ...], Length(0, 3)]
    intermediate: Annotated[bytes, Length(0, 8192)]


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificatesIssued(Message):
    """Portal: a certificate (DER) for each slot, on hold, and the issuing CA's chain."""

    kind: ClassVar[str] = "certificates-issued"
    slots: Annotated[tuple[int, ...], _KEYS]
    certificates: Annotated[tuple[Certificate, ...], _KEYS]
    chain: Chain


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchAdministrationKey(Message):
    """Card side: ask for this card's administration key. Changes nothing, and its answer is never kept.

    ``recipient``: SubjectPublicKeyInfo of a P-256 key that the card side made for this answer alone.
    """

    kind: ClassVar[str] = "fetch-administration-key"
    volatile: ClassVar[bool] = True
    recipient: PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class AdministrationKey(Message):
    """Portal: the key; crosses the card side once, where no channel leads from the portal to the card.

    ``sealed``: for the recipient (:mod:`zorgid_card.workflows.sealing`), so that it is nowhere as text: not in the answer's JSON,
    and not in what carries it.
    """

    kind: ClassVar[str] = "administration-key"
    sealed: Annotated[bytes, Length(1, 512)]


@dataclass(frozen=True, slots=True, kw_only=True)
class EscrowPUK(Message):
    """Card side: the PUK that the card gets next, sealed for the key officer's pinned key, where the portal's policy has one.

    Sent when its holder was told who can read it, has kept it and acknowledged that, and before it is written. Another one that is
    sent in the same session takes its place.
    """

    kind: ClassVar[str] = "escrow-puk"
    sealed: Annotated[bytes, Length(1, 512)]


@dataclass(frozen=True, slots=True, kw_only=True)
class PUKEscrowed(Message):
    """Portal: it is kept."""

    kind: ClassVar[str] = "puk-escrowed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoverCard(Message):
    """Card side: the PUK of the card in the reader, which is its holder's, is or was known to others, and is to be changed."""

    kind: ClassVar[str] = "recover-card"
    serial: Serial


@dataclass(frozen=True, slots=True, kw_only=True)
class CardToRecover(Message):
    """Portal: do so. ``reset``: the portal has set it to the maker's; ``key_officer`` as in :class:`CardAccepted`."""

    kind: ClassVar[str] = "card-to-recover"
    reset: bool
    key_officer: Fingerprint
    pin_minimum: int
    pin_maximum: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePUK(Message):
    """Card side: the card has a PUK that was drawn in this session and shown to its holder alone.

    ``signature``: by the card's key 9A, with the PIN that its holder has set just now, over the statement of
    :func:`recovery_fields`.
    """

    kind: ClassVar[str] = "change-puk"
    algorithm: Word
    signature: Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class CardRecovered(Message):
    """Portal: a manager may unblock the card; its state is ``state`` until then."""

    kind: ClassVar[str] = "card-recovered"
    serial: Serial
    state: Word


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitCard(Message):
    """Card side: the card is finished; its signature over the statement of :func:`proof_fields`."""

    kind: ClassVar[str] = "commit-card"
    algorithm: Word
    signature: Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class CardActive(Message):
    """Portal: the certificate is valid from now on, the card linked to person and organisation (CRD-10)."""

    kind: ClassVar[str] = "card-active"
    serial: Annotated[str, Length(1, 20)]
    user_name: Line
    ura: Word
    not_after: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ListCards(Message):
    """Card side: which cards has this person that are of use still?"""

    kind: ClassVar[str] = "list-cards"


@dataclass(frozen=True, slots=True, kw_only=True)
class CardsListed(Message):
    """Portal: they are, with the state of each, and the end of its certificate; the three go together."""

    kind: ClassVar[str] = "cards-listed"
    serials: Annotated[tuple[Serial, ...], _CARDS]
    states: Annotated[tuple[Word, ...], _CARDS]
    ends: Annotated[tuple[datetime, ...], _CARDS]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceCard(Message):
    """Card side: the card that is made in this session replaces that one; ``cause``: lost, stolen, broken, unused."""

    kind: ClassVar[str] = "replace-card"
    serial: Serial
    cause: Word


@dataclass(frozen=True, slots=True, kw_only=True)
class RetireCard(Message):
    """Card side: the holder wants that card of theirs revoked, now; ``cause`` as in :class:`ReplaceCard`."""

    kind: ClassVar[str] = "retire-card"
    serial: Serial
    cause: Word


@dataclass(frozen=True, slots=True, kw_only=True)
class CardToGo(Message):
    """Portal: what becomes of it: revoked, suspended. After ``replace-card`` at the commit of the new card, and never before."""

    kind: ClassVar[str] = "card-to-go"
    serial: Serial
    state: Word


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewCard(Message):
    """Card side: the card in the reader is in use, and is to get new keys; it is answered like :class:`OfferCard`.

    ``signature``: by the key of its certificate for 9A, over the statement of :func:`renewal_fields`. Sent again when a renewal was
    interrupted: a card that still has its keys is active again. ``administration_algorithm``: of its present key 9B, as it tells;
    empty where it does not.
    """

    kind: ClassVar[str] = "renew-card"
    serial: Serial
    dialect: Word
    firmware: Line
    channel: bool
    administration_algorithm: Annotated[str, Length(0, 40)]
    algorithm: Word
    signature: Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchPresentKey(Message):
    """Card side: ask for the administration key that the card has now, to renew it. Its answer is never kept.

    From here on its old keys may be overwritten: its certificates go on hold, until it is active again or its time is over. To ask
    again changes nothing more. ``recipient`` as in :class:`FetchAdministrationKey`.
    """

    kind: ClassVar[str] = "fetch-present-key"
    volatile: ClassVar[bool] = True
    recipient: PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class AbandonCard(Message):
    """Card side: the card will not be finished; ``code`` of the error that ended it (CRD-8)."""

    kind: ClassVar[str] = "abandon-card"
    code: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class ScrapCard(Message):
    """Card side: the card cannot be made a blank again; it is to be destroyed, and never taken again (CRD-8)."""

    kind: ClassVar[str] = "scrap-card"


@dataclass(frozen=True, slots=True, kw_only=True)
class CardAbandoned(Message):
    """Portal: whatever was issued for the card is revoked; another card may be offered in this session."""

    kind: ClassVar[str] = "card-abandoned"


def proof_fields(*, session: str, origin: str, serial: str, certificates: Sequence[bytes]) -> dict[str, str]:
    """What the finished card signs with 9A (statement kind ``card-proof``): this session, this card, these certificates.

    Their serial numbers stand there in hexadecimal, in the order of the slots, with commas between.
    """
    numbers = ",".join(f"{x509.load_der_x509_certificate(der).serial_number:x}" for der in certificates)
    return {"session": session, "origin": origin, "card": serial, "certificate": numbers}


def renewal_fields(*, session: str, origin: str, serial: str, after: bytes) -> dict[str, str]:
    """What a card that is to be renewed signs with 9A (statement kind ``card-renewal``).

    ``after``: the GUID of the last ``card-accepted`` of this session, empty where there was none: no signature serves twice.
    """
    return {"session": session, "origin": origin, "card": serial, "after": after.hex()}


def recovery_fields(*, session: str, origin: str, serial: str) -> dict[str, str]:
    """What a card whose PUK was changed signs with 9A (statement kind ``card-recovery``)."""
    return {"session": session, "origin": origin, "card": serial}
