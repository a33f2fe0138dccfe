"""Signatures of messages: JWS (RFC 7515) in compact form, with the certificates in ``x5c`` and a type that is always stated.

What the key signs is ASCII: ``eyJ`` and the rest of the header in base64url, a point, the payload in base64url. The type (``typ``)
says what kind of message it is, and who verifies says which kind they expect (RFC 8725, 3.11): a JWS made for one purpose is none
for another.

The content may be left out between the points and travel by itself (RFC 7515, appendix F): a verifier puts it back. RFC 7797
(``b64``: false) is not used: few libraries know it, and those that do not must refuse it.

The key is that of the first certificate in ``x5c``; the certificates are judged, and nothing is ever fetched: ``jku``, ``x5u``,
``jwk`` and ``crit`` are refused.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any, Final, Generic

from cryptography.hazmat.primitives import hashes

from zorgid_card.errors import JWSError, SignatureError
from zorgid_card.pki import _x509
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.signatory import MAX_CHAIN, SIGNATURE, I, Signatory, require_key, require_usage
from zorgid_card.pki.signing import ecdsa_der, ecdsa_raw, require_algorithm, verify_with
from zorgid_card.pki.verifier import Verifier
from zorgid_card.ports.card import Signer

MAX_PAYLOAD: Final = 16 * 1024 * 1024
"""Octets. A payload is in memory whole, and once more in base64: for larger content take CMS."""

MAX_HEADER: Final = 64 * 1024
"""Characters of the header in base64url; one with the chain of a UZI pass has about 7,000."""

_MAX_SIGNATURE: Final = 1024
_TYPE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+/-]{0,126}")
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]*")
_REFUSED: Final = ("crit", "b64", "jku", "jwk", "x5u")
_REGISTERED: Final = ("alg", "typ", "x5c", "x5t", "x5t#S256", *_REFUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedJWS(Generic[I]):
    """What was signed, by whom, and the header that was signed with it."""

    signatory: Signatory[I]
    payload: bytes = field(repr=False)
    header: Mapping[str, Any] = field(repr=False)


# --- signing ---------------------------------------------------------------------------------------------


def sign(
    signer: Signer,
    certificate: bytes,
    payload: bytes,
    *,
    typ: str,
    chain: Iterable[bytes] = (),
    detached: bool = False,
    header: Mapping[str, Any] | None = None,
) -> str:
    """Sign a payload with a card's signature or authenticity key.

    Args:
        signer: the key: RS256, PS256, ES256, ES384 and so on.
        certificate: its certificate, DER.
        payload: at most 16 MiB.
        typ: what kind of message this is, of your own naming, such as ``vnd.example.order+json``; 1 to 127 characters of a media
            type.
        chain: the CA certificates to send along, DER, each the issuer of the one before it; no root.
        detached: leave the payload out of what is returned.
        header: further members, such as ``kid`` or ``cty``.

    Returns:
        ``header.payload.signature``, or ``header..signature`` when detached. It was verified with the certificate's key.

    Raises:
        JWSError: type, payload or header are not of their form; nothing was signed.
        UsageError: the certificate is another key's; nothing was signed.
        SignatureError: the algorithm does not fit the key, or the signature made does not verify.
        CertificateMalformedError: a certificate is none.
    """
    leaf = Certificate.parse(certificate)
    key = require_key(signer, leaf)
    algorithm = require_algorithm(key, signer.algorithm)
    links = _in_order([leaf, *map(Certificate.parse, chain)])
    head = _encoded_header(signer.algorithm, typ, links, header or {})
    _require(len(payload) <= MAX_PAYLOAD, "payload", f"{len(payload)} octets")
    body = _base64url(payload)
    signed = f"{head}.{body}".encode("ascii")
    signature = signer.sign(signed)
    verify_with(key, signer.algorithm, signed, signature)
    if algorithm.family == "ES":
        signature = ecdsa_raw(signature, signer.algorithm)
    return f"{head}.{'' if detached else body}.{_base64url(signature)}"


def _encoded_header(algorithm: str, typ: str, links: list[Certificate], others: Mapping[str, Any]) -> str:
    _require(bool(_TYPE.fullmatch(typ)), "typ", "not a media type")
    taken = sorted(others.keys() & set(_REGISTERED))
    _require(not taken, taken[0] if taken else "", "not for the caller to set")
    x5c = [base64.b64encode(link.der).decode("ascii") for link in links]
    try:
        octets = _json({"alg": algorithm, "typ": typ, **others, "x5c": x5c})
    except (TypeError, ValueError, RecursionError) as error:
        raise JWSError("header: not JSON", field="header", reason=ascii(str(error))[:200]) from error
    encoded = _base64url(octets)
    _require(len(encoded) <= MAX_HEADER, "header", f"{len(encoded)} characters")
    return encoded


# --- verifying -------------------------------------------------------------------------------------------


def verify(
    token: str,
    *,
    typ: str,
    judge: Verifier[I],
    at: datetime,
    usage: str = SIGNATURE,
    payload: bytes | None = None,
) -> VerifiedJWS[I]:
    """Verify a JWS of the type that is expected, and find out whose it is.

    In order: form, type and algorithm; the signature; the certificate.

    Args:
        token: compact form.
        typ: the type expected, letter for letter.
        judge: of the signatory's certificate.
        at: the moment at which the certificate is judged, with a time zone.
        usage: of the key: ``signature``; ``authenticity`` where the parties agreed on that.
        payload: where it is detached, what was signed.

    Raises:
        JWSError: not a JWS of this form and type; ``field`` names where.
        SignatureError: the signature is not over this, not by the key of its certificate, or of an unknown algorithm.
        CertificateError: the certificate cannot be relied on for this, at this moment.
        UsageError: there is no such usage.
    """
    require_usage(usage)
    at = _x509.utc(at)
    head, body, tail = _parts(token, payload)
    header = _header(head)
    found = _text(header, "typ")
    _require(found == typ, "typ", f"{found[:60]!r}, expected {typ!r}")
    links = _chain(header)
    name, raw, content = _text(header, "alg"), _octets(tail, "signature"), _octets(body, "payload")
    algorithm = require_algorithm(links[0].public_key, name)
    signature = ecdsa_der(raw, name) if algorithm.family == "ES" else raw
    verify_with(links[0].public_key, name, f"{head}.{body}".encode("ascii"), signature)
    identity = judge.verify(links[0], usage=usage, at=at, intermediates=[link.der for link in links[1:]])
    signatory = Signatory(identity=identity, certificate=links[0], usage=usage, algorithm=name)
    return VerifiedJWS(signatory=signatory, payload=content, header=header)


def _parts(token: str, payload: bytes | None) -> tuple[str, str, str]:
    """Header, payload and signature; a detached payload put back."""
    limit = MAX_HEADER + MAX_PAYLOAD * 4 // 3 + _MAX_SIGNATURE
    _require(0 < len(token) <= limit, "token", f"{len(token)} characters")
    parts = token.split(".", 3)
    _require(len(parts) == 3, "token", f"{len(parts)} parts, expected 3")
    head, body, tail = parts
    _require(0 < len(head) <= MAX_HEADER, "header", f"{len(head)} characters")
    _require(0 < len(tail) <= _MAX_SIGNATURE, "signature", f"{len(tail)} characters")
    if payload is None:
        return head, body, tail
    _require(not body, "payload", "it is inside, and given apart")
    _require(len(payload) <= MAX_PAYLOAD, "payload", f"{len(payload)} octets")
    return head, _base64url(payload), tail


def _header(encoded: str) -> dict[str, Any]:
    try:
        header = json.loads(_octets(encoded, "header").decode("utf-8"), object_pairs_hook=_unique)
        _json(header)
    except (ValueError, RecursionError) as error:
        raise JWSError("header: not JSON", field="header", reason="not JSON") from error
    _require(isinstance(header, dict), "header", "not a JSON object")
    for name in _REFUSED:
        _require(name not in header, name, "not accepted")
    return dict(header)


def _json(value: object) -> bytes:
    """JSON as others read it too (RFC 8259, 6 and 8.2); raises ValueError over NaN, Infinity and half a surrogate pair."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode("utf-8")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) != len(dict(pairs)):
        raise ValueError("a name stands twice")
    return dict(pairs)


