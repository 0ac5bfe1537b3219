"""Advice: the vetted texts, which of them suit a patient, which are withheld from him and why, and what he was told."""

from datetime import date
from typing import Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant
from api.permissions import CareTeam, CareTeamCommanding, Everybody
from api.problems import Kind, Problem, problems
from api.routes.medicines import tell_of_record
from api.wiring import wiring_of
from care.advice import AdviceKind, Article, Choice, Fit, GivenAdvice, PersonFacts, choose, judge
from care.education import LessonWay
from care.patients import Patient
from db.unit_of_work import UnitOfWork
from record.advice import facts_of, written_facts
from runtime.content.documents import Wording
from runtime.content.library import Content
from runtime.identifiers import new_id

router = APIRouter(tags=["advice"], route_class=Route)


class GiveAsk(Ask):
    """A text that is told or handed to a patient."""

    article: str
    way: LessonWay
    language: Literal["zh", "en"] | None = None  # the patient's, if not said
    attempt_id: Id | None = None


class ArticleAnswer(Answer):
    """A text with who wrote and reviewed it and the day its review ends."""

    id: str
    version: int
    status: str
    source: str
    author: str
    reviewer: str
    reviewed_on: date | None
    expires_on: date
    expired: bool
    kind: AdviceKind
    title: dict[str, str]
    text: dict[str, str]


class ArticlesAnswer(Answer):
    """Every text, in order of id, and the sentence that stands under each."""

    articles: list[ArticleAnswer]
    reminder: Wording


class ChoiceAnswer(Answer):
    """An article, whether it is for this patient, and the facts that say so; withheld, it comes without its text."""

    article: str
    version: int
    kind: AdviceKind
    title: dict[str, str]
    text: dict[str, str] | None
    fit: Fit
    because: list[str]
    review_overdue: bool


class GivenAnswer(Answer):
    """What a patient was told, word for word, and whether it was taken back."""

    id: str
    article_id: str
    article_version: int
    language: str
    text: str
    way: LessonWay
    attempt_id: str | None
    given_at: Instant
    given_by: str
    withdrawn_at: Instant | None
    withdrawn_because: list[str]
    request_id: str | None


class PatientAdviceAnswer(Answer):
    """What suits a patient, what is withheld, what he was told."""

    advice: list[ChoiceAnswer]
    given: list[GivenAnswer]
    facts: dict[str, object]
    reminder: Wording


@router.get("/advice-articles")
def list_articles(caller: Everybody, request: Request, uow: Work) -> ArticlesAnswer:  # noqa: ARG001
    """The whole library of vetted texts; expired ones are marked, and nobody is given them."""
    wiring = wiring_of(request)
    library = wiring.content.advice
    today = uow.now.astimezone(wiring.zone).date()
    return ArticlesAnswer(
        articles=[_article(one, today) for _, one in sorted(library.articles.items())], reminder=library.reminder
    )


@router.get("/patients/{patient_id}/advice", responses=problems(Kind.UNKNOWN_PATIENT))
def list_advice(patient_id: Id, caller: CareTeam, request: Request, uow: Work) -> PatientAdviceAnswer:
    """The texts for a patient by what is known of him today."""
    content = wiring_of(request).content
    patient = found.patient(uow, patient_id)
    facts = facts_of(uow, content, patient)
    choices = choose(content.advice.articles.values(), content.advice.hazards, facts, _today(uow, patient))
    _audit(uow, caller, "advice_viewed", "patient", patient.id, patient.id)
    return PatientAdviceAnswer(
        advice=[_choice(one) for one in choices],
        given=[GivenAnswer.model_validate(one) for one in uow.advice.of_patient(patient.id)],
        facts=written_facts(facts),
        reminder=content.advice.reminder,
    )


@router.post(
    "/patients/{patient_id}/advice",
    status_code=201,
    responses=problems(
        Kind.UNKNOWN_PATIENT, Kind.UNKNOWN_ARTICLE, Kind.UNKNOWN_ATTEMPT, Kind.NOT_YOURS, Kind.ADVICE_WITHHELD
    ),
)
def give_advice(patient_id: Id, ask: GiveAsk, caller: CareTeamCommanding, request: Request, uow: Work) -> GivenAnswer:
    """Note that a patient was given a text. What is not for him is refused with the reason; nobody can override it."""
    content = wiring_of(request).content
    patient = found.patient(uow, patient_id)
    if ask.attempt_id is not None:
        attempt = found.own_attempt(uow, ask.attempt_id, caller)
        if attempt.patient_id != patient.id:
            raise Problem.of(Kind.INVALID_REQUEST, "attempt_id", "this is another patient's call")
    facts = facts_of(uow, content, patient)
    choice = _chosen(content, facts, _today(uow, patient), ask.article)
    if not choice.may_be_given:
        raise Problem.of(
            Kind.ADVICE_WITHHELD,
            "article",
            f"this text is {choice.fit.value} for this patient ({'; '.join(choice.because)}); choose another, or put "
            "the question to a doctor",
        )
    language = ask.language or ("zh" if patient.language == "zh" else "en")
    given = GivenAdvice(
        id=new_id(),
        patient_id=patient.id,
        article_id=choice.article.id,
        article_version=choice.article.version,
        language=language,
        text=choice.article.text[language],
        facts=written_facts(facts),
        way=ask.way,
        attempt_id=ask.attempt_id,
        given_at=uow.now,
        given_by=caller.user_id,
    )
    uow.advice.add(given)
    uow.flush()
    # What became known while the text was chosen did not know of it yet: the record is followed once more.
    tell_of_record(uow, patient.id)
    _audit(uow, caller, "advice_given", "advice", given.id, patient.id)
    return GivenAnswer.model_validate(given)


def _chosen(content: Content, facts: PersonFacts, today: date, article_id: str) -> Choice:
    article = content.advice.articles.get(article_id)
    if article is None:
        raise Problem.of(
            Kind.UNKNOWN_ARTICLE, "article", "there is no such text; GET /api/v1/advice-articles lists them"
        )
    choice = judge(article, content.advice.hazards, facts, today)
    if choice is None:
        raise Problem.of(
            Kind.ADVICE_WITHHELD,
            "article",
            "nothing that is known of this patient calls for this text; GET /api/v1/patients/{patient_id}/advice lists "
            "those that suit him",
        )
    return choice


def _today(uow: UnitOfWork, patient: Patient) -> date:
    return uow.now.astimezone(ZoneInfo(patient.zone)).date()


def _article(one: Article, today: date) -> ArticleAnswer:
    plain = {name: getattr(one, name) for name in ArticleAnswer.model_fields if name != "expired"}
    return ArticleAnswer(**plain, expired=today > one.expires_on)


def _choice(one: Choice) -> ChoiceAnswer:
    return ChoiceAnswer(
        article=one.article.id,
        version=one.article.version,
        kind=one.article.kind,
        title=dict(one.article.title),
        text=dict(one.article.text) if one.may_be_given else None,
        fit=one.fit,
        because=list(one.because),
        review_overdue=one.review_overdue,
    )


def _audit(uow: UnitOfWork, caller: Caller, action: str, kind: str, subject: str, patient_id: str) -> None:
    uow.audit.note(user_id=caller.user_id, action=action, subject_kind=kind, subject=subject, patient_id=patient_id)
