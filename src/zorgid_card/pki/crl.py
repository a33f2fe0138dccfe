"""Certificate revocation lists (RFC 5280, 5): parsed and verified; a delta is put on its base without touching it.

What is accepted, and why:

* A list about one's own certificates. An indirect list (of other issuers' certificates), one for some reasons only and one of
  attribute certificates are refused: absence from them proves nothing about a card.
* A list that covers holders' certificates only, CAs' only, or those that name its distribution point: issuingDistributionPoint
  (5.2.5) says so, and :meth:`CRL.require_covers` judges it for the certificate in hand. It must be critical, as the standard asks:
  one that is not would be taken for a full list by others.
* A delta (5.2.4) on a base of the same issuer and scope whose number lies between the delta's base number and its own.
* ``removeFromCRL`` in deltas only (5.3.1). OpenSSL accepts it in full lists too; there it hides the entry from some programs and
  not from others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from zorgid_card.codec.revoked import RevokedIndex
from zorgid_card.errors import (
    CertificateMalformedError,
    OnHoldError,
    RevocationUnknownError,
    RevokedError,
    SignatureError,
)
from zorgid_card.pki import _signed, _x509
from zorgid_card.pki.certificate import Certificate

MAX_CRL = 64 * 1024 * 1024
"""Octets: room for a million entries."""

CLOCK_SKEW = timedelta(minutes=5)
"""How far a CRL's thisUpdate may lie in our future."""

ON_HOLD = "certificateHold"
UNSPECIFIED = "unspecified"

_PEM = b"-----BEGIN "
_HOLD, _REMOVED = 6, 8
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


class Scope(NamedTuple):
    """Which certificates a list covers (5.2.5); by default all of its issuer."""

    holders_only: bool = False
    authorities_only: bool = False
    points: frozenset[str] = frozenset()
    """URIs of the distribution point; empty: any."""


_EVERYTHING: Final = Scope()


class _Entries(Mapping[int, RevokedEntry]):
    """The entries of a list by serial number, each made when it is asked for; a delta's count first."""

    def __init__(self, index: RevokedIndex, delta: RevokedIndex | None) -> None:
        self._index = index
        self._delta = delta

    def __getitem__(self, serial: int) -> RevokedEntry:
        found = _find_entry(self._index, self._delta, serial)
        if found is None:
            raise KeyError(serial)
        return _entry(serial, *found)

    def __iter__(self) -> Iterator[int]:
        added = (entry.serial for entry in self._delta or () if self._index.find(entry.serial) is None)
        serials = chain((entry.serial for entry in self._index), added)
        return (serial for serial in serials if _find_entry(self._index, self._delta, serial) is not None)

    def __len__(self) -> int:
        return len(self._index) if self._delta is None else sum(1 for _ in self)


def _find_entry(index: RevokedIndex, delta: RevokedIndex | None, serial: int) -> tuple[int, int] | None:
    """The reason's number and the date of a serial number, if it is revoked: as the delta says, or else the list below it. A delta
    takes back what was on hold (6.3.3 k); what was revoked for good stays so, whatever it says.
    """
    before = index.find(serial)
    changed = None if delta is None else delta.find(serial)
    if changed is None or (before is not None and before[0] != _HOLD):
        return before
    return None if changed[0] == _REMOVED else changed


def _entry(serial: int, reason: int, since: int) -> RevokedEntry:
    return RevokedEntry(serial, _EPOCH + timedelta(seconds=since), _REASONS[reason])


