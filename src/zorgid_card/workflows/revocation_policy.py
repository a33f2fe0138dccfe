"""What a portal asks of revocation: whom, how fresh, and how long a revocation may go unseen at most.

One number rules: the *age* of an answer, from its thisUpdate to the moment of judgement, whether it came a second ago or lay in a
cache. What is older than ``max_age`` decides nothing, so that whoever keeps newer answers away gains no more than that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, TypeAlias

from zorgid_card.errors import UsageError
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.crl import CLOCK_SKEW
from zorgid_card.pki.ocsp import Digest, NoncePolicy

Method: TypeAlias = Literal["ocsp", "crl"]

LONGEST_GRACE = timedelta(days=7)

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Grace:
    """How long answers still count after they went stale, when no fresh ones can be had. Each use is logged as a warning.

    It stretches the age of an answer that is there and says "good"; it makes up none, and never overrules "revoked".

    Args:
        bound: at most seven days.

    Raises:
        UsageError: it is not between nothing and seven days.
    """

    bound: timedelta

    def __post_init__(self) -> None:
        if not timedelta() < self.bound <= LONGEST_GRACE:
            raise UsageError(f"a grace is at most {LONGEST_GRACE.days} days", reason="grace")


@dataclass(frozen=True, slots=True, kw_only=True)
class OCSPPolicy:
    """What is asked of OCSP responders."""

    urls: tuple[str, ...] = ()
    """In place of those in the certificate."""
    nonce: NoncePolicy = "if-given"
    max_age: timedelta = timedelta(hours=1)
    """From thisUpdate to the moment of judgement."""
    ahead: timedelta = CLOCK_SKEW
    """How far thisUpdate may lie in our future."""
    refresh_after: timedelta = timedelta()
    """An answer that was had this recently is used again; nothing: the responder is asked each time."""
    digest: Digest = "SHA1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CRLPolicy:
    """What is asked of CRLs. A list never counts after its nextUpdate, whatever ``max_age`` is."""

    urls: tuple[str, ...] = ()
    """In place of those in the certificate."""
    deltas: tuple[str, ...] = ()
    """Where its deltas are, in place of what the list says (freshestCRL)."""
    max_age: timedelta = timedelta(hours=48)
    """From thisUpdate, of the delta if there is one, to the moment of judgement. The UZI register's lists live 48 hours."""
    refresh_after: timedelta = timedelta(minutes=15)
    """A list that was asked for this recently is used again."""
    limit: int = 32 * _MIB
    """Octets of one list; a hundred thousand entries have about 4 MiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerPolicy:
    """How the certificates of one issuer are checked: one method after another, until one gives an answer that counts."""

    order: tuple[Method, ...] = ("ocsp", "crl")
    ocsp: OCSPPolicy = field(default_factory=OCSPPolicy)
    crl: CRLPolicy = field(default_factory=CRLPolicy)
    hosts: frozenset[str] | None = None
    """Hosts that may be asked; None: all that a verified certificate, a list that its CA signed, or this policy names."""
    grace: Grace | None = None

    def __post_init__(self) -> None:
        if not self.order or set(self.order) - {"ocsp", "crl"} or len(set(self.order)) != len(self.order):
            raise UsageError("the order names ocsp, crl or both, each once", reason="order")

    @property
    def exposure(self) -> timedelta:
        """How long at most a certificate is still accepted after its issuer revoked it, even if somebody keeps newer answers
        away.
        """
        longest = max(
            self.ocsp.max_age + self.ocsp.ahead if method == "ocsp" else self.crl.max_age + CLOCK_SKEW
            for method in self.order
        )
        return longest + (self.grace.bound if self.grace else timedelta())


HOLDERS = IssuerPolicy()
"""For certificates of holders: OCSP, and where no answer is to be had, the CRL."""

AUTHORITIES = IssuerPolicy(order=("crl",), crl=CRLPolicy(max_age=timedelta(days=366), refresh_after=timedelta(hours=6)))
"""For CA certificates, whose issuers publish CRLs alone, some once a year: nextUpdate bounds them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationPolicy:
    """What a portal asks of revocation."""

    holders: IssuerPolicy = HOLDERS
    authorities: IssuerPolicy = AUTHORITIES
    issuers: Mapping[str, IssuerPolicy] = field(default_factory=dict)
    """What holds instead for the certificates of one issuer, by its CN."""
    retry_after: timedelta = timedelta(seconds=30)
    """After a failure an address is left alone this long: a server that is down delays one log-in, not each."""

    def of(self, certificate: Certificate, issuer: Certificate) -> IssuerPolicy:
        """What holds for this certificate."""
        own = self.issuers.get(issuer.common_name)
        return own or (self.authorities if certificate.is_ca else self.holders)

    def exposure(self, issuer: str | None = None) -> timedelta:
        """How long at most a revoked holder's certificate is still accepted, for one issuer (its CN) or for whichever is worst.

        A CA's own revocation may go unseen for :attr:`authorities`' exposure.
        """
        if issuer is not None:
            return self.issuers.get(issuer, self.holders).exposure
        return max(policy.exposure for policy in (self.holders, *self.issuers.values()))
