"""What ``zorgid-card audit`` does."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from zorgid_card.adapters.audit_files import FileAuditKey, FileStatements, public_key_of
from zorgid_card.cli.display import Display
from zorgid_card.cli.options import moment
from zorgid_card.errors import AuditError, StorageError, UsageError
from zorgid_card.ports.registry import AuditHead, Registry
from zorgid_card.workflows import audit_export, audit_heads
from zorgid_card.workflows.audit_verification import Finding, Verified, verify

_SHOWN: Final = 50
"""Findings that are shown; JSON has as many."""


def make_key(file: Path, *, as_data: bool) -> None:
    """Make a key, and print its public key."""
    public = load_der_public_key(FileAuditKey.create(file).public_key)
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    print(json.dumps({"public_key": pem}) if as_data else pem, end="" if not as_data else "\n")


def sign_heads(display: Display, registry: Registry, key: Path, heads: Path, *, as_data: bool) -> None:
    """Sign the heads of what has grown."""
    signed = audit_heads.export(registry, FileAuditKey.open(key), FileStatements(heads), datetime.now(UTC))
    if as_data:
        print(json.dumps({"chains": signed}))
    else:
        display.say("audit.signed" if signed else "audit.nothing_new", "green", chains=signed, file=heads)


def verify_log(display: Display, registry: Registry, heads: Path | None, key: Path | None, *, as_data: bool) -> None:
    """Look through the log, show what is wrong, and say what was proven.

    Raises:
        AuditError: something is wrong.
    """
    signed = _signed(heads, key)
    findings: list[Finding] = []
    total = 0 if as_data else _events(registry)

    def found(finding: Finding) -> None:
        if len(findings) < _SHOWN:
            findings.append(finding)

    def told(events: int) -> None:
        if total:
            display.progress(display.texts("audit.reading"), min(1.0, events / total))

    try:
        verified = verify(registry, signed, found=found, progress=told)
    except AuditError as error:
        display.pause()
        _show_findings(display, findings, int(error.details["findings"] or 0), as_data=as_data)
        raise
    display.pause()
    _show_proof(display, verified, signed, as_data=as_data)


def export(
    display: Display,
    registry: Registry,
    out: Path | None,
    *,
    source: str,
    ura: str | None,
    since: str | None,
    until: str | None,
) -> None:
    """Write events as JSON lines."""
    begin, end = (None if text is None else moment(text) for text in (since, until))
    told = audit_export.lines(registry, source=source, ura=ura, since=begin, until=end)
    if out is None:
        for line in told:
            sys.stdout.write(line + "\n")
        return
    count = 0
    try:
        with open(out, "x", encoding="utf-8", opener=_private) as file:
            for line in told:
                file.write(line + "\n")
                count += 1
    except FileExistsError as error:
        raise StorageError(f"{out} exists", reason="exists", path=str(out)) from error
    display.say("audit.exported", "green", events=count, file=out)


def _private(path: str, flags: int) -> int:

    return os.open(path, flags, 0o600)


def _signed(heads: Path | None, key: Path | None) -> list[audit_heads.Signed]:
    if heads is None:
        return []
    if key is None:
        raise UsageError("the public key of the signed heads is needed", reason="public_key")
    signed = audit_heads.read(FileStatements(heads).lines(), public_key_of(key))
    if not signed:  # a wrong name must not pass for a proof
        raise StorageError(f"there are no signed heads in {heads}", reason="missing", path=str(heads))
    return signed


def _events(registry: Registry) -> int:
    with registry.begin() as unit:
        return sum(head.number for head in unit.find(AuditHead))


def _show_findings(display: Display, findings: list[Finding], count: int, *, as_data: bool) -> None:
    if as_data:
        print(json.dumps({"whole": False, "count": count, "findings": [asdict(finding) for finding in findings]}))
        return
    heads = [display.texts(f"audit.head.{name}") for name in ("chain", "number", "what")]
    rows = [(f.chain, str(f.number or ""), display.texts(f"audit.finding.{f.what}")) for f in findings]
    display.table(heads, rows)


def _show_proof(display: Display, verified: Verified, signed: list[audit_heads.Signed], *, as_data: bool) -> None:
    last = signed[-1].at if signed else None
    if as_data:
        print(json.dumps({"whole": True, **asdict(verified), "signed_at": last}))
        return
    display.say("audit.whole", "green", **asdict(verified))
    if last is None:
        display.say("audit.unproven", "yellow")
    else:
        display.say("audit.proven", proven=verified.proven, rest=verified.events - verified.proven, at=last)
