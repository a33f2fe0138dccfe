"""The state machines: what their tables allow happens, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zorgid_card.errors import TransitionError
from zorgid_card.workflows.states import MACHINES, move

EVENTS = sorted({event for table in MACHINES.values() for _, event in table} | {"", "nonsense"})
FIRST = {
    "request": "filed",
    "organisation": "approved",
    "mobile": "offered",
    "phone-request": "asked",
    "card": "creating",
    "certificate": "hold",
}
STEPS = [(machine, state, event, new) for machine, table in MACHINES.items() for (state, event), new in table.items()]


def states(machine: str) -> set[str]:
    table = MACHINES[machine]
    return {state for state, _ in table} | set(table.values())


@pytest.mark.parametrize(("machine", "state", "event", "new"), STEPS)
def test_what_the_table_says_happens(machine: str, state: str, event: str, new: str) -> None:
    assert move(machine, state, event) == new


@given(
    st.sampled_from(sorted(MACHINES)),
    st.text(max_size=12) | st.sampled_from(sorted(FIRST.values())),
    st.sampled_from(EVENTS),
)
def test_everything_else_is_refused_and_told(machine: str, state: str, event: str) -> None:
    if (state, event) in MACHINES[machine]:
        return
    with pytest.raises(TransitionError) as error:
        move(machine, state, event)
    assert error.value.details == {"what": machine, "state": state, "event": event}


@given(st.sampled_from(sorted(MACHINES)), st.lists(st.sampled_from(EVENTS), max_size=30))
def test_any_sequence_of_events_stays_inside_the_machine(machine: str, events: list[str]) -> None:
    state = FIRST[machine]
    for event in events:
        try:
            state = move(machine, state, event)
        except TransitionError:
            continue
        assert state in states(machine)


@pytest.mark.parametrize("machine", MACHINES)
def test_every_state_can_be_reached(machine: str) -> None:
    reached = {FIRST[machine]}
    for _ in range(10):
        reached |= {new for (state, _), new in MACHINES[machine].items() if state in reached}
    assert reached == states(machine)


@given(st.lists(st.sampled_from(EVENTS), max_size=30))
def test_adm_4_a_revoked_certificate_is_never_anything_else(events: list[str]) -> None:
    for event in events:
        with pytest.raises(TransitionError):
            move("certificate", "revoked", event)


@pytest.mark.parametrize("event", ["block", "unblock", "commit", "revoke"])
def test_adm_4_a_revoked_card_comes_back_only_by_being_made_anew(event: str) -> None:
    with pytest.raises(TransitionError):
        move("card", "revoked", event)


def test_crd_8_a_card_in_the_making_can_be_neither_blocked_nor_unblocked() -> None:
    for event in ("block", "unblock"):
        with pytest.raises(TransitionError):
            move("card", "creating", event)
