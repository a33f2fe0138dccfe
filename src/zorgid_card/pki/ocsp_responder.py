"""An OCSP responder (RFC 6960, 9654, 5019) as pure functions: questions are read, answers signed. Who is revoked is the caller's.

A question may be about several certificates, and name their issuer by SHA-1 or SHA-256, whichever the client likes. The answer
repeats each CertID octet by octet, and the nonce. The certificates of other CAs are none of this responder's: where a question is
about those alone, it is not authorised to answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, NamedTuple, TypeAlias

from asn1crypto.core import ObjectIdentifier

from zorgid_card.codec.tlv import Index, encode
from zorgid_card.errors import CertificateMalformedError, TLVError, UsageError
from zorgid_card.pki import _x509
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.crl import UNSPECIFIED
from zorgid_card.pki.crl_builder import REASON_CODES, algorithm_of, signer_of
from zorgid_card.pki.ocsp import key_octets
from zorgid_card.pki.signing import PrivateKey, dump_public_key

MAX_REQUEST: Final = 8 * 1024
"""Octets: room for :data:`MOST_ASKED` certificates."""

MOST_ASKED: Final = 32
"""Certificates that one question may be about."""

NONCE: Final = range(1, 129)
"""Octets of a nonce (RFC 9654, 2.1)."""

LIFETIME: Final = timedelta(hours=1)
"""From thisUpdate to nextUpdate of an answer."""

Refusal: TypeAlias = Literal["malformedRequest", "internalError", "tryLater", "unauthorized"]
"""What is answered without a signature (RFC 6960, 4.2.1)."""

_REFUSALS: Final[dict[Refusal, int]] = {"malformedRequest": 1, "internalError": 2, "tryLater": 3, "unauthorized": 6}
_SEQUENCE, _INTEGER, _OCTETS, _OID, _ENUMERATED = 0x30, 0x02, 0x04, 0x06, 0x0A
_NONCE: Final = bytes.fromhex("06092b0601050507300102")
"""id-pkix-ocsp-nonce."""
_BASIC: Final = bytes.fromhex("06092b0601050507300101")
"""id-pkix-ocsp-basic."""
_HASHES: Final = {"sha1": "1.3.14.3.2.26", "sha256": "2.16.840.1.101.3.4.2.1"}
_NULL: Final = b"\x05\x00"
_MOST_FRAMES: Final = 1000
_MOST_FORMS: Final = 8
"""Of questions of one length that are remembered."""


class Standing(NamedTuple):
    """What the registry knows of a certificate; if it is revoked or on hold, why (as RFC 5280, 5.3.1 names it) and since when."""

    known: bool
    reason: str | None = None
    since: datetime | None = None


GOOD: Final = Standing(True)
UNKNOWN: Final = Standing(False)
"""Its CA has not issued it."""


class CertID(NamedTuple):
    """Which certificate is meant: its issuer, as algorithm and digests in DER, and its serial number."""

    issuer: bytes
    serial: int
    der: bytes


class Questions(NamedTuple):
    """An OCSPRequest."""

    asked: tuple[CertID, ...]
    nonce: bytes | None


# --- the question -----------------------------------------------------------------------------------------------------


def parse_questions(data: bytes) -> Questions:
    """Read an OCSPRequest (RFC 6960, 4.1.1), DER. A signature on it is not looked at: everybody may ask.

    Raises:
        CertificateMalformedError: it is none, asks about nothing or too much, has a nonce that is too short or too long, or a
            critical extension that is not known.
    """
    _x509.require_size(data, MAX_REQUEST, "OCSPRequest")
    try:
        index = Index(data, der=True)
        whole = index.items()
        if [tag for tag, _ in whole] != [_SEQUENCE]:
            raise _malformed("form")
        tags = [tag for tag, _ in index.items(_SEQUENCE)]
        if tags not in ([_SEQUENCE], [_SEQUENCE, 0xA0]):
            raise _malformed("form")
        return _tbs(index)
    except TLVError as error:
        raise _malformed("DER") from error


def _tbs(index: Index) -> Questions:
    parts = dict(index.items(_SEQUENCE, _SEQUENCE))
    tags = [tag for tag, _ in index.items(_SEQUENCE, _SEQUENCE)]
    if (
        tags != [tag for tag in (0xA0, 0xA1, _SEQUENCE, 0xA2) if tag in parts]
        or parts.get(0xA0, b"\2\1\0") != b"\2\1\0"
    ):
        raise _malformed("form")
    requests = index.items(_SEQUENCE, _SEQUENCE, _SEQUENCE)
    if not 1 <= len(requests) <= MOST_ASKED:
        raise _malformed("requestList")
    asked = tuple(_certificate_id(tag, value) for tag, value in requests)
    return Questions(asked, _extensions(parts.get(0xA2)))


def _certificate_id(tag: int, request: bytes) -> CertID:
    index = Index(request, der=True)
    parts = index.items()
    if tag != _SEQUENCE or [part for part, _ in parts] not in ([_SEQUENCE], [_SEQUENCE, 0xA0]):
        raise _malformed("Request")
    for _, extensions in parts[1:]:
        _extensions(extensions)
    fields = index.items(_SEQUENCE)
    if [field for field, _ in fields] != [_SEQUENCE, _OCTETS, _OCTETS, _INTEGER]:
        raise _malformed("CertID")
    octets = fields[3][1]
    if not 1 <= len(octets) <= 21 or _is_padded(octets):
        raise _malformed("serialNumber")
    issuer = b"".join(encode(*field) for field in fields[:3])
    return CertID(issuer, int.from_bytes(octets, "big", signed=True), encode(_SEQUENCE, parts[0][1]))


def _is_padded(octets: bytes) -> bool:
    """Whether an INTEGER has more octets than it needs (X.690, 8.3.2)."""
    return len(octets) > 1 and int.from_bytes(octets[:2], "big") >> 7 in (0, 0x1FF)


def _extensions(value: bytes | None) -> bytes | None:
    """The nonce among them, if there is one; what is not known is passed over, unless it is critical."""
    if value is None:
        return None
    index, nonces = Index(value, der=True), []
    if [tag for tag, _ in index.items()] != [_SEQUENCE]:
        raise _malformed("extensions")
    for tag, extension in index.items(_SEQUENCE):
        parts = Index(extension, der=True).items()
        tags = [part for part, _ in parts]
        if tag != _SEQUENCE or tags not in ([_OID, _OCTETS], [_OID, 0x01, _OCTETS]):
            raise _malformed("extensions")
        if encode(*parts[0]) == _NONCE:
            nonces.append(_nonce(parts[-1][1]))
        elif len(parts) == 3:
            raise _malformed("critical extension")
    if len(nonces) > 1:
        raise _malformed("nonce")
    return nonces[0] if nonces else None


def _nonce(value: bytes) -> bytes:
    parts = Index(value, der=True).items()
    if [tag for tag, _ in parts] != [_OCTETS] or len(parts[0][1]) not in NONCE:
        raise _malformed("nonce")
    return parts[0][1]


def _malformed(reason: str) -> CertificateMalformedError:
    return CertificateMalformedError(f"not an OCSP request: {reason}", field="OCSPRequest", reason=reason)


# --- the answer -------------------------------------------------------------------------------------------------------


def refuse(why: Refusal) -> bytes:
    """An OCSPResponse without an answer (4.2.1), DER."""
    return encode(_SEQUENCE, encode(_ENUMERATED, bytes((_REFUSALS[why],))))


class Responder:
    """Signs answers about the certificates of one CA, in its own name or with a delegated certificate. Serves many threads.

    Args:
        issuer: the CA.
        key: the CA's own, or the responder's; P-256 is fastest.
        certificate: the responder's, of :meth:`zorgid_card.pki.authority.Authority.certify_responder`; None: the CA itself signs.
        lifetime: from thisUpdate to nextUpdate.

    Attributes:
        certificate: with which it answers, valid from ``begins`` to ``ends``.
        issuers: as what the CA is named in a CertID; of any other this responder does not speak.

    Raises:
        UsageError: the certificate is of another key.
    """

    def __init__(
        self,
        issuer: Certificate,
        key: PrivateKey,
        certificate: Certificate | None = None,
        *,
        lifetime: timedelta = LIFETIME,
    ) -> None:
        named = certificate or issuer
        if dump_public_key(key.public_key()) != named.spki:
            raise UsageError("the responder's certificate is of another key", reason="key")
        self.certificate, self.lifetime = named, lifetime
        self.begins, self.ends = named.not_before, named.not_after
        self._sign = signer_of(key)
        forms = tuple(_issuer_forms(issuer))
        self.issuers, self._sha1 = frozenset(forms), forms[0]
        self._name = encode(0xA2, encode(_OCTETS, hashlib.sha1(key_octets(named), usedforsecurity=False).digest()))
        self._tail = encode(0xA0, encode(_SEQUENCE, certificate.der)) if certificate else b""
        self._algorithm = algorithm_of(key)
        self._plain: dict[int, tuple[_Plain, ...]] = {}
        self._times = _NO_TIMES
        self._frames: dict[tuple[int, int], tuple[bytes, bytes]] = {}

    def plain(self, request: bytes) -> tuple[int, bytes, bytes] | None:
        """Of a question about one certificate of this CA, such as clients send day in, day out: serial number, CertID, and nonce,
        empty for none. None: it is of a form that was not seen yet, and :meth:`read` tells.
        """
        for form in self._plain.get(len(request), ()):
            if request.startswith(form.before) and request[form.stop : form.nonce] == form.between:
                octets = request[form.start : form.stop]
                if 0 < octets[0] < 0x80:  # DER, and positive
                    serial = int.from_bytes(octets, "big")
                    return serial, request[form.certificate : form.stop], request[form.nonce :]
        return None

    def read(self, request: bytes) -> Questions:
        """As :func:`parse_questions`; it learns plain forms."""
        questions = parse_questions(request)
        self._learn(request, questions)
        return questions

    def _learn(self, request: bytes, questions: Questions) -> None:
        """Remember the form of a question that is just what it says in DER: those of the same lengths differ in two values only."""
        (asked, *others), known = questions.asked, self._plain.get(len(request), ())
        if others or asked.issuer not in self.issuers or len(known) >= _MOST_FORMS or request != compose(questions):
            return
        if asked.serial <= 0:  # of another length than a positive number of as many bits, and no certificate's
            return
        stop = request.index(asked.der) + len(asked.der)
        nonce = len(request) - len(questions.nonce or b"")
        start = stop - (asked.serial.bit_length() // 8 + 1)
        self._plain[len(request)] = (
            *known,
            _Plain(request[:start], start, stop, request[stop:nonce], nonce, stop - len(asked.der)),
        )

    def certificate_id(self, serial: int) -> CertID:
        """How a client names a certificate of its CA by SHA-1 (RFC 5019, 2.1.1)."""
        octets = serial.to_bytes((serial.bit_length() >> 3) + 1, "big")
        return CertID(self._sha1, serial, encode(_SEQUENCE, self._sha1, encode(_INTEGER, octets)))

    def answer(
        self, questions: Questions, standings: Iterable[Standing], now: datetime, as_of: datetime | None = None
    ) -> bytes:
        """Sign an answer (RFC 6960, 4.2.1).

        Args:
            questions: what was asked; of another CA's certificates the answer is that they are not known.
            standings: of each certificate that was asked about, in their order.
            now: producedAt, with a time zone.
            as_of: thisUpdate, the moment at which the standings were so; ``now`` if None.

        Returns:
            OCSPResponse, DER.
        """
        times = self._now(now, as_of)
        singles = (
            _sequence(asked.der + _status(known) + times.period)
            for asked, known in zip(questions.asked, standings, strict=True)
        )
        nonce = questions.nonce
        extensions = _NONCE_HEADS[len(nonce)] + nonce if nonce else b""
        tbs = _sequence(b"%b%b%b%b" % (self._name, times.produced, _sequence(b"".join(singles)), extensions))
        return self._signed(tbs)

    def good(self, certificate: bytes, nonce: bytes, now: datetime, as_of: datetime | None = None) -> bytes:
        """As :meth:`answer`: that one certificate is good, as nearly all are. What is the same for a second is put together once.

        Args:
            certificate: its CertID, DER.
            nonce: empty for none.
            now: as for :meth:`answer`.
            as_of: the same.
        """
        times = self._now(now, as_of)
        sizes = len(certificate), len(nonce)
        head, middle = times.parts.get(sizes) or self._parts(times, *sizes)
        return self._signed(b"%b%b%b%b" % (head, certificate, middle, nonce))

    def _now(self, now: datetime, as_of: datetime | None) -> _Times:
        times = self._times
        if times.as_of is not as_of or not times.start <= now < times.stop:
            times = self._times = _Times.of(now, as_of, self.lifetime)
        return times

    def _signed(self, tbs: bytes) -> bytes:
        signature = self._sign(tbs)
        sizes = len(tbs), len(signature)
        before, between = self._frames.get(sizes) or self._frame(*sizes)
        return b"%b%b%b%b%b" % (before, tbs, between, signature, self._tail)

    def _parts(self, times: _Times, certificate: int, nonce: int) -> tuple[bytes, bytes]:
        """What stands in ResponseData before a good certificate's CertID, and between that and the nonce, of these lengths."""
        nonce_head = _NONCE_HEADS[nonce]
        middle = _GOOD + times.period
        single = b"\x30" + _length(certificate + len(middle))
        responses = b"\x30%b%b" % (_length(len(single) + certificate + len(middle)), single)
        head = self._name + times.produced + responses
        whole = len(head) + certificate + len(middle) + len(nonce_head) + nonce
        found = times.parts[certificate, nonce] = b"\x30%b%b" % (_length(whole), head), middle + nonce_head
        return found

    def _frame(self, tbs: int, signature: int) -> tuple[bytes, bytes]:
        """What stands in an OCSPResponse around ResponseData and signature of these lengths."""
        between = self._algorithm + b"\x03%b\0" % _length(signature + 1)
        basic = b"\x30" + _length(tbs + len(between) + signature + len(self._tail))
        inside = len(basic) + tbs + len(between) + signature + len(self._tail)
        inner = b"%b\x04%b" % (_BASIC, _length(inside))
        whole = b"\x30%b%b" % (_length(len(inner) + inside), inner)
        explicit = b"\x0a\x01\x00\xa0%b%b" % (_length(len(whole) + inside), whole)
        found = b"\x30%b%b%b" % (_length(len(explicit) + inside), explicit, basic), between
        if len(self._frames) < _MOST_FRAMES:
            self._frames[tbs, signature] = found
        return found


