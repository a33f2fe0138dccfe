"""Status of the portal's certificates, and the CRL that tells of it (ADM-2 to ADM-4, RFC 5280, 5).

Every change of a status counts up one number in the registry, in the same transaction. A CRL remembers the number that it was
made from, so a CRL that is behind is known as such by any worker of the portal, and is made anew when it is next asked for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from zorgid_card.errors import StorageError
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.crl import CRL, UNSPECIFIED, RevokedEntry
from zorgid_card.pki.revocation import CRLs
from zorgid_card.ports.authority import CertificateAuthority
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


def change(
    unit: Unit,
    issued: IssuedCertificate,
    event: str,
    reason: str | None,
    now: datetime,
    *,
    commit_by: datetime | None = None,
) -> IssuedCertificate:
    """Change a certificate's status: ``release``, ``block`` or ``revoke``; ``reason`` as in RFC 5280, 5.3.1.

    ``commit_by``: when it is revoked, unless it is released before (:func:`expire_uncommitted`).

    Raises:
        TransitionError: the table of states does not allow it.
    """
    status = move("certificate", issued.status, event)
    changed = replace(issued, status=status, reason=reason, changed_at=now, commit_by=commit_by)
    unit.replace(changed)
    unit.count_up(CHANGES)
    return changed


def change_all(
    unit: Unit,
    card_serial: str,
    event: str,
    reason: str | None,
    now: datetime,
    *,
    commit_by: datetime | None = None,
) -> None:
    """The same for all certificates of a card; those of earlier makings are revoked, and stay so.

    Raises:
        TransitionError: the table of states does not allow it.
    """
    for issued in list(unit.find(IssuedCertificate, card_serial=card_serial)):
        if issued.status != "revoked":
            change(unit, issued, event, reason, now, commit_by=commit_by)


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


@dataclass(slots=True)
class _Made:
    changes: int
    crl: CRL
    der: bytes
    next_update: datetime
    published: bool = False


class RevocationList:
    """The portal's CRLs, always of the registry's present state. Serves many threads.

    Args:
        registry: the portal's store.
        authority: signs.
        clock: UTC.
        publish: told of each new CRL (file name, DER), to write it where the world fetches it. If it raises, the list is
            published again at the next call.
    """

    def __init__(
        self,
        registry: Registry,
        authority: CertificateAuthority,
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

    def __call__(self, issuer: bytes, /) -> tuple[CRL, ...]:
        """The CRL of this issuer (a certificate, DER), for whoever judges a chain; nothing for a foreign issuer.

        That it cannot be published does not hinder the judgement: :meth:`current` tells.
        """
        if issuer == self._authority.root:
            return (self._get("root-crl.der", self._fresh_of_root, strict=False).crl,)
        if issuer == self._authority.certificate:
            return (self._get("crl.der", self._fresh, strict=False).crl,)
        return ()

    def check(self, chain: Sequence[Certificate], at: datetime) -> None:
        """Whether a card of this portal's CA is revoked (:class:`~zorgid_card.pki.revocation.Revocation`)."""
        CRLs(self).check(chain, at)

    def current(self) -> bytes:
        """The CRL of the issuing CA, DER: made anew if a status has changed since, or half its life is over.

        What was not activated in time is revoked first (looked for once a minute). Number and entries come from one
        transaction, so that a higher CRL number never tells of an earlier state. An entry stays until it was on a CRL issued
        after the certificate's end (RFC 5280, 3.3).

        Raises:
            StorageError: the registry cannot be read, or the list not be published.
        """
        return self._get("crl.der", self._fresh, strict=True).der

    def of_root(self) -> bytes:
        """The root's CRL, DER: it tells that the issuing CA is not revoked. Raises as :meth:`current`."""
        return self._get("root-crl.der", self._fresh_of_root, strict=True).der

    def _get(self, name: str, fresh: Callable[[datetime], _Made], *, strict: bool) -> _Made:
        with self._lock:
            made = fresh(self._clock())
            if not made.published:
                try:
                    self._publish(name, made.der)
                    made.published = True
                except StorageError:
                    if strict:
                        raise
            return made

    def _fresh(self, now: datetime) -> _Made:
        """What is made counts only once its transaction, with the CRL number in it, is kept."""
        made, expired_at = self._made, self._expired_at
        with self._registry.begin() as unit:
            if expired_at is None or now - expired_at >= _EXPIRE_EVERY:
                expire_uncommitted(unit, now)
                expired_at = now
            changes = next((counter.value for counter in unit.find(Counter, name=CHANGES)), 0)
            if made is None or made.changes != changes or _old(made, now):
                made = _made(changes, self._sign(unit, now), now)
        self._made, self._expired_at = made, expired_at
        return made

    def _sign(self, unit: Unit, now: datetime) -> bytes:
        listed = [c for status in ("hold", "revoked") for c in unit.find(IssuedCertificate, status=status)]
        entries = [
            RevokedEntry(int(c.serial, 16), c.changed_at, c.reason or UNSPECIFIED)
            for c in listed
            if now < c.not_after + 2 * LIFETIME
        ]
        return self._authority.sign_crl(entries, unit.count_up("crl"), now, now + LIFETIME)

    def _fresh_of_root(self, now: datetime) -> _Made:
        made = self._root
        if made is None or _old(made, now):
            with self._registry.begin() as unit:
                number = unit.count_up("crl-root")
            made = _made(0, self._authority.sign_crl((), number, now, now + LIFETIME, root=True), now)
            self._root = made
        return made


def _made(changes: int, der: bytes, now: datetime) -> _Made:
    return _Made(changes, CRL.parse(der), der, now + LIFETIME)


def _old(made: _Made, now: datetime) -> bool:
    return made.next_update - now < LIFETIME / 2
