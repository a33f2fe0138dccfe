"""``zorgid-card verify-token``: what a portal would say of a token (AUT-2)."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from zorgid_card.cli.display import Display
from zorgid_card.cli.failures import tell
from zorgid_card.cli.shown import dump, error_as_json
from zorgid_card.errors import MessageError, StorageError, ZorgIDError
from zorgid_card.pki import hierarchy
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.identity import UZIIdentity
from zorgid_card.pki.revocation import MAX_CRL, CRLs, Revocation
from zorgid_card.pki.trust import TrustStore, read_certificates
from zorgid_card.pki.verifier import CertificateVerifier
from zorgid_card.pki.web_eid import TOKEN_LENGTH, verify_token
from zorgid_card.workflows.log_in import LoggedIn


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be judged, and how.

    Attributes:
        token: a file, or ``-``.
        origin, nonce: the portal's own.
        environment: ``test`` or ``production``.
        authorities: files or folders with CA certificates.
        roots: files with roots of test PKIs that are trusted besides.
        crls: files with CRLs; without, revocation is not judged.
        at: the moment.
    """

    token: str
    origin: str
    nonce: str
    environment: str
    authorities: Sequence[Path] = ()
    roots: Sequence[Path] = ()
    crls: Sequence[Path] = ()
    at: datetime


class _Unjudged:
    """Revocation that nobody asked to be judged; the command says so."""

    def check(self, chain: Sequence[Certificate], at: datetime) -> None:
        pass


def run(display: Display, question: Question, *, as_data: bool) -> None:
    """Judge the token, and show who signed it.

    Raises:
        ZorgIDError: it does not hold; as data it was told on standard output, too.
    """
    if question.roots:
        tell(display.texts, display.texts("token.root"))
    try:
        found = judge(question)
    except ZorgIDError as error:
        error.details.setdefault("card", "uzi-pass")
        if as_data:
            click.echo(dump({"ok": False, "error": error_as_json(error, display.texts)}))
        raise
    if as_data:
        told: dict[str, Any] = {"at": question.at.isoformat(), "revocation": "good" if question.crls else "unjudged"}
        click.echo(dump(told | {"who": found.to_json(), "ok": True, "error": None}))
        return
    display.say("token.good", "green")
    display.facts(
        (display.texts(f"login.{name}"), getattr(found, name))
        for name in ("common_name", "uzi_number", "organisation", "ura", "role")
    )
    display.say("token.unrevoked" if question.crls else "token.unjudged", "" if question.crls else "yellow")


def judge(question: Question) -> LoggedIn:
    """As a portal does: form, usage, signature; then chain, policies, identity and revocation of the certificate.

    Raises:
        ZorgIDError: what does not hold.
    """
    text = _read(question.token)
    verifier = CertificateVerifier(_trust(question), _revocation(question.crls), pass_types=frozenset("ZNM"))
    certificate = verify_token(text, origin=question.origin, nonce=question.nonce)
    identity: UZIIdentity = verifier.verify(certificate, at=question.at)
    return LoggedIn(identity=identity, certificate=certificate.der, link=None, origin=question.origin, at=question.at)


def _trust(question: Question) -> TrustStore:
    roots = read_certificates(*question.roots)
    accepted = []
    for known in hierarchy.KNOWN:
        if known.environment == question.environment:
            for root in roots:
                known = known.with_root(root)  # noqa: PLW2901
            accepted.append(known)
    return TrustStore.of(accepted, [*read_certificates(*question.authorities), *roots])


def _revocation(paths: Sequence[Path]) -> Revocation:
    if not paths:
        return _Unjudged()
    lists = [_octets(path, MAX_CRL) for path in paths]

    def source(issuer: bytes, /) -> Iterable[bytes]:
        return lists

    return CRLs(source)


def _read(name: str) -> str:
    """The token's text; white space at its ends is the file's."""
    limit = 4 * TOKEN_LENGTH[1]
    octets = sys.stdin.buffer.read(limit) if name == "-" else _octets(Path(name), limit)
    try:
        return octets.decode().strip()
    except UnicodeDecodeError as error:
        raise MessageError("the token is not text", field="token") from error


def _octets(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise StorageError(f"{path} cannot be read", reason=str(error.strerror), path=str(path)) from error
