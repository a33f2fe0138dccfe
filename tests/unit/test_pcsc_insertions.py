"""The number of an insertion, by which a card met before is known, on a PC/SC library whose readers come and go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from readers_world import NO_SERVICE, World, sound_world
from zorgid_card.adapters.pcsc import Held, PCSCReader, forget_insertions

pytestmark = pytest.mark.skipif("sys.platform != 'linux'", reason="the stub is a libpcsclite")

A, B = bytes.fromhex("3B026202"), bytes.fromhex("3B800101")


@pytest.fixture
def world(readers_library: Path, tmp_path: Path) -> Iterator[World]:
    with sound_world(readers_library, tmp_path) as world:
        yield world


def test_an_insertion_keeps_its_number_until_the_card_is_taken_out(world: World) -> None:
    world.plug("one")
    reader, same = PCSCReader("one", world.path), PCSCReader("one", world.path)
    assert reader.insertion() is None
    world.put("one", Held.CARD, A)
    number = reader.insertion()
    assert number is not None
    assert same.insertion() == reader.insertion() == number
    world.put("one", Held.NOTHING)
    assert reader.insertion() is None
    world.put("one", Held.CARD, A)
    assert reader.insertion() not in (None, number)
    world.unplug("one")
    assert reader.insertion() is None
    forget_insertions()


def test_a_reader_plugged_in_again_is_another_insertion_where_pcsc_counts_that(world: World) -> None:
    """As pcsc-lite does from 2.3.0 on."""
    world["notification"] = 3
    reader = PCSCReader("one", world.path)
    numbers = set()
    for atr in (A, B):
        world.plug("one")
        world.put("one", Held.CARD, atr)
        numbers.add(reader.insertion())
        world.unplug("one")
    assert len(numbers - {None}) == 2
    forget_insertions()


def test_after_a_restart_of_the_service_the_same_count_is_another_number(world: World) -> None:
    world.plug("one")
    world.put("one", Held.CARD, A)
    reader = PCSCReader("one", world.path)
    first = reader.insertion()
    world.stop()
    assert reader.insertion() is None
    world.start()
    assert reader.insertion() is None, "a card that came with its reader: nothing is counted yet"
    world.put("one", Held.CARD, A, unseen=1)
    assert reader.insertion() not in (None, first)
    world["lost_code"] = NO_SERVICE
    forget_insertions()
