"""Reading a patient's record for one period: the numbers of a stage summary. The same record gives the same facts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from care.concepts import Concept
from care.goals import Goal, GoalState, Target
from care.history import EntryState, HistoryKind
from care.medicines import MedicineState, coverage_of
from care.observations import Observation
from care.patients import Patient
from care.responses import ResponseMode, ResponseState
from care.stage_facts import (
    AdviceLine,
    ConditionLine,
    ContactLine,
    ContactWay,
    GoalLine,
    MedicineLine,
    PersonFacts,
    ResultLine,
    ResultPoint,
    RiskLine,
    StageFacts,
    Words,
    ordered,
)
from db.result_trends import marked
from db.unit_of_work import UnitOfWork
from followup.messages import MessageState
from followup.outcomes import REACHED_A_PERSON
from followup.plans import TaskMode
from runtime.content.library import Content
from runtime.content.reports import ReportDocument

_MOST_POINTS = 2000
"""Of one concept: five readings a day for a year. What is older within the period is left out."""
_SENT = frozenset({MessageState.SENT, MessageState.DELIVERED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Whole days of the hospital's calendar."""

    since: date
    until: date  # the last that counts
    zone: ZoneInfo

    @property
    def begins(self) -> datetime:
        """Midnight of the first day."""
        return datetime.combine(self.since, time(), self.zone)

    @property
    def ends(self) -> datetime:
        """Midnight after the last day."""
        return datetime.combine(self.until + timedelta(days=1), time(), self.zone)

    def holds(self, at: datetime | None) -> bool:
        """True if the instant lies in it."""
        return at is not None and self.begins <= at < self.ends


def gather(uow: UnitOfWork, content: Content, patient: Patient, period: Period) -> StageFacts:
    """Everything that the record says of these days, as of now."""
    words = content.reports["stage_summary"]
    concepts = content.concepts
    return StageFacts(
        person=PersonFacts(name=patient.name, record_number=patient.record_number, sex=patient.sex, born=patient.born),
        since=period.since,
        until=period.until,
        zone=period.zone.key,
        gathered_at=uow.now,
        conditions=tuple(_entries(uow, patient, HistoryKind.CONDITION)),
        allergies=tuple(_entries(uow, patient, HistoryKind.ALLERGY)),
        goals=tuple(
            goal_line(uow, goal, period, concepts, words)
            for goal in reversed(uow.goals.of_patient(patient.id))
            if _concerns(goal, period)
        ),
        results=ordered(list(_results(uow, patient, period, concepts, words)), words.results_first),
        medicines=tuple(medicine_lines(uow, patient, period)),
        contacts=tuple(sorted(_contacts(uow, patient, period), key=lambda line: (line.at, line.way, line.outcome))),
        risks=tuple(_risks(uow, patient, period, words)),
        advice=tuple(_advice(uow, content, patient, period)),
    )


def _entries(uow: UnitOfWork, patient: Patient, kind: HistoryKind) -> Iterator[ConditionLine]:
    held = [each for each in uow.history.current_of(patient.id, kind) if each.state is EntryState.ACTIVE]
    # What several sources say is one line, that of the earliest.
    seen: set[str] = set()
    for entry in sorted(held, key=lambda each: (each.since or date.max, each.recorded_at, each.id)):
        key = entry.code or entry.name
        if key not in seen:
            seen.add(key)
            yield ConditionLine(name=entry.name, code=entry.code, since=entry.since, source=entry.source)


def _concerns(goal: Goal, period: Period) -> bool:
    if goal.starts_on > period.until:
        return False
    return goal.state is GoalState.ACTIVE or goal.state_since.astimezone(period.zone).date() >= period.since


def goal_line(
    uow: UnitOfWork, goal: Goal, period: Period, concepts: Mapping[str, Concept], words: ReportDocument
) -> GoalLine:
    """A goal in both languages, with the newest result up to the period's end."""
    latest = uow.observations.latest(goal.patient_id, [aim.code for aim in goal.aims], until=period.ends)
    found = [latest[aim.code] for aim in goal.aims if aim.code in latest]
    settled = None if goal.state is GoalState.ACTIVE else goal.state_since.astimezone(period.zone).date()
    return GoalLine(
        name=Words(zh=goal.title["zh"], en=goal.title["en"]),
        target=Words(zh=_target(goal, concepts, words, "zh"), en=_target(goal, concepts, words, "en")),
        state=goal.state,
        set_on=goal.set_at.astimezone(period.zone).date(),
        due_on=goal.due_on,
        settled_on=settled,
        latest="; ".join(_measured(each, concepts, words) for each in found),
        latest_at=max((each.taken_at for each in found), default=None),
    )


def _target(goal: Goal, concepts: Mapping[str, Concept], words: ReportDocument, language: str) -> str:
    def aim(target: Target) -> str:
        concept = concepts.get(target.code)
        name = concept.names[language] if concept else target.code
        unit = words.unit(concept.unit, language) if concept else ""
        return f"{name} {target.comparator.value} {target.value:g} {unit}".strip()

    aims = [aim(each) for each in goal.aims]
    if goal.readings > 1:
        aims.append(words.label("goal_readings", language, days=goal.readings))
    return ("，" if language == "zh" else ", ").join(aims)


