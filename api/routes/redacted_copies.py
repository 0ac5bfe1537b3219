"""Redacted copies of calls: released for a purpose, to reviewers who must not know whose call it was."""

from typing import Annotated

import soundfile
from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field, StringConstraints

from api import found
from api.auth import Caller
from api.byte_ranges import UnsatisfiableRangeError, wanted_range
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Limit
from api.permissions import Allowed, SupervisorCommanding
from api.problems import Kind, Problem, problems
from api.routes.recordings import opened, told
from api.wiring import wiring_of
from db.unit_of_work import UnitOfWork
from db.users import Role
from followup.recordings import Channel, RecordingState
from followup.redacted_copies import CopyPurpose, RedactedCopy
from transcription.redacted_copies import make_copy, seconds_of
from transcription.sound_redaction import RedactedSound

router = APIRouter(tags=["redacted copies"], route_class=Route)

WAV = "audio/wav"
Reviewing = Annotated[Caller, Depends(Allowed(Role.SUPERVISOR, Role.REVIEWER))]
Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class CopyAsk(Ask):
    """Why a copy is released, and words that must be hidden besides names, numbers and addresses."""

    purpose: CopyPurpose
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]
    hide: list[Word] = Field(default_factory=list, max_length=50)
    until: Instant | None = None


class CopyAnswer(Answer):
    """A released copy; nothing in it says whose call it was."""

    id: str
    language: str
    purpose: CopyPurpose
    reason: str
    found: dict[str, int]  # how many of each kind were hidden
    hidden_seconds: float
    released_by: str
    released_at: Instant
    until: Instant | None
    withdrawn_at: Instant | None
    readable: bool


class CopiesAnswer(Answer):
    """A page of copies, newest first; ask on with before=`next`, which is empty on the last page."""

    copies: list[CopyAnswer]
    next: Instant | None


class RedactedTurnAnswer(Answer):
    """What one side said, with masks where somebody would be known."""

    channel: Channel
    start: float
    end: float
    text: str
    written: str


class HiddenAnswer(Answer):
    """A stretch of the sound that is a tone."""

    channel: Channel
    start: float
    end: float


class RedactedTranscriptAnswer(Answer):
    """A copy's words, and the seconds its sound is silent about."""

    id: str
    language: str
    turns: list[RedactedTurnAnswer]
    hidden: list[HiddenAnswer]


@router.post(
    "/recordings/{recording_id}/redacted-copies",
    status_code=201,
    responses=problems(Kind.UNKNOWN_RECORDING, Kind.UNKNOWN_TRANSCRIPT),
)
def release(recording_id: Id, ask: CopyAsk, caller: SupervisorCommanding, request: Request, uow: Work) -> CopyAnswer:
    """Make a copy of the newest transcript and the sound without who is spoken of. Read it before you tell of it."""
    recording = found.recording(uow, recording_id)
    uow.recordings.for_update(recording.id)  # parts us from its destruction, which empties the copies that are there
    transcript = uow.recordings.latest_transcript(recording.id)
    if transcript is None:
        raise Problem.of(
            Kind.UNKNOWN_TRANSCRIPT,
            "recording_id",
            f"the recording is {recording.state.value}: without its words nobody knows which seconds to hide",
        )
    if ask.until is not None and ask.until <= uow.now:
        raise Problem.of(Kind.INVALID_REQUEST, "until", "this moment is past; leave it out or give a later one")
    copy = make_copy(
        uow,
        wiring_of(request).content,
        recording,
        transcript,
        purpose=ask.purpose,
        reason=ask.reason,
        hide=ask.hide,
        until=ask.until,
        by=caller.user_id,
    )
    uow.redacted_copies.add(copy)
    _audit(uow, caller, "redacted_copy_released", copy, {"purpose": copy.purpose.value, "found": copy.found})
    return _answer(uow, copy)


@router.get("/redacted-copies")
def list_copies(caller: Reviewing, uow: Work, before: Instant | None = None, limit: Limit = 50) -> CopiesAnswer:
    """Released copies; reviewers see those that may be read now."""
    open_at = None if caller.oversees else uow.now
    page = uow.redacted_copies.newest(open_at=open_at, before=before, limit=limit)
    return CopiesAnswer(
        copies=[_answer(uow, copy) for copy in page], next=page[-1].released_at if len(page) == limit else None
    )


@router.get(
    "/redacted-copies/{copy_id}/transcript",
    responses=problems(Kind.UNKNOWN_REDACTED_COPY, Kind.REDACTED_COPY_CLOSED),
)
def read_copy(copy_id: Id, caller: Reviewing, uow: Work) -> RedactedTranscriptAnswer:
    """A copy's words."""
    copy = _open_copy(uow, copy_id)
    _audit(uow, caller, "redacted_copy_read", copy, {})
    return RedactedTranscriptAnswer(
        id=copy.id,
        language=copy.language,
        turns=[RedactedTurnAnswer.model_validate(turn) for turn in copy.turns],
        hidden=[HiddenAnswer.model_validate(each) for each in copy.hidden],
    )


