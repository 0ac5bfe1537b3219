"""Commands to telephony nodes, as rows that are written with what else the request changes."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from db.calls import CallCommand
from db.unit_of_work import UnitOfWork
from runtime.identifiers import new_id

COMMAND_DEADLINE = timedelta(seconds=10)
"""A node that takes a command later refuses it: whoever asked has seen it fail and does something else."""


def ask_node(
    uow: UnitOfWork, *, node: str, verb: str, subject: str, arguments: Mapping[str, object] | None = None
) -> datetime:
    """Ask a node for something about a call, a caller, a visit or a headset; until when it may be done."""
    deadline: datetime = uow.now + COMMAND_DEADLINE
    uow.calls.command(
        CallCommand(
            node=node,
            verb=verb,
            subject=subject,
            arguments=dict(arguments or {}),
            idempotency_key=f"api:{new_id()}",  # a repeated request never comes this far
            deadline=deadline,
            created_at=uow.now,
        )
    )
    return deadline
