"""What a portal decides for itself, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from zorgid_card.errors import UsageError
from zorgid_card.pki.profile import PROFILES
from zorgid_card.ports.authority import CertificateProfile
from zorgid_card.workflows.pin import PINPolicy

AUTHENTICITY: Final = 0x9A
CONFIDENTIALITY: Final = 0x9D
SLOTS: Final = frozenset({AUTHENTICITY, 0x9C, CONFIDENTIALITY})
ALGORITHMS: Final = frozenset({"RSA2048", "RSA3072", "ECCP256", "ECCP384"})
ADMINISTRATION_ALGORITHMS: Final = frozenset({"AES128", "AES192", "AES256"})
ATTESTED: Final = "attested"
CHANNEL: Final = "channel"
POSSESSION_ONLY: Final = "possession-only"
RESIDENCY: Final = frozenset({ATTESTED, CHANNEL, POSSESSION_ONLY})
REVOKE: Final = "revoke"
SUSPEND: Final = "suspend"
KEPT_BY: Final = frozenset({"history", "escrow"})
PIN_SHORTEST: Final = 6
PIN_LONGEST: Final = 8
MOST_TRIES: Final = 15
FINGERPRINT: Final = 32
GUEST_USE: Final = timedelta(days=366)


CARD_ACTIONS: Final = ("card.block", "card.unblock", "card.revoke")
PERSON_ACTIONS: Final = ("person.appoint", "person.unlink", "person.approve-uzi-number")
PHONE_ACTIONS: Final = ("phone.block", "phone.unblock", "phone.revoke")
ACTIONS: Final = frozenset((*CARD_ACTIONS, *PERSON_ACTIONS, *PHONE_ACTIONS))
"""The changes that a phone can be asked to sign; the subject is a card's serial, a person's id, a phone's id."""

UNSIGNED: Final[frozenset[str]] = frozenset()
"""A portal that wants no phone's signature: whoever has a manager's session does what a manager may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreationPolicy:
    """How ZORG-ID Smartcards are made."""

    pass_types: frozenset[str] = frozenset("N")
    """UZI pass types whose holders may make a card (CRD-1)."""
    platforms: frozenset[str] = frozenset({"Windows", "Linux"})
    """Platforms that may make cards, as :func:`platform.system` names them (CRD-14; the real product: not macOS)."""
    slots: tuple[int, ...] = (AUTHENTICITY,)
    """PIV key references of the keys that a card gets: 9A always, 9C (signature) and 9D (confidentiality) by choice."""
    key_algorithm: str = "RSA2048"
    """RSA2048, RSA3072, ECCP256 or ECCP384."""
    key_algorithms: Mapping[int, str] = field(default_factory=dict)
    """Where a key has another algorithm than that."""
    confidentiality_kept_by: str | None = None
    """How what was encrypted to 9D can still be read when the card is lost: ``history`` (old keys go onto the next card) or
    ``escrow``. None: that is not provided for, and 9D is refused."""
    administration_algorithm: str = "AES192"
    """Algorithm of the cards' own administration keys (SP 800-78-5): AES128, AES192 or AES256."""
    minimum_firmware: str = "5.3"
    """Oldest firmware, where it is attested: 5.3 is the first that tells factory values apart (F7); RSA keys of 4.2.6 to 4.3.4 are
    weak."""
    certificates_per_session: int = 5
    """How often a card may be begun anew before the pass must authenticate again."""
    offers_per_session: int = 10
    """How many cards may be offered, or how often one, before the pass must authenticate again: each is put on record."""
    residency: frozenset[str] = frozenset({"attested"})
    """Accepted proofs that the key is on the card (CRD-7): ``attested`` by the maker, ``channel`` (SCP03 that ends at the portal),
    ``possession-only`` (none; it is recorded)."""
    pin: PINPolicy = field(default_factory=PINPolicy)
    pin_tries: int | None = None
    """Wrong PINs in a row until it is blocked, 1 to 15; None: as the maker has set it."""
    puk_tries: int | None = None
    """Wrong PUKs in a row until it is blocked, 1 to 15. Both are set, or neither."""
    profiles: Mapping[int, CertificateProfile] = field(default_factory=lambda: dict(PROFILES))
    """What is in the certificates, by PIV key reference; addresses of CRLs and OCSP responder among it."""
    validity: timedelta = timedelta(days=3 * 365)
    commit_within: timedelta = timedelta(minutes=15)
    """What is not activated in this time is revoked by the portal alone (CRD-8)."""
    replaced: str = REVOKE
    """What becomes of a card at the commit of the one that replaces it: ``revoke``, or ``suspend`` (when it is found, a manager may
    unblock it)."""
    key_officer: bytes = b""
    """SHA-256 of the SubjectPublicKeyInfo of the key officer's key for which PUKs are sealed (docs/pin.md); empty: none is kept."""
    replacement_links: bool = True
    """Whether the new card serves wherever the replaced one did (CRD-11, CRD-13), and not at the pass's organisation alone."""

    def __post_init__(self) -> None:
        """Refuse what no card can be, or what nobody should want unawares.

        Raises:
            UsageError: ``reason`` names the field.
        """
        for name, sound in (
            (
                "slots",
                AUTHENTICITY in self.slots and set(self.slots) <= SLOTS and len(set(self.slots)) == len(self.slots),
            ),
            ("profiles", set(self.slots) <= set(self.profiles)),
            ("confidentiality_kept_by", CONFIDENTIALITY not in self.slots or self.confidentiality_kept_by in KEPT_BY),
            ("key_algorithm", {self.key_algorithm, *self.key_algorithms.values()} <= ALGORITHMS),
            ("administration_algorithm", self.administration_algorithm in ADMINISTRATION_ALGORITHMS),
            ("residency", bool(self.residency) and self.residency <= RESIDENCY),
            ("pin", PIN_SHORTEST <= self.pin.minimum <= self.pin.maximum <= PIN_LONGEST),
            ("pin_tries", _tries(self.pin_tries) and (self.pin_tries is None) is (self.puk_tries is None)),
            ("puk_tries", _tries(self.puk_tries)),
            ("replaced", self.replaced in {REVOKE, SUSPEND}),
            ("key_officer", len(self.key_officer) in (0, FINGERPRINT)),
            ("validity", self.validity > timedelta(0)),
        ):
            if not sound:
                raise UsageError(f"a policy of creation that cannot be: {name}", reason=name)

    def algorithm_of(self, slot: int) -> str:
        """The algorithm of the key in ``slot``."""
        return self.key_algorithms.get(slot, self.key_algorithm)


