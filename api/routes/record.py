"""The record that a nurse opens: what holds now, and the one timeline behind it."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request

from api import found
from api.edge import Route, Work
from api.fields import Answer, Id, Instant, Limit
from api.history_answers import FindingAnswer, SettledAnswer, finding_answer, settled_answer
from api.permissions import CareTeam
from api.problems import Kind, Problem, problems
from api.record_answers import ItemAnswer, item_answer
from api.routes.patients import PatientAnswer
from api.routes.requests import viewer_of
from api.wiring import wiring_of
from care.conflicts import findings_of
from care.history import EntryState, HistoryKind, groups_of
from care.timeline import CursorError, TimelineItem, TimelineKind, TimelinePlace
from db.unit_of_work import UnitOfWork
from followup.alerts import AlertLevel, AlertState
from followup.plans import PlanState, TaskMode
from runtime.content.documents import Wording
from runtime.content.library import Content

router = APIRouter(tags=["record"], route_class=Route)

FIRST_PAGE = 50
MOST_STANDING = 100
STANDING = (TimelineKind.MEDICINE, TimelineKind.RISK, TimelineKind.GOAL, TimelineKind.TAG)


class GroupAnswer(Answer):
    """A group of illnesses to which an active diagnosis belongs."""

    id: str
    title: Wording


class OpenAlertAnswer(Answer):
    """An alert whose outcome is owed."""

    id: str
    code: str
    level: AlertLevel
    state: AlertState
    raised_at: Instant
    due_at: Instant | None


class OpenRequestAnswer(Answer):
    """A request or complaint without a closing answer, as far as it is for the reader's eyes."""

    id: str
    cause: str
    title: Wording | None
    due_on: date
    owner_id: str


class RunningPlanAnswer(Answer):
    """A plan that goes on or rests."""

    id: str
    template_id: str
    title: str | None
    state: PlanState
    anchor_at: Instant


class NextTaskAnswer(Answer):
    """The contact that comes next."""

    id: str
    mode: TaskMode
    queue_id: str
    earliest_at: Instant
    target_at: Instant
    latest_at: Instant


class LatestResultAnswer(Answer):
    """The newest value of a concept, with the reference range of that result."""

    id: str
    code: str
    title: Wording
    value: float | None
    unit: str
    reference_low: float | None
    reference_high: float | None
    taken_at: Instant
    source: str


class TimelinePageAnswer(Answer):
    """Items, newest first; ask on with before=`next`, which is empty on the last page."""

    items: list[ItemAnswer]
    next: str | None


class RecordAnswer(Answer):
    """What holds now, how many items of each kind there are, and the first page of them."""

    patient: PatientAnswer
    age: int | None
    merged_into: str | None  # this record went into another: open that one
    differing: list[SettledAnswer]  # fields of the person of which sources say different things
    groups: list[GroupAnswer]
    conditions: list[FindingAnswer]
    allergies: list[FindingAnswer]
    procedures: list[FindingAnswer]
    family: list[FindingAnswer]
    alerts: list[OpenAlertAnswer]
    requests: list[OpenRequestAnswer]
    plans: list[RunningPlanAnswer]
    standing: list[ItemAnswer]  # medicines, risk assessments, goals and tags as they stand, newest first
    latest_results: list[LatestResultAnswer]
    next_task: NextTaskAnswer | None
    counts: dict[TimelineKind, int]
    timeline: TimelinePageAnswer


