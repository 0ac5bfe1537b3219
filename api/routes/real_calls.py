"""Was the call real: follow-ups that do not fit what was on the line, and what somebody found who looked."""

from collections import Counter
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Limit, Words
from api.permissions import SupervisorCommanding, SupervisorOnly
from api.problems import Kind, Problem, problems
from api.wiring import wiring_of
from db.real_calls import FollowUp
from db.unit_of_work import UnitOfWork
from followup.real_calls import (
    CheckSubject,
    CheckVerdict,
    Contradiction,
    Doubt,
    FoundDoubt,
    RealityCheck,
    doubts_of,
)
from runtime.content.documents import Wording
from runtime.content.library import Content
from runtime.identifiers import new_id

router = APIRouter(tags=["quality"], route_class=Route)

_MOST = 1000
"""Follow-ups that are looked at for one answer; the counts say whether there are more."""


class FoundDoubtAnswer(Answer):
    """One doubt, the figure behind it (seconds, answers, households), and the second at which to listen."""

    kind: Doubt
    figure: float | None
    at_second: float | None


class ContradictionAnswer(Answer):
    """A question that was written down otherwise than it was heard."""

    form_id: str
    link_id: str
    question: Wording | None
    written: bool | float | str | None
    heard: bool | float | str | None
    at_second: float


class RealityCheckAnswer(Answer):
    """What somebody found."""

    verdict: CheckVerdict
    text: str
    by: str
    by_name: str
    at: Instant


class DoubtfulAnswer(Answer):
    """A follow-up to look at. `subject_id`: of the attempt, or of the answers that no call belongs to."""

    subject_kind: CheckSubject
    subject_id: str
    patient_id: str
    agent_id: str | None
    agent_name: str
    queue_name: str
    recording_id: str | None
    at: Instant
    talk_seconds: float | None
    speech_seconds: float | None
    doubts: list[FoundDoubtAnswer]
    contradictions: list[ContradictionAnswer]
    checks: list[RealityCheckAnswer]


class DoubtsAnswer(Answer):
    """Newest first; ask on with before=`next`. `counts`: of the whole period, `more` where it was too much to count."""

    follow_ups: list[DoubtfulAnswer]
    counts: dict[Doubt, int]
    more: bool
    next: Instant | None


class RealityCheckAsk(Ask):
    """What was found, in words; `not_real` is for a call that was never held as it is told."""

    subject_kind: CheckSubject
    subject_id: Id
    verdict: CheckVerdict
    text: Words


@router.get("/quality/doubts")
def list_doubts(
    caller: SupervisorOnly,
    request: Request,
    uow: Work,
    days: Annotated[int, Query(ge=1, le=366)] = 30,
    kind: Doubt | None = None,
    agent_id: Id | None = None,
    settled: bool = False,
    before: Instant | None = None,
    limit: Limit = 50,
) -> DoubtsAnswer:
    """Follow-ups of the last days that may not have been held as they are told; `settled` also those looked at."""
    since = uow.now - timedelta(days=days)
    read = uow.real_calls.doubtful(since, before or uow.now, agent_id=agent_id, settled=settled, limit=_MOST)
    told = [(each, doubts) for each in read if (doubts := doubts_of(each.facts))]
    open_to_reader = [(each, doubts) for each, doubts in told if uow.care_team.is_open(each.patient_id, uow.now)]
    counts = Counter(doubt.kind for _, doubts in open_to_reader for doubt in doubts)
    shown = [
        (each, doubts) for each, doubts in open_to_reader if kind is None or any(doubt.kind is kind for doubt in doubts)
    ]
    page = shown[:limit]
    content = wiring_of(request).content
    for each, _ in page:
        _audit(uow, caller, "doubt_viewed", each.subject_kind, each.subject_id, each.patient_id)
    return DoubtsAnswer(
        follow_ups=[_answer(uow, content, each, doubts) for each, doubts in page],
        counts={doubt: counts[doubt] for doubt in Doubt},
        more=len(read) == _MOST,
        next=page[-1][0].at if len(shown) > limit else None,
    )