@router.get(
    "/redacted-copies/{copy_id}/audio",
    response_class=Response,
    responses={
        200: {"description": "The whole sound", "content": {WAV: {}}},
        206: {"description": "The range asked for", "content": {WAV: {}}},
        **problems(
            Kind.UNKNOWN_REDACTED_COPY,
            Kind.REDACTED_COPY_CLOSED,
            Kind.RECORDING_GONE,
            Kind.RECORDING_DAMAGED,
            Kind.RANGE_NOT_SATISFIABLE,
        ),
    },
)
def hear_copy(
    copy_id: Id,
    caller: Reviewing,
    request: Request,
    uow: Work,
    range_: Annotated[str | None, Header(alias="Range")] = None,
) -> Response:
    """A copy's sound as WAV, a tone where somebody is named; whole or by range. No file of it is ever written."""
    copy = _open_copy(uow, copy_id)
    recording = uow.recordings.get(copy.recording_id)
    if recording is None or recording.uri is None or recording.state is RecordingState.EXPIRED:
        raise Problem.of(Kind.RECORDING_GONE, "copy_id", "the recording's time of keeping is over")
    file = opened(wiring_of(request).store, uow, recording)
    try:
        sound = RedactedSound(file, seconds_of(copy))
    except soundfile.LibsndfileError:
        told(lambda: file.seek(0) or file.read(1))  # libsndfile hides why: the seal is broken, or the store went away
        raise
    headers = {"Accept-Ranges": "bytes", "Cache-Control": "private, no-store"}
    try:
        span = wanted_range(range_, sound.size)
    except UnsatisfiableRangeError as error:
        raise Problem.of(
            Kind.RANGE_NOT_SATISFIABLE,
            "Range",
            f"the sound has {sound.size} bytes",
            headers={"Content-Range": f"bytes */{sound.size}"},
        ) from error
    start, end = (span.start, span.end) if span else (0, sound.size)
    _audit(uow, caller, "redacted_copy_played", copy, {"start": start, "end": end} if span else {})
    headers["Content-Length"] = str(end - start)
    if span is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{sound.size}"
    return StreamingResponse(sound.between(start, end), 206 if span else 200, headers, media_type=WAV)


@router.post(
    "/redacted-copies/{copy_id}/withdrawal",
    responses=problems(Kind.UNKNOWN_REDACTED_COPY),
)
def withdraw(copy_id: Id, caller: SupervisorCommanding, uow: Work) -> CopyAnswer:
    """Take a copy back: nobody reads or hears it from now on."""
    copy = uow.redacted_copies.for_update(copy_id)
    if copy is None:
        raise _unknown()
    if copy.withdrawn_at is None:
        copy.withdrawn_by, copy.withdrawn_at = caller.user_id, uow.now
        _audit(uow, caller, "redacted_copy_withdrawn", copy, {})
    return _answer(uow, copy)


def _open_copy(uow: UnitOfWork, copy_id: str) -> RedactedCopy:
    copy = uow.redacted_copies.get(copy_id)
    if copy is None:
        raise _unknown()
    if not copy.is_open(uow.now):
        raise Problem.of(
            Kind.REDACTED_COPY_CLOSED, "copy_id", "it was withdrawn, its time is over, or the recording was destroyed"
        )
    return copy


def _unknown() -> Problem:
    return Problem.of(
        Kind.UNKNOWN_REDACTED_COPY, "copy_id", "there is no such copy; GET /api/v1/redacted-copies lists them"
    )


def _answer(uow: UnitOfWork, copy: RedactedCopy) -> CopyAnswer:
    return CopyAnswer(
        id=copy.id,
        language=copy.language,
        purpose=copy.purpose,
        reason=copy.reason,
        found=copy.found,
        hidden_seconds=round(sum(each.end - each.start for each in seconds_of(copy)), 2),
        released_by=copy.released_by,
        released_at=copy.released_at,
        until=copy.until,
        withdrawn_at=copy.withdrawn_at,
        readable=copy.is_open(uow.now),
    )


def _audit(uow: UnitOfWork, caller: Caller, action: str, copy: RedactedCopy, detail: dict[str, object]) -> None:
    """In the patient's own log as well. A reviewer learns nothing of whom, so no care team is asked for him."""
    if not caller.oversees:
        uow.care_team.opened.add(copy.patient_id)
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind="redacted_copy",
        subject=copy.id,
        patient_id=copy.patient_id,
        detail={"recording": copy.recording_id, **detail},
    )
