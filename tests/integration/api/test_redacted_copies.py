"""A supervisor releases a call without who is spoken of; a reviewer reads and hears it and learns nothing else."""

import io
from datetime import timedelta

import numpy as np
import pytest
import soundfile
from sqlalchemy import text

from db.users import Role
from followup.recordings import Channel, Recording, RecordingState, Transcript, Turn
from recordings.object_store import ObjectStoreError
from recordings.sealing import SealBrokenError
from runtime.identifiers import new_id
from tests.integration.api.house import Asking, House
from tests.integration.api.test_recordings import a_stored_recording

RATE = 8000
_NOISE = np.random.default_rng(3).integers(-20_000, 20_000, (20 * RATE, 2), dtype=np.int16)
ASK = {"purpose": "teaching", "reason": "a good closing of a hard call"}


def _turn(channel: Channel, start: float, end: float, said: str) -> Turn:
    return Turn(channel=channel, start=start, end=end, text=said, confidence=0.9)


@pytest.fixture
def spoken(house: House) -> Recording:
    recording = a_stored_recording(house)
    flac = io.BytesIO()
    soundfile.write(flac, _NOISE, RATE, format="FLAC", subtype="PCM_16")
    assert recording.uri is not None
    house.store.put(recording.uri, flac.getvalue())
    with house.rows() as uow:
        patient = uow.patients.get(recording.patient_id)
        assert patient is not None
        patient.name = "司空见惯"
        uow.recordings.add_transcript(
            Transcript(
                id=new_id(),
                recording_id=recording.id,
                language="zh",
                engine="faster-whisper",
                model="base",
                parameters={},
                turns=[
                    _turn(Channel.AGENT, 0.5, 2.5, "请问是思空见贯吗"),
                    _turn(Channel.PATIENT, 4, 5, "是的"),
                    _turn(Channel.PATIENT, 8, 10, "电话一三八零零幺二三四五六"),
                    _turn(Channel.PATIENT, 14, 16, "血压一百四十，去钱塘江"),
                ],
                created_at=uow.now,
            )
        )
    return recording


def _log(house: House, recording: Recording) -> list[str]:
    query = text("SELECT action FROM audit_log WHERE patient_id = :id AND action LIKE 'redacted%' ORDER BY position")
    with house.units.engine.connect() as connection:
        return list(connection.execute(query, {"id": recording.patient_id}).scalars())


def test_a_reviewer_reads_and_hears_a_released_copy_and_the_patients_log_says_so(
    house: House, supervisor: Asking, spoken: Recording
) -> None:
    reviewer = house.caller(Role.REVIEWER)
    released = supervisor.post(f"/recordings/{spoken.id}/redacted-copies", {**ASK, "hide": ["钱塘江"]})
    assert released.status_code == 201
    copy = released.json()
    assert copy["found"] == {"name": 2, "number": 1}
    assert [each["id"] for each in reviewer.get("/redacted-copies").json()["copies"]] == [copy["id"]]
    read = reviewer.get(f"/redacted-copies/{copy['id']}/transcript")
    assert [(turn["text"], turn["written"]) for turn in read.json()["turns"]] == [
        ("请问是[姓名]吗", ""),
        ("是的", ""),
        ("电话[号码]", ""),
        ("血压一百四十，去[姓名]", "血压140，去[姓名]"),
    ]
    for secret in ("空见", "一三八", "138", "钱塘", spoken.patient_id, spoken.id):
        assert secret not in read.text
        assert secret not in released.text
    whole = reviewer.get(f"/redacted-copies/{copy['id']}/audio")
    assert (whole.status_code, whole.headers["content-type"]) == (200, "audio/wav")
    heard, _ = soundfile.read(io.BytesIO(whole.content), dtype="int16")
    assert np.array_equal(heard[4 * RATE : 7 * RATE], _NOISE[4 * RATE : 7 * RATE])
    for start, end in ((0.5, 2.5), (8, 10)):
        assert np.abs(heard[int(start * RATE) : int(end * RATE)]).max() < 1100
    part = reviewer.get(f"/redacted-copies/{copy['id']}/audio", headers={"Range": "bytes=1000-70000"})
    assert (part.status_code, part.content) == (206, whole.content[1000:70001])
    assert part.headers["content-range"] == f"bytes 1000-70000/{len(whole.content)}"
    behind = reviewer.get(f"/redacted-copies/{copy['id']}/audio", headers={"Range": "bytes=99999999-"})
    assert behind.status_code == 416
    assert _log(house, spoken) == [
        "redacted_copy_released",
        "redacted_copy_read",
        "redacted_copy_played",
        "redacted_copy_played",
    ]