def _chain(header: Mapping[str, Any]) -> list[Certificate]:
    """The certificates of x5c, the signatory's first (RFC 7515, 4.1.6); a digest beside it is that one's."""
    x5c = header.get("x5c")
    count = len(x5c) if isinstance(x5c, list) else 0
    _require(0 < count <= MAX_CHAIN, "x5c", f"{count} certificates, expected 1 to {MAX_CHAIN}")
    links = _in_order([Certificate.from_der(_der(one)) for one in x5c or ()])
    stated = header.get("x5t#S256")
    if stated is not None:
        digest = hashes.Hash(hashes.SHA256())
        digest.update(links[0].der)
        if stated != _base64url(digest.finalize()):
            raise SignatureError("x5t#S256 is another certificate's", reason="certificate")
    return links


def _in_order(links: list[Certificate]) -> list[Certificate]:
    _require(len(links) <= MAX_CHAIN, "x5c", f"{len(links)} certificates")
    for link, issuer in pairwise(links):
        _require(link.issuer == issuer.subject, "x5c", "not each the issuer of the one before it")
    return links


def _der(text: object) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii") if isinstance(text, str) else b"!", validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise JWSError("x5c: not base64", field="x5c", reason="not base64") from error


def _text(header: Mapping[str, Any], name: str) -> str:
    value = header.get(name)
    if not isinstance(value, str) or not value:
        raise JWSError(f"{name}: missing, or not text", field=name, reason="missing")
    return value


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def _octets(text: str, field: str) -> bytes:
    """What base64url says (RFC 7515, 2): no padding, and no bits left over, so that there is one encoding."""
    _require(bool(_BASE64URL.fullmatch(text)) and len(text) % 4 != 1, field, "not base64url")
    octets = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    _require(_base64url(octets) == text, field, "bits left over")
    return octets


def _require(holds: bool, field: str, reason: str) -> None:
    if not holds:
        raise JWSError(f"{field}: {reason}", field=field, reason=reason)
