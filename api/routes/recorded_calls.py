"""The list of recorded calls, the facts of one, and its file for who has to take it out of the house."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import StringConstraints

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Limit
from api.masking import masked_number
from api.permissions import Allowed, CareTeam, Overseers
from api.problems import Kind, Problem, problems
from api.routes.recordings import A_DAY, FLAC, opened, told, whole_file
from api.wiring import wiring_of
from db.unit_of_work import UnitOfWork
from db.users import Role
from followup.alerts import AlertLevel
from followup.calls import EndReason, Party
from followup.outcomes import AttemptOutcome
from followup.recorded_calls import RecordedCall, RecordedCallFilter, RecordedCallMark
from followup.recording_gaps import GapKind, GapState
from followup.recordings import RecordingState

_PLACE = r"^\d{4}-\d\d-\d\dT[0-9:.+Z-]{5,30}_[0-9a-f-]{36}$"

router = APIRouter(tags=["recordings"], route_class=Route)

_SEE_ALL_CALLS = frozenset({Role.SUPERVISOR, Role.DOCTOR})
_MOST_CHOICES = 50
"""Of one filter."""
_ONE_LISTENING = timedelta(minutes=10)
"""A player asks for a recording piece by piece; so long apart, they are one listening."""
_PIECE = 1 << 20

Ids = Annotated[list[Id], Query(max_length=_MOST_CHOICES)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Seconds = Annotated[float | None, Query(ge=0, le=A_DAY)]
Score = Annotated[float | None, Query(ge=0, le=100)]
Because = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]


class RecordedCallAnswer(Answer):
    """A recording with its call. `at` is when it began; `gap`: what of it is missing."""

    id: str
    call_id: str
    attempt_id: str
    patient_id: str
    patient_name: str
    queue_id: str
    queue_name: str
    agent_id: str | None
    agent_name: str
    department: str
    number: str
    at: Instant | None
    answered_at: Instant | None
    ended_at: Instant | None
    end_reason: EndReason | None
    party: Party | None
    trunk: str | None
    outcome: AttemptOutcome | None
    state: RecordingState
    reason: str
    seconds: float | None
    has_transcript: bool
    legal_hold: bool
    alert_levels: list[AlertLevel]
    comments: int
    gap: GapKind | None
    gap_state: GapState | None
    score: float | None


class RecordedCallsAnswer(Answer):
    """A page, newest first; ask on with after=`next`, which is empty on the last page."""

    recordings: list[RecordedCallAnswer]
    next: str | None


class ChoiceAnswer(Answer):
    """Something by which the list is narrowed."""

    id: str
    name: str


class FilterChoicesAnswer(Answer):
    """What a reader may choose from; agents choose no agent, since they see their own calls."""

    departments: list[str]
    queues: list[ChoiceAnswer]
    agents: list[ChoiceAnswer]


class HeardAlertAnswer(Answer):
    """A sign of danger in the call, and the second at which it was said or ticked."""

    id: str
    code: str
    level: AlertLevel
    at_second: float


class PauseAnswer(Answer):
    """Seconds between which nothing was recorded, on purpose; `end` is empty where it was never taken up again."""

    start: float
    end: float | None


class CallFactsAnswer(Answer):
    """Everything about the call that stands beside its sound."""

    call: RecordedCallAnswer
    alerts: list[HeardAlertAnswer]
    pauses: list[PauseAnswer]
    may_correct: bool
    may_download: bool
    may_see_accesses: bool


class AccessAnswer(Answer):
    """Somebody did this with the recording, so many times between two instants."""

    user_id: str | None
    user_name: str
    action: str
    first_at: Instant
    last_at: Instant
    times: int
    reason: str


class AccessesAnswer(Answer):
    """Newest first."""

    accesses: list[AccessAnswer]


class DownloadAsk(Ask):
    """Why the sound leaves the house's care; it stands in the patient's log."""

    reason: Because


@router.get("/recordings", responses=problems(Kind.UNKNOWN_PATIENT, Kind.NOT_YOURS))
def list_recordings(
    caller: CareTeam,
    uow: Work,
    department: Annotated[list[Name], Query(max_length=_MOST_CHOICES)] = [],  # noqa: B006  # FastAPI copies it
    agent_id: Ids = [],  # noqa: B006
    queue_id: Ids = [],  # noqa: B006
    outcome: Annotated[list[AttemptOutcome], Query(max_length=_MOST_CHOICES)] = [],  # noqa: B006
    alert: Annotated[list[AlertLevel], Query(max_length=3)] = [],  # noqa: B006
    state: Annotated[list[RecordingState], Query(max_length=7)] = [],  # noqa: B006
    patient_id: Id | None = None,
    since: Instant | None = None,
    until: Instant | None = None,
    shortest_seconds: Seconds = None,
    longest_seconds: Seconds = None,
    gap: bool | None = None,
    commented: bool | None = None,
    least_score: Score = None,
    most_score: Score = None,
    after: Annotated[str | None, Query(max_length=80, pattern=_PLACE)] = None,
    limit: Limit = 50,
) -> RecordedCallsAnswer:
    """Recorded calls of patients whom the caller may see, newest first.

    Agents see calls of their own, or all calls of a patient whom they name.
    """
    agents = tuple(agent_id)
    if not caller.oversees and (least_score is not None or most_score is not None):
        raise Problem.of(Kind.NOT_YOURS, "least_score", "how colleagues were judged is for supervisors; leave it out")
    if patient_id is not None:
        patient_id = found.kept_patient(uow, patient_id).id
    elif not caller.roles & _SEE_ALL_CALLS:
        if set(agents) - {caller.user_id}:
            raise Problem.of(Kind.NOT_YOURS, "agent_id", "agents see their own calls; name a patient to see all of his")
        agents = (caller.user_id,)
    among = RecordedCallFilter(
        departments=tuple(department),
        agent_ids=agents,
        queue_ids=tuple(queue_id),
        outcomes=tuple(outcome),
        alert_levels=tuple(alert),
        states=tuple(state),
        patient_id=patient_id,
        since=since,
        until=until,
        shortest_seconds=shortest_seconds,
        longest_seconds=longest_seconds,
        gap=gap,
        commented=commented,
        least_score=least_score,
        most_score=most_score,
    )
    page = uow.recorded_calls.page(among, now=uow.now, after=_mark(after), limit=limit + 1)
    shown, more = page[:limit], len(page) > limit
    uow.audit.note(
        user_id=caller.user_id,
        action="recordings_listed",
        subject_kind="recordings",
        subject=patient_id or "many",
        patient_id=patient_id,
        detail={"recordings": [each.id for each in shown]},
    )
    return RecordedCallsAnswer(
        recordings=[recorded_call_answer(each, caller) for each in shown], next=_written(shown[-1]) if more else None
    )


@router.get("/recording-filters")
def list_filter_choices(caller: CareTeam, uow: Work) -> FilterChoicesAnswer:
    """Departments, queues and agents by which recordings can be narrowed."""
    choices = uow.recorded_calls.choices()
    sees_all = bool(caller.roles & _SEE_ALL_CALLS)
    return FilterChoicesAnswer(
        departments=list(choices.departments),
        queues=[ChoiceAnswer(id=key, name=name) for key, name in choices.queues],
        agents=[ChoiceAnswer(id=key, name=name) for key, name in choices.agents] if sees_all else [],
    )


@router.get("/recordings/{recording_id}/call", responses=problems(Kind.UNKNOWN_RECORDING))
def read_call_facts(recording_id: Id, caller: CareTeam, uow: Work) -> CallFactsAnswer:
    """Whose call it was, with whom, what came of it, and what the caller may do with the recording."""
    recording = found.recording(uow, recording_id)
    call = uow.recorded_calls.get(recording.id)
    if call is None:
        raise Problem.of(Kind.UNKNOWN_RECORDING, "recording_id", "its call is not there any more")
    _audit(uow, caller, "recording_viewed", recording_id, recording.patient_id)
    return CallFactsAnswer(
        call=recorded_call_answer(call, caller),
        alerts=[
            HeardAlertAnswer(id=each.id, code=each.code, level=each.level, at_second=each.at_second)
            for each in uow.alerts.of_recording(recording.id)
        ],
        pauses=[PauseAnswer(start=pause["from"] or 0.0, end=pause["to"]) for pause in recording.pauses],
        may_correct=may_correct(caller, call.agent_id),
        may_download=Role.SUPERVISOR in caller.roles,
        may_see_accesses=caller.oversees,
    )


@router.get("/recordings/{recording_id}/accesses", responses=problems(Kind.UNKNOWN_RECORDING))
def list_accesses(recording_id: Id, caller: Overseers, uow: Work) -> AccessesAnswer:
    """Who opened, heard, corrected or took out the recording; pieces of one listening are one line."""
    recording = found.recording(uow, recording_id)
    rows = uow.audit.of_subject("recording", recording.id)
    names = uow.users.names({row.user_id for row in rows if row.user_id})
    lines: list[AccessAnswer] = []
    last: dict[tuple[str | None, str], int] = {}
    for row in rows:
        key = (row.user_id, row.action)
        at = last.get(key)
        if at is not None and row.at - lines[at].last_at <= _ONE_LISTENING and not row.detail.get("reason"):
            lines[at] = lines[at].model_copy(update={"last_at": row.at, "times": lines[at].times + 1})
            continue
        last[key] = len(lines)
        lines.append(
            AccessAnswer(
                user_id=row.user_id,
                user_name=names.get(row.user_id or "", ""),
                action=row.action,
                first_at=row.at,
                last_at=row.at,
                times=1,
                reason=str(row.detail.get("reason", "")),
            )
        )
    _audit(uow, caller, "accesses_viewed", recording_id, recording.patient_id)
    return AccessesAnswer(accesses=sorted(lines, key=lambda line: line.last_at, reverse=True))


@router.post(
    "/recordings/{recording_id}/download",
    response_class=Response,
    responses={
        200: {"description": "The file", "content": {FLAC: {}}},
        **problems(Kind.UNKNOWN_RECORDING, Kind.RECORDING_NOT_STORED, Kind.RECORDING_GONE, Kind.RECORDING_DAMAGED),
    },
)
def download(
    recording_id: Id,
    ask: DownloadAsk,
    caller: Annotated[Caller, Depends(Allowed(Role.SUPERVISOR, repeatable="it only reads"))],
    request: Request,
    uow: Work,
) -> Response:
    """The whole file, in clear, to be saved: by supervisors, with a reason that stands in the patient's log."""
    recording = found.recording(uow, recording_id)
    size = whole_file(recording)
    file = opened(wiring_of(request).store, uow, recording)
    uow.audit.note(
        user_id=caller.user_id,
        action="recording_downloaded",
        subject_kind="recording",
        subject=recording.id,
        patient_id=recording.patient_id,
        detail={"reason": ask.reason, "sha256": recording.sha256},
    )
    headers = {
        "Content-Length": str(size),
        "Content-Disposition": f'attachment; filename="{recording.id}.flac"',
        "Cache-Control": "private, no-store",
    }
    first = told(lambda: file.read(_PIECE))

    def rest() -> Iterator[bytes]:
        with file:
            yield first
            while piece := file.read(_PIECE):
                yield piece

    return StreamingResponse(rest(), 200, headers, media_type=FLAC)