class CRL:
    """One CRL, or one with a delta on it. Made by :meth:`parse`; what it says counts only after :meth:`verify`,
    :meth:`require_covers` and :meth:`require_fresh`.
    """

    __slots__ = (
        "_base_number",
        "_crl",
        "_delta",
        "_earliest",
        "_freshest",
        "_index",
        "_next_update",
        "_number",
        "_plain",
        "_scope",
        "_verified",
    )

    def __init__(self, crl: x509.CertificateRevocationList, next_update: datetime, index: RevokedIndex) -> None:
        self._crl = crl
        self._next_update = next_update
        self._index = index
        self._earliest = crl.last_update_utc - CLOCK_SKEW
        self._scope = _scope(crl.extensions)
        self._number, self._base_number = _numbers(crl.extensions)
        self._freshest = _freshest(crl.extensions)
        self._plain = self._base_number is None and self._scope == _EVERYTHING
        self._delta: CRL | None = None
        self._verified: set[bytes] = set()

    @classmethod
    def parse(cls, data: bytes) -> CRL:
        """Decode a CRL, DER or PEM, full or delta, and every entry of it.

        Raises:
            CertificateMalformedError: not a CRL; one without nextUpdate (5.1.2.5); one with a critical
                extension that is not known here, or of a kind that is not accepted; a full CRL with ``removeFromCRL``
                (5.3.1); a serial number that is negative or longer than 20 bytes.
        """
        _x509.require_size(data, MAX_CRL, "CRL")
        with _x509.decoding("CRL"):
            pem = data.lstrip().startswith(_PEM)
            crl = x509.load_pem_x509_crl(bytes(data)) if pem else x509.load_der_x509_crl(bytes(data))
            next_update = crl.next_update_utc
            _ = crl.issuer, crl.last_update_utc - CLOCK_SKEW, crl.signature_algorithm_oid, list(crl.extensions)
        _require_known(crl.extensions)
        if next_update is None:
            raise CertificateMalformedError("CRL without nextUpdate", field="nextUpdate", reason="missing")
        return cls(crl, next_update, RevokedIndex.build(crl.public_bytes(Encoding.DER) if pem else bytes(data)))

    @property
    def der(self) -> bytes:
        """The list itself, DER, without the delta on it."""
        return self._crl.public_bytes(Encoding.DER)

    @property
    def this_update(self) -> datetime:
        """When it was made, UTC; with a delta on it, when that was."""
        return self._crl.last_update_utc if self._delta is None else self._delta.this_update

    @property
    def next_update(self) -> datetime:
        """When it goes stale, UTC; with a delta on it, when that does."""
        return self._next_update if self._delta is None else self._delta.next_update

    @property
    def number(self) -> int | None:
        """CRL number (5.2.3), which only grows; None where it has none."""
        return self._number if self._delta is None else self._delta.number

    @property
    def base_number(self) -> int | None:
        """Of a delta, the number of the oldest list that it can be put on (5.2.4); None for a full list."""
        return self._base_number

    @property
    def freshest(self) -> tuple[str, ...]:
        """Where its deltas are (5.2.6), URIs of http and https."""
        return self._freshest

    @property
    def scope(self) -> Scope:
        """Which certificates it covers."""
        return self._scope

    @property
    def entries(self) -> Mapping[int, RevokedEntry]:
        """The revoked certificates by serial number."""
        return _Entries(self._index, None if self._delta is None else self._delta.index)

    @property
    def index(self) -> RevokedIndex:
        """The list itself, as the C core looks it up; it can be saved to a file and mapped from there."""
        return self._index

    def with_delta(self, delta: CRL) -> CRL:
        """This list with a delta on it (5.2.4), looked up beside it: the 100,000 entries of the list stay where they are.

        Raises:
            RevocationUnknownError: the delta does not belong to this list; ``reason``.
        """
        wrong = _mismatch(self, delta)
        if wrong:
            raise RevocationUnknownError(f"the delta CRL does not belong to the list: {wrong}", reason="delta")
        made = CRL(self._crl, self._next_update, self._index)
        made._delta, made._plain, made._verified = delta, False, self._verified
        return made

    @property
    def issuer(self) -> bytes:
        """Whose list it says it is: a Name, DER."""
        return self._crl.issuer.public_bytes()

    def verify(self, issuer: Certificate) -> None:
        """Verify that this CA signed the list, and the delta on it.

        Args:
            issuer: the CA's certificate. Of several with the same name and key, any will do.

        Raises:
            RevocationUnknownError: the list is of another issuer, or the CA may not sign lists.
            SignatureError: the signature does not verify, or its algorithm is not accepted.
        """
        if self._delta is not None:
            self._delta.verify(issuer)
        if issuer.der in self._verified:
            return
        if issuer.subject != self.issuer:
            raise RevocationUnknownError("the CRL is of another issuer", reason="issuer")
        if issuer.key_usage is not None and "crl_sign" not in issuer.key_usage:
            raise RevocationUnknownError("the CA may not sign CRLs", reason="keyUsage")
        self._verify_signature(issuer)
        self._verified.add(issuer.der)

    def _verify_signature(self, issuer: Certificate) -> None:
        with _x509.decoding("CRL signature"):
            _signed.require_accepted(self._crl.signature_algorithm_oid, "CRL")
            if not self._crl.is_signature_valid(issuer.public_key):
                raise SignatureError("the CRL's signature does not verify")

    def require_covers(self, certificate: Certificate) -> None:
        """Raise unless absence from this list means something for ``certificate`` (5.2.5, 6.3.3 b).

        Raises:
            RevocationUnknownError: the list is about other certificates.
        """
        scope = self._scope
        other_kind = scope.holders_only if certificate.is_ca else scope.authorities_only
        if other_kind or (scope.points and scope.points.isdisjoint(certificate.crl_urls)):
            raise RevocationUnknownError("the CRL does not cover this certificate", reason="scope")

    def settles(self, certificate: Certificate, issuer: Certificate, at: datetime) -> bool:
        """Whether this list alone tells of ``certificate`` at ``at`` (UTC): a full list without delta, for all certificates, fresh,
        and verified before. One that does, and does not raise, says that the certificate is not revoked.

        Raises:
            OnHoldError, RevokedError: as :meth:`status`.
        """
        if not (self._plain and self._earliest <= at <= self._next_update and issuer.der in self._verified):
            return False
        if self._index.find_octets(certificate.serial_octets) is not None:
            self.status(certificate.serial)
        return True

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
            RevocationUnknownError: this is a delta alone, from which absence proves nothing.
            OnHoldError: on hold, and it may come back.
            RevokedError: revoked for good; ``serial`` (hexadecimal), ``reason``, ``since``.
        """
        if self._base_number is not None:
            raise RevocationUnknownError("a delta CRL tells nothing without its base", reason="delta")
        found = _find_entry(self._index, None if self._delta is None else self._delta.index, serial)
        if found is not None:
            entry = _entry(serial, *found)
            raise revoked(serial, entry.reason, entry.since)


def revoked(serial: int, reason: str, since: datetime) -> RevokedError:
    """The error that says since when a certificate is revoked, or on hold, and why."""
    kind, text = OnHoldError if reason == ON_HOLD else RevokedError, _x509.iso(since)
    return kind(f"revoked since {text}: {reason}", serial=f"{serial:x}", reason=reason, since=text)


def _mismatch(base: CRL, delta: CRL) -> str | None:
    """Why a delta cannot be put on a list (5.2.4, a to c); that both are of one key shows when they are verified."""
    if base.base_number is not None or delta.base_number is None:
        return "a delta goes on a full list"
    if base._crl.issuer != delta._crl.issuer:
        return "another issuer"
    if base.scope != delta.scope:
        return "another scope"
    if base._number is None or delta._number is None or not delta.base_number <= base._number < delta._number:
        return f"number {delta._number} from {delta.base_number} on, the list has {base._number}"
    return None


_ACCEPTED = (x509.AuthorityKeyIdentifier, x509.DeltaCRLIndicator, x509.IssuingDistributionPoint)
_MUST_BE_CRITICAL = (x509.DeltaCRLIndicator, x509.IssuingDistributionPoint)


def _require_known(extensions: x509.Extensions) -> None:
    for item in extensions:
        oid = item.oid.dotted_string
        if item.critical and not isinstance(item.value, _ACCEPTED):
            _refuse(oid, "the CRL has a critical extension that is not known")
        if not item.critical and isinstance(item.value, _MUST_BE_CRITICAL):
            _refuse(oid, "the CRL hides from others that it is not a full one")
        if isinstance(item.value, x509.IssuingDistributionPoint):
            _require_plain(oid, item.value)
    number, base = _numbers(extensions)
    if base is not None and (number is None or base > number or _freshest(extensions)):
        _refuse("2.5.29.27", "a delta CRL without a number above its base's, or with deltas of its own")


def _require_plain(oid: str, point: x509.IssuingDistributionPoint) -> None:
    partial = point.only_some_reasons or point.indirect_crl or point.only_contains_attribute_certs
    if partial or point.relative_name or (point.only_contains_user_certs and point.only_contains_ca_certs):
        _refuse(oid, "the CRL is indirect, for some reasons only or of attribute certificates")


def _refuse(oid: str, told: str) -> None:
    raise CertificateMalformedError(f"{told}: {oid}", field="crlExtensions", reason=oid)


def _find(extensions: x509.Extensions, kind: type[_x509.E]) -> _x509.E | None:
    return next((item.value for item in extensions if isinstance(item.value, kind)), None)


def _scope(extensions: x509.Extensions) -> Scope:
    point = _find(extensions, x509.IssuingDistributionPoint)
    if point is None:
        return _EVERYTHING
    return Scope(point.only_contains_user_certs, point.only_contains_ca_certs, frozenset(_uris(point.full_name)))


def _uris(names: Iterable[x509.GeneralName] | None) -> Iterator[str]:
    """The URIs among names; of a name that holds none, a text that no certificate has, so that it is not taken for "any"."""
    found = [name.value for name in names or () if isinstance(name, x509.UniformResourceIdentifier)]
    yield from found if found or not names else ("",)


def _numbers(extensions: x509.Extensions) -> tuple[int | None, int | None]:
    number, delta = _find(extensions, x509.CRLNumber), _find(extensions, x509.DeltaCRLIndicator)
    return None if number is None else number.crl_number, None if delta is None else delta.crl_number


def _freshest(extensions: x509.Extensions) -> tuple[str, ...]:
    points = _find(extensions, x509.FreshestCRL) or ()
    uris = [uri for point in points if not point.reasons and not point.crl_issuer for uri in _uris(point.full_name)]
    return tuple(uri for uri in uris if uri.lower().startswith(("http://", "https://")))
