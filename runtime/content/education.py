"""content/education: programmes of lessons, each with the question by which a call asks what stayed of it."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Self

from pydantic import Field, model_validator

from care.education import Lesson, Moment, Programme, TeachBack, Understanding
from care.forms import Form, ItemType
from runtime.content.documents import ContentError, Head, Strict, Wording


class TeachBackDocument(Strict):
    form: str
    item: str
    outcomes: dict[str, Understanding] = Field(min_length=2)


class LessonDocument(Strict):
    key: str = Field(pattern=r"^[a-z][a-z0-9_]{1,63}$")
    day: int = Field(ge=0, le=400)
    title: Wording
    text: Wording
    again: Wording
    teach_back: TeachBackDocument | None = None

    def made(self) -> Lesson:
        asked = self.teach_back
        return Lesson(
            key=self.key,
            day=self.day,
            title={"zh": self.title.zh, "en": self.title.en},
            text={"zh": self.text.zh, "en": self.text.en},
            again={"zh": self.again.zh, "en": self.again.en},
            teach_back=TeachBack(form=asked.form, link_id=asked.item, outcomes=dict(asked.outcomes)) if asked else None,
        )


class QuizDocument(Strict):
    form: str
    score: str


class ProgrammeDocument(Head):
    author: str = Field(min_length=2)
    reviewer: str = Field(min_length=2)
    reviewed_on: date | None
    expires_on: date
    title: Wording
    groups: tuple[str, ...] = ()
    plan_templates: tuple[str, ...] = ()
    moments: tuple[Moment, ...] = Field(min_length=1)
    reteach_working_days: int = Field(ge=0, le=30)
    quiz: QuizDocument | None = None
    lessons: tuple[LessonDocument, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        keys = [lesson.key for lesson in self.lessons]
        if len(set(keys)) != len(keys):
            raise ValueError("two lessons have one key")
        days = [lesson.day for lesson in self.lessons]
        if days != sorted(days):
            raise ValueError("lessons stand in order of their days")
        if self.status == "active" and self.reviewed_on is None:
            raise ValueError("an active programme needs reviewed_on")
        return self

    def made(self) -> Programme:
        return Programme(
            id=self.id,
            version=self.version,
            status=self.status,
            source=self.source,
            author=self.author,
            reviewer=self.reviewer,
            reviewed_on=self.reviewed_on,
            expires_on=self.expires_on,
            title={"zh": self.title.zh, "en": self.title.en},
            groups=frozenset(self.groups),
            plan_templates=frozenset(self.plan_templates),
            moments=frozenset(self.moments),
            lessons=tuple(lesson.made() for lesson in self.lessons),
            quiz=self.quiz.form if self.quiz else None,
            quiz_score=f"{self.quiz.form}.{self.quiz.score}" if self.quiz else None,
            reteach_working_days=self.reteach_working_days,
        )


def programmes_of(
    documents: Iterable[ProgrammeDocument],
    *,
    forms: Mapping[str, Form],
    groups: Iterable[str],
    plan_templates: Iterable[str],
) -> dict[str, Programme]:
    """The programmes by id; ContentError for a question that no form asks or an answer that it does not have."""
    found = {}
    for document in documents:
        where = f"content/education: {document.id}"
        for names, known, what in (
            (document.groups, groups, "group of illnesses"),
            (document.plan_templates, plan_templates, "plan template"),
        ):
            if unknown := sorted(set(names) - set(known)):
                raise ContentError(f"{where} names {', '.join(unknown)}: there is no such {what}")
        for lesson in document.lessons:
            if lesson.teach_back is not None:
                _check_question(f"{where}, lesson {lesson.key}", lesson.teach_back, forms)
        if document.quiz is not None:
            form = forms.get(document.quiz.form)
            if form is None or document.quiz.score not in {score.id for score in form.scores}:
                raise ContentError(
                    f"{where}: the quiz {document.quiz.form} has no score {document.quiz.score}; name a form with one"
                )
        found[document.id] = document.made()
    return found


def _check_question(where: str, asked: TeachBackDocument, forms: Mapping[str, Form]) -> None:
    form = forms.get(asked.form)
    item = form.item(asked.item) if form is not None else None
    if item is None:
        raise ContentError(f"{where} asks {asked.form}.{asked.item}, which no form has; add the question to the form")
    answers = {"true", "false"} if item.type is ItemType.BOOLEAN else {option.value for option in item.options}
    if answers != set(asked.outcomes):
        raise ContentError(
            f"{where}: outcomes must name each answer of {asked.form}.{asked.item}: {', '.join(sorted(answers))}"
        )
    if not {Understanding.WRONG, Understanding.RIGHT} <= set(asked.outcomes.values()):
        raise ContentError(f"{where}: outcomes must tell right from wrong")
