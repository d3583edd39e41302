"""The table itself: whole, reachable, and with the standard's names."""

import pytest

from harness.wire.astm_states import TABLE, Action, Input, State

# Appendix A of LIS01-A2 has these states (its "Initialize" is the construction of a core).
APPENDIX_A = {
    "Idle", "Line bid", "Frame data to send", "Wait transmit reply", "Transmit error",
    "Interrupt request", "Bid request", "Wait receive frame", "Save frame data", "Receive error",
    "Timeout error",
}  # fmt: skip


def test_states_are_those_of_appendix_a():
    assert {state.value for state in State} == APPENDIX_A


def test_every_state_is_left_and_reached():
    assert {state for state, _ in TABLE} == set(State)
    assert {transition.next for transition in TABLE.values()} == set(State)


def test_every_input_and_action_is_used():
    assert {given for _, given in TABLE} == set(Input)
    assert {transition.action for transition in TABLE.values()} == set(Action)


@pytest.mark.parametrize("state", State)
def test_every_state_leads_back_to_idle(state):
    seen, front = set(), {state}
    while front:
        seen |= front
        front = {row.next for (at, _), row in TABLE.items() if at in front} - seen
    assert State.IDLE in seen
