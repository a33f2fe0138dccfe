"""The event stream against a PC/SC library whose readers come and go, whose service stops, and which forgets cancellations."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from readers_world import LOST, SERVICE_STOPPED, Follower, World, our_threads, sound_world
from zorgid_card.adapters.pcsc import (
    Change,
    Held,
    ReaderEvent,
    ReaderWatch,
    context,
    readers,
    watch_readers,
)
from zorgid_card.errors import PCSCUnavailableError, TransportError

pytestmark = pytest.mark.skipif("sys.platform != 'linux'", reason="the stub is a libpcsclite")

A, B = bytes.fromhex("3B026202"), bytes.fromhex("3B800101")
PATIENCE = 60.0  # seconds after which a test that hangs fails


@pytest.fixture
def world(readers_library: Path, tmp_path: Path) -> Iterator[World]:
    with sound_world(readers_library, tmp_path) as world:
        yield world


@pytest.fixture
def watch(world: World) -> Iterator[ReaderWatch]:
    with watch_readers(library=world.path) as watch:
        yield watch


def until(watch: ReaderWatch, reader: str, change: Change = Change.READER_ADDED) -> list[ReaderEvent]:
    """All events up to this one."""
    heard = []
    for event in watch:
        heard.append(event)
        if event.reader == reader and event.change is change:
            break
    return heard


def running(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def ended(*threads: threading.Thread) -> None:
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive(), "it hangs"


def waiting(world: World, number: int = 1) -> None:
    pause = threading.Event()
    while world["waiting"] < number:
        pause.wait(0.001)


def changes(events: list[ReaderEvent]) -> list[tuple[str, str]]:
    return [(event.change.value, event.reader) for event in events]


# --- what is told ----------------------------------------------------------------------------------------------------


def test_the_first_events_tell_what_is_already_there(world: World, watch: ReaderWatch) -> None:
    world.plug("one", Held.CARD, A)
    world.plug("two")
    world.plug("three", Held.MUTE)
    events = watch.poll()
    assert changes(events) == [
        ("reader-added", "one"),
        ("card-inserted", "one"),
        ("reader-added", "two"),
        ("reader-added", "three"),
        ("card-mute", "three"),
    ]
    assert events[1].atr == A
    assert watch.poll() == []
    assert watch.snapshot == world.visible


def test_the_iterator_blocks_until_something_happens(world: World, watch: ReaderWatch) -> None:
    world["endless"] = 1
    world.plug("one")
    assert next(watch).change is Change.READER_ADDED
    heard: list[ReaderEvent] = []
    thread = running(lambda: heard.append(next(watch)))
    waiting(world)
    world.put("one", Held.CARD, B)
    ended(thread)
    assert heard == [ReaderEvent(change=Change.CARD_INSERTED, reader="one", atr=B, counter=1)]


def test_a_new_reader_is_told_at_once_where_pcsc_notifies(world: World, watch: ReaderWatch) -> None:
    world["endless"] = 1
    thread = running(lambda: until(watch, "one"))
    waiting(world)
    world.plug("one")
    ended(thread)


def test_without_notification_new_readers_are_told_all_the_same(world: World, watch: ReaderWatch) -> None:
    world["notification"] = 0
    thread = running(lambda: until(watch, "two"))
    world.plug("one")
    waiting(world)
    world.plug("two")
    ended(thread)
    assert changes(watch.poll()) == []


@pytest.mark.parametrize("notification", [0, 1, 2, 3])
def test_waiting_does_not_spin_and_hears_whatever_the_notification_counts(
    world: World, watch: ReaderWatch, notification: int
) -> None:
    world["notification"] = notification
    for number in range(3):
        world.plug(f"reader {number}")
        world["waits"] = 0
        assert len(watch.poll(timeout=PATIENCE)) == 1
        assert watch.poll(timeout=0.3) == []
        assert world["waits"] < 10
    world["endless"] = notification > 0
    thread = running(lambda: until(watch, "the last"))
    waiting(world)
    world.plug("the last")
    ended(thread)


@pytest.mark.parametrize("notification", [0, 1])
def test_more_readers_than_one_call_takes(world: World, watch: ReaderWatch, notification: int) -> None:
    world["notification"] = notification
    names = [f"reader {number:02}" for number in range(20)]
    for name in names:
        world.plug(name)
    assert [event.reader for event in watch.poll()] == names
    thread = running(lambda: until(watch, names[-1], Change.CARD_INSERTED))
    waiting(world)
    world.put(names[-1], Held.CARD, A)
    ended(thread)


def test_what_is_in_use_by_others_is_no_event(world: World, watch: ReaderWatch) -> None:
    world.plug("one", Held.CARD, A)
    watch.poll()
    world._library.world_card(b"one", 0x120, A, len(A), 0)
    assert watch.poll() == []


def test_a_card_exchanged_while_nobody_looked_is_told_as_unseen(world: World, watch: ReaderWatch) -> None:
    world.plug("one")
    world.put("one", Held.CARD, A)
    watch.poll()
    world.put("one", Held.NOTHING)
    world.put("one", Held.CARD, A)
    assert changes(watch.poll()) == [("changed-unseen", "one"), ("card-removed", "one"), ("card-inserted", "one")]


# --- a service that goes and comes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("code", LOST)
def test_it_survives_a_service_that_restarts(world: World, watch: ReaderWatch, code: int) -> None:
    world["lost_code"] = code
    world.plug("one", Held.CARD, A)
    follower = Follower()
    follower.hear(watch.poll())
    heard: list[ReaderEvent] = []
    thread = running(lambda: heard.extend(until(watch, "one")))
    waiting(world)
    world.stop()
    world.start()
    ended(thread)
    follower.hear(heard + watch.poll())
    assert changes(heard) == [("card-removed", "one"), ("reader-removed", "one"), ("reader-added", "one")]
    assert follower.agrees_with(world.visible)


def test_a_service_that_stops_with_its_last_reader_comes_back_with_the_next(
    world: World, watch: ReaderWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows."""
    monkeypatch.setattr(context, "SERVICE_COMES_WITH_READER", True)
    world["lost_code"] = SERVICE_STOPPED
    world.plug("one")
    watch.poll()
    world.unplug("one")
    world.stop()
    assert changes(watch.poll()) == [("reader-removed", "one")]
    assert readers(library=world.path) == []
    assert watch.poll(timeout=0.3) == []
    world.plug("two", Held.CARD, A)
    world.start()
    assert changes(until(watch, "two", Change.CARD_INSERTED)) == [("reader-added", "two"), ("card-inserted", "two")]