def _measured(observation: Observation, concepts: Mapping[str, Concept], words: ReportDocument) -> str:
    concept = concepts.get(observation.code)
    decimals = concept.decimals if concept else 2
    unit = words.unit(observation.unit, "en") if observation.unit != "1" else ""
    return f"{observation.text or f'{observation.value:.{decimals}f}'} {unit}".strip()


def _results(
    uow: UnitOfWork, patient: Patient, period: Period, concepts: Mapping[str, Concept], words: ReportDocument
) -> Iterator[ResultLine]:
    for code in sorted(uow.observations.codes_of(patient.id)):
        concept = concepts.get(code)
        if concept is None or code in words.results_left_out:
            continue
        series = uow.observations.series(patient.id, code, period.begins, until=period.ends, limit=_MOST_POINTS)
        points = tuple(
            ResultPoint(
                at=each.taken_at,
                value=each.value,
                text=each.text,
                low=held.low,
                high=held.high,
                source=each.source,
            )
            for each, held in ((each, marked(concept, each, patient)) for each in series)
            if each.value is not None
        )
        if points:
            yield ResultLine(
                code=code,
                name=Words(zh=concept.names["zh"], en=concept.names["en"]),
                unit=concept.unit,
                decimals=concept.decimals,
                points=points,
            )


def medicine_lines(uow: UnitOfWork, patient: Patient, period: Period) -> Iterator[MedicineLine]:
    """Medicines that are taken now, each once, with the days covered in the period."""
    dispenses = uow.medicines.dispenses_of(patient.id, since=period.since)
    coverage = coverage_of(dispenses, starts_on=period.since, ends_on=period.until)
    by_code = {each.code or each.name: each.share for each in coverage}
    taken = [each for each in uow.medicines.current_of(patient.id) if each.state is MedicineState.ACTIVE]
    seen: set[str] = set()
    for statement in sorted(taken, key=lambda each: (each.since or date.max, each.name, each.id)):
        key = statement.code or statement.name
        if key not in seen:
            seen.add(key)
            yield MedicineLine(
                name=statement.name,
                dose=" ".join(part for part in (statement.dose, statement.schedule) if part),
                since=statement.since,
                covered=by_code.get(key),
                source=statement.source,
            )


def _contacts(uow: UnitOfWork, patient: Patient, period: Period) -> Iterator[ContactLine]:
    queues = {queue.id: queue.mode for queue in uow.queues.all()}
    for attempt in uow.attempts.of_patient(patient.id):
        if attempt.outcome is not None and period.holds(attempt.reserved_at):
            automated = queues.get(attempt.queue_id) is TaskMode.AUTOMATED
            yield ContactLine(
                at=attempt.reserved_at,
                way=ContactWay.AUTOMATED if automated else ContactWay.CALL,
                outcome=attempt.outcome.value,
                reached=attempt.outcome in REACHED_A_PERSON,
            )
    for response in uow.responses.of_patient(patient.id):
        by_himself = response.completed_mode in (ResponseMode.LINK, ResponseMode.PAPER)
        if response.state is not ResponseState.IN_PROGRESS and by_himself and period.holds(response.completed_at):
            at = response.completed_at or response.changed_at
            yield ContactLine(at=at, way=ContactWay.FORM, outcome="form-completed", reached=True)
    for message in uow.messages.of_patient(patient.id):
        if message.state in _SENT and message.sent_at is not None and period.holds(message.sent_at):
            yield ContactLine(at=message.sent_at, way=ContactWay.MESSAGE, outcome="message-sent", reached=False)


def _risks(uow: UnitOfWork, patient: Patient, period: Period, words: ReportDocument) -> Iterator[RiskLine]:
    for assessment in reversed(uow.risk.current_of(patient.id)):
        if not period.holds(assessment.assessed_at):
            continue
        unit = words.unit(assessment.unit, "en") if assessment.unit not in ("", "1") else ""
        yield RiskLine(
            name=_titled(assessment.titles.get("model"), assessment.model),
            value=f"{round(assessment.value, 2):g} {unit}".strip(),
            band=_titled(assessment.titles.get("band"), assessment.band or ""),
            at=assessment.assessed_at,
            source=f"{assessment.model} v{assessment.model_version}",
        )


def _titled(titles: Mapping[str, str] | None, otherwise: str) -> Words:
    found = titles or {}
    return Words(zh=found.get("zh", otherwise), en=found.get("en", otherwise))


def _advice(uow: UnitOfWork, content: Content, patient: Patient, period: Period) -> Iterator[AdviceLine]:
    for given in reversed(uow.advice.of_patient(patient.id)):
        if given.withdrawn_at is not None or not period.holds(given.given_at):
            continue
        yield AdviceLine(
            title=_title_of(content, given.article_id),
            text=Words(zh=given.text, en=given.text),
            given_on=given.given_at.astimezone(period.zone).date(),
            source=f"{given.article_id} v{given.article_version}",
        )


def _title_of(content: Content, article_id: str) -> Words:
    article = content.advice.articles.get(article_id)
    # An article that is not kept any more has its text still, as it was given.
    return Words(zh=article.title["zh"], en=article.title["en"]) if article else Words(zh="", en="")
