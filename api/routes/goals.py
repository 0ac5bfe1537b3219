"""Goals: set from a template or by hand, reached or missed by results, with what is done for them and its effect."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from pydantic import Field, StringConstraints

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Line
from api.permissions import CareTeam, CareTeamCommanding, Everybody
from api.problems import Kind, Problem, problems
from api.routes.medicines import tell_of_record
from api.wiring import wiring_of
from care.goals import Comparator, Effect, Goal, GoalNotPossibleError, GoalState, Target, check_goal, effects_of
from care.history import groups_of
from care.patients import Patient
from db.goals import GoalEvent, GoalEventKind
from db.unit_of_work import UnitOfWork
from record.goals import move_by_results, results_for, tell_of_goal
from runtime.content.documents import Wording
from runtime.content.goals import GoalDocument
from runtime.content.library import Content
from runtime.identifiers import new_id

router = APIRouter(tags=["goals"], route_class=Route)


class TargetPart(Ask):
    """A result, in its concept's own unit, held against a value."""

    code: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    comparator: Comparator
    value: float


class GoalAsk(Ask):
    """A goal of a template, or one by hand with title, targets and action. What is not said, the template says."""

    template: Annotated[str, StringConstraints(max_length=64)] | None = None
    title: Line | None = None
    targets: Annotated[tuple[TargetPart, ...], Field(max_length=6)] = ()
    readings: Annotated[int, Field(ge=1, le=60)] | None = None
    action: Line | None = None
    owner_id: Id | None = None  # who sees to it; the caller, if not said
    plan_id: Id | None = None
    starts_on: date | None = None  # today, if not said
    due_on: date | None = None
    because: Annotated[dict[str, Annotated[str, StringConstraints(max_length=200)]], Field(max_length=10)] = Field(
        default_factory=dict
    )


class GoalChangeAsk(Ask):
    """Another owner or another day, and why."""

    owner_id: Id | None = None
    due_on: date | None = None
    reason: Line


class GoalCancelAsk(Ask):
    """Why nobody pursues it any more."""

    reason: Line


class GoalTemplateAnswer(Answer):
    """A goal that can be set."""

    id: str
    version: int
    status: str
    source: str
    title: Wording
    action: Wording
    targets: list[TargetPart]
    readings: int
    days: int


class GoalTemplatesAnswer(Answer):
    """Every template, in order of id."""

    templates: list[GoalTemplateAnswer]


class EffectAnswer(Answer):
    """What became of one result: before the goal (or first under it), and last."""

    code: str
    before: float | None
    before_at: Instant | None
    latest: float | None
    latest_at: Instant | None
    change: float | None


class GoalAnswer(Answer):
    """A goal. `evidence` are the results that it was closed by."""

    id: str
    patient_id: str
    template_id: str | None
    template_version: int | None
    title: dict[str, str]
    targets: list[TargetPart]
    readings: int
    action: dict[str, str]
    owner_id: str
    plan_id: str | None
    because: dict[str, object]
    starts_on: date
    due_on: date
    state: GoalState
    state_since: Instant
    evidence: list[str]
    effects: list[EffectAnswer]
    set_by: str
    set_at: Instant


class AdherenceAnswer(Answer):
    """Whether the patient takes his medicine as agreed, as he said last."""

    adherent: bool | None
    reason: str
    at: Instant


class GoalsAnswer(Answer):
    """A patient's goals, newest first, what could be set besides, and how he takes his medicine."""

    goals: list[GoalAnswer]
    offered: list[str]
    adherence: AdherenceAnswer | None


class GoalStoryLine(Answer):
    """One line of a goal's story."""

    at: Instant
    kind: GoalEventKind
    user_id: str | None
    detail: dict[str, object]


class FullGoalAnswer(GoalAnswer):
    """A goal with its story."""

    story: list[GoalStoryLine]


@router.get("/goal-templates")
def list_goal_templates(caller: Everybody, request: Request) -> GoalTemplatesAnswer:  # noqa: ARG001
    """The goals that can be set."""
    templates = wiring_of(request).content.goals
    return GoalTemplatesAnswer(
        templates=[
            GoalTemplateAnswer(
                **{name: getattr(one, name) for name in GoalTemplateAnswer.model_fields if name != "targets"},
                targets=[TargetPart(**target.model_dump()) for target in one.targets],
            )
            for _, one in sorted(templates.items())
        ]
    )


@router.get("/patients/{patient_id}/goals", responses=problems(Kind.UNKNOWN_PATIENT))
def list_goals(patient_id: Id, caller: CareTeam, request: Request, uow: Work) -> GoalsAnswer:
    """A patient's goals with what came of them."""
    patient = found.patient(uow, patient_id)
    goals = uow.goals.of_patient(patient.id)
    findings = uow.advice.findings_of(patient.id, limit=1)
    _audit(uow, caller, "goals_viewed", patient.id, "patient", patient.id)
    return GoalsAnswer(
        goals=[GoalAnswer(**_shown(uow, goal)) for goal in goals],
        offered=_offered(uow, wiring_of(request).content, patient, goals),
        adherence=AdherenceAnswer.model_validate(findings[0]) if findings else None,
    )


