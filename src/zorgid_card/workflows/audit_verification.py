"""Whether the audit log is what was written.

What it proves: up to the last head of a chain that was signed and kept elsewhere, no event was changed, added, left out, put in
another place or cut off, since it was signed. Behind that head, who may write to the database could have made a chain of their own;
what was left out before it was ever written, nothing shows. What was erased is gone, and that is proven to have been recorded.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from zorgid_card.codec import audit as codec
from zorgid_card.errors import AuditError
from zorgid_card.ports.registry import AuditEvent, AuditHead, AuditLink, Registry, Unit
from zorgid_card.workflows.audit import ERASE, Ranges
from zorgid_card.workflows.audit_heads import Signed

FINDINGS: Final = (
    "missing",
    "changed",
    "event",
    "erased",
    "extra",
    "head",
    "cut",
    "rewritten",
)
"""A link is not there; does not follow from the one before; an event is not what was committed to; is gone, and nothing says why;
has no place; the chain does not end where its head says; ends before a signed head; is another than was signed."""

_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong (one of :data:`FINDINGS`), and where."""

    what: str
    chain: str
    number: int


@dataclass(slots=True)
class Verified:
    """What was verified: ``proven`` of the events lie up to a signed head, ``erased`` say less than they did."""

    chains: int = 0
    events: int = 0
    proven: int = 0
    erased: int = 0


@dataclass(slots=True)
class _Row:
    id: str
    link: AuditLink | None
    event: AuditEvent | None


class _Chain:
    """One chain, looked through from its first event."""

    def __init__(self, name: str, signed: dict[int, bytes], found: Callable[[Finding], None]) -> None:
        self.name, self.signed, self._found = name, signed, found
        self.number, self.erased = 0, 0
        self._digest: bytes | None = codec.FIRST
        self._gone: dict[str, Ranges] = defaultdict(Ranges)
        self._told: dict[str, list[tuple[int, int]]] = defaultdict(list)

    def follow(self, row: _Row) -> None:
        """The next event."""
        _, number = codec.split(row.id)
        if not number:
            self._find("extra", number)
            return
        if number != self.number + 1:
            self._find("missing", self.number + 1)
            self._digest = None
        self.number = number
        self._follow_link(row.id, row.link)
        self._judge(row.event, row.link)

    def _follow_link(self, identifier: str, link: AuditLink | None) -> None:
        if link is None:
            self._find("missing", self.number)
            self._digest = None
            return
        if self._digest is not None and codec.link(self._digest, identifier, link.commitments) != link.digest:
            self._find("changed", self.number)
        if self.signed.get(self.number, link.digest) != link.digest:
            self._find("rewritten", self.number)
        self._digest = link.digest

    def _judge(self, event: AuditEvent | None, link: AuditLink | None) -> None:
        erased = _erased(event)
        self.erased += bool(erased)
        for name in erased:
            self._gone[name].add(self.number)
        if event is None or link is None:
            return
        if not _is_committed(event, link, erased):
            self._find("event", self.number)
        elif event.action == ERASE:
            self._hear(event)

    def _hear(self, event: AuditEvent) -> None:
        """What was erased, as the log itself says; of what was to come it can say nothing."""
        try:
            told = json.loads(event.detail)
            for name, pairs in told["fields"].items():
                self._told[str(name)] += [(int(first), min(int(last), self.number - 1)) for first, last in pairs]
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            self._find("event", self.number)

    def end(self, head: AuditHead | None) -> None:
        """There are no more events."""
        if head is None or head.number != self.number or (self._digest is not None and head.digest != self._digest):
            self._find("head", self.number)
        if any(number > self.number for number in self.signed):
            self._find("cut", self.number + 1)
        for name, ranges in self._gone.items():
            if (number := ranges.beyond(self._told[name])) != 0:
                self._find("erased", number)

    def _find(self, what: str, number: int) -> None:
        self._found(Finding(what, self.name, number))


def verify(
    registry: Registry,
    statements: Iterable[Signed] = (),
    *,
    found: Callable[[Finding], None] = lambda finding: None,
    progress: Callable[[int], None] = lambda events: None,
) -> Verified:
    """Look through the whole log, page by page; others may write meanwhile.

    Args:
        registry: the portal's store.
        statements: what was signed before (:func:`zorgid_card.workflows.audit_heads.read`); without, nothing is *proven*: that
            the log is whole in itself shows mistakes, not a forger.
        found: is told everything that is wrong.
        progress: is told how many events have been looked at.

    Raises:
        AuditError: something is wrong: how many ``findings``, and the first.
        StorageError: the registry cannot be read.
    """
    findings: list[Finding] = []
    count = 0

    def note(finding: Finding) -> None:
        nonlocal count
        count += 1
        if not findings:
            findings.append(finding)
        found(finding)

    verified = _Walk(registry, _by_chain(statements), note).all(progress)
    if findings:
        first = findings[0]
        raise AuditError(
            f"the audit log is not what was written: {count} findings, the first in {first.chain} at {first.number}",
            what=first.what,
            chain=first.chain,
            number=first.number,
            findings=count,
        )
    return verified


