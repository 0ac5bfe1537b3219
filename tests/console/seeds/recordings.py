"""Sealed recordings of real speech with their transcripts: two languages, a long one, each state there is."""

import hashlib
import io
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from db.unit_of_work import UnitOfWork
from db.users import Role
from followup.alerts import Alert, AlertLevel
from followup.attempts import AttemptState
from followup.calls import EndReason, Party
from followup.outcomes import AttemptOutcome
from followup.recording_remarks import RecordingComment
from followup.recordings import Channel, Recording, RecordingState, Transcript, Turn
from recordings.object_store import recording_uri
from recordings.opening import open_vault
from recordings.peaks import PeakMeter
from recordings.vault import Vault
from runtime.identifiers import new_id
from runtime.settings import Settings
from tests.integration.api.house import SEARCH, House
from tests.support.builders import a_call, a_patient, a_queue, a_recording, a_task, an_agent, an_attempt
from tests.support.spoken_calls import RATE, SpokenCall, spoken_call
from transcription.turn_index import TurnIndex

AGENT, PATIENT = Channel.AGENT, Channel.PATIENT
CHINESE = (
    (AGENT, "zh_funasr_asr_example"),
    (PATIENT, "zh_az_01"),
    (AGENT, "zh_az_09"),
    (PATIENT, "zh_az_02"),
    (AGENT, "zh_az_05"),
    (PATIENT, "zh_az_08"),
)
ENGLISH = (
    (AGENT, "en_lv_0880"),
    (PATIENT, "en_az_weather"),
    (AGENT, "en_fw_left"),
    (PATIENT, "en_jfk"),
)
SPOKEN_WORD = "银杏树"
"""Said by the patient in the fourth turn of each Chinese call."""


