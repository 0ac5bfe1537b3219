"""Scores of calls: marked by a supervisor, given to the agent, acknowledged or appealed against; trends."""

from collections import defaultdict
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field, StringConstraints

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Limit, Words
from api.permissions import AgentCommanding, Allowed, SupervisorCommanding, SupervisorOnly
from api.problems import Kind, Problem, problems
from api.quality_answers import (
    FullQualityScoreAnswer,
    QualityScoreAnswer,
    ScorecardAnswer,
    card_answer,
    document_of,
    full_score,
    kept,
    name_of,
    score_answer,
    use,
)
from api.wiring import wiring_of
from db.unit_of_work import UnitOfWork
from db.users import Role
from followup.quality_scores import AppealRefusedError, GradingRound, MeanScore, QualityScore, mean_score
from followup.scorecards import (
    CardScore,
    ItemMark,
    MarkKind,
    MarksRefusedError,
    QualityState,
    Scorecard,
    check_marks,
    score_of,
)
from followup.states import IllegalTransitionError
from runtime.identifiers import new_id

router = APIRouter(tags=["quality"], route_class=Route)

Judged = Annotated[Caller, Depends(Allowed(Role.AGENT, Role.SUPERVISOR))]
_GIVEN = tuple(state for state in QualityState if state is not QualityState.DRAFT)


class MarkAsk(Ask):
    """One mark; `at_second` is the place in the recording that shows it."""

    item: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    mark: MarkKind
    at_second: Annotated[float | None, Field(ge=0, le=86_400)] = None
    remark: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)] = ""


Marks = Annotated[tuple[MarkAsk, ...], Field(max_length=60)]


class ScoreAsk(Ask):
    """Which call is judged by which card; in a round, for its agreement only."""

    attempt_id: Id
    card: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    round_id: Id | None = None


class DraftAsk(Ask):
    """The marks so far; items may be open."""

    marks: Marks
    remark: Annotated[str, StringConstraints(strip_whitespace=True, max_length=10_000)] = ""


class AppealAsk(Ask):
    """Why the agent does not agree."""

    text: Words


class AppealDecisionAsk(Ask):
    """What a second person decided; with `marks` the score becomes another one."""

    text: Words
    marks: Marks | None = None


class ScorecardsAnswer(Answer):
    """The cards that calls can be judged by."""

    cards: list[ScorecardAnswer]


class ScoresAnswer(Answer):
    """Scores, newest first; ask on with before=`next`."""

    scores: list[QualityScoreAnswer]
    next: Instant | None


class QualityMeanAnswer(Answer):
    """A mean of scores with its interval (95 %); `few`: too few to compare by."""

    scores: int
    mean: float | None
    low: float | None
    high: float | None
    fatal: int
    few: bool


class QualityMonthAnswer(QualityMeanAnswer):
    """One month of the hospital's calendar, as 2026-11."""

    month: str


class AgentTrendAnswer(Answer):
    """An agent's months, and all of them together."""

    agent_id: str
    agent_name: str
    whole: QualityMeanAnswer
    months: list[QualityMonthAnswer]


class QualityTrendsAnswer(Answer):
    """Every agent who was judged in the period; by month of the day on which a score was given."""

    agents: list[AgentTrendAnswer]
    months: list[str]


@router.get("/scorecards")
def list_scorecards(caller: Judged, request: Request) -> ScorecardsAnswer:  # noqa: ARG001
    """What calls are judged by."""
    cards = wiring_of(request).content.scorecards
    return ScorecardsAnswer(cards=[card_answer(document) for document in cards.values()])


