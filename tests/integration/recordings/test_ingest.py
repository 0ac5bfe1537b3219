"""Ingest on a real database: the file first, then the row, then the spool; whoever dies in between loses nothing."""

import hashlib
import io
import shutil
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from followup.events import EventKind
from followup.ledger import LedgerKind
from followup.recordings import (
    DISK_FULL,
    STORE_AWAY,
    Channel,
    FaultKind,
    Recording,
    RecordingFault,
    RecordingState,
)
from recordings.ingest import ingest, park
from recordings.object_store import ObjectStore
from recordings.verify import FaultKind as FileFault
from recordings.verify import verify
from runtime.settings import Settings
from suifang import verify_command
from tests.support.builders import a_call, a_patient, a_queue, a_recording, a_task, an_attempt
from tests.support.spool import STARTED_AT, voice, write_spool, write_wav


@pytest.fixture
def units_of_work(database_url: str) -> Iterator[UnitsOfWork]:
    engine = make_engine(database_url)
    yield UnitsOfWork(engine)
    engine.dispose()


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(tmp_path / "store")


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return write_spool(tmp_path / "spool" / "call", agent=voice(1, 8000), patient=voice(2, 9600), agent_offset=80)


@pytest.fixture
def recording_id(units_of_work: UnitsOfWork, spool: Path) -> str:
    return captured(units_of_work, spool)


def captured(units_of_work: UnitsOfWork, spool: Path) -> str:
    with units_of_work() as uow:
        attempt = an_attempt(uow, a_task(uow, a_patient(uow), a_queue(uow)))
        recording = a_recording(uow, a_call(uow, attempt), spool)
        uow.commit()
        return recording.id


def row(units_of_work: UnitsOfWork, recording_id: str) -> Recording:
    with units_of_work() as uow:
        found = uow.recordings.get(recording_id)
        assert found is not None
        uow.commit()  # so that what was read outlives the transaction
        return found


def events(units_of_work: UnitsOfWork, kind: EventKind) -> list[str]:
    with units_of_work() as uow:
        return [event.subject for event in uow.outbox.unpublished() if event.kind == kind]


def test_a_captured_recording_is_stored_with_its_checksum_and_the_spool_is_emptied(
    units_of_work: UnitsOfWork, store: ObjectStore, spool: Path, recording_id: str
) -> None:
    ingest(units_of_work, store, recording_id)

    stored = row(units_of_work, recording_id)
    assert stored.uri == f"store://recordings/2026/11/{recording_id}.flac"
    flac = store.read(stored.uri)
    assert stored.sha256 == hashlib.sha256(flac).hexdigest()
    assert (stored.state, stored.reason, stored.size) == (RecordingState.STORED, "", len(flac))
    assert (stored.seconds, stored.channels, stored.sample_rate, stored.encrypted) == (1.2, 2, 8000, False)
    assert stored.started_at == STARTED_AT
    assert stored.peaks is not None
    assert stored.peaks["per_second"] == 10
    samples, _ = soundfile.read(io.BytesIO(flac), dtype="int16")
    assert np.array_equal(samples[80:8080, 0], voice(1, 8000))
    assert np.array_equal(samples[:, 1], voice(2, 9600))
    assert not spool.exists()
    assert events(units_of_work, EventKind.RECORDING_STORED) == [recording_id]


def test_what_was_written_before_the_disk_was_full_is_stored_once_there_is_room_and_says_that_the_rest_is_missing(
    units_of_work: UnitsOfWork, store: ObjectStore, spool: Path, recording_id: str
) -> None:
    with units_of_work() as uow:
        recording = uow.recordings.for_update(recording_id)
        assert recording is not None
        recording.fail(DISK_FULL)
        uow.commit()
    ingest(units_of_work, store, recording_id)
    stored = row(units_of_work, recording_id)
    assert (stored.state, stored.reason) == (RecordingState.STORED, DISK_FULL)
    assert stored.faults == [RecordingFault(kind=FaultKind.DISK_FULL)]
    assert not spool.exists()


