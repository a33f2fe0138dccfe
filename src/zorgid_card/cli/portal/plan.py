"""What a portal is served with: worked out once from the command line, and handed to each of its workers."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self

from zorgid_card.adapters.data_keys import FileDataKeys
from zorgid_card.adapters.smtp import SMTPNotifier
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.cli.demo.pages import PATH as PAGES
from zorgid_card.cli.demo.pages import pages
from zorgid_card.errors import StorageError
from zorgid_card.pki.authority import Authority
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.ocsp_file import new_responder
from zorgid_card.pki.profile import PROFILES
from zorgid_card.pki.revocation import CRL, CRLs, Revocation
from zorgid_card.pki.trust import TrustStore, read_certificates
from zorgid_card.recipes import CRLFolder, OnlineRevocation, PortalSide, open_portal
from zorgid_card.secret import Secret
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.web.app import portal_app
from zorgid_card.web.render import route
from zorgid_card.web.server import TLS, by_the_clock, serve
from zorgid_card.web.settings import AGENT_PORT, LIMITS, Settings
from zorgid_card.workflows.health import EventCounts
from zorgid_card.workflows.ocsp_service import OCSPService
from zorgid_card.workflows.pairing import PortalIdentity, fingerprint
from zorgid_card.workflows.policy import CreationPolicy, PhonePolicy, Policy

PKI: Final = "uzi"
"""Where a trial keeps its own UZI register."""

TRIAL: Final = "trial"
_RENEW: Final = timedelta(days=7)
_HOURS: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is told on the command line; files by their names, so that each worker opens them itself.

    Attributes:
        directory: of CA, keys and CRLs.
        origin: as the browser has it.
        db: the registry's URL; empty: SQLite in the directory.
        data_keys: file of the personal data's keys; empty: beside the database's file, or ``data.keys`` in the directory.
        certificate: PEM, the server's first; its key is what phones know the portal by.
        next_certificate: the one that will follow; empty: none is announced.
        key: its private key, PEM, where TLS ends here; empty: it ends at ``behind``.
        behind: address of the proxy that ends TLS, whose word for who asks is taken.
        authorities: files and folders of the UZI register's CA certificates.
        environment: whose passes log in: ``production``, ``test`` (the register's test passes), ``trial`` (simulated ones).
        crls: folder with the UZI register's CRLs; empty: it is asked itself.
        makers: files with the roots of accepted makers of blanks.
        status_url: where certificates say that their CRL and OCSP responder are.
        key_algorithm: of the cards' keys.
        platforms: that may make cards; empty: as the policy has it.
        smtp: mail server for notices; empty: they wait.
        sender: address they come from.
        metrics: file with the token for ``/metrics``; empty: operators only.
        support: shown at the foot of each page.
        agent_port: where the agent listens.
        per_client: how much more one client may ask than :data:`~zorgid_card.web.settings.LIMITS`, as a factor.
    """

    directory: str
    origin: str
    certificate: str
    key: str = ""
    next_certificate: str = ""
    behind: str = ""
    db: str = ""
    data_keys: str = ""
    authorities: tuple[str, ...] = ()
    environment: str = "production"
    crls: str = ""
    makers: tuple[str, ...] = ()
    status_url: str = ""
    key_algorithm: str = "RSA2048"
    platforms: tuple[str, ...] = ()
    smtp: str = ""
    sender: str = ""
    metrics: str = ""
    support: str = ""
    agent_port: int = AGENT_PORT
    per_client: int = 1

    def to_json(self) -> str:
        """For a worker."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What :meth:`to_json` gave."""
        return cls(**fields_of(json.loads(text)))

    @property
    def path(self) -> Path:
        """The directory."""
        return Path(self.directory)

    def registry(self) -> SQLRegistry:
        """The registry; nothing is opened yet."""
        named = Path(self.data_keys) if self.data_keys else None
        if not self.db:
            return SQLRegistry.file(self.path / "registry.db", FileDataKeys(named) if named else None)
        if named is None and not self.db.startswith("sqlite"):
            named = self.path / "data.keys"
        return SQLRegistry(self.db, FileDataKeys(named) if named else None)

    def tls(self) -> TLS:
        """Where TLS ends."""
        return TLS(certificate=self.certificate, key=self.key, behind=self.behind)

    def identity(self) -> PortalIdentity:
        """How phones know the portal."""
        following = _key_of(self.next_certificate) if self.next_certificate else None
        return PortalIdentity(self.origin, _key_of(self.certificate), following)

    def policy(self) -> Policy:
        """The policy of creation, with the addresses that certificates name."""
        creation = CreationPolicy(
            key_algorithm=self.key_algorithm,
            profiles={
                slot: replace(
                    profile,
                    crl_url=f"{self.status_url}/crl/crl.der",
                    ocsp_url=f"{self.status_url}/ocsp",
                    issuer_url=None,
                )
                for slot, profile in PROFILES.items()
            },
        )
        if self.platforms:
            creation = replace(creation, platforms=frozenset(self.platforms))
        phones = PhonePolicy()
        return Policy(
            creation=creation, phones=replace(phones, asks_per_client=phones.asks_per_client * self.per_client)
        )


