"""A certification authority, wherever it is: in a directory, with its keys in an HSM, or somebody else's over the network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol, runtime_checkable

from zorgid_card.errors import CertificateMalformedError, UsageError

_UZI_DIGITS = 9
_NAME_LENGTH = 64
_SHARD: Final = "{shard}"
_MOST_SHARDS: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class CRLForm:
    """What a CRL is besides its entries; by default a full one about all certificates of its issuer.

    Args:
        base: of a delta CRL (RFC 5280, 5.2.4), the number of the list that it goes on; None: a full list.
        point: URL of the distribution point of which alone it tells, and of holders only (5.2.5); None: it tells of all.
        freshest: URL of the deltas of a full list (5.2.6); None: there are none.
    """

    base: int | None = None
    point: str | None = None
    freshest: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectData:
    """The person on a card, as the UZI authentication gave them: names of 1 to 64 characters, UZI number of 9
    digits.
    """

    uzi_number: str
    given_names: str
    surname: str
    common_name: str

    def __post_init__(self) -> None:
        if not (self.uzi_number.isascii() and self.uzi_number.isdigit() and len(self.uzi_number) == _UZI_DIGITS):
            raise CertificateMalformedError("not a UZI number", field="uzi_number", reason="9 digits")
        for name in ("given_names", "surname", "common_name"):
            value: str = getattr(self, name)
            if not 1 <= len(value) <= _NAME_LENGTH or not value.isprintable() or value != value.strip():
                raise CertificateMalformedError(f"{name}: 1 to 64 characters of text", field=name, reason="form")


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateProfile:
    """What the certificates of one slot have in common; change a part with :func:`dataclasses.replace`.

    Args:
        name: the usage: ``authenticity``, ``signature`` or ``confidentiality``.
        slot: PIV key reference (SP 800-73-5 part 1, table 4b).
        key_usage: the bits of keyUsage, by ``cryptography``'s names, for an RSA key.
        key_usage_ec: the same for a key on a curve.
        extended_key_usage: purposes, dotted.
        policy: certificate policy.
        identity_oid: type-id of the otherName with the person.
        validity: how long a certificate is valid unless told otherwise; never longer than its CA.
        crl_url: cRLDistributionPoints; None leaves the extension out. With ``{shard}`` in it, for large populations, it stands for
            ``crl_shards`` addresses, and a certificate names the one of the remainder of its serial number.
        crl_shards: how many, 1 to 4096. When it changes, issued certificates stay with the address that they name.
        delta_url: freshestCRL; None leaves it out. With ``{shard}`` where ``crl_url`` has it.
        issuer_url: caIssuers of authorityInfoAccess; None leaves it out.
        ocsp_url: OCSP of authorityInfoAccess; None leaves it out.
    """

    name: str
    slot: int
    key_usage: frozenset[str]
    key_usage_ec: frozenset[str]
    extended_key_usage: tuple[str, ...]
    policy: str
    identity_oid: str
    validity: timedelta = timedelta(days=3 * 365)
    crl_url: str | None = "http://crl.zorgid.example/issuing.crl"
    issuer_url: str | None = "http://crl.zorgid.example/issuing.cer"
    ocsp_url: str | None = None
    crl_shards: int = 1
    delta_url: str | None = None

    def __post_init__(self) -> None:
        """Refuse addresses of which two lists would have one.

        Raises:
            UsageError: ``reason`` "shards".
        """
        sharded = self.crl_shards > 1
        urls = [self.crl_url, *([self.delta_url] if self.delta_url else [])]
        if not 1 <= self.crl_shards <= _MOST_SHARDS or any((_SHARD in (url or "")) is not sharded for url in urls):
            raise UsageError("each of several CRLs has an address of its own, with {shard} in it", reason="shards")

    @property
    def points(self) -> tuple[tuple[str, str | None], ...]:
        """The distribution points, and the address of each one's deltas."""
        return tuple(self.point(shard) for shard in range(self.crl_shards)) if self.crl_url else ()

    def point(self, serial: int) -> tuple[str, str | None]:
        """What a certificate with this serial number names: its distribution point, empty for none, and that of the deltas."""
        shard = str(serial % self.crl_shards)
        delta = self.delta_url.replace(_SHARD, shard) if self.delta_url else None
        return (self.crl_url or "").replace(_SHARD, shard), delta


