"""Education: programmes, a patient's lessons and what he could say back of them, and what a programme achieves."""

from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Line
from api.permissions import CareTeam, CareTeamCommanding, Everybody, Overseers
from api.problems import Kind, Problem, problems
from api.wiring import wiring_of
from care.education import (
    EducationPlan,
    LessonWay,
    Moment,
    PlannedLesson,
    Programme,
    QuizTrend,
    Understanding,
    suiting_programmes,
)
from care.history import groups_of
from care.responses import Observation
from db.unit_of_work import UnitOfWork
from record.education import start_education

router = APIRouter(tags=["education"], route_class=Route)


class StartAsk(Ask):
    """A programme for a patient, from a moment on."""

    programme: str
    moment: Moment
    anchor_on: date | None = None  # today, if not said


class GivenAsk(Ask):
    """How a lesson reached the patient."""

    way: LessonWay


class EndAsk(Ask):
    """Why it goes on no longer."""

    reason: Line


class LessonTextAnswer(Answer):
    """One lesson of a programme, and the question that a call asks."""

    key: str
    day: int
    title: dict[str, str]
    text: dict[str, str]
    again: dict[str, str]
    form: str | None
    link_id: str | None


class ProgrammeAnswer(Answer):
    """A programme with who wrote and reviewed it and the day its review ends."""

    id: str
    version: int
    status: str
    source: str
    author: str
    reviewer: str
    reviewed_on: date | None
    expires_on: date
    expired: bool
    title: dict[str, str]
    moments: list[Moment]
    quiz: str | None
    lessons: list[LessonTextAnswer]


class ProgrammesAnswer(Answer):
    """Every programme, in order of id."""

    programmes: list[ProgrammeAnswer]


class LessonAnswer(Answer):
    """A lesson on its day. `again_of` names the lesson that was not understood."""

    id: str
    key: str
    due_on: date
    overdue: bool
    again_of: str | None
    given_at: Instant | None
    given_by: str | None
    way: LessonWay | None
    opened_at: Instant | None


class TeachBackAnswer(Answer):
    """What the patient could say back of a lesson."""

    lesson_id: str
    response_id: str
    link_id: str
    understanding: Understanding
    at: Instant
    again_id: str | None
    request_id: str | None


class QuizPointAnswer(Answer):
    """A score of the quiz."""

    at: Instant
    score: float


class QuizAnswer(Answer):
    """The quiz before, after, and all between; change is None until it was asked twice."""

    form: str
    points: list[QuizPointAnswer]
    before: float | None
    after: float | None
    change: float | None


class EducationPlanAnswer(Answer):
    """A programme of a patient. `ask_next` are the forms that the next call asks."""

    id: str
    patient_id: str
    programme_id: str
    programme_version: int
    moment: Moment
    anchor_on: date
    started_at: Instant
    started_by: str
    ended_at: Instant | None
    ended_because: str
    lessons: list[LessonAnswer]
    teach_backs: list[TeachBackAnswer]
    quiz: QuizAnswer | None
    ask_next: list[str]


class PatientEducationAnswer(Answer):
    """A patient's programmes, newest first, and those that suit him and do not run."""

    plans: list[EducationPlanAnswer]
    offered: list[str]


class EffectAnswer(Answer):
    """What a programme achieves: patients whose quiz was asked before and after, and what they could say back."""

    programme: str
    started: int
    quiz_before_and_after: int
    mean_before: float | None
    mean_after: float | None
    mean_change: float | None
    improved: int
    said_back: dict[Understanding, int]


@router.get("/education-programmes")
def list_programmes(caller: Everybody, request: Request, uow: Work) -> ProgrammesAnswer:  # noqa: ARG001
    """What can be taught."""
    wiring = wiring_of(request)
    today = uow.now.astimezone(wiring.zone).date()
    programmes = wiring.content.education
    return ProgrammesAnswer(programmes=[_programme(one, today) for _, one in sorted(programmes.items())])


@router.get("/education-programmes/{programme_id}/effect", responses=problems(Kind.UNKNOWN_PROGRAMME))
def read_effect(programme_id: str, caller: Overseers, request: Request, uow: Work) -> EffectAnswer:  # noqa: ARG001
    """How much more is known after a programme than before, over all its patients."""
    programme = _known(request, programme_id)
    scores = uow.education.scores_of(programme.id, programme.quiz_score) if programme.quiz_score is not None else {}
    trends = [_trend_of(each) for each in scores.values()]
    twice = [(one.before, one.after) for one in trends if one.before is not None and one.after is not None]
    said = uow.education.understood(programme.id)
    before, after = _mean([pair[0] for pair in twice]), _mean([pair[1] for pair in twice])
    return EffectAnswer(
        programme=programme.id,
        started=uow.education.started(programme.id),
        quiz_before_and_after=len(twice),
        mean_before=before,
        mean_after=after,
        mean_change=after - before if before is not None and after is not None else None,
        improved=sum(1 for first, last in twice if last > first),
        said_back={understanding: said.get(understanding, 0) for understanding in Understanding},
    )


