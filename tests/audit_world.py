"""What the tests of the audit log begin with: chains, a key that signs their heads, and where it puts them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric import ec

from registry_world import NOW, OTHER_URA, URA
from zorgid_card.adapters.audit_files import FileAuditKey
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.errors import AuditError
from zorgid_card.ports.registry import Registry
from zorgid_card.workflows import audit, audit_heads
from zorgid_card.workflows.audit_verification import Finding, Verified, verify


class Kept:
    """Statements in a list."""

    def __init__(self) -> None:
        self.kept: list[str] = []

    def lines(self) -> Iterable[str]:
        return list(self.kept)

    def append(self, line: str, /) -> None:
        self.kept.append(line)


class Log:
    """A registry with an audit log, and its statements."""

    def __init__(self, store: SQLRegistry) -> None:
        self.store = store
        self.key = FileAuditKey(ec.generate_private_key(ec.SECP256R1()))
        self.kept = Kept()

    def write(self, times: int, ura: str | None = URA, reason: str | None = "lost") -> None:
        for number in range(times):
            self.store.run(
                lambda unit, number=number: audit.record(
                    unit,
                    NOW + timedelta(seconds=number),
                    "p1",
                    ura,
                    "card.block",
                    f"S-{number}",
                    reason,
                    certificate="aa",
                )
            )

    def export(self) -> int:
        return audit_heads.export(self.store, self.key, self.kept, NOW)

    def verify(self) -> Verified:
        return verify(self.store, audit_heads.read(self.kept.kept, self.key.public_key))

    def findings(self) -> list[Finding]:
        found: list[Finding] = []
        try:
            verify(self.store, audit_heads.read(self.kept.kept, self.key.public_key), found=found.append)
        except AuditError as error:
            assert error.findings == len(found)
        return found


def filled(store: Registry | SQLRegistry) -> Log:
    """Three chains, exported; what was written since is not."""
    assert isinstance(store, SQLRegistry)
    log = Log(store)
    for ura in (URA, OTHER_URA, None):
        log.write(5, ura)
    log.export()
    log.write(2)
    return log
