"""Education: lessons at their days after a moment of an illness, what was understood, and what is told again."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from care.forms import Answers
from care.patients import PatientId


class Moment(StrEnum):
    """After what a programme begins."""

    ADMISSION = "admission"
    BEFORE_OPERATION = "before_operation"
    AFTER_OPERATION = "after_operation"
    DISCHARGE = "discharge"
    REHABILITATION = "rehabilitation"
    ENROLMENT = "enrolment"


class Understanding(StrEnum):
    """How well the patient said back what he had learned."""

    RIGHT = "right"
    PARTLY = "partly"
    WRONG = "wrong"
    NOT_ASKED = "not_asked"


class LessonWay(StrEnum):
    """How a lesson reached the patient."""

    CALL = "call"
    LINK = "link"
    PAPER = "paper"
    VISIT = "visit"


@dataclass(frozen=True, slots=True, kw_only=True)
class TeachBack:
    """The question of a form by which a call finds out what stayed: its answers by how well it was understood."""

    form: str
    link_id: str
    outcomes: dict[str, Understanding]  # the form's answer (true and false for yes and no) → what it means


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """One lesson: when, what it says, and how a call asks for it."""

    key: str
    day: int  # after the moment
    title: dict[str, str]
    text: dict[str, str]
    again: dict[str, str]  # how it is told to somebody who did not understand it
    teach_back: TeachBack | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Programme:
    """What is taught to whom (content/education), reviewed and with a day on which that review ends."""

    id: str
    version: int
    status: str
    source: str
    author: str
    reviewer: str
    reviewed_on: date | None
    expires_on: date
    title: dict[str, str]
    groups: frozenset[str]  # of illnesses; empty: for everybody
    plan_templates: frozenset[str]
    moments: frozenset[Moment]
    lessons: tuple[Lesson, ...]
    quiz: str | None  # the form asked before and after
    quiz_score: str | None
    reteach_working_days: int

    def lesson(self, key: str) -> Lesson | None:
        """The lesson with this key."""
        return next((lesson for lesson in self.lessons if lesson.key == key), None)

    def expired(self, today: date) -> bool:
        """Whether somebody has to look it over before it is used again."""
        return today > self.expires_on


@dataclass(kw_only=True, eq=False)
class EducationPlan:
    """A programme for one patient."""

    id: str
    patient_id: PatientId
    programme_id: str
    programme_version: int
    moment: Moment
    anchor_on: date
    started_at: datetime
    started_by: str
    ended_at: datetime | None = None
    ended_because: str = ""
    lessons: list["PlannedLesson"] = field(default_factory=list)


@dataclass(kw_only=True, eq=False)
class PlannedLesson:
    """A lesson on its day; one told again is a row of its own that names the first."""

    id: str
    plan_id: str
    key: str
    due_on: date
    again_of: str | None = None
    given_at: datetime | None = None
    given_by: str | None = None
    way: LessonWay | None = None
    opened_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """What one answer says of one lesson."""

    lesson_key: str
    link_id: str
    understanding: Understanding


@dataclass(frozen=True, slots=True, kw_only=True)
class QuizTrend:
    """How a patient's quiz went: the first time, the last, and all between."""

    points: tuple[tuple[datetime, float], ...]

    @property
    def before(self) -> float | None:
        """The first score."""
        return self.points[0][1] if self.points else None

    @property
    def after(self) -> float | None:
        """The last of several scores."""
        return self.points[-1][1] if len(self.points) > 1 else None

    @property
    def change(self) -> float | None:
        """By how much it rose."""
        return None if self.before is None or self.after is None else self.after - self.before


def planned_days(programme: Programme, anchor_on: date) -> tuple[tuple[str, date], ...]:
    """Each lesson and its day."""
    return tuple((lesson.key, anchor_on + timedelta(days=lesson.day)) for lesson in programme.lessons)


def understood_in(programme: Programme, form_id: str, answers: Answers) -> tuple[Understood, ...]:
    """What the answers to a form say of the programme's lessons; what was not asked says nothing."""
    found = []
    for lesson in programme.lessons:
        asked = lesson.teach_back
        if asked is None or asked.form != form_id or asked.link_id not in answers:
            continue
        given = answers[asked.link_id]
        answer = str(given).lower() if isinstance(given, bool) else str(given)
        outcome = asked.outcomes.get(answer, Understanding.NOT_ASKED)
        if outcome is not Understanding.NOT_ASKED:
            found.append(Understood(lesson_key=lesson.key, link_id=asked.link_id, understanding=outcome))
    return tuple(found)


def needs_reteaching(understanding: Understanding) -> bool:
    """Whether it has to be told again."""
    return understanding in (Understanding.WRONG, Understanding.PARTLY)


def suiting_programmes(
    programmes: Sequence[Programme], *, groups: frozenset[str], plan_templates: frozenset[str], today: date
) -> tuple[Programme, ...]:
    """Those for a patient with these illnesses or plans; what has expired is left out."""
    return tuple(
        one
        for one in programmes
        if not one.expired(today)
        and (
            not (one.groups or one.plan_templates)
            or bool(one.groups & groups)
            or bool(one.plan_templates & plan_templates)
        )
    )
