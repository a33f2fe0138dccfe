"""The CRL tells what became of each certificate (ADM-2 to ADM-4, CRD-8), and is never behind the registry."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from management_world import CARD, CERTIFICATE, World
from registry_world import NOW, URA, add_card
from zorgid_card.errors import NotFoundError, StorageError, TransitionError
from zorgid_card.pki.authority import Authority
from zorgid_card.pki.certificate import Certificate
from zorgid_card.ports.registry import IssuedCertificate, SmartCard
from zorgid_card.secret import Secret
from zorgid_card.workflows.management import Operator
from zorgid_card.workflows.revocation_list import RevocationList, expire_uncommitted


class Published(World):
    """The two organisations, and a CA whose CRLs are published."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.authority = Authority.create(directory / "ca", Secret.of(b"passphrase"), now=NOW)
        self.written: list[tuple[str, bytes]] = []
        self.lists = self.another_worker()

    def another_worker(self) -> RevocationList:
        return RevocationList(self.store, self.authority, self.clock, lambda *named: self.written.append(named))

    def listed(self, lists: RevocationList | None = None) -> tuple[int, list[tuple[int, str]]]:
        """Number and entries of the CRL as it is given out now."""
        crl = x509.load_der_x509_crl((lists or self.lists).current())
        number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        return number, [(entry.serial_number, _reason(entry)) for entry in crl]


def _reason(entry: x509.RevokedCertificate) -> str:
    for extension in entry.extensions:
        if isinstance(extension.value, x509.CRLReason):
            return extension.value.reason.value
    return "unspecified"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Published]:
    made = Published(tmp_path)
    yield made
    made.store.close()


SERIAL = int(CERTIFICATE, 16)


def test_adm_2_3_4_the_crl_follows_each_state_at_once(world: Published) -> None:
    manager = world.acting()
    assert world.listed() == (1, [])
    manager.block(CARD, "x")
    assert world.listed() == (2, [(SERIAL, "certificateHold")])
    manager.unblock(CARD, "x")
    assert world.listed() == (3, [])
    manager.revoke(CARD, "x")
    assert world.listed() == (4, [(SERIAL, "unspecified")])


def test_adm_2_every_worker_of_the_portal_sees_a_change_made_by_another(world: Published) -> None:
    other = world.another_worker()
    assert world.listed(other)[1] == []
    world.acting().block(CARD, "x")
    assert world.listed(other)[1] == [(SERIAL, "certificateHold")]


def test_a_crl_is_signed_anew_only_when_something_changed_or_half_its_life_is_over(world: Published) -> None:
    first = world.lists.current()
    assert world.lists.current() == first
    world.clock.forward(hours=23)
    assert world.lists.current() == first
    world.clock.forward(hours=2)
    assert world.lists.current() != first
    assert [name for name, _ in world.written] == ["crl.der", "crl.der"]


def test_each_issuer_has_its_own_crl_and_a_foreign_one_has_none(world: Published) -> None:
    issuing, root = world.authority.chain
    for issuer in (issuing, root):
        (crl,) = world.lists(issuer)
        crl.verify(Certificate.parse(issuer))
    assert world.lists(root) != world.lists(issuing)
    assert world.lists(b"another") == ()


def test_an_expired_certificate_leaves_the_crl_only_after_one_more(world: Published) -> None:
    world.acting().revoke(CARD, "gone")
    world.clock.now = NOW + timedelta(days=1001)
    assert len(world.listed()[1]) == 1
    world.clock.forward(days=30)
    assert world.listed()[1] == []


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


def test_crd_8_giving_out_the_crl_revokes_what_is_late(world: Published) -> None:
    creating(world, "444", "dd", 15)
    assert world.listed()[1] == [(0xDD, "certificateHold")]
    world.clock.forward(minutes=15)
    assert world.listed()[1] == [(0xDD, "cessationOfOperation")]


def test_a_list_that_could_not_be_published_is_published_at_the_next_call(world: Published) -> None:
    kept: dict[str, bytes] = {}
    full = [True]

    def publish(name: str, der: bytes) -> None:
        if full[0]:
            raise StorageError("no space", reason="full")
        kept[name] = der

    lists = RevocationList(world.store, world.authority, world.clock, publish)
    world.acting().revoke(CARD, "stolen")
    with pytest.raises(StorageError):
        lists.current()
    (judged,) = lists(world.authority.certificate)  # whoever judges a chain is served all the same
    assert len(judged.entries) == 1
    assert kept == {}
    full[0] = False
    assert lists.current() == kept["crl.der"]
    assert world.listed(world.another_worker())[0] == judged.number + 1


def test_adm_4_an_operator_revokes_a_card_that_is_linked_to_nobody(world: Published) -> None:
    world.management.acting_as("administrator0", URA).unlink("holder0", "left")
    with pytest.raises(NotFoundError):
        world.acting().revoke(CARD, "stolen")
    world.management.acting_as(Operator("operator")).revoke(CARD, "stolen", cause="keyCompromise")
    assert world.listed()[1] == [(SERIAL, "keyCompromise")]
    with pytest.raises(TransitionError):
        world.management.acting_as(Operator("operator")).revoke(CARD, "again")
