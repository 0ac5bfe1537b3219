"""From spool to note through a real worker, broker, database and speech model; and what survives a death on the way."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile
from celery import Celery

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from followup.alerts import AlertLevel
from followup.attempts import AttemptState
from followup.calls import EndReason, Party
from followup.events import EventKind
from followup.notes import Note, NoteState
from followup.outcomes import AttemptOutcome
from followup.parked_tasks import ParkedTaskState
from followup.recordings import Channel, Recording, RecordingState
from recordings.object_store import ObjectStore
from runtime.routing import tasks_for
from runtime.settings import WorkerTasks
from runtime.task_queue import QUEUE, SPEECH_QUEUE, make_task_queue
from tests.support.builders import a_call, a_patient, a_queue, a_recording, a_task, an_attempt
from tests.support.killed_workers import kill_worker
from tests.support.spool import Samples, voice, write_spool
from tests.support.waiting import until
from transcription.weights import find_weights

SPEECH = Path(__file__).parents[1] / "support" / "speech" / "ulaw"
RATE = 8000
PATIENCE = 150.0  # seconds: a worker that starts and loads its model on a busy machine


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = find_weights(None, tmp_path_factory.mktemp("speech")).path
    assert path is not None
    return path


@dataclass(frozen=True, kw_only=True)
class Ward:
    """Database, broker, store and the folder a worker writes its log to."""

    units_of_work: UnitsOfWork
    queue: Celery
    folder: Path
    environment: dict[str, str]
    told: list[tuple[str, str]]  # kind and subject of every event that was relayed

    @property
    def store(self) -> ObjectStore:
        return ObjectStore(self.folder / "state" / "store")

    @property
    def log(self) -> str:
        return (self.folder / "worker.log").read_text() if (self.folder / "worker.log").exists() else ""

    @contextmanager
    def worker(self, tasks: WorkerTasks = WorkerTasks.ALL, **environment: str) -> Iterator[psutil.Process]:
        with (self.folder / "worker.log").open("ab") as log:
            started = subprocess.Popen(
                [sys.executable, "-m", "tests.support.media_worker"],
                env={**self.environment, "SUIFANG_WORKER_TASKS": tasks, **environment},
                stdout=log,
                stderr=log,
            )
        process = psutil.Process(started.pid)
        try:
            yield process
        except BaseException:
            sys.stderr.write(self.log)
            raise
        finally:
            kill_worker(process, self.environment["SUIFANG_BROKER_URL"])
            started.wait()

    def relay(self) -> int:
        """What the scheduler's relay does: send the tasks of every event that is not published yet, and count them."""
        with self.units_of_work() as uow:
            events = uow.outbox.unpublished()
            for event in events:
                self.told.append((event.kind, event.subject))
                for task in tasks_for(event.kind):
                    if not task.startswith("scheduler."):
                        self.queue.send_task(task, args=[event.subject])
            uow.outbox.mark_published([event.id for event in events], uow.now)
            uow.commit()
            return len(events)

    def recording(self, recording_id: str) -> Recording:
        with self.units_of_work() as uow:
            found = uow.recordings.get(recording_id)
            assert found is not None
            uow.commit()  # so that what was read outlives the transaction
            return found

    def note(self, attempt_id: str) -> Note | None:
        with self.units_of_work() as uow:
            found = uow.notes.of_attempt(attempt_id)
            uow.commit()
            return found

    def becomes(self, recording_id: str, state: RecordingState, *, timeout: float = PATIENCE) -> Recording:
        def reached() -> bool:
            self.relay()
            return self.recording(recording_id).state is state

        until(reached, timeout=timeout, what=f"the recording is {state.value}", every=0.1)
        return self.recording(recording_id)

    def settled(self) -> None:
        """Wait until every task that was sent is done."""
        broker = self.queue.connection_for_read().default_channel.client

        def looks_idle() -> bool:
            if any(broker.llen(name) for name in (QUEUE, SPEECH_QUEUE)) or broker.hlen("unacked"):
                return False
            return self.relay() == 0

        def is_idle() -> bool:
            # A message that a worker has just taken is for a moment in neither place: one look is not enough.
            looks.append(looks_idle())
            return looks[-3:] == [True] * 3

        looks: list[bool] = []
        until(is_idle, timeout=PATIENCE, what="no task is left", every=0.1)

    def state(self, recording_id: str, attempt_id: str) -> tuple[object, ...]:
        """Everything these tasks have written, to be compared."""
        with self.units_of_work() as uow:
            recording = uow.recordings.get(recording_id)
            note = uow.notes.of_attempt(attempt_id)
            assert recording is not None
            return (
                recording.state,
                recording.sha256,
                [(t.id, t.turns) for t in uow.recordings.transcripts(recording_id)],
                [(a.id, a.code, a.at_second) for a in uow.alerts.of_recording(recording_id)],
                (note.id, note.text, note.state, [(p.id, p.text) for p in note.proposals]) if note else None,
            )


