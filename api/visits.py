"""A supervisor's visits to calls, as commands to the node; they end with her log-in."""

from collections.abc import Mapping

from api.node_commands import ask_node
from db.unit_of_work import UnitOfWork
from followup.calls import Call
from followup.supervision import Supervision


def command_visit(
    uow: UnitOfWork, call: Call, supervision: Supervision, verb: str, arguments: Mapping[str, object] | None = None
) -> None:
    """Ask the call's node for something about a visit."""
    by = {"by": supervision.supervisor_id, **(arguments or {})}
    # The subject is not the call: its agent may read the call's commands.
    ask_node(uow, node=call.node, verb=verb, subject=supervision.id, arguments=by)


def end_visit(uow: UnitOfWork, supervisor_id: str) -> None:
    """Take a supervisor off the call she is on, if she is on one: nobody listens without a log-in."""
    visit = uow.supervisions.live_of_supervisor(supervisor_id)
    call = uow.calls.for_update(visit.call_id) if visit is not None else None
    if visit is not None and call is not None:
        command_visit(uow, call, visit, "end_supervision")
