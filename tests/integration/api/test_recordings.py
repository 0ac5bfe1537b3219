"""Recordings by range, transcripts, alerts, and the record that ties all together."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from api.byte_ranges import ByteRange, UnsatisfiableRangeError, wanted_range
from followup.alerts import Alert, AlertLevel
from followup.attempts import AttemptState
from followup.notes import Note
from followup.outcomes import AttemptOutcome
from followup.recordings import Channel, Recording, RecordingState, Transcript, Turn
from recordings.object_store import recording_uri
from runtime.identifiers import new_id
from tests.integration.api.house import Asking, House
from tests.support.builders import a_call, a_patient, a_queue, a_recording, a_task, an_attempt

SOUND = b"fLaC" + os.urandom(5000)


def a_stored_recording(house: House, **values: Any) -> Recording:
    with house.rows() as uow:
        task = a_task(uow, a_patient(uow), a_queue(uow), next_action="call_again", next_at=uow.now)
        attempt = an_attempt(
            uow,
            task,
            state=AttemptState.CLOSED,
            closed_at=uow.now,
            outcome=AttemptOutcome.CONNECTED_PATIENT,
        )
        call = a_call(uow, attempt)
        recording_id = new_id()
        uri = recording_uri(recording_id, uow.now)
        recording = a_recording(
            uow,
            call,
            Path("nowhere"),
            **{
                "id": recording_id,
                "state": RecordingState.TRANSCRIBED,
                "uri": uri,
                "sha256": "ab" * 32,
                "size": len(SOUND),
                "seconds": 12.5,
                "channels": 2,
                "sample_rate": 8000,
                "peaks": {"per_second": 10, "agent": [1, 2], "patient": [3, 4]},
                **values,
            },
        )
    house.store.put(uri, SOUND)
    return recording


def plays(house: House, recording: Recording) -> int:
    with house.units.engine.connect() as connection:
        query = text("SELECT count(*) FROM audit_log WHERE action = 'recording_played' AND subject = :id")
        return int(connection.execute(query, {"id": recording.id}).scalar_one())


def test_the_whole_sound_is_flac_with_its_tag(house: House, agent: Asking) -> None:
    recording = a_stored_recording(house)
    whole = agent.get(f"/recordings/{recording.id}/audio")
    assert (whole.status_code, whole.content) == (200, SOUND)
    assert whole.headers["content-type"] == "audio/flac"
    assert whole.headers["accept-ranges"] == "bytes"
    assert whole.headers["etag"] == f'"{recording.sha256}"'
    known = agent.get(f"/recordings/{recording.id}/audio", headers={"If-None-Match": whole.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    assert plays(house, recording) == 1


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-", 0, len(SOUND)),
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=5000-", 5000, len(SOUND)),
        ("bytes=-4", len(SOUND) - 4, len(SOUND)),
        ("bytes=4000-999999", 4000, len(SOUND)),
        ("bytes=-999999", 0, len(SOUND)),
    ],
)
def test_a_range_is_answered_with_its_bytes(house: House, agent: Asking, asked: str, start: int, end: int) -> None:
    recording = a_stored_recording(house)
    part = agent.get(f"/recordings/{recording.id}/audio", headers={"Range": asked})
    assert (part.status_code, part.content) == (206, SOUND[start:end])
    assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{len(SOUND)}"
    assert part.headers["content-length"] == str(end - start)
    assert plays(house, recording) == 1


def test_a_range_behind_the_end_is_refused_with_the_size(house: House, agent: Asking) -> None:
    recording = a_stored_recording(house)
    refused = agent.get(f"/recordings/{recording.id}/audio", headers={"Range": f"bytes={len(SOUND)}-"})
    assert (refused.status_code, refused.json()["field"]) == (416, "Range")
    assert refused.headers["content-range"] == f"bytes */{len(SOUND)}"
    assert plays(house, recording) == 0


@pytest.mark.parametrize("header", [None, "", "bytes=-", "bytes=9-3", "bytes=0-1,5-6", "seconds=0-1", "bytes=a-b"])
def test_a_range_that_may_be_ignored_gives_the_whole(header: str | None) -> None:
    assert wanted_range(header, 100) is None


def test_ranges_at_the_edges() -> None:
    assert wanted_range("bytes=99-", 100) == ByteRange(start=99, end=100)
    for unsatisfiable in ("bytes=100-", "bytes=-0"):
        with pytest.raises(UnsatisfiableRangeError):
            wanted_range(unsatisfiable, 100)
    with pytest.raises(UnsatisfiableRangeError):
        wanted_range("bytes=0-", 0)


def test_a_range_of_an_older_file_gives_the_whole_new_one(house: House, agent: Asking) -> None:
    recording = a_stored_recording(house)
    headers = {"Range": "bytes=0-3", "If-Range": '"other"'}
    assert agent.get(f"/recordings/{recording.id}/audio", headers=headers).status_code == 200


def test_a_file_that_is_gone_or_not_there_yet_is_named(house: House, agent: Asking) -> None:
    gone = a_stored_recording(house)
    assert gone.uri is not None
    house.store.delete(gone.uri)
    missing = agent.get(f"/recordings/{gone.id}/audio")
    assert (missing.status_code, missing.json()["code"]) == (410, "recording_gone")
    assert plays(house, gone) == 0
    expired = a_stored_recording(house, state=RecordingState.EXPIRED)
    assert agent.get(f"/recordings/{expired.id}/audio").status_code == 410
    failed = a_stored_recording(
        house, state=RecordingState.FAILED, reason="no sound arrived", uri=None, size=None, sha256=None, peaks=None
    )
    for path in ("audio", "peaks"):
        refused = agent.get(f"/recordings/{failed.id}/{path}")
        assert (refused.status_code, refused.json()["code"]) == (404, "recording_not_stored")
        assert "no sound arrived" in refused.json()["reason"]


def test_metadata_and_waveform_are_read(house: House, agent: Asking) -> None:
    recording = a_stored_recording(house)
    told = agent.get(f"/recordings/{recording.id}").json()
    assert (told["seconds"], told["channels"], told["state"]) == (12.5, 2, "transcribed")
    assert "uri" not in told
    peaks = agent.get(f"/recordings/{recording.id}/peaks").json()
    assert peaks == {"start": 0.0, "per_second": 10, "agent": [1, 2], "patient": [3, 4]}


def test_the_newest_transcript_is_read_turn_by_turn(house: House, agent: Asking) -> None:
    recording = a_stored_recording(house)
    assert agent.get(f"/recordings/{recording.id}/transcript").json()["code"] == "unknown_transcript"
    with house.rows() as uow:
        for model, age in (("base", 1), ("large", 0)):
            uow.recordings.add_transcript(
                Transcript(
                    id=new_id(),
                    recording_id=recording.id,
                    language="zh",
                    engine="faster-whisper",
                    model=model,
                    parameters={},
                    turns=[
                        Turn(
                            channel=Channel.PATIENT,
                            start=0.5,
                            end=1.5,
                            text="吃了两片绿笔格雷",
                            confidence=0.9,
                            written="吃了2片绿笔格雷",
                        )
                    ],
                    created_at=uow.now - timedelta(minutes=age),
                )
            )
    read = agent.get(f"/recordings/{recording.id}/transcript").json()
    assert read["model"] == "large"
    assert read["turns"] == [
        {
            "channel": "patient",
            "start": 0.5,
            "end": 1.5,
            "text": "吃了两片绿笔格雷",
            "confidence": 0.9,
            "written": "吃了2片绿笔格雷",
            "medicines": [{"start": 4, "end": 8, "heard": "绿笔格雷", "name": "氯吡格雷"}],
            "corrections": [],
        }
    ]


def an_alert(house: House, recording: Recording) -> str:
    alert_id = new_id()
    with house.rows() as uow:
        call = uow.calls.get(recording.call_id)
        assert call is not None
        uow._session.add(
            Alert(
                id=alert_id,
                patient_id=recording.patient_id,
                attempt_id=call.attempt_id,
                recording_id=recording.id,
                code="chest_pain",
                level=AlertLevel.RED,
                at_second=3.5,
                raised_at=uow.now,
            )
        )
    return alert_id


def test_an_alert_waits_until_one_person_takes_care_of_it(house: House, agent: Asking, supervisor: Asking) -> None:
    alert_id = an_alert(house, a_stored_recording(house))
    assert [alert["id"] for alert in agent.get("/alerts").json()["alerts"]] == [alert_id]
    taken = agent.post(f"/alerts/{alert_id}/acknowledge").json()
    assert taken["acknowledged_by"] == agent.user_id
    assert agent.get("/alerts").json()["alerts"] == []
    late = supervisor.post(f"/alerts/{alert_id}/acknowledge")
    assert (late.status_code, late.json()["code"]) == (409, "not_possible_now")


def test_the_follow_up_record_ties_task_attempt_call_recording_note_alert_and_next(house: House, agent: Asking) -> None:
    recording = a_stored_recording(house)
    alert_id = an_alert(house, recording)
    with house.rows() as uow:
        call = uow.calls.get(recording.call_id)
        assert call is not None
        attempt = uow.attempts.get(call.attempt_id)
        assert attempt is not None
        note = Note(
            id=new_id(),
            attempt_id=attempt.id,
            task_id=attempt.task_id,
            patient_id=attempt.patient_id,
            language="zh",
            text="已随访",
            created_at=uow.now,
        )
        uow.notes.add(note)
    (follow_up,) = agent.get(f"/patients/{recording.patient_id}/follow-ups").json()["follow_ups"]
    assert follow_up["next"]["action"] == "call_again"
    (tried,) = follow_up["attempts"]
    assert tried["outcome"] == "connected-patient"
    assert (tried["call_id"], tried["end_reason"], tried["party"]) == (call.id, "hang_up", "patient")
    assert (tried["recording_id"], tried["note_id"], tried["note_text"]) == (recording.id, note.id, "已随访")
    assert [alert["id"] for alert in tried["alerts"]] == [alert_id]
