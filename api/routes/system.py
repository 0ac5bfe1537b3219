"""The health of the installation: what the doctor finds, which processes are there, and what waits for a person."""

from fastapi import APIRouter, Request

from api.edge import Route, Work
from api.fields import Answer, Instant
from api.permissions import AdminOnly, Overseers
from api.wiring import wiring_of
from db.trunks import TrunkCondition
from scheduler.dialer import NODE_HEARTBEAT_LIMIT

router = APIRouter(tags=["system"], route_class=Route)


class ProcessAnswer(Answer):
    """One kind of process as the database sees it: how many connections, since when the oldest."""

    name: str
    connections: int
    since: Instant


class NodeAnswer(Answer):
    """A telephony node; silent: calls are not given to it."""

    name: str
    started_at: Instant
    heartbeat_at: Instant
    free_workers: int
    silent: bool


class SystemAnswer(Answer):
    """What runs, and what waits."""

    as_of: Instant
    processes: list[ProcessAnswer]
    nodes: list[NodeAnswer]
    events_waiting: int  # written and not yet told to anybody
    events_waiting_since: Instant | None
    parked_tasks: int
    parked_messages: int
    trunks_down: int
    unsealed_audit_rows: int
    database_bytes: int


class FindingAnswer(Answer):
    """One thing the doctor looked at; what mends it is empty where nothing has to be."""

    subject: str
    verdict: str
    seen: str
    mend: str


class FindingsAnswer(Answer):
    """What the doctor found, in the order in which one would mend."""

    as_of: Instant
    findings: list[FindingAnswer]


@router.get("/system")
def read_system(caller: Overseers, uow: Work) -> SystemAnswer:  # noqa: ARG001
    """Which processes are there, and what waits."""
    return SystemAnswer(
        as_of=uow.now,
        processes=[ProcessAnswer.model_validate(each) for each in uow.running.processes()],
        nodes=[
            NodeAnswer(
                name=node.name,
                started_at=node.started_at,
                heartbeat_at=node.heartbeat_at,
                free_workers=node.free_workers,
                silent=node.heartbeat_at < uow.now - NODE_HEARTBEAT_LIMIT,
            )
            for node in uow.running.nodes(uow.now)
        ],
        events_waiting=uow.outbox.count_unpublished(),
        events_waiting_since=uow.outbox.waiting_since(),
        parked_tasks=uow.parked.count_open(),
        parked_messages=uow.messages.count_parked(),
        trunks_down=sum(state.condition is TrunkCondition.DOWN for state in uow.trunks.all()),
        unsealed_audit_rows=uow.audit_chain.state().unsealed,
        database_bytes=uow.running.database_bytes(),
    )


@router.get("/system/findings")
def read_findings(caller: AdminOnly, request: Request, uow: Work) -> FindingsAnswer:  # noqa: ARG001
    """What the doctor finds now, as far as a running installation can be looked at; takes some seconds."""
    return FindingsAnswer(
        as_of=uow.now, findings=[FindingAnswer.model_validate(each) for each in wiring_of(request).examine()]
    )
