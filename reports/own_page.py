"""Reading a patient's record for his own page: only what is his to read, and for a relative only what he may hear.

A birthday is known to many: whatever is kept under the stricter identity check (PHQ, GAD and what follows from them)
stays off this page, for everybody. Alerts, notes of staff, tags, risk, proposals and past calls are not read at all.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from care.advice import AdviceKind
from care.appointments import AppointmentState
from care.forms import AnswerValue, FormItem, ItemType, enabled_items
from care.goals import GoalState
from care.own_page import (
    AnsweredForm,
    AppointmentLine,
    ContactAhead,
    Listener,
    NewestResult,
    OwnPage,
    OwnPart,
    SignedSummary,
    Told,
    may_read_result,
    parts_for,
)
from care.patients import Patient
from care.relatives import Matter, Relative
from care.responses import ResponseState
from care.stage_facts import GoalLine, MedicineLine, ResultPoint
from care.summaries import StageSummary, SummaryState
from db.unit_of_work import UnitOfWork
from followup.plans import TaskMode
from reports.gathering import Period, goal_line, medicine_lines
from runtime.content.library import Content

_GOALS_SINCE = timedelta(days=365)
_MOST_TOLD = 30
_MOST_FORMS = 12
_GONE = frozenset({AppointmentState.CANCELLED, AppointmentState.ATTENDED, AppointmentState.MISSED})
_WORDS = "stage_summary"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """Whose record is read for whom, in which language."""

    uow: UnitOfWork
    content: Content
    patient: Patient
    scope: frozenset[Matter] | None  # None: the patient himself
    language: str
    zone: ZoneInfo

    def day(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()


def own_page(uow: UnitOfWork, content: Content, patient: Patient, relative: Relative | None, language: str) -> OwnPage:
    """What the patient, or this relative of his, reads now."""
    scope = relative.matters(uow.now) if relative else None
    reading = _Reading(
        uow=uow, content=content, patient=patient, scope=scope, language=language, zone=ZoneInfo(patient.zone)
    )
    parts = parts_for(scope)
    answered, kept_back = _answers(reading) if OwnPart.ANSWERS in parts else ((), False)
    return OwnPage(
        name=patient.name,
        reader=relative.relation if relative else "",
        at=uow.now,
        zone=patient.zone,
        parts=parts,
        appointments=tuple(_appointments(reading)) if OwnPart.APPOINTMENTS in parts else (),
        contacts=tuple(_contacts(reading)) if OwnPart.CONTACTS in parts else (),
        results=tuple(_results(reading)) if OwnPart.RESULTS in parts else (),
        medicines=_medicines(reading) if OwnPart.MEDICINES in parts else (),
        goals=_goals(reading) if OwnPart.GOALS in parts else (),
        advice=_told(reading) if OwnPart.ADVICE in parts else (),
        answers=answered,
        answers_kept_back=kept_back and scope is None,
        summaries=tuple(_summaries(reading)) if OwnPart.SUMMARIES in parts else (),
        listeners=tuple(_listeners(reading)) if OwnPart.LISTENERS in parts else (),
    )


def summary_at(uow: UnitOfWork, content: Content, patient: Patient, place: int) -> StageSummary | None:
    """The patient's own signed summary at a place of his page."""
    standing = _in_order(uow, patient)
    if not 1 <= place <= len(standing):
        return None
    found = standing[place - 1]
    return found if _may_be_opened(content, found) else None


def _appointments(reading: _Reading) -> Iterator[AppointmentLine]:
    ahead = [
        each
        for each in reading.uow.patients.encounters_of(reading.patient.id)
        if each.kind == "appointment"
        and each.appointment_state not in _GONE
        and reading.day(each.occurred_at) >= reading.day(reading.uow.now)
    ]
    for each in sorted(ahead, key=lambda one: (one.occurred_at, one.id)):
        yield AppointmentLine(
            at=each.occurred_at, department=each.department, doctor=each.doctor or "", ward=each.ward or ""
        )


