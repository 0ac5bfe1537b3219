"""A patient's own plan: history, steps moved, added or dropped with a reason, pause, resume, cancel, newer template."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field, StringConstraints

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant
from api.permissions import CareTeam, CareTeamCommanding, OverseersCommanding
from api.problems import Kind, Problem, problems
from api.routes.plans import PlanAnswer, plan_answer
from api.wiring import wiring_of
from db.unit_of_work import UnitOfWork
from followup.plans import Plan, PlanChange, PlanEnd, TaskMode
from scheduler.own_plans import add_step, drop_step, move_step, resume_plan, upgrade_plan
from scheduler.stops import cancel_plan, pause_plan

router = APIRouter(tags=["plans"], route_class=Route)

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]
StepKey = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]


class BecauseAsk(Ask):
    """Why."""

    reason: Reason


class MoveAsk(BecauseAsk):
    """Another window for the contact that waits."""

    earliest_at: Instant
    target_at: Instant
    latest_at: Instant


class AddAsk(MoveAsk):
    """One contact more."""

    key: StepKey
    queue_id: Id
    form: Annotated[str, StringConstraints(max_length=64)] | None = None
    flow: Annotated[str, StringConstraints(max_length=64)] | None = None
    priority: Annotated[int, Field(ge=0, le=99)] = 50


class UpgradeAsk(BecauseAsk):
    """Follow the newest version of the template."""

    discard_changes: bool = False  # lose what somebody changed in this patient's plan


class HistoryLine(Answer):
    """One thing that happened to a plan; no user means that the system acted."""

    at: Instant
    user_id: str | None
    change: PlanChange
    reason: str
    detail: dict[str, object]


class HistoryAnswer(Answer):
    """Everything that happened to a plan, in order."""

    history: list[HistoryLine]


@router.get("/plans/{plan_id}/history", responses=problems(Kind.UNKNOWN_PLAN))
def read_plan_history(plan_id: Id, caller: CareTeam, uow: Work) -> HistoryAnswer:
    """What happened to a plan, who did it and why."""
    plan = found.plan(uow, plan_id)
    _audit(uow, caller, plan, "plan_history_viewed", "")
    return HistoryAnswer(history=[HistoryLine.model_validate(line) for line in uow.plan_records.history(plan.id)])


@router.post(
    "/plans/{plan_id}/steps", responses=problems(Kind.UNKNOWN_PLAN, Kind.UNKNOWN_QUEUE, Kind.PLAN_NOT_POSSIBLE)
)
def add_plan_step(plan_id: Id, ask: AddAsk, caller: CareTeamCommanding, request: Request, uow: Work) -> PlanAnswer:
    """Owe this patient one contact more."""
    plan = found.plan_for_update(uow, plan_id)
    queue = found.queue(uow, ask.queue_id)
    content = wiring_of(request).content
    if ask.form is not None and ask.form not in content.forms:
        raise Problem.of(Kind.INVALID_REQUEST, "form", "there is no such form")
    if queue.mode is TaskMode.AUTOMATED and ask.flow not in content.flows:
        raise Problem.of(Kind.INVALID_REQUEST, "flow", "an automated queue's contact needs the flow of its call")
    add_step(
        uow,
        plan,
        ask.key,
        queue=queue,
        form=ask.form,
        flow=ask.flow,
        priority=ask.priority,
        earliest_at=ask.earliest_at,
        target_at=ask.target_at,
        latest_at=ask.latest_at,
        by=caller.user_id,
        reason=ask.reason,
        now=uow.now,
    )
    _audit(uow, caller, plan, "plan_step_added", ask.reason)
    return plan_answer(uow, request, plan)


@router.post("/plans/{plan_id}/steps/{step_key}/move", responses=problems(Kind.UNKNOWN_PLAN, Kind.PLAN_NOT_POSSIBLE))
def move_plan_step(
    plan_id: Id, step_key: StepKey, ask: MoveAsk, caller: CareTeamCommanding, request: Request, uow: Work
) -> PlanAnswer:
    """Give the step's waiting contact another window."""
    plan = found.plan_for_update(uow, plan_id)
    move_step(
        uow,
        plan,
        step_key,
        earliest_at=ask.earliest_at,
        target_at=ask.target_at,
        latest_at=ask.latest_at,
        by=caller.user_id,
        reason=ask.reason,
        now=uow.now,
    )
    _audit(uow, caller, plan, "plan_step_moved", ask.reason)
    return plan_answer(uow, request, plan)


