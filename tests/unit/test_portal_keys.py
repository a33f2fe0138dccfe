"""``open_portal`` with keys and CA of any kind: a card made with all keys in an HSM; the status of a remote CA's certificates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ReasonFlags

import softhsm
from est_server import PASSWORD, USER, est_server
from registry_world import add_card, add_organisation
from world import DESKTOP, ORIGIN, PRACTICE, ScriptedHolder, World
from zorgid_card import open_portal
from zorgid_card.adapters.est import Credentials, ESTClient
from zorgid_card.adapters.pkcs11.hsm import HSM, HSMKeyStore
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.errors import (
    FetchError,
    OnHoldError,
    RevokedError,
    StorageError,
    TransportError,
    UntrustedError,
    UsageError,
)
from zorgid_card.pki.authority import Authority
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.csr import build_csr, request_template
from zorgid_card.pki.profile import AUTHENTICITY
from zorgid_card.pki.revocation import CRLs
from zorgid_card.pki.signing import SoftwareSigner
from zorgid_card.ports.authority import SubjectData
from zorgid_card.ports.registry import IssuedCertificate, Session, SmartCard
from zorgid_card.recipes import PortalSide
from zorgid_card.secret import Secret
from zorgid_card.workflows import issuance, organisation, revocation_list
from zorgid_card.workflows.pairing import PortalIdentity
from zorgid_card.workflows.portal import Portal
from zorgid_card.workflows.remote_authority import RemoteCA, RemoteStatus

GUID = bytes(range(16))
JAN = SubjectData(uzi_number="900000015", given_names="Zoë Renée", surname="de Vries", common_name="Zoë Renée de Vries")


@pytest.fixture
def hsm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HSM]:
    if softhsm.module() is None:
        pytest.skip("SoftHSM is not installed (Debian package softhsm2)")
    monkeypatch.setenv("SOFTHSM2_CONF", str(softhsm.configuration(tmp_path)))
    softhsm.initialise("portal")
    with HSM(str(softhsm.module()), "portal", Secret.of(softhsm.PIN)) as opened:
        yield opened


def portal(directory: Path, world: World | None = None, passphrase: Secret | None = None, **options: Any) -> PortalSide:
    registry = SQLRegistry.file(directory / "registry.db")
    registry.create()
    pki, maker = (world.pki, world.maker) if world else (None, None)
    return open_portal(
        directory / "portal",
        passphrase,
        registry=registry,
        identity=PortalIdentity(ORIGIN, b"\0" * 32),
        uzi=pki.trust("Z", "N") if pki else None,  # type: ignore[arg-type]
        uzi_revocation=CRLs(lambda issuer: [pki.crl(issuer, datetime.now(UTC))] if pki else []),
        makers=(maker.root,) if maker else (),
        **options,
    )


def test_crd_a_card_is_made_with_all_keys_in_an_hsm(hsm: HSM, tmp_path: Path) -> None:
    """And after a rotation its key, of the generation it was made with, still opens it."""
    made = World(tmp_path)
    made.authority = Authority.certify(
        tmp_path / "hsm-ca",
        hsm.ca_key("root", make=True),
        hsm.ca_key("issuing", make=True),
        now=made.now - timedelta(days=30),
    )
    keys = HSMKeyStore.create(hsm)
    made.services = replace(made.services, authority=made.authority, administration=keys)
    made.portal = Portal(made.services, {organisation.CREATE: issuance.STEPS})
    made.validated()
    card = made.create(made.worker())
    assert keys.rotate() == 2
    algorithm = made.services.policy.creation.administration_algorithm
    opened = made.card()
    with opened.session():
        opened.authenticate_administration(keys.derive(card.serial, algorithm, 1))
    assert made.authority.sign_crl((), 1, made.now, made.now + timedelta(days=1))


def test_open_portal_takes_keys_and_ca_from_an_hsm(hsm: HSM, tmp_path: Path) -> None:
    ca = Authority.certify(tmp_path / "ca", hsm.ca_key("root", make=True), hsm.ca_key("issuing", make=True))
    side = portal(tmp_path, keys=HSMKeyStore.create(hsm), authority=ca)
    assert side.remote is None
    crl = x509.load_der_x509_crl(side.revocation.current())
    assert crl.is_signature_valid(hsm.ca_key("issuing").public_key())
    assert len(side.services.administration.derive("1", "AES256")) == 32
    assert sorted(path.name for path in (tmp_path / "portal").iterdir()) == ["crl.der"]


def test_open_portal_wants_a_passphrase_for_keys_in_its_directory(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        portal(tmp_path)
    assert caught.value.reason == "passphrase"
    assert list((tmp_path / "portal").iterdir()) == []


@pytest.mark.parametrize("lost", ["master.key", "ca"])
def test_open_portal_makes_no_other_keys_in_the_place_of_lost_ones(tmp_path: Path, lost: str) -> None:
    given = {"passphrase": Secret.of(b"correct horse battery staple")}
    side = portal(tmp_path, **given)
    with side.services.registry.begin() as unit:
        add_card(unit, "1", "holder", certificate="aa01")
    (tmp_path / "portal" / lost).rename(tmp_path / "backup")
    with pytest.raises(StorageError) as caught:
        portal(tmp_path, **given)
    assert (caught.value.reason, caught.value.details["path"]) == ("missing", str(tmp_path / "portal" / lost))
    assert not (tmp_path / "portal" / lost).exists()
    (tmp_path / "backup").rename(tmp_path / "portal" / lost)
    assert portal(tmp_path, **given).services.authority.certificate == side.services.authority.certificate


# --- by the clock ----------------------------------------------------------------------------------------------------


def test_crd_8_a_timer_alone_revokes_what_was_not_finished_and_publishes_it(tmp_path: Path) -> None:
    """Nobody fetches the CRL, nobody logs in, and nobody comes back with the card."""
    world = World(tmp_path, now=datetime.now(UTC))
    side = portal(tmp_path, world, Secret.of(b"passphrase"), clock=lambda: world.now)
    with side.services.registry.begin() as unit:
        add_organisation(unit, PRACTICE.ura)
    with pytest.raises(KeyboardInterrupt):
        world.creation(_Leaving(world.reader, world.worker_pass, world.maker.blank()), _Lost(side.seam)).run(**DESKTOP)
    assert _standing(side, tmp_path) == (["hold"], ["creating"], 1, {ReasonFlags.certificate_hold})
    world.now += timedelta(minutes=16)
    assert _standing(side, tmp_path) == (["revoked"], ["abandoned"], 0, {ReasonFlags.cessation_of_operation})


class _Leaving(ScriptedHolder):
    """Goes home when the PUK is shown."""

    def show_puk(self, puk: Secret) -> None:
        raise KeyboardInterrupt


class _Lost:
    """The portal is not told that the card is given up."""

    def __init__(self, seam: Portal) -> None:
        self._seam, self.origin = seam, seam.origin

    def ask(self, request: bytes, /) -> bytes:
        if b'"kind":"abandon-card"' in request:
            raise TransportError("nobody hears it", reason="lost")
        return self._seam.ask(request)


def _standing(side: PortalSide, directory: Path) -> tuple[list[str], list[str], int, set[ReasonFlags]]:
    """After the timer: status of certificates and cards, open sessions, and the reasons on the CRL as a file."""
    side.tend()
    listed = x509.load_der_x509_crl((directory / "portal" / "crl.der").read_bytes())
    reasons = {entry.extensions.get_extension_for_class(x509.CRLReason).value.reason for entry in listed}
    assert (directory / "portal" / "root-crl.der").exists()
    with side.services.registry.begin() as unit:
        certificates = [issued.status for issued in unit.find(IssuedCertificate)]
        return certificates, [card.state for card in unit.find(SmartCard)], len(list(unit.find(Session))), reasons


# --- a remote CA -----------------------------------------------------------------------------------------------------


class Remote:
    """A portal with a remote CA whose own interface for revocation is written down here, and fails when told to."""

    def __init__(self, directory: Path, server: Any) -> None:
        client = ESTClient(
            server.address, anchors=server.anchors, credentials=Credentials(user=USER, password=Secret.of(PASSWORD))
        )
        self.told: list[tuple[int, str, str | None]] = []
        self.fails = False
        self.ca = RemoteCA(client, server.chain, tell=self.tell)
        self.side = portal(directory, authority=self.ca, keys=_NoKeys())

    def tell(self, serial: int, status: str, reason: str | None, since: datetime) -> None:
        if self.fails:
            raise FetchError("the CA's interface is down", reason="unreachable")
        self.told.append((serial, status, reason))

    def issued(self, commit_by: datetime | None = None) -> Certificate:
        """A certificate, as creation records it."""
        now, card = datetime.now(UTC), SoftwareSigner(ec.generate_private_key(ec.SECP256R1()))
        request = build_csr(card, request_template(AUTHENTICITY, JAN, GUID))
        asked = {"serial": 1 << 80, "not_before": now, "not_after": now + timedelta(days=365), "guid": GUID}
        der = self.ca.issue(AUTHENTICITY, JAN, card.public_key, request=request, **asked)  # type: ignore[arg-type]
        certificate = Certificate.parse(der)
        with self.side.services.registry.begin() as unit:
            add_card(unit, certificate.serial_hex, "person", certificate=certificate.serial_hex, status="hold", state="creating",
                     commit_by=commit_by or now + timedelta(hours=1))  # fmt: skip
            record = unit.get(IssuedCertificate, certificate.serial_hex)
            unit.replace(replace(record, der=der, not_after=now + timedelta(days=365)))
        return certificate

    def change(self, certificate: Certificate, event: str, reason: str | None = None) -> None:
        with self.side.services.registry.begin() as unit:
            record = unit.get(IssuedCertificate, certificate.serial_hex)
            revocation_list.change(unit, record, event, reason, datetime.now(UTC))

    @property
    def status(self) -> RemoteStatus:
        assert self.side.remote is not None
        return self.side.remote


class _NoKeys:
    """A portal that only revokes needs none."""


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[Remote]:
    with est_server(tmp_path) as server:
        yield Remote(tmp_path, server)


def test_adr_15_the_registry_says_the_status_and_the_ca_is_told(remote: Remote) -> None:
    certificate = remote.issued()
    serial = int(certificate.serial_hex, 16)
    assert remote.told == [(serial, "hold", "certificateHold")]  # before anybody saw the certificate
    with pytest.raises(OnHoldError):
        remote.status.check([certificate], datetime.now(UTC))
    remote.change(certificate, "release")
    remote.status.check([certificate], datetime.now(UTC))
    assert remote.status.report() == 1
    assert remote.told[-1] == (serial, "good", None)
    remote.change(certificate, "revoke", "keyCompromise")
    with pytest.raises(RevokedError):
        remote.status.check([certificate], datetime.now(UTC))
    assert (remote.status.report(), remote.status.report()) == (1, 0)
    assert remote.told[-1] == (serial, "revoked", "keyCompromise")


def test_adr_15_what_could_not_be_told_is_told_later_also_by_another_process(remote: Remote) -> None:
    certificates = [remote.issued() for _ in range(2)]
    remote.status.report()
    for certificate in certificates:
        remote.change(certificate, "revoke", "superseded")
    remote.fails = True
    with pytest.raises(FetchError):
        remote.status.report()
    remote.fails = False
    services = remote.side.services
    another = RemoteStatus(services.registry, remote.ca, services.clock)
    assert another.report() == 2
    assert {(serial, status) for serial, status, _ in remote.told[-2:]} == {
        (int(certificate.serial_hex, 16), "revoked") for certificate in certificates
    }


def test_crd_8_what_is_not_activated_in_time_is_revoked_at_the_remote_ca(remote: Remote) -> None:
    certificate = remote.issued(commit_by=datetime.now(UTC) - timedelta(seconds=1))
    remote.status.report()
    assert remote.told[-1] == (int(certificate.serial_hex, 16), "revoked", "cessationOfOperation")


def test_crd_7_a_card_is_made_with_a_certificate_of_a_remote_ca(tmp_path: Path) -> None:
    """The card's own request goes to the CA by EST; on hold there before the card has it, released after the commit."""
    (tmp_path / "est").mkdir()
    with est_server(tmp_path / "est") as server:
        credentials = Credentials(user=USER, password=Secret.of(PASSWORD))
        client = ESTClient(server.address, anchors=server.anchors, credentials=credentials)
        told: list[str] = []
        ca = RemoteCA(client, server.chain, tell=lambda serial, status, reason, since: told.append(status))
        made = World(tmp_path, now=datetime.now(UTC))
        made.services = replace(made.services, authority=ca)
        made.portal = Portal(made.services, {organisation.CREATE: issuance.STEPS})
        made.validated()
        made.create(made.worker())
        status = RemoteStatus(made.registry, ca, lambda: made.now)
        assert told == ["hold"]
        certificate = Certificate.parse(made.card().authentication_certificate())
        assert x509.load_der_x509_certificate(certificate.der) == server.issued[-1]
        status.check([certificate], made.now)
        assert status.report() == 1
        assert told == ["hold", "good"]


def test_adr_15_a_certificate_of_the_ca_that_the_portal_did_not_ask_for_is_not_accepted(remote: Remote) -> None:
    certificate = remote.issued()
    with remote.side.services.registry.begin() as unit:
        unit.remove(unit.get(IssuedCertificate, certificate.serial_hex))
    with pytest.raises(UntrustedError):
        remote.status.check([certificate], datetime.now(UTC))
