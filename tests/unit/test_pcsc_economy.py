"""Few questions to PC/SC: each is a round trip to its service, and a context is a thread there (issue "Economy")."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from met_cards import Person, a_card
from readers_world import Desk, World
from zorgid_card import find_reader, log_in, open_card, readers
from zorgid_card.adapters.pcsc import LIBRARY_VARIABLE, Held, forget_insertions
from zorgid_card.cards import CardMemory
from zorgid_card.errors import NoCardError
from zorgid_card.ports.card import Channel, Reader, counting, equipped

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the stub is a libpcsclite")

ONE, TWO = "Reader one 00 00", "Reader two 00 00"


@pytest.fixture
def desk(readers_library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    world = World(readers_library, tmp_path)
    monkeypatch.setenv(LIBRARY_VARIABLE, world.path)
    desk = Desk(world)
    desk.put(ONE, a_card())
    yield desk
    forget_insertions()
    assert (world["contexts"], world["cards"]) == (0, 0)


@pytest.fixture
def memory() -> CardMemory:
    return CardMemory()


def signed_in(desk: Desk, memory: CardMemory, reader: Reader | None = None) -> Counter[str]:
    """The calls of one log-in, from opening the card to having let go of it."""
    before = Counter(desk.world.calls())
    with open_card(reader, memory=memory) as card:
        signer = card.authentication_signer(Person())
        log_in(signer, card.authentication_certificate(), origin="https://portal.example", nonce="A" * 44)
    return Counter(desk.world.calls()) - before


MET = {"connect": 1, "look": 1, "begin": 2, "transmit": 6, "end": 2, "disconnect": 1}
"""Signing in one transaction, logging out (SELECT, VERIFY) in another; the look gives answer to reset and insertion."""


def test_a_log_in_with_a_card_met_before_is_thirteen_calls_six_of_them_apdus(desk: Desk, memory: CardMemory) -> None:
    reader = find_reader(ONE)
    first = signed_in(desk, memory, reader)
    assert (first["establish"], first["status"], first["control"]) == (1, 0, 1)
    for _ in range(3):
        assert signed_in(desk, memory, reader) == MET


def test_finding_the_reader_costs_one_call_and_one_for_each_reader(desk: Desk, memory: CardMemory) -> None:
    desk.world.plug(TWO)
    signed_in(desk, memory)
    assert signed_in(desk, memory) == MET | {"list": 1, "look": 1 + 2}


def test_a_card_put_in_again_may_be_in_another_reader_of_that_name_which_is_asked_again(
    desk: Desk, memory: CardMemory
) -> None:
    reader = find_reader(ONE)
    signed_in(desk, memory, reader)
    desk.world.put(ONE, desk.world.readers[ONE].held, desk.cards[ONE].atr, unseen=2)
    assert signed_in(desk, memory, reader)["control"] == 1
    assert signed_in(desk, memory, reader)["control"] == 0


def test_where_pcsc_counts_no_insertions_the_reader_is_asked_each_time(desk: Desk, memory: CardMemory) -> None:
    """The reader was plugged in with the card in it."""
    desk.world.unplug(ONE)
    card = a_card()
    card.power_on()
    desk.cards[TWO] = card
    desk.world.plug(TWO, Held.CARD, card.atr)
    reader = find_reader(TWO)
    for _ in range(2):
        assert signed_in(desk, memory, reader)["control"] >= 1


def test_a_service_that_was_restarted_is_connected_to_anew(desk: Desk, memory: CardMemory) -> None:
    reader = find_reader(ONE)
    signed_in(desk, memory, reader)
    for lost in (0x8010001D, 0x80100003, 0x80100013):
        desk.world["lost_code"] = lost
        desk.world.stop()
        desk.world.start()
        assert signed_in(desk, memory, reader)["establish"] == 2  # one to connect in, one to look in
        assert [found.name for found in readers()] == [ONE]
        assert "establish" not in signed_in(desk, memory, reader)


def test_two_cards_at_a_time_have_a_context_each_and_one_is_kept(desk: Desk) -> None:
    desk.put(TWO, a_card())
    with open_card(ONE), open_card(TWO):
        assert desk.world["contexts"] == 3
    assert desk.world["contexts"] == 2
    with open_card(TWO):
        assert desk.world["contexts"] == 2


def test_a_channel_that_was_closed_does_nothing_to_the_card_that_has_its_context_now(desk: Desk) -> None:
    closed = find_reader(ONE).connect()
    closed.close()
    with open_card(ONE) as card:
        closed.close(reset=True)
        assert desk.world["cards"] == 1
        assert card.tries().left == 3
    assert desk.world["cards"] == 0


def test_what_is_forgotten_while_a_card_is_connected_is_let_go_of_with_it(desk: Desk) -> None:
    with open_card(ONE):
        forget_insertions()
        assert desk.world["contexts"] == 1
    assert desk.world["contexts"] == 0


def test_a_forked_process_keeps_its_own_and_lets_its_parents_be(desk: Desk, memory: CardMemory) -> None:
    reader = find_reader(ONE)
    signed_in(desk, memory, reader)
    child = os.fork()
    if child == 0:
        calls = signed_in(desk, CardMemory(), reader)
        forget_insertions()
        os._exit(0 if calls["establish"] == 2 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert signed_in(desk, memory, reader) == MET


def test_a_reader_without_a_card_is_looked_at_in_the_context_that_is_kept(desk: Desk) -> None:
    desk.world.unplug(ONE)
    desk.world.plug(TWO)
    before = Counter(desk.world.calls())
    with pytest.raises(NoCardError):
        find_reader()
    assert Counter(desk.world.calls()) - before == {"establish": 1, "list": 1, "look": 1}


def test_whether_a_channel_is_equipped_is_told_without_asking_its_reader() -> None:
    class Plain:
        insertion = None

    class Equipped:
        def __init__(self) -> None:
            self.longest = None

        @property
        def keypad(self) -> None:
            raise AssertionError("asked")

    assert equipped(cast(Channel, Equipped()))
    assert not equipped(cast(Channel, Plain()))
    assert not counting(cast(Reader, Plain()))


def test_a_log_in_loads_nothing_of_a_portal() -> None:
    """Nor what only a watcher of readers, an asynchronous program or the middleware of a card wants."""
    unwanted = ("asyncio", "asn1crypto", "sqlalchemy", "zorgid_card.recipes", "zorgid_card.adapters.pkcs11")
    program = f"import sys; from zorgid_card import open_card, log_in, Secret; print(sorted({{*{unwanted!r}}} & {{*sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
