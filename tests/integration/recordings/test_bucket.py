"""Recordings in a bucket of S3, their keys wrapped in a key service: the same vault, and what it does without them."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from followup.recordings import RecordingState
from recordings.ingest import ingest
from recordings.object_store import ObjectStore, ObjectStoreError, recording_uri
from recordings.opening import open_vault
from recordings.rotation import wrap_anew
from recordings.vault import Vault
from recordings.wrapping_keys import WrappingKeyError
from runtime.identifiers import new_id
from runtime.settings import Settings
from suifang.findings import Verdict
from suifang.vault_checks import check_store, check_vault
from tests.support.builders import a_call, a_patient, a_queue, a_recording, a_task, an_attempt
from tests.support.s3 import ACCESS_KEY, REGION, SECRET_KEY, Cloud, running_cloud
from tests.support.spool import STARTED_AT, voice, write_spool

URI = "store://recordings/2026/11/one.flac"
NOBODY = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with running_cloud() as running:
        yield running


@pytest.fixture(scope="module")
def units(module_database_url: str) -> Iterator[UnitsOfWork]:
    engine = make_engine(module_database_url)
    yield UnitsOfWork(engine)
    engine.dispose()


@pytest.fixture
def settings(cloud: Cloud, tmp_path: Path, units: UnitsOfWork) -> Settings:
    with units.engine.begin() as connection:
        connection.execute(text("DELETE FROM vault_keys"))
    name = f"hospital-{new_id()[:8]}"
    cloud.bucket(name)
    return Settings(
        state_dir=tmp_path / "state",
        recordings_url=f"s3://{name}/suifang/one",
        s3_endpoint=cloud.endpoint,
        s3_region=REGION,
        s3_access_key=ACCESS_KEY,
        s3_secret_key=SECRET_KEY,
        s3_seconds=3,
    )


def with_key_service(settings: Settings, cloud: Cloud) -> Settings:
    return settings.model_copy(
        update={
            "vault_key": cloud.wrapping_key(),
            "kms_endpoint": cloud.endpoint,
            "kms_access_key": ACCESS_KEY,
            "kms_secret_key": settings.s3_secret_key,
        }
    )


def captured(units: UnitsOfWork, spool: Path) -> str:
    with units() as uow:
        recording = a_recording(uow, a_call(uow, an_attempt(uow, a_task(uow, a_patient(uow), a_queue(uow)))), spool)
        uow.commit()
        return recording.id


def test_an_object_in_a_bucket_is_read_whole_in_parts_and_taken_away(cloud: Cloud, tmp_path: Path) -> None:
    bucket = cloud.bucket(f"plain-{new_id()[:8]}")
    store = ObjectStore(bucket)
    store.put(URI, b"0123456789")
    assert cloud.keys_in(bucket.name) == ["suifang/one/recordings/2026/11/one.flac"]
    assert store.read(URI) == b"0123456789"
    assert store.read_range(URI, 2, 5) == b"234"
    assert store.read_range(URI, 8, 99) == b"89"
    assert store.read_range(URI, 10, 12) == b""
    with store.open(URI) as file:
        file.seek(7)
        assert file.read() == b"789"
    store.delete(URI)
    store.delete(URI)
    assert not store.exists(URI)
    with pytest.raises(FileNotFoundError, match=f"there is no {URI} in the object store"):
        store.read(URI)


def test_a_large_file_goes_up_in_parts_and_comes_back_the_same(cloud: Cloud, tmp_path: Path) -> None:
    store = ObjectStore(cloud.bucket(f"large-{new_id()[:8]}"))
    large = tmp_path / "large"
    large.write_bytes(b"suifang!" * (20 * 1024 * 1024 // 8))
    store.put_file(URI, large)
    summed = hashlib.sha256()
    with store.open(URI) as file:
        while piece := file.read(1 << 20):
            summed.update(piece)
    assert summed.hexdigest() == hashlib.sha256(large.read_bytes()).hexdigest()
    assert store.read_range(URI, 9_000_001, 9_000_009) == b"uifang!s"


def test_a_call_is_sealed_into_the_bucket_and_heard_from_there(
    settings: Settings, units: UnitsOfWork, cloud: Cloud, tmp_path: Path
) -> None:
    recording_id = captured(
        units, write_spool(tmp_path / "spool" / "call", agent=voice(1, 8000), patient=voice(2, 9600))
    )
    vault = open_vault(settings, units)
    ingest(units, vault, recording_id)
    with units() as uow:
        stored = uow.recordings.get(recording_id)
        assert stored is not None
        assert (stored.state, stored.encrypted) == (RecordingState.STORED, True)
        assert hashlib.sha256(vault.read(stored.uri or "")).hexdigest() == stored.sha256
    (name,) = cloud.keys_in(settings.recordings_url.split("/")[2])
    assert name == f"suifang/one/recordings/2026/11/{recording_id}.flac.sealed"
    assert check_store(settings).verdict is Verdict.GOOD


def test_while_the_bucket_is_away_the_recording_stays_in_the_spool_and_says_so(
    settings: Settings, units: UnitsOfWork, tmp_path: Path
) -> None:
    spool = write_spool(tmp_path / "spool" / "call", agent=voice(1, 800), patient=None)
    recording_id = captured(units, spool)
    away = settings.model_copy(update={"s3_endpoint": NOBODY, "s3_seconds": 1.0})
    ingest(units, open_vault(away, units), recording_id)
    with units() as uow:
        waiting = uow.recordings.get(recording_id)
        assert waiting is not None
        assert waiting.state is RecordingState.CAPTURED
        assert "could not" in waiting.reason
    assert spool.is_dir()
    found = check_store(away)
    assert (found.verdict, "recordings stay in the spool" in found.mend) == (Verdict.WRONG, True)
    ingest(units, open_vault(settings, units), recording_id)
    with units() as uow:
        stored = uow.recordings.get(recording_id)
        assert stored is not None
        assert stored.state is RecordingState.STORED
    assert not spool.exists()


def test_a_bucket_that_does_not_exist_is_told_in_one_line_and_not_taken_for_an_empty_one(cloud: Cloud) -> None:
    bucket = cloud.bucket(f"gone-{new_id()[:8]}", seconds=1)
    cloud.client("s3").delete_bucket(Bucket=bucket.name)
    with pytest.raises(ObjectStoreError, match=f"could not write {URI}") as refused:
        ObjectStore(bucket).put(URI, b"x")
    assert "\n" not in str(refused.value)
    assert not ObjectStore(bucket).exists(URI)
    with pytest.raises(ObjectStoreError, match="could not reach"):
        ObjectStore(bucket).reach()


def test_keys_are_wrapped_in_the_key_service_and_moved_there_from_the_file_without_touching_a_recording(
    settings: Settings, units: UnitsOfWork, cloud: Cloud
) -> None:
    uri = recording_uri(new_id(), STARTED_AT, sealed=True)
    open_vault(settings, units).put(uri, b"fLaC of the time before")
    served = with_key_service(settings, cloud)
    vault: Vault = open_vault(served, units)
    assert vault.read(uri) == b"fLaC of the time before"
    lying = vault.objects.read(uri)
    (*_, ended) = wrap_anew(units, vault.keys)
    assert (ended.done, ended.faults) == (1, ())
    with units() as uow:
        assert uow.vault.wrapping_counts() == {served.vault_key: 1}
    settings.vault_key_path.unlink()
    assert open_vault(served, units).read(uri) == b"fLaC of the time before"
    assert vault.objects.read(uri) == lying
    assert [finding.verdict for finding in check_vault(served, units)] == [Verdict.GOOD]


def test_a_key_service_that_is_away_or_refuses_is_told_by_name(
    settings: Settings, units: UnitsOfWork, cloud: Cloud
) -> None:
    served = with_key_service(settings, cloud)
    uri = recording_uri(new_id(), STARTED_AT, sealed=True)
    open_vault(served, units).put(uri, b"x")
    away = served.model_copy(update={"kms_endpoint": NOBODY})
    with pytest.raises(WrappingKeyError, match="the key service cannot be reached"):
        open_vault(away, units).read(uri)
    assert check_vault(away, units)[0].verdict is Verdict.WRONG
    with pytest.raises(WrappingKeyError, match="nothing here knows the key aws-kms://"):
        open_vault(settings, units).read(uri)
    unknown = served.model_copy(update={"vault_key": served.vault_key[:-12] + "000000000000"})
    with pytest.raises(WrappingKeyError, match="cannot wrap a new key"):
        open_vault(unknown, units).put(uri.replace(".flac", ".opus"), b"x")
