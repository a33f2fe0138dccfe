"""Is a certificate of a chain revoked? Whoever answers is a :class:`Revocation`; here the one that has the CRLs at hand.

Fetching is the caller's: :class:`zorgid_card.workflows.revocation_status.RevocationStatus` asks the network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Protocol, TypeAlias

from zorgid_card.errors import CertificateError, CertificateMalformedError, RevocationUnknownError
from zorgid_card.pki import _x509
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.crl import CRL, MAX_CRL, ON_HOLD, UNSPECIFIED, RevokedEntry

__all__ = [
    "CRL", "MAX_CRL", "ON_HOLD", "UNSPECIFIED", "CRLSource", "CRLs", "Revocation", "RevokedEntry", "pairs_of", "reason_of",
]  # fmt: skip


class Revocation(Protocol):
    """Tells whether a certificate of a chain is revoked. Serves many threads."""

    def check(self, chain: Sequence[Certificate], at: datetime) -> None:
        """Return if no certificate of the chain, except the root, which nobody can revoke, is known to be revoked.

        Args:
            chain: leaf to root, verified.
            at: the moment of judgement, with a time zone.

        Raises:
            OnHoldError, RevokedError: one of them is.
            RevocationUnknownError: of one of them it cannot be told; ``reason``.
        """
        ...


CRLSource: TypeAlias = Callable[[bytes], Iterable["bytes | CRL"]]
"""Given the issuing CA's certificate (DER), the CRLs at hand for it, full ones and deltas; a :class:`CRL` kept from before spares
parsing it again.
"""


def pairs_of(chain: Sequence[Certificate]) -> list[tuple[Certificate, Certificate]]:
    """Each certificate of a chain that can be revoked, with its issuer.

    Raises:
        RevocationUnknownError: a chain of one: there is no issuer to ask.
    """
    if len(chain) < 2:
        raise RevocationUnknownError("a chain has an issuer at least", reason="no issuer")
    return list(pairwise(chain))


class CRLs:
    """Answers from CRLs at hand (:class:`Revocation`).

    Of the lists that ``source`` gives, those that cannot be relied on are passed over; the newest of the others decides, with
    the newest delta that fits on it. What a newer one revokes is revoked, though it went stale before.

    Args:
        source: gives the CRLs of an issuer.
        leaf_only: check the leaf alone, where the CAs' own lists are out of reach.
    """

    def __init__(self, source: CRLSource, *, leaf_only: bool = False) -> None:
        self._source = source
        self._leaf_only = leaf_only

    def check(self, chain: Sequence[Certificate], at: datetime) -> None:
        """See :meth:`Revocation.check`."""
        pairs, moment = pairs_of(chain), _x509.utc(at)
        for certificate, issuer in pairs[:1] if self._leaf_only else pairs:
            candidates = [*self._source(issuer.der)]
            first = candidates[0] if len(candidates) == 1 else None
            if not (isinstance(first, CRL) and first.settles(certificate, issuer, moment)):
                for crl in _newest(candidates, certificate, issuer, moment):
                    crl.status(certificate.serial)


def _newest(
    candidates: Iterable[bytes | CRL], certificate: Certificate, issuer: Certificate, at: datetime
) -> list[CRL]:
    """The newest list that is fresh, and those that are no older than it by date or number: they may have gone stale before."""
    full, deltas, problem = _reliable(candidates, certificate, issuer)
    known = [*full, *(made for base in full for delta in deltas if (made := _fitting(base, delta)) is not None)]
    fresh: list[CRL] = []
    for crl in known:
        try:
            crl.require_fresh(at)
        except RevocationUnknownError as error:
            problem = error
        else:
            fresh.append(crl)
    if not fresh:
        reason, name = reason_of(problem), issuer.common_name
        raise RevocationUnknownError(f"no usable CRL of {name}: {problem}", reason=reason) from problem
    newest = max(fresh, key=_age)
    return [crl for crl in known if _age(crl) >= _age(newest) or _age(crl)[1] > _age(newest)[1]]


def _age(crl: CRL) -> tuple[datetime, int]:
    return crl.this_update, crl.number or 0


def _reliable(
    candidates: Iterable[bytes | CRL], certificate: Certificate, issuer: Certificate
) -> tuple[list[CRL], list[CRL], CertificateError]:
    """The full lists and the deltas that this issuer signed for such a certificate, and what was wrong with the last other."""
    full: list[CRL] = []
    deltas: list[CRL] = []
    problem: CertificateError = RevocationUnknownError("no CRL is at hand", reason="missing")
    for candidate in candidates:
        try:
            crl = candidate if isinstance(candidate, CRL) else CRL.parse(candidate)
            crl.verify(issuer)
            crl.require_covers(certificate)
        except CertificateError as error:
            problem = error
        else:
            (full if crl.base_number is None else deltas).append(crl)
    if deltas and not full:
        problem = RevocationUnknownError("a delta CRL without its base", reason="delta")
    return full, deltas, problem


def _fitting(base: CRL, delta: CRL) -> CRL | None:
    try:
        return base.with_delta(delta)
    except RevocationUnknownError:
        return None


def reason_of(error: Exception) -> str:
    """One word for what went wrong, as :class:`RevocationUnknownError` tells it."""
    if isinstance(error, CertificateMalformedError):  # whose own reason is about octets
        return "malformed"
    details = getattr(error, "details", {})
    return str(details.get("reason") or getattr(error, "code", type(error).__name__))
