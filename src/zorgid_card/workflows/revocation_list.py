"""Status of the portal's certificates, and the CRLs that tell of it (ADM-2 to ADM-4, RFC 5280, 5).

Every change of a status is noted in the registry, in the same transaction (:mod:`~zorgid_card.workflows.status_journal`). A CRL
remembers the change up to which it tells, so a CRL that is behind is known as such by any worker of the portal, and is made anew
when it is next asked for. The newest is kept in the registry: whoever asks whichever worker never gets an older one than before.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from zorgid_card.errors import CertificateError, NotFoundError, StorageError, UsageError
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.crl import CRL
from zorgid_card.pki.revocation import CRLs
from zorgid_card.ports.authority import CertificateAuthority, CRLForm
from zorgid_card.ports.registry import IssuedCertificate, PublishedCRL, Registry, SmartCard, Suspension, Unit
from zorgid_card.workflows import audit
from zorgid_card.workflows.states import move
from zorgid_card.workflows.status_journal import CHANGES, KEPT, Mirror, last_change, note

__all__ = [
    "CARD", "CHANGES", "DELTA_LIFETIME", "LIFETIME", "SIGNED_WITHIN", "UNFINISHED", "Publication", "RevocationList", "change",
    "change_all", "expire_uncommitted", "hold",
]  # fmt: skip

LIFETIME: Final = timedelta(hours=48)
"""From thisUpdate to nextUpdate, as the UZI register has it."""

DELTA_LIFETIME: Final = timedelta(hours=2)
"""The same of a delta CRL."""

SIGNED_WITHIN: Final = timedelta(seconds=10)
"""How often :meth:`RevocationList.refresh` is called: a change is signed and published within this time."""

BASE_KEPT: Final = timedelta(hours=24)
"""How long deltas go on one base; whoever has a list no older than that needs no other."""

UNFINISHED: Final = "cessationOfOperation"
"""Reason for a certificate whose card was not finished."""

_EXPIRE_EVERY: Final = timedelta(minutes=1)
CARD: Final = "card"
"""The cause of a hold where its caller names none."""


def hold(unit: Unit, issued: IssuedCertificate) -> None:
    """Keep a certificate that was just issued on hold (CRD-7)."""
    issued = replace(issued, point=_point_of(issued.der))
    unit.add(issued)
    note(unit, issued)


def _point_of(der: bytes) -> str:
    try:
        return (*Certificate.parse(der).crl_urls, "")[0]
    except CertificateError:  # somebody else's CA: judged by whoever took it
        return ""


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
    note(unit, changed)
    return changed


def change_all(
    unit: Unit,
    card_serial: str,
    event: str,
    reason: str | None,
    now: datetime,
    *,
    commit_by: datetime | None = None,
    cause: str = CARD,
) -> frozenset[str]:
    """The same for all certificates of a card; those of earlier makings are revoked, and stay so.

    A card may be suspended for several causes at once, each named by whoever blocks: what is released for one of them stays on hold
    while another is left.

    Args:
        unit: the transaction.
        card_serial: whose.
        event: ``release``, ``block`` or ``revoke``.
        reason: as in RFC 5280, 5.3.1.
        now: UTC.
        commit_by: as for :func:`change`.
        cause: for what it is blocked, or released: up to 64 characters.

    Returns:
        The causes for which the card is still suspended.

    Raises:
        TransitionError: the table of states does not allow it.
    """
    before = {kept.cause: kept for kept in unit.find(Suspension, card_serial=card_serial)}
    left = _suspensions(unit, card_serial, event, cause, now, before)
    others = event != "revoke" and bool(before.keys() - {cause})
    for issued in list(unit.find(IssuedCertificate, card_serial=card_serial)):
        if issued.status != "revoked" and others:
            unit.replace(replace(issued, commit_by=commit_by))
        elif issued.status != "revoked":
            change(unit, issued, event, reason, now, commit_by=commit_by)
    return left


def _suspensions(
    unit: Unit, card_serial: str, event: str, cause: str, now: datetime, before: dict[str, Suspension]
) -> frozenset[str]:
    """Keep account of the causes; returns those that are left."""
    if event == "block":
        if cause not in before:
            unit.add(Suspension(id=f"{card_serial} {cause}", card_serial=card_serial, cause=cause, since=now))
        return frozenset(before) | {cause}
    gone = set(before) if event == "revoke" else before.keys() & {cause}
    for name in gone:
        unit.remove(before[name])
    return frozenset(before.keys() - gone)


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


class Publication(NamedTuple):
    """A CRL that was made: its file name, and what it says of itself."""

    name: str
    number: int
    base: int | None
    entries: int
    this_update: datetime
    next_update: datetime


@dataclass(slots=True)
class _Made:
    """The newest list of one distribution point, with its delta."""

    kept: PublishedCRL
    crl: CRL
    delta: CRL | None = None
    published: bool = False

    def old(self, now: datetime) -> bool:
        """Whether half its life is over, or its delta's."""
        half = self.kept.next_update - now < LIFETIME / 2
        return half or (self.delta is not None and self.delta.next_update - now < DELTA_LIFETIME / 2)


