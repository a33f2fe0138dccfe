"""``zorgid-card verify-signature``: who signed a file, judged as a portal would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from zorgid_card.cli.display import Display
from zorgid_card.cli.documents.files import Document, read_limited
from zorgid_card.cli.documents.shown import facts, of_identity, told
from zorgid_card.cli.documents.sign import SUFFIXES
from zorgid_card.cli.inspect.certificate import authorities_in, neighbours
from zorgid_card.errors import UsageError
from zorgid_card.pki import cms, jws
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.hierarchy import PRODUCTION, TEST
from zorgid_card.pki.revocation import CRL, CRLs
from zorgid_card.pki.signatory import Signatory
from zorgid_card.pki.trust import TrustStore
from zorgid_card.pki.verifier import CertificateVerifier

_LARGEST_JWS = jws.MAX_PAYLOAD * 4 // 3 + jws.MAX_HEADER + 1024
_LARGEST_CRL = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """What is verified, and by what.

    Attributes:
        path: the file that was signed, or a JWS that holds what was signed.
        signature: where it is apart; None: beside the file, as ``sign`` leaves it.
        usage: of the key that must have signed.
        typ: of a JWS.
        environment: ``production`` or ``test``.
        authorities: CA certificates, besides those that come with the signature and lie beside it.
        roots: trusted in place of the pinned ones: of a test PKI.
        crls: files; None: revocation is not judged, as the person says.
        at: the moment.
    """

    path: Path
    signature: Path | None
    usage: str
    typ: str | None
    environment: str
    authorities: Sequence[Path]
    roots: Sequence[Path]
    crls: Sequence[Path] | None
    at: datetime


class _NotJudged:
    """The person said that revocation is not to be judged (:class:`zorgid_card.pki.revocation.Revocation`)."""

    def check(self, chain: Sequence[Certificate], at: datetime) -> None:
        """Nothing."""


def _judge(inquiry: Inquiry) -> CertificateVerifier:
    """By the environment's pinned roots and those that the person trusts, and the CRLs at hand."""
    roots = authorities_in(inquiry.roots)
    accepted = PRODUCTION if inquiry.environment == "production" else TEST
    for root in roots:
        accepted = tuple(one.with_root(root) for one in accepted)
    beside = neighbours(inquiry.signature or inquiry.path)
    trust = TrustStore.of(accepted, [*roots, *authorities_in(inquiry.authorities), *beside])
    if inquiry.crls is None:
        return CertificateVerifier(trust, _NotJudged())
    found = [CRL.parse(read_limited(path, _LARGEST_CRL)) for path in inquiry.crls]
    return CertificateVerifier(trust, CRLs(lambda _: found))


def run(display: Display, inquiry: Inquiry, *, as_data: bool) -> None:
    """Verify a signature, and tell whose it is.

    Raises:
        ZorgIDError: it does not hold; as data it was told on standard output, too.
    """

    def action() -> dict[str, Any]:
        signatory, form = _verify(display, inquiry)
        known = of_identity(signatory.identity)
        found = {
            "form": form,
            "usage": signatory.usage,
            "algorithm": signatory.algorithm,
            "signatory": known,
            "certificate": signatory.certificate.serial_hex,
            "signed_at": None if signatory.signed_at is None else signatory.signed_at.isoformat(),
            "judged_at": inquiry.at.isoformat(),
            "revocation": "judged" if inquiry.crls is not None else "not judged",
        }
        if not as_data:
            _show(display, inquiry, signatory, known)
        return found

    told(display.texts, as_data=as_data, action=action)


def _show(display: Display, inquiry: Inquiry, signatory: Signatory, known: dict[str, str]) -> None:
    texts = display.texts
    stated = signatory.signed_at
    shown = {
        "file": str(inquiry.path),
        **known,
        "key": texts(f"sign.key.{signatory.usage}"),
        "signed-at": texts("verify.no_time") if stated is None else stated.strftime("%Y-%m-%d %H:%M:%SZ"),
        "judged-at": inquiry.at.strftime("%Y-%m-%d %H:%M:%SZ"),
        "revocation": texts("verify.judged" if inquiry.crls is not None else "verify.not_judged"),
    }
    display.say("verify.holds", "green")
    display.facts(facts(shown, texts))


def _verify(display: Display, inquiry: Inquiry) -> tuple[Signatory, str]:
    judge, (signature, form, inside) = _judge(inquiry), _signature(inquiry)
    if form == "cms":
        document = Document.read(inquiry.path, display)
        held = cms.verify_detached(signature, document.pieces(display), judge=judge, at=inquiry.at, usage=inquiry.usage)
        return held, form
    if inquiry.typ is None:
        raise UsageError("--type says what kind of message a JWS is", reason="type")
    payload = None if inside else read_limited(inquiry.path, jws.MAX_PAYLOAD)
    token = signature.decode("ascii", "replace").strip()
    found = jws.verify(token, typ=inquiry.typ, judge=judge, at=inquiry.at, usage=inquiry.usage, payload=payload)
    return found.signatory, form


def _signature(inquiry: Inquiry) -> tuple[bytes, str, bool]:
    """The signature, its form, and whether what was signed is inside it."""
    path = inquiry.signature
    if path is None and inquiry.path.suffix == SUFFIXES["jws"]:
        return read_limited(inquiry.path, _LARGEST_JWS), "jws", True
    if path is None:
        beside = {form: inquiry.path.with_name(inquiry.path.name + suffix) for form, suffix in SUFFIXES.items()}
        path = next((one for one in beside.values() if one.exists()), beside["cms"])
    octets = read_limited(path, _LARGEST_JWS)
    if not octets.startswith(b"eyJ"):
        return octets, "cms", False
    return octets, "jws", b".." not in octets
