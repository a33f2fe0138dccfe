"""How a portal is doing: what its keeper should see before others do. For a page of its own, or Prometheus."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from zorgid_card.codec import audit as codec
from zorgid_card.errors import CertificateError, StorageError
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.crl import CRL
from zorgid_card.ports.registry import AuditEvent, AuditHead, Notice, Registry
from zorgid_card.workflows import outbox

OK: Final = "ok"
WARNING: Final = "warning"
FAILING: Final = "failing"

_ORDER: Final = (OK, WARNING, FAILING)
_PAGE: Final = 500
_HELP: Final[Mapping[str, str]] = {
    "database_up": "Whether the registry can be used.",
    "outbox_waiting": "Notices that wait to be sent.",
    "outbox_dead": "Notices that were given up.",
    "outbox_oldest_seconds": "How long the oldest notice has waited.",
    "audit_unexported": "Audit events that are in no signed head.",
    "audit_unexported_seconds": "How long the oldest of them has been there.",
    "crl_age_seconds": "Since thisUpdate of a CRL.",
    "crl_left_seconds": "Until nextUpdate of a CRL.",
    "certificate_left_seconds": "Until a certificate, and the use of its key, ends.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """From when on something is a warning."""

    certificate_left: timedelta = timedelta(days=60)
    crl_left: timedelta = timedelta(hours=12)
    """With CRLs of 48 hours that are made anew after half of that, less is a CRL that was not made, or not published."""
    notice_waits: timedelta = timedelta(hours=1)
    unexported: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: a number, what it is about where there are several, and how that is."""

    name: str
    value: float
    state: str = OK
    about: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """All that was looked at."""

    checks: tuple[Check, ...]

    @property
    def state(self) -> str:
        """The worst of all."""
        return max((check.state for check in self.checks), key=_ORDER.index, default=OK)


class EventCounts:
    """Counts what happens in this process (:class:`~zorgid_card.ports.notices.Events`)."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def happened(self, name: str, times: int = 1, /) -> None:
        """Count it."""
        with self._lock:
            self._counts[name] += times

    def counts(self) -> dict[str, int]:
        """All counts so far."""
        with self._lock:
            return dict(self._counts)


def health(
    registry: Registry,
    now: datetime,
    *,
    certificates: Mapping[str, bytes] | None = None,
    crls: Mapping[str, bytes] | None = None,
    limits: Limits | None = None,
) -> Health:
    """Look at everything once; nothing is changed, and nothing is raised: what cannot be read is *failing*.

    Args:
        registry: the portal's store.
        now: UTC.
        certificates: those whose end matters, by a name: the CA's, the OCSP responder's, the portal's for TLS; DER.
        crls: those that the world fetches, by a name: just as they were published; DER or PEM.
        limits: from when on something is a warning.
    """
    limits = limits or Limits()
    checks = list(_database(registry, now, limits))
    checks += [_certificate(name, der, now, limits) for name, der in (certificates or {}).items()]
    for name, crl in (crls or {}).items():
        checks += _crl(name, crl, now, limits)
    return Health(tuple(checks))


def prometheus(found: Health, counts: Mapping[str, int] | None = None) -> str:
    """The text that Prometheus reads (exposition format 0.0.4).

    Args:
        found: what :func:`health` found.
        counts: of :class:`EventCounts`.
    """
    lines: list[str] = []
    for name, told in _HELP.items():
        here = [check for check in found.checks if check.name == name]
        if here:
            lines += [f"# HELP zorgid_{name} {told}", f"# TYPE zorgid_{name} gauge"]
            lines += [f"zorgid_{name}{_label('about', check.about)} {check.value:g}" for check in here]
    if counts:
        lines += ["# HELP zorgid_events_total What happened in this process.", "# TYPE zorgid_events_total counter"]
        lines += [f"zorgid_events_total{_label('event', name)} {count}" for name, count in sorted(counts.items())]
    return "".join(f"{line}\n" for line in lines)


def _label(name: str, value: str) -> str:
    if not value:
        return ""
    escaped = value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'{{{name}="{escaped}"}}'


# --- the database -----------------------------------------------------------------------------------------------------


def _database(registry: Registry, now: datetime, limits: Limits) -> Iterator[Check]:
    try:
        checks = [*_outbox(registry, now, limits), *_audit(registry, now, limits)]
    except StorageError:
        yield Check("database_up", 0, FAILING)
        return
    yield Check("database_up", 1)
    yield from checks


def _outbox(registry: Registry, now: datetime, limits: Limits) -> Iterator[Check]:
    waiting = dead = 0
    oldest = now
    for state in (outbox.WAITING, outbox.DEAD):
        after = ""
        while True:
            with registry.begin() as unit:
                page = unit.page(Notice, after=after, limit=_PAGE, state=state)
            if state == outbox.WAITING:
                waiting += len(page)
                oldest = min([oldest, *(notice.made_at for notice in page)])
            else:
                dead += len(page)
            if len(page) < _PAGE:
                break
            after = page[-1].id
    yield Check("outbox_waiting", waiting)
    yield Check("outbox_dead", dead, WARNING if dead else OK)
    yield Check("outbox_oldest_seconds", _seconds(now - oldest), WARNING if now - oldest > limits.notice_waits else OK)


def _audit(registry: Registry, now: datetime, limits: Limits) -> Iterator[Check]:
    unexported, oldest, after = 0, now, ""
    while True:
        with registry.begin() as unit:
            page = unit.page(AuditHead, after=after, limit=_PAGE)
            grown = [head for head in page if head.number > head.exported]
            first = [
                event for head in grown for event in unit.find(AuditEvent, id=codec.name(head.chain, head.exported + 1))
            ]
        unexported += sum(head.number - head.exported for head in grown)
        oldest = min([oldest, *(event.at for event in first)])
        if len(page) < _PAGE:
            break
        after = page[-1].chain
    waits = now - oldest
    yield Check("audit_unexported", unexported)
    yield Check("audit_unexported_seconds", _seconds(waits), WARNING if waits > limits.unexported else OK)


# --- certificates and CRLs --------------------------------------------------------------------------------------------


def _certificate(name: str, der: bytes, now: datetime, limits: Limits) -> Check:
    try:
        left = Certificate.parse(der).not_after - now
    except CertificateError:
        return Check("certificate_left_seconds", 0, FAILING, name)
    return Check("certificate_left_seconds", _seconds(left), _left(left, limits.certificate_left), name)


def _crl(name: str, octets: bytes, now: datetime, limits: Limits) -> Iterator[Check]:
    try:
        crl = CRL.parse(octets)
    except CertificateError:
        yield Check("crl_left_seconds", 0, FAILING, name)
        return
    left = crl.next_update - now
    yield Check("crl_age_seconds", _seconds(now - crl.this_update), OK, name)
    yield Check("crl_left_seconds", _seconds(left), _left(left, limits.crl_left), name)


def _left(left: timedelta, limit: timedelta) -> str:
    return FAILING if left <= timedelta() else WARNING if left < limit else OK


def _seconds(time: timedelta) -> float:
    return time.total_seconds()