class _Times(NamedTuple):
    """The times of the answers that are signed in one second."""

    start: datetime
    stop: datetime
    as_of: datetime | None
    produced: bytes
    period: bytes
    parts: dict[tuple[int, int], tuple[bytes, bytes]]
    """See :meth:`Responder._parts`."""

    @classmethod
    def of(cls, now: datetime, as_of: datetime | None, lifetime: timedelta) -> _Times:
        """producedAt, and thisUpdate with nextUpdate."""
        start = _x509.utc(now).replace(microsecond=0)
        begins = start if as_of is None else as_of
        period = _time(begins) + b"\xa0\x11" + _time(begins + lifetime)
        return cls(start, start + timedelta(seconds=1), as_of, _time(start), period, {})


_NO_TIMES: Final = _Times(datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC), None, b"", b"", {})


class _Plain(NamedTuple):
    """A form of question about one certificate: what stands before its serial number and between that and the nonce, and where."""

    before: bytes
    start: int
    stop: int
    between: bytes
    nonce: int
    certificate: int


def compose(questions: Questions) -> bytes:
    """The plain OCSPRequest, DER, without signature or anything else that it need not have."""
    requests = encode(_SEQUENCE, *(encode(_SEQUENCE, asked.der) for asked in questions.asked))
    nonce = questions.nonce
    extensions = b"" if nonce is None else encode(0xA2, encode(_SEQUENCE, _nonce_extension(nonce)))
    return encode(_SEQUENCE, encode(_SEQUENCE, requests, extensions))


