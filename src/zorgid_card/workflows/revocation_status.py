"""Revocation asked of the network (AUT-2): OCSP and CRLs, by a policy, and closed when nobody answers.

:class:`RevocationStatus` is a :class:`~zorgid_card.pki.revocation.Revocation`. For each certificate of a chain but the root it
goes through the methods of the policy until one gives an answer that counts: authentic, about this certificate, fresh. "Revoked"
and "the responder does not know it" end the search at once; when no method gives an answer, the certificate is refused, unless the
policy has a :class:`~zorgid_card.workflows.revocation_policy.Grace`.

A program that runs on asyncio calls it, or the log-in around it, with :func:`asyncio.to_thread`: it waits for servers.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeAlias
from urllib.parse import urlsplit

from zorgid_card.errors import CertificateError, FetchError, RevocationUnknownError, UsageError, ZorgIDError
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.crl import CLOCK_SKEW, CRL
from zorgid_card.pki.freshness import Freshness, period
from zorgid_card.pki.ocsp import Answer, is_not_checked
from zorgid_card.pki.revocation import pairs_of, reason_of
from zorgid_card.ports.fetch import Cache, Fetcher
from zorgid_card.workflows.crl_store import CRLStore
from zorgid_card.workflows.ocsp_client import OCSPClient
from zorgid_card.workflows.revocation_policy import IssuerPolicy, Method, RevocationPolicy

MAX_URLS = 3
"""Addresses of one kind that are tried for one certificate."""

_log = logging.getLogger(__name__)


class _Evidence(NamedTuple):
    """What an authentic answer says, and of when it is."""

    tell: Callable[[], None]
    """Raises if it says anything but good."""
    freshness: Freshness


@dataclass(slots=True)
class _Case:
    """One certificate under judgement, and what was found about it so far."""

    certificate: Certificate
    issuer: Certificate
    policy: IssuerPolicy
    at: datetime
    problems: dict[Method, ZorgIDError]
    stale: list[_Evidence]


_Gatherer: TypeAlias = Callable[[_Case], Iterator[_Evidence | ZorgIDError]]


@dataclass(frozen=True, slots=True)
class Refreshed:
    """One list after :meth:`RevocationStatus.refresh`: the newest at hand, and what went wrong, if anything did."""

    url: str
    issuer: str
    this_update: datetime | None
    next_update: datetime | None
    problem: str | None


class RevocationStatus:
    """Asks OCSP responders and CRLs. Serves many threads.

    Args:
        fetcher: fetches, such as :class:`zorgid_card.adapters.http.HTTPFetcher`.
        policy: whom to ask, and what counts.
        cache: shared with other processes, such as :class:`zorgid_card.adapters.disk_cache.DiskCache`; None: this process
            remembers lists alone, and no OCSP answers.
        clock: UTC.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        policy: RevocationPolicy | None = None,
        *,
        cache: Cache | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.policy = policy or RevocationPolicy()
        self._clock = clock
        self._lists = CRLStore(fetcher, cache, clock, self.policy.retry_after)
        self._responders = OCSPClient(fetcher, cache, clock, self.policy.retry_after)
        self._gatherers: dict[Method, _Gatherer] = {"ocsp": self._ask_responders, "crl": self._read_lists}
        for name, rule in (
            ("a holder", self.policy.holders),
            ("a CA", self.policy.authorities),
            *self.policy.issuers.items(),
        ):
            _log.info(
                "revocation of %s is seen after %s at most, by %s", name, rule.exposure, " then ".join(rule.order)
            )

    def check(self, chain: Sequence[Certificate], at: datetime) -> None:
        """See :meth:`zorgid_card.pki.revocation.Revocation.check`. The chain has been verified: its addresses are asked.

        Raises:
            RevokedError, OnHoldError: an authentic answer, of whatever age, says so.
            RevocationUnknownError: no answer counts; ``reason`` says why the first method failed, ``ocsp`` and ``crl`` why each
                did.
        """
        if at.tzinfo is None:
            raise UsageError("a moment without a time zone cannot be judged", reason="naive time")
        for certificate, issuer in pairs_of(chain):
            policy = self.policy.of(certificate, issuer)
            self._judge(_Case(certificate, issuer, policy, at.astimezone(UTC), {}, []))

    def refresh(self, chains: Iterable[Sequence[Certificate]] = ()) -> tuple[Refreshed, ...]:
        """Fetch what will soon be needed, so that no log-in waits for it; to be called by a timer, every five minutes or so.

        Args:
            chains: verified chains whose lists are wanted before anybody has logged in; those of the cards seen so far are
                known.

        Returns:
            Each list, and how that went. Nothing is raised: whether it matters shows in :meth:`check`.
        """
        now = self._clock()
        for certificate, issuer in (pair for chain in chains for pair in pairs_of(chain)):
            policy = self.policy.of(certificate, issuer)
            if "crl" in policy.order:
                list(self._read_lists(_Case(certificate, issuer, policy, now, {}, [])))
        return tuple(
            Refreshed(
                url,
                issuer.common_name,
                found.crl.this_update if found.crl else None,
                found.crl.next_update if found.crl else None,
                str(found.problem) if found.problem else None,
            )
            for url, issuer, found in self._lists.refresh()
        )

    def _judge(self, case: _Case) -> None:
        for method in case.policy.order:
            if self._is_good(case, method):
                return
        self._grant(case)

    def _is_good(self, case: _Case, method: Method) -> bool:
        """Whether this method gives an answer that counts; what says "revoked" or "unknown" is raised whatever its age."""
        for found in self._gatherers[method](case):
            if isinstance(found, ZorgIDError):
                case.problems.setdefault(method, found)
                continue
            found.tell()
            try:
                overdue = found.freshness.overdue(case.at)
            except RevocationUnknownError as error:
                case.problems.setdefault(method, error)
                continue
            if overdue <= timedelta():
                return True
            case.stale.append(found)
            case.problems.setdefault(method, RevocationUnknownError(f"stale for {period(overdue)}", reason="stale"))
        case.problems.setdefault(method, RevocationUnknownError("no address to ask is known", reason="missing"))
        return False

    def _grant(self, case: _Case) -> None:
        """Nothing counts: refuse, or let the least stale answer count within the policy's grace."""
        name, serial = case.issuer.common_name, case.certificate.serial_hex
        why = "; ".join(f"{method}: {problem}" for method, problem in case.problems.items())
        overdue = min((found.freshness.overdue(case.at) for found in case.stale), default=None)
        grace = case.policy.grace
        if grace is not None and overdue is not None and overdue <= grace.bound:
            text = "GRACE: certificate %s of %s is accepted on an answer that has been stale for %s (at most %s is let pass): %s"
            _log.warning(text, serial, name, period(overdue), period(grace.bound), why)
            return
        reasons = {method: reason_of(problem) for method, problem in case.problems.items()}
        told = f"whether certificate {serial} of {name} is revoked cannot be told: {why}"
        raise RevocationUnknownError(told, reason=next(iter(reasons.values())), issuer=name, **reasons)

    def _ask_responders(self, case: _Case) -> Iterator[_Evidence | ZorgIDError]:
        policy = case.policy.ocsp
        for url in _allowed(policy.urls or case.certificate.ocsp_urls, case.policy.hosts):
            if isinstance(url, ZorgIDError):
                yield url
                continue
            answer, problem = self._responders.ask(url, case.certificate, case.issuer, policy)
            if problem is not None:
                yield problem
            if answer is not None:
                freshness = Freshness(answer.this_update, answer.next_update, policy.max_age, policy.ahead)
                yield self._responder_problem(answer, case) or _Evidence(answer.status, freshness)

    def _responder_problem(self, answer: Answer, case: _Case) -> ZorgIDError | None:
        """A delegated responder whose CA did not exempt it must not be on the CA's list itself (RFC 6960, 4.2.2.2.1)."""
        responder = answer.responder
        if responder is None or is_not_checked(responder):
            return None
        of_responder = _Case(responder, case.issuer, case.policy, case.at, {}, [])
        try:
            if self._is_good(of_responder, "crl"):
                return None
            problem: ZorgIDError = of_responder.problems["crl"]
        except CertificateError as error:
            problem = error
        return RevocationUnknownError(f"the responder's own certificate: {problem}", reason="responder")

    def _read_lists(self, case: _Case) -> Iterator[_Evidence | ZorgIDError]:
        policy = case.policy.crl

        def usable(crl: CRL) -> bool:
            return crl.this_update + policy.max_age >= case.at and crl.next_update >= case.at

        for url in _allowed(policy.urls or case.certificate.crl_urls, case.policy.hosts):
            if isinstance(url, ZorgIDError):
                yield url
                continue
            crl, problem = self._lists.newest(url, case.issuer, policy, usable)
            if crl is not None:
                updated = self._updated(crl, case, usable)
                yield from self._evidence(updated, problem, case)
                if updated is not crl:  # its delta went stale before it did: what that revoked was told above
                    yield from self._evidence(crl, None, case)
            elif problem is not None:
                yield problem

    def _evidence(self, crl: CRL, problem: ZorgIDError | None, case: _Case) -> Iterator[_Evidence | ZorgIDError]:
        try:
            crl.verify(case.issuer)
            crl.require_covers(case.certificate)
        except CertificateError as error:
            yield error
            return
        if problem is not None:
            yield problem
        freshness = Freshness(crl.this_update, crl.next_update, case.policy.crl.max_age, CLOCK_SKEW)
        yield _Evidence(lambda: crl.status(case.certificate.serial), freshness)

    def _updated(self, base: CRL, case: _Case, usable: Callable[[CRL], bool]) -> CRL:
        """The list with its newest delta on it; the list alone where no delta fits."""
        policy = case.policy.crl
        for url in _allowed(policy.deltas or base.freshest, case.policy.hosts):
            if isinstance(url, ZorgIDError):
                continue
            delta, _ = self._lists.newest(url, case.issuer, policy, usable, delta=True)
            if delta is not None and delta.this_update >= base.this_update:
                try:
                    return base.with_delta(delta)
                except RevocationUnknownError as error:
                    _log.info("the delta CRL from %s is passed over: %s", url, error)
        return base


def _allowed(urls: Sequence[str], hosts: frozenset[str] | None) -> Iterator[str | FetchError]:
    """The addresses that may be asked: of http or https (a CRL may be in an LDAP directory too), on hosts that are allowed."""
    for url in [url for url in urls if url.lower().startswith(("http://", "https://"))][:MAX_URLS]:
        if hosts is None or _host(url) in hosts:
            yield url
        else:
            shown = ascii(url[:200])[1:-1]
            yield FetchError(f"{shown}: the policy does not let this host be asked", reason="host", url=shown)


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
