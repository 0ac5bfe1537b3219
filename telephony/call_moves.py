"""What every part of the conversation does to a call's row: find its attempt and the patient's leg, move its state."""

from db.unit_of_work import UnitOfWork
from followup.attempts import Attempt
from followup.calls import Call, CallTrigger, Leg, LegRole, next_call_state
from followup.events import DomainEvent, EventKind


class LateEventError(Exception):
    """An event that can change nothing any more; it is recorded with this reason and ignored."""


def move_call(uow: UnitOfWork, call: Call, trigger: CallTrigger) -> None:
    """Follow the table of states and tell everybody."""
    call.state = next_call_state(call.state, trigger)
    tell_of_call(uow, call)


def tell_of_call(uow: UnitOfWork, call: Call) -> None:
    """Something of the call changed that a screen shows."""
    ids = {"attempt": call.attempt_id, "state": call.state.value}
    if call.agent_id:
        ids["agent"] = call.agent_id
    uow.emit(DomainEvent(kind=EventKind.CALL_CHANGED, subject=call.id, ids=ids))


def attempt_of(uow: UnitOfWork, call: Call) -> Attempt:
    """The call's attempt, locked."""
    attempt = uow.attempts.for_update(call.attempt_id)
    if attempt is None:
        raise LateEventError("the call's attempt does not exist")
    return attempt


def patient_leg_of(call: Call) -> Leg:
    """The leg that is the call: what ends it ends the call.

    A trunk that refused before anything rang leaves an ended leg behind, which the leg over the next trunk replaces.
    """
    replaced = {leg.replaces for leg in call.legs}
    return next(leg for leg in call.legs if leg.role is LegRole.PATIENT and leg.id not in replaced)
