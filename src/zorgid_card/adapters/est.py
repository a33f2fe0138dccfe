"""Enrolment over Secure Transport (RFC 7030, with RFC 8951): the portal as the client of somebody else's CA (extra ``http``).

The portal is the registration authority: it has authenticated the person and shown that the key is on the card; the request is
signed by the card. One call makes one connection and one answer, within a time and a size. The server shows itself by TLS; the
portal by a TLS client certificate, a user's name and password (HTTP Basic), or both.
"""

from __future__ import annotations

import base64
import binascii
import re
import ssl
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import ClassVar, Final

import httpx
from asn1crypto import core
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import load_der_pkcs7_certificates

from zorgid_card.adapters.http import Timeouts, Transport, refuse, require_url, telling
from zorgid_card.errors import EnrolmentPendingError, StorageError
from zorgid_card.secret import Secret

MAX_ANSWER: Final = 256 * 1024
"""Octets of an answer, in base64."""

MAX_CERTIFICATES: Final = 32
"""In one answer."""

MAX_RETRY_AFTER: Final = 7 * 24 * 3600
"""Seconds: what is later than that is cut to it."""

_DEFAULT_RETRY: Final = 60  # seconds, where a server says "later" and not when
_PKCS7: Final = "application/pkcs7-mime"
_CSR_ATTRIBUTES: Final = "application/csrattrs"
_LABEL: Final = re.compile(r"[A-Za-z0-9._~-]{1,64}")
_OPERATIONS: Final = frozenset({"cacerts", "simpleenroll", "simplereenroll", "csrattrs"})
_ABSENT: Final = (httpx.codes.NO_CONTENT, httpx.codes.NOT_FOUND)  # RFC 7030, 4.5.2: no attributes are wanted


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Credentials:
    """By what the portal shows who it is.

    Attributes:
        certificate: file with the TLS client certificate and its chain, PEM.
        key: file with its key, PEM.
        passphrase: opens the key.
        user: name for HTTP Basic (RFC 7617).
        password: its password.
    """

    certificate: Path | None = None
    key: Path | None = None
    passphrase: Secret | None = None
    user: str = ""
    password: Secret | None = None


