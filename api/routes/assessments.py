"""The whole assessment of a visit: symptoms, treatment, way of life, tests, from forms and results that there are."""

from datetime import datetime, timedelta

from fastapi import APIRouter, Request

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Id, Instant
from api.permissions import CareTeam, Everybody
from api.problems import Kind, Problem, problems
from api.response_answers import ResponseAnswer, response_answer
from api.result_answers import ResultAnswer, result_answer
from api.routes.medicines import MedicineAnswer
from api.routes.responses import line_of_caller
from api.speakers import OnTheLine
from api.wiring import wiring_of
from care.medicines import MedicineState
from care.responses import Response, ResponseState
from db import answering
from db.result_trends import marked
from db.unit_of_work import UnitOfWork
from followup.plans import Task
from runtime.content.documents import Wording
from runtime.content.library import Content
from runtime.content.registries import AssessmentDocument, SectionDocument

router = APIRouter(tags=["assessments"], route_class=Route)


class AssessmentHead(Answer):
    """An assessment that can be made at a visit."""

    id: str
    version: int
    status: str
    source: str
    title: Wording


class AssessmentsAnswer(Answer):
    """Every assessment, in order of id."""

    assessments: list[AssessmentHead]


class FormPartAnswer(Answer):
    """A form of a section, with its answers and scores; none: nobody has begun it."""

    form: str
    title: Wording
    needed: bool
    response: ResponseAnswer | None


class TestPartAnswer(Answer):
    """A result of a section: the newest that is not too old for it; none: it is to be taken."""

    code: str
    title: Wording
    needed: bool
    within_days: int
    result: ResultAnswer | None


class SectionAnswer(Answer):
    """A part of an assessment."""

    key: str
    title: Wording
    forms: list[FormPartAnswer]
    tests: list[TestPartAnswer]
    medicines: list[MedicineAnswer]


class AssessmentAnswer(AssessmentHead):
    """A visit's assessment. It is complete when nothing that is needed lacks; then results are those of that time."""

    task_id: str
    patient_id: str
    as_of: Instant
    complete: bool
    lacking: list[str]  # form:… and test:… that are needed
    sections: list[SectionAnswer]


@router.get("/assessments")
def list_assessments(caller: Everybody, request: Request) -> AssessmentsAnswer:  # noqa: ARG001
    """The assessments that can be made at a visit."""
    documents = wiring_of(request).content.assessments
    return AssessmentsAnswer(assessments=[AssessmentHead.model_validate(documents[name]) for name in sorted(documents)])


@router.put(
    "/tasks/{task_id}/assessments/{assessment_id}", responses=problems(Kind.UNKNOWN_TASK, Kind.UNKNOWN_ASSESSMENT)
)
def open_assessment(task_id: Id, assessment_id: str, caller: CareTeam, request: Request, uow: Work) -> AssessmentAnswer:
    """Begin the needed forms of a visit's assessment; those begun already stay as they are."""
    task, content = found.task(uow, task_id), wiring_of(request).content
    document = _document(content, assessment_id)
    for section in document.sections:
        for part in section.forms:
            if part.needed:
                answering.open_response(uow, content, task, part.form)
    _audit(uow, caller, "assessment_opened", task, document)
    return _answer(uow, content, document, task, line_of_caller(uow, caller, task.patient_id))


@router.get(
    "/tasks/{task_id}/assessments/{assessment_id}", responses=problems(Kind.UNKNOWN_TASK, Kind.UNKNOWN_ASSESSMENT)
)
def read_assessment(task_id: Id, assessment_id: str, caller: CareTeam, request: Request, uow: Work) -> AssessmentAnswer:
    """A visit's assessment as it stands, and what it lacks."""
    task, content = found.task(uow, task_id), wiring_of(request).content
    document = _document(content, assessment_id)
    _audit(uow, caller, "assessment_viewed", task, document)
    return _answer(uow, content, document, task, line_of_caller(uow, caller, task.patient_id))


def _document(content: Content, assessment_id: str) -> AssessmentDocument:
    document = content.assessments.get(assessment_id)
    if document is None:
        raise Problem.of(
            Kind.UNKNOWN_ASSESSMENT, "assessment_id", "there is none of this name; GET /api/v1/assessments lists them"
        )
    return document


def _answer(
    uow: UnitOfWork, content: Content, document: AssessmentDocument, task: Task, line: OnTheLine | None
) -> AssessmentAnswer:
    responses = {each.form_id: each for each in uow.responses.all_of_task(task.id)}
    needed = [part.form for section in document.sections for part in section.forms if part.needed]
    ended = [_completed_at(responses.get(form)) for form in needed]
    dates = [at for at in ended if at is not None]
    as_of = max(dates) if dates and len(dates) == len(needed) else uow.now
    sections = [_section(uow, content, section, task, responses, as_of, line) for section in document.sections]
    lacking = [
        f"form:{part.form}"
        for section in sections
        for part in section.forms
        if part.needed and (part.response is None or part.response.completed_at is None)
    ] + [f"test:{part.code}" for section in sections for part in section.tests if part.needed and part.result is None]
    return AssessmentAnswer(
        **AssessmentHead.model_validate(document).model_dump(),
        task_id=task.id,
        patient_id=task.patient_id,
        as_of=as_of,
        complete=not lacking,
        lacking=lacking,
        sections=sections,
    )


def _section(
    uow: UnitOfWork,
    content: Content,
    section: SectionDocument,
    task: Task,
    responses: dict[str, Response],
    as_of: datetime,
    line: OnTheLine | None,
) -> SectionAnswer:
    patient = found.patient(uow, task.patient_id)
    latest = uow.observations.latest(patient.id, {test.code for test in section.tests}, until=as_of)
    tests = []
    for test in section.tests:
        row = latest.get(test.code)
        concept = content.concepts[test.code]
        fresh = row is not None and row.taken_at > as_of - timedelta(days=test.within_days)
        tests.append(
            TestPartAnswer(
                code=test.code,
                title=Wording(zh=concept.names["zh"], en=concept.names["en"]),
                needed=test.needed,
                within_days=test.within_days,
                result=result_answer(content, marked(concept, row, patient)) if row is not None and fresh else None,
            )
        )
    return SectionAnswer(
        key=section.key,
        title=section.title,
        forms=[
            FormPartAnswer(
                form=part.form,
                title=Wording(zh=content.forms[part.form].title["zh"], en=content.forms[part.form].title["en"]),
                needed=part.needed,
                response=response_answer(uow, content.forms[part.form], responses[part.form], line)
                if part.form in responses
                else None,
            )
            for part in section.forms
        ],
        tests=tests,
        medicines=[
            MedicineAnswer.model_validate(medicine)
            for medicine in uow.medicines.current_of(patient.id)
            if medicine.state is MedicineState.ACTIVE
        ]
        if section.medicines
        else [],
    )


def _completed_at(response: Response | None) -> datetime | None:
    if response is None or response.state is ResponseState.IN_PROGRESS:
        return None
    return response.completed_at


def _audit(uow: UnitOfWork, caller: Caller, action: str, task: Task, document: AssessmentDocument) -> None:
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind="task",
        subject=task.id,
        patient_id=task.patient_id,
        detail={"assessment": f"{document.id}/{document.version}"},
    )
