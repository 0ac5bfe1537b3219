"""Who hears the patient and who holds him, in the call's row as the line tells it, and the states that follow."""

from db.calls import CommandState
from db.unit_of_work import UnitOfWork
from followup.calls import Call, CallState, CallTrigger, next_call_state
from telephony.call_control import LegEvent
from telephony.call_moves import LateEventError, move_call, tell_of_call
from telephony.effects import Effect

_UP = (CallState.ANSWERED, CallState.BRIDGED, CallState.HELD)


def bridged(uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
    """Somebody is joined with the patient: the agent, or a third party beside her."""
    other = str(event.values.get("with", ""))
    if call.state not in _UP:
        next_call_state(call.state, CallTrigger.BRIDGE)  # says why not
    if other in call.joined:
        raise LateEventError("these two are joined already")
    call.joined = [*call.joined, other]
    if call.state is CallState.ANSWERED:
        move_call(uow, call, CallTrigger.HOLD if call.held_by else CallTrigger.BRIDGE)
    else:
        tell_of_call(uow, call)
    if call.bridged_at is None:
        call.bridged_at = event.occurred_at
    return []


def unbridged(uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
    """Somebody is parted from the patient; he is left alone only by the last one."""
    other = str(event.values.get("with", ""))
    if other not in call.joined:
        raise LateEventError("these two are not joined")
    call.joined = [leg for leg in call.joined if leg != other]
    if not call.joined and call.state is not CallState.ANSWERED:
        move_call(uow, call, CallTrigger.UNBRIDGE)
    else:
        tell_of_call(uow, call)
    return []


def held(uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
    """We or the far end put the line on hold."""
    by = str(event.values.get("by", "us"))
    if call.state not in _UP:
        next_call_state(call.state, CallTrigger.HOLD)  # says why not
    if by in call.held_by:
        raise LateEventError(f"the line is held by {by} already")
    call.held_by = [*call.held_by, by]
    if call.state is CallState.BRIDGED:
        move_call(uow, call, CallTrigger.HOLD)
    else:
        tell_of_call(uow, call)
    return []


def resumed(uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
    """We or the far end took the line from hold; it is free when nobody holds it any more."""
    by = str(event.values.get("by", "us"))
    if by not in call.held_by:
        raise LateEventError(f"the line is not held by {by}")
    call.held_by = [each for each in call.held_by if each != by]
    if not call.held_by and call.state is CallState.HELD:
        move_call(uow, call, CallTrigger.RESUME)
    else:
        tell_of_call(uow, call)
    return []


def hold_refused(uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
    """The far end did not agree to be held or freed: whoever asked is told at his command."""
    asked = next(
        (
            command
            for command in reversed(uow.calls.commands_for(call.id))
            if command.verb in ("hold", "resume") and command.state is CommandState.ACCEPTED
        ),
        None,
    )
    if asked is None:
        raise LateEventError("nobody asked for a hold")
    asked.state = CommandState.REFUSED
    asked.reason = f"the far end did not agree (SIP {event.values.get('sip_status', 0)}); the line is as it was"
    tell_of_call(uow, call)
    return []
