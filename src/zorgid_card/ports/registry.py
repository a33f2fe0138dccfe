"""What a portal keeps: plain records, and the unit of work through which they are reached.

Records are immutable; a change is ``unit.replace(dataclasses.replace(record, state=...))``. Times are UTC and aware, dates of
birth are dates, keys and certificates DER, identifiers text. No record holds a PIN, a PUK, a private key or a phone's digits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple, Protocol, TypeVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request to register an organisation (ORG-1)."""

    id: str
    ura: str
    organisation_name: str
    contact_name: str
    contact_email: str
    state: str
    reason: str | None
    filed_at: datetime
    decided_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """A health-care provider, known by its URA (8 digits)."""

    ura: str
    name: str
    state: str
    validated_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person known to the portal (ORG-8)."""

    id: str
    user_name: str
    given_names: str
    surname: str
    birth_date: date = field(repr=False)
    uzi_number: str
    role_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A person's link with an organisation: ``holder``, ``manager`` or ``administrator`` (ADM-5, CRD-11)."""

    id: str
    person_id: str
    ura: str
    role: str
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MobileID:
    """A phone of a person (ORG-5 to ORG-7).

    ``secret_hash`` is derived one way from the offer's secret, and empty once the phone has claimed the offer; ``code`` is there
    while phone and page compare it; ``verifier`` is a salted hash of what the phone derives from its digits; ``binding`` is a hash
    of what names the browser session that made the offer; ``claim_hash`` tells the same claim that comes again from another.
    """

    id: str
    person_id: str
    ura: str
    state: str
    secret_hash: bytes = field(repr=False)
    expires_at: datetime
    public_key: bytes | None
    salt: bytes = field(repr=False)
    verifier: bytes | None = field(repr=False)
    tries_left: int
    last_used_at: datetime | None
    binding: str
    code: str | None = field(repr=False)
    claim_hash: bytes = field(default=b"", repr=False)
    device: str = ""
    linked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """A statement that a person signed with a pass (ORG-4), kept as evidence just as it was verified."""

    id: str
    person_id: str
    ura: str
    evidence: bytes = field(repr=False)
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """An administrator's leave for a known person to come with another UZI number (ORG-8); it serves once."""

    id: str
    person_id: str
    ura: str
    uzi_number: str
    approved_by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SmartCard:
    """A ZORG-ID Smartcard, known by its hardware serial.

    ``key_generation`` is that of its administration key (:class:`~zorgid_card.ports.keys.AdministrationKeys`). ``puk_disclosed``
    names the occasion on which others than its holder got, or may have got, to know its PUK: ``escrow:`` or ``reset:`` and a random
    number; None: they did not, or it was changed since.
    """

    serial: str
    dialect: str
    firmware: str
    guid: str
    person_id: str
    state: str
    residency: str
    certificate_serial: str
    created_at: datetime
    activated_at: datetime | None
    last_used_at: datetime | None
    reason: str | None
    key_generation: int = 1
    puk_disclosed: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EscrowedPUK:
    """A card's PUK, sealed for a key officer (:mod:`zorgid_card.workflows.escrow`); whoever keeps it cannot open it.

    ``pending`` is the one that takes its place in a recovery that has begun: which of the two the card has is known when that has
    ended. ``asked_by`` and ``reason``: who asked for it first, and why; ``released_at``: when the second person had it released.
    """

    card_serial: str
    sealed: bytes
    kept_at: datetime
    asked_by: str | None
    reason: str | None
    released_at: datetime | None
    pending: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CardAttempt:
    """A card that a person has begun to make: kept until a certificate is issued for it, so that a half-made card is known.

    It says what the card side said. Nothing else is changed by it: which card is in the reader is shown by attestation.
    """

    id: str
    card_serial: str
    person_id: str
    begun_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CardLink:
    """A card's use at an organisation (CRD-11, CRD-13)."""

    id: str
    card_serial: str
    ura: str
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedCertificate:
    """A certificate of the portal's CA; ``serial`` in hexadecimal, lower case. ``status``: good, hold, revoked.

    ``key_hash`` is the SHA-256 of the SubjectPublicKeyInfo: no key is certified twice. ``told`` is the status that a remote CA was
    told last. ``card_serial`` is empty as long as not all certificates of its card are issued. ``point`` is the distribution point
    that it names, empty if it names none: on that one's list it stands.
    """

    serial: str
    card_serial: str
    der: bytes
    key_hash: bytes
    status: str
    reason: str | None
    changed_at: datetime
    commit_by: datetime | None
    not_after: datetime
    told: str | None = None
    point: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session of the card side with the portal; ``data`` is canonical JSON of what the session has established."""

    id: str
    purpose: str
    state: str
    origin: str
    nonce: str
    key: bytes | None
    sequence: int
    expires_at: datetime
    data: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer given to a request, kept so that the same request gets the same answer (idempotency)."""

    id: str
    request_hash: bytes
    answer: bytes
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """A log-in challenge: single use, expiring, bound to origin and browser session (AUT-1)."""

    nonce: str
    purpose: str
    origin: str
    binding: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TryCount:
    """Failed tries of one thing on one day (ORG-8: birth dates per pass)."""

    id: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """Something that happened; ``detail`` holds public values only, as canonical JSON.

    ``salts``: with which each field was committed to (:mod:`zorgid_card.codec.audit`). An erased field is empty, and its salt 0.
    """

    id: str
    at: datetime
    actor: str
    ura: str | None
    action: str
    subject: str
    reason: str | None
    detail: str
    salts: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """A number that only grows, such as the CRL number (RFC 5280, 5.2.3)."""

    name: str
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneRequest:
    """Something that a phone is asked to sign: a log-in (ORG-7), or one change (ADM-2 to ADM-7). Single use, expiring.

    ``kind`` is the kind of statement, ``content`` its fields but for the number, as canonical JSON. ``number`` is shown by the
    portal's page only; the person copies it to the phone. ``mobile_id`` is empty where nobody is asked, which the page cannot tell.
    ``state``: asked, approved, refused, used; ``expires_at``: until when it can be answered, or once approved, used.
    """

    nonce: str
    mobile_id: str
    person_id: str
    ura: str
    kind: str
    content: str
    binding: str
    number: str
    state: str
    expires_at: datetime
    signature: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How often something was done in one span of time; ``id`` names both."""

    id: str
    count: int
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserSession:
    """Somebody who is logged in at the portal's pages. ``id`` is a hash of the cookie, with which nobody can take the session over.

    ``means``: ``phone``, ``card`` or ``operator``; ``who`` is JSON of who that is, ``kept`` of what pages keep for a while.
    """

    id: str
    means: str
    who: str = field(repr=False)
    kept: str = field(repr=False)
    seen_at: datetime
    checked_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorLink:
    """A way in for one of the portal's own operators, once; ``id`` is a hash of what the link holds."""

    id: str
    name: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspension:
    """A cause for which a card's certificates are on hold: they come off when none is left. ``id`` is the card's serial and it."""

    id: str
    card_serial: str
    cause: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChange:
    """What became of a certificate, for those that follow: CRLs and OCSP responders of all workers.

    ``id`` is the number of the change, 16 digits, without gaps in the order in which changes were committed; the rest is as in
    :class:`IssuedCertificate`.
    """

    id: str
    serial: str
    point: str
    status: str
    reason: str | None
    at: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedCRL:
    """The newest CRL of one CA and distribution point, which all workers give out.

    ``change`` is the number of the last change that it tells of; ``base_number``, ``base_change`` and ``base_at`` are those of the
    list on which its deltas go.
    """

    name: str
    number: int
    change: int
    this_update: datetime
    next_update: datetime
    base_number: int
    base_change: int
    base_at: datetime
    der: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkOffer:
    """A person's leave to be linked to an organisation, once (CRD-11); ``id`` is a hash of the code that shows it."""

    id: str
    person_id: str
    ura: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLink:
    """An event's place in its organisation's chain: nothing personal, only added to, and kept when the event is erased."""

    id: str
    commitments: bytes
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditHead:
    """The end of a chain: ``chain`` is a URA, or ``portal``; ``exported`` up to where it was signed and kept elsewhere."""

    chain: str
    number: int
    digest: bytes
    exported: int
    exported_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A message to a person, which waits to be sent, was ``sent``, or is ``dead``: given up; ``data`` is canonical JSON.

    ``due_at``: when it is to be tried, and, while somebody tries, when another may. ``tries`` counts those begun.
    """

    id: str
    kind: str
    recipient: str = field(repr=False)
    language: str
    data: str = field(repr=False)
    state: str
    tries: int
    due_at: datetime
    made_at: datetime
    done_at: datetime | None
    error: str | None


class FoundCard(NamedTuple):
    """A card in a list, with what is shown of it; no record."""

    card: SmartCard
    person: Person
    link: CardLink | None
    """With the organisation whose cards are listed; None in a list of all."""
    not_after: datetime | None
    """When its certificate ends; None: it has none yet."""
    mark: str
    """Where the list goes on: ``after`` of the next page. A name may be in it: it does not belong in an address or a log."""


R = TypeVar("R")
T = TypeVar("T")


class Unit(Protocol):
    """One transaction: everything in it is kept, or nothing. Within a unit, reads see what others have committed."""

    def get(self, kind: type[R], key: str, /) -> R:
        """The record whose first field is ``key``.

        Raises:
            NotFoundError: there is none.
        """
        ...

    def find(self, kind: type[R], /, **equal: Any) -> Iterator[R]:
        """All records whose named fields are equal to the values given, in the order of their first field."""
        ...

    def page(self, kind: type[R], /, *, after: str = "", limit: int, **equal: Any) -> list[R]:
        """At most ``limit`` of what :meth:`find` gives, beginning behind the record whose first field is ``after``."""
        ...

    def cards(
        self,
        ura: str | None,
        /,
        *,
        at: datetime,
        search: str = "",
        state: str | None = None,
        after: str = "",
        limit: int = 50,
    ) -> list[FoundCard]:
        """Cards in the order of their holders' names, or what is searched for.

        Each word of ``search`` must be the beginning of a word of the card: of the holder's given names, surname, user name or
        UZI number, or of the card's serial. A word is letters and digits without a break; case and accents do not matter. What is
        found is in the order of the word that was found, so that the nearest comes first.

        Args:
            ura: only cards that are linked to this organisation at ``at``; None: all cards.
            at: now.
            search: at most 8 words of 64 characters serve, what follows does not.
            state: only cards in this state.
            after: ``mark`` of the last card of the page before.
            limit: cards of the page, 1 to 500.

        Raises:
            UsageError: ``limit`` or ``after`` cannot be.
        """
        ...

    def add(self, record: object, /) -> None:
        """Keep a new record.

        Raises:
            ReplayError: one with the same first field is there.
        """
        ...

    def replace(self, record: object, /) -> None:
        """Replace the record with the same first field.

        Raises:
            NotFoundError: there is none.
        """
        ...

    def remove(self, record: object, /) -> None:
        """Remove the record with the same first field.

        Raises:
            NotFoundError: there is none (somebody else removed it first).
        """
        ...

    def count_up(self, name: str, /) -> int:
        """Add one to the named counter and return it; the first value is 1."""
        ...


class Registry(Protocol):
    """The portal's store."""

    def begin(self) -> AbstractContextManager[Unit]:
        """Open a transaction: committed when the block ends, rolled back when it raises.

        Raises:
            StorageError: the store cannot be read or written; nothing was changed.
        """
        ...

    def run(self, work: Callable[[Unit], T], /) -> T:
        """Do ``work`` in a transaction of its own, and again where another worker's came between.

        Args:
            work: is given the unit, and may be called several times: it changes nothing but through the unit.

        Raises:
            StorageError: the store cannot be read or written; nothing was changed.
        """
        ...