def _contacts(reading: _Reading) -> Iterator[ContactAhead]:
    # Steps of a plan only: a call that an alert led to would tell of the alert.
    owed = [each for each in reading.uow.plans.open_tasks_of_patient(reading.patient.id) if each.step_key]
    for task in sorted(owed, key=lambda one: (one.earliest_at, one.id)):
        form = reading.content.forms.get(task.form or "")
        tell = form is not None and reading.scope is None and not form.sensitive
        yield ContactAhead(
            first_day=reading.day(max(task.earliest_at, reading.uow.now)),
            last_day=reading.day(max(task.latest_at, reading.uow.now)),
            automated=task.mode is TaskMode.AUTOMATED,
            about=form.title[reading.language] if form is not None and tell else "",
        )


def _results(reading: _Reading) -> Iterator[NewestResult]:
    uow, concepts = reading.uow, reading.content.concepts
    words = reading.content.reports[_WORDS]
    shown = [
        code
        for code in uow.observations.codes_of(reading.patient.id)
        if code in concepts and code not in words.results_left_out and code not in _kept_back_codes(reading.content)
    ]
    newest = uow.observations.latest(reading.patient.id, shown, until=uow.now)
    first = {code: place for place, code in enumerate(words.results_first)}
    for code in sorted(newest, key=lambda each: (first.get(each, len(first)), each)):
        result, concept = newest[code], concepts[code]
        if result.value is None or not may_read_result(reading.scope, result):
            continue

        def number(value: float | None, decimals: int = concept.decimals) -> str:
            return "" if value is None else f"{value:.{decimals}f}"

        point = ResultPoint(
            at=result.taken_at,
            value=result.value,
            low=result.reference_low,
            high=result.reference_high,
            source=result.source,
        )
        yield NewestResult(
            name=concept.names[reading.language],
            value=number(result.value),
            unit=words.unit(concept.unit, reading.language),
            low=number(result.reference_low),
            high=number(result.reference_high),
            mark=point.mark,
            on=reading.day(result.taken_at),
            source=words.source_of(result.source, reading.language),
        )


def _medicines(reading: _Reading) -> tuple[MedicineLine, ...]:
    today = reading.day(reading.uow.now)
    period = Period(since=today, until=today, zone=reading.zone)
    return tuple(medicine_lines(reading.uow, reading.patient, period))


def _goals(reading: _Reading) -> tuple[GoalLine, ...]:
    uow, content = reading.uow, reading.content
    today = reading.day(uow.now)
    period = Period(since=today - _GOALS_SINCE, until=today, zone=reading.zone)
    codes = _kept_back_codes(content)
    return tuple(
        goal_line(uow, goal, period, content.concepts, content.reports[_WORDS])
        for goal in uow.goals.of_patient(reading.patient.id)
        if goal.state is not GoalState.CANCELLED
        and (goal.state is GoalState.ACTIVE or reading.day(goal.state_since) >= period.since)
        and not codes.intersection(aim.code for aim in goal.aims)
    )


def _told(reading: _Reading) -> tuple[Told, ...]:
    uow, content = reading.uow, reading.content
    told = []
    for given in uow.advice.of_patient(reading.patient.id):
        article = content.advice.articles.get(given.article_id)
        if given.withdrawn_at is None and article is not None and article.kind is not AdviceKind.MIND:
            told.append(
                Told(title=article.title[reading.language], text=given.text, on=reading.day(given.given_at)),
            )
    for plan in uow.education.of_patient(reading.patient.id):
        programme = content.education.get(plan.programme_id)
        for planned in plan.lessons:
            lesson = programme.lesson(planned.key) if programme else None
            if lesson is not None and planned.given_at is not None:
                told.append(
                    Told(
                        title=lesson.title[reading.language],
                        text=lesson.text[reading.language],
                        on=reading.day(planned.given_at),
                    )
                )
    return tuple(sorted(told, key=lambda each: (each.on, each.title), reverse=True)[:_MOST_TOLD])


