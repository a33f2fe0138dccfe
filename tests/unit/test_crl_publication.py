"""The CRL tells what became of each certificate (ADM-2 to ADM-4, CRD-8), and is never behind the registry."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography import x509
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from management_world import CARD, CERTIFICATE, World
from publication_world import SHARDED, Publications
from registry_world import NOW, URA, add_card
from zorgid_card.errors import (
    NotFoundError,
    OnHoldError,
    RevokedError,
    StorageError,
    TransitionError,
    UsageError,
)
from zorgid_card.pki.authority import Authority
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.crl import CRL
from zorgid_card.pki.ocsp import Answer, Question
from zorgid_card.ports.registry import IssuedCertificate, SmartCard, StatusChange
from zorgid_card.recipes import publish_crl
from zorgid_card.secret import Secret
from zorgid_card.workflows import housekeeping
from zorgid_card.workflows.management import Operator
from zorgid_card.workflows.revocation_list import DELTA_LIFETIME, RevocationList, expire_uncommitted


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


def test_a_list_in_the_registry_that_the_ca_has_not_signed_as_this_one_is_made_anew(world: Published) -> None:
    """Whoever may write to the database does not have workers publish octets, or an older list in the newest one's place."""
    older = world.lists.current()
    world.acting().block(CARD, "x")
    world.lists.refresh()
    for octets in (b"no list", older):
        for table in ("full ", "full root"):
            execute(world, f"UPDATE zorgid_published_crl SET der = :der WHERE name LIKE '%{table}'", der=octets)
        other = world.another_worker()
        assert {crl.name for crl in other.refresh()} == {"crl.der", "root-crl.der"}
        assert world.listed(other)[1] == [(SERIAL, "certificateHold")]


def test_a_reason_that_somebody_has_changed_leaves_no_certificate_out(world: Published) -> None:
    for reason in ("removeFromCRL", "no such reason"):
        world.acting().block(CARD, "x")
        for table in ("zorgid_issued_certificate", "zorgid_status_change"):
            execute(world, f"UPDATE {table} SET reason = :reason WHERE reason = 'certificateHold'", reason=reason)
        assert world.listed()[1] == [(SERIAL, "unspecified")]
        assert world.listed(world.another_worker())[1] == [(SERIAL, "unspecified")]
        world.acting().unblock(CARD, "x")


@pytest.mark.parametrize("serial", ["no number", "", "-1", "0", "f" * 41])
def test_a_serial_number_that_somebody_has_changed_is_told_as_that(world: Published, serial: str) -> None:
    world.acting().block(CARD, "x")
    execute(world, "UPDATE zorgid_status_change SET serial = :serial", serial=serial)
    with pytest.raises(StorageError) as error:
        world.lists.current()
    assert error.value.reason == "corrupt"


def execute(world: Published, statement: str, **values: object) -> None:
    with world.store.engine.begin() as connection:
        assert connection.execute(sa.text(statement), values).rowcount == 1


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
    assert world.another_worker().current() == lists.current()


def test_adm_4_an_operator_revokes_a_card_that_is_linked_to_nobody(world: Published) -> None:
    world.management.acting_as("administrator0", URA).unlink("holder0", "left")
    with pytest.raises(NotFoundError):
        world.acting().revoke(CARD, "stolen")
    world.management.acting_as(Operator("operator")).revoke(CARD, "stolen", cause="keyCompromise")
    assert world.listed()[1] == [(SERIAL, "keyCompromise")]
    with pytest.raises(TransitionError):
        world.management.acting_as(Operator("operator")).revoke(CARD, "again")


# --- workers, deltas, shards, causes ----------------------------------------------------------------------------------


def number_and_entries(der: bytes) -> tuple[int, dict[int, str]]:
    crl = x509.load_der_x509_crl(der)
    number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    return number, {entry.serial_number: _reason(entry) for entry in crl}


@pytest.fixture(params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Publications]:
    """On a database that several workers share."""
    if request.param == "sqlite":
        yield Publications(url=f"sqlite:///{tmp_path / 'registry.db'}")
        return
    made = Publications(registry=request.getfixturevalue("server").registry())
    yield made
    made.store.close()


def test_workers_give_out_one_list_and_none_goes_back(shared: Publications) -> None:
    """Threads of several workers on one database, while cards are blocked: of each number there is one list, and numbers grow."""
    world = shared
    cards = [world.issue() for _ in range(6)]
    seen: list[list[bytes]] = [[], [], []]
    stop, failures = threading.Event(), []

    def work(number: int) -> None:
        lists = world.worker()
        try:
            while not stop.is_set():
                seen[number].append(lists.current())
        except Exception as error:
            failures.append(error)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(len(seen))]
    for worker in workers:
        worker.start()
    for card in cards:
        world.change(card, "block")
        blocked = world.lists.current()
        assert card.serial in number_and_entries(blocked)[1]
    stop.set()
    for worker in workers:
        worker.join()
    assert not failures
    by_number: dict[int, bytes] = {}
    for one in seen:
        lists = [number_and_entries(der) for der in dict.fromkeys(one)]
        assert lists == sorted(lists, key=lambda item: item[0])
        sizes = [len(entries) for _, entries in lists]
        assert sizes == sorted(sizes)
        for der in one:
            assert by_number.setdefault(number_and_entries(der)[0], der) == der
    world.store.close()


