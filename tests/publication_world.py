"""A portal's CA, certificates in every state, and what it publishes of them: CRLs full and delta, of one list or of several."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives.asymmetric import ec

from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.pki.authority import Authority, new_serial
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.ocsp_responder import Responder
from zorgid_card.pki.profile import AUTHENTICITY
from zorgid_card.pki.signing import dump_public_key
from zorgid_card.ports.authority import CertificateProfile, SubjectData
from zorgid_card.ports.registry import IssuedCertificate
from zorgid_card.secret import Secret
from zorgid_card.workflows import revocation_list
from zorgid_card.workflows.ocsp_service import OCSPService
from zorgid_card.workflows.revocation_list import RevocationList

DAY = timedelta(days=1)
OCSP = "http://ocsp.example"
ONE = replace(
    AUTHENTICITY, ocsp_url=OCSP, crl_url="http://crl.example/all.crl", delta_url="http://crl.example/all-delta.crl"
)
SHARDED = replace(
    AUTHENTICITY,
    ocsp_url=OCSP,
    crl_url="http://crl.example/cards-{shard}.crl",
    delta_url="http://crl.example/cards-{shard}-delta.crl",
    crl_shards=3,
)
_HOLDER = SubjectData(uzi_number="900000123", given_names="Anna", surname="Smit", common_name="Anna Smit")


@cache
def authority() -> Authority:
    """Keys of RSA-3072 take a second to make."""
    with TemporaryDirectory() as place:
        return Authority.create(Path(place) / "ca", Secret.of(b"passphrase"), now=datetime.now(UTC) - 30 * DAY)


@dataclass
class Publications:
    """``now`` stands still unless it is moved; OpenSSL's responder check and the others look at the machine's clock."""

    profile: CertificateProfile = ONE
    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=2))
    url: str = "sqlite://"
    registry: SQLRegistry | None = None

    def __post_init__(self) -> None:
        self.store = self.registry or SQLRegistry(self.url)
        self.store.create()
        self.authority = authority()
        self.files: dict[str, bytes] = {}
        self.lists = self.worker()
        self.key = ec.generate_private_key(ec.SECP256R1())
        der = self.authority.certify_responder(dump_public_key(self.key.public_key()), not_before=self.now - DAY)
        self.responder_certificate = Certificate.parse(der)
        self.ocsp = self.service()

    @property
    def issuer(self) -> Certificate:
        return Certificate.parse(self.authority.certificate)

    def worker(self) -> RevocationList:
        return RevocationList(
            self.store, self.authority, lambda: self.now, self.files.__setitem__, points=self.profile.points
        )

    def service(self, **options: timedelta) -> OCSPService:
        responder = Responder(self.issuer, self.key, self.responder_certificate)
        return OCSPService(self.store, responder, lambda: self.now, **options)

    def forward(self, **time: float) -> None:
        self.now += timedelta(**time)

    def issue(self, *, expired: bool = False, registered: bool = True, serial: int | None = None) -> Certificate:
        """Issued on hold and activated, as cards are."""
        begins = self.now - (3 * DAY if expired else timedelta(minutes=1))
        public = dump_public_key(ec.generate_private_key(ec.SECP256R1()).public_key())
        der = self.authority.issue(
            self.profile, _HOLDER, public, serial=serial or new_serial(), not_before=begins,
            not_after=begins + (DAY if expired else 30 * DAY), guid=bytes(16),
        )  # fmt: skip
        made = Certificate.parse(der)
        if registered:
            issued = IssuedCertificate(
                serial=f"{made.serial:x}", card_serial=f"{made.serial:x}", der=der, key_hash=b"", status="hold",
                reason="certificateHold", changed_at=self.now, commit_by=None, not_after=made.not_after,
            )  # fmt: skip
            self.store.run(lambda unit: revocation_list.hold(unit, issued))
            self.change(made, "release")
        return made

    def change(self, certificate: Certificate, event: str, reason: str | None = None, cause: str = "card") -> None:
        """``block``, ``release`` or ``revoke`` a card, which has this one certificate."""
        reason = reason or {"block": "certificateHold", "revoke": "keyCompromise"}.get(event)
        serial = f"{certificate.serial:x}"
        self.store.run(lambda u: revocation_list.change_all(u, serial, event, reason, self.now, cause=cause))
