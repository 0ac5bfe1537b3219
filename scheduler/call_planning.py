"""From an attempt to its call: the planned call is saved with the command that makes a telephony node dial it."""

from datetime import datetime, timedelta

from db.calls import CallCommand
from db.unit_of_work import UnitOfWork
from followup.attempts import Attempt
from followup.calls import Call, CallId, Leg, LegId, LegRole
from runtime.identifiers import new_id

DIAL_DEADLINE = timedelta(seconds=15)
"""A node that takes the command later refuses it: the agent no longer waits."""


def plan_call(uow: UnitOfWork, attempt: Attempt, *, node: str, now: datetime) -> Call:
    """Save the attempt's call and tell the node to dial it; nothing is sent before the caller commits."""
    call_id = CallId(new_id())
    call = Call(
        id=call_id,
        attempt_id=attempt.id,
        patient_id=attempt.patient_id,
        queue_id=attempt.queue_id,
        agent_id=attempt.agent_id,
        number=attempt.number,
        node=node,
        planned_at=now,
        legs=[Leg(id=LegId(new_id()), call_id=call_id, role=LegRole.PATIENT)],
    )
    uow.calls.add(call)
    uow.flush()
    uow.calls.command(
        CallCommand(
            node=node,
            verb="dial",
            subject=call.id,
            arguments={"attempt_id": attempt.id},
            idempotency_key=f"dial:{attempt.id}",
            deadline=now + DIAL_DEADLINE,
            created_at=now,
        )
    )
    return call
