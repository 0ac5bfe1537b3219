"""Rounds in which several graders judge the same calls blindly, and how far they agree."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field, StringConstraints

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Limit, Line
from api.permissions import SupervisorCommanding, SupervisorOnly
from api.problems import Kind, Problem, problems
from api.quality_answers import CardItemAnswer, card_answer, document_of, name_of, use
from api.wiring import wiring_of
from db.unit_of_work import UnitOfWork
from db.users import Role
from followup.grader_agreement import Agreement
from followup.quality_scores import GradingRound, MarkedCall, QualityScore, RoundKind, agreement_of
from followup.scorecards import MarkKind, QualityState
from runtime.content.documents import Wording
from runtime.content.scorecards import ScorecardDocument
from runtime.identifiers import new_id

router = APIRouter(tags=["quality"], route_class=Route)


class RoundAsk(Ask):
    """Which calls, by which card, by whom: supervisors, the caller among them or not."""

    kind: RoundKind
    title: Line
    card: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    attempt_ids: Annotated[tuple[Id, ...], Field(min_length=1, max_length=200)]
    grader_ids: Annotated[tuple[Id, ...], Field(min_length=2, max_length=20)]


class GraderAnswer(Answer):
    """Somebody who may judge calls."""

    user_id: str
    name: str


class GradersAnswer(Answer):
    """Everybody who may judge calls."""

    graders: list[GraderAnswer]


class GraderProgressAnswer(GraderAnswer):
    """A grader of a round, and how many of its calls he has judged."""

    done: int


class AgreementAnswer(Answer):
    """Share of agreement and kappa; `few` marks say little, `good_enough` is from 0.6 on."""

    subjects: int
    observed: float | None
    kappa: float | None
    few: bool
    good_enough: bool | None


class ItemAgreementAnswer(Answer):
    """One item's agreement."""

    item: str
    agreement: AgreementAnswer


class PairAgreementAnswer(Answer):
    """Two graders' agreement, and by how many points their scores differ in the mean."""

    one_name: str
    other_name: str
    agreement: AgreementAnswer
    apart: float | None


class DifferenceAnswer(Answer):
    """An item that graders marked differently: what each of them said of it."""

    attempt_id: str
    recording_id: str | None
    item: str
    marks: dict[str, MarkKind]
    seconds: dict[str, float | None]


class RoundAgreementAnswer(Answer):
    """What a closed round says."""

    complete: int
    overall: AgreementAnswer
    pairs: list[PairAgreementAnswer]
    items: list[ItemAgreementAnswer]
    differences: list[DifferenceAnswer]


class GradingRoundAnswer(Answer):
    """A round in short."""

    id: str
    kind: RoundKind
    title: str
    card: str
    card_version: int
    card_title: Wording
    calls: int
    graders: list[GraderProgressAnswer]
    mine: bool
    opened_at: Instant
    closed_at: Instant | None


class RoundsAnswer(Answer):
    """Rounds, newest first."""

    rounds: list[GradingRoundAnswer]


class RoundCallAnswer(Answer):
    """A call of a round and the caller's own score of it; nobody else's before the round is closed."""

    attempt_id: str
    recording_id: str | None
    agent_name: str
    at: Instant
    score_id: str | None
    score_state: QualityState | None


class FullGradingRoundAnswer(GradingRoundAnswer):
    """A round with its calls, and its agreement once it is closed."""

    to_judge: list[RoundCallAnswer]
    card_items: list[CardItemAnswer]
    agreement: RoundAgreementAnswer | None


@router.get("/quality/graders")
def list_graders(caller: SupervisorOnly, uow: Work) -> GradersAnswer:  # noqa: ARG001
    """Who may judge calls."""
    return GradersAnswer(
        graders=[
            GraderAnswer(user_id=user.id, name=user.display_name)
            for user in uow.users.all()
            if Role.SUPERVISOR.value in user.roles and not user.disabled
        ]
    )


