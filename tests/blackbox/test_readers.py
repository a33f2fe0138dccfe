"""Readers and cards as they come and go over a real pcscd, which is killed and restarted as well."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest

import uzi_card
from readers_world import Follower, our_threads, tasks
from zorgid_card import CardKind, open_card, readers, wait_for_card, watch_readers
from zorgid_card.adapters.pcsc import Change, Held, ReaderWatch, SlotState, forget_insertions
from zorgid_card.errors import PCSCUnavailableError
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.vpcd import PORT, VPCDCard

pytestmark = pytest.mark.blackbox

NAMES = ["Virtual PCD 00 00", "Virtual PCD 00 01"]
PATIENCE = 20.0
ABSENT = 0.6  # vpcd looks every 0.4 s


class Daemon(Protocol):
    """What the fixture ``pcscd`` gives."""

    def start(self) -> None: ...

    def stop(self, *, kill: bool = False) -> None: ...


class Desk:
    """Two virtual slots, and what is truly in them."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._served: dict[str, VPCDCard] = {}
        self._card = Maker.create()
        self.restarts = 0

    @property
    def truth(self) -> dict[str, SlotState]:
        return {name: SlotState(held=Held.CARD if name in self._served else Held.NOTHING) for name in NAMES}

    def put(self, name: str, card: VirtualCard | None = None) -> None:
        serving = VPCDCard(card or self._card.blank(), port=PORT + NAMES.index(name))
        serving.start()
        self._served[name] = serving

    def take(self, name: str) -> None:
        self._served.pop(name).stop()

    def restart(self, *, kill: bool) -> None:
        for name in list(self._served):
            self.take(name)
        self._daemon.stop(kill=kill)
        self._daemon.start()
        self.restarts += 1

    def step(self, chance: random.Random) -> None:
        name = chance.choice(NAMES)
        if chance.random() < 0.1:
            self.restart(kill=chance.random() < 0.5)
        elif name in self._served:
            self.take(name)
        else:
            self.put(name)

    def clear(self) -> None:
        for name in list(self._served):
            self.take(name)
        time.sleep(ABSENT)


@pytest.fixture
def desk(pcscd: Daemon) -> Iterator[Desk]:
    desk = Desk(pcscd)
    threads = tasks()
    yield desk
    desk.clear()
    assert our_threads() == []
    assert tasks() == threads


def hear_until(watch: ReaderWatch, follower: Follower, satisfied: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not satisfied():
        follower.hear(watch.poll(timeout=0.2))
        assert time.monotonic() < end, follower.heard


def handles() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("seed", [1, 2])
def test_over_random_steps_and_restarts_the_final_state_is_right(desk: Desk, seed: int) -> None:
    chance, follower = random.Random(seed), Follower()
    forget_insertions()
    watch_readers().close()
    before = handles()
    with watch_readers() as watch:
        for number in range(40):
            desk.step(chance)
            if number % 3:
                follower.hear(watch.poll(timeout=chance.random()))
            else:
                hear_until(watch, follower, lambda: follower.agrees_with(desk.truth))
        time.sleep(2 * ABSENT)  # a card that was exchanged, and not missed yet, would agree by chance
        hear_until(watch, follower, lambda: follower.agrees_with(desk.truth))
    assert desk.restarts > 0
    assert any(event.change is Change.CARD_INSERTED and event.counter > 0 for event in follower.heard)
    desk.clear()
    assert handles() == before


def test_a_wait_given_up_a_hundred_times_hears_all_the_same(desk: Desk) -> None:
    """Cancelling does not get in the way of what libpcsclite and pcscd say to each other."""

    async def main() -> None:
        follower = Follower()
        with watch_readers() as watch:
            for number in range(100):
                try:
                    follower.hear([await asyncio.wait_for(anext(watch), number % 10 / 2000)])
                except TimeoutError:
                    assert our_threads() == []
            assert follower.agrees_with(desk.truth)
            desk.put(NAMES[1])
            async for event in watch:
                follower.hear([event])
                if event.change is Change.CARD_INSERTED:
                    break
            assert follower.agrees_with(desk.truth)

    asyncio.run(main())


def test_closing_ends_a_wait_over_a_real_pcscd(desk: Desk) -> None:
    for number in range(30):
        watch = watch_readers()
        thread = threading.Thread(target=lambda watch=watch: list(watch))  # type: ignore[misc]
        thread.start()
        time.sleep(number % 6 / 1000)
        watch.close()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_waiting_for_a_pass_passes_over_another_card(desk: Desk) -> None:
    told: list[tuple[str, CardKind]] = []
    desk.put(NAMES[0])
    later = threading.Timer(1.0, lambda: desk.put(NAMES[1], uzi_card.powered()))
    later.start()
    reader = wait_for_card(CardKind.UZI_PASS, PATIENCE, other=lambda reader, kind: told.append((reader.name, kind)))
    later.join()
    assert (reader.name, told) == (NAMES[1], [(NAMES[0], CardKind.BLANK)])
    number = reader.insertion()
    with open_card(reader) as card:
        assert card.kind is CardKind.UZI_PASS
    assert reader.insertion() == number is not None
    desk.take(NAMES[1])
    reader.wait(present=False, timeout=PATIENCE)
    assert reader.insertion() is None
    desk.put(NAMES[1], uzi_card.powered())
    reader.wait(present=True, timeout=PATIENCE)
    assert reader.insertion() not in (None, number)


def test_without_pcscd_it_says_what_to_start(desk: Desk, pcscd: Daemon) -> None:
    pcscd.stop()
    try:
        for call in (readers, watch_readers, wait_for_card):
            with pytest.raises(PCSCUnavailableError) as caught:
                call()
            assert caught.value.reason == "service"
            assert "pcscd" in str(caught.value.advice)
    finally:
        pcscd.start()


def test_the_command_lists_the_virtual_readers(desk: Desk) -> None:
    desk.put(NAMES[0])
    next(reader for reader in readers() if reader.name == NAMES[0]).wait(present=True, timeout=PATIENCE)
    command = [sys.executable, "-m", "zorgid_card.cli", "readers", "--json"]
    found = json.loads(subprocess.run(command, capture_output=True, timeout=60, check=True).stdout)
    assert [(one["name"], one["slot"]) for one in found["readers"]] == [(NAMES[0], "card"), (NAMES[1], "nothing")]
