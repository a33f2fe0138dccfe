"""What card side and portal side say to each other, for those who write one of the sides anew: tables and test vectors.

Everything here is taken from the tables and types that the two sides run by; ``docs/creation-protocol.md`` shows it, and
``zorgid-card protocol`` prints it.
"""

from __future__ import annotations

import hashlib
import types
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from zorgid_card.pki import statement
from zorgid_card.ports.seam import LIMIT
from zorgid_card.workflows import enrolment, issuance
from zorgid_card.workflows.creation_messages import MatchPerson, recovery_fields, renewal_fields
from zorgid_card.workflows.messages import JSON, Length, Message, Refusal, canonical, to_json
from zorgid_card.workflows.organisation import CREATE, REGISTER
from zorgid_card.workflows.portal import Steps
from zorgid_card.workflows.sealing import ADMINISTRATION_KEY, info
from zorgid_card.workflows.session import VERSION, OpenSession, SessionOpened, session_statement, signed_part

PURPOSES: Final[Mapping[str, Steps]] = {REGISTER: enrolment.STEPS, CREATE: issuance.STEPS}
"""What a session may be for, and the messages of each."""

_NAMES: Final = {str: "text", bytes: "octets", int: "number", bool: "true, false", date: "date", datetime: "time"}
_OPENED: Final = "opened"


# --- tables -----------------------------------------------------------------------------------------------------------


def page() -> str:
    """All tables and diagrams, as Markdown."""
    parts = [_kinds()]
    for purpose, steps in PURPOSES.items():
        parts += [f"### {purpose}", _steps(steps), _diagram(steps)]
    return "\n\n".join(("### Messages", *parts)) + "\n"


def _answers(steps: Steps) -> Iterator[tuple[str, type[Message], type[Message], str]]:
    """State, message, its answer, the state that follows."""
    yield "", OpenSession, SessionOpened, _OPENED
    for (state, asked), (handler, following) in steps.items():
        yield state, asked, get_type_hints(handler)["return"], following


def _steps(steps: Steps) -> str:
    rows = [
        (f"`{state}`" if state else "none", f"`{asked.kind}`", f"`{answer.kind}`", f"`{following}`")
        for state, asked, answer, following in _answers(steps)
    ]
    return table(("in state", "the card side sends", "the portal answers, or refuses", "and the state is"), rows)


def _diagram(steps: Steps) -> str:
    lines = ["```mermaid", "stateDiagram-v2"]
    for state, asked, _, following in _answers(steps):
        lines.append(f"    {state or '[*]'} --> {following}: {asked.kind}")
    return "\n".join((*lines, "```"))


def _kinds() -> str:
    rows = [row for sender, kind in _every() for row in rows_of(sender, kind)]
    return table(("message", "from", "field", "type", "length"), rows)


def _every() -> list[tuple[str, type[Message]]]:
    found: dict[type[Message], str] = {}
    for steps in PURPOSES.values():
        for _, asked, answer, _ in _answers(steps):
            found.setdefault(asked, "card side")
            found.setdefault(answer, "portal")
    found[Refusal] = "portal"
    return [(sender, kind) for kind, sender in found.items()]


def rows_of(sender: str, kind: type[Message]) -> Iterator[tuple[str, ...]]:
    """A message's lines of the table: kind, sender, field, type, length."""
    fields = get_type_hints(kind, include_extras=True)
    named, by = f"`{kind.kind}`" + (" (volatile)" if kind.volatile else ""), sender
    shown = {name: hint for name, hint in fields.items() if name in getattr(kind, "__slots__", ())}
    if not shown:
        yield named, by, "", "", ""
    for name, hint in shown.items():
        yield named, by, f"`{name}`", *_described(hint)
        named = by = ""


def _described(hint: Any) -> tuple[str, str]:
    """A field's type and length, as people read them."""
    if get_origin(hint) is Annotated:
        plain, length = get_args(hint)
        name, inner = _described(plain)
        return name, f"{_length(length)}{' of ' + inner if inner else ''}"
    if get_origin(hint) in (Union, types.UnionType):
        name, length = _described(next(part for part in get_args(hint) if part is not type(None)))
        return f"{name} or null", length
    if get_origin(hint) is tuple:
        name, length = _described(get_args(hint)[0])
        return f"array of {name}", length
    return _NAMES[hint], ""


def _length(length: Length) -> str:
    return str(length.least) if length.least == length.most else f"{length.least} to {length.most}"