def fields_of(told: dict[str, Any]) -> dict[str, Any]:
    """The fields of a plan, from JSON."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}


@dataclass(slots=True)
class Opened:
    """A portal that is open in this process."""

    plan: Plan
    registry: SQLRegistry
    portal: PortalSide
    settings: Settings
    ocsp: OCSPService | None

    @classmethod
    def of(cls, plan: Plan, passphrase: Secret) -> Self:
        """Open it, and make what is not there yet.

        Raises:
            ZorgIDError: as :func:`~zorgid_card.recipes.open_portal`; and where files that were named cannot be read.
        """
        identity, (trust, revocation) = plan.identity(), _register(plan)
        makers, token = read_certificates(*map(Path, plan.makers)), _token(plan)
        notifier = _notifier(plan)
        plan.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        registry, counts = plan.registry(), EventCounts()
        make_registry(registry)
        portal = open_portal(
            plan.path,
            passphrase,
            registry=registry,
            identity=identity,
            uzi=trust,
            uzi_revocation=revocation,
            makers=makers,
            policy=plan.policy(),
            notifier=notifier,
            events=counts,
        )
        ocsp = _responder(registry, portal)
        settings = Settings(
            limits={what: most * plan.per_client for what, most in LIMITS.items()},
            agent_port=plan.agent_port,
            ocsp=ocsp,
            counts=counts,
            metrics_token=token,
            certificates={"tls": read_certificates(Path(plan.certificate))[0]},
            support=plan.support,
        )
        return cls(plan, registry, portal, settings, ocsp)

    def serve(self, listening: socket.socket, ready: Callable[[], None]) -> None:
        """Serve it until the process is told to stop; ``ready`` is called when it serves.

        Raises:
            StorageError: the server's certificate and key cannot be used.
        """
        with by_the_clock(self.portal, self._renew):
            serve(portal_app(self.portal, self.settings, more=self._more()), self.plan.tls(), listening, ready)

    def _more(self) -> list[Any]:
        """What a trial has besides, for ``zorgid-card phone``."""
        trial = self.plan.environment == TRIAL
        return [route(f"{PAGES}{{name}}", pages(self.plan.path), "POST")] if trial else []

    def _renew(self) -> None:
        """The responder's next certificate, when it is time."""
        authority, now = self.portal.services.authority, datetime.now(UTC)
        if self.ocsp is not None and isinstance(authority, Authority) and now > self.ocsp.responder.ends - _RENEW:
            self.ocsp.responder = new_responder(authority, now)


def make_registry(registry: SQLRegistry) -> None:
    """Make a registry where there is none; an older one is left to its keeper, who makes a copy before it is upgraded."""
    try:
        with registry.begin():
            pass
    except StorageError as error:
        if error.reason not in ("not_created", "missing"):
            raise
        registry.create()


def _token(plan: Plan) -> str:
    """What whoever reads the metrics must have."""
    return Path(plan.metrics).read_text(encoding="ascii").strip() if plan.metrics else ""


def _key_of(certificate: str) -> bytes:
    """The fingerprint of the first certificate's key."""
    return fingerprint(Certificate.parse(read_certificates(Path(certificate))[0]).spki)


def _register(plan: Plan) -> tuple[TrustStore, Revocation]:
    if plan.environment == TRIAL:
        pki = UZITestPKI.load(plan.path / PKI)
        return pki.trust("Z", "N", "M"), CRLs(_kept(pki))
    known = read_certificates(*map(Path, plan.authorities))
    trust = TrustStore.production(known) if plan.environment == "production" else TrustStore.test(known)
    return trust, CRLFolder(Path(plan.crls)) if plan.crls else OnlineRevocation(plan.path / "fetched")


def _kept(pki: UZITestPKI) -> Callable[[bytes], list[CRL]]:
    """A simulated register's CRLs, signed anew when half their life is over."""
    known: dict[bytes, CRL] = {}

    def lists(issuer: bytes, /) -> list[CRL]:
        now = datetime.now(UTC)
        if issuer not in known or now > known[issuer].this_update + _HOURS:
            for octets in pki.crl_source(issuer):
                known[issuer] = CRL.parse(octets)
        return [known[issuer]] if issuer in known else []

    return lists


def _notifier(plan: Plan) -> SMTPNotifier | None:
    if not plan.smtp:
        return None
    host, _, port = plan.smtp.partition(":")
    local = host in ("localhost", "127.0.0.1")
    return SMTPNotifier(host, plan.sender, port=int(port) if port else None, security="none" if local else "starttls")


def _responder(registry: SQLRegistry, portal: PortalSide) -> OCSPService | None:
    """Where the CA's own key is in this process."""
    authority = portal.services.authority
    if not isinstance(authority, Authority):
        return None
    return OCSPService(registry, new_responder(authority, datetime.now(UTC)))
