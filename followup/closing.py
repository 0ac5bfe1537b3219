"""Ending an attempt: what changes in the attempt, its agent and its events, whoever sets the outcome."""

from datetime import datetime

from followup.attempts import Attempt, AttemptState, AttemptTrigger, next_attempt_state
from followup.events import DomainEvent, EventKind
from followup.outcomes import AttemptOutcome, TaskOutcome
from followup.previews import SkipReason
from followup.queues import Agent, AgentState, AgentTrigger, next_agent_state


def close_attempt(
    attempt: Attempt,
    agent: Agent | None,
    *,
    outcome: AttemptOutcome,
    task_result: TaskOutcome | None,
    by: str | None,
    now: datetime,
) -> tuple[DomainEvent, ...]:
    """Close a live attempt with its outcome and let its agent go; `by` is a user's id, None when the system judged.

    IllegalTransitionError when the attempt is closed already.
    """
    attempt.state = next_attempt_state(attempt.state, AttemptTrigger.CLOSE)
    attempt.outcome = outcome
    attempt.outcome_by = by
    attempt.task_result = task_result.value if task_result else None
    attempt.closed_at = now
    closed = DomainEvent(
        kind=EventKind.ATTEMPT_CLOSED,
        subject=attempt.id,
        ids={"task": attempt.task_id, "patient": attempt.patient_id, "queue": attempt.queue_id},
    )
    return (closed, *(release_agent(agent, now=now) if agent is not None else ()))


def leave_preview(
    attempt: Attempt, agent: Agent | None, *, reason: SkipReason, by: str | None, now: datetime, rest: bool = False
) -> tuple[DomainEvent, ...]:
    """Close an attempt that was only looked at: nothing was sent, nothing is to be decided, no note is owed.

    With `rest` the agent goes on a break, unless she asked for another state meanwhile.
    """
    attempt.state = next_attempt_state(attempt.state, AttemptTrigger.CLOSE)
    attempt.outcome, attempt.outcome_by = AttemptOutcome.CALLER_ABANDONED, by
    attempt.skipped = reason.value
    attempt.preview_until = None
    attempt.closed_at = attempt.decided_at = now
    if agent is None:
        return ()
    if rest and agent.wanted_state is None:
        agent.wanted_state = AgentState.BREAK
    return release_agent(agent, now=now, reason="" if by else f"preview {reason.value}")


def begin_wrap_up(attempt: Attempt, agent: Agent | None, *, now: datetime) -> tuple[DomainEvent, ...]:
    """A person spoke and the line is free: the agent has to say what came of it."""
    if attempt.state is AttemptState.RESERVED:
        attempt.state = next_attempt_state(attempt.state, AttemptTrigger.CONNECT)
    attempt.state = next_attempt_state(attempt.state, AttemptTrigger.END_CALL)
    attempt.wrap_up_at = now
    if agent is None or agent.state not in (AgentState.RESERVED, AgentState.ON_CALL):
        return ()
    return (move_agent(agent, AgentTrigger.BEGIN_WRAP_UP, now=now),)


def release_agent(agent: Agent, *, now: datetime, reason: str = "") -> tuple[DomainEvent, ...]:
    """Make an agent free again after a call or wrap-up, in the state he asked for meanwhile."""
    if agent.state is AgentState.RESERVED:
        trigger = AgentTrigger.RELEASE
    elif agent.state is AgentState.WRAP_UP:
        trigger = AgentTrigger.FINISH_WRAP_UP
    elif agent.state is AgentState.ON_CALL:
        agent.state = next_agent_state(agent.state, AgentTrigger.BEGIN_WRAP_UP)
        trigger = AgentTrigger.FINISH_WRAP_UP
    else:
        return ()
    event = move_agent(agent, trigger, now=now, reason=reason)
    if agent.wanted_state is not None and agent.wanted_state is not AgentState.AVAILABLE:
        agent.state = next_agent_state(agent.state, TRIGGER_TO[agent.wanted_state])
    agent.wanted_state = None
    return (event,)


def move_agent(agent: Agent, trigger: AgentTrigger, *, now: datetime, reason: str = "") -> DomainEvent:
    """Move an agent by his machine; IllegalTransitionError when he cannot."""
    agent.state = next_agent_state(agent.state, trigger)
    agent.state_since = now
    agent.state_reason = reason
    return DomainEvent(kind=EventKind.AGENT_CHANGED, subject=agent.id)


TRIGGER_TO = {
    AgentState.AVAILABLE: AgentTrigger.BECOME_AVAILABLE,
    AgentState.BREAK: AgentTrigger.TAKE_BREAK,
    AgentState.TRAINING: AgentTrigger.BEGIN_TRAINING,
    AgentState.OFFLINE: AgentTrigger.GO_OFFLINE,
}
"""What an agent asks for, by the state he wants to be in."""
