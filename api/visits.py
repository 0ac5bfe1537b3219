"""A supervisor's visits to calls, as commands to the node; they end with her log-in."""

from api.desks import COMMAND_DEADLINE
from db.calls import CallCommand
from db.unit_of_work import UnitOfWork
from followup.calls import Call
from followup.supervision import Supervision
from runtime.identifiers import new_id


def command_visit(
    uow: UnitOfWork, call: Call, supervision: Supervision, verb: str, arguments: dict[str, object]
) -> None:
    """Ask the call's node for something about a visit."""
    uow.calls.command(
        CallCommand(
            node=call.node,
            verb=verb,
            subject=supervision.id,  # not the call's id: its agent may read the call's commands
            arguments={"by": supervision.supervisor_id, **arguments},
            idempotency_key=f"api:{new_id()}",  # a repeated request never comes this far
            deadline=uow.now + COMMAND_DEADLINE,
            created_at=uow.now,
        )
    )


def end_visit(uow: UnitOfWork, supervisor_id: str) -> None:
    """Take a supervisor off the call she is on, if she is on one: nobody listens without a log-in."""
    visit = uow.supervisions.live_of_supervisor(supervisor_id)
    call = uow.calls.for_update(visit.call_id) if visit is not None else None
    if visit is not None and call is not None:
        command_visit(uow, call, visit, "end_supervision", {})