def test_without_a_service_it_says_what_to_start_or_waits_where_a_reader_brings_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.stop()
    with pytest.raises(PCSCUnavailableError) as caught:
        watch_readers(library=world.path)
    assert caught.value.reason == "service"
    with pytest.raises(PCSCUnavailableError):
        readers(library=world.path)
    monkeypatch.setattr(context, "SERVICE_COMES_WITH_READER", True)
    with watch_readers(library=world.path) as watch:
        assert watch.poll() == []
        world.plug("one")
        world.start()
        assert next(watch).change is Change.READER_ADDED


def test_without_a_library_nothing_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "SERVICE_COMES_WITH_READER", True)
    with pytest.raises(PCSCUnavailableError) as caught:
        watch_readers(library="/nowhere/libpcsclite.so.1")
    assert caught.value.reason == "library"


def test_what_cannot_be_waited_out_is_an_error(world: World, watch: ReaderWatch) -> None:
    world.plug("one")
    watch.poll()
    world["fail"] = 0x80100014
    with pytest.raises(TransportError, match="80100014"):
        next(watch)
    world["fail"] = 0
    world.put("one", Held.CARD, A)
    assert changes(watch.poll()) == [("card-inserted", "one")]


# --- ending ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pause", [0, 3000])
def test_closing_ends_a_wait_at_once_also_where_the_first_cancellation_is_forgotten(world: World, pause: int) -> None:
    """Waits know no time limit here: if a cancellation went lost, the thread would hang."""
    world["endless"] = 1
    world["pause"] = pause
    world.plug("one")
    for attempt in range(60):
        watch = watch_readers(library=world.path)
        thread = running(lambda watch=watch: list(watch))  # type: ignore[misc]
        threading.Event().wait(attempt % 7 / 1000)
        watch.close()
        watch.close()
        ended(thread)
        assert list(watch) == watch.poll() == []
    if pause:
        assert world["forgotten"] > 0