def _tries(number: int | None) -> bool:
    return number is None or 1 <= number <= MOST_TRIES


@dataclass(frozen=True, slots=True, kw_only=True)
class PhonePolicy:
    """How phones are linked, and what is asked of them."""

    offer_lifetime: timedelta = timedelta(minutes=2)
    """How long a QR code can be scanned and confirmed (ORG-5)."""
    log_in_lifetime: timedelta = timedelta(seconds=30)
    """How long a log-in waits for the phone (ORG-7)."""
    approval_lifetime: timedelta = timedelta(minutes=2)
    """How long a change waits for the phone's signature, and how long that is fresh."""
    tries: int = 5
    """Wrong entries of the six digits in a row until the phone is blocked."""
    asks_per_name: int = 10
    """Log-ins of one name that may be asked for in :attr:`window` without one being approved."""
    asks_per_client: int = 60
    """Log-ins that one client of the portal may ask for in :attr:`window`."""
    window: timedelta = timedelta(minutes=10)
    signed: frozenset[str] = ACTIONS
    """Changes that do nothing without the phone's signature over this very change, some of :data:`ACTIONS`; by default all: to
    unlink somebody is to revoke their phone. Asked of those who manage: operators, and holders who block their own card, have no
    phone. A portal of which the managers have no phones passes :data:`UNSIGNED`.
    """

    def __post_init__(self) -> None:
        """A name that is mistyped would ask for no signature.

        Raises:
            UsageError: ``reason`` names the field.
        """
        if not self.signed <= ACTIONS:
            raise UsageError("a phone signs no such change", reason="signed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A portal's policy; the defaults are those of the public manuals, or our own where these are silent."""

    minimum_client: str = "0.1"
    """Oldest client version that is served (ORG-2), as numbers joined by dots."""
    session_lifetime: timedelta = timedelta(minutes=15)
    challenge_lifetime: timedelta = timedelta(minutes=5)
    organisation_pass_types: frozenset[str] = frozenset("Z")
    """UZI pass types that prove an organisation's representative (ORG-2)."""
    login_pass_types: frozenset[str] = frozenset("ZNM")
    login_registered_only: bool = False
    """Whether a UZI pass logs in only for an organisation that is registered here; a suspended one never does."""
    one_means: bool = True
    """CRD-12: one person has a ZORG-ID Smartcard or a mobile ID, not both, and who manages has no ZORG-ID Smartcard."""
    guest_use: timedelta | None = GUEST_USE
    """CRD-13: for how long an organisation may link another's person as a guest at most; None: no guests are linked."""
    creation: CreationPolicy = field(default_factory=CreationPolicy)
    phones: PhonePolicy = field(default_factory=PhonePolicy)
