"""``zorgid-card verify-certificate``: all that a portal checks of a UZI certificate, link by link and step by step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from zorgid_card.cli.display import Display
from zorgid_card.cli.judging import Identity, Judging
from zorgid_card.cli.shown import dump, error_as_json
from zorgid_card.errors import (
    CertificateError,
    CertificateMalformedError,
    CertificateUsageError,
    NotUZIError,
    RevocationUnknownError,
    RevokedError,
    UZIFieldError,
    ZorgIDError,
)
from zorgid_card.pki import _x509
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.chain import MAX_DEPTH, may_issue, told_name
from zorgid_card.pki.hierarchy import find_pass
from zorgid_card.pki.identity import UZIIdentity, ZorgIDIdentity
from zorgid_card.pki.trust import TrustStore, read_certificates
from zorgid_card.texts import Texts, printable

CHECKS = ("form", "register", "usage", "chain", "identity", "revocation")
"""The steps, in the order of :mod:`zorgid_card.pki.verifier`."""

_STEP_OF: tuple[tuple[type[CertificateError], str], ...] = (
    (CertificateMalformedError, "form"),
    (NotUZIError, "register"),
    (CertificateUsageError, "usage"),
    (UZIFieldError, "identity"),
    (RevokedError, "revocation"),
    (RevocationUnknownError, "revocation"),
    (CertificateError, "chain"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is verified, and against what.

    Attributes:
        file: the certificate, PEM or DER; of several in PEM the first, and the others are CAs sent with it.
        usage: what the certificate would be used for.
        judging: by what.
    """

    file: Path
    usage: str
    judging: Judging


@dataclass(slots=True, kw_only=True)
class Answer:
    """What was found. ``chain`` as far as it goes; ``pinned``: it ends at a pinned root; ``assumed``: what the hierarchy's file
    says of values for this type of pass that nobody confirmed.
    """

    question: Question
    chain: tuple[Certificate, ...] = ()
    pinned: bool = False
    identity: Identity | None = None
    assumed: str = ""
    checks: dict[str, str] = field(default_factory=lambda: dict.fromkeys(CHECKS, "not reached"))
    error: ZorgIDError | None = None


def verify_certificate(display: Display, question: Question, *, as_data: bool) -> None:
    """Verify, and show what was checked.

    Raises:
        ZorgIDError: a file cannot be read, or the certificate is refused; what was found was shown all the same.
    """
    try:
        answer = judge(display.texts, question)
    except ZorgIDError as error:
        if as_data:
            click.echo(dump({"ok": False, "error": error_as_json(error, display.texts)}))
        raise
    if as_data:
        click.echo(as_json(answer, display.texts))
    else:
        show(answer, display)
    if answer.error is not None:
        raise answer.error


def judge(texts: Texts, question: Question) -> Answer:
    """Find out everything; a refusal is the answer's ``error``.

    Raises:
        StorageError, CertificateMalformedError, HierarchyError: a file cannot be read, or is not what it should be.
    """
    leaf, *sent = read_certificates(question.file)
    judging = question.judging
    known = judging.known(question.file)
    by = judging.judge(texts, known)
    answer = Answer(question=question)
    try:
        answer.identity = by.verify(Certificate.parse(leaf), usage=question.usage, at=judging.at, intermediates=sent)
    except CertificateError as error:
        answer.error = error
    answer.chain = by.lists.chain or _as_far_as_it_goes(leaf, (*known, *sent))
    answer.assumed = _assumed(answer, by.register)
    answer.pinned = bool(answer.chain) and answer.chain[-1].fingerprint in by.roots
    _tell_checks(answer, judged=judging.revocation_told == "good")
    return answer


def _assumed(answer: Answer, trust: TrustStore) -> str:
    if not isinstance(answer.identity, UZIIdentity):
        return ""
    above = (one for one in trust.hierarchies if answer.chain[-1].fingerprint in one.roots)
    found = find_pass(above, answer.identity.issuer_cn)
    return "" if found is None else found[1].assumed


def _as_far_as_it_goes(leaf: bytes, known: Iterable[bytes]) -> tuple[Certificate, ...]:
    """The chain by the names in it, unverified: to show where it fails."""
    try:
        chain = [Certificate.parse(leaf)]
    except CertificateError:
        return ()
    candidates = [one for data in known if (one := _parsed(data)) is not None]
    while len(chain) <= MAX_DEPTH and chain[-1].subject != chain[-1].issuer:
        above = next((one for one in candidates if may_issue(one, chain[-1])), None)
        if above is None:
            break
        chain.append(above)
    return tuple(chain)