def test_running_again_changes_nothing_and_tells_nobody(
    units_of_work: UnitsOfWork, store: ObjectStore, recording_id: str
) -> None:
    ingest(units_of_work, store, recording_id)
    before = row(units_of_work, recording_id)
    ingest(units_of_work, store, recording_id)
    after = row(units_of_work, recording_id)
    assert (after.sha256, after.stored_at, after.uri) == (before.sha256, before.stored_at, before.uri)
    assert len(events(units_of_work, EventKind.RECORDING_STORED)) == 1


def test_two_runs_at_one_time_store_one_file_and_tell_it_once(
    units_of_work: UnitsOfWork, store: ObjectStore, recording_id: str
) -> None:
    together = threading.Barrier(2)
    faults: list[BaseException] = []

    def run() -> None:
        together.wait()
        try:
            ingest(units_of_work, store, recording_id)
        except BaseException as fault:  # noqa: BLE001 shown by the test's own thread
            faults.append(fault)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert row(units_of_work, recording_id).state is RecordingState.STORED
    assert len(events(units_of_work, EventKind.RECORDING_STORED)) == 1


def test_a_worker_that_dies_after_writing_the_file_leaves_spool_and_row_for_the_next(
    units_of_work: UnitsOfWork,
    store: ObjectStore,
    spool: Path,
    recording_id: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class DeathError(BaseException):
        pass

    def die(*_: object, **__: object) -> None:
        raise DeathError

    with monkeypatch.context() as dying:
        dying.setattr("recordings.ingest._keep", die)
        with pytest.raises(DeathError):
            ingest(units_of_work, store, recording_id)
    uri = f"store://recordings/2026/11/{recording_id}.flac"
    first_file = store.read(uri)
    assert row(units_of_work, recording_id).state is RecordingState.CAPTURED
    assert len(list(spool.iterdir())) == 4

    ingest(units_of_work, store, recording_id)
    assert store.read(uri) == first_file
    assert row(units_of_work, recording_id).state is RecordingState.STORED


def test_what_was_written_of_a_recording_that_was_destroyed_meanwhile_is_taken_away(
    units_of_work: UnitsOfWork, store: ObjectStore, spool: Path, recording_id: str
) -> None:
    class LateStore(ObjectStore):
        def put_file(self, uri: str, path: Path) -> None:
            super().put_file(uri, path)
            with units_of_work() as uow:
                recording = uow.recordings.for_update(recording_id)
                assert recording is not None
                recording.state = RecordingState.EXPIRED
                uow.commit()

    ingest(units_of_work, LateStore(spool.parent / "late"), recording_id)
    with units_of_work() as uow:
        left = uow.vault.remains(before=uow.now + timedelta(minutes=1), limit=100)
    assert [uri for uri in left if recording_id in uri]
    assert row(units_of_work, recording_id).uri is None


def test_a_recording_that_came_under_a_hold_in_its_spool_is_held_in_the_ledger(
    units_of_work: UnitsOfWork, store: ObjectStore, recording_id: str
) -> None:
    with units_of_work() as uow:
        recording = uow.recordings.for_update(recording_id)
        assert recording is not None
        recording.legal_hold = True
        uow.commit()
    ingest(units_of_work, store, recording_id)
    with units_of_work() as uow:
        kinds = [line.kind for line in uow.vault.lines_of(recording_id)]
    assert kinds == [LedgerKind.STORED, LedgerKind.HELD]


def test_a_spool_left_behind_after_the_commit_is_emptied_by_the_next_run(
    units_of_work: UnitsOfWork, store: ObjectStore, spool: Path, recording_id: str
) -> None:
    ingest(units_of_work, store, recording_id)
    write_spool(spool, agent=voice(1, 8000), patient=voice(2, 9600), agent_offset=80)
    ingest(units_of_work, store, recording_id)
    assert not spool.exists()


def test_files_that_are_not_the_recorders_are_left_in_the_spool(
    units_of_work: UnitsOfWork, store: ObjectStore, spool: Path, recording_id: str
) -> None:
    (spool / "somebody.txt").write_text("else's")
    ingest(units_of_work, store, recording_id)
    assert [path.name for path in spool.iterdir()] == ["somebody.txt"]


def test_an_empty_recording_is_failed_in_words_and_nothing_is_deleted(
    units_of_work: UnitsOfWork, store: ObjectStore, tmp_path: Path
) -> None:
    spool = write_spool(tmp_path / "spool" / "empty", agent=voice(1, 0), patient=voice(2, 0))
    recording_id = captured(units_of_work, spool)
    ingest(units_of_work, store, recording_id)
    ingest(units_of_work, store, recording_id)
    failed = row(units_of_work, recording_id)
    assert failed.state is RecordingState.FAILED
    assert failed.reason == f"neither agent.wav nor patient.wav in {spool} holds any sound"
    assert len(list(spool.iterdir())) == 3
    assert events(units_of_work, EventKind.RECORDING_FAILED) == [recording_id]


def test_a_failed_recording_is_stored_once_its_cause_is_mended(
    units_of_work: UnitsOfWork, store: ObjectStore, spool: Path, recording_id: str
) -> None:
    away = spool.rename(spool.with_name("unmounted"))
    ingest(units_of_work, store, recording_id)
    assert row(units_of_work, recording_id).state is RecordingState.FAILED
    away.rename(spool)
    ingest(units_of_work, store, recording_id)
    mended = row(units_of_work, recording_id)
    assert (mended.state, mended.reason) == (RecordingState.STORED, "")


def test_while_the_store_refuses_the_recording_waits_in_its_spool_and_says_so_and_comes_in_afterwards(
    units_of_work: UnitsOfWork, store: ObjectStore, spool: Path, recording_id: str, tmp_path: Path
) -> None:
    in_the_way = tmp_path / "store" / "recordings"
    in_the_way.write_text("in the way")
    ingest(units_of_work, store, recording_id)
    waiting = row(units_of_work, recording_id)
    assert waiting.state is RecordingState.CAPTURED
    assert waiting.reason.startswith(f"{STORE_AWAY}: the object store could not ")
    assert {"agent.wav", "patient.wav", "recording.json"} <= {path.name for path in spool.iterdir()}
    in_the_way.unlink()
    ingest(units_of_work, store, recording_id)
    stored = row(units_of_work, recording_id)
    assert (stored.state, stored.reason) == (RecordingState.STORED, "")
    assert not spool.exists()


def test_a_spool_disk_without_room_keeps_the_recording_waiting(
    units_of_work: UnitsOfWork, store: ObjectStore, recording_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")
    with monkeypatch.context() as full:
        full.setattr("recordings.audio.shutil.disk_usage", lambda _folder: usage._replace(free=100))
        ingest(units_of_work, store, recording_id)
    waiting = row(units_of_work, recording_id)
    assert waiting.state is RecordingState.CAPTURED
    assert "make room on the spool's disk" in waiting.reason
    ingest(units_of_work, store, recording_id)
    assert row(units_of_work, recording_id).state is RecordingState.STORED


def test_a_file_that_does_not_hold_what_was_written_is_never_stored(
    units_of_work: UnitsOfWork, store: ObjectStore, spool: Path, recording_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as lying:
        lying.setattr("recordings.audio._samples_of", lambda _path: "another")
        ingest(units_of_work, store, recording_id)
    assert row(units_of_work, recording_id).state is RecordingState.CAPTURED
    assert not store.exists(f"store://recordings/2026/11/{recording_id}.flac")
    assert (spool / "agent.wav").exists()


def test_a_recording_whose_every_try_failed_is_parked_once(
    units_of_work: UnitsOfWork, spool: Path, recording_id: str
) -> None:
    park(units_of_work, recording_id, "it could not be stored in five tries")
    park(units_of_work, recording_id, "said twice")
    assert row(units_of_work, recording_id).reason == "it could not be stored in five tries"
    assert len(list(spool.iterdir())) == 3


def test_one_side_alone_is_stored_and_named(units_of_work: UnitsOfWork, store: ObjectStore, tmp_path: Path) -> None:
    spool = write_spool(tmp_path / "spool" / "mono", agent=None, patient=voice(2, 1600))
    recording_id = captured(units_of_work, spool)
    ingest(units_of_work, store, recording_id)
    stored = row(units_of_work, recording_id)
    assert (stored.state, stored.seconds, stored.reason) == (RecordingState.STORED, 0.2, "")
    assert stored.faults == [RecordingFault(kind=FaultKind.SIDE_MISSING, channel=Channel.AGENT)]
    assert stored.peaks is not None
    assert stored.peaks["agent"] == [0, 0]


def test_another_rate_is_failed_in_words_and_the_spool_stays(
    units_of_work: UnitsOfWork, store: ObjectStore, tmp_path: Path
) -> None:
    spool = write_spool(tmp_path / "spool" / "fast", agent=voice(1, 800), patient=None)
    write_wav(spool / "patient.wav", voice(2, 800), rate=44100)
    recording_id = captured(units_of_work, spool)
    ingest(units_of_work, store, recording_id)
    failed = row(units_of_work, recording_id)
    assert failed.state is RecordingState.FAILED
    assert "44100 Hz" in failed.reason
    assert (spool / "patient.wav").exists()


def test_parking_comes_too_late_for_a_recording_that_is_stored(
    units_of_work: UnitsOfWork, store: ObjectStore, recording_id: str
) -> None:
    ingest(units_of_work, store, recording_id)
    park(units_of_work, recording_id, "late")
    assert row(units_of_work, recording_id).state is RecordingState.STORED


def test_verify_tells_whole_changed_and_missing_files_apart(
    units_of_work: UnitsOfWork, store: ObjectStore, tmp_path: Path
) -> None:
    ids = []
    for name in ("whole", "changed", "missing"):
        spool = write_spool(tmp_path / "spool" / name, agent=voice(1, 800), patient=None)
        ids.append(captured(units_of_work, spool))
        ingest(units_of_work, store, ids[-1])
    changed, missing = (row(units_of_work, recording_id).uri or "" for recording_id in ids[1:])
    content = bytearray(store.read(changed))
    content[-1] ^= 1
    store.put(changed, bytes(content))
    store.delete(missing)

    found = {checked.recording_id: checked for checked in verify(units_of_work, store)}
    assert [found[recording_id].fault for recording_id in ids] == [None, FileFault.CHANGED, FileFault.MISSING]
    assert found[ids[0]].in_words() == f"recording {ids[0]}: whole"
    assert "is not the file that was stored" in found[ids[1]].in_words()
    assert found[ids[2]].in_words().endswith("is not in the store; bring it back from a backup")


def test_the_command_counts_and_its_exit_status_tells(
    units_of_work: UnitsOfWork, database_url: str, recording_id: str, tmp_path: Path
) -> None:
    settings = Settings(state_dir=tmp_path / "state")
    store = ObjectStore(settings.store_dir)
    ingest(units_of_work, store, recording_id)
    said = io.StringIO()
    assert verify_command.run(settings, database_url, out=said) == 0
    store.delete(row(units_of_work, recording_id).uri or "")
    assert verify_command.run(settings, database_url, out=said) == 1
    assert said.getvalue().splitlines()[0] == "1 recordings are whole, 0 are not"
    assert said.getvalue().splitlines()[3] == "0 recordings are whole, 1 are not"