def _answers(reading: _Reading) -> tuple[tuple[AnsweredForm, ...], bool]:
    answered: list[AnsweredForm] = []
    kept_back = False
    judged = _judged_by_staff(reading.content)
    for response in reading.uow.responses.of_patient(reading.patient.id):
        form = reading.content.forms.get(response.form_id)
        if form is None or response.state not in (ResponseState.COMPLETED, ResponseState.AMENDED):
            continue
        if form.sensitive:
            kept_back = True
            continue
        lines = tuple(
            (item.text[reading.language], _in_words(item, response.answers[item.link_id], reading))
            for item in enabled_items(form, response.answers)
            if item.link_id in response.answers
            and (form.id, item.link_id) not in judged
            and item.matter is not Matter.PSYCHOLOGY
            and (reading.scope is None or item.matter in reading.scope)
        )
        if lines and len(answered) < _MOST_FORMS:
            answered.append(
                AnsweredForm(
                    title=form.title[reading.language],
                    on=reading.day(response.completed_at or response.changed_at),
                    answers=lines,
                )
            )
    return tuple(answered), kept_back


def _in_words(item: FormItem, value: AnswerValue, reading: _Reading) -> str:
    if item.type is ItemType.CHOICE:
        return next((each.text[reading.language] for each in item.options if each.value == value), str(value))
    if isinstance(value, bool):
        return {"zh": ("否", "是"), "en": ("no", "yes")}[reading.language][value]
    if isinstance(value, (int, float)):
        unit = reading.content.reports[_WORDS].unit(item.unit, reading.language) if item.unit else ""
        return f"{value:g} {unit}".strip()
    return str(value)


def _summaries(reading: _Reading) -> Iterator[SignedSummary]:
    for place, summary in enumerate(_in_order(reading.uow, reading.patient), start=1):
        if _may_be_opened(reading.content, summary) and summary.signed_at is not None:
            yield SignedSummary(
                place=place,
                number=summary.number,
                since=summary.since,
                until=summary.until,
                signed_on=reading.day(summary.signed_at),
                signer=summary.signer_name,
            )


def _in_order(uow: UnitOfWork, patient: Patient) -> list[StageSummary]:
    # All of them, drafts too: a summary keeps its place on the page whatever is signed or withdrawn meanwhile.
    return sorted(uow.summaries.of_patient(patient.id), key=lambda each: (each.created_at, each.id))


def _may_be_opened(content: Content, summary: StageSummary) -> bool:
    if summary.state is not SummaryState.SIGNED:
        return False
    codes = _kept_back_codes(content)
    mind = {each.id for each in content.advice.articles.values() if each.kind is AdviceKind.MIND}
    return not any(line.code in codes for line in summary.facts.results) and not any(
        line.source.split(" ")[0] in mind for line in summary.facts.advice
    )


def _listeners(reading: _Reading) -> Iterator[Listener]:
    for relative in reading.uow.relatives.of_patient(reading.patient.id):
        matters = relative.matters(reading.uow.now)
        if matters:
            yield Listener(
                name=relative.name,
                relation=relative.relation,
                matters=tuple(each for each in Matter if each in matters),
                until=reading.day(relative.expires_at) if relative.expires_at else None,
            )


def _kept_back_codes(content: Content) -> frozenset[str]:
    return frozenset(
        concept.code
        for concept in content.concepts.values()
        if concept.score and content.forms[concept.score.split(".")[0]].sensitive
    )


def _judged_by_staff(content: Content) -> frozenset[tuple[str, str]]:
    """Questions that ask whoever calls how well the patient told a lesson back."""
    return frozenset(
        (lesson.teach_back.form, lesson.teach_back.link_id)
        for programme in content.education.values()
        for lesson in programme.lessons
        if lesson.teach_back is not None
    )