def table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A table in Markdown."""
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)


# --- vectors ----------------------------------------------------------------------------------------------------------

_SCALAR: Final = 0x4A6B_D7C3_1E55_0F29_8A7B_C6D5_E4F3_0211_2233_4455_6677_8899_AABB_CCDD_EEFF_0001
_SESSION: Final = "Zm9yLXRlc3QtdmVjdG9ycw"
_ORIGIN: Final = "https://portal.example"
_EXPIRES: Final = datetime(2027, 1, 2, 3, 19, 5, tzinfo=UTC)
_SECRET: Final = bytes(range(24))
_VALUE: Final[JSON] = {"b": 'Zo\u00eb "\\/\u2028\n\u0001', "a": [1, True, None, -7]}
_SEALED: Final = bytes.fromhex(
    "04002a2d2b26524709f58c5ee26a8cea876355511b98bcc90a31301042eedd8f5d58064418eacd8e805806684448bc95"
    "ca6579499976c47ef675f90219dde7b85e6eb72ec511420886768fdd247374dedadb283b9e9d4d177994c0d6a8d7af30"
    "4c91aefc0a8c26b7a1"
)
"""Sealed once; every sealing gives other octets."""


def vectors() -> dict[str, Any]:
    """Test vectors: what a foreign side must make, and what it must refuse. The same at every call."""
    key = ec.derive_private_key(_SCALAR, ec.SECP256R1())
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    opened = OpenSession(purpose=CREATE, platform="Linux", client_version="0.1", session_key=public)
    matched = MatchPerson(birth_date=date(1985, 6, 7))
    return {
        "version": VERSION,
        "limit": LIMIT,
        "canonical": {"value": _VALUE, "octets": canonical(_VALUE).hex()},
        "session_key": {"private": f"{_SCALAR:064x}", "public": public.hex()},
        "envelopes": [_envelope(key, opened, "", 1), _envelope(key, matched, _SESSION, 2)],
        "statements": [_session_statement(public), _card_proof(), _card_renewal(), _card_recovery()],
        "sealed": _sealed(key),
        "refused": [{"request": request, **told} for request, told in _refused(key, opened)],
    }


def _envelope(key: ec.EllipticCurvePrivateKey, body: Message, session: str, sequence: int) -> dict[str, Any]:
    envelope = _sign(key, {"version": VERSION, "session": session, "sequence": sequence, "body": to_json(body)})
    return {
        "body": to_json(body),
        "signed": signed_part(envelope).decode(),
        "request": canonical(envelope).decode(),
        "request_hash": hashlib.sha256(canonical(to_json(body))).hexdigest(),
    }


def _sign(key: ec.EllipticCurvePrivateKey, envelope: dict[str, JSON]) -> dict[str, JSON]:
    """Signed as RFC 6979 does it, so that the octets are the same each time; any ECDSA signature would do."""
    signature = key.sign(signed_part(envelope), ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    return envelope | {"signature": signature.hex()}


def _session_statement(public: bytes) -> dict[str, Any]:
    fields = session_statement(session=_SESSION, origin=_ORIGIN, session_key=public, expires_at=_EXPIRES)
    return _statement(statement.SESSION, fields)


def _card_proof() -> dict[str, Any]:
    fields = {"session": _SESSION, "origin": _ORIGIN, "card": "12345678", "certificate": "1f2e3d,4c5b6a"}
    return _statement(statement.CARD_PROOF, fields)


def _card_renewal() -> dict[str, Any]:
    fields = renewal_fields(session=_SESSION, origin=_ORIGIN, serial="12345678", after=b"")
    return _statement(statement.CARD_RENEWAL, fields)


def _card_recovery() -> dict[str, Any]:
    return _statement(statement.CARD_RECOVERY, recovery_fields(session=_SESSION, origin=_ORIGIN, serial="12345678"))


def _statement(kind: str, fields: Mapping[str, str]) -> dict[str, Any]:
    return {"kind": kind, "fields": dict(fields), "signed": statement.encode(kind, fields).decode()}


def _sealed(key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    return {
        "recipient": "session_key",
        "info": info(ADMINISTRATION_KEY, {"card": "12345678"}).decode(),
        "sealed": _SEALED.hex(),
        "secret": _SECRET.hex(),
    }


def _refused(key: ec.EllipticCurvePrivateKey, opened: Message) -> Iterator[tuple[str, dict[str, str]]]:
    """Requests that a portal refuses, with the code and the detail by which it says why."""
    body = to_json(opened)
    good: dict[str, JSON] = {"version": VERSION, "session": "", "sequence": 1, "body": body}

    def request(**changes: JSON) -> str:
        return canonical(_sign(key, good | changes)).decode()

    sent = request()
    encoding, unsigned = "encoding.message", {"code": "portal.session", "reason": "signature"}
    yield request(version=VERSION - 1), {"code": encoding, "field": "version"}
    yield request(more="field"), {"code": encoding, "field": "more"}
    yield sent.replace('"sequence":1', '"sequence":1.0'), {"code": encoding, "field": ""}
    yield sent.replace('"sequence":1', '"sequence":1,"sequence":1'), {"code": encoding, "field": ""}
    yield sent.replace('"sequence":1', '"sequence":"1"'), {"code": encoding, "field": "session"}
    yield request(body={**body, "kind": "open"}), {"code": encoding, "field": "kind"}
    yield request(body={**body, "platform": ""}), {"code": encoding, "field": "platform"}
    yield request(body={**body, "session_key": f"{body['session_key']}="}), {"code": encoding, "field": "session_key"}
    yield sent.replace("Linux", "Minix"), unsigned
