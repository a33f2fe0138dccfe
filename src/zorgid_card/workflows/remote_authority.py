"""Somebody else's CA: it issues, the portal says the status (docs/adr/0015-a-remote-ca-issues-the-portal-says-the-status.md)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import NoReturn, TypeAlias

from zorgid_card.errors import FetchError, NotOfferedError, OnHoldError, RevokedError, UntrustedError, UsageError
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.csr import request_template, require_template, verify_csr
from zorgid_card.pki.issued import Asked, require_issued
from zorgid_card.ports.authority import CertificateProfile, CRLForm, Enrolment, RemoteAuthority, SubjectData
from zorgid_card.ports.registry import IssuedCertificate, Registry, Unit
from zorgid_card.workflows.revocation_list import expire_uncommitted

Tell: TypeAlias = Callable[[int, str, str | None, datetime], None]
"""Tells the CA a status by its own interface for that: serial number, ``hold``, ``good`` or ``revoked``, reason (RFC 5280, 5.3.1),
since. It is told again after a failure and after a restart, so it must bear that. It raises FetchError when it could not."""


class RemoteCA:
    """A CA over the network (:class:`zorgid_card.ports.authority.RemoteAuthority`).

    Args:
        enrolment: the way to it, such as :class:`zorgid_card.adapters.est.ESTClient`.
        chain: its certificates, DER: issuing CA first, root last; pinned by whoever sets up the portal.
        tell: puts a certificate on hold, releases and revokes it at the CA. None: **the world takes a certificate for valid from
            the moment that it is issued until it expires**; this portal alone refuses what is on hold or revoked.
        clock: UTC.

    Raises:
        UsageError: the chain has no issuing CA and root.
    """

    def __init__(
        self,
        enrolment: Enrolment,
        chain: Sequence[bytes],
        *,
        tell: Tell | None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        if len(chain) < 2:
            raise UsageError("a chain has an issuing CA first and a root last", reason="chain")
        self._enrolment, self._chain, self._tell, self._clock = enrolment, tuple(chain), tell, clock

    @property
    def certificate(self) -> bytes:
        """The issuing CA's certificate, DER."""
        return self._chain[0]

    @property
    def root(self) -> bytes:
        """The root's certificate, DER."""
        return self._chain[-1]

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The CA certificates above a card's: issuing CA first, root last; DER."""
        return self._chain

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
        """Have a certificate issued, judge it, and have it put on hold before anybody sees it.

        The CA chooses serial number and validity; longer than asked for is refused. See
        :meth:`zorgid_card.ports.authority.CertificateAuthority.issue`.

        Raises:
            CertificateMalformedError: the request is not one for this key and person.
        """
        if verify_csr(request) != public_key:
            raise UsageError("the request is for another key", reason="request")
        require_template(request, request_template(profile, subject, guid))
        now = self._clock()
        end = not_before + profile.validity if not_after is None else not_after
        der = self._enrolment.enrol(request)
        asked = Asked(profile=profile, subject=subject, public_key=public_key, guid=guid, now=now, not_after=end)
        require_issued(der, asked, self.certificate)
        self.tell_status(int(Certificate.parse(der).serial_hex, 16), "hold", "certificateHold", now)
        return der

    def tell_status(self, serial: int, status: str, reason: str | None, since: datetime) -> None:
        """See :meth:`zorgid_card.ports.authority.RemoteAuthority.tell_status`."""
        if self._tell is not None:
            self._tell(serial, status, reason, since)

    def sign_crl(
        self,
        entries: Iterable[tuple[int, datetime, str]],
        number: int,
        this_update: datetime,
        next_update: datetime,
        *,
        root: bool = False,
        form: CRLForm | None = None,
    ) -> NoReturn:
        """A remote CA signs its own CRLs."""
        raise NotOfferedError("a remote CA publishes its own CRL", operation="sign CRL", reason="remote CA")

    def __repr__(self) -> str:
        return f"RemoteCA({self._enrolment!r})"


class RemoteStatus:
    """The status of a remote CA's certificates: judged by the registry, and told to the CA. Serves many threads.

    Args:
        registry: the portal's store.
        authority: the CA.
        clock: UTC.
    """

    def __init__(self, registry: Registry, authority: RemoteAuthority, clock: Callable[[], datetime]) -> None:
        self._registry, self._authority, self._clock = registry, authority, clock
        self._lock = threading.Lock()

    def check(self, chain: Sequence[Certificate], at: datetime) -> None:
        """Whether a card of the portal's CA is revoked (:class:`~zorgid_card.pki.revocation.Revocation`): the registry says so.

        The CA's own certificates are pinned.

        Raises:
            OnHoldError, RevokedError: it is.
            UntrustedError: the portal has not had it issued.
        """
        serial = chain[0].serial_hex
        issued = self._registry.run(lambda unit: next(unit.find(IssuedCertificate, serial=serial), None))
        if issued is None or issued.der != bytes(chain[0].der):
            raise UntrustedError("the certificate is not in the registry", reason="unknown serial")
        if issued.status == "hold":
            raise OnHoldError(serial=serial, since=issued.changed_at.isoformat())
        if issued.status != "good":
            raise RevokedError(serial=serial, reason=issued.reason, since=issued.changed_at.isoformat())

    def report(self) -> int:
        """Revoke what was not activated in time, and tell the CA each status that it was not told; to be called every minute.

        Returns:
            How many were told.

        Raises:
            FetchError: some could not be told; they are told at the next call.
        """
        with self._lock:
            with self._registry.begin() as unit:
                expire_uncommitted(unit, self._clock())
                untold = list(_untold(unit))
            failures = [failure for issued in untold if (failure := self._tell(issued)) is not None]
        if failures:
            raise failures[0]
        return len(untold)

    def _tell(self, issued: IssuedCertificate) -> FetchError | None:
        """One that cannot be told does not keep the others waiting."""
        try:
            self._authority.tell_status(int(issued.serial, 16), issued.status, issued.reason, issued.changed_at)
        except FetchError as error:
            return error
        with self._registry.begin() as unit:
            now = unit.get(IssuedCertificate, issued.serial)  # it may have changed since: then it is told again
            unit.replace(replace(now, told=issued.status))
        return None


_STATUSES = ("revoked", "hold", "good")


def _untold(unit: Unit) -> Iterator[IssuedCertificate]:
    for status in _STATUSES:
        for told in (None, *_STATUSES):
            if told != status:
                yield from unit.find(IssuedCertificate, status=status, told=told)
