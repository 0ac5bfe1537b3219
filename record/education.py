"""Teach-back answers are looked at: what was not understood is told again, by somebody, by a day."""

from datetime import date

import structlog

from care.adherence import Helper
from care.education import (
    EducationPlan,
    Lesson,
    Moment,
    PlannedLesson,
    Programme,
    Understood,
    needs_reteaching,
    planned_days,
    understood_in,
)
from care.forms import counted_answers
from care.patients import PatientId
from care.responses import Response
from db.education import TeachBackGiven
from db.request_making import make_request, tell_of_request
from db.unit_of_work import UnitOfWork
from followup.requests import RequestKind
from record.following import RecordParts
from record.owners import helper_for, let_in
from runtime.identifiers import new_id

log = structlog.get_logger(__name__)


def start_education(
    uow: UnitOfWork, programme: Programme, *, patient_id: str, moment: Moment, anchor_on: date, by: str
) -> EducationPlan:
    """Give a patient a programme; the one that runs already is given back."""
    uow.patients.lock(patient_id)
    running = uow.education.running(patient_id, programme.id)
    if running is not None:
        return running
    plan_id = new_id()
    plan = EducationPlan(
        id=plan_id,
        patient_id=PatientId(patient_id),
        programme_id=programme.id,
        programme_version=programme.version,
        moment=moment,
        anchor_on=anchor_on,
        started_at=uow.now,
        started_by=by,
        lessons=[
            PlannedLesson(id=new_id(), plan_id=plan_id, key=key, due_on=day)
            for key, day in planned_days(programme, anchor_on)
        ],
    )
    uow.education.add(plan)
    uow.flush()
    return plan


def follow_teach_back(uow: UnitOfWork, parts: RecordParts, response: Response) -> None:
    """Look at what a complete response says of lessons; looked at twice it is one re-education."""
    form = parts.content.forms.get(response.form_id)
    if form is None:
        return
    answers = counted_answers(form, response.answers)
    for programme in parts.content.education.values():
        for understood in understood_in(programme, form.id, answers):
            lesson = programme.lesson(understood.lesson_key)
            if lesson is not None:
                _follow_one(uow, parts, response, programme, lesson, understood)


def _follow_one(
    uow: UnitOfWork,
    parts: RecordParts,
    response: Response,
    programme: Programme,
    lesson: Lesson,
    understood: Understood,
) -> None:
    uow.patients.lock(response.patient_id)
    held = uow.education.said_back(response.id, programme.id, understood.link_id)
    if held is not None and held.understanding is understood.understanding:
        return
    plan = uow.education.running(response.patient_id, programme.id)
    again = needs_reteaching(understood.understanding)
    if plan is None:
        if not again:
            return
        plan = _started_by_the_answer(uow, parts, response, programme)
    if held is not None:
        held.superseded_at = uow.now
        uow.flush()
    taught = next((one for one in plan.lessons if one.key == lesson.key and one.again_of is None), None)
    if taught is None:
        return
    given = TeachBackGiven(
        id=new_id(),
        plan_id=plan.id,
        lesson_id=taught.id,
        response_id=response.id,
        link_id=understood.link_id,
        understanding=understood.understanding,
        at=uow.now,
    )
    if again:
        _tell_again(uow, parts, response, programme, lesson, plan, taught, given)
    uow.education.say_back(given)
    uow.flush()


def _tell_again(
    uow: UnitOfWork,
    parts: RecordParts,
    response: Response,
    programme: Programme,
    lesson: Lesson,
    plan: EducationPlan,
    taught: PlannedLesson,
    given: TeachBackGiven,
) -> None:
    waiting = next((one for one in plan.lessons if one.again_of == taught.id and one.given_at is None), None)
    if waiting is not None:
        given.again_id = waiting.id
        return
    today = uow.now.astimezone(parts.zone).date()
    due_on = uow.calendar.of(parts.calendar_region).add_working_days(today, programme.reteach_working_days)
    repeated = PlannedLesson(id=new_id(), plan_id=plan.id, key=lesson.key, due_on=due_on, again_of=taught.id)
    plan.lessons.append(repeated)
    owner = helper_for(
        uow,
        Helper.NURSE,
        department=parts.content.adherence_document.departments[Helper.NURSE],
        patient_id=response.patient_id,
        known=response.completed_by,
    )
    request = make_request(
        uow,
        kind=RequestKind.REQUEST,
        cause="explanation",
        text=f"请再讲一遍「{lesson.title['zh']}」:{lesson.again['zh']} / Teach '{lesson.title['en']}' again: "
        f"{lesson.again['en']}",
        due_on=due_on,
        received_by=response.completed_by or owner.id,
        owner_id=owner.id,
        patient_id=response.patient_id,
        detail={"response": response.id, "lesson": lesson.key, "understood": given.understanding.value},
    )
    given.again_id, given.request_id = repeated.id, request.id
    uow.flush()
    let_in(uow, owner, response.patient_id, role=Helper.NURSE.value, reason=f"request {request.id}", by=None)
    tell_of_request(uow, request)
    log.info("lesson_to_be_told_again", plan=plan.id, lesson=lesson.key, request=request.id)


def _started_by_the_answer(
    uow: UnitOfWork, parts: RecordParts, response: Response, programme: Programme
) -> EducationPlan:
    """A patient who was asked and did not know is taught, even if nobody had begun the programme."""
    by = response.completed_by
    if by is None:
        by = helper_for(
            uow,
            Helper.NURSE,
            department=parts.content.adherence_document.departments[Helper.NURSE],
            patient_id=response.patient_id,
        ).id
    return start_education(
        uow,
        programme,
        patient_id=response.patient_id,
        moment=min(programme.moments),
        anchor_on=uow.now.astimezone(parts.zone).date(),
        by=by,
    )
