"""``zorgid-card verify-token``: what a portal would say of a token (AUT-2)."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from zorgid_card.cli.display import Display
from zorgid_card.cli.files import read_limited
from zorgid_card.cli.judging import Identity, Judging
from zorgid_card.cli.shown import dump, error_as_json
from zorgid_card.errors import MessageError, ZorgIDError
from zorgid_card.pki.identity import ZorgIDIdentity
from zorgid_card.pki.web_eid import TOKEN_LENGTH, verify_token
from zorgid_card.texts import Texts
from zorgid_card.workflows.log_in import SMARTCARD, LoggedIn

_SHOWN = ("common_name", "uzi_number", "organisation", "ura", "role")
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
    judging, who = question.judging, _who(found, question)
    if as_data:
        told: dict[str, Any] = {"at": judging.at.isoformat(), "revocation": judging.revocation_told}
        click.echo(dump(told | {"who": who, "ok": True, "error": None}))
        return
    display.say("token.good", "green")
    display.facts((display.texts(f"login.{name}"), who[name]) for name in _SHOWN if who[name] is not None)
    if isinstance(found, ZorgIDIdentity):
        display.say("token.smartcard")
    told_of = judging.revocation_told
    display.say(f"judging.revocation.{told_of}", "" if told_of == "good" else "yellow")


def judge(texts: Texts, question: Question) -> Identity:
    """As a portal does: form, usage, signature; then chain, policies, identity and revocation of the certificate.

    Raises:
        ZorgIDError: what does not hold.
    """
    text, judging = _read(question.token), question.judging
    beside = None if question.token == "-" else Path(question.token)
    verifier = judging.judge(texts, judging.known(beside), frozenset("ZNM"))
    certificate = verify_token(text, origin=question.origin, nonce=question.nonce)
    return verifier.verify(certificate, at=judging.at)


def _who(identity: Identity, question: Question) -> dict[str, Any]:
    """As :meth:`LoggedIn.to_dict` has it; for whom the holder of a ZORG-ID Smartcard acts is in a portal's records alone."""
    if not isinstance(identity, ZorgIDIdentity):
        return LoggedIn(identity=identity, link=None, origin=question.origin, at=question.judging.at).to_dict()
    return {
        "means": SMARTCARD,
        "uzi_number": identity.uzi_number,
        "common_name": identity.common_name,
        **dict.fromkeys(("ura", "organisation", "role", "agb")),
        "until": identity.not_after.isoformat(),
        "origin": question.origin,
        "at": question.judging.at.isoformat(),
        "link": None,
        "identity": identity.to_dict(),
    }


def _read(name: str) -> str:
    """The token's text; white space at its ends is the file's."""
    octets = sys.stdin.buffer.read(_LIMIT + 1) if name == "-" else read_limited(Path(name), _LIMIT)
    try:
        return octets.decode().strip()
    except UnicodeDecodeError as error:
        raise MessageError("the token is not text", field="token") from error
