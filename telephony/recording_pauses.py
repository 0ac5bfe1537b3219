"""Pauses of a recording: silence on both channels, from which second to which, and by whose wish."""

from db.unit_of_work import UnitOfWork
from followup.calls import Call
from followup.recordings import Recording, RecordingState
from telephony.call_control import LegEvent
from telephony.call_moves import LateEventError, tell_of_call
from telephony.effects import Effect


def recording_paused(uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
    """From this second on silence is written."""
    recording = _recording(uow, call)
    if recording.pauses and recording.pauses[-1]["to"] is None:
        raise LateEventError("the recording is paused already")
    second = _second(recording, event)
    recording.pauses = [*recording.pauses, {"from": second, "to": None}]
    _note(uow, call, "recording_paused", "pause_recording", second)
    return []


def recording_resumed(uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
    """Sound is written again."""
    recording = _recording(uow, call)
    if not recording.pauses or recording.pauses[-1]["to"] is not None:
        raise LateEventError("the recording is not paused")
    second = _second(recording, event)
    recording.pauses = [*recording.pauses[:-1], {"from": recording.pauses[-1]["from"], "to": second}]
    _note(uow, call, "recording_resumed", "resume_recording", second)
    return []


def _recording(uow: UnitOfWork, call: Call) -> Recording:
    recording = uow.recordings.of_call(call.id)
    if recording is None or recording.state is not RecordingState.RECORDING:
        raise LateEventError("nothing is being recorded")
    return recording


def _second(recording: Recording, event: LegEvent) -> float:
    began = recording.started_at or event.occurred_at
    return round(max((event.occurred_at - began).total_seconds(), 0.0), 3)


def _note(uow: UnitOfWork, call: Call, action: str, verb: str, second: float) -> None:
    uow.audit.note(
        user_id=uow.calls.last_asker(call.id, verb),
        action=action,
        subject_kind="call",
        subject=call.id,
        patient_id=call.patient_id,
        detail={"second": second},
    )
    tell_of_call(uow, call)
