"""``zorgid-card verify-signature``: who signed a file, judged as a portal would."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zorgid_card.cli.display import Display
from zorgid_card.cli.documents.shown import facts, of_identity, told
from zorgid_card.cli.documents.sign import SUFFIXES
from zorgid_card.cli.files import Document, read_limited
from zorgid_card.cli.judging import Identity, Judge, Judging
from zorgid_card.errors import SignatureError, UsageError
from zorgid_card.pki import cms, jws
from zorgid_card.pki.signatory import Signatory
from zorgid_card.texts import Texts

_LARGEST_JWS = jws.MAX_PAYLOAD * 4 // 3 + jws.MAX_HEADER + 1024
_JWS = b"eyJ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """What is verified, and by what.

    Attributes:
        path: the file that was signed, or a JWS that holds what was signed.
        signature: where it is apart; None: beside the file, as ``sign`` leaves it.
        usage: of the key that must have signed.
        typ: of a JWS.
        judging: by what its certificate is judged; CA certificates come with the signature, too.
    """

    path: Path
    signature: Path | None
    usage: str
    typ: str | None
    judging: Judging


def _judge(texts: Texts, inquiry: Inquiry) -> Judge:
    judging = inquiry.judging
    return judging.judge(texts, judging.known(inquiry.signature or inquiry.path))


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
            "judged_at": inquiry.judging.at.isoformat(),
            "revocation": inquiry.judging.revocation_told,
        }
        if not as_data:
            _show(display, inquiry, signatory, known)
        return found

    told(display.texts, as_data=as_data, action=action)


def _show(display: Display, inquiry: Inquiry, signatory: Signatory[Identity], known: dict[str, str]) -> None:
    texts = display.texts
    stated = signatory.signed_at
    shown = {
        "file": str(inquiry.path),
        **known,
        "key": texts(f"signature.key.{signatory.usage}"),
        "signed_at": texts("signature.no_time") if stated is None else stated.strftime("%Y-%m-%d %H:%M:%SZ"),
        "judged_at": inquiry.judging.at.strftime("%Y-%m-%d %H:%M:%SZ"),
        "revocation": texts(f"judging.revocation.{inquiry.judging.revocation_told}"),
    }
    display.say("signature.holds", "green")
    display.facts(facts(shown, texts))


def _verify(display: Display, inquiry: Inquiry) -> tuple[Signatory[Identity], str]:
    judge, path = _judge(display.texts, inquiry), _signature_path(inquiry)
    signature = read_limited(path, _LARGEST_JWS)
    if path == inquiry.path or signature.startswith(_JWS):
        return _verify_jws(inquiry, judge, signature, alone=path == inquiry.path), "jws"
    document = Document.read(inquiry.path, display)
    pieces = document.pieces(display)
    return cms.verify_detached(signature, pieces, judge=judge, at=inquiry.judging.at, usage=inquiry.usage), "cms"


def _verify_jws(inquiry: Inquiry, judge: Judge, signature: bytes, *, alone: bool) -> Signatory[Identity]:
    """A JWS that holds what was signed (``alone``), or one over the file, with the file's octets in it or without."""
    if inquiry.typ is None:
        raise UsageError("--type says what kind of message a JWS is", reason="type")
    content = None if alone else read_limited(inquiry.path, jws.MAX_PAYLOAD)
    payload = content if b".." in signature else None
    token = signature.decode("ascii", "replace").strip()
    found = jws.verify(token, typ=inquiry.typ, judge=judge, at=inquiry.judging.at, usage=inquiry.usage, payload=payload)
    if content not in (None, found.payload):
        raise SignatureError("the signature is over other content", reason="content")
    return found.signatory


def _signature_path(inquiry: Inquiry) -> Path:
    """Where the signature is: named, or beside the file as ``sign`` leaves it, or the file itself where that is a JWS."""
    path = inquiry.path
    if inquiry.signature is not None:
        return inquiry.signature
    if path.suffix == SUFFIXES["jws"]:
        return path
    beside = [path.with_name(path.name + suffix) for suffix in SUFFIXES.values()]
    return next((one for one in beside if one.exists()), beside[0])