@router.get("/patients/{patient_id}/education", responses=problems(Kind.UNKNOWN_PATIENT))
def list_education(patient_id: Id, caller: CareTeam, request: Request, uow: Work) -> PatientEducationAnswer:
    """What a patient is taught, what he understood, and what is still to come."""
    wiring = wiring_of(request)
    patient = found.patient(uow, patient_id)
    plans = uow.education.of_patient(patient.id)
    today = uow.now.astimezone(ZoneInfo(patient.zone)).date()
    running = {plan.programme_id for plan in plans if plan.ended_at is None}
    suiting = suiting_programmes(
        list(wiring.content.education.values()),
        groups=groups_of(uow.history.current_of(patient.id), wiring.content.diagnosis_groups),
        plan_templates=frozenset(plan.template_id for plan in uow.plans.unfinished_of_patient(patient.id)),
        today=today,
    )
    _audit(uow, caller, "education_viewed", "patient", patient.id, patient.id)
    return PatientEducationAnswer(
        plans=[_plan(uow, request, plan, today) for plan in plans],
        offered=sorted(one.id for one in suiting if one.id not in running),
    )


@router.post(
    "/patients/{patient_id}/education",
    status_code=201,
    responses=problems(Kind.UNKNOWN_PATIENT, Kind.UNKNOWN_PROGRAMME, Kind.NOT_POSSIBLE_NOW),
)
def start_programme(
    patient_id: Id, ask: StartAsk, caller: CareTeamCommanding, request: Request, uow: Work
) -> EducationPlanAnswer:
    """Give a patient a programme; the one that runs already is answered."""
    patient = found.patient(uow, patient_id)
    programme = _known(request, ask.programme, "programme")
    today = uow.now.astimezone(ZoneInfo(patient.zone)).date()
    if programme.expired(today):
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW,
            "programme",
            f"its review ended on {programme.expires_on}: a reviewer has to look it over first",
        )
    if ask.moment not in programme.moments:
        raise Problem.of(
            Kind.INVALID_REQUEST,
            "moment",
            f"this programme begins with {', '.join(sorted(programme.moments))}; choose one of these",
        )
    plan = start_education(
        uow,
        programme,
        patient_id=patient.id,
        moment=ask.moment,
        anchor_on=ask.anchor_on or today,
        by=caller.user_id,
    )
    _audit(uow, caller, "education_started", "education_plan", plan.id, patient.id)
    return _plan(uow, request, plan, today)


@router.post(
    "/education-plans/{plan_id}/lessons/{lesson_id}/given",
    responses=problems(Kind.UNKNOWN_EDUCATION_PLAN, Kind.UNKNOWN_LESSON, Kind.NOT_POSSIBLE_NOW),
)
def give_lesson(
    plan_id: Id, lesson_id: Id, ask: GivenAsk, caller: CareTeamCommanding, request: Request, uow: Work
) -> EducationPlanAnswer:
    """Note that a lesson was given; noted twice, the first time counts."""
    plan = _running(uow, plan_id)
    lesson = _lesson(plan, lesson_id)
    if lesson.given_at is None:
        lesson.given_at, lesson.given_by, lesson.way = uow.now, caller.user_id, ask.way
    return _changed(uow, request, caller, plan, "lesson_given")


@router.post(
    "/education-plans/{plan_id}/lessons/{lesson_id}/opened",
    responses=problems(Kind.UNKNOWN_EDUCATION_PLAN, Kind.UNKNOWN_LESSON, Kind.NOT_POSSIBLE_NOW),
)
def note_opened(
    plan_id: Id, lesson_id: Id, caller: CareTeamCommanding, request: Request, uow: Work
) -> EducationPlanAnswer:
    """Note that the patient has read or seen a lesson that was sent or handed to him."""
    plan = _running(uow, plan_id)
    lesson = _lesson(plan, lesson_id)
    if lesson.given_at is None:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "lesson_id", "the lesson was not given yet: note that first")
    lesson.opened_at = lesson.opened_at or uow.now
    return _changed(uow, request, caller, plan, "lesson_opened")


@router.post("/education-plans/{plan_id}/end", responses=problems(Kind.UNKNOWN_EDUCATION_PLAN, Kind.NOT_POSSIBLE_NOW))
def end_programme(
    plan_id: Id, ask: EndAsk, caller: CareTeamCommanding, request: Request, uow: Work
) -> EducationPlanAnswer:
    """End a programme, with the reason; it can be begun anew."""
    plan = _running(uow, plan_id)
    plan.ended_at, plan.ended_because = uow.now, ask.reason
    return _changed(uow, request, caller, plan, "education_ended")


def _known(request: Request, programme_id: str, field: str = "programme_id") -> Programme:
    programme = wiring_of(request).content.education.get(programme_id)
    if programme is None:
        raise Problem.of(
            Kind.UNKNOWN_PROGRAMME, field, "there is no such programme; GET /api/v1/education-programmes lists them"
        )
    return programme


