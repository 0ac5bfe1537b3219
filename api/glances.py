"""A patient at a glance, for the screen of whoever talks with him: what she has to know, and nothing behind it."""

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from api.fields import Answer, Instant
from care.care_team import Ground, Reader
from care.concepts import Mark
from care.conflicts import findings_of
from care.history import EntryState, HistoryKind
from care.patients import Encounter, Patient
from db.result_trends import marked
from db.unit_of_work import UnitOfWork
from followup.attempts import Attempt, AttemptState
from followup.follow_up_rules import age_on
from followup.notes import NoteState
from followup.outcomes import AttemptOutcome
from followup.plans import OPEN_TASK_STATES, Plan, Task, TaskMode
from followup.requests import Viewer
from runtime.content.documents import Wording
from runtime.content.library import Content

FOLLOW_UPS_SHOWN = 3
TRENDS_SHOWN = 4
POINTS_SHOWN = 12
TAGS_SHOWN = 12


class GlanceTag(Answer):
    """A tag that stands."""

    id: str
    title: dict[str, str]
    since: Instant


class GlanceFinding(Answer):
    """An allergy or a diagnosis, as the source that holds says it."""

    id: str
    name: str
    note: str
    active: bool
    in_conflict: bool


class GlanceVisit(Answer):
    """The visit of which the follow-up is."""

    kind: str
    kind_title: Wording
    department: str
    ward: str | None
    doctor: str | None
    occurred_at: Instant


class GlanceFollowUp(Answer):
    """An earlier contact with what was written of it."""

    attempt_id: str
    at: Instant
    outcome: AttemptOutcome | None
    task_result: str | None
    agent: str | None
    note_id: str | None
    note_state: NoteState | None
    note_text: str | None


class GlancePoint(Answer):
    """One value of a trend."""

    at: Instant
    value: float
    mark: Mark | None


class GlanceTrend(Answer):
    """The newest values of one thing that is measured, oldest first."""

    code: str
    title: Wording
    unit: str
    decimals: int
    low: float | None
    high: float | None
    points: list[GlancePoint]


class GlanceContact(Answer):
    """A contact that is still to come."""

    task_id: str
    target_at: Instant
    mode: TaskMode


class GlancePlan(Answer):
    """The plan to which the task belongs: its day, and which of its contacts this is."""

    id: str
    title: str
    day: int  # days of the patient's calendar since the plan's anchor
    place: int | None  # of the step among the plan's
    steps: int
    next: list[GlanceContact]


class GlanceAnswer(Answer):
    """What stands beside the form."""

    age: int | None
    visit: GlanceVisit | None
    tags: list[GlanceTag]
    allergies: list[GlanceFinding]
    conditions: list[GlanceFinding]
    follow_ups: list[GlanceFollowUp]
    trends: list[GlanceTrend]
    plan: GlancePlan | None
    open_alerts: int
    open_requests: int


def glass_is_open(uow: UnitOfWork, patient_id: str, user_id: str) -> bool:
    """True if this user has lately opened the record with a reason."""
    reader = uow.care_team.reader or Reader(user_id=user_id)
    return Ground.BROKEN_GLASS in uow.care_team.ties(patient_id, reader, uow.now)


def glance_of(
    uow: UnitOfWork, content: Content, patient: Patient, attempt: Attempt, task: Task, viewer: Viewer
) -> GlanceAnswer:
    """The patient as the agent of this attempt has to know him."""
    today = uow.now.astimezone(ZoneInfo(patient.zone)).date()
    findings = {
        kind: [
            GlanceFinding(
                id=one.holds.id,
                name=one.holds.name,
                note=one.holds.note,
                active=one.holds.state is EntryState.ACTIVE,
                in_conflict=one.in_conflict,
            )
            for one in findings_of((entry for entry in entries if entry.kind is kind), content.source_ranks.history)
        ]
        for entries in [uow.history.current_of(patient.id)]
        for kind in (HistoryKind.ALLERGY, HistoryKind.CONDITION)
    }
    visits = uow.patients.encounters_of(patient.id, limit=1)
    return GlanceAnswer(
        age=age_on(patient.born, today),
        visit=_visit(visits[0], content) if visits else None,
        tags=[
            GlanceTag(id=tag.id, title=dict(tag.title), since=tag.since)
            for tag in uow.tags.standing(patient.id)[:TAGS_SHOWN]
        ],
        allergies=_active_first(findings[HistoryKind.ALLERGY]),
        conditions=_active_first(findings[HistoryKind.CONDITION]),
        follow_ups=_follow_ups(uow, patient, attempt.id),
        trends=_trends(uow, content, patient),
        plan=_plan(uow, content, task, today),
        open_alerts=sum(alert.is_open for alert in uow.alerts.of_patient(patient.id)),
        open_requests=len(uow.requests.visible(viewer, patient_id=patient.id)),
    )


