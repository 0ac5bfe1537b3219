"""Tasks of the workers that failed for good: seen, sent again, or let go with a reason."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant
from api.permissions import AdminCommanding, Overseers
from api.problems import Kind, Problem, problems
from db.task_parking import NotParkedError, settle
from db.unit_of_work import UnitOfWork
from followup.parked_tasks import ParkedTask, ParkedTaskState

router = APIRouter(tags=["parked tasks"], route_class=Route)


class ParkedTaskAnswer(Answer):
    """A task whose every try failed; `subject` is the id of what it was about."""

    id: str
    name: str
    subject: str
    reason: str
    times: int
    state: ParkedTaskState
    first_parked_at: Instant
    parked_at: Instant
    settled_at: Instant | None
    settled_by: str | None
    settled_because: str


class ParkedTasksAnswer(Answer):
    """The newest first, and how many wait for a person in all."""

    waiting: int
    parked_tasks: list[ParkedTaskAnswer]


class SettleAsk(Ask):
    """What was mended, or why it need not be done."""

    because: Annotated[str, Field(min_length=3, max_length=200)]


@router.get("/parked-tasks")
def list_parked_tasks(
    caller: Overseers,  # noqa: ARG001
    uow: Work,
    state: ParkedTaskState | None = ParkedTaskState.PARKED,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> ParkedTasksAnswer:
    """What failed for good."""
    return ParkedTasksAnswer(
        waiting=uow.parked.count_open(),
        parked_tasks=[_answer(parked) for parked in uow.parked.page(state=state, limit=limit)],
    )


@router.post("/parked-tasks/{parked_id}/replay", responses=problems(Kind.UNKNOWN_PARKED_TASK, Kind.NOT_POSSIBLE_NOW))
def replay_parked_task(parked_id: Id, ask: SettleAsk, caller: AdminCommanding, uow: Work) -> ParkedTaskAnswer:
    """Send the task once more; should it fail again, it is parked anew."""
    return _settled(uow, caller, parked_id, ParkedTaskState.REPLAYED, ask.because)


@router.post("/parked-tasks/{parked_id}/dismiss", responses=problems(Kind.UNKNOWN_PARKED_TASK, Kind.NOT_POSSIBLE_NOW))
def dismiss_parked_task(parked_id: Id, ask: SettleAsk, caller: AdminCommanding, uow: Work) -> ParkedTaskAnswer:
    """Let the task go: it need not be done."""
    return _settled(uow, caller, parked_id, ParkedTaskState.DISMISSED, ask.because)


def _settled(uow: UnitOfWork, caller: Caller, parked_id: str, state: ParkedTaskState, because: str) -> ParkedTaskAnswer:
    if uow.parked.get(parked_id) is None:
        raise Problem.of(
            Kind.UNKNOWN_PARKED_TASK, "parked_id", "there is no such task; GET /api/v1/parked-tasks lists them"
        )
    try:
        return _answer(settle(uow, parked_id, state=state, by=caller.user_id, because=because))
    except NotParkedError as error:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "parked_id", str(error)) from error


def _answer(parked: ParkedTask) -> ParkedTaskAnswer:
    return ParkedTaskAnswer(
        id=parked.id,
        name=parked.name,
        subject=parked.subject,
        reason=parked.reason,
        times=parked.times,
        state=parked.state,
        first_parked_at=parked.first_parked_at,
        parked_at=parked.parked_at,
        settled_at=parked.settled_at,
        settled_by=parked.settled_by,
        settled_because=parked.settled_because,
    )
