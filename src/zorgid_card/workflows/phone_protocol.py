"""What a phone and the portal say to each other, for those who write an app: tables and test vectors.

Everything here is taken from the tables and types that the portal runs by; ``docs/mobile-protocol.md`` shows it, and
``zorgid-card phone protocol`` prints it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from zorgid_card.pki import statement
from zorgid_card.pki.csr import build_csr, named_template
from zorgid_card.pki.signing import SoftwareSigner
from zorgid_card.ports.phone import PATH, QR_PATH, VERSION
from zorgid_card.workflows.messages import JSON, Message, Refusal, canonical, to_json
from zorgid_card.workflows.pairing import code_of, mac_of, offer_key, salted, text_of, transcript
from zorgid_card.workflows.phone_messages import (
    ApprovePhone,
    ClaimPhone,
    PhoneClaimed,
    PhoneDone,
    PhoneState,
    PollPhone,
    RefusePhone,
)
from zorgid_card.workflows.policy import CARD_ACTIONS, PERSON_ACTIONS, PHONE_ACTIONS
from zorgid_card.workflows.protocol import rows_of, table
from zorgid_card.workflows.states import MACHINES, Table

EXCHANGES: Final[tuple[tuple[type[Message], type[Message]], ...]] = (
    (ClaimPhone, PhoneClaimed),
    (PollPhone, PhoneState),
    (ApprovePhone, PhoneDone),
    (RefusePhone, PhoneDone),
)
"""What a phone sends, and what the portal answers, if it does not refuse."""

KINDS: Final = (statement.PHONE_LOG_IN, statement.PHONE_APPROVAL, statement.PHONE_REFUSAL, statement.PHONE_POLL)
"""The statements that a phone signs."""


# --- tables -----------------------------------------------------------------------------------------------------------


def page() -> str:
    """All tables and diagrams, as Markdown."""
    parts = ("### Messages", _messages(), "### Exchanges", _exchanges(), "### Statements", _statements())
    actions = ("### Changes that are signed", _actions())
    pictures = (
        "### A phone",
        _diagram(MACHINES["mobile"]),
        "### What a phone is asked",
        _diagram(MACHINES["phone-request"]),
    )
    return "\n\n".join((*parts, *actions, *pictures)) + "\n"


def _messages() -> str:
    sent = dict.fromkeys(asked for asked, _ in EXCHANGES)
    answered = dict.fromkeys(answer for _, answer in EXCHANGES)
    kinds = [("phone", kind) for kind in sent] + [("portal", kind) for kind in (*answered, Refusal)]
    return table(
        ("message", "from", "field", "type", "length"), [row for by, kind in kinds for row in rows_of(by, kind)]
    )


def _exchanges() -> str:
    rows = [(f"`{asked.kind}`", f"`{answer.kind}`") for asked, answer in EXCHANGES]
    return table(("the phone sends", "the portal answers, or refuses"), rows)


def _statements() -> str:
    rows = [(f"`{kind}`", ", ".join(f"`{name}`" for name in sorted(statement.REQUIRED[kind]))) for kind in KINDS]
    return table(("kind", "fields that are always there"), rows)


def _actions() -> str:
    of = {"a card's serial": CARD_ACTIONS, "a person's id": PERSON_ACTIONS, "a phone's id": PHONE_ACTIONS}
    return table(("`action`", "`subject` is"), [(f"`{one}`", what) for what, many in of.items() for one in many])


def _diagram(machine: Table) -> str:
    first = next(iter(machine))[0]
    steps = [f"    {state} --> {following}: {event}" for (state, event), following in machine.items()]
    return "\n".join(("```mermaid", "stateDiagram-v2", f"    [*] --> {first}", *steps, "```"))


# --- vectors ----------------------------------------------------------------------------------------------------------

_SCALAR: Final = 0x1B4F_7C2D_95E0_38A6_C1D2_E3F4_0516_2738_495A_6B7C_8D9E_AFB0_C1D2_E3F4_0506_0708
_ORIGIN: Final = "https://portal.example"
_FINGERPRINT: Final = hashlib.sha256(b"the portal's TLS key").digest()
_PHONE: Final = text_of(bytes(range(16)))
_SECRET: Final = bytes(range(0x10, 0x20))
_DEVICE_SECRET: Final = bytes(range(0x20, 0x40))
_DIGITS: Final = "314159"
_NAME: Final = "Zoë’s phone"
_NONCE: Final = text_of(bytes(range(0x40, 0x60)))
_AT: Final = "2027-01-02T03:04:05+00:00"
_EXPIRES: Final = "2027-01-02T03:04:35.123456+00:00"
_SALT: Final = bytes(range(0x60, 0x70))


class _Repeating(SoftwareSigner):
    """Signs as RFC 6979 does it, so that the octets are the same each time; any ECDSA signature would do."""

    def __init__(self) -> None:
        self._private = ec.derive_private_key(_SCALAR, ec.SECP256R1())
        super().__init__(self._private)

    def sign(self, data: bytes, /) -> bytes:
        return self._private.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))


def vectors() -> dict[str, Any]:
    """Test vectors: what an app must make, and what a portal refuses. The same at every call."""
    signer, verifier = _Repeating(), hashlib.scrypt(_DIGITS.encode(), salt=_DEVICE_SECRET, n=16384, r=8, p=1, dklen=32)
    claim = _claim(signer, verifier)
    signed = [_signed(signer, kind, fields) for kind, fields in _fields().items()]
    signatures = {one["kind"]: bytes.fromhex(one["signature"]) for one in signed}
    approve = ApprovePhone(
        phone=_PHONE, nonce=_NONCE, number="07", verifier=verifier, signature=signatures[statement.PHONE_LOG_IN]
    )
    return {
        "version": VERSION,
        "path": PATH,
        "qr": _qr(),
        "digits": {"digits": _DIGITS, "device_secret": _DEVICE_SECRET.hex(), "verifier": verifier.hex()},
        "kept": {"salt": _SALT.hex(), "verifier": salted(_SALT, verifier).hex()},
        "key": {"private": f"{_SCALAR:064x}", "public": signer.public_key.hex()},
        "claim": claim,
        "statements": signed,
        "approve": canonical(to_json(approve)).decode(),
        "refused": [{"request": request, "field": field} for request, field in _refused(to_json(approve))],
    }


def _qr() -> dict[str, str]:
    parts = (str(VERSION), text_of(_FINGERPRINT), _PHONE, text_of(_SECRET))
    return {
        "text": f"{_ORIGIN}{QR_PATH}#{'.'.join(parts)}",
        "origin": _ORIGIN,
        "fingerprint": _FINGERPRINT.hex(),
        "phone": _PHONE,
        "secret": _SECRET.hex(),
        "offer_key": offer_key(_SECRET).hex(),
    }


def _claim(signer: _Repeating, verifier: bytes) -> dict[str, str]:
    key, csr = offer_key(_SECRET), build_csr(signer, named_template(_PHONE))
    said = transcript(_PHONE, csr, verifier, _NAME)
    claim = ClaimPhone(phone=_PHONE, csr=csr, verifier=verifier, device=_NAME, mac=mac_of(key, said))
    return {
        "device": _NAME,
        "csr": csr.hex(),
        "transcript": said.hex(),
        "mac": claim.mac.hex(),
        "code_octets": hmac.digest(key, b"zorgid-card phone code v1" + said, "sha256").hex(),
        "code": code_of(key, said),
        "request": canonical(to_json(claim)).decode(),
    }


def _fields() -> dict[str, dict[str, str]]:
    asked = {
        "origin": _ORIGIN,
        "ura": "90000123",
        "organisation": "Praktijk De Linde",
        "phone": _PHONE,
        "nonce": _NONCE,
    }
    entered = {"expires": _EXPIRES, "number": "07"}
    change = {
        "person": "d4c3b2a1",
        "name": "Jan de Vries",
        "action": "card.revoke",
        "subject": "12345678",
        "about": "Zoë van den Berg",
        "reason": 'Verloren in de "trein"\n(lijn 7)',
        "cause": "keyCompromise",
    }
    return {
        statement.PHONE_LOG_IN: asked | entered | {"person": "jan.de-vries.900016528", "client": "192.0.2.7"},
        statement.PHONE_APPROVAL: asked | entered | change,
        statement.PHONE_REFUSAL: {"origin": _ORIGIN, "phone": _PHONE, "nonce": _NONCE},
        statement.PHONE_POLL: {"origin": _ORIGIN, "phone": _PHONE, "at": _AT},
    }


def _signed(signer: _Repeating, kind: str, fields: dict[str, str]) -> dict[str, Any]:
    signed = statement.sign_statement(signer, kind, **fields)
    octets = statement.encode(kind, fields)
    return {"kind": kind, "fields": fields, "signed": octets.decode(), "signature": signed.signature.hex()}


def _refused(good: dict[str, JSON]) -> Iterator[tuple[str, str]]:
    """Messages that a portal refuses as none (``encoding.message``), and the detail ``field`` by which it says why."""
    sent = canonical(good).decode()
    yield json.dumps({**good, "more": "field"}), "more"
    yield json.dumps({name: value for name, value in good.items() if name != "number"}), "number"
    yield json.dumps({**good, "number": 7}), "number"
    yield json.dumps({**good, "number": "7"}), "number"
    yield json.dumps({**good, "verifier": f"{good['verifier']}="}), "verifier"
    yield json.dumps({**good, "kind": "phone-agree"}), "kind"
    yield sent.replace('"number":"07"', '"number":"07","number":"07"'), ""
