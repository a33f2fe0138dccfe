"""Creation whose process is killed, or whose card is torn, after which a fresh process goes on (CRD-8, CRD-9)."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from world import CARD_PIN, DESKTOP, ScriptedHolder, World
from zorgid_card.adapters.journal import SQLiteJournal
from zorgid_card.errors import (
    CardUnfinishedError,
    CommitLateError,
    DeclinedError,
    SessionError,
    StorageError,
    WrongCardError,
    ZorgIDError,
)
from zorgid_card.ports.journal import Making
from zorgid_card.ports.registry import CardAttempt, IssuedCertificate, Reply, Session, SmartCard
from zorgid_card.secret import Secret
from zorgid_card.testkit.faults import Fault, FaultyReader, Kind
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.workflows.creation import CardCreation, Made
from zorgid_card.workflows.creation_messages import (
    AbandonCard,
    CardAbandoned,
    CardAccepted,
    CardsListed,
    ListCards,
    OfferCard,
)
from zorgid_card.workflows.holder import Cue, Step
from zorgid_card.workflows.housekeeping import remove_expired
from zorgid_card.workflows.policy import CreationPolicy

DIALECTS = pytest.mark.parametrize("dialect", ["yubico", "nist"])


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(
        tmp_path,
        creation=CreationPolicy(key_algorithm="ECCP256", residency=frozenset({"attested", "channel"})),
    )
    world.validated()
    return world


def blank_of(world: World, dialect: str) -> VirtualPIVCard:
    return world.nist_blank() if dialect == "nist" else world.maker.blank()


def records(world: World, kind: type) -> list[Any]:
    with world.registry.begin() as unit:
        return list(unit.find(kind))


def statuses(world: World) -> list[str]:
    return sorted(c.status for c in records(world, IssuedCertificate))


class KilledError(BaseException):
    """The process is gone: nothing of it runs any more."""


class Process:
    """A card side that is killed at its n-th call to the card, the portal or the journal, before it or after it was done."""

    def __init__(self, world: World, holder: ScriptedHolder, at: int, *, after: bool) -> None:
        self.at, self.after, self.calls, self.names = at, after, 0, list[str]()
        journal, portal, reader = Doors(world.journal, self), Doors(world.portal, self), Doors(world.reader, self)
        self.creation = CardCreation(reader, world.client(portal), holder, journal, card_timeout=1)  # type: ignore[arg-type]

    def through(self, name: str, call: Any, *given: Any, **named: Any) -> Any:
        self.calls += 1
        self.names.append(name)
        if self.calls > self.at or (self.calls == self.at and not self.after):
            raise KilledError
        answer = call(*given, **named)
        if self.calls == self.at:
            raise KilledError
        return answer

    def run(self) -> Made | None:
        with suppress(KilledError):
            return self.creation.run(**DESKTOP)
        return None


class Doors:
    """What a process reaches the world through."""

    COUNTED = frozenset({"ask", "write", "finish", "transmit"})

    def __init__(self, inner: Any, process: Process) -> None:
        self._inner, self._process = inner, process

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name == "connect":
            return lambda **given: Doors(found(**given), self._process)
        if name in self.COUNTED:
            return lambda *given, **named: self._process.through(name, found, *given, **named)
        return found


def go_on(world: World, blank: VirtualPIVCard) -> tuple[Made, bool]:
    """What a fresh process does; and whether the pass was needed."""
    if world.reader.card is not None:
        world.reader.reset()  # type: ignore[attr-defined]  # the killed process's connection is gone
    for making in world.journal.unfinished():
        holder = world.worker(blank)
        with suppress(CardUnfinishedError, CommitLateError):
            made = world.creation(holder).resume(making)
            assert "pin" not in holder.asked
            return made, False
    return world.create(world.worker(blank)), True


def usable(world: World, blank: VirtualPIVCard, made: Made) -> None:
    world.reader.remove()
    world.reader.insert(blank)
    card = world.card()
    card.verify_pin(Secret.of(CARD_PIN))
    assert card.certificate() == made.certificate
    good = [c.der for c in records(world, IssuedCertificate) if c.status == "good" and c.card_serial == made.serial]
    assert good == [made.certificate]


def points(world: World, dialect: str) -> tuple[int, list[str]]:
    process = Process(world, world.worker(blank_of(world, dialect)), 10**6, after=False)
    assert process.run() is not None
    return process.calls, process.names


def chosen(calls: int) -> Iterator[tuple[int, bool]]:
    """The cuts of the end, where a fresh process can still finish; some before. ``make torture`` has them all."""
    for at in range(9, calls - 8, 9):
        yield at, at % 2 == 0
    for at in range(calls - 8, calls):
        yield at, False
        yield at, True
    yield calls, False


@DIALECTS
def test_crd_8_killed_at_whatever_call_a_fresh_process_ends_with_a_working_card(world: World, dialect: str) -> None:
    calls, _ = points(world, dialect)
    without_pass = 0
    for at, after in chosen(calls):
        blank = blank_of(world, dialect)
        finished = Process(world, world.worker(blank), at, after=after).run()
        held = [c for c in records(world, IssuedCertificate) if c.card_serial == str(blank._state.number)]
        assert finished is None
        assert at >= calls - 1 or "good" not in {c.status for c in held}
        made, passed = go_on(world, blank)
        usable(world, blank, made)
        without_pass += not passed
        world.now += timedelta(seconds=1)
    assert without_pass >= 3


@DIALECTS
def test_crd_8_killed_and_never_resumed_nothing_is_valid_after_the_deadline(world: World, dialect: str) -> None:
    calls, _ = points(world, dialect)
    sealed = records(world, IssuedCertificate)
    for at in range(calls - 12, calls - 1):
        Process(world, world.worker(blank_of(world, dialect)), at, after=True).run()
        world.reader.remove()
    world.now += timedelta(minutes=16)
    world.revocation.current()
    left = [c.status for c in records(world, IssuedCertificate) if c.serial not in {one.serial for one in sealed}]
    assert left
    assert set(left) == {"revoked"}


def killed_before_the_commit(world: World, dialect: str) -> tuple[VirtualPIVCard, ScriptedHolder]:
    """All is written; the journal knows; the commit was not sent."""
    _, names = points(world, dialect)
    commit = len(names) - names[::-1].index("ask")
    blank = blank_of(world, dialect)
    holder = world.worker(blank)
    Process(world, holder, commit, after=False).run()
    world.reader.remove()
    return blank, holder


@DIALECTS
def test_crd_8_a_finished_card_is_committed_by_a_fresh_process_without_pass_and_without_card(
    world: World, dialect: str
) -> None:
    blank, holder = killed_before_the_commit(world, dialect)
    (making,) = world.journal.unfinished()
    again = world.worker(blank)
    made = world.creation(again).resume(making)
    assert again.asked == []
    assert world.journal.unfinished() == ()
    usable(world, blank, made)
    card = world.card()
    card.unblock_pin(Secret.of(holder.puk), Secret.of(b"246813"), last_try_allowed=True)


def test_crd_8_a_commit_that_comes_too_late_is_answered_clearly_and_the_card_is_made_anew(world: World) -> None:
    blank, _ = killed_before_the_commit(world, "yubico")
    (making,) = world.journal.unfinished()
    world.now += timedelta(minutes=16)
    with pytest.raises(CommitLateError):
        world.creation(world.worker(blank)).resume(making)
    (making,) = world.journal.unfinished()
    with pytest.raises(CardUnfinishedError):
        world.creation(world.worker(blank)).resume(making)
    made = world.create(world.worker(blank))
    usable(world, blank, made)


def test_crd_8_a_commit_that_is_overtaken_by_a_new_making_activates_nothing(world: World) -> None:
    """Somebody begins the card anew while another process still holds its sealed commit."""
    blank, _ = killed_before_the_commit(world, "yubico")
    (making,) = world.journal.unfinished()
    holder = world.worker(blank)
    holder.declines = {"empty-card"}
    with pytest.raises(DeclinedError):
        world.create(holder)
    with pytest.raises(ZorgIDError):
        world.creation(world.worker(blank)).resume(making)
    assert "good" not in statuses(world)[1:]


def killed_when_the_puk_was_shown(world: World, dialect: str) -> tuple[VirtualPIVCard, ScriptedHolder]:
    blank = blank_of(world, dialect)
    holder = world.worker(blank)
    process = Process(world, holder, 10**6, after=False)
    show = holder.show_puk

    def shown(puk: Secret) -> None:
        show(puk)
        process.at = process.calls

    holder.show_puk = shown  # type: ignore[method-assign]
    assert process.run() is None
    world.reader.reset()  # type: ignore[attr-defined]
    return blank, holder


@DIALECTS
def test_crd_9_a_puk_that_was_shown_and_not_written_is_crossed_out_when_a_new_one_is_shown(
    world: World, dialect: str
) -> None:
    blank, holder = killed_when_the_puk_was_shown(world, dialect)
    (making,) = world.journal.unfinished()
    assert making.commit
    with pytest.raises(CardUnfinishedError) as caught:
        world.creation(world.worker(blank)).resume(making)
    assert caught.value.details["reason"] == "puk"
    again = world.worker(blank)
    made = world.create(again)
    assert again.asked.index("cross-out-puk") < again.asked.index("puk")
    assert again.puk != holder.puk
    usable(world, blank, made)
    world.card().unblock_pin(Secret.of(again.puk), Secret.of(b"246813"), last_try_allowed=True)


def test_crd_9_where_the_puk_cannot_be_read_the_makers_is_tried_once_at_most(world: World) -> None:
    blank, _ = killed_when_the_puk_was_shown(world, "nist")
    blank._state.puk.replace(b"86420975")  # it was written after all
    (making,) = world.journal.unfinished()
    tried = replace(making, puk_tried=True)
    world.journal.write(tried)
    with pytest.raises(CardUnfinishedError):
        world.creation(world.worker(blank)).resume(tried)
    assert blank._state.puk.left == 3
    made = world.creation(world.worker(blank)).resume(making)
    assert blank._state.puk.left == 2
    usable(world, blank, made)


def test_crd_8_another_card_in_the_reader_is_not_finished(world: World, tmp_path: Path) -> None:
    killed_when_the_puk_was_shown(world, "yubico")
    (making,) = world.journal.unfinished()
    with pytest.raises(WrongCardError):
        world.creation(world.worker()).resume(making)
    assert "good" not in statuses(world)


def test_crd_8_a_card_that_was_changed_meanwhile_is_not_finished(world: World) -> None:
    blank, _ = killed_when_the_puk_was_shown(world, "yubico")
    blank._state.objects.pop(0x5FC105)
    (making,) = world.journal.unfinished()
    with pytest.raises((CardUnfinishedError, WrongCardError)):
        world.creation(world.worker(blank)).resume(making)
    assert "good" not in statuses(world)


def test_crd_8_what_was_begun_at_another_portal_is_not_sent_here(world: World) -> None:
    killed_before_the_commit(world, "yubico")
    (making,) = world.journal.unfinished()
    with pytest.raises(CardUnfinishedError) as caught:
        world.creation(world.worker()).resume(replace(making, origin="https://elsewhere.example"))
    assert caught.value.details["reason"] == "origin"


@DIALECTS
@pytest.mark.parametrize("after", [False, True])
def test_crd_8_torn_at_the_last_write_the_card_is_finished_in_the_same_session(
    world: World, dialect: str, after: bool
) -> None:
    """Its certificate stays; the PUK that was written is the one that was shown last."""
    blank = blank_of(world, dialect)
    counting = FaultyReader(world.reader)  # type: ignore[arg-type]
    writes: list[int] = []
    answer = blank.transmit

    def watched(command: bytes) -> bytes:
        if command[1] == 0x24 and command[3] == 0x81:
            writes.append(counting.count)
        return answer(command)

    blank.transmit = watched  # type: ignore[method-assign]
    CardCreation(counting, world.client(), world.worker(blank), world.journal, card_timeout=1).run(**DESKTOP)
    second = blank_of(world, dialect)
    holder = world.worker(second)
    reader = FaultyReader(world.reader, Fault(writes[-1], Kind.REMOVE, after=after))  # type: ignore[arg-type]
    made = CardCreation(reader, world.client(), holder, world.journal, card_timeout=1).run(**DESKTOP)
    assert reader.fired
    assert Cue.INSERT_AGAIN.value in holder.asked
    assert statuses(world) == ["good", "good"]
    assert holder.asked.count("puk") == (1 if after else 2)
    assert ("cross-out-puk" in holder.asked) is not after
    usable(world, second, made)
    world.card().unblock_pin(Secret.of(holder.puk), Secret.of(b"246813"), last_try_allowed=True)


# --- the journal -------------------------------------------------------------------------------------------------------


def making(serial: str, **more: Any) -> Making:
    return Making(serial=serial, kind="k", origin="o", session="s", step="write", done=False, **more)


def test_crd_8_what_a_killed_process_wrote_is_there_whole(tmp_path: Path) -> None:
    program = """
