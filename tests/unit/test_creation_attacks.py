"""Attacks on what creation keeps and is told: a journal in other hands, a portal or a card that lies, a card that is swapped."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from world import CARD_PIN, DESKTOP, ORIGIN, ScriptedHolder, World
from zorgid_card.adapters.journal import SQLiteJournal
from zorgid_card.cards.objects import chuid
from zorgid_card.cards.zorgid import ZorgIDCard
from zorgid_card.codec.link import Link
from zorgid_card.errors import (
    DeclinedError,
    MessageError,
    NotBlankError,
    PortalAnswerError,
    PortalTLSError,
    StorageError,
    WrongCardError,
    WrongPUKError,
    ZorgIDError,
)
from zorgid_card.ports.journal import Making
from zorgid_card.ports.registry import SmartCard
from zorgid_card.secret import Secret
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.uzi_profile import Person as PassHolder
from zorgid_card.workflows.creation_messages import CardAccepted
from zorgid_card.workflows.holder import Cue, Progress, Step
from zorgid_card.workflows.messages import Message, canonical, from_json, parse, to_json
from zorgid_card.workflows.policy import CreationPolicy
from zorgid_card.workflows.session import ATTEMPTS


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.validated()
    return world


def making(**changes: Any) -> Making:
    known = Making(serial="1", kind="yubico ECCP256", origin=ORIGIN, session="s", step="activate", done=True)
    return replace(known, **changes)


# --- the journal in other hands ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "commit",
    [
        b"x",
        b"[]",
        b"{}",
        b'{"body":{}}',
        b'{"body":{"kind":"commit-card"}}',
        b'{"body":{"kind":"commit-card","algorithm":"ES256","signature":""}}',
        b'{"body":{"kind":"commit-card","algorithm":"ES256","signature":""},"session":[]}',
    ],
)
def test_crd_8_a_commit_that_is_none_is_a_typed_error(world: World, commit: bytes) -> None:
    world.journal.write(making(commit=commit))
    (kept,) = world.journal.unfinished()
    with pytest.raises(ZorgIDError):
        world.creation(world.worker()).resume(kept)


ISSUED = b'{"kind":"certificates-issued","slots":[%s],"certificates":[%s],"chain":[]}'


@pytest.mark.parametrize("issued", [ISSUED % (b"", b""), ISSUED % (b"154", b""), ISSUED % (b"", b'"AAAA"')])
def test_crd_8_certificates_that_are_none_are_a_typed_error(world: World, issued: bytes) -> None:
    blank = world.maker.blank()
    world.reader.insert(blank)
    world.journal.write(making(serial=world.card().serial, step="puk", done=False, issued=issued, commit=b"{}"))
    (kept,) = world.journal.unfinished()
    with pytest.raises(MessageError):
        world.creation(world.worker(blank)).resume(kept)


@pytest.mark.parametrize("name", [field.name for field in fields(Making)])
@pytest.mark.parametrize("value", [None, 7, 7.5, "text", b"\xff"])
def test_crd_8_a_journal_that_holds_something_else_is_a_typed_error(tmp_path: Path, name: str, value: object) -> None:
    (typed,) = (str(field.type) for field in fields(Making) if field.name == name)
    with SQLiteJournal(tmp_path / "journal") as journal:
        journal.write(making())
        with sqlite3.connect(tmp_path / "journal") as other:
            other.execute(f'UPDATE making SET "{name}" = ?', (value,))
        if typed == type(value).__name__ or (typed, type(value)) == ("bool", int):
            assert journal.unfinished()
            return
        with pytest.raises(StorageError) as caught:
            journal.unfinished()
        assert caught.value.reason == "corrupt"


@pytest.mark.parametrize("seconds", [None, "soon", b"\xff", -5.0, float("inf"), 1e300])
def test_crd_7_a_time_that_nobody_measured_is_not_told(tmp_path: Path, seconds: object) -> None:
    with SQLiteJournal(tmp_path / "journal") as journal:
        journal.write(making(), took=2.0)
        with sqlite3.connect(tmp_path / "journal") as other:
            other.execute("INSERT INTO took VALUES ('yubico ECCP256', 'activate', ?)", (seconds,))
            other.execute("INSERT INTO took VALUES ('yubico ECCP256', 7, 1.0)")
        assert journal.usual("yubico ECCP256") == {"activate": 2.0}


def test_crd_8_a_journal_that_was_there_before_is_its_users_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.touch()
    path.chmod(0o666)
    with SQLiteJournal(path) as journal:
        journal.write(making())
        assert {one.stat().st_mode & 0o777 for one in tmp_path.iterdir()} == {0o600}


# --- a hostile portal --------------------------------------------------------------------------------------------------


class Lying:
    """A portal that changes what the true one answers."""

    def __init__(self, world: World, lie: Callable[[Message], Message]) -> None:
        self._world, self._lie, self.origin = world, lie, world.portal.origin

    def ask(self, request: bytes) -> bytes:
        return canonical(to_json(self._lie(from_json(parse(self._world.portal.ask(request))))))


@pytest.mark.parametrize("algorithm", ["3DES", "DES", "", "aes192"])
def test_crd_7_an_administration_key_of_another_kind_is_refused_before_the_card_is_touched(
    world: World, tmp_path: Path, algorithm: str
) -> None:
    blank = world.maker.blank()
    blank.save(tmp_path / "before")

    def lie(answer: Message) -> Message:
        return replace(answer, administration_algorithm=algorithm) if isinstance(answer, CardAccepted) else answer

    with pytest.raises((MessageError, PortalAnswerError)):
        world.creation(world.worker(blank), Lying(world, lie)).run(**DESKTOP)
    blank.save(tmp_path / "after")
    assert (tmp_path / "after").read_bytes() == (tmp_path / "before").read_bytes()
    with pytest.raises(ZorgIDError):
        CreationPolicy(administration_algorithm=algorithm)


@pytest.mark.parametrize("expiry", [date(1, 1, 1), date(987, 6, 5), date(9999, 12, 31)])
def test_crd_7_the_date_in_a_chuid_has_eight_digits_whatever_the_portal_says(expiry: date) -> None:
    digits = f"{expiry.year:04d}{expiry.month:02d}{expiry.day:02d}"
    assert b"\x35\x08" + digits.encode() in chuid(bytes(16), expiry)


# --- a hostile card ----------------------------------------------------------------------------------------------------


def test_crd_8_a_certificate_of_no_version_on_a_card_is_shown_as_unknown(world: World) -> None:
    """It stands on a half-made card of one's own, whose name is shown before it is emptied."""
    blank = world.maker.blank()
    holder = world.worker(blank)
    holder.declines = {"puk"}
    creation = world.creation(holder)
    with suppress(ZorgIDError):
        creation.run(**DESKTOP)
    spoil(world)
    holder.declines = set()
    creation.make()
    (asked,) = (question for question in holder.questions if question.code == "empty-card")
    assert dict(asked.facts)["certificate"] == "?"