def test_closing_ends_the_wait_for_a_service(world: World, watch: ReaderWatch) -> None:
    world.stop()
    thread = running(lambda: list(watch))
    watch.close()
    ended(thread)


def test_closing_from_the_thread_that_iterates_ends_it(world: World, watch: ReaderWatch) -> None:
    world.plug("one")
    world.plug("two")
    for event in watch:
        watch.close()
        assert event.reader == "one"


def test_a_signal_handler_may_close_it(world: World, watch: ReaderWatch) -> None:
    before = signal.signal(signal.SIGALRM, lambda *_: watch.close())
    try:
        world.plug("one")
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        heard = [event.change for event in watch]
    finally:
        signal.signal(signal.SIGALRM, before)
    assert heard == [Change.READER_ADDED]


def test_a_watch_that_nobody_closed_lets_go_of_its_context(world: World) -> None:
    world.plug("one")
    next(watch_readers(library=world.path))
    gc.collect()
    assert world["contexts"] == 0


def test_a_forked_process_does_not_end_its_parents_stream(world: World, watch: ReaderWatch) -> None:
    child = os.fork()
    if child == 0:
        watch.close()
        os._exit(world["contexts"])
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


# --- async for -------------------------------------------------------------------------------------------------------


def test_async_for_hears_the_same(world: World, watch: ReaderWatch) -> None:
    world["endless"] = 1
    world.plug("one")

    async def main() -> list[ReaderEvent]:
        heard: list[ReaderEvent] = []
        async for event in watch:
            heard.append(event)
            if event.change is Change.CARD_INSERTED:
                break
            running(lambda: (waiting(world), world.put("one", Held.CARD, A)))
        return heard

    assert changes(asyncio.run(main())) == [("reader-added", "one"), ("card-inserted", "one")]


@pytest.mark.parametrize("pause", [0, 3000])
def test_an_await_that_is_cancelled_leaves_no_thread_and_loses_nothing(
    world: World, watch: ReaderWatch, pause: int
) -> None:
    world["endless"] = 1
    world["pause"] = pause
    world.plug("one")
    follower = Follower()

    async def main() -> None:
        follower.hear([await anext(watch)])
        for number in range(40):
            task = asyncio.ensure_future(anext(watch))
            await asyncio.sleep(number % 5 / 1000)
            if number % 2:
                held = Held.NOTHING if follower.slots["one"] is Held.CARD else Held.CARD
                world.put("one", held, A if held is Held.CARD else b"")
            task.cancel()
            try:
                follower.hear([await task])
            except asyncio.CancelledError:
                assert our_threads() == []
            follower.hear(watch.poll())
            assert follower.agrees_with(world.visible)

    asyncio.run(main())


def test_closing_ends_async_for(world: World, watch: ReaderWatch) -> None:
    world["endless"] = 1

    async def main() -> list[ReaderEvent]:
        running(lambda: (waiting(world), watch.close()))
        return [event async for event in watch]

    assert asyncio.run(main()) == []


def test_an_error_comes_out_of_async_for(world: World, watch: ReaderWatch) -> None:
    world.plug("one")

    async def main() -> None:
        await anext(watch)
        world["fail"] = 0x80100014
        await anext(watch)

    with pytest.raises(TransportError, match="80100014"):
        asyncio.run(main())


