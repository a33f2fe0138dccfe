"""A root, a CA and a holder's certificate that names addresses on a web server here; OpenSSL keeps both CAs' records."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from openssl_ca import OpenSSLCA, now
from pki_world import Node, make
from web import Web, answering, body
from zorgid_card.adapters.disk_cache import DiskCache
from zorgid_card.adapters.http import HTTPFetcher, Timeouts
from zorgid_card.errors import RevocationUnknownError
from zorgid_card.pki.certificate import Certificate
from zorgid_card.workflows.revocation_policy import CRLPolicy, Grace, IssuerPolicy, Method, OCSPPolicy, RevocationPolicy
from zorgid_card.workflows.revocation_status import RevocationStatus

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CRL_KIND, OCSP_KIND = "application/pkix-crl", "application/ocsp-response"
QUICK = Timeouts(connect=0.5, read=0.4, total=0.8)
"""For servers that are known not to answer."""


def addresses(crl: str | None, ocsp: str | None = None) -> list[tuple[x509.ExtensionType, bool]]:
    found: list[tuple[x509.ExtensionType, bool]] = []
    if crl:
        point = x509.DistributionPoint([x509.UniformResourceIdentifier(crl)], None, None, None)
        found.append((x509.CRLDistributionPoints([point]), False))
    if ocsp:
        responder = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(ocsp))
        found.append((x509.AuthorityInformationAccess([responder]), False))
    return found


@dataclass
class RevocationWorld:
    """``clock`` runs with the machine's, and may be set ahead: OpenSSL's answers are of now."""

    web: Web
    place: Path
    later: timedelta = timedelta()
    timeouts: Timeouts = field(default_factory=Timeouts)
    root: Node = field(init=False)
    ca: Node = field(init=False)
    leaf: Node = field(init=False)
    records: OpenSSLCA = field(init=False)
    root_records: OpenSSLCA = field(init=False)

    def __post_init__(self) -> None:
        self.root = make("Root")
        self.ca = make("CA", self.root, extensions=addresses(self.web.url("/root.crl")))
        self.records, self.root_records = (
            OpenSSLCA(node, self.place / name) for node, name in ((self.ca, "ca"), (self.root, "root"))
        )
        self.leaf = self.holder()
        self.root_records.issued(self.ca)
        self.publish()
        self.web.routes["/ocsp"] = answering(self.records.answer)

    def holder(self, ocsp: str | None = "/ocsp", crl: str | None = "/ca.crl") -> Node:
        urls = addresses(crl and self.web.url(crl), ocsp and self.web.url(ocsp))
        made = make("Holder", self.ca, ca=False, usages=("digital_signature",), extensions=urls)
        self.records.issued(made)
        return made

    def responder(self, **options: object) -> Node:
        """A delegated responder."""
        given: dict[str, object] = {
            "ca": None, "usages": ("digital_signature",), "purposes": (ExtendedKeyUsageOID.OCSP_SIGNING,),
            "extensions": [(x509.OCSPNoCheck(), False)],
        } | options  # fmt: skip
        return make("Responder", self.ca, **given)  # type: ignore[arg-type]

    def publish(self) -> None:
        """New lists of both CAs, with the next numbers."""
        self.web.routes["/ca.crl"] = body(self.records.crl())
        self.web.routes["/root.crl"] = body(self.root_records.crl("-crlhours", "2000"))

    @property
    def chain(self) -> tuple[Certificate, ...]:
        return tuple(Certificate.parse(node.der) for node in (self.leaf, self.ca, self.root))

    def clock(self) -> datetime:
        return now() + self.later

    def status(self, policy: RevocationPolicy | None = None, *, cache: bool = True) -> RevocationStatus:
        """As one process of a portal has it; another one shares the directory."""
        kept = DiskCache(self.place / "cache") if cache else None
        return RevocationStatus(HTTPFetcher(self.timeouts), policy or policy_of(), cache=kept, clock=self.clock)

    def check(self, status: RevocationStatus | None = None) -> None:
        (status or self.status()).check(self.chain, self.clock())


def policy_of(
    *order: Method,
    grace: timedelta | None = None,
    ocsp: OCSPPolicy | None = None,
    crl: CRLPolicy | None = None,
    **more: object,
) -> RevocationPolicy:
    """The default policy, with other parts for holders."""
    holders = IssuerPolicy(
        order=order or ("ocsp", "crl"),
        ocsp=ocsp or OCSPPolicy(),
        crl=crl or CRLPolicy(),
        grace=Grace(grace) if grace else None,
    )
    return replace(RevocationPolicy(holders=holders), **more)  # type: ignore[arg-type]


def refused(world: RevocationWorld, policy: RevocationPolicy | None = None) -> RevocationUnknownError:
    with pytest.raises(RevocationUnknownError) as caught:
        world.check(world.status(policy))
    return caught.value