@router.post(
    "/patients/{patient_id}/goals",
    status_code=201,
    responses=problems(Kind.UNKNOWN_PATIENT, Kind.UNKNOWN_TEMPLATE, Kind.UNKNOWN_USER, Kind.UNKNOWN_PLAN),
)
def set_goal(patient_id: Id, ask: GoalAsk, caller: CareTeamCommanding, request: Request, uow: Work) -> FullGoalAnswer:
    """Set a goal. Results that are there already count from its first day on."""
    content = wiring_of(request).content
    patient = found.patient(uow, patient_id)
    template = _template(content, ask)
    targets = _targets(content, ask, template)
    today = uow.now.astimezone(ZoneInfo(patient.zone)).date()
    starts_on = ask.starts_on or today
    due_on = ask.due_on or (starts_on + timedelta(days=template.days) if template else None)
    if due_on is None:
        raise Problem.of(Kind.INVALID_REQUEST, "due_on", "say by which day the goal is to be reached")
    if due_on < today:
        raise Problem.of(Kind.INVALID_REQUEST, "due_on", "that day is over: choose a later one")
    readings = ask.readings or (template.readings if template else 1)
    try:
        check_goal(targets, readings, starts_on, due_on)
    except GoalNotPossibleError as error:
        raise Problem.of(Kind.INVALID_REQUEST, "targets", str(error)) from error
    if ask.plan_id is not None and found.plan(uow, ask.plan_id).patient_id != patient.id:
        raise Problem.of(Kind.INVALID_REQUEST, "plan_id", "this is another patient's plan")
    goal = Goal(
        id=new_id(),
        patient_id=patient.id,
        template_id=template.id if template else None,
        template_version=template.version if template else None,
        title=_wording(ask.title, template.title if template else None, "title"),
        targets=[target.written() for target in targets],
        readings=readings,
        action=_wording(ask.action, template.action if template else None, "action"),
        owner_id=found.user(uow, ask.owner_id).id if ask.owner_id else caller.user_id,
        plan_id=ask.plan_id,
        because=dict(ask.because),
        starts_on=starts_on,
        due_on=due_on,
        zone=patient.zone,
        state_since=uow.now,
        set_by=caller.user_id,
        set_at=uow.now,
    )
    uow.goals.add(goal)
    uow.flush()
    uow.goals.note(goal, GoalEventKind.SET, at=uow.now, user_id=caller.user_id, detail={"due_on": due_on.isoformat()})
    tell_of_goal(uow, goal)
    move_by_results(uow, goal)
    # A result that comes in at this very moment knows nothing of the goal: the record is followed once more.
    tell_of_record(uow, patient.id)
    _audit(uow, caller, "goal_set", goal.id, "goal", patient.id)
    return _full(uow, goal)


@router.get("/goals/{goal_id}", responses=problems(Kind.UNKNOWN_GOAL))
def read_goal(goal_id: Id, caller: CareTeam, uow: Work) -> FullGoalAnswer:
    """One goal with its story."""
    goal = _there(uow.goals.get(goal_id))
    found.patient(uow, goal.patient_id)
    _audit(uow, caller, "goal_viewed", goal.id, "goal", goal.patient_id)
    return _full(uow, goal)


@router.post(
    "/goals/{goal_id}/changes", responses=problems(Kind.UNKNOWN_GOAL, Kind.UNKNOWN_USER, Kind.NOT_POSSIBLE_NOW)
)
def change_goal(goal_id: Id, ask: GoalChangeAsk, caller: CareTeamCommanding, uow: Work) -> FullGoalAnswer:
    """Give it another owner or another day; results decide anew at once."""
    goal = _open(uow, goal_id)
    detail: dict[str, object] = {"reason": ask.reason}
    if ask.owner_id is not None:
        detail["owner"] = {"from": goal.owner_id, "to": ask.owner_id}
        goal.owner_id = found.user(uow, ask.owner_id).id
    if ask.due_on is not None:
        try:
            check_goal(goal.aims, goal.readings, goal.starts_on, ask.due_on)
        except GoalNotPossibleError as error:
            raise Problem.of(Kind.INVALID_REQUEST, "due_on", str(error)) from error
        detail["due_on"] = {"from": goal.due_on.isoformat(), "to": ask.due_on.isoformat()}
        goal.due_on = ask.due_on
    if len(detail) == 1:
        raise Problem.of(Kind.INVALID_REQUEST, "owner_id", "say what is to change: owner_id or due_on")
    uow.goals.note(goal, GoalEventKind.CHANGED, at=uow.now, user_id=caller.user_id, detail=detail)
    tell_of_goal(uow, goal)
    move_by_results(uow, goal)
    _audit(uow, caller, "goal_changed", goal.id, "goal", goal.patient_id)
    return _full(uow, goal)