@router.post(
    "/quality/rounds",
    status_code=201,
    responses=problems(Kind.UNKNOWN_SCORECARD, Kind.UNKNOWN_ATTEMPT, Kind.UNKNOWN_USER, Kind.NOT_POSSIBLE_NOW),
)
def open_round(ask: RoundAsk, caller: SupervisorCommanding, request: Request, uow: Work) -> FullGradingRoundAnswer:
    """Let several graders judge the same calls; none sees another's marks until the round is closed."""
    card = use(uow, document_of(wiring_of(request).content, ask.card))
    for user_id in ask.grader_ids:
        user = found.user(uow, user_id)
        if Role.SUPERVISOR.value not in user.roles or user.disabled:
            raise Problem.of(Kind.NOT_POSSIBLE_NOW, "grader_ids", "every grader needs the role supervisor")
    for attempt_id in ask.attempt_ids:
        attempt = found.attempt(uow, attempt_id)
        if attempt.agent_id is None or attempt.agent_id in ask.grader_ids:
            raise Problem.of(
                Kind.NOT_POSSIBLE_NOW, "attempt_ids", "each call is one of an agent who is not among the graders"
            )
    if len(set(ask.grader_ids)) != len(ask.grader_ids) or len(set(ask.attempt_ids)) != len(ask.attempt_ids):
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "grader_ids", "a grader or a call is named twice; name each once")
    made = GradingRound(
        id=new_id(),
        kind=ask.kind,
        title=ask.title,
        card=card.id,
        card_version=card.version,
        attempt_ids=list(ask.attempt_ids),
        grader_ids=list(ask.grader_ids),
        opened_by=caller.user_id,
        opened_at=uow.now,
    )
    uow.quality.add(made)
    _audit(uow, caller, "grading_round_opened", made)
    return _full(uow, caller, made)


@router.get("/quality/rounds")
def list_rounds(caller: SupervisorOnly, uow: Work, limit: Limit = 50) -> RoundsAnswer:
    """Rounds, newest first."""
    return RoundsAnswer(
        rounds=[
            GradingRoundAnswer.model_validate(_short(uow, caller, each, uow.quality.scores_of_round(each.id)))
            for each in uow.quality.rounds(limit=limit)
        ]
    )


@router.get("/quality/rounds/{round_id}", responses=problems(Kind.UNKNOWN_GRADING_ROUND))
def read_round(round_id: Id, caller: SupervisorOnly, uow: Work) -> FullGradingRoundAnswer:
    """A round with its calls; how far the graders agree, once it is closed."""
    grading = _round(uow.quality.round(round_id))
    _audit(uow, caller, "grading_round_viewed", grading)
    return _full(uow, caller, grading)


@router.post("/quality/rounds/{round_id}/close", responses=problems(Kind.UNKNOWN_GRADING_ROUND, Kind.NOT_POSSIBLE_NOW))
def close_round(round_id: Id, caller: SupervisorCommanding, uow: Work) -> FullGradingRoundAnswer:
    """Close a round: its marks are open to its graders from now on, and none is added."""
    grading = _round(uow.quality.round_for_update(round_id))
    if caller.user_id != grading.opened_by and caller.user_id not in grading.grader_ids:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "round_id", "whoever opened it or judges in it closes it")
    if grading.closed_at is not None:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "round_id", "the round is closed already")
    grading.closed_at, grading.closed_by = uow.now, caller.user_id
    _audit(uow, caller, "grading_round_closed", grading)
    return _full(uow, caller, grading)


def _round(grading: GradingRound | None) -> GradingRound:
    if grading is None:
        raise Problem.of(
            Kind.UNKNOWN_GRADING_ROUND, "round_id", "there is no such round; GET /api/v1/quality/rounds lists them"
        )
    return grading


def _card(uow: UnitOfWork, grading: GradingRound) -> ScorecardDocument:
    return ScorecardDocument.model_validate(uow.quality.card(grading.card, grading.card_version))