def test_eight_streams_in_one_loop(world: World) -> None:
    names = [f"reader {number}" for number in range(8)]
    watches = [watch_readers(library=world.path) for _ in names]

    async def follow(watch: ReaderWatch, name: str) -> None:
        async for event in watch:
            if event.reader == name and event.change is Change.CARD_INSERTED:
                return

    async def main() -> None:
        tasks = [asyncio.create_task(follow(*pair)) for pair in zip(watches, names, strict=True)]
        for name in names:
            world.plug(name)
            await asyncio.sleep(0.002)
            world.put(name, Held.CARD, A)
        await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE)

    asyncio.run(main())
    for watch in watches:
        watch.close()


# --- at random -------------------------------------------------------------------------------------------------------


NAMES = [f"reader {number}" for number in range(5)]


def step(world: World, chance: random.Random) -> None:
    """One thing that may happen at a desk."""
    name = chance.choice(NAMES)
    if chance.random() < 0.04:
        world["lost_code"] = chance.choice(LOST)
        world.stop()
        world.start()
    elif name not in world.readers:
        held = chance.choice([Held.NOTHING, Held.CARD])
        world.plug(name, held, A if held is Held.CARD else b"")
    elif chance.random() < 0.1:
        world.unplug(name)
    elif world.readers[name].held is Held.NOTHING:
        held = chance.choice([Held.CARD, Held.CARD, Held.MUTE, Held.NOTHING])
        world.put(name, held, chance.choice([A, B]) if held is Held.CARD else b"", chance.choice([0, 0, 2, 4]))
    else:
        world.put(name, Held.NOTHING, b"", chance.choice([0, 0, 2]))


@pytest.mark.parametrize("seed", range(4))
def test_over_random_steps_nothing_impossible_is_told_and_what_was_unseen_is(
    world: World, watch: ReaderWatch, seed: int
) -> None:
    """1,250 steps a seed; what must be told as unseen is reckoned from the steps themselves."""
    chance, follower = random.Random(seed), Follower()
    follower.hear(watch.poll())
    for _ in range(500):
        before, unsteady = dict(world.readers), set[str]()
        for _ in range(chance.choice([1, 1, 2, 6])):
            known = dict(world.readers)
            step(world, chance)
            unsteady |= {name for name, state in known.items() if name not in world.readers}
            unsteady |= {
                name for name, state in known.items() if world.readers.get(name, state).counter < state.counter
            }
        events = watch.poll()
        follower.hear(events)
        assert follower.agrees_with(world.visible)
        steady = [name for name in before if name in world.readers and name not in unsteady]
        unseen = {event.reader for event in events if event.change is Change.CHANGED_UNSEEN}
        restarted = any(event.change is Change.READER_REMOVED and event.reader in steady for event in events)
        for name in [] if restarted else steady:
            old, new = before[name], world.readers[name]
            shown = (old.held is Held.NOTHING) is not (new.held is Held.NOTHING)
            assert (name in unseen) is (new.counter - old.counter > shown)


@pytest.mark.parametrize("seed", range(3))
def test_while_all_changes_at_full_speed_the_end_is_right(world: World, watch: ReaderWatch, seed: int) -> None:
    """1,000 steps from one thread, heard in another, which now and then gives up waiting."""
    chance, follower = random.Random(seed), Follower()

    def live() -> None:
        pause = threading.Event()
        for _ in range(1000):
            step(world, chance)
            if chance.random() < 0.3:
                pause.wait(chance.random() / 500)
        world.plug("the last")

    thread = running(live)
    if seed == 0:
        follower.hear(until(watch, "the last"))
    elif seed == 1:
        while "the last" not in follower.slots:
            follower.hear(watch.poll(timeout=0.001))
    else:
        asyncio.run(_follow(watch, follower))
    ended(thread)
    follower.hear(watch.poll())
    assert follower.agrees_with(world.visible)
    assert follower.unseen > 0


async def _follow(watch: ReaderWatch, follower: Follower) -> None:
    while "the last" not in follower.slots:
        try:
            follower.hear([await asyncio.wait_for(anext(watch), 0.002)])
        except TimeoutError:
            continue