def _running(uow: UnitOfWork, plan_id: str) -> EducationPlan:
    plan = uow.education.for_update(plan_id)
    if plan is None:
        raise Problem.of(
            Kind.UNKNOWN_EDUCATION_PLAN,
            "plan_id",
            "there is no such education plan; GET /api/v1/patients/{patient_id}/education lists a patient's",
        )
    found.patient(uow, plan.patient_id)
    if plan.ended_at is not None:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "plan_id", "this programme has ended: begin it anew")
    return plan


def _lesson(plan: EducationPlan, lesson_id: str) -> PlannedLesson:
    lesson = next((one for one in plan.lessons if one.id == lesson_id), None)
    if lesson is None:
        raise Problem.of(Kind.UNKNOWN_LESSON, "lesson_id", "the plan has no such lesson; its answer lists them")
    return lesson


def _changed(
    uow: UnitOfWork, request: Request, caller: Caller, plan: EducationPlan, action: str
) -> EducationPlanAnswer:
    patient = found.patient(uow, plan.patient_id)
    _audit(uow, caller, action, "education_plan", plan.id, plan.patient_id)
    return _plan(uow, request, plan, uow.now.astimezone(ZoneInfo(patient.zone)).date())


def _programme(one: Programme, today: date) -> ProgrammeAnswer:
    left_out = ("expired", "moments", "lessons")
    plain = {name: getattr(one, name) for name in ProgrammeAnswer.model_fields if name not in left_out}
    return ProgrammeAnswer(
        **plain,
        expired=one.expired(today),
        moments=sorted(one.moments),
        lessons=[
            LessonTextAnswer(
                key=lesson.key,
                day=lesson.day,
                title=lesson.title,
                text=lesson.text,
                again=lesson.again,
                form=lesson.teach_back.form if lesson.teach_back else None,
                link_id=lesson.teach_back.link_id if lesson.teach_back else None,
            )
            for lesson in one.lessons
        ],
    )


def _trend(uow: UnitOfWork, programme: Programme, plan: EducationPlan) -> QuizTrend | None:
    if programme.quiz_score is None:
        return None
    return _trend_of(uow.responses.observations_of(plan.patient_id, code=programme.quiz_score))


def _trend_of(scores: Sequence[Observation]) -> QuizTrend:
    # An amended response has its score again: its last one counts.
    last = {one.response_id: one for one in sorted(scores, key=lambda one: one.at)}
    first = {one.response_id: one.at for one in sorted(scores, key=lambda one: one.at, reverse=True)}
    return QuizTrend(points=tuple(sorted((first[key], one.value) for key, one in last.items())))


def _plan(uow: UnitOfWork, request: Request, plan: EducationPlan, today: date) -> EducationPlanAnswer:
    uow.flush()
    programme = wiring_of(request).content.education.get(plan.programme_id)
    trend = _trend(uow, programme, plan) if programme is not None else None
    said = uow.education.teach_backs_of(plan.id)
    left_out = ("lessons", "teach_backs", "quiz", "ask_next")
    plain = {name: getattr(plan, name) for name in EducationPlanAnswer.model_fields if name not in left_out}
    return EducationPlanAnswer(
        **plain,
        lessons=[_planned(one, today) for one in sorted(plan.lessons, key=lambda one: (one.due_on, one.id))],
        teach_backs=[TeachBackAnswer.model_validate(one) for one in said],
        quiz=_quiz(programme, trend) if programme is not None and trend is not None else None,
        ask_next=_ask_next(programme, plan, {one.lesson_id for one in said if one.again_id is None}, today),
    )


def _planned(one: PlannedLesson, today: date) -> LessonAnswer:
    plain = {name: getattr(one, name) for name in LessonAnswer.model_fields if name != "overdue"}
    return LessonAnswer(**plain, overdue=one.given_at is None and one.due_on < today)


def _quiz(programme: Programme, trend: QuizTrend) -> QuizAnswer:
    return QuizAnswer(
        form=programme.quiz or "",
        points=[QuizPointAnswer(at=at, score=score) for at, score in trend.points],
        before=trend.before,
        after=trend.after,
        change=trend.change,
    )


def _ask_next(programme: Programme | None, plan: EducationPlan, understood: set[str], today: date) -> list[str]:
    if programme is None or plan.ended_at is not None:
        return []
    asked = []
    for one in plan.lessons:
        lesson = programme.lesson(one.key)
        due = one.given_at is not None or one.due_on <= today
        if lesson is not None and lesson.teach_back is not None and due and one.id not in understood:
            asked.append(lesson.teach_back.form)
    return list(dict.fromkeys(asked))


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _audit(uow: UnitOfWork, caller: Caller, action: str, kind: str, subject: str, patient_id: str) -> None:
    uow.audit.note(user_id=caller.user_id, action=action, subject_kind=kind, subject=subject, patient_id=patient_id)
