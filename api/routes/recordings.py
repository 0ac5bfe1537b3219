"""Recordings: what is known of them, their sound by range, their transcript."""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Annotated, BinaryIO, TypeVar

import structlog
from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from api import found
from api.auth import Caller
from api.byte_ranges import UnsatisfiableRangeError, wanted_range
from api.edge import Route, Work
from api.fields import Answer, Id, Instant
from api.permissions import CareTeam
from api.problems import Kind, Problem, problems
from api.waveforms import MOST, drawn
from api.wiring import wiring_of
from db.unit_of_work import UnitOfWork
from followup.ports import RecordingStore
from followup.recording_remarks import TurnCorrection
from followup.recordings import Channel, Recording, RecordingState, Turn
from recordings.object_store import ObjectStoreError
from recordings.sealing import SealBrokenError
from recordings.wrapping_keys import WrappingKeyError
from runtime.content.medicine_names import MedicineNamesDocument
from transcription.medicine_suggestions import suggestions_in

router = APIRouter(tags=["recordings"], route_class=Route)

log = structlog.get_logger(__name__)

FLAC = "audio/flac"
A_DAY = 86_400
"""Seconds: no recording is as long."""
_PIECE = 1 << 20
Read = TypeVar("Read")


class RecordingAnswer(Answer):
    """A recording: FLAC, left the agent, right the patient. `sha256` is of that file before any encryption."""

    id: str
    call_id: str
    patient_id: str
    state: RecordingState
    reason: str
    sha256: str | None
    started_at: Instant | None
    seconds: float | None
    channels: int | None
    sample_rate: int | None
    size: int | None
    encrypted: bool
    legal_hold: bool
    stored_at: Instant | None


class PeaksAnswer(Answer):
    """The waveform from second `start` on: loudness from 0 to 100, so many values for each second."""

    start: float
    per_second: float
    agent: list[int]
    patient: list[int]


class MedicineSuggestionAnswer(Answer):
    """A place in a turn's text that sounds like a medicine's name; the text itself stays as it was heard."""

    start: int
    end: int
    heard: str
    name: str


class CorrectionAnswer(Answer):
    """What somebody says was really said; `written` has its numbers in figures, empty where that is the same."""

    id: str
    words: str
    written: str
    by: str
    by_name: str
    at: Instant


class TurnAnswer(Answer):
    """What one side said without the other: seconds from the recording's start.

    `written` is the text with its numbers in figures, empty where that is the same. `text` stays as it was heard;
    the last of `corrections` says what it should be.
    """

    channel: Channel
    start: float
    end: float
    text: str
    confidence: float
    written: str
    medicines: list[MedicineSuggestionAnswer]
    corrections: list[CorrectionAnswer]


class TranscriptAnswer(Answer):
    """The newest text of a recording."""

    id: str
    recording_id: str
    language: str
    engine: str
    model: str
    created_at: Instant
    turns: list[TurnAnswer]


@router.get("/recordings/{recording_id}", responses=problems(Kind.UNKNOWN_RECORDING))
def read_recording(recording_id: Id, caller: CareTeam, uow: Work) -> RecordingAnswer:
    """What is known of a recording."""
    recording = found.recording(uow, recording_id)
    _audit(uow, caller, "recording_viewed", recording)
    return RecordingAnswer.model_validate(recording)


@router.get("/recordings/{recording_id}/peaks", responses=problems(Kind.UNKNOWN_RECORDING, Kind.RECORDING_NOT_STORED))
def read_peaks(
    recording_id: Id,
    caller: CareTeam,  # noqa: ARG001
    uow: Work,
    start: Annotated[float, Query(ge=0, le=A_DAY)] = 0.0,
    end: Annotated[float | None, Query(ge=0, le=A_DAY)] = None,
    most: Annotated[int, Query(ge=1, le=MOST)] = MOST,
) -> PeaksAnswer:
    """The waveform to draw, or a stretch of it, in at most so many values for each side."""
    recording = found.recording(uow, recording_id)
    if recording.peaks is None:
        raise _not_stored(recording)
    return PeaksAnswer.model_validate(drawn(recording.peaks, start=start, end=end, most=most))


@router.get(
    "/recordings/{recording_id}/audio",
    response_class=Response,
    responses={
        200: {"description": "The whole file", "content": {FLAC: {}}},
        206: {"description": "The range asked for", "content": {FLAC: {}}},
        304: {"description": "The caller has it already"},
        **problems(
            Kind.UNKNOWN_RECORDING,
            Kind.RECORDING_NOT_STORED,
            Kind.RECORDING_GONE,
            Kind.RECORDING_DAMAGED,
            Kind.RANGE_NOT_SATISFIABLE,
        ),
    },
)
def play(
    recording_id: Id,
    caller: CareTeam,
    request: Request,
    uow: Work,
    range_: Annotated[str | None, Header(alias="Range")] = None,
    if_range: Annotated[str | None, Header(alias="If-Range")] = None,
    if_none_match: Annotated[str | None, Header(alias="If-None-Match")] = None,
) -> Response:
    """The sound, whole or by range."""
    recording = found.recording(uow, recording_id)
    size = whole_file(recording)
    etag = f'"{recording.sha256}"'
    headers = {"Accept-Ranges": "bytes", "ETag": etag, "Cache-Control": "private, no-store"}
    if if_none_match == etag:
        return Response(status_code=304, headers=headers)
    try:
        # A range of another file than the caller began with is of no use to him: he gets the whole.
        span = wanted_range(range_ if if_range in (None, etag) else None, size)
    except UnsatisfiableRangeError as error:
        raise Problem.of(
            Kind.RANGE_NOT_SATISFIABLE,
            "Range",
            f"the recording has {size} bytes",
            headers={"Content-Range": f"bytes */{size}"},
        ) from error
    start, end = (span.start, span.end) if span else (0, size)
    pieces = _pieces(opened(wiring_of(request).store, uow, recording), start, end)
    try:
        first = told(lambda: next(pieces, b""))
    except FileNotFoundError as error:
        raise _gone() from error
    uow.audit.note(
        user_id=caller.user_id,
        action="recording_played",
        subject_kind="recording",
        subject=recording.id,
        patient_id=recording.patient_id,
        detail={"start": span.start, "end": span.end} if span else {},
    )
    if span is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    headers["Content-Length"] = str(end - start)
    status = 200 if span is None else 206
    if len(first) == end - start:
        return Response(first, status, headers, media_type=FLAC)
    return StreamingResponse(chain((first,), pieces), status, headers, media_type=FLAC)


