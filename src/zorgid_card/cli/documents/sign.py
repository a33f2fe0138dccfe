"""``zorgid-card sign FILE``: what is signed is shown first, and confirmed; what was made is verified before it is written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from zorgid_card.cards import Card
from zorgid_card.cards.expiry import expiry_of
from zorgid_card.cli.console import Codes, TerminalKeyboard
from zorgid_card.cli.display import Display
from zorgid_card.cli.documents.shown import aside, fact_name, facts, told, whose
from zorgid_card.cli.expiry import expiry_as_json, tell_expiry
from zorgid_card.cli.files import Document, require_new, write_new
from zorgid_card.cli.place import Place
from zorgid_card.errors import UsageError
from zorgid_card.pki import jws
from zorgid_card.workflows.documents import require_certificate, sign_document, sign_message
from zorgid_card.workflows.holder import Question

SUFFIXES: Final = {"cms": ".p7s", "jws": ".jws"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked for.

    Attributes:
        path: what is signed.
        form: ``cms`` or ``jws``.
        usage: of the key: ``signature`` or ``authenticity``.
        typ: of a JWS.
        detached: a JWS without its payload.
        out: where the signature goes; None: beside the file.
        yes: confirmed beforehand.
        codes: where the PIN comes from.
    """

    path: Path
    form: str
    usage: str
    typ: str | None
    detached: bool
    out: Path | None
    yes: bool
    codes: Codes

    @property
    def target(self) -> Path:
        """Where the signature goes."""
        return self.out or self.path.with_name(self.path.name + SUFFIXES[self.form])


def run(display: Display, place: Place, order: Order, *, as_data: bool) -> None:
    """Sign a file.

    Raises:
        ZorgIDError: what stands in the way; as data it was told on standard output, too.
    """
    told(display.texts, as_data=as_data, action=lambda: _run(aside(display, as_data=as_data), place, order))


def _run(display: Display, place: Place, order: Order) -> dict[str, Any]:
    if (order.form == "jws") is (order.typ is None):
        raise UsageError("--type says what kind of message a JWS is", reason="type" if order.typ is None else "no type")
    require_new(order.target)
    document = Document.read(order.path, display)
    with place.card(display.texts) as (_, card):
        certificate = require_certificate(card, order.usage)
        known = whose(certificate.der)
        _ask(display, order, document, known, certificate.der)
        made = _sign(display, card, order, document)
    write_new(order.target, made)
    display.say("sign.done", "green", path=str(order.target))
    return {
        "file": str(order.path),
        "size": document.size,
        "sha256": document.sha256,
        "form": order.form,
        "usage": order.usage,
        "signatory": known,
        "certificate": expiry_as_json(expiry_of([certificate.der], datetime.now(UTC))),
        "out": str(order.target),
    }


def _ask(display: Display, order: Order, document: Document, known: dict[str, str], certificate: bytes) -> None:
    texts = display.texts
    shown = {
        "file": str(document.path),
        "size": texts("document.octets", size=document.size),
        "sha256": document.sha256,
        "form": texts(f"sign.form.{order.form}", typ=order.typ),
        "key": texts(f"sign.key.{order.usage}"),
        **known,
        "out": str(order.target),
    }
    tell_expiry(display, [certificate])
    if order.yes:
        display.facts(facts(shown, texts))
    else:
        question = Question("sign-document", tuple((fact_name(name), value) for name, value in shown.items()))
        order.codes.holder(display, TerminalKeyboard).confirm(question)


def _sign(display: Display, card: Card, order: Order, document: Document) -> bytes:
    pin = order.codes.holder(display, TerminalKeyboard).pin
    if order.form == "cms":
        pieces = document.pieces(display)
        return sign_document(card, pieces, pin, at=datetime.now(UTC), usage=order.usage)
    content = document.content(display, jws.MAX_PAYLOAD)
    made = sign_message(card, content, pin, typ=order.typ or "", usage=order.usage, detached=order.detached)
    return made.encode("ascii")
