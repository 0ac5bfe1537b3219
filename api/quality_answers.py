"""How scores, their cards and their stories are told."""

from api.fields import Answer, Id, Instant
from api.problems import Kind, Problem
from db.unit_of_work import UnitOfWork
from followup.quality_scores import QualityScore
from followup.scorecards import MarkKind, QualityState, Scorecard
from runtime.content.documents import Wording
from runtime.content.library import Content
from runtime.content.scorecards import ScorecardDocument


class CardItemAnswer(Answer):
    """One thing to judge; a fatal one that is not met makes the score nought."""

    code: str
    weight: float
    fatal: bool
    may_not_apply: bool
    title: Wording
    help: Wording


class ScorecardAnswer(Answer):
    """One version of a card."""

    id: str
    version: int
    status: str
    title: Wording
    items: list[CardItemAnswer]


class ItemMarkAnswer(Answer):
    """A mark, and the second of the recording that shows it."""

    item: str
    mark: MarkKind
    at_second: float | None
    remark: str


class QualityScoreAnswer(Answer):
    """A score. `value`: of 100; None in a draft and where nothing applied. `value_before`: before an appeal."""

    id: str
    attempt_id: str
    recording_id: str | None
    agent_id: str
    agent_name: str
    grader_id: str
    grader_name: str
    card: str
    card_version: int
    card_title: Wording
    round_id: str | None
    state: QualityState
    value: float | None
    value_before: float | None
    fatal: list[str]
    begun_at: Instant
    changed_at: Instant
    given_at: Instant | None
    answered_at: Instant | None
    decided_at: Instant | None


class ScoreStoryLineAnswer(Answer):
    """One line of a score's story."""

    at: Instant
    kind: str
    user_name: str
    detail: dict[str, object]


class FullQualityScoreAnswer(QualityScoreAnswer):
    """A score with its card, marks, appeal, decision and story."""

    patient_id: Id
    call_at: Instant
    seconds: float | None
    marks: list[ItemMarkAnswer]
    remark: str
    appeal: str
    decision: str
    card_items: list[CardItemAnswer]
    story: list[ScoreStoryLineAnswer]


def document_of(content: Content, card: str) -> ScorecardDocument:
    """The card with this id as it is now."""
    found = content.scorecards.get(card)
    if found is None:
        raise Problem.of(
            Kind.UNKNOWN_SCORECARD, "card", "there is no such scorecard; GET /api/v1/scorecards lists them"
        )
    return found


def use(uow: UnitOfWork, document: ScorecardDocument) -> Scorecard:
    """The card, kept as it is from its first use on; a problem where its words or weights moved without a version."""
    kept = uow.quality.keep_card(document.id, document.version, document.model_dump(mode="json"), uow.now)
    if ScorecardDocument.model_validate(kept).items != document.items:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW,
            "card",
            f"content/scorecards/{document.id}.yaml was changed and is still version {document.version}; raise its "
            "version, so that earlier scores keep what they were made with",
        )
    return document.value()


def kept(uow: UnitOfWork, score: QualityScore) -> ScorecardDocument:
    """The card as it was when the score was begun."""
    return ScorecardDocument.model_validate(uow.quality.card(score.card, score.card_version))


def card_answer(document: ScorecardDocument) -> ScorecardAnswer:
    """A card."""
    return ScorecardAnswer(
        id=document.id,
        version=document.version,
        status=document.status,
        title=document.title,
        items=[CardItemAnswer.model_validate(item) for item in document.items],
    )


def name_of(uow: UnitOfWork, user_id: str | None) -> str:
    """A user's name, empty for nobody."""
    user = uow.users.get(user_id) if user_id else None
    return user.display_name if user else ""


def score_answer(uow: UnitOfWork, score: QualityScore) -> QualityScoreAnswer:
    """A score in short."""
    return QualityScoreAnswer(**_shown(uow, score))


def full_score(uow: UnitOfWork, score: QualityScore) -> FullQualityScoreAnswer:
    """A score with everything."""
    uow.flush()
    attempt = uow.attempts.get(score.attempt_id)
    recording = uow.recordings.get(score.recording_id) if score.recording_id else None
    document = kept(uow, score)
    return FullQualityScoreAnswer(
        **_shown(uow, score),
        patient_id=score.patient_id,
        call_at=attempt.closed_at or attempt.reserved_at if attempt else score.begun_at,
        seconds=recording.seconds if recording else None,
        marks=[ItemMarkAnswer.model_validate(mark) for mark in score.marks],
        remark=score.remark,
        appeal=score.appeal,
        decision=score.decision,
        card_items=card_answer(document).items,
        story=[
            ScoreStoryLineAnswer(at=line.at, kind=line.kind, user_name=name_of(uow, line.user_id), detail=line.detail)
            for line in uow.quality.story(score.id)
        ],
    )


def _shown(uow: UnitOfWork, score: QualityScore) -> dict[str, object]:
    own = ("agent_name", "grader_name", "card_title")
    return {
        **{name: getattr(score, name) for name in QualityScoreAnswer.model_fields if name not in own},
        "agent_name": name_of(uow, score.agent_id),
        "grader_name": name_of(uow, score.grader_id),
        "card_title": kept(uow, score).title,
    }
