"""Waiting for a card of a kind: over a PC/SC library whose readers hold simulated cards."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import uzi_card
from readers_world import Desk, World, our_threads
from zorgid_card import CardKind, open_card, readers, wait_for_card
from zorgid_card.adapters.pcsc import LIBRARY_VARIABLE, Held, PCSCReader, forget_insertions
from zorgid_card.errors import NoCardError, PCSCUnavailableError, WrongCardError
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.maker import Maker

pytestmark = pytest.mark.skipif("sys.platform != 'linux'", reason="the stub is a libpcsclite")

PATIENCE = 60.0


@pytest.fixture
def desk(readers_library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    world = World(readers_library, tmp_path)
    monkeypatch.setenv(LIBRARY_VARIABLE, world.path)
    yield Desk(world)
    forget_insertions()
    assert world["contexts"] == world["cards"] == 0
    assert our_threads() == []


def a_pass() -> VirtualCard:
    return uzi_card.powered()


def blank() -> VirtualCard:
    return Maker.create().blank()


def waiting(desk: Desk) -> None:
    pause = threading.Event()
    while not desk.world["waiting"]:
        pause.wait(0.001)


def test_a_card_that_is_there_already_is_found_at_once(desk: Desk) -> None:
    desk.put("one", blank())
    desk.put("two", a_pass())
    desk.world.plug("three")
    assert [reader.name for reader in readers()] == ["one", "two", "three"]
    assert wait_for_card(CardKind.UZI_PASS, timeout=0).name == "two"
    assert wait_for_card(CardKind.BLANK, timeout=0).name == "one"
    assert wait_for_card(timeout=0).name == "one"
    with open_card(wait_for_card(kind=CardKind.UZI_PASS, timeout=0)) as card:
        assert card.kind is CardKind.UZI_PASS


def test_it_waits_for_reader_and_card_and_tells_what_was_put_in_instead(desk: Desk) -> None:
    told: list[tuple[str, CardKind]] = []

    def other(reader: PCSCReader, kind: CardKind) -> None:
        told.append((reader.name, kind))
        threading.Thread(target=lambda: (waiting(desk), desk.put("two", a_pass()))).start()

    threading.Thread(target=lambda: (waiting(desk), desk.put("one", blank()))).start()
    assert wait_for_card(CardKind.UZI_PASS, timeout=PATIENCE, other=other).name == "two"
    assert told == [("one", CardKind.BLANK)]


def test_the_wait_survives_a_service_that_restarts(desk: Desk) -> None:
    desk.put("one", blank())

    def restart() -> None:
        waiting(desk)
        desk.world.stop()
        desk.world.start()
        desk.put("two", a_pass())

    threading.Thread(target=restart).start()
    assert wait_for_card(CardKind.UZI_PASS, timeout=PATIENCE).name == "two"


def test_a_mute_card_and_one_that_goes_are_no_cards(desk: Desk) -> None:
    desk.world.plug("one", Held.MUTE)
    with pytest.raises(NoCardError, match="time to wait"):
        wait_for_card(timeout=0)
    desk.put("two", blank())
    desk.world.serve(lambda reader, command: (desk.world.put("two", Held.NOTHING), b"\x90\x00")[1])
    with pytest.raises(NoCardError):
        wait_for_card(CardKind.BLANK, timeout=0)


def test_when_the_time_is_over_it_says_which_card_is_there_instead(desk: Desk) -> None:
    desk.put("one", blank())
    with pytest.raises(WrongCardError) as caught:
        wait_for_card(CardKind.UZI_PASS, timeout=0.01)
    assert (caught.value.expected, caught.value.found) == ("uzi-pass", "blank")


def test_a_card_that_another_program_holds_is_looked_at_when_it_is_let_go_of(desk: Desk) -> None:
    desk.put("one", a_pass())
    desk.world["busy"] = 2
    assert wait_for_card(CardKind.UZI_PASS, timeout=PATIENCE).name == "one"
    assert desk.world["busy"] == 0


def test_without_a_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIBRARY_VARIABLE, "/nowhere/libpcsclite.so.1")
    with pytest.raises(PCSCUnavailableError) as caught:
        wait_for_card(timeout=PATIENCE)
    assert caught.value.reason == "library"