def _parsed(data: bytes) -> Certificate | None:
    try:
        return Certificate.parse(data)
    except CertificateError:
        return None


def _tell_checks(answer: Answer, *, judged: bool) -> None:
    failed = next((step for kind, step in _STEP_OF if isinstance(answer.error, kind)), None)
    for step in CHECKS:
        if step == failed:
            answer.checks[step] = "refused"
            return
        answer.checks[step] = "holds"
    if not judged:
        answer.checks["revocation"] = "not judged"


# --- shown -----------------------------------------------------------------------------------------------------------


def as_json(answer: Answer, texts: Texts) -> str:
    """The answer as a JSON object; its keys are stable: docs/trust.md lists them."""
    question = answer.question
    return dump(
        {
            "name": str(question.file),
            "environment": question.judging.environment,
            "usage": question.usage,
            "at": _x509.iso(question.judging.at),
            "chain": [_link(link, answer) for link in answer.chain],
            "pinned": answer.pinned,
            "identity": None if answer.identity is None else answer.identity.to_dict(),
            "assumed": answer.assumed or None,
            "checks": answer.checks,
            "verdict": "refused" if answer.error else "holds",
            "ok": answer.error is None,
            "error": error_as_json(answer.error, texts),
        }
    )


def _link(link: Certificate, answer: Answer) -> dict[str, Any]:
    return {
        "subject": link.common_name,
        "issuer": link.issuer_common_name,
        "serial": link.serial_hex,
        "not_before": _x509.iso(link.not_before),
        "not_after": _x509.iso(link.not_after),
        "key": _key(link),
        "signature": link.signature_algorithm,
        "sha256": link.fingerprint,
        "fault": _is_at_fault(link, answer),
    }


def _key(link: Certificate) -> str:
    try:
        return link.key_algorithm
    except CertificateMalformedError:
        return "?"


def _is_at_fault(link: Certificate, answer: Answer) -> bool:
    return answer.error is not None and answer.error.details.get("subject") == told_name(link)


def show(answer: Answer, display: Display) -> None:
    """The answer on the terminal."""
    texts, question = display.texts, answer.question
    display.line(texts("verify.title", name=str(question.file)), "bold")
    display.facts(
        [
            (texts("verify.environment"), texts(f"verify.environment.{question.judging.environment}")),
            (texts("verify.usage"), texts(f"verify.usage.{question.usage}")),
            (texts("verify.at"), _x509.iso(question.judging.at)),
        ]
    )
    display.line(texts("verify.chain"), "bold")
    for depth, link in enumerate(answer.chain):
        display.entry(_link_in_words(depth, link, answer, texts))
    if answer.identity is not None:
        display.line(texts("verify.identity"), "bold")
        display.facts(_identity_facts(answer.identity, texts))
    if answer.assumed:
        display.say("verify.assumed", why=answer.assumed)
    display.line(texts("verify.checks"), "bold")
    display.facts(
        (texts(f"verify.check.{step}"), texts(f"verify.result.{told}")) for step, told in answer.checks.items()
    )
    partly = "not judged" in answer.checks.values()
    display.line(texts("verify.refused" if answer.error else "verify.partly" if partly else "verify.holds"), "bold")


def _link_in_words(depth: int, link: Certificate, answer: Answer, texts: Texts) -> str:
    period = texts("verify.period", start=_x509.iso(link.not_before)[:10], end=_x509.iso(link.not_after)[:10])
    words = [
        f"{'  ' * depth}{'└ ' if depth else ''}{printable(link.common_name)}",
        _key(link),
        link.signature_algorithm,
        period,
    ]
    if depth == len(answer.chain) - 1 and depth:
        words.append(texts("verify.pinned" if answer.pinned else "verify.unpinned"))
    if _is_at_fault(link, answer):
        words.append(texts("verify.fault"))
    return ", ".join(words)


def _identity_facts(identity: Identity, texts: Texts) -> list[tuple[str, str]]:
    if isinstance(identity, ZorgIDIdentity):
        person = {"name": identity.common_name, "uzi_number": identity.uzi_number}
        return [(texts(f"inspect.{name}"), value) for name, value in person.items()]
    role = f"{identity.role} {identity.role_name or ''}".strip()
    told = {
        "name": identity.common_name,
        "uzi_number": identity.uzi_number,
        "pass_type": texts(f"inspect.pass_type.{identity.pass_type}"),
        "ura": identity.ura,
        "role": role,
        "agb": identity.agb or texts("inspect.none"),
        "organisation": identity.organisation,
    }
    return [(texts(f"inspect.{name}"), value) for name, value in told.items()]
