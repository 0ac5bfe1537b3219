"""Writing a recording down anew, and every text that was ever made of it."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import StringConstraints

from api import found
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant
from api.permissions import CareTeam, OverseersCommanding
from api.problems import Kind, Problem, problems
from followup.events import EventKind
from followup.recordings import RecordingState

router = APIRouter(tags=["recordings"], route_class=Route)


_HEARABLE = (RecordingState.STORED, RecordingState.TRANSCRIBED, RecordingState.FAILED)


class TranscriptionAsk(Ask):
    """Why a recording is to be written down anew."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]


class TranscriptionAnswer(Answer):
    """It was asked for; the live stream tells transcript_ready when a text was made.

    An engine that wrote the recording down with the same model and parameters does not do so twice.
    """

    recording_id: str
    transcripts: int  # that are there now and stay


class MadeTranscriptAnswer(Answer):
    """Which engine made a text, when, with which model and parameters."""

    id: str
    language: str
    engine: str
    model: str
    parameters: dict[str, object]
    created_at: Instant
    turns: int


class MadeTranscriptsAnswer(Answer):
    """Every text of a recording, oldest first; the last one is shown and searched."""

    transcripts: list[MadeTranscriptAnswer]


@router.post(
    "/recordings/{recording_id}/transcriptions",
    status_code=202,
    responses=problems(Kind.UNKNOWN_RECORDING, Kind.RECORDING_NOT_STORED),
)
def ask_for_transcription(
    recording_id: Id, ask: TranscriptionAsk, caller: OverseersCommanding, uow: Work
) -> TranscriptionAnswer:
    """Have a recording written down by the engine that is set now; older texts and signed notes stay as they are."""
    recording = found.recording(uow, recording_id)
    if recording.uri is None or recording.state not in _HEARABLE:
        raise Problem.of(
            Kind.RECORDING_NOT_STORED, "recording_id", f"the recording is {recording.state.value}: there is no sound"
        )
    uow.audit.note(
        user_id=caller.user_id,
        action="transcription_asked",
        subject_kind="recording",
        subject=recording.id,
        patient_id=recording.patient_id,
        detail={"reason": ask.reason},
    )
    uow.emit(recording.event(EventKind.TRANSCRIPTION_ASKED))
    return TranscriptionAnswer(recording_id=recording.id, transcripts=len(uow.recordings.transcripts(recording.id)))


@router.get("/recordings/{recording_id}/transcripts", responses=problems(Kind.UNKNOWN_RECORDING))
def list_transcripts(recording_id: Id, caller: CareTeam, uow: Work) -> MadeTranscriptsAnswer:
    """How often a recording was written down, and by what; the texts themselves are not told here."""
    recording = found.recording(uow, recording_id)
    uow.audit.note(
        user_id=caller.user_id,
        action="transcripts_listed",
        subject_kind="recording",
        subject=recording.id,
        patient_id=recording.patient_id,
    )
    return MadeTranscriptsAnswer(
        transcripts=[
            MadeTranscriptAnswer(
                id=made.id,
                language=made.language,
                engine=made.engine,
                model=made.model,
                parameters=made.parameters,
                created_at=made.created_at,
                turns=len(made.turns),
            )
            for made in uow.recordings.transcripts(recording.id)
        ]
    )
