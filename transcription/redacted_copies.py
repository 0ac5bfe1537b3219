"""Makes a redacted copy of a call from its transcript and from who is known to belong to it."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from db.unit_of_work import UnitOfWork
from followup.recordings import Channel, Recording, Transcript
from followup.redacted_copies import CopyPurpose, RedactedCopy
from runtime.content.library import Content
from runtime.identifiers import new_id
from transcription.redaction import redact_turns
from transcription.sound_redaction import HiddenSeconds, hidden_seconds
from transcription.spoken_names import Known


def make_copy(
    uow: UnitOfWork,
    content: Content,
    recording: Recording,
    transcript: Transcript,
    *,
    purpose: CopyPurpose,
    reason: str,
    hide: Sequence[str],
    until: datetime | None,
    by: str,
) -> RedactedCopy:
    """The copy as it is released; `hide` are words a person wants hidden besides."""
    known = _known(uow, recording, hide)
    clean = redact_turns(
        transcript.turns,
        transcript.language,
        content.redaction,
        known,
        content.medicine_names.with_numerals(),
    )
    return RedactedCopy(
        id=new_id(),
        recording_id=recording.id,
        patient_id=recording.patient_id,
        transcript_id=transcript.id,
        language=transcript.language,
        purpose=purpose,
        reason=reason,
        turns=[each.turn for each in clean],
        hidden=[
            {"channel": each.channel.value, "start": round(each.start, 2), "end": round(each.end, 2)}
            for each in hidden_seconds(transcript.turns, clean)
        ],
        found=dict(Counter(finding.kind.value for each in clean for finding in each.hidden)),
        released_by=by,
        released_at=uow.now,
        until=until,
    )


def seconds_of(copy: RedactedCopy) -> list[HiddenSeconds]:
    """The stretches of a copy that are not heard."""
    return [
        HiddenSeconds(
            channel=Channel(str(each["channel"])), start=float(str(each["start"])), end=float(str(each["end"]))
        )
        for each in copy.hidden
    ]


def _known(uow: UnitOfWork, recording: Recording, hide: Sequence[str]) -> Known:
    """The patient, his relatives and the agent who spoke: their names are hidden however they were heard."""
    patient = uow.patients.get(recording.patient_id)
    call = uow.calls.get(recording.call_id)
    agent = uow.users.get(call.agent_id) if call is not None and call.agent_id else None
    names = [relative.name for relative in uow.relatives.of_patient(recording.patient_id)]
    if patient is not None:
        names.append(patient.name)
    if agent is not None:
        names.append(agent.display_name)
    return Known(names=tuple(dict.fromkeys(names)), words=tuple(hide))
