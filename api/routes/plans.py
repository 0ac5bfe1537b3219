"""Plan templates, and plans made from them for a visit."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field, StringConstraints

from api import found
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant
from api.permissions import CareTeam, CareTeamCommanding, Everybody
from api.problems import Kind, Problem, problems
from api.routes.tasks import TaskAnswer
from api.wiring import wiring_of
from care.consent import ConsentScope, Purpose, is_granted
from care.patients import Patient
from db.unit_of_work import UnitOfWork
from followup.plans import Plan, PlanTemplate, TaskMode
from scheduler.planning import PlanNotPossibleError, start_plan

router = APIRouter(tags=["plans"], route_class=Route)

CONSENT_FOR = {TaskMode.AGENT: ConsentScope.PHONE, TaskMode.AUTOMATED: ConsentScope.AUTOMATED_PHONE}


class StepAnswer(Answer):
    """One contact of a template; hours count from the visit."""

    key: str
    mode: TaskMode
    queue: str
    form: str | None
    flow: str | None
    priority: int
    earliest_hours: float
    target_hours: float
    latest_hours: float


class TemplateAnswer(Answer):
    """A plan template; a draft is not yet approved by a clinician."""

    id: str
    version: int
    title: str
    purpose: Purpose
    status: str
    source: str
    steps: list[StepAnswer]


class TemplatesAnswer(Answer):
    """Every template in order of id."""

    templates: list[TemplateAnswer]


class PlanAsk(Ask):
    """A plan for a visit. The purpose is said again, so that nobody is called for another one than was meant."""

    encounter_id: Id
    template: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    purpose: Purpose
    variables: Annotated[
        dict[
            Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")],
            Annotated[str, StringConstraints(max_length=200)],
        ],
        Field(max_length=20, default_factory=dict),
    ]


class PlanAnswer(Answer):
    """A patient's plan with its tasks in order of their targets."""

    id: str
    patient_id: str
    encounter_id: str
    template_id: str
    template_version: int
    purpose: Purpose
    anchor_at: Instant
    created_at: Instant
    cancelled_at: Instant | None
    tasks: list[TaskAnswer]


@router.get("/plan-templates")
def list_templates(caller: Everybody, request: Request) -> TemplatesAnswer:  # noqa: ARG001
    """The templates from which plans are made."""
    templates = wiring_of(request).content.plans
    return TemplatesAnswer(templates=[_template(templates[key]) for key in sorted(templates)])


@router.post(
    "/plans",
    status_code=201,
    responses={
        200: {"description": "The visit has this plan already", "model": PlanAnswer},
        **problems(Kind.UNKNOWN_ENCOUNTER, Kind.UNKNOWN_TEMPLATE, Kind.CONSENT_MISSING, Kind.PLAN_NOT_POSSIBLE),
    },
)
def create_plan(
    ask: PlanAsk, caller: CareTeamCommanding, request: Request, response: Response, uow: Work
) -> PlanAnswer:
    """Give a visit the plan of a template; asked twice, it is the same plan."""
    encounter = found.encounter(uow, ask.encounter_id)
    patient = found.patient(uow, encounter.patient_id)
    template = wiring_of(request).content.plans.get(ask.template)
    if template is None:
        raise Problem.of(
            Kind.UNKNOWN_TEMPLATE, "template", "there is no such template; GET /api/v1/plan-templates lists them"
        )
    if ask.purpose is not template.purpose:
        raise Problem.of(
            Kind.INVALID_REQUEST,
            "purpose",
            f"template {template.id} is for {template.purpose.value}; send that, or choose another template",
        )
    living = uow.plans.living_plan(encounter.id, template.id)
    if living is not None:
        response.status_code = 200
        return _plan(uow, living)
    _require_consent(uow, patient, template)
    try:
        plan = start_plan(
            uow,
            patient=patient,
            encounter=encounter,
            template=template,
            queues_by_name={queue.name: queue for queue in uow.queues.all()},
            now=uow.now,
            variables=ask.variables,
        )
    except PlanNotPossibleError as error:
        raise Problem.of(Kind.PLAN_NOT_POSSIBLE, "template", str(error)) from error
    uow.audit.note(
        at=uow.now,
        user_id=caller.user_id,
        action="plan_started",
        subject_kind="plan",
        subject=plan.id,
        patient_id=patient.id,
        detail={"template": f"{template.id}/{template.version}"},
    )
    return _plan(uow, plan)


@router.get("/plans/{plan_id}", responses=problems(Kind.UNKNOWN_PLAN))
def read_plan(plan_id: Id, caller: CareTeam, uow: Work) -> PlanAnswer:  # noqa: ARG001
    """One plan with its tasks."""
    plan = uow.plans.get(plan_id)
    if plan is None:
        raise Problem.of(Kind.UNKNOWN_PLAN, "plan_id", "there is no such plan")
    return _plan(uow, plan)


def _require_consent(uow: UnitOfWork, patient: Patient, template: PlanTemplate) -> None:
    consents = uow.patients.consents_of(patient.id)
    for mode in dict.fromkeys(step.mode for step in template.steps):
        scope = CONSENT_FOR[mode]
        if not is_granted(consents, template.purpose, scope):
            raise Problem.of(
                Kind.CONSENT_MISSING,
                "purpose",
                f"the patient has not agreed to {scope.value} for {template.purpose.value}; record what he said with "
                "POST /api/v1/patients/{patient_id}/consents",
            )


def _plan(uow: UnitOfWork, plan: Plan) -> PlanAnswer:
    tasks = [TaskAnswer.model_validate(task) for task in uow.plans.tasks_of_plan(plan.id)]
    return PlanAnswer(
        id=plan.id,
        patient_id=plan.patient_id,
        encounter_id=plan.encounter_id,
        template_id=plan.template_id,
        template_version=plan.template_version,
        purpose=plan.purpose,
        anchor_at=plan.anchor_at,
        created_at=plan.created_at,
        cancelled_at=plan.cancelled_at,
        tasks=tasks,
    )


def _template(template: PlanTemplate) -> TemplateAnswer:
    hour = 3600.0
    return TemplateAnswer(
        id=template.id,
        version=template.version,
        title=template.title,
        purpose=template.purpose,
        status=template.status,
        source=template.source,
        steps=[
            StepAnswer(
                key=step.key,
                mode=step.mode,
                queue=step.queue,
                form=step.form,
                flow=step.flow,
                priority=step.priority,
                earliest_hours=step.earliest.total_seconds() / hour,
                target_hours=step.target.total_seconds() / hour,
                latest_hours=step.latest.total_seconds() / hour,
            )
            for step in template.steps
        ],
    )
