"""The Web eID authentication token, format 1.0, both ways (AUT-1, AUT-2).

What is signed is ``hash(origin) || hash(nonce)``, where hash is that of the algorithm (which then hashes the
whole again), and origin and nonce are hashed as text: the nonce is not base64-decoded first. The portal gives
the origin from its own configuration and the nonce from its own store; it removes the nonce before it
verifies. Chain, policies and revocation follow after :func:`verify_token`.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
import re
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import Any

from zorgid_card.codec.text import decode_base64, plain_texts
from zorgid_card.errors import CertificateUsageError, MessageError
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.chain import require_usage
from zorgid_card.pki.signing import (
    ALGORITHMS,
    ecdsa_der,
    ecdsa_raw,
    load_public_key,
    require_algorithm,
)
from zorgid_card.ports.card import Signer

FORMAT = "web-eid:1.0"

TOKEN_LENGTH = (100, 10_000)
"""Characters of a token."""

NONCE_LENGTH = (44, 128)
"""Characters of a nonce; 44 are 32 random octets in base64."""

_FORMAT = re.compile(r"web-eid:1(\.[0-9]+)?")
_NONCE = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_ORIGIN = re.compile(r"https://(?P<host>[a-z0-9.-]+|\[[0-9a-f:.]+\])(:(?P<port>[1-9][0-9]{0,4}))?")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_DEFAULT_PORT = 443
_DIGESTS = {"sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512}


def require_origin(origin: str) -> None:
    """Raise unless ``origin`` is written as a browser writes one: ``https://host`` or ``https://host:port``,
    nothing behind it.

    Lower case, international names in punycode, no default port: another spelling would hash to something
    else than the browser's.

    Raises:
        MessageError: it is not.
    """
    match = _ORIGIN.fullmatch(origin)
    if match is None or not _is_host(match["host"]):
        raise MessageError("not an origin of the form https://host[:port]", field="origin")
    port = int(match["port"] or 0)
    if port == _DEFAULT_PORT or port > 0xFFFF:
        raise MessageError("the default port is left out, and a port is at most 65535", field="origin")


def _is_host(host: str) -> bool:
    if host.startswith("["):
        try:
            ipaddress.IPv6Address(host[1:-1])
        except ValueError:
            return False
        return True
    return len(host) <= 253 and all(_LABEL.fullmatch(label) for label in host.split("."))


def _require_nonce(nonce: str) -> None:
    if not NONCE_LENGTH[0] <= len(nonce) <= NONCE_LENGTH[1] or not _NONCE.fullmatch(nonce):
        raise MessageError("a nonce is 44 to 128 characters of base64", field="nonce")


def signed_input(origin: str, nonce: str, algorithm: str) -> bytes:
    """The octets that are signed: two digests one after another, 64, 96 or 128 octets in all.

    Raises:
        MessageError: origin, nonce or algorithm are not of their form.
    """
    known = ALGORITHMS.get(algorithm)
    if known is None:
        raise MessageError("unknown algorithm", field="algorithm")
    digest = _DIGESTS[known.digest.name]
    first = _origin_digest(origin, digest)
    _require_nonce(nonce)
    return first + digest(nonce.encode()).digest()


@lru_cache(maxsize=64)
def _origin_digest(origin: str, digest: Callable[[bytes], hashlib._Hash]) -> bytes:
    """A portal has one origin, or a few."""
    require_origin(origin)
    return digest(origin.encode()).digest()


def make_token(signer: Signer, certificate: bytes, origin: str, nonce: str) -> str:
    """Make a token with the key of an authenticity certificate.

    Args:
        signer: the certificate's key.
        certificate: DER.
        origin: from the transport, never from the page.
        nonce: the portal's challenge, 44 to 128 characters of base64.

    Returns:
        JSON text.

    Raises:
        MessageError: origin or nonce are not of their form; nothing was signed.
        SignatureError: the signer's algorithm does not fit its key.
    """
    algorithm = signer.algorithm
    require_algorithm(load_public_key(signer.public_key), algorithm)
    signature = signer.sign(signed_input(origin, nonce, algorithm))
    if ALGORITHMS[algorithm].family == "ES":
        signature = ecdsa_raw(signature, algorithm)
    token = {
        "unverifiedCertificate": base64.b64encode(certificate).decode("ascii"),
        "algorithm": algorithm,
        "signature": base64.b64encode(signature).decode("ascii"),
        "format": FORMAT,
        "appVersion": "zorgid-card",
    }
    return json.dumps(token, separators=(",", ":"))


def verify_token(text: str, *, origin: str, nonce: str, disallowed_policies: Collection[str] = ()) -> Certificate:
    """Verify a token's form, its certificate's usages and its signature.

    Args:
        text: the token as it came.
        origin: the portal's own, from its configuration.
        nonce: the one that was stored for this browser session, and is now removed.
        disallowed_policies: certificate policies to refuse.

    Returns:
        The certificate. Its chain, validity, policies and revocation are still to be judged.

    Raises:
        MessageError: the token is malformed; ``field`` names where.
        CertificateMalformedError: the certificate is malformed.
        CertificateUsageError: the certificate is not one for logging in.
        SignatureError: the signature is not one by this certificate's key over this origin and nonce.
    """
    token = _parse(text)
    if not _FORMAT.fullmatch(_text(token, "format")):
        raise MessageError("unknown format of token", field="format")
    algorithm = _text(token, "algorithm")
    expected = signed_input(origin, nonce, algorithm)
    certificate = Certificate.from_der(_base64(token, "unverifiedCertificate"))
    require_usage(certificate, "authenticity")
    if disallowed_policies and not frozenset(disallowed_policies).isdisjoint(certificate.policies):
        raise CertificateUsageError("the certificate policy is disallowed", usage="authenticity", reason="policy")
    signature = _base64(token, "signature")
    if ALGORITHMS[algorithm].family == "ES":
        signature = ecdsa_der(signature, algorithm)
    certificate.require_signature(algorithm, expected, signature)
    return certificate


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(pairs) != len(found):
        raise ValueError("a name stands twice")
    return found


_JSON = json.JSONDecoder(object_pairs_hook=_unique)


def _parse(text: str) -> Mapping[str, Any]:
    if not TOKEN_LENGTH[0] <= len(text) <= TOKEN_LENGTH[1]:
        raise MessageError(f"a token of {len(text)} characters", field="token")
    plain = plain_texts(text)  # as tokens are; whatever else JSON allows, an unknown field may hold
    return _decode(text) if plain is None else plain


def _decode(text: str) -> dict[str, Any]:
    try:
        token = _JSON.decode(text)
    except (ValueError, RecursionError) as error:
        raise MessageError("the token is not JSON", field="token") from error
    if not isinstance(token, dict):
        raise MessageError("the token is not a JSON object", field="token")
    return token


def _text(token: Mapping[str, Any], field: str) -> str:
    value = token.get(field)
    if not isinstance(value, str) or not value:
        raise MessageError(f"{field} is missing or no text", field=field)
    return value


def _base64(token: Mapping[str, Any], field: str) -> bytes:
    text = _text(token, field)
    octets = decode_base64(text) if text.isascii() else None  # a half surrogate cannot even be encoded
    if octets is None:
        raise MessageError(f"{field} is not base64", field=field)
    return octets
