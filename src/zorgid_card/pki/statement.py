"""Statements: what a key signs besides log-ins, typed and domain-separated (AUT-1).

One key signs many things. What is signed here begins with the line ``zorgid-card statement v1`` and its kind,
so that it is no other statement, and nothing else that the key signs: a Web eID input is two hashes of 64 to
128 octets in all, a certification request and an X.509 structure begin with 30, a TLS 1.3 CertificateVerify
with 64 spaces, a SAML SignedInfo with ``<``.

The encoding is ASCII lines and one line of canonical JSON: UTF-8, keys sorted, no white space, values text or
whole numbers. Who verifies builds the fields from what they themselves know and expect; nothing is parsed out
of the signed bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from zorgid_card.errors import CertificateError, MessageError
from zorgid_card.pki import _x509
from zorgid_card.pki.signing import load_public_key, verify_signature
from zorgid_card.ports.card import Signer

Value: TypeAlias = str | int
Fields: TypeAlias = Mapping[str, Value]

DOMAIN = b"zorgid-card statement v1\n"

CONSENT = "consent"
SESSION = "session"
CARD_PROOF = "card-proof"
CARD_RENEWAL = "card-renewal"
CARD_RECOVERY = "card-recovery"
PHONE_LOG_IN = "phone-log-in"
PHONE_APPROVAL = "phone-approval"
PHONE_REFUSAL = "phone-refusal"
PHONE_POLL = "phone-poll"

REQUIRED: Mapping[str, frozenset[str]] = {
    CONSENT: frozenset({"session", "origin", "expires", "action"}),
    SESSION: frozenset({"session", "origin", "expires", "key"}),
    CARD_PROOF: frozenset({"session", "origin", "card"}),
    CARD_RENEWAL: frozenset({"session", "origin", "card", "after"}),
    CARD_RECOVERY: frozenset({"session", "origin", "card"}),
    PHONE_LOG_IN: frozenset({"origin", "ura", "phone", "nonce", "number", "expires"}),
    PHONE_APPROVAL: frozenset(
        {"origin", "ura", "phone", "nonce", "number", "expires", "person", "action", "subject", "reason"}
    ),
    PHONE_REFUSAL: frozenset({"origin", "phone", "nonce"}),
    PHONE_POLL: frozenset({"origin", "phone", "at"}),
}
"""The kinds, and the fields without which each binds to nothing.

* ``consent``: the holder confirms what was shown (ORG-3, ORG-4); ``action`` names what, further fields hold
  what was shown.
* ``session``: the pass binds ``key`` (the card side's ephemeral key, SubjectPublicKeyInfo in base64) to the
  session until ``expires``.
* ``card-proof``: the new card signs with its key once its certificate is written (the commit point of
  creation); ``card`` is its serial.
* ``card-renewal``: a card in use shows that it still has its key, before new ones are made on it; ``after`` names what the portal
  wanted made of it before, in the same session.
* ``card-recovery``: a card whose PUK others knew shows that its holder has set its PIN, once its PUK is another.
* ``phone-log-in``: a linked phone approves a log-in (ORG-7); ``number`` is what its person read from the
  portal's page.
* ``phone-approval``: a linked phone approves one change (ADM-2 to ADM-7): ``person`` does ``action`` to ``subject`` for ``ura``,
  for ``reason``; further fields say what is to become of it.
* ``phone-refusal``: its person refuses what it is asked. ``phone-poll``: the phone asks what waits for it.
"""

MAX_STATEMENT = 16 * 1024
"""Octets of an encoded statement."""

_LARGEST = 2**53 - 1


@dataclass(frozen=True, slots=True)
class SignedStatement:
    """A statement as it crosses the seam: the fields, and the signature over their encoding."""

    kind: str
    fields: Fields
    algorithm: str
    signature: bytes


def encode(kind: str, fields: Fields) -> bytes:
    """The octets that are signed: the same for the same fields, whatever their order.

    Raises:
        MessageError: the kind is unknown, a required field is missing, or a value is not text or a whole
            number up to 2^53 - 1.
    """
    if kind not in REQUIRED:
        raise MessageError("unknown kind of statement", field="kind")
    for name in sorted(REQUIRED[kind] - fields.keys()):
        raise MessageError(f"{kind}: {name} is missing", field=name)
    for name, value in fields.items():
        _require_value(name, value)
    text = json.dumps(dict(fields), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    encoded = DOMAIN + kind.encode("ascii") + b"\n" + text.encode("utf-8") + b"\n"
    if len(encoded) > MAX_STATEMENT:
        raise MessageError(f"{kind}: {len(encoded)} octets", field="fields")
    return encoded


def _require_value(name: str, value: object) -> None:
    if not name.isascii() or not name.isidentifier():
        raise MessageError("a field's name is an ASCII identifier", field=name[:40])
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise MessageError(f"{name}: neither text nor a whole number", field=name)
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise MessageError(f"{name}: the number is too large", field=name)
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise MessageError(f"{name}: not text", field=name) from error


def sign_statement(signer: Signer, kind: str, **fields: Value) -> SignedStatement:
    """Have ``signer`` sign a statement.

    Raises:
        MessageError: see :func:`encode`; nothing was signed.
    """
    signature = signer.sign(encode(kind, fields))
    return SignedStatement(kind, MappingProxyType(dict(fields)), signer.algorithm, signature)


def verify_statement(key: bytes, kind: str, fields: Fields, signature: bytes, algorithm: str) -> None:
    """Verify that ``key`` signed the statement of this kind with these fields.

    Args:
        key: a certificate or a SubjectPublicKeyInfo, DER. A certificate's chain and revocation are for the
            caller.
        kind: the kind expected.
        fields: the fields expected, from what the verifier knows.
        signature: ECDSA as DER, RSA as many octets as the modulus.
        algorithm: JOSE name.

    Raises:
        SignatureError: it did not.
        MessageError: the fields are not a statement of this kind.
        CertificateMalformedError: ``key`` is neither certificate nor key.
    """
    verify_signature(public_key_of(key), algorithm, encode(kind, fields), signature)


def public_key_of(key: bytes) -> bytes:
    """The SubjectPublicKeyInfo of a certificate (DER or PEM), or ``key`` itself when it is one.

    Raises:
        CertificateMalformedError: it is neither.
    """
    try:
        certificate = _x509.load_certificate(key)
    except CertificateError:
        load_public_key(key)
        return key
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
