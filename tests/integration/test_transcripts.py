"""Transcripts beside each other: another engine or parameter adds one, and nothing is raised or proposed twice."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import soundfile

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from followup.attempts import AttemptState
from followup.notes import ProposalState
from followup.outcomes import AttemptOutcome
from followup.recordings import RecordingState
from recordings.ingest import ingest
from recordings.object_store import ObjectStore
from runtime.settings import Settings
from scheduler.planning import start_plan
from tests.support.builders import (
    HOSPITAL,
    a_call,
    a_patient,
    a_queue,
    a_recording,
    a_step,
    a_task,
    a_template,
    an_attempt,
    an_encounter,
)
from tests.support.spool import write_spool
from transcription.attempt_notes import draft_for_attempt
from transcription.attempt_proposals import propose_from_recording
from transcription.engine_choice import load_transcriber
from transcription.note_material import NoteMaterial
from transcription.note_words import load_note_words
from transcription.question_phrases import load_question_phrases
from transcription.red_flags import RedFlagSets, load_red_flags
from transcription.transcriber import EngineDescription, Samples, SpeechAwayError, Transcriber, WindowText, Word
from transcription.transcripts import give_up, transcribe

SPEECH = Path(__file__).parents[1] / "support" / "speech" / "ulaw"


class SaidByThePatient:
    """A speech engine that hears the same words in whatever is spoken."""

    def __init__(self, words: str) -> None:
        self._words = words.split()

    @property
    def description(self) -> EngineDescription:
        return EngineDescription(engine="scripted", version="1", model="none", parameters={})

    @property
    def packed_seconds(self) -> float:
        return 30.0

    def language_of(self, windows: Sequence[Samples], among: Sequence[str]) -> str:
        assert windows
        return among[0]

    def transcribe(self, windows: Sequence[Samples], language: str) -> list[WindowText]:
        assert language == "en"
        words = tuple(
            Word(text=f" {word}", start=place / 3, end=place / 3 + 0.3, probability=0.9)
            for place, word in enumerate(self._words)
        )
        return [
            WindowText(words=words, mean_log_probability=-0.1, no_speech_probability=0.0, compression_ratio=1.0)
            for _ in windows
        ]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(state_dir=tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="module")
def transcribers(settings: Settings) -> list[Transcriber]:
    return [load_transcriber(settings.model_copy(update={"speech_beam": beam})) for beam in (1, 2)]


@pytest.fixture
def units_of_work(database_url: str) -> Iterator[UnitsOfWork]:
    engine = make_engine(database_url)
    yield UnitsOfWork(engine)
    engine.dispose()


@pytest.fixture
def material(settings: Settings) -> NoteMaterial:
    return NoteMaterial(
        zone=ZoneInfo("Asia/Shanghai"),
        forms={},
        words=load_note_words(settings.content_dir / "note_words" / "words.yaml"),
        questions=load_question_phrases(settings.content_dir / "heard_answers.yaml"),
        red_flags=RedFlagSets(load_red_flags(settings.content_dir / "red_flags")),
    )


def test_another_parameter_adds_a_transcript_and_neither_alert_nor_proposal_is_doubled(
    units_of_work: UnitsOfWork, transcribers: list[Transcriber], material: NoteMaterial, tmp_path: Path
) -> None:
    patient_side, _ = soundfile.read(SPEECH / "en_fw_left.wav", dtype="int16")
    spool = write_spool(tmp_path / "spool", agent=np.zeros(8000, dtype=np.int16), patient=patient_side)
    store = ObjectStore(tmp_path / "store")
    with units_of_work() as uow:
        attempt = an_attempt(
            uow,
            a_task(uow, a_patient(uow, language="en"), a_queue(uow, language="en")),
            state=AttemptState.CLOSED,
            outcome=AttemptOutcome.CONNECTED_PATIENT,
            closed_at=uow.now,
        )
        recording = a_recording(uow, a_call(uow, attempt), spool)
        uow.commit()
        recording_id, attempt_id = recording.id, attempt.id
    ingest(units_of_work, store, recording_id)
    draft_for_attempt(units_of_work, material, attempt_id)

    for transcriber in [*transcribers, *transcribers]:
        transcribe(units_of_work, store, transcriber, material.red_flags, recording_id)
        propose_from_recording(units_of_work, material, recording_id)

    with units_of_work() as uow:
        transcripts = uow.recordings.transcripts(recording_id)
        assert [transcript.parameters["beam_size"] for transcript in transcripts] == [1, 2]
        assert all("complaint" in transcript.turns[0].text for transcript in transcripts)
        assert [alert.code for alert in uow.alerts.of_recording(recording_id)] == ["unconscious_or_confused"]
        note = uow.notes.of_attempt(attempt_id)
        assert note is not None
        assert len([each for each in note.proposals if each.state is ProposalState.PROPOSED]) == 1
        stored = uow.recordings.get(recording_id)
        assert stored is not None
        assert stored.state is RecordingState.TRANSCRIBED


@pytest.mark.parametrize(
    ("red_flags", "raised"), [((), []), (("heart_failure",), ["breathless_sitting"]), (("stroke",), [])]
)
def test_the_signs_of_the_plan_are_listened_for_besides_the_general_ones(
    units_of_work: UnitsOfWork, material: NoteMaterial, tmp_path: Path, red_flags: tuple[str, ...], raised: list[str]
) -> None:
    patient_side, _ = soundfile.read(SPEECH / "en_fw_left.wav", dtype="int16")
    spool = write_spool(tmp_path / "spool", agent=np.zeros(8000, dtype=np.int16), patient=patient_side)
    store = ObjectStore(tmp_path / "store")
    with units_of_work() as uow:
        patient = a_patient(uow, language="en")
        plan = start_plan(
            uow,
            patient=patient,
            encounter=an_encounter(uow, patient),
            template=a_template(a_step(), red_flags=red_flags),
            queues_by_name={"discharge": a_queue(uow, name="discharge", language="en")},
            now=uow.now,
            variables={},
            time=HOSPITAL,
        )
        uow.flush()
        (task,) = uow.plans.tasks_of_plan(plan.id)
        call = a_call(uow, an_attempt(uow, task, state=AttemptState.CLOSED, closed_at=uow.now))
        recording_id = a_recording(uow, call, spool).id
        uow.commit()
    ingest(units_of_work, store, recording_id)
    speaker = SaidByThePatient("at night I cannot lie flat any more")
    transcribe(units_of_work, store, speaker, material.red_flags, recording_id)
    with units_of_work() as uow:
        assert "lie flat" in uow.recordings.transcripts(recording_id)[0].turns[0].text
        assert [alert.code for alert in uow.alerts.of_recording(recording_id)] == raised


def test_a_recording_waits_for_an_engine_that_is_away_and_is_parked_for_anything_else(
    units_of_work: UnitsOfWork, tmp_path: Path
) -> None:
    with units_of_work() as uow:
        call = a_call(uow, an_attempt(uow, a_task(uow, a_patient(uow), a_queue(uow))))
        recording = a_recording(uow, call, tmp_path)
        recording.state = RecordingState.STORED
        uow.commit()
        recording_id = recording.id
    for error, state in (
        (SpeechAwayError("the speech server cannot be reached"), RecordingState.STORED),
        (RuntimeError("no such model"), RecordingState.FAILED),
    ):
        give_up(units_of_work, recording_id, error)
        with units_of_work() as uow:
            kept = uow.recordings.get(recording_id)
            assert kept is not None
            assert kept.state is state