Publish: TypeAlias = Callable[[str, bytes], object]

_ROOT: Final = "root"
_WHOLE: Final = ""


class RevocationList:
    """The portal's CRLs, always of the registry's present state. Serves many threads; any number of workers may share a registry.

    Args:
        registry: the portal's store.
        authority: signs.
        clock: UTC.
        publish: told of each new CRL (file name, DER), to write it where the world fetches it. If it raises, the list is
            published again at the next call. A delta is told before the full list that is made with it.
        points: the distribution points that certificates name, and the addresses of their deltas
            (:attr:`zorgid_card.ports.authority.CertificateProfile.points`). Several: each has a list of its own, with the last
            part of its address as its name; also those that only certificates of earlier days name are to be among them. One or
            none: there is one list of all, ``crl.der``, and its delta, ``delta-crl.der``.

    Raises:
        UsageError: two lists would have one name.
    """

    def __init__(
        self,
        registry: Registry,
        authority: CertificateAuthority,
        clock: Callable[[], datetime],
        publish: Publish = lambda name, der: None,
        *,
        points: Iterable[tuple[str, str | None]] = (),
    ) -> None:
        self._registry = registry
        self._authority = authority
        self._clock = clock
        self._publish = publish
        self._deltas = _deltas(dict(points))
        self._lock = threading.Lock()
        self._mirror = Mirror()
        self._made: dict[str, _Made] = {}
        self._expired_at: datetime | None = None
        self._unsure = False
        self._ca = hashlib.sha256(authority.certificate + authority.root).hexdigest()[:16]

    def __call__(self, issuer: bytes, /) -> tuple[CRL, ...]:
        """The CRLs of this issuer (a certificate, DER), for whoever judges a chain; nothing for a foreign issuer.

        That one cannot be published does not hinder the judgement: :meth:`current` tells.
        """
        if issuer == self._authority.root:
            return (self._get(_ROOT, strict=False).crl,)
        if issuer == self._authority.certificate:
            return tuple(self._get(point, strict=False).crl for point in self.points)
        return ()

    def check(self, chain: Sequence[Certificate], at: datetime) -> None:
        """Whether a card of this portal's CA is revoked (:class:`~zorgid_card.pki.revocation.Revocation`)."""
        CRLs(self).check(chain, at)

    @property
    def points(self) -> tuple[str, ...]:
        """The distribution points that have a list of their own; one empty text: there is one list of all."""
        return tuple(self._deltas)

    def current(self, point: str | None = None) -> bytes:
        """The CRL of a distribution point, DER: made anew if a status has changed there since, or half its life is over.

        What was not activated in time is revoked first (looked for once a minute). Number and entries come from one
        transaction, so that a higher CRL number never tells of an earlier state. An entry stays until it was on a CRL issued
        after the certificate's end (RFC 5280, 3.3).

        Args:
            point: one of :attr:`points`; None where there is but one list.

        Raises:
            StorageError: the registry cannot be read, or the list not be published.
            UsageError: no such point.
        """
        return self._get(self._known(point), strict=True).kept.der

    def delta(self, point: str | None = None) -> bytes:
        """The delta CRL of a distribution point (5.2.4), DER, with the number of :meth:`current`; its base is up to a day older.

        Raises:
            StorageError: as :meth:`current`.
            UsageError: there are no deltas at this point.
        """
        made = self._get(self._known(point), strict=True)
        if made.delta is None:
            raise UsageError("there are no deltas of this list", reason="delta")
        return made.delta.der

    def of_root(self) -> bytes:
        """The root's CRL, DER: it tells that the issuing CA is not revoked. Raises as :meth:`current`."""
        return self._get(_ROOT, strict=True).kept.der

    def named(self, name: str) -> bytes:
        """The list that is published under this file name, DER; for who serves them by name.

        Raises:
            NotFoundError: there is none of this name.
            StorageError: as :meth:`current`.
        """
        for point in (*self.points, _ROOT):
            if name and name in self._names(point):
                for known, crl in self._named(point, self._get(point, strict=True)):
                    if known == name:
                        return crl.der
        raise NotFoundError("no such list", what="CRL")

    def refresh(self) -> tuple[Publication, ...]:
        """Bring all lists up to date and publish them; to be called every :data:`SIGNED_WITHIN`. Little is done if nothing changed.

        Raises:
            StorageError: as :meth:`current`.
        """
        made = [(point, self._get(point, strict=True)) for point in (*self.points, _ROOT)]
        return tuple(
            Publication(name, crl.number or 0, crl.base_number, len(crl.index), crl.this_update, crl.next_update)
            for point, one in made
            for name, crl in self._named(point, one)
        )

    def _known(self, point: str | None) -> str:
        found = self.points[0] if point is None and len(self.points) == 1 else point
        if found not in self._deltas:
            raise UsageError("there is no list of this distribution point", reason="point")
        return found

    def _named(self, point: str, made: _Made) -> list[tuple[str, CRL]]:
        full, delta = self._names(point)
        return [(full, made.crl)] if made.delta is None else [(delta, made.delta), (full, made.crl)]

    def _names(self, point: str) -> tuple[str, str]:
        """The file names of a list and of its delta; of that an empty one, where there is none."""
        if point == _ROOT:
            return "root-crl.der", ""
        url = self._deltas[point]
        delta = "" if url is None else "delta-crl.der" if point == _WHOLE else _file_name(url)
        return "crl.der" if point == _WHOLE else _file_name(point), delta

    # --- making ---

    def _get(self, point: str, *, strict: bool) -> _Made:
        with self._lock:
            made = self._fresh_of_root() if point == _ROOT else self._fresh(point)
            if not made.published:
                try:
                    for name, crl in self._named(point, made):
                        self._publish(name, crl.der)
                    made.published = True
                except StorageError:
                    if strict:
                        raise
            return made

    def _fresh(self, point: str) -> _Made:
        """What is made counts only once its transaction, with the CRL number in it, is kept."""
        while True:
            made = self._registry.run(lambda unit: self._attempt(unit, point))
            self._unsure = False
            if made is not None:
                self._made[point] = made
                return made
            self._mirror.load(self._registry)

    def _attempt(self, unit: Unit, point: str) -> _Made | None:
        """In one transaction; None: the mirror is to be loaded. One that was not kept may have shown it what never came to be."""
        if self._unsure:
            self._mirror, self._expired_at = Mirror(), None
        self._unsure, now = True, self._clock()
        if self._expired_at is None or now - self._expired_at >= _EXPIRE_EVERY:
            expire_uncommitted(unit, now)
            self._expired_at = now
        if self._mirror.change != last_change(unit) and not self._mirror.follow(unit):
            return None
        return self._up_to_date(unit, point, self._made.get(point), now)

    def _up_to_date(self, unit: Unit, point: str, made: _Made | None, now: datetime) -> _Made:
        """This worker's list, or another's, or a new one."""
        last = self._mirror.last(point or None)
        if made is not None and made.kept.change >= last and not made.old(now):
            return made
        full = next(unit.find(PublishedCRL, name=self._key("full", point)), None)
        found = None if full is None or full.change < last else self._adopt(unit, point, full)
        if found is not None and not found.old(now):
            return found
        return self._make(unit, point, full, now)

    def _adopt(self, unit: Unit, point: str, full: PublishedCRL) -> _Made | None:
        """What another worker made; None if it has no delta, and this one gives them, or is not what the CA has signed."""
        made = self._read(full, self._authority.certificate)
        if made is None or self._deltas[point] is None:
            return made
        delta = next(unit.find(PublishedCRL, name=self._key("delta", point), number=full.number), None)
        read = None if delta is None else self._read(delta, self._authority.certificate)
        return None if read is None else replace(made, delta=read.crl)

    def _read(self, kept: PublishedCRL, issuer: bytes) -> _Made | None:
        """A list that is kept; None unless this CA has signed it, and it is the one of which the registry speaks."""
        try:
            crl = CRL.parse(kept.der)
            crl.verify(Certificate.parse(issuer))
        except CertificateError:
            return None
        ends = kept.next_update.replace(microsecond=0)
        return _Made(kept, crl) if (crl.number, crl.next_update) == (kept.number, ends) else None

    def _make(self, unit: Unit, point: str, before: PublishedCRL | None, now: datetime) -> _Made:
        number, where, change = unit.count_up("crl"), point or None, self._mirror.change
        entries = self._mirror.entries(where, now - 2 * LIFETIME)
        form = CRLForm(point=where, freshest=self._deltas[point])
        der = self._authority.sign_crl(entries, number, now, now + LIFETIME, form=form)
        full = PublishedCRL(
            name=self._key("full", point),
            number=number,
            change=change,
            this_update=now,
            next_update=now + LIFETIME,
            base_number=number,
            base_change=change,
            base_at=now,
            der=der,
        )
        changed = None if before is None else self._mirror.changed(where, before.base_change)
        if before is not None and changed is not None:
            full = replace(full, base_number=before.base_number, base_change=before.base_change, base_at=before.base_at)
        delta = self._make_delta(unit, point, full, changed or [], now) if self._deltas[point] else None
        if before is not None and now - full.base_at >= BASE_KEPT:  # the deltas to come go on the list before this one
            full = replace(full, base_number=before.number, base_change=before.change, base_at=before.this_update)
            self._mirror.forget(now - KEPT, now - 2 * LIFETIME)
        _keep(unit, full)
        return _Made(full, CRL.parse(der), delta)

    def _make_delta(
        self, unit: Unit, point: str, full: PublishedCRL, changed: Sequence[tuple[int, datetime, str]], now: datetime
    ) -> CRL:
        form = CRLForm(base=full.base_number, point=point or None)
        der = self._authority.sign_crl(changed, full.number, now, now + DELTA_LIFETIME, form=form)
        _keep(unit, replace(full, name=self._key("delta", point), next_update=now + DELTA_LIFETIME, der=der))
        return CRL.parse(der)

    def _fresh_of_root(self) -> _Made:
        now, made = self._clock(), self._made.get(_ROOT)
        if made is not None and not made.old(now):
            return made
        made = self._made[_ROOT] = self._registry.run(lambda unit: self._roots(unit, now))
        return made

    def _roots(self, unit: Unit, now: datetime) -> _Made:
        kept = next(unit.find(PublishedCRL, name=self._key("full", _ROOT)), None)
        made = None if kept is None else self._read(kept, self._authority.root)
        return self._make_roots(unit, now) if made is None or made.old(now) else made

    def _make_roots(self, unit: Unit, now: datetime) -> _Made:
        number = unit.count_up("crl-root")
        der = self._authority.sign_crl((), number, now, now + LIFETIME, root=True)
        kept = PublishedCRL(
            name=self._key("full", _ROOT),
            number=number,
            change=0,
            this_update=now,
            next_update=now + LIFETIME,
            base_number=number,
            base_change=0,
            base_at=now,
            der=der,
        )
        _keep(unit, kept)
        return _Made(kept, CRL.parse(der))

    def _key(self, kind: str, point: str) -> str:
        """The CA's certificate is in it: another CA's lists are others."""
        return f"{self._ca} {kind} {point}"


def _keep(unit: Unit, made: PublishedCRL) -> None:
    known = next(unit.find(PublishedCRL, name=made.name), None)
    (unit.add if known is None else unit.replace)(made)


def _deltas(points: dict[str, str | None]) -> dict[str, str | None]:
    """The address of the deltas by distribution point."""
    if len(points) < 2:
        return {_WHOLE: next(iter(points.values()), None)}
    names = [_file_name(url) for pair in points.items() for url in pair if url]
    if len({*names, "root-crl.der"}) <= len(names):
        raise UsageError("two CRLs would have one file name", reason="names")
    return points


def _file_name(url: str) -> str:
    """The last part of an address."""
    return urlsplit(url).path.rpartition("/")[2]