@router.post(
    "/quality/scores",
    status_code=201,
    responses=problems(
        Kind.UNKNOWN_ATTEMPT, Kind.UNKNOWN_SCORECARD, Kind.UNKNOWN_GRADING_ROUND, Kind.NOT_POSSIBLE_NOW, Kind.NOT_YOURS
    ),
)
def begin_score(ask: ScoreAsk, caller: SupervisorCommanding, request: Request, uow: Work) -> FullQualityScoreAnswer:
    """Begin to judge a call; a call that is judged by this card already answers with that score."""
    attempt = found.attempt(uow, ask.attempt_id)
    grading = _round_for(uow, ask, caller) if ask.round_id else None
    known = uow.quality.score_of_call(attempt.id, ask.card, round_id=ask.round_id, grader_id=caller.user_id)
    if known is not None:
        _audit(uow, caller, "score_viewed", known)
        return full_score(uow, known)
    if attempt.agent_id is None:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "attempt_id", "no agent spoke in it; a machine's call is not judged")
    if attempt.agent_id == caller.user_id:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "attempt_id", "nobody judges his own call; ask another supervisor")
    call = uow.calls.of_attempt(attempt.id)
    if call is None or call.answered_at is None:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW, "attempt_id", "nobody answered: there is no talk to judge; see /quality/doubts"
        )
    document = document_of(wiring_of(request).content, ask.card)
    card = use(uow, document)
    recording = uow.recordings.of_call(call.id)
    score = QualityScore(
        id=new_id(),
        attempt_id=attempt.id,
        recording_id=recording.id if recording is not None else None,
        patient_id=attempt.patient_id,
        agent_id=attempt.agent_id,
        card=card.id,
        card_version=grading.card_version if grading is not None else card.version,
        round_id=ask.round_id,
        grader_id=caller.user_id,
        begun_at=uow.now,
        changed_at=uow.now,
    )
    uow.quality.add(score)
    _tell(uow, caller, score, "begun")
    return full_score(uow, score)


@router.get("/quality/scores")
def list_scores(
    caller: Judged,
    uow: Work,
    agent_id: Id | None = None,
    attempt_id: Id | None = None,
    state: QualityState | None = None,
    before: Instant | None = None,
    limit: Limit = 50,
) -> ScoresAnswer:
    """Scores outside rounds; an agent sees his own, once they are given."""
    states: tuple[QualityState, ...] = (state,) if state is not None else ()
    if not caller.oversees:
        agent_id, states = caller.user_id, tuple(each for each in states or _GIVEN if each in _GIVEN) or _GIVEN
    page = uow.quality.scores(agent_id=agent_id, attempt_id=attempt_id, states=states, before=before, limit=limit + 1)
    seen = [each for each in page[:limit] if _is_open(uow, caller, each)]
    for each in seen:
        _audit(uow, caller, "score_viewed", each)
    return ScoresAnswer(
        scores=[score_answer(uow, each) for each in seen], next=page[limit - 1].begun_at if len(page) > limit else None
    )


@router.get("/quality/scores/{score_id}", responses=problems(Kind.UNKNOWN_SCORE))
def read_score(score_id: Id, caller: Judged, uow: Work) -> FullQualityScoreAnswer:
    """A score with its card, marks and story."""
    score = _visible(uow, caller, uow.quality.score(score_id))
    _audit(uow, caller, "score_viewed", score)
    return full_score(uow, score)


@router.put("/quality/scores/{score_id}", responses=problems(Kind.UNKNOWN_SCORE, Kind.NOT_POSSIBLE_NOW, Kind.NOT_YOURS))
def save_marks(score_id: Id, ask: DraftAsk, caller: SupervisorOnly, uow: Work) -> FullQualityScoreAnswer:
    """Save the marks of one's own draft."""
    score = _own_draft(uow, caller, score_id)
    marks = _marks(ask.marks)
    _checked(kept(uow, score).value(), marks)
    score.marks, score.remark, score.changed_at = marks, ask.remark, uow.now
    _audit(uow, caller, "score_marked", score)
    return full_score(uow, score)


@router.post(
    "/quality/scores/{score_id}/give", responses=problems(Kind.UNKNOWN_SCORE, Kind.NOT_POSSIBLE_NOW, Kind.NOT_YOURS)
)
def give_score(score_id: Id, caller: SupervisorCommanding, uow: Work) -> FullQualityScoreAnswer:
    """Finish one's own draft: every item is marked, and the agent sees it from now on."""
    score = _own_draft(uow, caller, score_id)
    score.give(_scored(kept(uow, score).value(), score.marks), uow.now)
    _tell(uow, caller, score, "given", value=score.value)
    return full_score(uow, score)


