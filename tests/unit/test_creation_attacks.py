"""Attacks on what creation keeps and is told: a journal in other hands, a portal that lies, a card side that says odd things."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from world import CARD_PIN, DESKTOP, NOW, ORIGIN, ScriptedHolder, World
from zorgid_card.adapters.journal import SQLiteJournal
from zorgid_card.errors import (
    CardUnfinishedError,
    EnrolmentPendingError,
    MessageError,
    StorageError,
    ZorgIDError,
)
from zorgid_card.ports.journal import Making
from zorgid_card.ports.registry import IssuedCertificate, SmartCard
from zorgid_card.workflows.creation import CardCreation
from zorgid_card.workflows.creation_messages import CardAccepted, OfferCard, RequestCertificates, Relay, RelayCommands
from zorgid_card.workflows.messages import Message, Refusal, canonical, from_json, parse, to_json
from zorgid_card.workflows.policy import CreationPolicy


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.validated()
    return world


def making(**changes: Any) -> Making:
    known = Making(serial="1", kind="yubico ECCP256", origin=ORIGIN, session="s", step="activate", done=True)
    return replace(known, **changes)


# --- the journal in other hands


@pytest.mark.parametrize("commit", [b"{}", b'{"body":{}}', b'{"body":{"kind":"commit-card"}}', b"x", b'{"session":"s"}', b'{"body":{"kind":"commit-card","algorithm":"ES256","signature":""},"session":[]}'])
def test_crd_8_a_commit_that_is_none_is_refused_with_a_typed_error(world: World, commit: bytes) -> None:
    world.journal.write(making(commit=commit))
    (kept,) = world.journal.unfinished()
    with pytest.raises(ZorgIDError):
        world.creation(world.worker()).resume(kept)


@pytest.mark.parametrize("column", [field.name for field in fields(Making)])
@pytest.mark.parametrize("value", [None, 7, "text", b"\xff"])
def test_crd_8_a_journal_that_holds_something_else_is_refused(tmp_path: Path, column: str, value: object) -> None:
    with SQLiteJournal(tmp_path / "journal") as journal:
        journal.write(making())
        with sqlite3.connect(tmp_path / "journal") as other:
            other.execute(f'UPDATE making SET "{column}" = ?', (value,))
        try:
            found = journal.unfinished()
        except StorageError:
            return
        for one in found:
            for field in fields(Making):
                assert type(getattr(one, field.name)).__name__ == field.type, (field.name, value)


def test_crd_8_took_is_hostile(tmp_path: Path) -> None:
    with SQLiteJournal(tmp_path / "journal") as journal:
        journal.write(making(), took=1.0)
        with sqlite3.connect(tmp_path / "journal") as other:
            other.execute("UPDATE took SET seconds = 'x'")
            other.execute("INSERT INTO took VALUES ('yubico ECCP256', 'activate', 2.0)")
        journal.usual("yubico ECCP256")


def test_journal_mode(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.touch()
    path.chmod(0o666)
    with SQLiteJournal(path) as journal:
        journal.write(making())
        for one in tmp_path.iterdir():
            assert one.stat().st_mode & 0o777 == 0o600, one


# --- a lying portal


class Lying:
    def __init__(self, world: World, lie: Callable[[Message, Message], Message | None]) -> None:
        self.world, self.lie, self.origin = world, lie, world.portal.origin

    def ask(self, request: bytes) -> bytes:
        call = from_json(parse(request)["body"])
        raw = self.world.portal.ask(request)
        told = self.lie(call, from_json(parse(raw)))
        return raw if told is None else canonical(to_json(told))


@pytest.mark.parametrize("after", [-5, 0, "x", True, None, 10**18])
def test_pending_odd(world: World, after: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    slept = []
    real = time.sleep

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if seconds < 0:
            real(seconds)
    monkeypatch.setattr(time, "sleep", sleep)

    def lie(call: Message, answer: Message) -> Message | None:
        if isinstance(call, RequestCertificates):
            return Refusal.of(EnrolmentPendingError(retry_after=after))
        return None

    with pytest.raises(ZorgIDError):
        world.creation(world.worker(), Lying(world, lie)).run(**DESKTOP)


@pytest.mark.parametrize("lies", [
    {"expires": date(1, 1, 1)}, {"administration_algorithm": "DES"}, {"administration_algorithm": "AES128"},
    {"requests": (b"",)}, {"requests": (b"\x30\x00",)}, {"residency": "possession-only"}, {"channel": True}, {"renew": True},
    {"expires": date(9999, 12, 31)}, {"slots": ()}, {"guid": b""},
])
def test_lies(world: World, lies: dict[str, Any]) -> None:
    def lie(call: Message, answer: Message) -> Message | None:
        return replace(answer, **lies) if isinstance(answer, CardAccepted) else None

    try:
        world.creation(world.worker(), Lying(world, lie)).run(**DESKTOP)
    except ZorgIDError as error:
        print(lies, repr(error))
    else:
        print(lies, "fine")


def test_two_slots_pending(tmp_path: Path) -> None:
    world = World(tmp_path, creation=CreationPolicy(key_algorithm="ECCP256", slots=(0x9A, 0x9C)))
    world.validated()
    issued = []

    class Slow:
        def __getattr__(self, name: str) -> Any:
            return getattr(world.authority, name)

        def issue(self, *given: Any, **named: Any) -> bytes:
            if len(issued) == 1:
                issued.append(b"")
                raise EnrolmentPendingError(retry_after=0)
            issued.append(world.authority.issue(*given, **named))
            return issued[-1]

    object.__setattr__(world.services, "authority", Slow())
    world.create(world.worker())
    with world.registry.begin() as unit:
        known = {c.der for c in unit.find(IssuedCertificate)}
    assert {der for der in issued if der} == known
