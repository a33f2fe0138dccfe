"""A card with two keys, whose certificates come from somebody else's CA, one of them later (CRD-7, RFC 7030, 4.2.3)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from est_server import PASSWORD, USER, ESTServer, est_server, issue
from pki_world import Node
from world import DESKTOP, World
from zorgid_card.adapters.est import Credentials, ESTClient
from zorgid_card.errors import EnrolmentPendingError, ResidencyError
from zorgid_card.pki.profile import PROFILES
from zorgid_card.ports.registry import IssuedCertificate
from zorgid_card.secret import Secret
from zorgid_card.workflows import bench
from zorgid_card.workflows.creation_messages import CardAccepted, CertificatesIssued, OfferCard, RequestCertificates
from zorgid_card.workflows.policy import CreationPolicy
from zorgid_card.workflows.remote_authority import RemoteCA, RemoteStatus

SLOTS = (0x9A, 0x9C)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ESTServer]:
    with est_server(tmp_path_factory.mktemp("est")) as running:
        yield running


class Remote:
    """A portal whose CA is the server's, which puts the request for a second key off, this often."""

    def __init__(self, directory: Path, server: ESTServer, later: int) -> None:
        self.server, self.later, self.keys = server, later, list[bytes]()
        server.issued.clear()
        server.pending, server.build = [], self.build
        policy = CreationPolicy(key_algorithm="ECCP256", slots=SLOTS)
        self.world = World(directory, creation=policy, now=datetime.now(UTC).replace(microsecond=0))
        self.world.validated()
        self.told: list[tuple[int, str]] = []
        credentials = Credentials(user=USER, password=Secret.of(PASSWORD))
        client = ESTClient(server.address, anchors=server.anchors, credentials=credentials)
        ca = RemoteCA(client, server.chain, tell=lambda serial, status, *_: self.told.append((serial, status)))
        object.__setattr__(self.world.services, "authority", ca)
        self.status = RemoteStatus(self.world.registry, ca, lambda: self.world.now)

    def build(self, request: x509.CertificateSigningRequest, issuer: Node) -> x509.Certificate:
        profile = PROFILES[SLOTS[len(self.server.issued) % 2]]
        if len(self.server.issued) % 2 == 0:
            self.server.pending = ["1"] * self.later
        return issue(
            request,
            issuer,
            purposes=tuple(map(x509.ObjectIdentifier, profile.extended_key_usage)),
            usages=tuple(profile.key_usage_ec),
            policies=(profile.policy,),
        )

    def records(self) -> list[IssuedCertificate]:
        with self.world.registry.begin() as unit:
            return list(unit.find(IssuedCertificate))


@pytest.mark.parametrize("later", [0, 1, 2])
def test_crd_7_what_a_ca_has_issued_is_not_issued_again_while_the_rest_comes_later(
    server: ESTServer, tmp_path: Path, later: int
) -> None:
    remote = Remote(tmp_path, server, later)
    made = remote.world.create(remote.world.worker())
    assert len(server.issued) == 2, "each certificate once: the CA has no orphan"
    serials = [x509.load_der_x509_certificate(der).serial_number for der in made.certificates]
    assert serials == [certificate.serial_number for certificate in server.issued]
    assert {(c.status, c.card_serial) for c in remote.records()} == {("good", made.serial)}
    assert [told for told in remote.told if told[1] == "hold"] == [(serial, "hold") for serial in serials]


def test_crd_8_what_was_issued_of_a_card_that_never_came_is_revoked_in_time_and_the_ca_told(
    server: ESTServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "_PATIENCE", 0.5)
    remote = Remote(tmp_path, server, 99)
    with pytest.raises(EnrolmentPendingError):
        remote.world.create(remote.world.worker())
    (issued,) = remote.records()
    assert (issued.status, issued.card_serial) == ("hold", "")
    remote.world.now += timedelta(minutes=15)
    remote.status.report()
    assert [c.status for c in remote.records()] == ["revoked"]
    assert remote.told[-1] == (server.issued[0].serial_number, "revoked")


def test_crd_7_what_one_attempt_has_had_issued_serves_no_other(
    server: ESTServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even for the same keys: the certificate is of the attempt's person and GUID."""
    monkeypatch.setattr(bench, "_PATIENCE", 0.5)
    remote = Remote(tmp_path, server, 99)
    creation = remote.world.creation(remote.world.worker())
    sent: list[Any] = []
    client = creation._client
    ask = client.ask

    def remembering(message: Any, expected: Any) -> Any:
        sent.append(message)
        return ask(message, expected)

    monkeypatch.setattr(client, "ask", remembering)
    with pytest.raises(EnrolmentPendingError):
        creation.run(**DESKTOP)
    ask(next(message for message in sent if isinstance(message, OfferCard)), CardAccepted)
    with pytest.raises(ResidencyError) as caught:
        ask(next(message for message in sent if isinstance(message, RequestCertificates)), CertificatesIssued)
    assert caught.value.details["reason"] == "used"
    assert len(server.issued) == 1
