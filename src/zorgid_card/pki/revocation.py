"""Certificate revocation lists (RFC 5280, 5): parsed, verified, and asked for a chain. Fetching is the
caller's.

Full, direct CRLs only: a delta CRL, an indirect one, or one that covers a part of the certificates says so in
a critical extension and is refused, for absence from it would prove nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final, NamedTuple, Protocol, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from zorgid_card.codec.revoked import RevokedIndex
from zorgid_card.errors import (
    CertificateError,
    CertificateMalformedError,
    OnHoldError,
    RevocationUnknownError,
    RevokedError,
    SignatureError,
)
from zorgid_card.pki import _x509
from zorgid_card.pki.certificate import Certificate

MAX_CRL = 64 * 1024 * 1024
"""Octets: room for a million entries."""

CLOCK_SKEW = timedelta(minutes=5)
"""How far a CRL's thisUpdate may lie in our future."""

_DIGESTS = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
_PEM = b"-----BEGIN "

ON_HOLD = "certificateHold"
UNSPECIFIED = "unspecified"

_REASONS: Final = {
    0: UNSPECIFIED,
    1: "keyCompromise",
    2: "cACompromise",
    3: "affiliationChanged",
    4: "superseded",
    5: "cessationOfOperation",
    6: ON_HOLD,
    9: "privilegeWithdrawn",
    10: "aACompromise",
}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class RevokedEntry(NamedTuple):
    """One revoked certificate: ``reason`` as RFC 5280, 5.3.1 names it (``keyCompromise``,
    ``certificateHold``, …).
    """

    serial: int
    since: datetime
    reason: str = UNSPECIFIED


class _Entries(Mapping[int, RevokedEntry]):
    """The entries of an index by serial number, each made when it is asked for."""

    def __init__(self, index: RevokedIndex) -> None:
        self._index = index

    def __getitem__(self, serial: int) -> RevokedEntry:
        found = self._index.find(serial)
        if found is None:
            raise KeyError(serial)
        return _entry(serial, *found)

    def __iter__(self) -> Iterator[int]:
        return (entry.serial for entry in self._index)

    def __len__(self) -> int:
        return len(self._index)


def _entry(serial: int, reason: int, since: int) -> RevokedEntry:
    return RevokedEntry(serial, _EPOCH + timedelta(seconds=since), _REASONS[reason])


class CRL:
    """One CRL. Made by :meth:`parse`; what it says counts only after :meth:`verify` and
    :meth:`require_fresh`.
    """

    __slots__ = ("_crl", "_index", "_next_update", "_verified")

    def __init__(self, crl: x509.CertificateRevocationList, next_update: datetime, index: RevokedIndex) -> None:
        self._crl = crl
        self._next_update = next_update
        self._index = index
        self._verified: set[bytes] = set()

    @classmethod
    def parse(cls, data: bytes) -> CRL:
        """Decode a CRL, DER or PEM, and every entry of it.

        Raises:
            CertificateMalformedError: not a CRL; one without nextUpdate (5.1.2.5); one with a critical
                extension that is not known here; a full CRL with ``removeFromCRL`` (5.3.1); a serial number that is negative
                or longer than 20 bytes.
        """
        _x509.require_size(data, MAX_CRL, "CRL")
        with _x509.decoding("CRL"):
            pem = data.lstrip().startswith(_PEM)
            crl = x509.load_pem_x509_crl(bytes(data)) if pem else x509.load_der_x509_crl(bytes(data))
            next_update = crl.next_update_utc
            _ = crl.issuer, crl.last_update_utc, crl.signature_hash_algorithm
            extensions = list(crl.extensions)
        _require_full(extensions)
        if next_update is None:
            raise CertificateMalformedError("CRL without nextUpdate", field="nextUpdate", reason="missing")
        return cls(crl, next_update, RevokedIndex.build(crl.public_bytes(Encoding.DER) if pem else bytes(data)))

    @property
    def this_update(self) -> datetime:
        """When it was made, UTC."""
        return self._crl.last_update_utc

    @property
    def next_update(self) -> datetime:
        """When it goes stale, UTC."""
        return self._next_update

    @property
    def number(self) -> int | None:
        """CRL number (5.2.3), which only grows; None where it has none."""
        try:
            return self._crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        except x509.ExtensionNotFound:
            return None

    @property
    def entries(self) -> Mapping[int, RevokedEntry]:
        """The revoked certificates by serial number."""
        return _Entries(self._index)

    @property
    def index(self) -> RevokedIndex:
        """The same, as the C core looks it up; it can be saved to a file and mapped from there."""
        return self._index

    def verify(self, issuer: bytes) -> None:
        """Verify that the CA of this certificate signed the list.

        Args:
            issuer: the CA's certificate, DER. Of several with the same name and key, any will do.

        Raises:
            RevocationUnknownError: the list is of another issuer, or the CA may not sign lists.
            SignatureError: the signature does not verify.
        """
        certificate = _x509.load_certificate(issuer)
        identity = _x509.der(certificate)
        if identity in self._verified:
            return
        if certificate.subject != self._crl.issuer:
            raise RevocationUnknownError("the CRL is of another issuer", reason="issuer")
        usage = _x509.extension(certificate, x509.KeyUsage)
        if usage is not None and not usage.crl_sign:
            raise RevocationUnknownError("the CA may not sign CRLs", reason="keyUsage")
        self._verify_signature(certificate)
        self._verified.add(identity)

    def _verify_signature(self, certificate: x509.Certificate) -> None:
        key = certificate.public_key()
        with _x509.decoding("CRL signature"):
            strong = isinstance(self._crl.signature_hash_algorithm, _DIGESTS)
            known = isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
            if not (strong and known and self._crl.is_signature_valid(key)):  # type: ignore[arg-type]
                raise SignatureError("the CRL's signature does not verify")

    def require_fresh(self, at: datetime) -> None:
        """Raise unless ``at`` lies between thisUpdate (less five minutes) and nextUpdate.

        Raises:
            RevocationUnknownError: it does not.
        """
        moment = _x509.utc(at)
        if moment > self.next_update:
            raise RevocationUnknownError(f"the CRL went stale at {_x509.iso(self.next_update)}", reason="stale")
        if moment < self.this_update - CLOCK_SKEW:
            raise RevocationUnknownError(
                f"the CRL is of a later time, {_x509.iso(self.this_update)}", reason="not yet valid"
            )

    def status(self, serial: int) -> None:
        """Raise if the certificate with this serial number is on the list; return if it is not.

        Raises:
            OnHoldError: on hold, and it may come back.
            RevokedError: revoked for good; ``serial`` (hexadecimal), ``reason``, ``since``.
        """
        found = self._index.find(serial)
        if found is None:
            return
        entry = _entry(serial, *found)
        kind = OnHoldError if entry.reason == ON_HOLD else RevokedError
        since = _x509.iso(entry.since)
        raise kind(f"revoked since {since}: {entry.reason}", serial=f"{serial:x}", reason=entry.reason, since=since)


