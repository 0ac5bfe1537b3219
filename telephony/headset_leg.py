"""An agent's headset leg, which outlives her calls: up, down, and what its loss means for a call."""

from db.unit_of_work import UnitOfWork
from followup.calls import EndReason
from followup.events import DomainEvent, EventKind
from followup.queues import Agent, HeadsetState
from telephony.call_control import LegEvent, LegEventKind
from telephony.call_moves import LateEventError, patient_leg_of
from telephony.effects import Effect, HangUpLeg


def headset_event(uow: UnitOfWork, agent: Agent, event: LegEvent) -> list[Effect]:
    """Apply one event of an agent's headset leg."""
    if event.kind in (LegEventKind.ABOUT_TO_INVITE, LegEventKind.INVITED, LegEventKind.RINGING):
        if agent.headset_state is HeadsetState.UP:
            raise LateEventError("the headset is up already")
        agent.headset_state = HeadsetState.RINGING
    elif event.kind is LegEventKind.ANSWERED:
        agent.headset_state = HeadsetState.UP
    elif event.kind is LegEventKind.ENDED:
        agent.headset_state = HeadsetState.DOWN
        agent.headset_leg_id = None
        uow.emit(DomainEvent(kind=EventKind.AGENT_CHANGED, subject=agent.id))
        return _left_alone(uow, agent)
    else:
        return []
    uow.emit(DomainEvent(kind=EventKind.AGENT_CHANGED, subject=agent.id))
    return []


def _left_alone(uow: UnitOfWork, agent: Agent) -> list[Effect]:
    attempt = uow.attempts.live_of_agent(agent.id)
    call = uow.calls.of_attempt(attempt.id) if attempt else None
    if call is None or call.ended_at is not None:
        return []
    return [HangUpLeg(leg_id=patient_leg_of(call).id, reason=EndReason.HANG_UP)]