class ESTClient:
    """A client of one EST server (:class:`zorgid_card.ports.authority.Enrolment`). It serves many threads.

    Args:
        server: ``https://host[:port]``, without a path.
        label: the CA's at this server (RFC 7030, 3.2.2); None for the only one.
        anchors: file with the roots of the server's TLS certificate, PEM; None for the system's.
        credentials: the portal's.
        timeouts: how long one call may take.

    Raises:
        FetchError: ``server`` or ``label`` is none (``reason`` "url").
        StorageError: a file cannot be read, or is not what it should be.
    """

    def __init__(
        self,
        server: str,
        *,
        label: str | None = None,
        anchors: Path | None = None,
        credentials: Credentials | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        url = require_url(server)
        if url.scheme != "https" or url.raw_path != b"/" or not (label is None or _LABEL.fullmatch(label)):
            refuse("url", server, "not https://host[:port] of an EST server, or not a label")
        if label in _OPERATIONS:
            refuse("url", server, "a label is not the name of an operation")
        self._base = f"{str(url).rstrip('/')}/.well-known/est" + (f"/{label}" if label else "")
        self._credentials = credentials or Credentials()
        self._timeouts = timeouts or Timeouts(read=20.0, total=30.0)
        self._context = _context(anchors, self._credentials)

    def ca_certificates(self) -> tuple[bytes, ...]:
        """The CA's certificates as the server has them (4.1), DER; whom to trust is decided elsewhere.

        Raises:
            FetchError: no answer of the right kind came; ``reason``, ``url``.
        """
        url = f"{self._base}/cacerts"
        return _certificates(url, self._ask(url, _PKCS7))

    def csr_attributes(self) -> tuple[str, ...]:
        """What the server wants to see in a request (4.5): object identifiers, dotted; none if it does not say.

        Raises:
            FetchError: no answer of the right kind came; ``reason``, ``url``.
        """
        url = f"{self._base}/csrattrs"
        return _attributes(url, self._ask(url, _CSR_ATTRIBUTES))

    def enrol(self, request: bytes, /) -> bytes:
        """Have a certificate issued (4.2.1, simpleenroll); see :class:`zorgid_card.ports.authority.Enrolment`."""
        return self._enrol("simpleenroll", request)

    def reenrol(self, request: bytes, /) -> bytes:
        """Have a certificate renewed (4.2.2, simplereenroll): subject and subjectAltName are those of the present one."""
        return self._enrol("simplereenroll", request)

    def _enrol(self, operation: str, request: bytes) -> bytes:
        url = f"{self._base}/{operation}"
        found = _certificates(url, self._ask(url, _PKCS7, request))
        if len(found) != 1:
            refuse(
                "contents", url, f"{len(found)} certificates in the place of the one that was issued (RFC 7030, 4.2.3)"
            )
        return found[0]

    def _ask(self, url: str, kind: str, request: bytes | None = None) -> bytes:
        """One call; gives the octets that were in base64."""
        deadline = time.monotonic() + self._timeouts.total
        limits = httpx.Timeout(self._timeouts.read, connect=self._timeouts.connect)
        body = None if request is None else base64.b64encode(request)
        transport = Transport(deadline, self._context)
        with (
            telling(url),
            httpx.Client(transport=transport, timeout=limits, follow_redirects=False, trust_env=False) as client,
            client.stream(
                "GET" if body is None else "POST", url, content=body, headers=self._headers(kind, body)
            ) as answer,
        ):
            return _read(url, kind, answer)

    def _headers(self, kind: str, body: bytes | None) -> dict[str, str]:
        headers = {"User-Agent": "zorgid-card", "Accept": kind, "Accept-Encoding": "identity", "Connection": "close"}
        if body is not None:
            headers |= {"Content-Type": "application/pkcs10", "Content-Transfer-Encoding": "base64"}
        if self._credentials.password is not None:
            with self._credentials.password.expose() as octets:
                pair = b":".join((self._credentials.user.encode(), octets))
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        return headers

    def __repr__(self) -> str:
        return f"ESTClient({self._base!r})"


def _context(anchors: Path | None, credentials: Credentials) -> ssl.SSLContext:
    """TLS 1.2 or later, as RFC 7030, 3.3.1 wants at least 1.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # which, unlike the default one, does not listen to SSLKEYLOGFILE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if anchors is None:
            context.load_default_certs()
        else:
            context.load_verify_locations(anchors)
        if credentials.certificate is not None:
            key = None if credentials.key is None else str(credentials.key)
            context.load_cert_chain(str(credentials.certificate), key, lambda: _exposed(credentials.passphrase))
    except (OSError, ssl.SSLError) as error:
        raise StorageError("certificate or key of the EST client cannot be read", reason="malformed") from error
    return context


def _exposed(passphrase: Secret | None) -> bytes:
    if passphrase is None:
        return b""
    with passphrase.expose() as octets:
        return bytes(octets)


def _read(url: str, kind: str, answer: httpx.Response) -> bytes:
    status = answer.status_code
    if status in _ABSENT and kind == _CSR_ATTRIBUTES:
        return b""
    if status == httpx.codes.ACCEPTED:
        after = _retry_after(answer.headers.get("retry-after", ""))
        raise EnrolmentPendingError(f"{url}: the CA issues it later", retry_after=after, url=url)
    if status != httpx.codes.OK:
        refuse("http status", url, f"HTTP status {status}", status=status)
    told = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if told != kind:
        refuse("content type", url, f"an answer of type {told[:60] or 'unknown'}")
    if answer.headers.get("content-encoding", "identity").strip().lower() != "identity":
        refuse("encoding", url, "a compressed answer that nobody asked for")
    body = bytearray()
    for piece in answer.iter_raw():
        body += piece
        if len(body) > MAX_ANSWER:
            refuse("too big", url, f"more than {MAX_ANSWER} octets")
    return decode(url, bytes(body))


def decode(url: str, body: bytes) -> bytes:
    """Base64 with line ends and blanks in it, whatever Content-Transfer-Encoding says (RFC 8951, 3.1).

    Raises:
        FetchError: it is none, or nothing is in it (``reason`` "contents").
    """
    try:
        octets = binascii.a2b_base64(b"".join(body.split()), strict_mode=True)
    except binascii.Error:
        octets = b""
    if not octets:
        refuse("contents", url, "the answer is not in base64")
    return octets


def _retry_after(told: str) -> int:
    """Seconds from now (RFC 9110, 10.2.3), 1 at least."""
    told = told.strip()[:64]
    if told.isascii() and told.isdigit():
        seconds = int(told)
    else:
        try:
            moment = parsedate_to_datetime(told)
            seconds = int((moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
        except (ValueError, TypeError, OverflowError):
            seconds = _DEFAULT_RETRY
    return max(1, min(seconds, MAX_RETRY_AFTER))


def _certificates(url: str, octets: bytes) -> tuple[bytes, ...]:
    """What is in a certs-only CMS (RFC 5272, 4.1)."""
    try:
        found = load_der_pkcs7_certificates(octets)
        ders = tuple(certificate.public_bytes(Encoding.DER) for certificate in found)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        refuse("contents", url, f"no certificates in PKCS #7: {error}")
    if not 0 < len(ders) <= MAX_CERTIFICATES:
        refuse("contents", url, f"{len(ders)} certificates")
    return ders


class _AttributeOrOID(core.Choice):  # type: ignore[misc]
    """RFC 7030, 4.5.2: an object identifier, or an Attribute, whose type is one."""

    _alternatives: ClassVar = [("oid", core.ObjectIdentifier), ("attribute", core.Sequence)]


class _CsrAttrs(core.SequenceOf):  # type: ignore[misc]
    _child_spec = _AttributeOrOID


def _attributes(url: str, octets: bytes) -> tuple[str, ...]:
    if not octets:
        return ()
    try:
        wanted = _CsrAttrs.load(octets, strict=True)
        return tuple(_oid(one) for one in wanted)
    except (ValueError, TypeError, LookupError) as error:
        refuse("contents", url, f"no CsrAttrs: {error}")


def _oid(one: _AttributeOrOID) -> str:
    if one.name == "oid":
        return str(one.chosen.dotted)
    return str(core.ObjectIdentifier.load(one.chosen[0].dump()).dotted)