@pytest.fixture
def ward(database_url: str, broker_url: str, model: Path, tmp_path: Path) -> Iterator[Ward]:
    engine = make_engine(database_url)
    yield Ward(
        units_of_work=UnitsOfWork(engine),
        queue=make_task_queue(broker_url),
        folder=tmp_path,
        environment={
            **os.environ,
            "SUIFANG_STATE_DIR": str(tmp_path / "state"),
            "SUIFANG_DATABASE_URL": database_url,
            "SUIFANG_BROKER_URL": broker_url,
            "SUIFANG_SPEECH_MODEL": str(model),
            "SUIFANG_LOG_FORMAT": "json",
        },
        told=[],
    )
    engine.dispose()


def said(*parts: tuple[float, str], seconds: float) -> Samples:
    """One side of a call: each file of the speech fixtures at its second, silence between."""
    side = np.zeros(round(seconds * RATE), dtype=np.int16)
    for at, name in parts:
        samples, rate = soundfile.read(SPEECH / f"{name}.wav", dtype="int16")
        assert rate == RATE
        side[round(at * RATE) : round(at * RATE) + samples.size] = samples
    return side


def spoken_call(ward: Ward, *, outcome: AttemptOutcome | None = None, language: str = "en") -> tuple[str, str]:
    """A captured call: the agent asks about the weather, the patient tells of a confused complaint three seconds in."""
    agent = said((0.5, "en_az_weather"), seconds=9)
    patient = said((3.0, "en_fw_left"), seconds=9)
    spool = write_spool(ward.folder / "state" / "spool" / "call", agent=agent, patient=patient)
    return captured(ward, spool, outcome=outcome, language=language)


def captured(
    ward: Ward, spool: Path, *, outcome: AttemptOutcome | None = None, language: str = "en"
) -> tuple[str, str]:
    with ward.units_of_work() as uow:
        task = a_task(uow, a_patient(uow, language=language), a_queue(uow, language=None))
        attempt = an_attempt(uow, task)
        if outcome is not None:
            attempt.state, attempt.outcome, attempt.closed_at = AttemptState.CLOSED, outcome, uow.now
        recording = a_recording(uow, a_call(uow, attempt), spool)
        uow.commit()
        return recording.id, attempt.id


def close(ward: Ward, attempt_id: str, outcome: AttemptOutcome) -> None:
    with ward.units_of_work() as uow:
        attempt = uow.attempts.for_update(attempt_id)
        assert attempt is not None
        attempt.state, attempt.outcome, attempt.closed_at = AttemptState.CLOSED, outcome, uow.now
        uow.commit()
    ward.queue.send_task("transcription.draft_note", args=[attempt_id])


def test_a_captured_call_becomes_a_transcript_an_alert_and_proposals_and_running_it_all_again_changes_nothing(
    ward: Ward,
) -> None:
    recording_id, attempt_id = spoken_call(ward)
    with ward.worker():
        ward.queue.send_task("recordings.ingest", args=[recording_id])
        ward.becomes(recording_id, RecordingState.TRANSCRIBED)
        ward.settled()
        assert ward.note(attempt_id) is None, "the agent has not closed the attempt yet"
        close(ward, attempt_id, AttemptOutcome.CONNECTED_PATIENT)
        until(lambda: ward.note(attempt_id), timeout=PATIENCE, what="the draft is written")

        with ward.units_of_work() as uow:
            (transcript,) = uow.recordings.transcripts(recording_id)
            (alert,) = uow.alerts.of_recording(recording_id)
            assert [turn.channel for turn in transcript.turns] == [Channel.AGENT, Channel.PATIENT]
            agent, patient = transcript.turns
            assert "weather" in agent.text
            assert "complaint" in patient.text
            assert 0.2 < agent.start < 1.2
            assert 2.7 < patient.start < 3.8
            assert transcript.engine == "faster-whisper"
            assert transcript.language == "en"
            assert (alert.code, alert.level) == ("unconscious_or_confused", AlertLevel.RED)
            assert patient.start <= alert.at_second <= patient.end
        note = ward.note(attempt_id)
        assert note is not None
        assert "Spoke with the patient" in note.text
        assert [proposal.kind for proposal in note.proposals] == ["red_flag"]
        assert (note.proposals[0].start, note.proposals[0].end) == (patient.start, patient.end)

        before = ward.state(recording_id, attempt_id)
        for task in ("recordings.ingest", "transcription.transcribe", "transcription.propose"):
            ward.queue.send_task(task, args=[recording_id])
        ward.queue.send_task("transcription.draft_note", args=[attempt_id])
        ward.settled()
        assert ward.state(recording_id, attempt_id) == before
        assert ward.told == [
            (EventKind.RECORDING_STORED, recording_id),
            (EventKind.ALERT_RAISED, alert.id),
            (EventKind.TRANSCRIPT_READY, recording_id),
            (EventKind.NOTE_DRAFTED, note.id),
            (EventKind.NOTE_PROPOSALS_READY, note.id),
            (EventKind.NOTE_OUTLINED, note.id),
        ]


