"""Status of the portal's certificates, and the CRL that tells of it (ADM-2 to ADM-4, RFC 5280, 5).

Every change of a status counts up one number in the registry, in the same transaction. A CRL remembers the number that it was
made from, so a CRL that is behind is known as such by any worker of the portal, and is made anew when it is next asked for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from zorgid_card.pki.authority import Authority
from zorgid_card.pki.revocation import UNSPECIFIED, RevokedEntry
from zorgid_card.ports.registry import Counter, IssuedCertificate, Registry, SmartCard, Unit
from zorgid_card.workflows import audit
from zorgid_card.workflows.states import move

CHANGES = "revocation"
"""Counter of the changes of any certificate's status."""

LIFETIME = timedelta(hours=48)
"""From thisUpdate to nextUpdate, as the UZI register has it."""

UNFINISHED = "cessationOfOperation"
"""Reason for a certificate whose card was not finished."""

_EXPIRE_EVERY = timedelta(minutes=1)


def hold(unit: Unit, issued: IssuedCertificate) -> None:
    """Keep a certificate that was just issued on hold (CRD-7)."""
    unit.add(issued)
    unit.count_up(CHANGES)


def change(unit: Unit, issued: IssuedCertificate, event: str, reason: str | None, now: datetime) -> IssuedCertificate:
    """Change a certificate's status: ``release``, ``block`` or ``revoke``; ``reason`` as in RFC 5280, 5.3.1.

    Raises:
        TransitionError: the table of states does not allow it.
    """
    status = move("certificate", issued.status, event)
    changed = replace(issued, status=status, reason=reason, changed_at=now, commit_by=None)
    unit.replace(changed)
    unit.count_up(CHANGES)
    return changed


def expire_uncommitted(unit: Unit, now: datetime) -> tuple[IssuedCertificate, ...]:
    """Revoke what was not activated in time, and give up its cards (CRD-8): the portal does so alone.

    Returns:
        The certificates that were revoked.
    """
    held = list(unit.find(IssuedCertificate, status="hold"))
    return tuple(_abandon(unit, c, now) for c in held if c.commit_by is not None and c.commit_by <= now)


def _abandon(unit: Unit, issued: IssuedCertificate, now: datetime) -> IssuedCertificate:
    revoked = change(unit, issued, "revoke", UNFINISHED, now)
    for card in unit.find(SmartCard, serial=issued.card_serial, certificate_serial=issued.serial):
        reason = "not finished in time"
        unit.replace(replace(card, state=move("card", card.state, "abandon"), reason=reason))
        audit.record(unit, now, "portal", None, "card.abandon", card.serial, reason, certificate=issued.serial)
    return revoked


@dataclass(frozen=True, slots=True)
class _Made:
    changes: int
    der: bytes
    next_update: datetime


class RevocationList:
    """The portal's CRLs, always of the registry's present state. Serves many threads.

    Args:
        registry: the portal's store.
        authority: signs.
        clock: UTC.
        publish: told of each new CRL (file name, DER), to write it where the world fetches it.
    """

    def __init__(
        self,
        registry: Registry,
        authority: Authority,
        clock: Callable[[], datetime],
        publish: Callable[[str, bytes], object] = lambda name, der: None,
    ) -> None:
        self._registry = registry
        self._authority = authority
        self._clock = clock
        self._publish = publish
        self._lock = threading.Lock()
        self._made: _Made | None = None
        self._root: _Made | None = None
        self._expired_at: datetime | None = None

    def __call__(self, issuer: bytes, /) -> tuple[bytes, ...]:
        """The CRL of this issuer (a certificate, DER), for whoever judges a chain; nothing for a foreign issuer."""
        if issuer == self._authority.root:
            return (self.of_root(),)
        return (self.current(),) if issuer == self._authority.certificate else ()

    def current(self) -> bytes:
        """The CRL of the issuing CA, DER: made anew if a status has changed since, or half its life is over.

        What was not activated in time is revoked first (looked for once a minute). Number and entries come from one
        transaction, so that a higher CRL number never tells of an earlier state. An entry stays until it was on a CRL issued
        after the certificate's end (RFC 5280, 3.3).
        """
        now = self._clock()
        with self._lock, self._registry.begin() as unit:
            if self._expired_at is None or now - self._expired_at >= _EXPIRE_EVERY:
                expire_uncommitted(unit, now)
                self._expired_at = now
            changes = next((counter.value for counter in unit.find(Counter, name=CHANGES)), 0)
            if self._made is None or self._made.changes != changes or _old(self._made, now):
                self._made = _Made(changes, self._sign(unit, now), now + LIFETIME)
                self._publish("crl.der", self._made.der)
            return self._made.der

    def _sign(self, unit: Unit, now: datetime) -> bytes:
        listed = [c for status in ("hold", "revoked") for c in unit.find(IssuedCertificate, status=status)]
        entries = [
            RevokedEntry(int(c.serial, 16), c.changed_at, c.reason or UNSPECIFIED)
            for c in listed
            if now < c.not_after + 2 * LIFETIME
        ]
        return self._authority.sign_crl(entries, unit.count_up("crl"), now, now + LIFETIME)

    def of_root(self) -> bytes:
        """The root's CRL, DER: it tells that the issuing CA is not revoked."""
        now = self._clock()
        with self._lock:
            if self._root is None or _old(self._root, now):
                with self._registry.begin() as unit:
                    number = unit.count_up("crl-root")
                der = self._authority.sign_crl((), number, now, now + LIFETIME, root=True)
                self._root = _Made(0, der, now + LIFETIME)
                self._publish("root-crl.der", der)
            return self._root.der


def _old(made: _Made, now: datetime) -> bool:
    return made.next_update - now < LIFETIME / 2
