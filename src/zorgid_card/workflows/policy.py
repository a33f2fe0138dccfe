"""What a portal decides for itself, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from zorgid_card.workflows.pin import PINPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class CreationPolicy:
    """How ZORG-ID Smartcards are made."""

    pass_types: frozenset[str] = frozenset("N")
    """UZI pass types whose holders may make a card (CRD-1)."""
    platforms: frozenset[str] = frozenset({"Windows", "Linux"})
    """Platforms that may make cards, as :func:`platform.system` names them (CRD-14; the real product: not macOS)."""
    slot: int = 0x9A
    """PIV key reference of the authenticity key."""
    key_algorithm: str = "RSA2048"
    """RSA2048, RSA3072, ECCP256 or ECCP384."""
    administration_algorithm: str = "AES192"
    """Algorithm of the cards' own administration keys (SP 800-78-5): AES128, AES192 or AES256."""
    minimum_firmware: str = "5.3"
    """Oldest firmware, as attested: 5.3 is the first that tells factory values apart (F7); RSA keys of 4.2.6 to 4.3.4 are weak."""
    certificates_per_session: int = 5
    """How often a card may be begun anew before the pass must authenticate again."""
    residency: frozenset[str] = frozenset({"attested"})
    """Accepted proofs that the key is on the card (CRD-7)."""
    pin: PINPolicy = field(default_factory=PINPolicy)
    validity: timedelta = timedelta(days=3 * 365)
    commit_within: timedelta = timedelta(minutes=15)
    """What is not activated in this time is revoked by the portal alone (CRD-8)."""


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
    creation: CreationPolicy = field(default_factory=CreationPolicy)