@router.post("/goals/{goal_id}/cancel", responses=problems(Kind.UNKNOWN_GOAL, Kind.NOT_POSSIBLE_NOW))
def cancel_goal(goal_id: Id, ask: GoalCancelAsk, caller: CareTeamCommanding, uow: Work) -> FullGoalAnswer:
    """Give a goal up, with the reason."""
    goal = _open(uow, goal_id)
    goal.state, goal.state_since = GoalState.CANCELLED, uow.now
    uow.goals.note(goal, GoalEventKind.CANCELLED, at=uow.now, user_id=caller.user_id, detail={"reason": ask.reason})
    tell_of_goal(uow, goal)
    _audit(uow, caller, "goal_cancelled", goal.id, "goal", goal.patient_id)
    return _full(uow, goal)


def _template(content: Content, ask: GoalAsk) -> GoalDocument | None:
    if ask.template is None:
        return None
    template = content.goals.get(ask.template)
    if template is None:
        raise Problem.of(
            Kind.UNKNOWN_TEMPLATE, "template", "there is no such goal; GET /api/v1/goal-templates lists them"
        )
    return template


def _targets(content: Content, ask: GoalAsk, template: GoalDocument | None) -> tuple[Target, ...]:
    asked = tuple(Target(code=one.code, comparator=one.comparator, value=one.value) for one in ask.targets)
    unknown = sorted({target.code for target in asked} - set(content.concepts))
    if unknown:
        raise Problem.of(
            Kind.INVALID_REQUEST,
            "targets",
            f"nobody measures {', '.join(unknown)}; content/observations.yaml names all",
        )
    return asked or tuple(target.made() for target in (template.targets if template else ()))


def _wording(said: str | None, template: Wording | None, field: str) -> dict[str, str]:
    if said is not None:
        # What somebody wrote by hand is in his own language; it is shown to all as he wrote it.
        return {"zh": said, "en": said}
    if template is None:
        raise Problem.of(Kind.INVALID_REQUEST, field, "write it, or name a template that has it")
    return {"zh": template.zh, "en": template.en}


def _offered(uow: UnitOfWork, content: Content, patient: Patient, goals: Sequence[Goal]) -> list[str]:
    groups = groups_of(uow.history.current_of(patient.id), content.diagnosis_groups)
    today = uow.now.astimezone(ZoneInfo(patient.zone)).date()
    born = patient.born
    age = today.year - born.year - ((today.month, today.day) < (born.month, born.day)) if born else None
    held = {goal.template_id for goal in goals if goal.state is GoalState.ACTIVE}
    return [name for name, one in sorted(content.goals.items()) if name not in held and one.offered_to(groups, age)]


def _there(goal: Goal | None) -> Goal:
    if goal is None:
        raise Problem.of(
            Kind.UNKNOWN_GOAL, "goal_id", "there is no such goal; GET /api/v1/patients/{patient_id}/goals lists them"
        )
    return goal


def _open(uow: UnitOfWork, goal_id: str) -> Goal:
    goal = _there(uow.goals.for_update(goal_id))
    found.patient(uow, goal.patient_id)
    if goal.state is GoalState.CANCELLED:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "state", "the goal was cancelled: set another one")
    return goal


def _effect(effect: Effect) -> EffectAnswer:
    return EffectAnswer(
        code=effect.code,
        before=effect.before,
        before_at=effect.before_at,
        latest=effect.latest,
        latest_at=effect.latest_at,
        change=effect.change,
    )


def _shown(uow: UnitOfWork, goal: Goal) -> dict[str, object]:
    plain = {name: getattr(goal, name) for name in GoalAnswer.model_fields if name not in ("targets", "effects")}
    return {
        **plain,
        "targets": [TargetPart(code=one.code, comparator=one.comparator, value=one.value) for one in goal.aims],
        "effects": [_effect(effect) for effect in effects_of(goal, results_for(uow, goal))],
    }


def _full(uow: UnitOfWork, goal: Goal) -> FullGoalAnswer:
    uow.flush()
    story: list[GoalEvent] = list(uow.goals.story(goal.id))
    return FullGoalAnswer(**_shown(uow, goal), story=[GoalStoryLine.model_validate(line) for line in story])


def _audit(uow: UnitOfWork, caller: Caller, action: str, subject: str, kind: str, patient_id: str) -> None:
    uow.audit.note(user_id=caller.user_id, action=action, subject_kind=kind, subject=subject, patient_id=patient_id)
