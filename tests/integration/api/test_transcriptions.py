"""Recordings written down anew, and queues with a speech model of their own."""

from io import StringIO
from pathlib import Path

from sqlalchemy import text

from db.users import Role
from followup.attempts import AttemptState
from followup.events import EventKind
from followup.outcomes import AttemptOutcome
from followup.recordings import Channel, Recording, RecordingState, Transcript, Turn
from runtime.identifiers import new_id
from suifang.transcribe_again import run
from tests.integration.api.house import House
from tests.support.builders import a_call, a_patient, a_queue, a_recording, a_task, an_attempt
from transcription.transcripts import model_for

WHY = {"reason": "the larger model is here"}


def a_written_recording(house: House, *, speech_model: str | None = None, uri: str | None = "store://x") -> Recording:
    with house.rows() as uow:
        queue = a_queue(uow)
        queue.speech_model = speech_model
        task = a_task(uow, a_patient(uow), queue, next_action="call_again", next_at=uow.now)
        attempt = an_attempt(
            uow, task, state=AttemptState.CLOSED, closed_at=uow.now, outcome=AttemptOutcome.CONNECTED_PATIENT
        )
        recording = a_recording(
            uow, a_call(uow, attempt), Path("nowhere"), state=RecordingState.TRANSCRIBED, uri=uri, seconds=5.0
        )
        turn = Turn(channel=Channel.PATIENT, start=0.5, end=1.5, text="no pain", confidence=0.9)
        uow.recordings.add_transcript(
            Transcript(
                id=new_id(),
                recording_id=recording.id,
                language="en",
                engine="faster-whisper",
                model="base",
                parameters={"beam_size": 5},
                turns=[turn],
                created_at=uow.now,
            )
        )
    return recording


def asked_for(house: House) -> list[str]:
    with house.units() as uow:
        return [event.subject for event in uow.outbox.unpublished() if event.kind == EventKind.TRANSCRIPTION_ASKED]


def test_an_overseer_has_a_recording_written_down_anew_and_says_why(house: House) -> None:
    recording = a_written_recording(house)
    supervisor = house.caller(Role.SUPERVISOR)
    answer = supervisor.post(f"/recordings/{recording.id}/transcriptions", WHY)
    assert (answer.status_code, answer.json()) == (202, {"recording_id": recording.id, "transcripts": 1})
    assert asked_for(house) == [recording.id]
    with house.units.engine.connect() as connection:
        query = text("SELECT detail->>'reason' FROM audit_log WHERE action = 'transcription_asked'")
        assert connection.execute(query).scalars().all() == [WHY["reason"]]


def test_what_has_no_sound_cannot_be_written_down(house: House) -> None:
    recording = a_written_recording(house, uri=None)
    refused = house.caller(Role.SUPERVISOR).post(f"/recordings/{recording.id}/transcriptions", WHY)
    assert (refused.status_code, refused.json()["code"]) == (404, "recording_not_stored")
    assert asked_for(house) == []


def test_every_text_of_a_recording_tells_what_made_it(house: House) -> None:
    recording = a_written_recording(house)
    (made,) = house.caller(Role.AGENT).get(f"/recordings/{recording.id}/transcripts").json()["transcripts"]
    assert (made["engine"], made["model"], made["parameters"], made["turns"]) == (
        "faster-whisper", "base", {"beam_size": 5}, 1,
    )  # fmt: skip
    assert "text" not in made


def test_the_command_asks_for_it_too_and_refuses_what_is_not_there(house: House) -> None:
    recording = a_written_recording(house)
    out, errors = StringIO(), StringIO()
    assert run(house.units, recording.id, out=out, errors=errors) == 0
    assert "1 transcript(s) stay" in out.getvalue()
    assert asked_for(house) == [recording.id]
    assert run(house.units, new_id(), out=out, errors=errors) == 2
    assert run(house.units, "call.wav", out=out, errors=errors) == 2
    assert "call.wav is no recording's id" in errors.getvalue()


def test_a_queue_is_given_one_of_the_speech_models_that_are_set(house: House) -> None:
    supervisor = house.caller(Role.SUPERVISOR)
    with house.rows() as uow:
        queue_id = a_queue(uow).id
    refused = supervisor.ask("PATCH", f"/queues/{queue_id}", json={**WHY, "speech_model": "/etc/passwd"})
    assert (refused.status_code, refused.json()["field"]) == (422, "speech_model")
    for wanted, kept in (("gpu", "gpu"), ("", None)):
        changed = supervisor.ask("PATCH", f"/queues/{queue_id}", json={**WHY, "speech_model": wanted})
        assert changed.json()["speech_model"] == kept


def test_a_recordings_queue_names_the_model_that_hears_it(house: House) -> None:
    assert model_for(house.units, a_written_recording(house, speech_model="gpu").id) == "gpu"
    assert model_for(house.units, a_written_recording(house).id) is None
