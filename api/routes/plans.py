"""Plan templates, and plans made from them for a visit."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field, StringConstraints

from api import found
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Limit
from api.permissions import CareTeam, CareTeamCommanding, Everybody, Overseers
from api.problems import Kind, Problem, problems
from api.routes.tasks import TaskAnswer
from api.wiring import wiring_of
from care.consent import ConsentScope, Purpose, is_granted
from care.patients import Patient
from db.unit_of_work import UnitOfWork
from followup.plans import Anchor, HolidayRule, Plan, PlanEnd, PlanState, PlanTemplate, TaskMode, TemplateStep
from runtime.content.documents import Wording
from scheduler.planning import calendar_warning, start_plan

router = APIRouter(tags=["plans"], route_class=Route)

CONSENT_FOR = {TaskMode.AGENT: ConsentScope.PHONE, TaskMode.AUTOMATED: ConsentScope.AUTOMATED_PHONE}


class StepAnswer(Answer):
    """One contact of a template; distances from the anchor are written as 48 h, 7 d, 6 w, 3 mo, 1 y."""

    key: str
    mode: TaskMode
    queue: str
    form: str | None
    flow: str | None
    priority: int
    earliest: str
    target: str
    latest: str
    holidays: HolidayRule
    every: str | None
    until: str | None


class TemplateAnswer(Answer):
    """A plan template; a draft is not yet approved by a clinician."""

    id: str
    version: int
    title: str
    name: Wording  # the title in both languages
    purpose: Purpose
    status: str
    source: str
    anchor: Anchor
    red_flags: list[str]
    rules: str | None
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
    state: PlanState
    state_since: Instant
    end: PlanEnd | None
    zone: str
    changed: bool  # somebody moved, added or dropped a step
    newer_version: int | None  # of the template, if there is one: POST /plans/{plan_id}/upgrade follows it
    dropped: list[str]
    red_flags: list[str]
    rules: str | None
    steps: list[StepAnswer]
    warning: str | None  # days off that nobody knows yet
    tasks: list[TaskAnswer]


class PlanRow(Answer):
    """A plan in a list."""

    id: str
    patient_id: str
    encounter_id: str
    template_id: str
    template_version: int
    newer_version: int | None
    state: PlanState
    changed: bool
    anchor_at: Instant


class PlansAnswer(Answer):
    """Plans without their tasks; ask on with after=`next`, which is empty on the last page."""

    plans: list[PlanRow]
    next: str | None


@router.get("/plan-templates")
def list_templates(caller: Everybody, request: Request) -> TemplatesAnswer:  # noqa: ARG001
    """The templates from which plans are made."""
    content = wiring_of(request).content
    return TemplatesAnswer(
        templates=[_template(content.plans[key], content.plan_titles[key]) for key in sorted(content.plans)]
    )


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
        return plan_answer(uow, request, living)
    _require_consent(uow, patient, template)
    plan = start_plan(
        uow,
        patient=patient,
        encounter=encounter,
        template=template,
        queues_by_name={queue.name: queue for queue in uow.queues.all()},
        now=uow.now,
        variables=ask.variables,
        time=wiring_of(request).time,
        roster=wiring_of(request).roster,
    )
    uow.audit.note(
        user_id=caller.user_id,
        action="plan_started",
        subject_kind="plan",
        subject=plan.id,
        patient_id=patient.id,
        detail={"template": f"{template.id}/{template.version}"},
    )
    return plan_answer(uow, request, plan)


@router.get("/plans")
def list_outdated(
    caller: Overseers,  # noqa: ARG001
    request: Request,
    uow: Work,
    after: Id | None = None,
    limit: Limit = 50,
) -> PlansAnswer:
    """Unfinished plans that follow an older version of their template; none changes by itself."""
    templates = wiring_of(request).content.plans
    page = uow.plans.older_than({t.id: t.version for t in templates.values()}, after=after, limit=limit)
    return PlansAnswer(plans=[_row(request, plan) for plan in page], next=page[-1].id if len(page) == limit else None)


@router.get("/patients/{patient_id}/plans", responses=problems(Kind.UNKNOWN_PATIENT))
def list_plans(patient_id: Id, caller: CareTeam, request: Request, uow: Work) -> PlansAnswer:
    """A patient's plans, newest first."""
    patient = found.patient(uow, patient_id)
    uow.audit.note(
        user_id=caller.user_id,
        action="plans_viewed",
        subject_kind="patient",
        subject=patient.id,
        patient_id=patient.id,
    )
    return PlansAnswer(plans=[_row(request, plan) for plan in uow.plans.plans_of_patient(patient.id)], next=None)


@router.get("/plans/{plan_id}", responses=problems(Kind.UNKNOWN_PLAN))
def read_plan(plan_id: Id, caller: CareTeam, request: Request, uow: Work) -> PlanAnswer:
    """One plan with its tasks."""
    plan = found.plan(uow, plan_id)
    uow.audit.note(
        user_id=caller.user_id,
        action="plan_viewed",
        subject_kind="plan",
        subject=plan.id,
        patient_id=plan.patient_id,
    )
    return plan_answer(uow, request, plan)


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


def plan_answer(uow: UnitOfWork, request: Request, plan: Plan) -> PlanAnswer:
    """A plan as the API shows it."""
    uow.flush()
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
        state=plan.state,
        state_since=plan.state_since,
        end=plan.end,
        zone=plan.zone,
        changed=plan.changed,
        newer_version=_newer(request, plan),
        dropped=list(plan.dropped),
        red_flags=list(plan.red_flags),
        rules=plan.rules,
        steps=[_step(step) for step in plan.steps],
        warning=calendar_warning(uow, plan, wiring_of(request).time),
        tasks=[TaskAnswer.model_validate(task) for task in uow.plans.tasks_of_plan(plan.id)],
    )


def _newer(request: Request, plan: Plan) -> int | None:
    template = wiring_of(request).content.plans.get(plan.template_id)
    return template.version if template is not None and template.version > plan.template_version else None


def _row(request: Request, plan: Plan) -> PlanRow:
    return PlanRow(
        id=plan.id,
        patient_id=plan.patient_id,
        encounter_id=plan.encounter_id,
        template_id=plan.template_id,
        template_version=plan.template_version,
        newer_version=_newer(request, plan),
        state=plan.state,
        changed=plan.changed,
        anchor_at=plan.anchor_at,
    )


def _template(template: PlanTemplate, name: Wording) -> TemplateAnswer:
    return TemplateAnswer(
        id=template.id,
        version=template.version,
        title=template.title,
        name=name,
        purpose=template.purpose,
        status=template.status,
        source=template.source,
        anchor=template.anchor,
        red_flags=list(template.red_flags),
        rules=template.rules,
        steps=[_step(step) for step in template.steps],
    )


def _step(step: TemplateStep) -> StepAnswer:
    return StepAnswer(
        key=step.key,
        mode=step.mode,
        queue=step.queue,
        form=step.form,
        flow=step.flow,
        priority=step.priority,
        earliest=str(step.earliest),
        target=str(step.target),
        latest=str(step.latest),
        holidays=step.holidays,
        every=str(step.every) if step.every is not None else None,
        until=str(step.until) if step.until is not None else None,
    )