@router.get(
    "/recordings/{recording_id}/transcript", responses=problems(Kind.UNKNOWN_RECORDING, Kind.UNKNOWN_TRANSCRIPT)
)
def read_transcript(recording_id: Id, caller: CareTeam, request: Request, uow: Work) -> TranscriptAnswer:
    """What was said, turn by turn."""
    recording = found.recording(uow, recording_id)
    transcript = uow.recordings.latest_transcript(recording.id)
    if transcript is None:
        raise Problem.of(
            Kind.UNKNOWN_TRANSCRIPT,
            "recording_id",
            f"the recording is {recording.state.value}; the live stream tells transcript_ready",
        )
    _audit(uow, caller, "transcript_viewed", recording)
    medicines = wiring_of(request).content.medicine_names
    corrections = uow.remarks.corrections(transcript.id)
    names = uow.users.names({each.by for each in corrections})
    by_turn: dict[int, list[CorrectionAnswer]] = {}
    for each in corrections:
        by_turn.setdefault(each.position, []).append(correction_answer(each, names.get(each.by, "")))
    return TranscriptAnswer(
        id=transcript.id,
        recording_id=transcript.recording_id,
        language=transcript.language,
        engine=transcript.engine,
        model=transcript.model,
        created_at=transcript.created_at,
        turns=[
            _turn(turn, transcript.language, medicines, by_turn.get(position, []))
            for position, turn in enumerate(transcript.turns)
        ],
    )


def correction_answer(correction: TurnCorrection, by_name: str) -> CorrectionAnswer:
    """As it is told of."""
    return CorrectionAnswer(
        id=correction.id,
        words=correction.words,
        written=correction.written,
        by=correction.by,
        by_name=by_name,
        at=correction.at,
    )


def _turn(
    turn: Turn, language: str, medicines: MedicineNamesDocument, corrections: list[CorrectionAnswer]
) -> TurnAnswer:
    return TurnAnswer(
        channel=turn.channel,
        start=turn.start,
        end=turn.end,
        text=turn.text,
        confidence=turn.confidence,
        written=turn.written,
        medicines=[
            MedicineSuggestionAnswer.model_validate(each) for each in suggestions_in(turn.text, language, medicines)
        ],
        corrections=corrections,
    )


def whole_file(recording: Recording) -> int:
    """The size of its file, or the problem that there is none (any more)."""
    if recording.state is RecordingState.EXPIRED:
        raise Problem.of(Kind.RECORDING_GONE, "recording_id", "its time of keeping is over; the note stays")
    if recording.uri is None or recording.size is None or recording.sha256 is None:
        raise _not_stored(recording)
    return recording.size


def opened(store: RecordingStore, uow: UnitOfWork, recording: Recording) -> BinaryIO:
    """The file; its address may have changed since the row was read, because it was sealed in the meantime."""
    try:
        return told(lambda: store.open(recording.uri or ""))
    except FileNotFoundError:
        again = uow.recordings.for_update(recording.id)
    try:
        return told(lambda: store.open((again or recording).uri or ""))
    except FileNotFoundError as error:
        raise _gone() from error


def _gone() -> Problem:
    return Problem.of(
        Kind.RECORDING_GONE, "recording_id", "its file is not in the store any more; tell whoever looks after it"
    )


def told(read: Callable[[], Read]) -> Read:
    """What was read of a recording's file, or the problem that keeps it from being read."""
    try:
        return read()
    except SealBrokenError as error:
        log.exception("recording_damaged")
        raise Problem.of(
            Kind.RECORDING_DAMAGED,
            "recording_id",
            "its file was changed since it was stored, and nothing of it is played; tell whoever looks after it",
        ) from error
    except (ObjectStoreError, WrappingKeyError) as error:
        log.exception("recording_out_of_reach")
        raise Problem.of(
            Kind.UNAVAILABLE, "recording_id", "the store or its keys are out of reach; try again in a minute"
        ) from error


def _pieces(file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    with file:
        file.seek(start)
        while start < end:
            piece = file.read(min(_PIECE, end - start))
            if not piece:
                raise SealBrokenError("the file is shorter than its row says")
            start += len(piece)
            yield piece


def _not_stored(recording: Recording) -> Problem:
    reason = f"the recording is {recording.state.value}"
    if recording.reason:
        reason += f": {recording.reason}"
    return Problem.of(Kind.RECORDING_NOT_STORED, "recording_id", reason)


def _audit(uow: UnitOfWork, caller: Caller, action: str, recording: Recording) -> None:
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind="recording",
        subject=recording.id,
        patient_id=recording.patient_id,
    )
