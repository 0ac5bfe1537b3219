"""From the vault's file to the transcript's row: what was said, by which model, and the signs of danger in it."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

import structlog

from db.unit_of_work import UnitOfWork
from followup.events import EventKind
from followup.ports import RecordingStore
from followup.recordings import (
    Recording,
    RecordingState,
    RecordingTrigger,
    Transcript,
    next_recording_state,
)
from runtime.identifiers import new_id
from transcription.audio import UnreadableRecordingError
from transcription.heard_alerts import raise_heard
from transcription.languages import spoken_language
from transcription.pipeline import TranscribedCall, transcribe_recording
from transcription.red_flags import RedFlagSets
from transcription.transcriber import EngineDescription, SpeechAwayError, Transcriber

log = structlog.get_logger(__name__)

_HEARABLE = (RecordingState.STORED, RecordingState.TRANSCRIBED, RecordingState.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What has to be heard."""

    uri: str
    attempt_id: str
    language: str


def transcribe(
    units_of_work: Callable[[], UnitOfWork],
    store: RecordingStore,
    transcriber: Transcriber,
    red_flags: RedFlagSets,
    recording_id: str,
    names: Collection[str] = (),
) -> None:
    """Add this model's transcript of a stored recording; done once per model, language and parameters.

    Another model's transcripts stay. A sign of danger is raised once per recording, whoever heard it first, and not
    when it is known already that a stranger spoke. `names` are names of medicines that look like numbers.
    """
    with units_of_work() as uow:
        work = _work(uow, recording_id, transcriber.description)
    if work is None:
        log.info("nothing_to_transcribe", recording=recording_id)
        return
    try:
        heard = transcribe_recording(store.read(work.uri), transcriber, work.language, names=names)
    except UnreadableRecordingError as error:
        park(units_of_work, recording_id, str(error))
        return
    with units_of_work() as uow:
        recording = uow.recordings.for_update(recording_id)
        if recording is None or _is_done(uow, recording_id, transcriber.description):
            return  # another run was faster
        _keep(uow, recording, heard)
        raise_heard(uow, recording, work.attempt_id, heard.turns, heard.language, red_flags)
        uow.emit(recording.event(EventKind.TRANSCRIPT_READY))
        uow.commit()


def model_for(units_of_work: Callable[[], UnitOfWork], recording_id: str) -> str | None:
    """The name of the speech model that the recording's queue wants; none where it has none of its own."""
    with units_of_work() as uow:
        recording = uow.recordings.get(recording_id)
        call = uow.calls.get(recording.call_id) if recording is not None else None
        queue = uow.queues.get(call.queue_id) if call is not None else None
        return queue.speech_model if queue is not None else None


def park(units_of_work: Callable[[], UnitOfWork], recording_id: str, reason: str) -> None:
    """Fail a stored recording that cannot be transcribed; its file stays in the vault and can be played."""
    with units_of_work() as uow:
        recording = uow.recordings.for_update(recording_id)
        if recording is None or recording.state is not RecordingState.STORED:
            return
        uow.emit(recording.fail(reason))
        uow.commit()
    log.error("recording_failed", recording=recording_id, reason=reason)


def give_up(units_of_work: Callable[[], UnitOfWork], recording_id: str, error: BaseException) -> None:
    """After the last try: what an engine that is away has not heard waits, and is sent again; anything else is parked.

    A server away for an hour must not leave an hour's calls without their signs of danger until somebody sees it.
    """
    if isinstance(error, SpeechAwayError):
        log.error("recording_waits_for_speech_engine", recording=recording_id, reason=str(error))
        return
    park(units_of_work, recording_id, f"every try to transcribe it failed, at last with: {error}")


def _work(uow: UnitOfWork, recording_id: str, engine: EngineDescription) -> _Work | None:
    recording = uow.recordings.get(recording_id)
    if recording is None or recording.uri is None or recording.state not in _HEARABLE:
        return None
    if _is_done(uow, recording_id, engine):
        return None
    call = uow.calls.get(recording.call_id)
    patient = uow.patients.get(recording.patient_id)
    if call is None or patient is None:
        raise LookupError(f"recording {recording_id}: its call or patient does not exist")
    queue = uow.queues.get(call.queue_id)
    return _Work(
        uri=recording.uri,
        attempt_id=call.attempt_id,
        language=spoken_language(queue.language if queue else None, patient.language),
    )


def _is_done(uow: UnitOfWork, recording_id: str, engine: EngineDescription) -> bool:
    """Whether this engine with these parameters has heard the recording already."""
    made_by = (engine.engine, engine.model, _parameters(engine))
    return any((old.engine, old.model, old.parameters) == made_by for old in uow.recordings.transcripts(recording_id))


def _keep(uow: UnitOfWork, recording: Recording, heard: TranscribedCall) -> None:
    uow.recordings.add_transcript(
        Transcript(
            id=new_id(),
            recording_id=recording.id,
            language=heard.language,
            engine=heard.made_by.engine,
            model=heard.made_by.model,
            parameters=_parameters(heard.made_by),
            turns=list(heard.turns),
            created_at=uow.now,
        )
    )
    uow.captions.forget([recording.id])
    if recording.state is RecordingState.FAILED:
        recording.reason = ""
    if recording.state is not RecordingState.TRANSCRIBED:
        recording.state = next_recording_state(recording.state, RecordingTrigger.TRANSCRIBE)


def _parameters(engine: EngineDescription) -> dict[str, object]:
    return {**engine.parameters, "version": engine.version}