def may_correct(caller: Caller, agent_id: str | None) -> bool:
    """Supervisors, and who was on the line herself."""
    return Role.SUPERVISOR in caller.roles or (agent_id is not None and agent_id == caller.user_id)


def recorded_call_answer(call: RecordedCall, caller: Caller) -> RecordedCallAnswer:
    """As it is told of; of the number the last digits are enough, and a score is its agent's and supervisors' own."""
    answer = RecordedCallAnswer.model_validate(call)
    sees_score = caller.oversees or call.agent_id == caller.user_id
    return answer.model_copy(update={"number": masked_number(call.number), "score": call.score if sees_score else None})


def _audit(uow: UnitOfWork, caller: Caller, action: str, recording_id: str, patient_id: str) -> None:
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind="recording",
        subject=recording_id,
        patient_id=patient_id,
    )


def _written(call: RecordedCall) -> str | None:
    return f"{call.at.isoformat()}_{call.id}" if call.at else None


def _mark(after: str | None) -> RecordedCallMark | None:
    if after is None:
        return None
    at, _, recording_id = after.partition("_")
    try:
        return RecordedCallMark(at=_instant(at), recording_id=str(UUID(recording_id)))
    except (ValueError, OverflowError):
        raise Problem.of(Kind.INVALID_REQUEST, "after", "is not what `next` of the page before said") from None


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("an instant without its zone")
    return instant.astimezone(UTC)
