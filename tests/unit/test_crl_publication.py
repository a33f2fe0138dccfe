"""The CRL tells what became of each certificate (ADM-2 to ADM-4, CRD-8)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from management_world import CARD, CERTIFICATE, World
from registry_world import NOW, add_card
from zorgid_card.pki.authority import Authority
from zorgid_card.ports.registry import (
    IssuedCertificate,
    SmartCard,
)
from zorgid_card.secret import Secret
from zorgid_card.workflows.lifecycle import Management, expire_uncommitted


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.store.close()


# --- CRL ----------------------------------------------------------------------------------------------------


def test_adm_2_3_4_the_crl_follows_each_state(world: World) -> None:
    manager, listed = world.acting(), []
    for act in (
        lambda: None,
        lambda: manager.block(CARD, "x"),
        lambda: manager.unblock(CARD, "x"),
        lambda: manager.revoke(CARD, "x"),
    ):
        act()
        world.management.publish_crl()
        listed.append([(e.serial, e.reason) for e in world.listing.entries])
    serial = int(CERTIFICATE, 16)
    assert listed == [[], [(serial, "certificateHold")], [], [(serial, "unspecified")]]
    assert world.listing.numbers == [1, 2, 3, 4]


def test_an_expired_certificate_leaves_the_crl_only_after_one_more(world: World) -> None:
    world.acting().revoke(CARD, "gone")
    world.clock.now = NOW + timedelta(days=1001)
    world.management.publish_crl()
    assert len(world.listing.entries) == 1
    world.clock.forward(days=30)
    world.management.publish_crl()
    assert world.listing.entries == []


def creating(world: World, serial: str, certificate: str, minutes: int) -> None:
    with world.store.begin() as unit:
        add_card(unit, serial, "holder0", certificate=certificate, ura=None, state="creating", status="hold",
                 commit_by=NOW + timedelta(minutes=minutes))  # fmt: skip


def test_crd_8_what_is_not_activated_in_time_is_revoked_by_the_portal_alone(world: World) -> None:
    creating(world, "444", "dd", 15)
    creating(world, "555", "ee", 60)
    world.acting().block(CARD, "mislaid")
    with world.store.begin() as unit:
        assert expire_uncommitted(unit, NOW + timedelta(minutes=14)) == ()
        assert [c.serial for c in expire_uncommitted(unit, NOW + timedelta(minutes=15))] == ["dd"]
        assert expire_uncommitted(unit, NOW + timedelta(minutes=15)) == ()
    assert world.get(SmartCard, "444").state == "abandoned"
    assert (world.get(IssuedCertificate, "dd").status, world.get(IssuedCertificate, "dd").commit_by) == (
        "revoked",
        None,
    )
    assert world.get(SmartCard, "555").state == "creating"
    assert world.get(IssuedCertificate, CERTIFICATE).status == "hold"  # a blocked card waits for nobody


def test_crd_8_publishing_the_crl_revokes_what_is_late(world: World) -> None:
    creating(world, "444", "dd", 15)
    world.management.publish_crl()
    assert [(e.serial, e.reason) for e in world.listing.entries] == [(0xDD, "certificateHold")]
    world.clock.forward(minutes=15)
    world.management.publish_crl()
    assert [(e.serial, e.reason) for e in world.listing.entries] == [(0xDD, "cessationOfOperation")]


def test_the_authority_signs_the_crl(world: World, tmp_path: Path) -> None:
    authority = Authority.create(tmp_path / "ca", Secret.of(b"passphrase"), now=NOW)
    management = Management(world.store, authority, world.clock)
    world.acting().block(CARD, "mislaid")
    crl = x509.load_der_x509_crl(management.publish_crl())
    entry = crl.get_revoked_certificate_by_serial_number(int(CERTIFICATE, 16))
    assert entry is not None
    assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason is x509.ReasonFlags.certificate_hold
    assert crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 1
    assert crl.last_update_utc == NOW
