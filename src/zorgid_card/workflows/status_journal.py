"""The changes of the certificates' status, one after another: written with each change, followed by whoever tells the world.

A change gets the next number in its own transaction, so the order of the numbers is the order in which changes were committed, and
a follower that has seen one has seen all before it. Followers hold what they need in memory and read only what is new.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, NamedTuple, TypeVar

from zorgid_card.errors import StorageError
from zorgid_card.pki.crl import UNSPECIFIED
from zorgid_card.pki.crl_builder import REASON_CODES, REMOVED
from zorgid_card.ports.registry import Counter, IssuedCertificate, Registry, StatusChange, Unit

CHANGES: Final = "revocation"
"""Counter of the changes of any certificate's status."""

KEPT: Final = timedelta(days=7)
"""How long a change is kept; a follower that was away for longer reads everything anew."""

R = TypeVar("R")

_DIGITS: Final = 16
_NO_SERIAL: Final = 1 << 160
_PAGE: Final = 1000


def note(unit: Unit, issued: IssuedCertificate) -> None:
    """Tell the followers what a certificate's status is now, in the transaction that changes it."""
    unit.add(
        StatusChange(
            id=_id(unit.count_up(CHANGES)),
            serial=issued.serial,
            point=issued.point,
            status=issued.status,
            reason=issued.reason,
            at=issued.changed_at,
            not_after=issued.not_after,
        )
    )


def _id(number: int) -> str:
    return f"{number:0{_DIGITS}d}"


def serial_of(issued: IssuedCertificate | StatusChange) -> int:
    """The serial number of a record (RFC 5280, 4.1.2.2).

    Raises:
        StorageError: somebody has written there what is none (``corrupt``).
    """
    try:
        found = int(issued.serial, 16)
    except ValueError:
        found = 0
    if not 0 < found < _NO_SERIAL:
        raise StorageError("a serial number in the registry cannot be read", reason="corrupt")
    return found


def _reason_of(issued: IssuedCertificate | StatusChange) -> str:
    """One that a CRL can tell: for another, a certificate is not left out."""
    reason = issued.reason or UNSPECIFIED
    return reason if reason in REASON_CODES and reason != REMOVED else UNSPECIFIED


def last_change(unit: Unit) -> int:
    """The number of the last change."""
    return next((counter.value for counter in unit.find(Counter, name=CHANGES)), 0)


def changes_after(unit: Unit, number: int) -> list[StatusChange] | None:
    """All changes after this one; None if they are not all kept any more."""
    last = last_change(unit)
    found: list[StatusChange] = []
    while last > number + len(found):
        page = unit.page(StatusChange, after=_id(number + len(found)), limit=_PAGE)
        if not page or int(page[0].id) != number + len(found) + 1:
            return None
        found += page
    return found


class Entry(NamedTuple):
    """One of a CRL, as it is signed."""

    serial: int
    since: datetime
    reason: str


class Listed(NamedTuple):
    """A certificate that is revoked or on hold."""

    since: datetime
    reason: str
    not_after: datetime


class _Change(NamedTuple):
    number: int
    serial: int
    since: datetime
    reason: str
    """removeFromCRL for one that is good."""


class _Point:
    """One distribution point: what stands on its list, and the changes that are kept."""

    def __init__(self) -> None:
        self.listed: dict[int, Listed] = {}
        self.changes: list[_Change] = []

    @property
    def last(self) -> int:
        return self.changes[-1].number if self.changes else 0


class Mirror:
    """All certificates that are revoked or on hold, by distribution point, as of one change. Not for several threads at once."""

    def __init__(self) -> None:
        self.change = -1
        """The last one that it knows of; -1: nothing was read yet."""
        self._oldest = 0
        self._points: dict[str, _Point] = {}

    @property
    def points(self) -> frozenset[str]:
        """Those of which a certificate has been revoked or on hold."""
        return frozenset(self._points)

    def load(self, registry: Registry) -> None:
        """Read everything, a page at a time, so that nobody waits long. What changes meanwhile is found by :meth:`follow`.

        Raises:
            StorageError: the registry cannot be read.
        """
        self._points = {}
        self.change, first = registry.run(lambda unit: (last_change(unit), unit.page(StatusChange, limit=1)))
        self._oldest = int(first[0].id) if first else self.change + 1
        for status in ("hold", "revoked"):
            for issued in _pages(registry, status):
                self._point(issued.point).listed[serial_of(issued)] = _listed(issued)
        after = self._oldest - 1
        while after < self.change:
            page = _page(registry, StatusChange, _id(after))
            for change in page:
                if int(change.id) <= self.change:
                    self._keep(change)
            after = int(page[-1].id) if page else self.change

    def follow(self, unit: Unit) -> bool:
        """Learn what is new; False if it cannot be had any more, so that :meth:`load` is called for."""
        new = None if self.change < 0 else changes_after(unit, self.change)
        if new is None:
            return False
        for change in new:
            self._keep(change)
            listed, serial = self._point(change.point).listed, serial_of(change)
            if change.status == "good":
                listed.pop(serial, None)
            else:
                listed[serial] = Listed(change.at, _reason_of(change), change.not_after)
            self.change = int(change.id)
        return True

    def _keep(self, change: StatusChange) -> None:
        kept = self._point(change.point).changes
        reason = REMOVED if change.status == "good" else _reason_of(change)
        kept.append(_Change(int(change.id), serial_of(change), change.at, reason))

    def _point(self, name: str) -> _Point:
        return self._points.setdefault(name, _Point())

    def _of(self, point: str | None) -> list[_Point]:
        return list(self._points.values()) if point is None else [self._points.get(point, _Point())]

    def last(self, point: str | None) -> int:
        """The number of the last change at this distribution point (None: at any), as far as changes are kept."""
        return max((one.last for one in self._of(point)), default=0)

    def entries(self, point: str | None, ended: datetime) -> list[Entry]:
        """What stands on the list of a distribution point (None: of all), without the certificates that ended before ``ended``."""
        return [
            Entry(serial, since, reason)
            for one in self._of(point)
            for serial, (since, reason, not_after) in one.listed.items()
            if not_after > ended
        ]

    def changed(self, point: str | None, after: int) -> list[Entry] | None:
        """What has become of each certificate there whose status changed after a number; None if that is not known any more."""
        if after < self._oldest - 1:
            return None
        found: dict[int, Entry] = {}
        for change in sorted(change for one in self._of(point) for change in one.changes if change.number > after):
            found[change.serial] = Entry(change.serial, change.since, change.reason)
        return list(found.values())

    def forget(self, before: datetime, ended: datetime) -> None:
        """Drop the changes of before a moment, which no delta will tell of any more, and certificates that ended before another."""
        for one in self._points.values():
            dropped = [change.number for change in one.changes[:-1] if change.since < before]
            self._oldest = max(self._oldest, *dropped, 0) + 1 if dropped else self._oldest
            one.changes = [change for change in one.changes[:-1] if change.since >= before] + one.changes[-1:]
            one.listed = {serial: listed for serial, listed in one.listed.items() if listed.not_after > ended}


def _listed(issued: IssuedCertificate) -> Listed:
    return Listed(issued.changed_at, _reason_of(issued), issued.not_after)


def _page(registry: Registry, kind: type[R], after: str, **equal: str) -> list[R]:
    return registry.run(lambda unit: unit.page(kind, after=after, limit=_PAGE, **equal))


def _pages(registry: Registry, status: str) -> Iterator[IssuedCertificate]:
    after = ""
    while True:
        page = _page(registry, IssuedCertificate, after, status=status)
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].serial
