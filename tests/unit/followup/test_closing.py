"""Ending an attempt: one outcome, one event, and an agent who is free again in the state he asked for."""

from datetime import timedelta

import pytest

from care.consent import Consent, ConsentScope, Purpose, is_granted
from care.patients import PatientId
from followup.attempts import Attempt, AttemptId, AttemptState
from followup.calls import Answered, EndReason, Party
from followup.closing import begin_wrap_up, close_attempt, release_agent
from followup.events import EventKind
from followup.outcomes import NOT_COUNTED, AttemptOutcome, TaskOutcome, outcome_without_a_person
from followup.plans import TaskId
from followup.queues import Agent, AgentState, HeadsetState, can_be_given_a_call
from followup.states import IllegalTransitionError
from tests.support.builders import an_instant

NOW = an_instant("2026-03-02 02:00")


def an_attempt(state: AttemptState = AttemptState.RESERVED) -> Attempt:
    """An attempt for one task."""
    return Attempt(
        id=AttemptId("a"),
        task_id=TaskId("t"),
        patient_id=PatientId("p"),
        queue_id="q",
        agent_id="g",
        contact_point_id="c",
        number="+8613800000000",
        ordinal=1,
        state=state,
        due_at=NOW,
        reserved_at=NOW,
    )


def an_agent_who_is(state: AgentState, wanted: AgentState | None = None) -> Agent:
    """An agent in a state, who may have asked for another."""
    return Agent(id="g", state=state, state_since=NOW - timedelta(hours=1), wanted_state=wanted)


@pytest.mark.parametrize("state", [AgentState.RESERVED, AgentState.ON_CALL, AgentState.WRAP_UP])
@pytest.mark.parametrize(
    ("wanted", "after"),
    [
        (None, AgentState.AVAILABLE),
        (AgentState.AVAILABLE, AgentState.AVAILABLE),
        (AgentState.BREAK, AgentState.BREAK),
        (AgentState.TRAINING, AgentState.TRAINING),
        (AgentState.OFFLINE, AgentState.OFFLINE),
    ],
)
def test_an_agent_is_let_go_into_the_state_he_asked_for(
    state: AgentState, wanted: AgentState | None, after: AgentState
) -> None:
    agent = an_agent_who_is(state, wanted)
    (event,) = release_agent(agent, now=NOW)
    assert (agent.state, agent.wanted_state, agent.state_since) == (after, None, NOW)
    assert event.kind is EventKind.AGENT_CHANGED


@pytest.mark.parametrize("state", [AgentState.AVAILABLE, AgentState.BREAK, AgentState.OFFLINE])
def test_an_agent_who_is_free_is_not_touched(state: AgentState) -> None:
    agent = an_agent_who_is(state)
    assert release_agent(agent, now=NOW) == ()
    assert agent.state is state


@pytest.mark.parametrize("state", [AttemptState.RESERVED, AttemptState.IN_CALL, AttemptState.WRAP_UP])
def test_closing_sets_the_outcome_once(state: AttemptState) -> None:
    attempt, agent = an_attempt(state), an_agent_who_is(AgentState.RESERVED)
    events = close_attempt(
        attempt,
        agent,
        outcome=AttemptOutcome.CONNECTED_PATIENT,
        task_result=TaskOutcome.COMPLETED,
        by="u",
        now=NOW,
    )
    assert [event.kind for event in events] == [EventKind.ATTEMPT_CLOSED, EventKind.AGENT_CHANGED]
    assert (attempt.state, attempt.closed_at, attempt.outcome_by) == (AttemptState.CLOSED, NOW, "u")
    assert (attempt.outcome, attempt.task_result) == (AttemptOutcome.CONNECTED_PATIENT, "completed")
    with pytest.raises(IllegalTransitionError):
        close_attempt(attempt, agent, outcome=AttemptOutcome.BUSY, task_result=None, by=None, now=NOW)
    assert attempt.outcome is AttemptOutcome.CONNECTED_PATIENT


