"""``zorgid-card verify-token``: what a portal would say of a token (AUT-2)."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from zorgid_card.cli.display import Display
from zorgid_card.cli.files import read_limited
from zorgid_card.cli.judging import Judging
from zorgid_card.cli.shown import dump, error_as_json
from zorgid_card.cli.texts import Texts
from zorgid_card.errors import MessageError, ZorgIDError
from zorgid_card.pki.verifier import CertificateVerifier
from zorgid_card.pki.web_eid import TOKEN_LENGTH, verify_token
from zorgid_card.workflows.log_in import LoggedIn

_LIMIT = 4 * TOKEN_LENGTH[1]
"""Octets: a character may take four."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be judged, and how.

    Attributes:
        token: a file, or ``-``.
        origin, nonce: the portal's own.
        judging: by what its certificate is judged.
    """

    token: str
    origin: str
    nonce: str
    judging: Judging


def run(display: Display, question: Question, *, as_data: bool) -> None:
    """Judge the token, and show who signed it.

    Raises:
        ZorgIDError: it does not hold; as data it was told on standard output, too.
    """
    try:
        found = judge(display.texts, question)
    except ZorgIDError as error:
        error.details.setdefault("card", "uzi-pass")
        if as_data:
            click.echo(dump({"ok": False, "error": error_as_json(error, display.texts)}))
        raise
    judging = question.judging
    if as_data:
        told: dict[str, Any] = {"at": judging.at.isoformat(), "revocation": judging.revocation_told}
        click.echo(dump(told | {"who": found.to_dict(), "ok": True, "error": None}))
        return
    display.say("token.good", "green")
    display.facts(
        (display.texts(f"login.{name}"), getattr(found, name))
        for name in ("common_name", "uzi_number", "organisation", "ura", "role")
    )
    display.say(f"judging.revocation.{judging.revocation_told}", "" if judging.crls else "yellow")


def judge(texts: Texts, question: Question) -> LoggedIn:
    """As a portal does: form, usage, signature; then chain, policies, identity and revocation of the certificate.

    Raises:
        ZorgIDError: what does not hold.
    """
    text, judging = _read(question.token), question.judging
    beside = None if question.token == "-" else Path(question.token)
    verifier = CertificateVerifier(
        judging.trust(texts, judging.known(beside)), judging.lists(), pass_types=frozenset("ZNM")
    )
    certificate = verify_token(text, origin=question.origin, nonce=question.nonce)
    identity = verifier.verify(certificate, at=judging.at)
    return LoggedIn(identity=identity, link=None, origin=question.origin, at=judging.at)


def _read(name: str) -> str:
    """The token's text; white space at its ends is the file's."""
    octets = sys.stdin.buffer.read(_LIMIT + 1) if name == "-" else read_limited(Path(name), _LIMIT)
    try:
        return octets.decode().strip()
    except UnicodeDecodeError as error:
        raise MessageError("the token is not text", field="token") from error