def _short(uow: UnitOfWork, caller: Caller, grading: GradingRound, scores: list[QualityScore]) -> dict[str, object]:
    given = [score.grader_id for score in scores if score.state is not QualityState.DRAFT]
    return {
        **{name: getattr(grading, name) for name in ("id", "kind", "title", "card", "card_version", "opened_at")},
        "closed_at": grading.closed_at,
        "card_title": _card(uow, grading).title,
        "calls": len(grading.attempt_ids),
        "graders": [
            GraderProgressAnswer(user_id=user_id, name=name_of(uow, user_id), done=given.count(user_id))
            for user_id in grading.grader_ids
        ],
        "mine": caller.user_id in grading.grader_ids,
    }


def _full(uow: UnitOfWork, caller: Caller, grading: GradingRound) -> FullGradingRoundAnswer:
    scores = uow.quality.scores_of_round(grading.id)
    own = {score.attempt_id: score for score in scores if score.grader_id == caller.user_id}
    calls = []
    for attempt_id in grading.attempt_ids:
        attempt = uow.attempts.get(attempt_id)
        if attempt is None or not uow.care_team.is_open(attempt.patient_id, uow.now):
            continue
        score = own.get(attempt_id)
        calls.append(
            RoundCallAnswer(
                attempt_id=attempt_id,
                recording_id=_recording(uow, attempt_id),
                agent_name=name_of(uow, attempt.agent_id),
                at=attempt.closed_at or attempt.reserved_at,
                score_id=score.id if score else None,
                score_state=score.state if score else None,
            )
        )
    document = _card(uow, grading)
    return FullGradingRoundAnswer(
        **GradingRoundAnswer.model_validate(_short(uow, caller, grading, scores)).model_dump(),
        to_judge=calls,
        card_items=card_answer(document).items,
        agreement=_agreement(uow, grading, scores, document) if grading.closed_at is not None else None,
    )


def _agreement(
    uow: UnitOfWork, grading: GradingRound, scores: list[QualityScore], document: ScorecardDocument
) -> RoundAgreementAnswer:
    given = [score for score in scores if score.state is not QualityState.DRAFT]
    made = agreement_of(
        [
            MarkedCall(
                attempt_id=score.attempt_id,
                grader_id=score.grader_id,
                marks=tuple(score.marks),
                value=score.value,
            )
            for score in given
        ],
        graders=grading.grader_ids,
        items=[item.code for item in document.items],
    )
    marks = {(score.attempt_id, score.grader_id, mark.item): mark for score in given for mark in score.marks}
    names = {user_id: name_of(uow, user_id) for user_id in grading.grader_ids}
    return RoundAgreementAnswer(
        complete=made.complete,
        overall=_told(made.overall),
        pairs=[
            PairAgreementAnswer(
                one_name=names[pair.one],
                other_name=names[pair.other],
                agreement=_told(pair.agreement),
                apart=pair.apart,
            )
            for pair in made.pairs
        ],
        items=[ItemAgreementAnswer(item=each.item, agreement=_told(each.agreement)) for each in made.items],
        differences=[
            DifferenceAnswer(
                attempt_id=attempt_id,
                recording_id=_recording(uow, attempt_id),
                item=item,
                marks={user_id: marks[attempt_id, user_id, item].mark for user_id in grading.grader_ids},
                seconds={user_id: marks[attempt_id, user_id, item].at_second for user_id in grading.grader_ids},
            )
            for attempt_id, item in made.differing
        ],
    )


def _told(agreement: Agreement) -> AgreementAnswer:
    return AgreementAnswer.model_validate(agreement)


def _recording(uow: UnitOfWork, attempt_id: str) -> str | None:
    call = uow.calls.of_attempt(attempt_id)
    recording = uow.recordings.of_call(call.id) if call is not None else None
    return recording.id if recording is not None else None


def _audit(uow: UnitOfWork, caller: Caller, action: str, grading: GradingRound) -> None:
    uow.audit.note(user_id=caller.user_id, action=action, subject_kind="grading_round", subject=grading.id)