@pytest.mark.parametrize("state", [AttemptState.RESERVED, AttemptState.IN_CALL])
@pytest.mark.parametrize("agent_state", [AgentState.RESERVED, AgentState.ON_CALL])
def test_after_a_conversation_attempt_and_agent_wrap_up(state: AttemptState, agent_state: AgentState) -> None:
    attempt, agent = an_attempt(state), an_agent_who_is(agent_state)
    begin_wrap_up(attempt, agent, now=NOW)
    assert (attempt.state, attempt.wrap_up_at, agent.state) == (AttemptState.WRAP_UP, NOW, AgentState.WRAP_UP)


def test_a_wrap_up_without_its_agent_is_only_the_attempts() -> None:
    attempt = an_attempt(AttemptState.IN_CALL)
    assert begin_wrap_up(attempt, None, now=NOW) == ()
    assert begin_wrap_up(an_attempt(), an_agent_who_is(AgentState.OFFLINE), now=NOW) == ()
    assert attempt.state is AttemptState.WRAP_UP


@pytest.mark.parametrize("reason", list(EndReason))
@pytest.mark.parametrize("party", list(Party))
@pytest.mark.parametrize("answered_by", [None, *Answered])
def test_the_system_judges_only_where_nobody_spoke(
    reason: EndReason, party: Party, answered_by: Answered | None
) -> None:
    machine = answered_by is Answered.MACHINE or reason is EndReason.MACHINE
    unanswered = outcome_without_a_person(reason, party, answered=False, answered_by=answered_by)
    assert unanswered is not None
    assert (unanswered is AttemptOutcome.ANSWERED_MACHINE) is machine
    answered = outcome_without_a_person(reason, party, answered=True, answered_by=answered_by)
    assert answered is (AttemptOutcome.ANSWERED_MACHINE if machine else None)


@pytest.mark.parametrize(
    ("reason", "counts"),
    [
        (EndReason.BUSY, True),
        (EndReason.NO_ANSWER, True),
        (EndReason.UNREACHABLE, True),
        (EndReason.CONGESTION, False),
        (EndReason.NETWORK_FAILURE, False),
        (EndReason.WORKER_LOST, False),
        (EndReason.CANCELLED, False),
        (EndReason.REFUSED_BY_GATE, False),
    ],
)
def test_only_what_says_something_about_the_patient_uses_up_a_try(reason: EndReason, *, counts: bool) -> None:
    outcome = outcome_without_a_person(reason, Party.CARRIER, answered=False, answered_by=None)
    assert (outcome not in NOT_COUNTED) is counts


@pytest.mark.parametrize(
    ("state", "headset", "silent_for", "ready"),
    [
        (AgentState.AVAILABLE, HeadsetState.UP, 14.9, True),
        (AgentState.AVAILABLE, HeadsetState.UP, 15, False),
        (AgentState.AVAILABLE, HeadsetState.UP, None, False),
        (AgentState.AVAILABLE, HeadsetState.RINGING, 0, False),
        (AgentState.BREAK, HeadsetState.UP, 0, False),
        (AgentState.RESERVED, HeadsetState.UP, 0, False),
    ],
)
def test_who_can_be_given_a_call(
    state: AgentState, headset: HeadsetState, silent_for: float | None, *, ready: bool
) -> None:
    agent = an_agent_who_is(state)
    agent.headset_state = headset
    agent.heartbeat_at = None if silent_for is None else NOW - timedelta(seconds=silent_for)
    assert can_be_given_a_call(agent, NOW) is ready


def test_the_latest_word_on_consent_counts_and_a_no_wins_a_tie() -> None:
    def said(*, granted: bool, minutes: int, purpose: Purpose = Purpose.CARE) -> Consent:
        return Consent(
            id=str(minutes),
            patient_id=PatientId("p"),
            purpose=purpose,
            scope=ConsentScope.PHONE,
            granted=granted,
            source="test",
            recorded_at=NOW + timedelta(minutes=minutes),
        )

    yes, no = said(granted=True, minutes=1), said(granted=False, minutes=2)
    care = (Purpose.CARE, ConsentScope.PHONE)
    assert not is_granted([], *care)
    assert is_granted([yes], *care)
    assert not is_granted([no, yes], *care)
    assert is_granted([yes, no, said(granted=True, minutes=3)], *care)
    assert not is_granted([yes, said(granted=False, minutes=1)], *care)
    assert not is_granted([said(granted=True, minutes=1, purpose=Purpose.SURVEY)], *care)