@router.post("/quality/scores/{score_id}/acknowledge", responses=problems(Kind.UNKNOWN_SCORE, Kind.NOT_POSSIBLE_NOW))
def acknowledge_score(score_id: Id, caller: AgentCommanding, uow: Work) -> FullQualityScoreAnswer:
    """The agent has seen his score and agrees."""
    score = _own_score(uow, caller, score_id)
    try:
        score.acknowledge(uow.now)
    except IllegalTransitionError as error:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "state", str(error)) from error
    _tell(uow, caller, score, "acknowledged")
    return full_score(uow, score)


@router.post("/quality/scores/{score_id}/appeal", responses=problems(Kind.UNKNOWN_SCORE, Kind.NOT_POSSIBLE_NOW))
def appeal_score(score_id: Id, ask: AppealAsk, caller: AgentCommanding, uow: Work) -> FullQualityScoreAnswer:
    """The agent does not agree, and says why; a second person decides."""
    score = _own_score(uow, caller, score_id)
    try:
        score.appeal_against(ask.text, uow.now)
    except (IllegalTransitionError, AppealRefusedError) as error:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "state", str(error)) from error
    _tell(uow, caller, score, "appealed")
    return full_score(uow, score)


@router.post("/quality/scores/{score_id}/decision", responses=problems(Kind.UNKNOWN_SCORE, Kind.NOT_POSSIBLE_NOW))
def decide_appeal(
    score_id: Id, ask: AppealDecisionAsk, caller: SupervisorCommanding, uow: Work
) -> FullQualityScoreAnswer:
    """Decide on an appeal against another supervisor's score: it stays, or is marked anew."""
    score = _visible(uow, caller, uow.quality.score_for_update(score_id))
    if score.agent_id == caller.user_id:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "score_id", "nobody decides on his own call; ask another supervisor")
    marks = None if ask.marks is None else _marks(ask.marks)
    changed = None if marks is None else _scored(kept(uow, score).value(), marks)
    before = [{"item": each.item, "mark": each.mark.value} for each in score.marks]
    try:
        score.decide(ask.text, changed, by=caller.user_id, now=uow.now)
    except (IllegalTransitionError, AppealRefusedError) as error:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "state", str(error)) from error
    if marks is not None:
        score.marks = marks
        _tell(uow, caller, score, "changed", marks_before=before, value=score.value)
    else:
        _tell(uow, caller, score, "upheld")
    return full_score(uow, score)


@router.get("/quality/trends")
def read_trends(
    caller: Judged,
    request: Request,
    uow: Work,
    months: Annotated[int, Query(ge=1, le=24)] = 6,
    agent_id: Id | None = None,
) -> QualityTrendsAnswer:
    """Scores by agent and month; an agent sees his own."""
    zone = wiring_of(request).zone
    today = uow.now.astimezone(zone)
    first = today.year * 12 + today.month - months
    names = [f"{(first + each) // 12:04}-{(first + each) % 12 + 1:02}" for each in range(months)]
    since = datetime(first // 12, first % 12 + 1, 1, tzinfo=zone).astimezone(UTC)
    of_agent: dict[str, list[tuple[str, float | None, bool]]] = defaultdict(list)
    whose = agent_id if caller.oversees else caller.user_id
    for agent, at, value, fatal in uow.quality.given_between(since, uow.now, agent_id=whose):
        of_agent[agent].append((at.astimezone(zone).strftime("%Y-%m"), value, fatal))
    agents = [
        AgentTrendAnswer(
            agent_id=agent,
            agent_name=name_of(uow, agent),
            whole=_mean(rows),
            months=[
                QualityMonthAnswer(month=month, **_mean([row for row in rows if row[0] == month]).model_dump())
                for month in names
            ],
        )
        for agent, rows in of_agent.items()
    ]
    return QualityTrendsAnswer(agents=sorted(agents, key=lambda each: each.agent_name), months=names)


def _mean(rows: list[tuple[str, float | None, bool]]) -> QualityMeanAnswer:
    made: MeanScore = mean_score(
        [value for _, value, _ in rows if value is not None], fatal=sum(fatal for _, _, fatal in rows)
    )
    return QualityMeanAnswer.model_validate(made)


def _round_for(uow: UnitOfWork, ask: ScoreAsk, caller: Caller) -> GradingRound:
    grading = uow.quality.round(ask.round_id or "")
    if grading is None:
        raise Problem.of(
            Kind.UNKNOWN_GRADING_ROUND, "round_id", "there is no such round; GET /api/v1/quality/rounds lists them"
        )
    if caller.user_id not in grading.grader_ids:
        raise Problem.of(Kind.NOT_YOURS, "round_id", "you are not one of this round's graders")
    if grading.closed_at is not None:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "round_id", "the round is closed")
    if ask.attempt_id not in grading.attempt_ids or ask.card != grading.card:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "attempt_id", "the round does not hold this call, or not by this card")
    return grading


