"""No sequence of triggers, doubled or shuffled, takes a machine off its table; what is over stays over."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docs.generate_state_machines import PAGE, page
from followup.attempts import ATTEMPT_TRANSITIONS, AttemptState, AttemptTrigger, next_attempt_state
from followup.calls import CALL_TRANSITIONS, CallState, CallTrigger, next_call_state
from followup.campaigns import CAMPAIGN_TRANSITIONS, CampaignState, CampaignTrigger, next_campaign_state
from followup.inbound import INBOUND_TRANSITIONS, InboundState, InboundTrigger, next_inbound_state
from followup.messages import MESSAGE_TRANSITIONS, MessageState, MessageTrigger, next_message_state
from followup.plans import OPEN_TASK_STATES, TASK_TRANSITIONS, TaskState, TaskTrigger, next_task_state
from followup.queues import AGENT_TRANSITIONS, AgentState, AgentTrigger, next_agent_state
from followup.recordings import RECORDING_TRANSITIONS, RecordingState, RecordingTrigger, next_recording_state
from followup.states import IllegalTransitionError
from followup.supervision import (
    SUPERVISION_TRANSITIONS,
    SupervisionState,
    SupervisionTrigger,
    next_supervision_state,
)
from followup.transfers import TRANSFER_TRANSITIONS, TransferState, TransferTrigger, next_transfer_state

Machine = tuple[type[StrEnum], type[StrEnum], Mapping[Any, Any], Callable[[Any, Any], Any], StrEnum]

MACHINES: dict[str, Machine] = {
    "task": (TaskState, TaskTrigger, TASK_TRANSITIONS, next_task_state, TaskState.PLANNED),
    "attempt": (AttemptState, AttemptTrigger, ATTEMPT_TRANSITIONS, next_attempt_state, AttemptState.RESERVED),
    "call": (CallState, CallTrigger, CALL_TRANSITIONS, next_call_state, CallState.PLANNED),
    "agent": (AgentState, AgentTrigger, AGENT_TRANSITIONS, next_agent_state, AgentState.OFFLINE),
    "recording": (
        RecordingState,
        RecordingTrigger,
        RECORDING_TRANSITIONS,
        next_recording_state,
        RecordingState.EXPECTED,
    ),
    "transfer": (TransferState, TransferTrigger, TRANSFER_TRANSITIONS, next_transfer_state, TransferState.DIALING),
    "supervision": (
        SupervisionState,
        SupervisionTrigger,
        SUPERVISION_TRANSITIONS,
        next_supervision_state,
        SupervisionState.RINGING,
    ),
    "campaign": (CampaignState, CampaignTrigger, CAMPAIGN_TRANSITIONS, next_campaign_state, CampaignState.DRAFT),
    "message": (MessageState, MessageTrigger, MESSAGE_TRANSITIONS, next_message_state, MessageState.PLANNED),
    "inbound call": (InboundState, InboundTrigger, INBOUND_TRANSITIONS, next_inbound_state, InboundState.RINGING),
}

each_machine = pytest.mark.parametrize("name", MACHINES)


@each_machine
@given(chance=st.data())
def test_any_sequence_of_triggers_stays_on_the_table(name: str, chance: st.DataObject) -> None:
    _, triggers, table, follow, state = MACHINES[name]
    for trigger in chance.draw(st.lists(st.sampled_from(list(triggers)), max_size=30)):
        if (state, trigger) in table:
            state = follow(state, trigger)
            assert isinstance(state, type(MACHINES[name][4]))
        else:
            with pytest.raises(
                IllegalTransitionError, match=f"^{name} is {state.value}: {trigger.value} is not possible"
            ):
                follow(state, trigger)


@each_machine
def test_every_state_can_be_reached(name: str) -> None:
    states, _, table, _, start = MACHINES[name]
    reached = {start}
    while grown := {target for (state, _), target in table.items() if state in reached} - reached:
        reached |= grown
    assert reached == set(states)


@each_machine
def test_every_trigger_moves_something(name: str) -> None:
    _, triggers, table, _, _ = MACHINES[name]
    assert {trigger for _, trigger in table} == set(triggers)


@each_machine
def test_what_happens_twice_is_refused_or_harmless(name: str) -> None:
    """A doubled trigger finds its state changed already.

    Only an agent may ask again for what he has, and a supervisor on the line is told again how she is there.
    """
    _, _, table, _, _ = MACHINES[name]
    twice = {(state, trigger) for (state, trigger), target in table.items() if table.get((target, trigger)) is not None}
    assert all(table[(table[key], key[1])] is table[key] for key in twice)
    assert not twice or name in ("agent", "supervision")


@given(st.lists(st.sampled_from(list(CallTrigger)), max_size=40))
def test_a_call_ends_once_and_for_good(triggers: list[CallTrigger]) -> None:
    state, ends = CallState.PLANNED, 0
    for trigger in [*triggers, CallTrigger.END, CallTrigger.END]:
        try:
            state = next_call_state(state, trigger)
        except IllegalTransitionError:
            continue
        ends += state is CallState.ENDED
    assert ends == 1
    assert state is CallState.ENDED


@pytest.mark.parametrize("state", [state for state in CallState if state is not CallState.ENDED])
def test_a_call_can_end_from_everywhere(state: CallState) -> None:
    assert next_call_state(state, CallTrigger.END) is CallState.ENDED


@pytest.mark.parametrize("state", [state for state in AttemptState if state is not AttemptState.CLOSED])
def test_an_attempt_can_be_closed_from_everywhere(state: AttemptState) -> None:
    assert next_attempt_state(state, AttemptTrigger.CLOSE) is AttemptState.CLOSED


@pytest.mark.parametrize("state", sorted(OPEN_TASK_STATES))
def test_an_open_task_can_be_cancelled_and_a_closed_one_only_opened_by_undoing_that_it_was_given_up(
    state: TaskState,
) -> None:
    assert next_task_state(state, TaskTrigger.CANCEL) is TaskState.CANCELLED
    assert [(state, trigger) for state, trigger in TASK_TRANSITIONS if state not in OPEN_TASK_STATES] == [
        (TaskState.LOST_TO_FOLLOW_UP, TaskTrigger.RESTORE)
    ]


@pytest.mark.parametrize("busy", [AgentState.RESERVED, AgentState.ON_CALL, AgentState.WRAP_UP])
@pytest.mark.parametrize("wish", [AgentTrigger.TAKE_BREAK, AgentTrigger.GO_OFFLINE, AgentTrigger.RESERVE])
def test_a_busy_agent_neither_leaves_nor_gets_a_second_call(busy: AgentState, wish: AgentTrigger) -> None:
    with pytest.raises(IllegalTransitionError):
        next_agent_state(busy, wish)


def test_only_an_available_agent_can_be_reserved() -> None:
    assert [state for (state, trigger) in AGENT_TRANSITIONS if trigger is AgentTrigger.RESERVE] == [
        AgentState.AVAILABLE
    ]


def test_the_page_of_diagrams_is_what_the_tables_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python -m docs.generate_state_machines`"