def spoil(world: World) -> None:
    """The certificate in 9A says that it is of version 10."""
    channel = world.reader.connect()
    card = ZorgIDCard(Link(channel), None)
    der = card.certificate(0x9A) or b""
    with world.keys.derive(card.serial, "AES192") as key, card.session():
        card.authenticate_administration(key)
        card.write_certificate(0x9A, der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x09", 1))
    channel.close(reset=True)


# --- a person who inserts another card mid-way -------------------------------------------------------------------------


class Mistaken(ScriptedHolder):
    """Pulls the card when the PUK is shown, and puts in another one first, then the right one."""

    wrong: VirtualCard | None = None

    def cue(self, cue: Cue) -> None:
        if cue is not Cue.INSERT_AGAIN or self.wrong is None:
            super().cue(cue)
        else:
            self.reader.remove()
            self.reader.insert(self.wrong)
            self.wrong = None


@pytest.mark.parametrize("which", ["card", "pass"])
def test_crd_8_a_wrong_card_put_in_mid_way_costs_neither_card(world: World, tmp_path: Path, which: str) -> None:
    colleague = world.uzi_pass(PassHolder("Piet", "Bos", "900000077", birth_date=date(1970, 1, 1)), "N")
    theirs = world.maker.blank()
    other = world.create(ScriptedHolder(world.reader, colleague, theirs, born=date(1970, 1, 1)))
    world.reader.remove()
    theirs.save(tmp_path / "before")
    holder = Mistaken(world.reader, world.worker_pass, world.maker.blank(), pulls_when_asked="puk")
    holder.wrong = theirs if which == "card" else world.worker_pass
    made = world.create(holder)
    assert [type(error) for error in holder.errors][1:] == [WrongCardError if which == "card" else NotBlankError]
    with world.registry.begin() as unit:
        assert {card.serial: card.state for card in unit.find(SmartCard)} == {
            made.serial: "active",
            other.serial: "active",
        }
    theirs.save(tmp_path / "after")
    assert (tmp_path / "after").read_bytes() == (tmp_path / "before").read_bytes()
    world.card().verify_pin(Secret.of(CARD_PIN))


def test_crd_8_another_blank_takes_the_place_of_a_card_that_was_torn(world: World) -> None:
    holder = Mistaken(world.reader, world.worker_pass, world.maker.blank(), pulls_when_asked="puk")
    holder.wrong = world.maker.blank()
    made = world.create(holder)
    with world.registry.begin() as unit:
        states = {card.serial: card.state for card in unit.find(SmartCard)}
    assert sorted(states.values()) == ["abandoned", "active"]
    assert states[made.serial] == "active"


class Elsewhere(ScriptedHolder):
    """Somebody gives the card a PUK of theirs while it is being made."""

    def progress(self, progress: Progress) -> None:
        super().progress(progress)
        if progress.step is Step.VERIFY and isinstance(self.blank, VirtualPIVCard):
            self.blank._state.puk.value = b"97531864"


def test_crd_9_no_card_is_finished_whose_puk_its_holder_was_not_shown(world: World) -> None:
    holder = Elsewhere(world.reader, world.worker_pass, world.maker.blank())
    with pytest.raises(WrongPUKError):
        world.create(holder)
    with world.registry.begin() as unit:
        assert [card.state for card in unit.find(SmartCard)] == ["abandoned"]


@pytest.mark.parametrize("dialect", ["yubico", "nist"])
def test_crd_8_a_finished_card_whose_commit_found_no_portal_is_finished_by_the_same_creation(
    tmp_path: Path, dialect: str
) -> None:
    world = World(
        tmp_path, creation=CreationPolicy(key_algorithm="ECCP256", residency=frozenset({"attested", "channel"}))
    )
    world.validated()
    blank = world.nist_blank() if dialect == "nist" else world.maker.blank()
    holder = world.worker(blank)
    holder.declines = {"ask-again"}
    creation = world.creation(holder, Unreachable(world))
    with pytest.raises(DeclinedError):
        creation.run(**DESKTOP)
    shown, holder.puk = holder.puk, b""
    made = creation.make()
    assert (holder.puk, blank._state.puk.value) == (b"", shown)
    with world.registry.begin() as unit:
        assert [(card.serial, card.state) for card in unit.find(SmartCard)] == [(made.serial, "active")]


class Unreachable:
    """A portal that the first message of commit does not reach, however often it is sent."""

    def __init__(self, world: World) -> None:
        self._portal, self.origin, self._left = world.portal, world.portal.origin, ATTEMPTS

    def ask(self, request: bytes) -> bytes:
        if parse(request)["body"]["kind"] == "commit-card" and self._left:  # type: ignore[index,call-overload]
            self._left -= 1
            raise OSError("no route to host")
        return self._portal.ask(request)


class Busy(ScriptedHolder):
    """While this card is made, others of its kind are made that take another time."""

    journal: SQLiteJournal | None = None

    def progress(self, progress: Progress) -> None:
        super().progress(progress)
        if progress.step is Step.VERIFY and self.journal is not None:
            for _ in range(3):
                self.journal.write(making(serial="2", step="activate"), took=1000.0)


def test_crd_7_progress_never_goes_back_whatever_other_cards_take_meanwhile(world: World) -> None:
    world.create(world.worker())
    holder = Busy(world.reader, world.worker_pass, world.maker.blank())
    holder.journal = world.journal
    world.create(holder)
    shares = [beat.share for beat in holder.beats]
    assert shares == sorted(shares)


class Interposed:
    """A portal before which, at the message of commit, something else answers: the portal has got it, or not."""

    origin = ORIGIN

    def __init__(self, world: World, error: Exception | None, *, acted: bool) -> None:
        self._portal, self._error, self._acted = world.portal, error, acted
        self._left = ATTEMPTS if error is None else 1

    def ask(self, request: bytes) -> bytes:
        if not (self._left and parse(request)["body"]["kind"] == "commit-card"):  # type: ignore[index,call-overload]
            return self._portal.ask(request)
        self._left -= 1
        if self._acted:
            self._portal.ask(request)
        if self._error is not None:
            raise self._error
        return b"<html><h1>502 Bad Gateway</h1></html>"


@pytest.mark.parametrize("acted", [False, True])
@pytest.mark.parametrize(
    "error", [None, PortalAnswerError(reason="type"), PortalTLSError(reason="a proxy's certificate")]
)
def test_crd_8_what_answers_in_the_portals_place_says_nothing_of_a_finished_card(
    world: World, error: Exception | None, acted: bool
) -> None:
    holder = world.worker()
    made = world.creation(holder, Interposed(world, error, acted=acted)).run(**DESKTOP)
    assert "ask-again" in holder.asked
    assert (made.serial, world.journal.unfinished()) == (world.card().serial, ())
    with world.registry.begin() as unit:
        assert [card.state for card in unit.find(SmartCard)] == ["active"]