_FULL: Final = CRLForm()


class CertificateAuthority(Protocol):
    """Issues the certificates of cards, and tells what is revoked. Serves many threads."""

    @property
    def certificate(self) -> bytes:
        """The issuing CA's certificate, DER."""
        ...

    @property
    def root(self) -> bytes:
        """The root's certificate, DER."""
        ...

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The CA certificates above a card's: issuing CA first, root last; DER."""
        ...

    def issue(
        self,
        profile: CertificateProfile,
        subject: SubjectData,
        public_key: bytes,
        *,
        serial: int,
        not_before: datetime,
        not_after: datetime | None = None,
        guid: bytes,
        request: bytes = b"",
    ) -> bytes:
        """Issue a certificate for a key that was proven to be on a card.

        Args:
            profile: the slot's profile.
            subject: the person.
            public_key: SubjectPublicKeyInfo, DER; RSA-2048 or more, P-256, P-384.
            serial: serial number, 65 to 159 bits; a remote CA chooses its own, so take it from the certificate.
            not_before: with a time zone.
            not_after: None for the profile's validity; never after the CA's own end.
            guid: the card's GUID (CHUID), 16 octets.
            request: the certification request that the card has signed (PKCS #10, DER), made of
                :func:`zorgid_card.pki.csr.request_template`; a CA that has its keys at hand does not need it.

        Returns:
            The certificate, DER.

        Raises:
            CertificateMalformedError: the key is not acceptable.
            UsageError: serial, dates or GUID are not of their form, or the CA is not valid then.
            StorageError: the CA's keys cannot be reached.
            FetchError: a remote CA did not answer, refuses, or wants to be asked again later (EnrolmentPendingError).
            CertificateIssuedError: a remote CA issued something else than was asked for.
        """
        ...

    def sign_crl(
        self,
        entries: Iterable[tuple[int, datetime, str]],
        number: int,
        this_update: datetime,
        next_update: datetime,
        *,
        root: bool = False,
        form: CRLForm = _FULL,
    ) -> bytes:
        """Sign a CRL (RFC 5280, 5).

        Args:
            entries: all that are revoked or on hold (serial, since, reason), in any order, each serial once; of a delta, all
                that have changed.
            number: grows by every CRL; a delta has that of the full list that is made with it.
            this_update: with a time zone.
            next_update: when it goes stale.
            root: the root's own, for the issuing CA's certificate.
            form: full or delta, and about whom.

        Returns:
            CertificateList, DER.

        Raises:
            UsageError: a serial stands twice, a reason is unknown, or ``removeFromCRL`` in a full list, or the dates are
                reversed.
            StorageError: the CA's keys cannot be reached.
            NotOfferedError: a remote CA signs its own CRLs.
        """
        ...


class Enrolment(Protocol):
    """The way to somebody else's CA, such as EST (RFC 7030). Serves many threads."""

    def enrol(self, request: bytes, /) -> bytes:
        """Have a certificate issued; who asks is shown by the way itself.

        Args:
            request: CertificationRequest, DER.

        Returns:
            The certificate that came, DER; the caller judges it.

        Raises:
            FetchError: no answer of the right kind came, or the CA refuses; ``reason``.
            EnrolmentPendingError: the same request is to be sent again later.
        """
        ...


@runtime_checkable
class RemoteAuthority(CertificateAuthority, Protocol):
    """A CA that is told, not asked to sign, what the portal has put on hold, released and revoked (docs/adr/0015)."""

    def tell_status(self, serial: int, status: str, reason: str | None, since: datetime) -> None:
        """Tell the status of a certificate: ``hold``, ``good`` or ``revoked``; telling it twice is fine.

        Raises:
            FetchError: it could not be told now.
        """
        ...