def test_a_signed_note_keeps_its_text_and_later_proposals_lie_beside_it(ward: Ward) -> None:
    recording_id, attempt_id = spoken_call(ward, outcome=AttemptOutcome.CONNECTED_PATIENT)
    with ward.worker():
        ward.queue.send_task("transcription.draft_note", args=[attempt_id])
        until(lambda: ward.note(attempt_id), timeout=PATIENCE, what="the draft is written")
        with ward.units_of_work() as uow:
            note = uow.notes.of_attempt(attempt_id)
            assert note is not None
            note.sign(by="00000000-0000-4000-8000-000000000001", at=uow.now)
            text = note.text
            uow.commit()
        ward.queue.send_task("recordings.ingest", args=[recording_id])
        ward.becomes(recording_id, RecordingState.TRANSCRIBED)
        ward.settled()
    signed = ward.note(attempt_id)
    assert signed is not None
    assert (signed.state, signed.text) == (NoteState.SIGNED, text)
    assert [proposal.kind for proposal in signed.proposals] == ["red_flag"]


def test_nothing_a_stranger_said_comes_into_the_patients_record(ward: Ward) -> None:
    recording_id, attempt_id = spoken_call(ward, outcome=AttemptOutcome.WRONG_NUMBER)
    with ward.worker():
        ward.queue.send_task("recordings.ingest", args=[recording_id])
        ward.becomes(recording_id, RecordingState.TRANSCRIBED)
        ward.queue.send_task("transcription.draft_note", args=[attempt_id])
        ward.settled()
    note = ward.note(attempt_id)
    assert note is not None
    assert "Wrong number" in note.text
    assert note.proposals == []
    assert ward.told == [
        (EventKind.RECORDING_STORED, recording_id),
        (EventKind.TRANSCRIPT_READY, recording_id),
        (EventKind.NOTE_DRAFTED, note.id),
    ]


def test_a_worker_child_killed_in_the_middle_of_a_transcription_is_replaced_and_the_work_finished(ward: Ward) -> None:
    recording_id, _ = spoken_call(ward)
    with ward.worker() as process:
        ward.queue.send_task("recordings.ingest", args=[recording_id])
        wait_for_transcription(ward)
        (child,) = process.children()
        child.send_signal(signal.SIGKILL)
        assert ward.recording(recording_id).state is RecordingState.STORED
        ward.becomes(recording_id, RecordingState.TRANSCRIBED)
        assert child.pid not in [other.pid for other in process.children()]
    with ward.units_of_work() as uow:
        assert len(uow.recordings.transcripts(recording_id)) == 1


def test_a_whole_worker_killed_in_the_middle_of_a_transcription_is_followed_by_the_next_one(ward: Ward) -> None:
    recording_id, _ = spoken_call(ward)
    with ward.worker() as process:
        ward.queue.send_task("recordings.ingest", args=[recording_id])
        wait_for_transcription(ward)
        kill_worker(process, ward.environment["SUIFANG_BROKER_URL"])
    assert ward.recording(recording_id).state is RecordingState.STORED
    with ward.worker():
        ward.becomes(recording_id, RecordingState.TRANSCRIBED)
    with ward.units_of_work() as uow:
        assert len(uow.recordings.transcripts(recording_id)) == 1