class RecordedHouse:
    """Puts recordings into a house whose store is a vault."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house = house
        self.vault: Vault = open_vault(Settings(state_dir=folder), house.units)
        house.app.state.wiring = replace(house.app.state.wiring, store=self.vault)
        self._index = TurnIndex(house.units, SEARCH.words)

    def recorded(self, spoken: SpokenCall, **more: Any) -> Recording:
        """A call that was stored, written down and indexed."""
        with self.house.rows() as uow:
            recording = self._row(uow, more)
            flac = _flac(spoken)
            meter = PeakMeter()
            samples = _samples(spoken)
            meter.hear(samples)
            recording.uri = recording_uri(recording.id, uow.now, sealed=True)
            recording.encrypted = True
            recording.sha256 = hashlib.sha256(flac).hexdigest()
            recording.samples_sha256 = hashlib.sha256(samples.tobytes()).hexdigest()
            recording.size = len(flac)
            recording.seconds = len(samples) / RATE
            recording.channels, recording.sample_rate = 2, RATE
            recording.peaks = meter.peaks()
            recording.stored_at = uow.now
            recording.state = RecordingState.TRANSCRIBED
            uow.recordings.add_transcript(_transcript(recording.id, spoken, uow.now))
        self.vault.put(recording.uri, flac)
        self._index.bring(recording.id)
        return recording

    def unplayable(self, state: RecordingState, reason: str = "", **more: Any) -> Recording:
        """A call whose sound cannot be heard (any more)."""
        with self.house.rows() as uow:
            recording = self._row(uow, more)
            recording.state, recording.reason = state, reason
            return recording

    def _row(self, uow: UnitOfWork, more: dict[str, Any]) -> Recording:
        patient = more.get("patient") or a_patient(uow, name=more.get("name", "欧阳建国"))
        queue = more.get("queue") or a_queue(uow)
        agent_id = more.get("agent_id") or an_agent(uow, queue).id
        at = uow.now - more.get("ago", timedelta(hours=1))
        attempt = an_attempt(
            uow,
            a_task(uow, patient, queue),
            state=AttemptState.CLOSED,
            reserved_at=at,
            closed_at=at + timedelta(minutes=2),
            outcome=more.get("outcome", AttemptOutcome.CONNECTED_PATIENT),
            agent_id=agent_id,
        )
        call = a_call(
            uow, attempt, agent_id=agent_id, end_reason=EndReason.HANG_UP, party=Party.PATIENT, trunk="carrier-1"
        )
        return a_recording(uow, call, Path("nowhere"), started_at=at, seconds=48.0)


def _samples(spoken: SpokenCall) -> Any:
    return (spoken.stereo * 32767).astype(np.int16)


def _flac(spoken: SpokenCall) -> bytes:
    kept = io.BytesIO()
    soundfile.write(kept, _samples(spoken), RATE, format="FLAC", subtype="PCM_16")
    return kept.getvalue()


def _transcript(recording_id: str, spoken: SpokenCall, at: datetime) -> Transcript:
    return Transcript(
        id=new_id(),
        recording_id=recording_id,
        language=spoken.language,
        engine="faster-whisper",
        model="base",
        parameters={},
        turns=[
            Turn(
                channel=said.channel,
                start=round(said.start, 2),
                end=round(said.end, 2),
                text=said.text,
                confidence=0.62 if position % 5 == 2 else 0.91,
            )
            for position, said in enumerate(spoken.said)
        ],
        created_at=at,
    )


def lengthened(spoken: SpokenCall, times: int) -> SpokenCall:
    """The same call said over and over: a long one."""
    seconds = len(spoken.stereo) / RATE
    said = tuple(
        replace(one, start=one.start + seconds * time, end=one.end + seconds * time)
        for time in range(times)
        for one in spoken.said
    )
    return SpokenCall(stereo=np.tile(spoken.stereo, (times, 1)), said=said, language=spoken.language)


def comments_on(uow: UnitOfWork, recording: Recording, words: Sequence[tuple[float, str]], by: str) -> None:
    """Notes of a listener."""
    for second, said in words:
        uow.remarks.add(
            RecordingComment(id=new_id(), recording_id=recording.id, second=second, words=said, by=by, at=uow.now)
        )


def a_red_flag(uow: UnitOfWork, recording: Recording, second: float) -> None:
    """A sign of danger that was heard."""
    uow.alerts.add(
        Alert(
            id=new_id(),
            patient_id=recording.patient_id,
            recording_id=recording.id,
            code="chest_pain",
            level=AlertLevel.RED,
            at_second=second,
            raised_at=uow.now,
        )
    )


def seed(house: House) -> None:
    """Enough for two pages of the list."""
    made = RecordedHouse(house, Path(tempfile.mkdtemp(prefix="suifang-seed-")))
    zh, en = spoken_call(CHINESE), spoken_call(ENGLISH)
    supervisor = house.person(Role.SUPERVISOR)
    agent = house.person(Role.AGENT)
    with house.rows() as uow:
        queue = a_queue(uow, name="心内科出院随访")
        other = a_queue(uow, name="骨科手术后三个月康复情况与用药依从性随访（长名称队列）")
        agent_id = an_agent(uow, queue, other).id
    first = made.recorded(zh, queue=queue, agent_id=agent_id, ago=timedelta(minutes=20))
    made.recorded(
        en, queue=queue, agent_id=agent_id, name="Alexandra Featherstonehaugh-Cholmondeley", ago=timedelta(hours=2)
    )
    made.recorded(
        lengthened(zh, 40), queue=other, agent_id=agent_id, name="买买提·阿卜杜热合曼", ago=timedelta(hours=3)
    )
    with house.rows() as uow:
        comments_on(
            uow,
            first,
            [(9.0, "开场白没有说明录音。"), (24.5, "这里应当再问一次用药情况，并核对剂量与服用时间。")],
            supervisor.user_id,
        )
        a_red_flag(uow, first, 17.0)
    gone = made.recorded(zh, queue=queue, agent_id=agent_id, ago=timedelta(hours=4))
    made.vault.delete(gone.uri or "")
    made.unplayable(RecordingState.EXPIRED, queue=queue, agent_id=agent_id, ago=timedelta(days=900))
    made.unplayable(RecordingState.CAPTURED, queue=queue, agent_id=agent_id, ago=timedelta(minutes=1))
    made.unplayable(
        RecordingState.FAILED,
        "one side's file ends before any sound",
        queue=queue,
        agent_id=agent_id,
        ago=timedelta(hours=5),
    )
    short = spoken_call(CHINESE[:3])
    outcomes = list(AttemptOutcome)[:5]
    for number in range(60):
        made.recorded(
            short,
            queue=queue if number % 3 else other,
            agent_id=agent_id,
            name=("王芳", "李伟", "诸葛孔明")[number % 3],
            outcome=outcomes[number % len(outcomes)],
            ago=timedelta(hours=6 + number * 7),
        )
    print(f"first recording: /recordings/{first.id}?t=9  agent of the calls {agent_id}, {agent.login}", flush=True)