def test_a_delta_tells_of_all_that_changed_since_any_list_of_a_day() -> None:
    """Whoever has any full list of the last day gets the present state by the newest delta alone."""
    world = Publications()
    cards = [world.issue() for _ in range(4)]
    fulls = [CRL.parse(world.lists.current())]
    for hour, (card, event) in enumerate([(0, "block"), (1, "block"), (0, "release"), (2, "revoke"), (1, "revoke")]):
        world.forward(hours=4, minutes=hour)
        world.change(cards[card], event)
        fulls.append(CRL.parse(world.lists.current()))
        delta = CRL.parse(world.lists.delta())
        assert delta.number == fulls[-1].number
        assert delta.this_update == fulls[-1].this_update
        for full in fulls[:-1]:
            assert dict(full.with_delta(delta).entries) == dict(fulls[-1].entries)
    world.store.close()


def test_deltas_get_a_new_base_after_a_day_and_go_on_the_list_before() -> None:
    world = Publications()
    card = world.issue()
    bases = []
    for _ in range(60):
        before = CRL.parse(world.lists.current())
        world.forward(hours=1, minutes=1)
        world.change(card, "release" if len(bases) % 2 else "block")
        now, delta = CRL.parse(world.lists.current()), CRL.parse(world.lists.delta())
        assert dict(before.with_delta(delta).entries) == dict(now.entries)
        assert delta.base_number is not None
        bases.append(delta.base_number)
    assert bases == sorted(bases)
    assert 3 <= len(set(bases)) <= 4  # 61 hours
    world.store.close()


def test_a_delta_is_made_every_hour_though_nothing_happens() -> None:
    world = Publications()
    world.issue()
    first = CRL.parse(world.lists.delta())
    assert first.next_update - first.this_update == DELTA_LIFETIME
    world.forward(minutes=61)
    assert CRL.parse(world.lists.delta()).number == (first.number or 0) + 1
    world.store.close()


def test_only_the_shard_of_a_changed_certificate_is_signed_anew() -> None:
    world = Publications(SHARDED)
    certificates = [world.issue(serial=(1 << 100) + number) for number in range(3)]
    before = {point: world.lists.current(point) for point in world.lists.points}
    assert len(before) == 3
    world.change(certificates[1], "block")
    after = {point: world.lists.current(point) for point in world.lists.points}
    changed = [point for point in before if before[point] != after[point]]
    assert changed == [*certificates[1].crl_urls]
    for certificate in certificates:
        chain = certificate, Certificate.parse(world.authority.certificate), Certificate.parse(world.authority.root)
        if certificate is certificates[1]:
            with pytest.raises(OnHoldError):
                world.lists.check(chain, world.now)
        else:
            world.lists.check(chain, world.now)
    with pytest.raises(UsageError):
        world.lists.current()  # of which?
    world.store.close()


def test_two_lists_of_one_name_are_refused(world: Published) -> None:
    with pytest.raises(UsageError):
        RevocationList(
            world.store, world.authority, world.clock,
            points=[("http://a.example/1.crl", None), ("http://b.example/1.crl", None)],
        )  # fmt: skip


def test_a_newer_crl_is_not_written_over(tmp_path: Path) -> None:
    world = Publications()
    card = world.issue()
    old = world.lists.current()
    world.change(card, "block")
    new = world.lists.current()
    for der, expected in ((old, old), (new, new), (old, new)):
        publish_crl(tmp_path, "crl.der", der)
        assert (tmp_path / "crl.der").read_bytes() == expected
    (tmp_path / "crl.der").write_bytes(b"damaged")
    publish_crl(tmp_path, "crl.der", old)
    assert (tmp_path / "crl.der").read_bytes() == old
    world.store.close()


def test_changes_are_kept_for_a_week() -> None:
    world = Publications()
    world.issue()
    with world.store.begin() as unit:
        assert len(list(unit.find(StatusChange))) == 2
    housekeeping.remove_expired(world.store, world.now + timedelta(days=8))
    with world.store.begin() as unit:
        assert list(unit.find(StatusChange)) == []
    card = world.issue()
    world.change(card, "block")
    assert card.serial in number_and_entries(world.lists.current())[1]  # which had not begun to follow
    world.store.close()


class Causes(RuleBasedStateMachine):
    """A card that several parties suspend and release, each for a cause of its own: it is good only while no cause is left."""

    def __init__(self) -> None:
        super().__init__()
        self.world = Publications()
        self.card = self.world.issue()
        self.causes: set[str] = set()
        self.revoked = False

    @rule(cause=st.sampled_from(["manager", "organisation", "escrow"]))
    def suspend(self, cause: str) -> None:
        if not self.revoked and cause not in self.causes:
            self.world.change(self.card, "block", cause=cause)
            self.causes.add(cause)

    @rule(cause=st.sampled_from(["manager", "organisation", "escrow"]))
    def resume(self, cause: str) -> None:
        """Also what was never suspended for this cause, while it is suspended for another."""
        if not self.revoked and self.causes:
            self.world.change(self.card, "release", cause=cause)
            self.causes.discard(cause)

    @rule()
    def revoke(self) -> None:
        if not self.revoked and len(self.causes) == 3:
            self.world.change(self.card, "revoke")
            self.revoked = True

    @invariant()
    def crl_and_ocsp_tell(self) -> None:
        expected = "keyCompromise" if self.revoked else "certificateHold" if self.causes else None
        assert number_and_entries(self.world.lists.current())[1].get(self.card.serial) == expected
        self.world.forward(seconds=2)
        question = Question(self.card, self.world.issuer)
        answer = Answer.parse(self.world.ocsp.answer(question.der).der)
        try:
            answer.status()
            told = None
        except RevokedError as error:
            told = error.details["reason"]
        assert told == expected

    def teardown(self) -> None:
        self.world.store.close()


Causes.TestCase.settings = settings(max_examples=25, stateful_step_count=12, deadline=None)
TestResumingNeverEndsAnothersSuspension = Causes.TestCase