class _Walk:
    def __init__(
        self, registry: Registry, signed: dict[str, dict[int, bytes]], found: Callable[[Finding], None]
    ) -> None:
        self._registry, self._signed, self._found = registry, signed, found
        self._seen: set[str] = set()
        self._verified = Verified()
        self._chain: _Chain | None = None

    def all(self, progress: Callable[[int], None]) -> Verified:
        after: str | None = ""
        while after is not None:
            with self._registry.begin() as unit:
                rows, after = _page(unit, after)
                self._follow(unit, rows)
                if after is None:
                    self._end(unit)
            progress(self._verified.events)
        self._unseen()
        return self._verified

    def _follow(self, unit: Unit, rows: Iterable[_Row]) -> None:
        for row in rows:
            name, _ = codec.split(row.id)
            if self._chain is None or self._chain.name != name:
                self._end(unit)
                self._chain = _Chain(name, self._signed.get(name, {}), self._found)
                self._seen.add(name)
            self._chain.follow(row)
            self._verified.events += 1

    def _end(self, unit: Unit) -> None:
        """The head is read in the transaction in which the chain was seen to end."""
        chain, self._chain = self._chain, None
        if chain is None:
            return
        chain.end(next(unit.find(AuditHead, chain=chain.name), None))
        self._verified.chains += 1
        self._verified.erased += chain.erased
        self._verified.proven += min(max(chain.signed, default=0), chain.number)

    def _unseen(self) -> None:
        """Chains of which nothing is there but a head, or what was signed."""
        after = ""
        while True:
            with self._registry.begin() as unit:
                page = unit.page(AuditHead, after=after, limit=_PAGE)
                for head in page:
                    if head.chain not in self._seen and not _begun(unit, head.chain):
                        self._found(Finding("missing", head.chain, 1))
            if len(page) < _PAGE:
                break
            after = page[-1].chain
        for name in self._signed.keys() - self._seen:
            self._found(Finding("cut", name, 1))


def _page(unit: Unit, after: str) -> tuple[list[_Row], str | None]:
    """Links and events side by side, and where the next page begins (None: this was the last)."""
    links = {link.id: link for link in unit.page(AuditLink, after=after, limit=_PAGE)}
    events = {event.id: event for event in unit.page(AuditEvent, after=after, limit=_PAGE)}
    full = [list(part)[-1] for part in (links, events) if len(part) == _PAGE]
    until = min(full, default=None)
    names = sorted(name for name in links.keys() | events.keys() if until is None or name <= until)
    return [_Row(name, links.get(name), events.get(name)) for name in names], until


def _begun(unit: Unit, chain: str) -> bool:
    """Whether it was begun while others were looked through."""
    return any(codec.split(link.id)[0] == chain for link in unit.page(AuditLink, after=f"{chain}:", limit=1))


def _erased(event: AuditEvent | None) -> tuple[str, ...]:
    if event is None:
        return codec.FIELDS
    return tuple(name for name, salt in zip(codec.FIELDS, _salts(event), strict=True) if salt == codec.ERASED)


def _salts(event: AuditEvent) -> list[bytes]:
    return [event.salts[codec.SALT * n : codec.SALT * (n + 1)] for n in range(len(codec.FIELDS))]


def _is_committed(event: AuditEvent, link: AuditLink, erased: tuple[str, ...]) -> bool:
    if len(event.salts) != codec.SALT * len(codec.FIELDS):
        return False
    values = (codec.event(event.at, event.ura, event.action), event.actor, event.subject, event.reason, event.detail)
    known = codec.commitments(values, event.salts)
    for n, (name, value) in enumerate(zip(codec.FIELDS, values, strict=True)):
        here = slice(codec.DIGEST * n, codec.DIGEST * (n + 1))
        if name in erased:
            if value:
                return False
        elif known[here] != link.commitments[here]:
            return False
    return True


def _by_chain(statements: Iterable[Signed]) -> dict[str, dict[int, bytes]]:
    """What was signed first holds: a chain that was written anew, and signed again as long as it was, is another."""
    signed: dict[str, dict[int, bytes]] = defaultdict(dict)
    for statement in statements:
        for chain, number, digest in statement.heads:
            if signed[chain].setdefault(number, digest) != digest:
                signed[chain][number] = b""  # two were signed: whichever is there, one of them was rewritten
    return signed
