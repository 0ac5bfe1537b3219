"""Captions of a call while people talk: for its agent and who oversees its queue, until the transcript is there."""

from typing import Annotated

from fastapi import APIRouter, Query

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Id
from api.permissions import OnCalls
from api.problems import Kind, Problem, problems
from db.unit_of_work import UnitOfWork
from followup.calls import Call
from followup.captions import CaptionsState, captions_state
from followup.recordings import Channel
from followup.supervision import oversees_queue

router = APIRouter(tags=["captions"], route_class=Route)

VIEWED = "captions_viewed"


class CaptionAnswer(Answer):
    """A stretch of one side: seconds from the recording's start. `written` is with figures, empty where it is `text`.

    Of one that is not `final` the first `stable` characters were heard alike twice; the rest may still change.
    """

    id: str
    channel: Channel
    start: float
    end: float
    text: str
    written: str
    stable: int
    final: bool
    confidence: float


class CaptionsAnswer(Answer):
    """What is being said. Ask again when the live stream tells `captions_changed` for the call.

    `behind`: how many seconds the sound waits to be heard; `left_out`: stretches left to the transcript for that.
    Once the state is `replaced`, GET /recordings/{recording_id}/transcript has the text.
    """

    call_id: str
    recording_id: str | None
    state: CaptionsState
    language: str | None
    behind: float
    left_out: int
    captions: list[CaptionAnswer]


@router.get("/calls/{call_id}/captions", responses=problems(Kind.UNKNOWN_CALL, Kind.NOT_YOURS))
def read_captions(
    call_id: Id,
    caller: OnCalls,
    uow: Work,
    since: Annotated[float, Query(ge=0, le=86_400, description="Leave out what ended before this second.")] = 0.0,
) -> CaptionsAnswer:
    """What is being said in a call."""
    call = found.call(uow, call_id)
    _only_who_may_follow(uow, caller, call)
    _note_once(uow, caller, call)
    recording = uow.recordings.of_call(call.id)
    following = uow.captions.following(recording.id) if recording else None
    transcribed = recording is not None and uow.recordings.latest_transcript(recording.id) is not None
    captions = uow.captions.of_recording(recording.id) if recording and not transcribed else ()
    return CaptionsAnswer(
        call_id=call.id,
        recording_id=recording.id if recording else None,
        state=captions_state(recording, following, transcribed=transcribed, now=uow.now),
        language=following.language if following else None,
        behind=round(following.behind, 1) if following else 0.0,
        left_out=following.left_out if following else 0,
        captions=[CaptionAnswer.model_validate(caption) for caption in captions if caption.end >= since],
    )


def _only_who_may_follow(uow: UnitOfWork, caller: Caller, call: Call) -> None:
    if call.agent_id == caller.user_id:
        return
    found.only_own(call.agent_id, caller, "call_id")
    if not oversees_queue(found.user(uow, caller.user_id).overseen_queues, call.queue_id):
        raise Problem.of(Kind.NOT_YOURS, "call_id", "this call is of a queue you do not oversee; its supervisor can")


def _note_once(uow: UnitOfWork, caller: Caller, call: Call) -> None:
    """A screen asks every second: that somebody read along is one line of the log."""
    if uow.audit.has(user_id=caller.user_id, action=VIEWED, subject_kind="call", subject=call.id):
        return
    uow.audit.note(
        user_id=caller.user_id, action=VIEWED, subject_kind="call", subject=call.id, patient_id=call.patient_id
    )
