"""From two looks at the readers to events: whatever the looks are, the events lead from the one to the other."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readers_world import Follower
from zorgid_card.adapters.pcsc import Change, Held, ReaderEvent, SlotState
from zorgid_card.adapters.pcsc.events import changes

A, B = bytes.fromhex("3B026202"), bytes.fromhex("3B800101")
EMPTY = SlotState()


def card(atr: bytes = A, counter: int = 0) -> SlotState:
    return SlotState(held=Held.CARD, atr=atr, counter=counter)


def told(before: SlotState | None, after: SlotState | None) -> list[str]:
    looks = [{} if state is None else {"r": state} for state in (before, after)]
    return [event.change.value for event in changes(*looks)]


@pytest.mark.parametrize(
    ("before", "after", "events"),
    [
        (None, EMPTY, ["reader-added"]),
        (None, card(), ["reader-added", "card-inserted"]),
        (None, SlotState(held=Held.MUTE), ["reader-added", "card-mute"]),
        (EMPTY, None, ["reader-removed"]),
        (card(), None, ["card-removed", "reader-removed"]),
        (EMPTY, card(counter=1), ["card-inserted"]),
        (card(counter=1), SlotState(counter=2), ["card-removed"]),
        (card(counter=1), SlotState(held=Held.MUTE, counter=1), ["card-mute"]),
        (SlotState(held=Held.MUTE), card(), ["card-inserted"]),
        (card(counter=1), card(counter=1), []),
        (card(), card(), []),
        (card(counter=1), card(counter=3), ["changed-unseen", "card-removed", "card-inserted"]),
        (card(counter=1), card(B, counter=2), ["changed-unseen", "card-removed", "card-inserted"]),
        (SlotState(counter=2), SlotState(counter=4), ["changed-unseen"]),
        (SlotState(counter=2), card(counter=5), ["changed-unseen", "card-inserted"]),
        (card(counter=1), SlotState(counter=4), ["changed-unseen", "card-removed"]),
        (SlotState(counter=0xFFFF), card(counter=0), ["card-inserted"]),
        (card(counter=0xFFFF), card(counter=1), ["changed-unseen", "card-removed", "card-inserted"]),
        (card(A), card(B), ["changed-unseen", "card-removed", "card-inserted"]),
        (
            card(counter=7),
            card(counter=1),
            ["changed-unseen", "card-removed", "reader-removed", "reader-added", "card-inserted"],
        ),
    ],
)
def test_what_two_looks_tell(before: SlotState | None, after: SlotState | None, events: list[str]) -> None:
    assert told(before, after) == events


def test_the_card_and_the_count_are_told() -> None:
    (event,) = changes({"r": SlotState(counter=2)}, {"r": card(counter=3)})
    assert event == ReaderEvent(change=Change.CARD_INSERTED, reader="r", atr=A, counter=3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.reader = "another"  # type: ignore[misc]


def states() -> st.SearchStrategy[SlotState]:
    counters = st.integers(0, 5) | st.integers(0, 0xFFFF)
    empty = st.builds(SlotState, counter=counters)
    mute = st.builds(SlotState, held=st.just(Held.MUTE), counter=counters)
    full = st.builds(SlotState, held=st.just(Held.CARD), atr=st.sampled_from([A, B]), counter=counters)
    return empty | mute | full


SNAPSHOTS = st.dictionaries(st.sampled_from("abcd"), states())


@given(st.lists(SNAPSHOTS, max_size=8))
def test_any_looks_give_events_that_follow_one_another_and_end_at_the_last(looks: list[dict[str, SlotState]]) -> None:
    follower = Follower()
    before: dict[str, SlotState] = {}
    for look in looks:
        follower.hear(changes(before, look))
        before = look
        assert follower.agrees_with(look)
    follower.hear(changes(before, {}))
    assert follower.slots == {}


@given(SNAPSHOTS)
def test_what_stays_the_same_is_not_told(look: dict[str, SlotState]) -> None:
    assert list(changes(look, look)) == []


@given(st.integers(0, 0xFFFF), st.lists(st.sampled_from([Held.NOTHING, Held.CARD]), min_size=1, max_size=12))
def test_a_card_taken_out_while_nobody_looked_never_stays_the_same_card(start: int, holds: list[Held]) -> None:
    """Each entry is what the slot holds in turn; only the first and the last are looked at."""
    counter, held = start, Held.CARD
    for now in holds:
        counter += held is not now
        held = now
    before = SlotState(held=Held.CARD, atr=A, counter=start)
    after = SlotState(held=held, atr=A if held is Held.CARD else b"", counter=counter % 0x10000)
    events = [event.change for event in changes({"r": before}, {"r": after})]
    moved = Held.NOTHING in holds
    assert (Change.CARD_REMOVED in events) is moved
    assert (Change.CHANGED_UNSEEN in events) is (counter - start > 1)