@router.get("/patients/{patient_id}/record", responses=problems(Kind.UNKNOWN_PATIENT))
def read_record(
    patient_id: Id, caller: CareTeam, request: Request, uow: Work, limit: Limit = FIRST_PAGE
) -> RecordAnswer:
    """Everything at a glance, each item with its source and its instant."""
    patient = found.patient(uow, patient_id)
    wiring = wiring_of(request)
    content, viewer = wiring.content, viewer_of(uow, caller)
    uow.audit.note(
        user_id=caller.user_id,
        action="record_viewed",
        subject_kind="patient",
        subject=patient.id,
        patient_id=patient.id,
    )
    entries = uow.history.current_of(patient.id)
    findings = {
        kind: [
            finding_answer(one, content.record_words)
            for one in findings_of((e for e in entries if e.kind is kind), content.source_ranks.history)
        ]
        for kind in HistoryKind
    }
    groups = content.diagnosis_group_document.groups
    settled = uow.stated.settled(patient, content.source_ranks.person)
    causes = content.request_causes.by_code()
    tasks = uow.plans.open_tasks_of_patient(patient.id)
    next_task = min(tasks, key=lambda task: (task.target_at, task.id), default=None)
    today = uow.now.astimezone(wiring.zone).date()
    page = uow.timeline.page(patient.id, viewer, limit=limit + 1)
    return RecordAnswer(
        patient=PatientAnswer.model_validate(patient),
        age=_age(patient.born, today),
        merged_into=uow.merges.merged_into(patient.id),
        differing=[settled_answer(field, one, content.record_words) for field, one in settled.items() if one.others],
        groups=[
            GroupAnswer(id=name, title=groups[name].title)
            for name in sorted(groups_of(entries, content.diagnosis_groups))
        ],
        conditions=_standing_first(findings[HistoryKind.CONDITION]),
        allergies=_standing_first(findings[HistoryKind.ALLERGY]),
        procedures=findings[HistoryKind.PROCEDURE],
        family=findings[HistoryKind.FAMILY],
        alerts=[OpenAlertAnswer.model_validate(alert) for alert in uow.alerts.of_patient(patient.id) if alert.is_open],
        requests=[
            OpenRequestAnswer(
                id=one.id,
                cause=one.cause,
                title=causes[one.cause].title if one.cause in causes else None,
                due_on=one.due_on,
                owner_id=one.owner_id,
            )
            for one in uow.requests.visible(viewer, patient_id=patient.id)
        ],
        plans=[
            RunningPlanAnswer(
                id=plan.id,
                template_id=plan.template_id,
                title=content.plans[plan.template_id].title if plan.template_id in content.plans else None,
                state=plan.state,
                anchor_at=plan.anchor_at,
            )
            for plan in uow.plans.unfinished_of_patient(patient.id)
        ],
        standing=[
            item_answer(item, content)
            for item in uow.timeline.page(patient.id, viewer, kinds=STANDING, limit=MOST_STANDING)
            if item.facts.get("ended_at") is None
        ],
        latest_results=_latest_results(uow, patient.id, content),
        next_task=NextTaskAnswer.model_validate(next_task) if next_task else None,
        counts=uow.timeline.counts(patient.id, viewer),
        timeline=_page(page, limit, content),
    )


@router.get("/patients/{patient_id}/timeline", responses=problems(Kind.UNKNOWN_PATIENT))
def read_timeline(
    patient_id: Id,
    caller: CareTeam,
    request: Request,
    uow: Work,
    kind: Annotated[list[TimelineKind], Query(max_length=len(TimelineKind), default_factory=list)],
    before: Annotated[str | None, Query(max_length=120)] = None,
    limit: Limit = FIRST_PAGE,
) -> TimelinePageAnswer:
    """Visits, results, medicines, history, forms, calls, notes and the rest in one story; `kind` may be repeated."""
    patient = found.patient(uow, patient_id)
    try:
        place = TimelinePlace.parse(before) if before else None
    except CursorError as error:
        raise Problem.of(Kind.INVALID_REQUEST, "before", str(error)) from error
    uow.audit.note(
        user_id=caller.user_id,
        action="timeline_viewed",
        subject_kind="patient",
        subject=patient.id,
        patient_id=patient.id,
    )
    page = uow.timeline.page(patient.id, viewer_of(uow, caller), kinds=kind, before=place, limit=limit + 1)
    return _page(page, limit, wiring_of(request).content)


def _page(items: Sequence[TimelineItem], limit: int, content: Content) -> TimelinePageAnswer:
    shown = items[:limit]
    return TimelinePageAnswer(
        items=[item_answer(item, content) for item in shown],
        next=str(shown[-1].place) if len(items) > limit else None,
    )


def _latest_results(uow: UnitOfWork, patient_id: str, content: Content) -> list[LatestResultAnswer]:
    concepts = content.concepts
    latest = uow.observations.latest(patient_id, concepts)
    return [
        LatestResultAnswer(
            id=result.id,
            code=code,
            title=Wording(zh=concepts[code].names["zh"], en=concepts[code].names["en"]),
            value=result.value,
            unit=result.unit,
            reference_low=result.reference_low,
            reference_high=result.reference_high,
            taken_at=result.taken_at,
            source=result.source,
        )
        for code in concepts
        if (result := latest.get(code)) is not None
    ]


def _standing_first(findings: list[FindingAnswer]) -> list[FindingAnswer]:
    return sorted(findings, key=lambda finding: finding.holds.state is not EntryState.ACTIVE)


def _age(born: date | None, today: date) -> int | None:
    if born is None or born > today:
        return None
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
