"""The heads of the audit log's chains, signed with a key outside the database and kept elsewhere: so what was written is fixed."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from zorgid_card.codec import audit as codec
from zorgid_card.errors import AuditError, SignatureError
from zorgid_card.pki.signing import algorithm_for, verify_signature
from zorgid_card.ports.audit import HeadSigner, Statements
from zorgid_card.ports.registry import AuditHead, Registry, Unit

VERSION: Final = 1

_PAGE: Final = 500
_LONGEST: Final = 1 << 20
"""Characters of a statement's line."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What a statement says: that a chain had these heads (name, number, digest) at a moment."""

    number: int
    previous: str
    at: str
    heads: tuple[tuple[str, int, bytes], ...]


def export(registry: Registry, signer: HeadSigner, statements: Statements, now: datetime) -> int:
    """Sign the heads of all chains that are others than were last signed, and keep that elsewhere.

    What was signed is known from the statements: what the database says of it is for :func:`unexported` only.

    Nothing is lost where it ends half-way: what was not noted as exported is exported again.

    Args:
        registry: the portal's store.
        signer: the key, which the database's keeper does not have.
        statements: those that were made before, and where the new ones go; one process at a time adds to them.
        now: UTC.

    Returns:
        how many chains were signed.

    Raises:
        StorageError: the registry, the key or the statements cannot be used.
    """
    number, previous, signed = _kept(statements)
    exported, after = 0, ""
    while True:
        with registry.begin() as unit:
            page = unit.page(AuditHead, after=after, limit=_PAGE)
        grown = [head for head in page if signed.get(head.chain) != (head.number, head.digest)]
        if grown:
            number += 1
            line = _statement(signer, number, previous, now, grown)
            statements.append(line)
            previous, exported = _digest(line), exported + len(grown)
        if noted := [head for head in page if head in grown or head.exported != head.number]:
            registry.run(lambda unit, noted=noted: _note(unit, noted, now))  # type: ignore[misc]
        if len(page) < _PAGE:
            return exported
        after = page[-1].chain


def unexported(registry: Registry) -> int:
    """How many events are in no signed head yet: what the log does not prove so far."""
    count, after = 0, ""
    while True:
        with registry.begin() as unit:
            page = unit.page(AuditHead, after=after, limit=_PAGE)
        count += sum(head.number - head.exported for head in page)
        if len(page) < _PAGE:
            return count
        after = page[-1].chain


def read(lines: Iterable[str], public_key: bytes) -> list[Signed]:
    """Statements, verified: each signed by this key, numbered from 1, and naming the one before it.

    Args:
        lines: as :class:`~zorgid_card.ports.audit.Statements` keeps them.
        public_key: SubjectPublicKeyInfo, DER, known from elsewhere than the file.

    Raises:
        AuditError: ``what`` is ``statement``; ``number`` is that of the line.
    """
    signed: list[Signed] = []
    previous = ""
    for number, line in enumerate(lines, 1):
        found = _read(line, public_key, number)
        if (found.number, found.previous) != (number, previous):
            raise _broken(number, "not the next one")
        signed.append(found)
        previous = _digest(line)
    return signed


def _note(unit: Unit, signed: list[AuditHead], now: datetime) -> None:
    for head in signed:
        here = unit.get(AuditHead, head.chain)  # it may have grown meanwhile
        unit.replace(replace(here, exported=head.number, exported_at=now))


def _statement(signer: HeadSigner, number: int, previous: str, now: datetime, heads: Iterable[AuditHead]) -> str:
    told = json.dumps(
        {
            "version": VERSION,
            "number": number,
            "previous": previous,
            "at": now.isoformat(),
            "heads": [[head.chain, head.number, head.digest.hex()] for head in heads],
        },
        separators=(",", ":"),
    )
    signature = base64.b64encode(signer.sign(codec.statement(told))).decode()
    return json.dumps({"told": told, "signature": signature}, separators=(",", ":"))


def _kept(statements: Statements) -> tuple[int, str, dict[str, tuple[int, bytes]]]:
    """How many statements there are, the last one's digest, and the head of each chain that was signed last."""
    number, previous, signed = 0, "", dict[str, tuple[int, bytes]]()
    for number, line in enumerate(statements.lines(), 1):
        signed |= {chain: (at, digest) for chain, at, digest in _parsed(line, number)[0].heads}
        previous = _digest(line)
    return number, previous, signed


def _digest(line: str) -> str:
    return hashlib.sha256(line.strip().encode()).hexdigest()


def _read(line: str, public_key: bytes, number: int) -> Signed:
    found, told, signature = _parsed(line, number)
    try:
        verify_signature(public_key, algorithm_for(public_key), codec.statement(told), signature)
    except SignatureError as error:
        raise _broken(number, "signature") from error
    return found


def _parsed(line: str, number: int) -> tuple[Signed, str, bytes]:
    """A statement, its text, and the signature of that, which is not verified yet."""
    try:
        outer: Any = json.loads(line) if len(line) <= _LONGEST else None
        told, signature = str(outer["told"]), base64.b64decode(outer["signature"], validate=True)
        inner: Any = json.loads(told)
        heads = tuple((str(chain), int(at), bytes.fromhex(digest)) for chain, at, digest in inner["heads"])
        if inner["version"] != VERSION:
            raise _broken(number, "version")
        return Signed(int(inner["number"]), str(inner["previous"]), str(inner["at"]), heads), told, signature
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _broken(number, "form") from error


def _broken(number: int, reason: str) -> AuditError:
    told = f"statement {number} cannot be relied on ({reason})"
    return AuditError(told, what="statement", chain="", number=number, findings=1, reason=reason)
