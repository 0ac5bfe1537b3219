"""The object store over a folder."""

import stat
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from followup.ports import RecordingStore
from recordings.object_store import ObjectStore, ObjectStoreError, recording_uri

URI = "store://recordings/2026/11/one.flac"


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(tmp_path / "store")


def test_an_object_is_read_back_whole_and_in_parts(store: ObjectStore) -> None:
    store.put(URI, b"0123456789")
    as_port: RecordingStore = store
    assert as_port.read(URI) == b"0123456789"
    assert as_port.read_range(URI, 2, 5) == b"234"
    assert as_port.read_range(URI, 8, 99) == b"89"
    assert as_port.read_range(URI, 10, 12) == b""


def test_putting_again_replaces_and_deleting_twice_is_harmless(store: ObjectStore) -> None:
    store.put(URI, b"old")
    store.put(URI, b"new")
    assert store.read(URI) == b"new"
    store.delete(URI)
    store.delete(URI)
    assert not store.exists(URI)
    with pytest.raises(FileNotFoundError, match=f"there is no {URI} in the object store"):
        store.read(URI)


def test_others_cannot_enter_the_folder_and_nothing_half_written_lies_there(store: ObjectStore, tmp_path: Path) -> None:
    store.put(URI, b"x")
    assert stat.S_IMODE((tmp_path / "store").stat().st_mode) == 0o700
    assert [path.name for path in (tmp_path / "store").rglob("*") if path.is_file()] == ["one.flac"]


@pytest.mark.parametrize("uri", ["recordings/x", "/etc/passwd", "store://", "store://../x", "file:///etc/passwd"])
def test_an_address_outside_the_store_is_refused(store: ObjectStore, uri: str) -> None:
    with pytest.raises(ValueError, match="is not an address in the store"):
        store.read(uri)


def test_a_refusal_of_the_disk_is_told_in_one_line(store: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "store" / "recordings").write_text("a file where a folder should be")
    with pytest.raises(ObjectStoreError, match=f"could not write {URI}") as refused:
        store.put(URI, b"x")
    assert "\n" not in str(refused.value)


def test_the_address_of_a_recording_follows_its_month_in_utc() -> None:
    late = datetime(2026, 12, 1, 1, 0, tzinfo=timezone(timedelta(hours=8)))
    assert recording_uri("abc", late) == "store://recordings/2026/11/abc.flac"
    assert recording_uri("abc", datetime(2026, 12, 1, tzinfo=UTC)) == "store://recordings/2026/12/abc.flac"
