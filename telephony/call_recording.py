"""The recording of a call on the line: begun, captured, or refused by the patient and destroyed."""

from dataclasses import replace
from pathlib import Path

from care.consent import Consent, ConsentScope
from care.patients import PatientId
from db.unit_of_work import UnitOfWork
from followup.calls import Call
from followup.events import DomainEvent, EventKind
from followup.recordings import (
    DISK_FULL,
    NEVER_BEGUN,
    NOBODY_SPOKE,
    REFUSED_BY_PATIENT,
    Recording,
    RecordingState,
    RecordingTrigger,
    next_recording_state,
)
from runtime.identifiers import new_id
from telephony.call_control import LegEvent
from telephony.call_moves import LateEventError, attempt_of, patient_leg_of, tell_of_call
from telephony.effects import DestroyRecording, Effect, PlayPrompt, StopRecorder

DESTROYED = frozenset({REFUSED_BY_PATIENT, NOBODY_SPOKE})
"""Why a recording's files are taken away as soon as they are closed."""

REFUSAL_KEY = "8"
NOTICE = "recording_notice"
NOT_RECORDED = "recording_refused"
"""Prompts: this call is recorded, press 8 if you do not agree; and: this call is not recorded."""


def play_notice(uow: UnitOfWork, call: Call) -> list[Effect]:
    """The notice in an agent's call, where its queue wants it played: over her own words, so that she is not late."""
    queue = uow.queues.get(call.queue_id)
    if call.agent_id is None or queue is None or not queue.played_notice:
        return []
    patient = uow.patients.get(call.patient_id)
    language = (patient.language if patient else None) or queue.language or "zh"
    uow.audit.note(
        user_id=None,
        action="recording_notice_played" if call.recorded else "no_recording_notice_played",
        subject_kind="call",
        subject=call.id,
        patient_id=call.patient_id,
    )
    return [PlayPrompt(leg_id=patient_leg_of(call).id, key=NOTICE, language=language)]


def as_it_is_recorded(call: Call, effects: list[Effect]) -> list[Effect]:
    """The effects, with the word that this call is not recorded in the place of the notice where it is not."""
    if call.recorded:
        return effects
    return [
        replace(effect, key=NOT_RECORDED) if isinstance(effect, PlayPrompt) and effect.key == NOTICE else effect
        for effect in effects
    ]


def refuse_by_key(uow: UnitOfWork, call: Call, key: str) -> list[Effect]:
    """The key that a played notice names, in an agent's call."""
    queue = uow.queues.get(call.queue_id) if key == REFUSAL_KEY and call.agent_id is not None else None
    return refuse_recording(uow, call, by=None) if queue is not None and queue.played_notice else []


def refuse_recording(uow: UnitOfWork, call: Call, *, by: str | None) -> list[Effect]:
    """The patient says no: the recorder stops, what it wrote is destroyed, and both are on record."""
    recording = uow.recordings.of_call(call.id)
    task = uow.plans.task(attempt_of(uow, call).task_id)
    if recording is None or recording.state is not RecordingState.RECORDING or task is None:
        return []
    recording.state = next_recording_state(recording.state, RecordingTrigger.FAIL)
    recording.reason = REFUSED_BY_PATIENT
    uow.captions.forget([recording.id])
    seconds = (uow.now - recording.started_at).total_seconds() if recording.started_at else None
    uow.patients.add_consent(
        Consent(
            id=new_id(),
            patient_id=PatientId(call.patient_id),
            purpose=task.purpose,
            scope=ConsentScope.RECORDING,
            granted=False,
            source="call",
            call_id=call.id,
            at_second=seconds,
            recorded_at=uow.now,
        )
    )
    uow.audit.note(
        user_id=by,
        action="recording_refused",
        subject_kind="call",
        subject=call.id,
        patient_id=call.patient_id,
    )
    return [StopRecorder(leg_id=patient_leg_of(call).id)]


def drop_recording(uow: UnitOfWork, call: Call) -> list[Effect]:
    """He found nobody and heard no notice: what was recorded of him is not kept."""
    recording = uow.recordings.of_call(call.id)
    if recording is None or recording.state is not RecordingState.RECORDING:
        return []
    recording.state = next_recording_state(recording.state, RecordingTrigger.FAIL)
    recording.reason = NOBODY_SPOKE
    uow.captions.forget([recording.id])
    return [StopRecorder(leg_id=patient_leg_of(call).id)]


def recording_started(uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
    """The worker writes both sides from here on."""
    if uow.recordings.of_call(call.id) is not None:
        raise LateEventError("the call has its recording already")
    uow.recordings.add(
        Recording(
            id=new_id(),
            call_id=call.id,
            patient_id=call.patient_id,
            state=next_recording_state(RecordingState.EXPECTED, RecordingTrigger.START),
            spool=str(event.values["folder"]),
            started_at=event.occurred_at,
        )
    )
    return []


def recording_stopped(uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
    """Both files are closed: captured for the vault, destroyed where the patient said no, or failed with the reason.

    One that failed keeps what was written: the vault takes it when somebody has made room and asks for it.
    """
    recording = uow.recordings.of_call(call.id)
    failed = bool(event.values.get("failed"))
    if recording is None and failed:
        recording = Recording(id=new_id(), call_id=call.id, patient_id=call.patient_id)
        uow.recordings.add(recording)
        uow.emit(recording.fail(NEVER_BEGUN))
        tell_of_call(uow, call)
        return []
    if recording is None:
        raise LateEventError("no recording was begun for this call")
    if recording.reason in DESTROYED:
        folder = Path(recording.spool) if recording.spool else None
        recording.spool = None
        return [DestroyRecording(leg_id=event.leg_id, folder=folder)] if folder else []
    if failed:
        uow.emit(recording.fail(DISK_FULL))
        tell_of_call(uow, call)
        return []
    recording.state = next_recording_state(recording.state, RecordingTrigger.CAPTURE)
    uow.emit(
        DomainEvent(
            kind=EventKind.RECORDING_CAPTURED,
            subject=recording.id,
            ids={"call": call.id, "patient": call.patient_id},
        )
    )
    return []