def test_a_task_that_takes_its_process_down_is_tried_five_times_and_then_parked_with_its_spool(ward: Ward) -> None:
    spool = write_spool(ward.folder / "state" / "spool" / "call", agent=voice(1, 800), patient=voice(2, 800))
    recording_id, _ = captured(ward, spool)
    with ward.worker(WorkerTasks.OTHERS, MEDIA_WORKER_INGEST="dies"):
        ward.queue.send_task("recordings.ingest", args=[recording_id])
        failed = ward.becomes(recording_id, RecordingState.FAILED)
        ward.settled()
    assert failed.reason.startswith("every try to store it failed, at last with: Worker exited prematurely")
    assert ward.log.count("task_started") == 5
    assert len(list(spool.iterdir())) == 3
    with ward.units_of_work() as uow:
        (parked,) = uow.parked.page(state=ParkedTaskState.PARKED, limit=10)
        assert (parked.name, parked.subject, parked.times) == ("recordings.ingest", recording_id, 1)
        assert parked.reason.startswith("WorkerLostError: Worker exited prematurely")
    with ward.worker(WorkerTasks.OTHERS):
        ward.queue.send_task(parked.name, args=[parked.subject])
        assert ward.becomes(recording_id, RecordingState.STORED).uri is not None


def test_a_task_that_hangs_is_ended_and_its_recording_parked_while_others_go_on(ward: Ward) -> None:
    spool = write_spool(ward.folder / "state" / "spool" / "call", agent=voice(1, 800), patient=voice(2, 800))
    recording_id, _ = captured(ward, spool)
    with ward.worker(WorkerTasks.OTHERS, MEDIA_WORKER_INGEST="hangs"):
        ward.queue.send_task("recordings.ingest", args=[recording_id])
        failed = ward.becomes(recording_id, RecordingState.FAILED)
        ward.settled()
    assert failed.reason == "every try to store it failed, at last with: TimeLimitExceeded(2,)"
    assert len(list(spool.iterdir())) == 3


def test_a_file_that_is_gone_from_the_store_is_looked_for_five_times_and_then_parked(ward: Ward) -> None:
    recording_id, _ = spoken_call(ward)
    with ward.worker(WorkerTasks.OTHERS):
        ward.queue.send_task("recordings.ingest", args=[recording_id])
        stored = ward.becomes(recording_id, RecordingState.STORED)
    ward.store.delete(stored.uri or "")
    with ward.worker(WorkerTasks.SPEECH):
        failed = ward.becomes(recording_id, RecordingState.FAILED)
    assert failed.reason == (
        f"every try to transcribe it failed, at last with: there is no {stored.uri} in the object store"
    )


@pytest.mark.parametrize(
    ("outcome", "end_reason", "text"),
    [
        (AttemptOutcome.NO_ANSWER, EndReason.NO_ANSWER, "无人接听"),
        (AttemptOutcome.INVALID_NUMBER, EndReason.INVALID_NUMBER, "空号"),
    ],
)
def test_an_attempt_that_reached_nobody_gets_its_draft_from_the_system(
    ward: Ward, outcome: AttemptOutcome, end_reason: EndReason, text: str
) -> None:
    with ward.units_of_work() as uow:
        attempt = an_attempt(
            uow,
            a_task(uow, a_patient(uow), a_queue(uow)),
            state=AttemptState.CLOSED,
            outcome=outcome,
            closed_at=uow.now,
        )
        a_call(uow, attempt, answered_at=None, end_reason=end_reason, party=Party.CARRIER)
        uow.commit()
        attempt_id = attempt.id
    with ward.worker(WorkerTasks.OTHERS):
        ward.queue.send_task("transcription.draft_note", args=[attempt_id])
        ward.queue.send_task("transcription.draft_note", args=[attempt_id])
        until(lambda: ward.note(attempt_id), timeout=PATIENCE, what="the draft is written")
        ward.settled()
    note = ward.note(attempt_id)
    assert note is not None
    assert text in note.text
    assert (note.state, note.language) == (NoteState.DRAFT, "zh")
    assert ward.told == [(EventKind.NOTE_DRAFTED, note.id)]


def test_a_worker_refuses_to_start_on_a_database_of_another_version(ward: Ward, empty_database_url: str) -> None:
    with ward.worker(WorkerTasks.OTHERS, SUIFANG_DATABASE_URL=empty_database_url) as process:
        until(lambda: gone(process), timeout=PATIENCE, what="the worker ended")
    assert "run `suifang migrate`" in ward.log


def gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def wait_for_transcription(ward: Ward) -> None:
    def began() -> bool:
        ward.relay()
        return any('"task_started"' in line and '"transcription.transcribe"' in line for line in ward.log.splitlines())

    try:
        until(began, timeout=PATIENCE, what="the transcription began", every=0.01)
    except AssertionError as error:
        error.add_note(ward.log[-4000:])
        raise