import os, signal, sys
from pathlib import Path
from zorgid_card.adapters.journal import SQLiteJournal
from zorgid_card.ports.journal import Making
journal = SQLiteJournal(Path(sys.argv[1]))
for number in range(5):
    journal.write(Making(serial=str(number), kind="k", origin="o", session="s", step="write", done=True, commit=b"c"), took=1.5)
database = journal._database
database.execute("BEGIN IMMEDIATE")
database.execute("DELETE FROM making")
os.kill(os.getpid(), signal.SIGKILL)
"""
    path = tmp_path / "journal.db"
    done = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    with SQLiteJournal(path) as journal:
        assert [one.serial for one in journal.unfinished()] == ["4", "3", "2", "1", "0"]
        assert journal.usual("k") == {"write": 1.5}
        assert journal.find("3") == replace(making("3", commit=b"c"), done=True)


def test_crd_8_a_journal_is_its_users_alone_and_shared_by_processes(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with SQLiteJournal(path) as one, SQLiteJournal(path) as other:
        assert path.stat().st_mode & 0o077 == 0
        one.write(making("7", puk_shown=True), took=2.0)
        other.write(making("8"), took=4.0)
        assert one.find("8") == making("8")
        assert other.find("7") == making("7", puk_shown=True)
        assert one.usual("k") == {"write": 3.0}
        other.finish(making("7"))
        assert [known.serial for known in one.unfinished()] == ["8"]


def test_crd_8_a_journal_that_is_none_is_told(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(StorageError):
        SQLiteJournal(path)
    with pytest.raises(StorageError):
        SQLiteJournal(tmp_path / "nowhere" / "journal.db")


def test_crd_8_a_journal_that_cannot_be_written_ends_the_making_with_nothing_valid(world: World) -> None:
    class Full:
        def __init__(self, step: Step) -> None:
            self.step = step

        def __getattr__(self, name: str) -> Any:
            return getattr(world.journal, name)

        def write(self, making: Making, /, *, took: float | None = None) -> None:
            if making.step == self.step:
                raise StorageError("the journal cannot be written", reason="disk full")
            world.journal.write(making, took=took)

    for step in (Step.GENERATE, Step.WRITE, Step.VERIFY, Step.PUK):
        holder = world.worker()
        creation = CardCreation(world.reader, world.client(), holder, Full(step), card_timeout=1)  # type: ignore[arg-type]
        with pytest.raises(StorageError):
            creation.run(**DESKTOP)
        assert set(statuses(world)) <= {"revoked"}
    assert [c.state for c in records(world, SmartCard) if c.state == "active"] == []


def test_crd_8_only_so_much_is_remembered(tmp_path: Path) -> None:
    with SQLiteJournal(tmp_path / "journal.db") as journal:
        for number in range(230):
            journal.write(making(str(number)), took=float(number))
        known = journal.unfinished()
        assert len(known) == 200
        assert known[0].serial == "229"
        assert journal.usual("k") == {"write": 217.0}


@DIALECTS
@pytest.mark.parametrize("tidied", [False, True])
def test_crd_8_a_card_whose_commit_was_answered_is_told_active_by_a_fresh_process_long_after(
    world: World, dialect: str, tidied: bool
) -> None:
    """The process was killed when it had the answer, and had not written it down."""
    blank = blank_of(world, dialect)
    calls, names = points(world, dialect)
    assert names[-2:] == ["ask", "finish"]
    world.reader.remove()
    assert Process(world, world.worker(blank), calls, after=False).run() is None
    world.now += timedelta(days=20)
    if tidied:
        remove_expired(world.registry, world.now)
    (making,) = world.journal.unfinished()
    made = world.creation(world.worker(blank)).resume(making)
    usable(world, blank, made)
    assert world.journal.unfinished() == ()


def test_crd_8_what_is_kept_for_a_commit_that_is_sent_again_says_nothing_of_the_person_and_goes_in_time(
    world: World,
) -> None:
    world.create(world.worker())
    remove_expired(world.registry, world.now + timedelta(days=29))
    (session,) = records(world, Session)
    assert session.data == "{}"
    remove_expired(world.registry, world.now + timedelta(days=31))
    assert records(world, Session) == records(world, Reply) == []


def test_crd_8_an_expired_session_answers_what_it_has_answered_and_nothing_else(world: World) -> None:
    creation = world.creation(world.worker())
    creation._client.open("create-card", **DESKTOP)
    creation.identify()
    sealed = creation._client.seal(ListCards())
    world.now += timedelta(minutes=15)
    with pytest.raises(SessionError) as caught:
        creation._client.deliver(sealed, CardsListed)
    assert caught.value.details["reason"] == "expired"


def test_crd_5_a_session_offers_only_so_many_cards(world: World) -> None:
    """Each offer is put on record: a card side that makes up serials fills nobody's registry."""
    creation = world.creation(world.worker())
    client, policy = creation._client, world.services.policy.creation
    client.open("create-card", **DESKTOP)
    creation.identify()
    for number in range(policy.offers_per_session + 1):
        offer = OfferCard(serial=str(number + 1), dialect="yubico", firmware="5.7.1", found="blank", channel=False)
        if number == policy.offers_per_session:
            with pytest.raises(SessionError) as caught:
                client.ask(offer, CardAccepted)
            continue
        client.ask(offer, CardAccepted)
        client.ask(AbandonCard(code="user.declined"), CardAbandoned)
    assert caught.value.details["reason"] == "offers"
    assert len(records(world, CardAttempt)) == policy.offers_per_session
