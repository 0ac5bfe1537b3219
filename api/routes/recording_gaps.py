"""Calls without a whole recording: the list, a person's word on it, and another try for what failed."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import StringConstraints

from api import found
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant
from api.permissions import Overseers, OverseersCommanding
from api.problems import Kind, Problem, problems
from api.wiring import wiring_of
from db.recording_repairs import NothingToRetryError, try_again
from followup.events import DomainEvent, EventKind
from followup.recording_gaps import GapKind, GapState, RecordingGap
from followup.recordings import Recording, RecordingState
from runtime.content.recording_words import RecordingWordsDocument

router = APIRouter(tags=["recordings"], route_class=Route)

_COUNTED = timedelta(days=1)
Because = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]


class TwoWords(Answer):
    """One text in both languages."""

    zh: str
    en: str


class GapAnswer(Answer):
    """One answered call that lacks something of its recording."""

    id: str
    call_id: str
    recording_id: str | None
    kind: GapKind
    words: TwoWords
    state: GapState
    detail: str
    found_at: Instant
    settled_at: Instant | None
    settled_by: str | None
    settled_because: str


class GapsAnswer(Answer):
    """The newest first; `answered_calls` ended in the last 24 hours, `open` of them wait for a word."""

    answered_calls: int
    open: int
    by_wish: int
    gaps: list[GapAnswer]


class ExplainAsk(Ask):
    """What is known of it, for whoever audits the calls."""

    because: Because


class FailedRecordingAnswer(Answer):
    """A recording that failed, with why; `in_vault`: its sound is safe, and only its text is missing."""

    id: str
    call_id: str
    state: RecordingState
    reason: str
    in_vault: bool
    in_spool: bool
    started_at: Instant | None


class FailedRecordingsAnswer(Answer):
    """The newest first."""

    recordings: list[FailedRecordingAnswer]


@router.get("/recording-gaps")
def list_recording_gaps(
    request: Request,
    caller: Overseers,  # noqa: ARG001
    uow: Work,
    state: GapState | None = None,
    kind: GapKind | None = None,
    since: Instant | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> GapsAnswer:
    """Answered calls without a whole recording, each with its reason."""
    day = uow.now - _COUNTED
    counts = uow.recording_gaps.counts(since=day)
    words = wiring_of(request).content.recording_words
    return GapsAnswer(
        answered_calls=uow.recording_gaps.answered_calls(since=day, until=uow.now),
        open=sum(count for (_, of_state), count in counts.items() if of_state is GapState.OPEN),
        by_wish=sum(
            count
            for (of_kind, _), count in counts.items()
            if of_kind in (GapKind.NOT_WANTED, GapKind.REFUSED, GapKind.NOBODY_SPOKE)
        ),
        gaps=[_answer(gap, words) for gap in uow.recording_gaps.page(state=state, kind=kind, since=since, limit=limit)],
    )


@router.post("/recording-gaps/{gap_id}/explain", responses=problems(Kind.UNKNOWN_RECORDING_GAP, Kind.NOT_POSSIBLE_NOW))
def explain_recording_gap(
    gap_id: Id, ask: ExplainAsk, request: Request, caller: OverseersCommanding, uow: Work
) -> GapAnswer:
    """Say why there is no whole recording; the line stays, with who said it."""
    gap = uow.recording_gaps.for_update(gap_id)
    if gap is None:
        raise Problem.of(
            Kind.UNKNOWN_RECORDING_GAP, "gap_id", "there is no such line; GET /api/v1/recording-gaps lists them"
        )
    if gap.state is not GapState.OPEN:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "gap_id", f"the line is {gap.state.value} already")
    gap.state, gap.settled_at = GapState.EXPLAINED, uow.now
    gap.settled_by, gap.settled_because = caller.user_id, ask.because
    call = uow.calls.get(gap.call_id)
    uow.audit.note(
        user_id=caller.user_id,
        action="recording_gap_explained",
        subject_kind="call",
        subject=gap.call_id,
        patient_id=call.patient_id if call else None,
        detail={"gap": gap.id, "kind": gap.kind.value, "because": ask.because},
    )
    uow.emit(DomainEvent(kind=EventKind.RECORDING_GAP_SETTLED, subject=gap.id, ids={"call": gap.call_id}))
    return _answer(gap, wiring_of(request).content.recording_words)


@router.get("/failed-recordings")
def list_failed_recordings(
    caller: Overseers,  # noqa: ARG001
    uow: Work,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> FailedRecordingsAnswer:
    """Recordings that failed, and those that wait because the store takes nothing."""
    return FailedRecordingsAnswer(recordings=[_failed(each) for each in uow.recordings.failed(limit=limit)])


@router.post("/recordings/{recording_id}/try-again", responses=problems(Kind.UNKNOWN_RECORDING, Kind.NOT_POSSIBLE_NOW))
def try_recording_again(
    recording_id: Id, ask: ExplainAsk, caller: OverseersCommanding, uow: Work
) -> FailedRecordingAnswer:
    """Send a failed recording to the vault, or to the speech engine, once more: after its cause was mended."""
    recording = found.recording(uow, recording_id)
    try:
        try_again(uow, recording, by=caller.user_id, because=ask.because)
    except NothingToRetryError as error:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "recording_id", str(error)) from error
    return _failed(recording)


def _answer(gap: RecordingGap, words: RecordingWordsDocument) -> GapAnswer:
    said = words.gaps[gap.kind]
    return GapAnswer(
        id=gap.id,
        call_id=gap.call_id,
        recording_id=gap.recording_id,
        kind=gap.kind,
        words=TwoWords(zh=said.zh, en=said.en),
        state=gap.state,
        detail=gap.detail,
        found_at=gap.found_at,
        settled_at=gap.settled_at,
        settled_by=gap.settled_by,
        settled_because=gap.settled_because,
    )


def _failed(recording: Recording) -> FailedRecordingAnswer:
    return FailedRecordingAnswer(
        id=recording.id,
        call_id=recording.call_id,
        state=recording.state,
        reason=recording.reason,
        in_vault=recording.uri is not None,
        in_spool=recording.spool is not None,
        started_at=recording.started_at,
    )