CRLSource: TypeAlias = Callable[[bytes], Iterable["bytes | CRL"]]
"""Given the issuing CA's certificate (DER), the CRLs at hand for it; a :class:`CRL` kept from before spares
parsing it again.
"""


def _require_full(extensions: Iterable[x509.Extension[x509.ExtensionType]]) -> None:
    for item in extensions:
        delta = isinstance(item.value, x509.DeltaCRLIndicator | x509.IssuingDistributionPoint)
        if delta or (item.critical and not isinstance(item.value, x509.AuthorityKeyIdentifier)):
            oid = item.oid.dotted_string
            raise CertificateMalformedError(
                f"the CRL is not a full one, or has an extension that is not known: {oid}",
                field="crlExtensions",
                reason=oid,
            )


def check_revocation(chain: Sequence[bytes], source: CRLSource, at: datetime, *, leaf_only: bool = False) -> None:
    """Check each certificate of a chain, except the root, against its issuer's CRL.

    Of the lists that ``source`` gives, those that cannot be relied on are passed over, and the newest of the
    others decides.

    Args:
        chain: DER, leaf to root, as :meth:`~zorgid_card.pki.chain.Trust.verify` returns it.
        source: gives the CRLs of an issuer.
        at: the moment of judgement, with a time zone.
        leaf_only: check the leaf alone, where the CAs' own lists are out of reach.

    Raises:
        OnHoldError, RevokedError: a certificate of the chain is on its issuer's list.
        RevocationUnknownError: there is no list, or none that is fresh, whole and signed by the issuer;
            ``reason``.
    """
    if len(chain) < 2:
        raise RevocationUnknownError("a chain has an issuer at least", reason="no issuer")
    pairs = list(pairwise(chain))
    for data, issuer in pairs[:1] if leaf_only else pairs:
        serial = _x509.load_certificate(data).serial_number
        _newest(source(issuer), issuer, at).status(serial)


def _newest(candidates: Iterable[bytes | CRL], issuer: bytes, at: datetime) -> CRL:
    reliable: list[CRL] = []
    problem: CertificateError = RevocationUnknownError("no CRL is at hand", reason="missing")
    for candidate in candidates:
        try:
            crl = candidate if isinstance(candidate, CRL) else CRL.parse(candidate)
            crl.verify(issuer)
            crl.require_fresh(at)
        except CertificateError as error:
            problem = error
        else:
            reliable.append(crl)
    if not reliable:
        name = _x509.common_name(_x509.load_certificate(issuer).subject)
        reason = problem.details.get("reason") or problem.code
        raise RevocationUnknownError(f"no usable CRL of {name}: {problem}", reason=reason) from problem
    return max(reliable, key=lambda crl: (crl.this_update, crl.number or 0))


class Revocation(Protocol):
    """Tells whether the certificates of a chain are revoked."""

    def check(self, chain: Sequence[Certificate], at: datetime) -> None:
        """Raise RevokedError, OnHoldError or RevocationUnknownError; ``chain`` leads from leaf to root."""


class CRLs:
    """Revocation by the CRLs that a source gives."""

    def __init__(self, source: CRLSource) -> None:
        self._source = source

    def check(self, chain: Sequence[Certificate], at: datetime) -> None:
        """See :func:`check_revocation`."""
        check_revocation([one.der for one in chain], self._source, at)