@router.post("/plans/{plan_id}/steps/{step_key}/drop", responses=problems(Kind.UNKNOWN_PLAN, Kind.PLAN_NOT_POSSIBLE))
def drop_plan_step(
    plan_id: Id, step_key: StepKey, ask: BecauseAsk, caller: CareTeamCommanding, request: Request, uow: Work
) -> PlanAnswer:
    """Take a step out of this patient's plan, with every repetition to come."""
    plan = found.plan_for_update(uow, plan_id)
    drop_step(uow, plan, step_key, by=caller.user_id, reason=ask.reason, now=uow.now)
    _audit(uow, caller, plan, "plan_step_dropped", ask.reason)
    return plan_answer(uow, request, plan)


@router.post("/plans/{plan_id}/pause", responses=problems(Kind.UNKNOWN_PLAN, Kind.NOT_POSSIBLE_NOW))
def pause_running_plan(
    plan_id: Id, ask: BecauseAsk, caller: CareTeamCommanding, request: Request, uow: Work
) -> PlanAnswer:
    """Call nobody for this plan until it is resumed."""
    plan = found.plan_for_update(uow, plan_id)
    pause_plan(uow, plan, by=caller.user_id, reason=ask.reason, now=uow.now)
    _audit(uow, caller, plan, "plan_paused", ask.reason)
    return plan_answer(uow, request, plan)


@router.post("/plans/{plan_id}/resume", responses=problems(Kind.UNKNOWN_PLAN, Kind.NOT_POSSIBLE_NOW))
def resume_paused_plan(
    plan_id: Id, ask: BecauseAsk, caller: CareTeamCommanding, request: Request, uow: Work
) -> PlanAnswer:
    """Take a paused plan up again with the contacts whose window is still open."""
    plan = found.plan_for_update(uow, plan_id)
    resume_plan(uow, plan, time=wiring_of(request).time, by=caller.user_id, reason=ask.reason, now=uow.now)
    _audit(uow, caller, plan, "plan_resumed", ask.reason)
    return plan_answer(uow, request, plan)


@router.post("/plans/{plan_id}/cancel", responses=problems(Kind.UNKNOWN_PLAN, Kind.NOT_POSSIBLE_NOW))
def cancel_unfinished_plan(
    plan_id: Id, ask: BecauseAsk, caller: CareTeamCommanding, request: Request, uow: Work
) -> PlanAnswer:
    """End a plan for good; its visit may get a new one."""
    plan = found.plan_for_update(uow, plan_id)
    cancel_plan(uow, plan, PlanEnd.BY_HAND, by=caller.user_id, reason=ask.reason, now=uow.now)
    _audit(uow, caller, plan, "plan_cancelled", ask.reason)
    return plan_answer(uow, request, plan)


@router.post(
    "/plans/{plan_id}/upgrade",
    responses=problems(Kind.UNKNOWN_PLAN, Kind.UNKNOWN_TEMPLATE, Kind.PLAN_NOT_POSSIBLE),
)
def upgrade_running_plan(
    plan_id: Id, ask: UpgradeAsk, caller: OverseersCommanding, request: Request, uow: Work
) -> PlanAnswer:
    """Let one running plan follow the newest version of its template."""
    plan = found.plan_for_update(uow, plan_id)
    template = wiring_of(request).content.plans.get(plan.template_id)
    if template is None:
        raise Problem.of(Kind.UNKNOWN_TEMPLATE, "plan_id", f"content/plans has no {plan.template_id} any more")
    upgrade_plan(
        uow,
        plan,
        template,
        discard_changes=ask.discard_changes,
        queues_by_name={queue.name: queue for queue in uow.queues.all()},
        time=wiring_of(request).time,
        by=caller.user_id,
        reason=ask.reason,
        now=uow.now,
    )
    _audit(uow, caller, plan, "plan_upgraded", ask.reason)
    return plan_answer(uow, request, plan)


def _audit(uow: UnitOfWork, caller: Caller, plan: Plan, action: str, reason: str) -> None:
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind="plan",
        subject=plan.id,
        patient_id=plan.patient_id,
        detail={"reason": reason} if reason else {},
    )