@router.post(
    "/quality/checks",
    status_code=201,
    responses=problems(Kind.UNKNOWN_ATTEMPT, Kind.UNKNOWN_RESPONSE, Kind.NOT_POSSIBLE_NOW),
)
def check_follow_up(ask: RealityCheckAsk, caller: SupervisorCommanding, uow: Work) -> RealityCheckAnswer:
    """Say what was found of a doubtful follow-up; `unclear` leaves it on the list."""
    patient_id, agent_id = _subject(uow, ask)
    if agent_id == caller.user_id:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "subject_id", "nobody checks his own follow-up; ask another supervisor")
    check = RealityCheck(
        id=new_id(),
        subject_kind=ask.subject_kind,
        subject_id=ask.subject_id,
        patient_id=patient_id,
        verdict=ask.verdict,
        text=ask.text,
        by=caller.user_id,
        at=uow.now,
    )
    uow.quality.add(check)
    _audit(uow, caller, "follow_up_checked", ask.subject_kind, ask.subject_id, patient_id, verdict=ask.verdict.value)
    return _check(uow, check)


def _subject(uow: UnitOfWork, ask: RealityCheckAsk) -> tuple[str, str | None]:
    if ask.subject_kind is CheckSubject.ATTEMPT:
        attempt = found.attempt(uow, ask.subject_id)
        return attempt.patient_id, attempt.agent_id
    response = uow.responses.get(ask.subject_id)
    if response is None:
        raise Problem.of(Kind.UNKNOWN_RESPONSE, "subject_id", "there are no such answers; the list names them")
    uow.care_team.admit(response.patient_id, uow.now)
    return response.patient_id, response.completed_by


def _answer(uow: UnitOfWork, content: Content, one: FollowUp, doubts: tuple[FoundDoubt, ...]) -> DoubtfulAnswer:
    agent = uow.users.get(one.agent_id) if one.agent_id else None
    queue = uow.queues.get(one.queue_id) if one.queue_id else None
    facts = one.facts
    return DoubtfulAnswer(
        subject_kind=one.subject_kind,
        subject_id=one.subject_id,
        patient_id=one.patient_id,
        agent_id=one.agent_id,
        agent_name=agent.display_name if agent else "",
        queue_name=queue.name if queue else "",
        recording_id=one.recording_id,
        at=one.at,
        talk_seconds=facts.talk.total_seconds() if facts.talk is not None else None,
        speech_seconds=facts.patient_speech.total_seconds() if facts.patient_speech is not None else None,
        doubts=[FoundDoubtAnswer.model_validate(doubt) for doubt in doubts],
        contradictions=[_contradiction(content, each) for each in facts.contradictions],
        checks=[_check(uow, check) for check in uow.quality.checks_of(one.subject_kind, one.subject_id)],
    )


def _contradiction(content: Content, one: Contradiction) -> ContradictionAnswer:
    form = content.forms.get(one.form_id)
    item = next((each for each in form.questions() if each.link_id == one.link_id), None) if form else None
    return ContradictionAnswer(
        form_id=one.form_id,
        link_id=one.link_id,
        question=Wording(zh=item.text["zh"], en=item.text["en"]) if item else None,
        written=one.written,
        heard=one.heard,
        at_second=one.at_second,
    )


def _check(uow: UnitOfWork, check: RealityCheck) -> RealityCheckAnswer:
    user = uow.users.get(check.by)
    return RealityCheckAnswer(
        verdict=check.verdict,
        text=check.text,
        by=check.by,
        by_name=user.display_name if user else "",
        at=check.at,
    )


def _audit(
    uow: UnitOfWork, caller: Caller, action: str, kind: CheckSubject, subject: str, patient_id: str, **detail: object
) -> None:
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind=kind.value,
        subject=subject,
        patient_id=patient_id,
        detail=detail,
    )