def day_of_plan(anchor_at: datetime, zone: str, today: date) -> int:
    """How many days of the calendar have passed since the plan's anchor."""
    return (today - anchor_at.astimezone(ZoneInfo(zone)).date()).days


def _visit(visit: Encounter, content: Content) -> GlanceVisit:
    return GlanceVisit(
        kind=visit.kind,
        kind_title=content.record_words.visit_title(visit.kind),
        department=visit.department,
        ward=visit.ward,
        doctor=visit.doctor,
        occurred_at=visit.occurred_at,
    )


def _active_first(findings: list[GlanceFinding]) -> list[GlanceFinding]:
    return sorted(findings, key=lambda one: not one.active)


def _follow_ups(uow: UnitOfWork, patient: Patient, attempt_id: str) -> list[GlanceFollowUp]:
    past: list[Attempt] = [
        each
        for each in uow.attempts.of_patient(patient.id, limit=FOLLOW_UPS_SHOWN * 4)
        if each.id != attempt_id and each.state is AttemptState.CLOSED and each.skipped is None
    ][:FOLLOW_UPS_SHOWN]
    shown = []
    for each in past:
        note = uow.notes.of_attempt(each.id)
        agent = uow.users.get(each.agent_id) if each.agent_id else None
        shown.append(
            GlanceFollowUp(
                attempt_id=each.id,
                at=each.reserved_at,
                outcome=each.outcome,
                task_result=each.task_result,
                agent=agent.display_name if agent else None,
                note_id=note.id if note else None,
                note_state=note.state if note else None,
                note_text=note.text if note else None,
            )
        )
    return shown


def _trends(uow: UnitOfWork, content: Content, patient: Patient) -> list[GlanceTrend]:
    newest = sorted(
        uow.observations.latest(patient.id, content.concepts).values(), key=lambda each: each.taken_at, reverse=True
    )
    trends = []
    for code in [each.code for each in newest][:TRENDS_SHOWN]:
        concept = content.concepts[code]
        held = [
            marked(concept, each, patient) for each in uow.observations.series(patient.id, code, limit=POINTS_SHOWN)
        ]
        trends.append(
            GlanceTrend(
                code=code,
                title=Wording(zh=concept.names["zh"], en=concept.names["en"]),
                unit=concept.unit,
                decimals=concept.decimals,
                low=held[-1].low if held else None,
                high=held[-1].high if held else None,
                points=[
                    GlancePoint(at=each.observation.taken_at, value=each.observation.value, mark=each.mark)
                    for each in held
                    if each.observation.value is not None
                ],
            )
        )
    return trends


def _plan(uow: UnitOfWork, content: Content, task: Task, today: date) -> GlancePlan | None:
    plan: Plan | None = uow.plans.get(task.plan_id) if task.plan_id is not None else None
    if plan is None:
        return None
    keys = [step.key for step in plan.steps]
    template = content.plans.get(plan.template_id)
    to_come: Sequence[Task] = [
        each
        for each in uow.plans.tasks_of_plan(plan.id)
        if each.state in OPEN_TASK_STATES and each.id != task.id and each.target_at > task.target_at
    ]
    return GlancePlan(
        id=plan.id,
        title=template.title if template is not None else plan.template_id,
        day=day_of_plan(plan.anchor_at, plan.zone, today),
        place=keys.index(task.step_key) + 1 if task.step_key in keys else None,
        steps=len(keys),
        next=[
            GlanceContact(task_id=each.id, target_at=each.target_at, mode=each.mode)
            for each in sorted(to_come, key=lambda each: each.target_at)[:2]
        ],
    )