def _nonce_extension(nonce: bytes) -> bytes:
    return encode(_SEQUENCE, _NONCE, encode(_OCTETS, encode(_OCTETS, nonce)))


def _nonce_head(octets: int) -> bytes:
    """responseExtensions up to the nonce itself."""
    return encode(0xA1, encode(_SEQUENCE, _nonce_extension(bytes(octets))))[:-octets]


_NONCE_HEADS: Final = (b"", *(_nonce_head(octets) for octets in NONCE))
_LENGTHS: Final = tuple(encode(_OCTETS, bytes(octets))[1 : -octets or None] for octets in range(4096))


def _length(octets: int) -> bytes:
    return _LENGTHS[octets] if octets < len(_LENGTHS) else encode(_OCTETS, bytes(octets))[1:-octets]


def _sequence(value: bytes) -> bytes:
    return b"\x30%b%b" % (_length(len(value)), value)


_GOOD, _REVOKED, _UNKNOWN = b"\x80\x00", 0xA1, b"\x82\x00"


def _status(known: Standing) -> bytes:
    if not known.known:
        return _UNKNOWN
    if known.reason is None or known.since is None:
        return _GOOD
    code = REASON_CODES.get(known.reason)
    reason = b"" if known.reason == UNSPECIFIED or code is None else b"\xa0\x03\x0a\x01" + bytes((code,))
    return encode(_REVOKED, _time(known.since), reason)


def _time(moment: datetime) -> bytes:
    """GeneralizedTime, to the second."""
    return b"\x18\x0f%04d%02d%02d%02d%02d%02dZ" % _x509.utc(moment).timetuple()[:6]


def _issuer_forms(issuer: Certificate) -> Iterable[bytes]:
    """What stands before the serial number in a CertID of this CA: by both digests, with parameters NULL or without."""
    for name, oid in _HASHES.items():
        digests = (hashlib.new(name, part, usedforsecurity=False) for part in (issuer.subject, key_octets(issuer)))
        octets = b"".join(encode(_OCTETS, digest.digest()) for digest in digests)
        for parameters in (_NULL, b""):
            yield encode(_SEQUENCE, ObjectIdentifier(oid).dump(), parameters) + octets