def _is_open(uow: UnitOfWork, caller: Caller, score: QualityScore) -> bool:
    # An agent's score is about himself: it stays his to see when the patient's record is shut to him again.
    return score.agent_id == caller.user_id or uow.care_team.is_open(score.patient_id, uow.now)


def _visible(uow: UnitOfWork, caller: Caller, score: QualityScore | None) -> QualityScore:
    if score is not None:
        own = score.agent_id == caller.user_id and score.state is not QualityState.DRAFT and score.round_id is None
        grading = uow.quality.round(score.round_id) if score.round_id else None
        blind = grading is not None and grading.closed_at is None and score.grader_id != caller.user_id
        if own or (caller.oversees and not blind):
            return score
    raise Problem.of(Kind.UNKNOWN_SCORE, "score_id", "there is no such score; GET /api/v1/quality/scores lists them")


def _own_score(uow: UnitOfWork, caller: Caller, score_id: str) -> QualityScore:
    score = uow.quality.score_for_update(score_id)
    if score is None or score.agent_id != caller.user_id or score.round_id or score.state is QualityState.DRAFT:
        raise Problem.of(
            Kind.UNKNOWN_SCORE, "score_id", "there is no such score of yours; GET /api/v1/quality/scores lists them"
        )
    return score


def _own_draft(uow: UnitOfWork, caller: Caller, score_id: str) -> QualityScore:
    score = _visible(uow, caller, uow.quality.score_for_update(score_id))
    if score.grader_id != caller.user_id:
        raise Problem.of(
            Kind.NOT_YOURS, "score_id", f"{name_of(uow, score.grader_id)} judges this call; only he changes his marks"
        )
    if score.state is not QualityState.DRAFT:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW, "state", f"the score is {score.state.value}; the agent's appeal can change it"
        )
    # Locked, so that nobody closes the round while marks are given: from then on all of them can be read.
    grading = uow.quality.round_for_update(score.round_id) if score.round_id else None
    if grading is not None and grading.closed_at is not None:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "round_id", "the round is closed; its marks stay as they are")
    return score


def _marks(asked: tuple[MarkAsk, ...]) -> list[ItemMark]:
    return [ItemMark(item=each.item, mark=each.mark, at_second=each.at_second, remark=each.remark) for each in asked]


def _scored(card: Scorecard, marks: list[ItemMark]) -> CardScore:
    try:
        return score_of(card, marks)
    except MarksRefusedError as error:
        raise Problem.of(Kind.INVALID_REQUEST, f"marks.{error.item}", error.reason) from error


def _checked(card: Scorecard, marks: list[ItemMark]) -> None:
    try:
        check_marks(card, marks)
    except MarksRefusedError as error:
        raise Problem.of(Kind.INVALID_REQUEST, f"marks.{error.item}", error.reason) from error


def _tell(uow: UnitOfWork, caller: Caller, score: QualityScore, kind: str, **detail: object) -> None:
    uow.quality.tell(score, kind, at=uow.now, by=caller.user_id, detail=detail)
    _audit(uow, caller, f"score_{kind}", score)


def _audit(uow: UnitOfWork, caller: Caller, action: str, score: QualityScore) -> None:
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind="quality_score",
        subject=score.id,
        patient_id=None if score.agent_id == caller.user_id else score.patient_id,
    )
