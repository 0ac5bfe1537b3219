"""An agent's headset leg, which outlives her calls: up, down, and what its loss means for a call."""

from db.unit_of_work import UnitOfWork
from followup.calls import Call
from followup.events import DomainEvent, EventKind
from followup.queues import Agent, HeadsetKind, HeadsetState
from telephony.being_alone import end_line, is_alone
from telephony.call_control import LegEvent, LegEventKind
from telephony.call_moves import LateEventError, tell_of_call
from telephony.effects import Effect


def headset_event(uow: UnitOfWork, agent: Agent, event: LegEvent) -> list[Effect]:
    """Apply one event of an agent's headset leg."""
    if event.kind in (LegEventKind.ABOUT_TO_INVITE, LegEventKind.INVITED, LegEventKind.RINGING):
        if agent.headset_state is HeadsetState.UP:
            raise LateEventError("the headset is up already")
        agent.headset_state = HeadsetState.RINGING
    elif event.kind is LegEventKind.ANSWERED:
        agent.headset_state, agent.headset_lost_at = HeadsetState.UP, None
    elif event.kind is LegEventKind.ENDED:
        agent.headset_state, agent.headset_lost_at = HeadsetState.DOWN, None
        agent.headset_leg_id = None
        agent.headset_muted = False
        uow.emit(DomainEvent(kind=EventKind.AGENT_CHANGED, subject=agent.id))
        return _left_alone(uow, agent, event)
    elif event.kind in (LegEventKind.MUTED, LegEventKind.UNMUTED):
        agent.headset_muted = event.kind is LegEventKind.MUTED
        call = _call_of(uow, agent)
        if call is not None:
            tell_of_call(uow, call)
    else:
        return []
    uow.emit(DomainEvent(kind=EventKind.AGENT_CHANGED, subject=agent.id))
    return []


def _left_alone(uow: UnitOfWork, agent: Agent, event: LegEvent) -> list[Effect]:
    """Her call ends with her, unless a third party or a supervisor who took over talks with the patient."""
    call = _call_of(uow, agent)
    if call is None:
        return []
    if any(leg != event.leg_id for leg in call.joined) or (call.bridged_at is not None and not is_alone(uow, call)):
        return []
    # A telephone is put down by its owner; a browser in a call goes only when it is lost.
    return end_line(uow, call, sorry=agent.headset_kind is HeadsetKind.BROWSER)


def _call_of(uow: UnitOfWork, agent: Agent) -> Call | None:
    attempt = uow.attempts.live_of_agent(agent.id)
    call = uow.calls.of_attempt(attempt.id) if attempt else None
    return call if call is not None and call.ended_at is None else None
