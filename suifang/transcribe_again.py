"""`suifang transcribe --again ID`: has the workers write a stored recording down anew."""

from typing import TextIO
from uuid import UUID

from db.unit_of_work import UnitsOfWork
from followup.events import EventKind


def run(units_of_work: UnitsOfWork, recording_id: str, *, out: TextIO, errors: TextIO) -> int:
    """Ask for it and say what stays; the exit status is 0, or 2 with a sentence on `errors`."""
    try:
        UUID(recording_id)
    except ValueError:
        print(f"{recording_id} is no recording's id; GET /api/v1/calls/ID tells a call's recording", file=errors)
        return 2
    with units_of_work() as uow:
        recording = uow.recordings.get(recording_id)
        if recording is None or recording.uri is None:
            print(f"{recording_id}: there is no such recording in the vault", file=errors)
            return 2
        made = uow.recordings.transcripts(recording_id)
        uow.audit.note(
            user_id=None,
            action="transcription_asked",
            subject_kind="recording",
            subject=recording.id,
            patient_id=recording.patient_id,
            detail={"by": "command line"},
        )
        uow.emit(recording.event(EventKind.TRANSCRIPTION_ASKED))
        uow.commit()
    print(f"asked for; {len(made)} transcript(s) stay as they are, and so does a signed note", file=out)
    return 0
