"""Failed recordings sent on once more by a person, to the vault or to the speech engine."""

from db.unit_of_work import UnitOfWork
from followup.events import EventKind
from followup.recordings import Recording, RecordingState

_TRIED = (RecordingState.FAILED, RecordingState.CAPTURED)


class NothingToRetryError(ValueError):
    """The recording did not fail, or nothing of it is left; the sentence says which."""


def try_again(uow: UnitOfWork, recording: Recording, *, by: str | None, because: str) -> None:
    """Send it to where it failed. Nothing of its row changes before that worked."""
    if recording.state not in _TRIED:
        raise NothingToRetryError(f"the recording is {recording.state.value}: nothing failed")
    if recording.uri is None and recording.spool is None:
        raise NothingToRetryError(f"nothing of the recording is left: {recording.reason}")
    stored = recording.uri is not None
    uow.emit(recording.event(EventKind.RECORDING_STORED if stored else EventKind.RECORDING_CAPTURED))
    uow.audit.note(
        user_id=by,
        action="recording_tried_again",
        subject_kind="recording",
        subject=recording.id,
        patient_id=recording.patient_id,
        detail={"because": because, "failed_with": recording.reason},
    )
