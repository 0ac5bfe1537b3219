"""What listeners add to a recording: comments at a second, and corrections of misheard words."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field, StringConstraints

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant
from api.permissions import CareTeam, CareTeamCommanding
from api.problems import Kind, Problem, problems
from api.routes.recorded_calls import may_correct
from api.routes.recordings import A_DAY, CorrectionAnswer, correction_answer
from api.wiring import wiring_of
from db.unit_of_work import UnitOfWork
from followup.events import EventKind
from followup.recording_remarks import RecordingComment, TurnCorrection, newest_by_turn
from followup.recordings import Recording
from runtime.identifiers import new_id
from transcription.chinese import to_simplified
from transcription.written import written

router = APIRouter(tags=["recordings"], route_class=Route)

Said = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class CommentAsk(Ask):
    """What is to be noted, and at which second of the recording."""

    second: Annotated[float, Field(ge=0, le=A_DAY)]
    words: Said


class CommentAnswer(Answer):
    """A comment; `own`: the caller made it and may take it back."""

    id: str
    recording_id: str
    second: float
    words: str
    by: str
    by_name: str
    at: Instant
    own: bool


class CommentsAnswer(Answer):
    """By their second."""

    comments: list[CommentAnswer]


class CorrectionAsk(Ask):
    """What was really said in a turn; `after` is the correction that the writer saw there, empty when none."""

    transcript_id: Id
    turn: Annotated[int, Field(ge=0, le=1_000_000)]
    words: Said
    after: Id | None = None


@router.get("/recordings/{recording_id}/comments", responses=problems(Kind.UNKNOWN_RECORDING))
def list_comments(recording_id: Id, caller: CareTeam, uow: Work) -> CommentsAnswer:
    """What was noted at which second."""
    recording = found.recording(uow, recording_id)
    comments = uow.remarks.comments(recording.id)
    names = uow.users.names({each.by for each in comments})
    _audit(uow, caller, "comments_viewed", recording, {})
    return CommentsAnswer(comments=[_comment(each, names, caller) for each in comments])


@router.post("/recordings/{recording_id}/comments", status_code=201, responses=problems(Kind.UNKNOWN_RECORDING))
def comment(recording_id: Id, ask: CommentAsk, caller: CareTeamCommanding, uow: Work) -> CommentAnswer:
    """Note something at a second, for everybody who may hear the recording."""
    recording = found.recording(uow, recording_id)
    if recording.seconds is not None and ask.second > recording.seconds:
        raise Problem.of(Kind.INVALID_REQUEST, "second", f"the recording ends after {recording.seconds:.1f} seconds")
    made = RecordingComment(
        id=new_id(), recording_id=recording.id, second=ask.second, words=ask.words, by=caller.user_id, at=uow.now
    )
    uow.remarks.add(made)
    _audit(uow, caller, "recording_commented", recording, {"comment": made.id, "second": made.second})
    uow.emit(recording.event(EventKind.RECORDING_COMMENTED))
    return _comment(made, uow.users.names({caller.user_id}), caller)


@router.post(
    "/recordings/{recording_id}/comments/{comment_id}/withdrawal",
    responses=problems(Kind.UNKNOWN_RECORDING, Kind.UNKNOWN_COMMENT, Kind.NOT_YOURS),
)
def withdraw_comment(recording_id: Id, comment_id: Id, caller: CareTeamCommanding, uow: Work) -> CommentAnswer:
    """Take one's own comment back; that it was there stays in the log."""
    recording = found.recording(uow, recording_id)
    kept = uow.remarks.comment_for_update(comment_id)
    if kept is None or kept.recording_id != recording.id:
        raise Problem.of(Kind.UNKNOWN_COMMENT, "comment_id", "the recording has no such comment")
    if kept.by != caller.user_id:
        raise Problem.of(Kind.NOT_YOURS, "comment_id", "somebody else made it; who made it takes it back")
    if kept.withdrawn_at is None:
        kept.withdrawn_at = uow.now
        _audit(uow, caller, "comment_withdrawn", recording, {"comment": kept.id, "second": kept.second})
        uow.emit(recording.event(EventKind.RECORDING_COMMENTED))
    return _comment(kept, uow.users.names({caller.user_id}), caller)


@router.post(
    "/recordings/{recording_id}/corrections",
    status_code=201,
    responses=problems(Kind.UNKNOWN_RECORDING, Kind.UNKNOWN_TRANSCRIPT, Kind.NOT_YOURS, Kind.NOT_POSSIBLE_NOW),
)
def correct(
    recording_id: Id, ask: CorrectionAsk, caller: CareTeamCommanding, request: Request, uow: Work
) -> CorrectionAnswer:
    """Say what was really said in a turn. What was heard stays, notes that are signed stay, the search finds this."""
    recording = found.recording(uow, recording_id)
    call = uow.calls.get(recording.call_id)
    if not may_correct(caller, call.agent_id if call else None):
        raise Problem.of(Kind.NOT_YOURS, "recording_id", "who spoke with the patient corrects it, or a supervisor")
    uow.recordings.for_update(recording.id)  # so that the index is put in anew with this or after it
    transcript = uow.recordings.latest_transcript(recording.id)
    if transcript is None:
        raise Problem.of(Kind.UNKNOWN_TRANSCRIPT, "transcript_id", "the recording has no transcript")
    if transcript.id != ask.transcript_id:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW, "transcript_id", "the recording was written down anew in the meantime; read it again"
        )
    if ask.turn >= len(transcript.turns):
        raise Problem.of(Kind.INVALID_REQUEST, "turn", f"the transcript has {len(transcript.turns)} turns")
    before = newest_by_turn(uow.remarks.corrections(transcript.id)).get(ask.turn)
    if (before.id if before else None) != ask.after:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "after", "somebody corrected this turn in the meantime; read it again")
    names = wiring_of(request).content.medicine_names.with_numerals()
    words = to_simplified(ask.words)
    figures = written(words, transcript.language, names)
    made = TurnCorrection(
        id=new_id(),
        recording_id=recording.id,
        transcript_id=transcript.id,
        position=ask.turn,
        words=words,
        written="" if figures == words else figures,
        by=caller.user_id,
        at=uow.now,
    )
    uow.remarks.add(made)
    uow.turn_search.outdate(recording.id)
    _audit(uow, caller, "transcript_corrected", recording, {"turn": ask.turn, "correction": made.id})
    uow.emit(recording.event(EventKind.TRANSCRIPT_CORRECTED))
    return correction_answer(made, uow.users.names({caller.user_id}).get(caller.user_id, ""))


def _comment(comment: RecordingComment, names: dict[str, str], caller: Caller) -> CommentAnswer:
    return CommentAnswer(
        id=comment.id,
        recording_id=comment.recording_id,
        second=comment.second,
        words=comment.words,
        by=comment.by,
        by_name=names.get(comment.by, ""),
        at=comment.at,
        own=comment.by == caller.user_id,
    )


def _audit(uow: UnitOfWork, caller: Caller, action: str, recording: Recording, detail: dict[str, object]) -> None:
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind="recording",
        subject=recording.id,
        patient_id=recording.patient_id,
        detail=detail,
    )
