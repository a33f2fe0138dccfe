"""A PUK kept for its holder, sealed for a key officer (optional, and off unless a deployment configures it; docs/pin.md).

The card side seals the PUK for a public key that is pinned *there*: a portal that could name the key could read every PUK. The
portal keeps what it cannot open. Two different people have it released, and the card is suspended with that; the officer opens
it; the holder chooses a PIN, gets a PUK that only they have seen, and whose sealed form takes the old one's place; only then the
card may serve again. All of it is audited.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric import ec

from zorgid_card.errors import NotAllowedError, NotFoundError, UsageError
from zorgid_card.ports.registry import EscrowedPUK, Registry, Unit
from zorgid_card.secret import Secret
from zorgid_card.workflows import audit, sealing
from zorgid_card.workflows.creation_messages import EscrowPUK, PUKEscrowed
from zorgid_card.workflows.holder import Holder, Question
from zorgid_card.workflows.management import Acting, Management
from zorgid_card.workflows.session import PortalClient

_LONGEST = 1024


@dataclass(frozen=True, slots=True)
class KeyOfficer:
    """Whose key PUKs are sealed for; made by :meth:`pinned`."""

    name: str
    public_key: bytes

    @classmethod
    def pinned(cls, name: str, public_key: bytes, fingerprint: bytes) -> KeyOfficer:
        """An officer whose key is the one that the card side's configuration names.

        Args:
            name: as the holder is shown it.
            public_key: SubjectPublicKeyInfo (DER) of a P-256 key.
            fingerprint: SHA-256 of it, from the configuration, never from the portal.

        Raises:
            UsageError: another key.
            MessageError: not a P-256 key.
        """
        sealing.public_key(public_key)
        if not hmac.compare_digest(hashlib.sha256(public_key).digest(), fingerprint):
            raise UsageError("not the key officer's pinned key", reason="key officer")
        return cls(name, public_key)

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of the key, as a portal's policy names it."""
        return hashlib.sha256(self.public_key).digest()


# --- the card side ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Escrow:
    """For the card side: seals each PUK that is set, and hands it to the portal.

    Attributes:
        officer: whose key it is sealed for.
        client: the session in which the card is made or recovered.
    """

    officer: KeyOfficer
    client: PortalClient

    @classmethod
    def wanted(cls, fingerprint: bytes, officer: KeyOfficer | None, client: PortalClient) -> Escrow | None:
        """What the portal's policy and the card side's configuration come to: both name one key, or the portal names none.

        Args:
            fingerprint: of the key that the portal names; empty where it wants none.
            officer: the one that is pinned on this side.
            client: the session.

        Raises:
            UsageError: the portal names a key that is not pinned here; nothing is sealed for it.
        """
        if not fingerprint:
            return None
        if officer is None or not hmac.compare_digest(officer.fingerprint, fingerprint):
            raise UsageError("the portal wants the PUK sealed for a key that is not pinned here", reason="key officer")
        return cls(officer, client)

    def announce(self, holder: Holder) -> None:
        """Tell the holder, before the PUK is shown, who else will be able to read it. Raises DeclinedError."""
        holder.confirm(Question("escrow-puk", (("key-officer", self.officer.name),)))

    def take(self, serial: str, puk: Secret) -> None:
        """Seal the PUK of the card with this serial, and have it kept: before the card gets it."""
        sealed = sealing.seal(self.officer.public_key, puk, sealing.PUK, card=serial)
        self.client.ask(EscrowPUK(sealed=sealed), PUKEscrowed)


# --- the key officer -------------------------------------------------------------------------------------------------------


def open_sealed(key: ec.EllipticCurvePrivateKey, serial: str, sealed: bytes) -> Secret:
    """The PUK of the card with this serial, for :class:`zorgid_card.workflows.recovery.CardRecovery` alone.

    Raises:
        DecryptionError: sealed for another key, or of another card.
    """
    return sealing.unseal(key, sealed, sealing.PUK, card=serial)


# --- the portal ------------------------------------------------------------------------------------------------------------


class EscrowRoom:
    """Keeps sealed PUKs, which it cannot open.

    Args:
        registry: the portal's store.
        management: of the same store; what it refuses a person is refused here.
        clock: gives the time, UTC.
    """

    def __init__(
        self, registry: Registry, management: Management, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._registry = registry
        self._management = management
        self._clock = clock

    def ask(self, person: str, ura: str, serial: str, reason: str) -> None:
        """The first of two people: a manager of the card's organisation asks for its PUK.

        Raises:
            NotAllowedError, NotFoundError: as for managing the card; or no PUK of it is kept.
        """
        self._manager(person, ura, serial, "puk.ask")
        with self._registry.begin() as unit:
            kept = self._kept(unit, serial)
            unit.replace(replace(kept, asked_by=person, reason=_reason(reason)))
            audit.record(unit, self._clock(), person, ura, "puk.ask", serial, _reason(reason))

    def release(self, person: str, ura: str, serial: str) -> tuple[bytes, ...]:
        """The second, an administrator who is not the first, has it released. The card is suspended before that, and nobody can
        unblock it (:meth:`~zorgid_card.workflows.management.Acting.unblock`) until its holder has another PUK.

        Returns:
            the sealed PUK, for the key officer; two where a recovery was interrupted: the card has one of them.

        Raises:
            NotAllowedError: the person is no administrator, or is the one who asked; or nobody asked who may still do so here.
            NotFoundError: no such card at this organisation, or no PUK of it is kept.
            TransitionError: the card is being made or renewed.
        """
        manager = self._manager(person, ura, serial, "puk.release")
        with self._registry.begin() as unit:
            kept = self._kept(unit, serial)
        if kept.asked_by is None or kept.asked_by == person:
            raise NotAllowedError("it takes two people to have a PUK released", action="puk.release")
        self._manager(kept.asked_by, ura, serial, "puk.ask")
        manager.disclose_puk(serial, "escrow", kept.reason or "")
        now = self._clock()
        with self._registry.begin() as unit:
            if self._kept(unit, serial) != kept:
                raise NotAllowedError("it was asked for anew, or replaced, meanwhile", action="puk.release")
            unit.replace(replace(kept, released_at=now))
            audit.record(unit, now, person, ura, "puk.release", serial, kept.reason, asked_by=kept.asked_by)
        return (kept.sealed,) if kept.pending is None else (kept.sealed, kept.pending)

    def _manager(self, person: str, ura: str, serial: str, action: str) -> Acting:
        manager = self._management.acting_as(person, ura)
        manager.own(serial, action)
        return manager

    def _kept(self, unit: Unit, serial: str) -> EscrowedPUK:
        kept = next(unit.find(EscrowedPUK, card_serial=serial), None)
        if kept is None:
            raise NotFoundError("no PUK of this card is kept", what="EscrowedPUK")
        return kept


def _reason(text: str) -> str:
    if not text.strip():
        raise UsageError("a reason is needed", reason="reason")
    return text.strip()[:_LONGEST]