def test_a_reviewer_sees_no_recording_no_patient_and_nothing_that_was_not_released(
    house: House, agent: Asking, spoken: Recording
) -> None:
    reviewer = house.caller(Role.REVIEWER)
    for path in (f"/recordings/{spoken.id}", f"/recordings/{spoken.id}/transcript", f"/recordings/{spoken.id}/audio"):
        assert reviewer.get(path).status_code == 403
    assert reviewer.get(f"/patients/{spoken.patient_id}").status_code == 403
    assert reviewer.post(f"/recordings/{spoken.id}/redacted-copies", ASK).status_code == 403
    assert agent.post(f"/recordings/{spoken.id}/redacted-copies", ASK).status_code == 403
    assert reviewer.get(f"/redacted-copies/{new_id()}/audio").status_code == 404
    assert reviewer.get("/redacted-copies").json()["copies"] == []


def test_a_copy_is_shut_when_it_is_withdrawn_when_its_time_is_over_and_when_the_recording_is_destroyed(
    house: House, supervisor: Asking, spoken: Recording
) -> None:
    reviewer = house.caller(Role.REVIEWER)
    first, second, third = (
        supervisor.post(f"/recordings/{spoken.id}/redacted-copies", ASK).json()["id"] for _ in range(3)
    )
    supervisor.post(f"/redacted-copies/{first}/withdrawal")
    assert supervisor.post(f"/redacted-copies/{first}/withdrawal").json()["readable"] is False
    with house.rows() as uow:
        over = uow.redacted_copies.for_update(second)
        assert over is not None
        over.until = uow.now - timedelta(seconds=1)
    for shut in (first, second):
        refused = reviewer.get(f"/redacted-copies/{shut}/audio")
        assert (refused.status_code, refused.json()["code"]) == (410, "redacted_copy_closed")
        assert reviewer.get(f"/redacted-copies/{shut}/transcript").status_code == 410
    with house.rows() as uow:
        recording = uow.recordings.for_update(spoken.id)
        assert recording is not None
        recording.state = RecordingState.EXPIRED
    assert reviewer.get(f"/redacted-copies/{third}/audio").json()["code"] == "recording_gone"
    with house.rows() as uow:
        assert uow.redacted_copies.purge(spoken.id) == 3
        assert uow.redacted_copies.purge(spoken.id) == 0
    assert reviewer.get(f"/redacted-copies/{third}/transcript").status_code == 410
    assert len(supervisor.get("/redacted-copies").json()["copies"]) >= 3


def test_without_a_transcript_nothing_is_released(house: House, supervisor: Asking) -> None:
    recording = a_stored_recording(house)
    refused = supervisor.post(f"/recordings/{recording.id}/redacted-copies", ASK)
    assert (refused.status_code, refused.json()["code"]) == (404, "unknown_transcript")
    past = supervisor.post(f"/recordings/{recording.id}/redacted-copies", {**ASK, "until": "2020-01-01T00:00:00Z"})
    assert past.status_code in (404, 422)


def test_a_copy_whose_recording_is_out_of_reach_says_so(
    house: House, supervisor: Asking, spoken: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = supervisor.post(f"/recordings/{spoken.id}/redacted-copies", ASK).json()["id"]

    def away(*_: object) -> None:
        raise ObjectStoreError("the object store could not read it")

    def broken(*_: object) -> None:
        raise SealBrokenError("changed")

    for how, status, code in ((away, 503, "unavailable"), (broken, 500, "recording_damaged")):
        monkeypatch.setattr(house.store, "open", how)
        told = supervisor.get(f"/redacted-copies/{copy}/audio")
        assert (told.status_code, told.json()["code"]) == (status, code)
    monkeypatch.undo()
    monkeypatch.setattr(house.store, "read_known_range", broken)
    assert supervisor.get(f"/redacted-copies/{copy}/audio").json()["code"] == "recording_damaged"
