"""A backup brought back elsewhere is the same system; a damaged one, or a place in use, is refused."""

import json
import random
import stat
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from recordings.opening import open_vault
from runtime.embedded import Engines
from runtime.postgres_server import libpq_url
from runtime.settings import Settings
from suifang.backup import BackupError, back_up, keys_beside, restore, verify
from tests.support.engines import cloned_database, temporary_settings

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
FLAC = Path("store/recordings/2026/05/a1.flac")


@pytest.fixture
def settings(dice: random.Random) -> Iterator[Settings]:
    """A hospital with a recording, a key, one recording still being made, and its own servers' passwords."""
    with temporary_settings(hospital_name="第一医院") as made:
        for member, content in (
            (FLAC, dice.randbytes(300_000)),
            (Path("spool/c1/patient.wav"), dice.randbytes(1000)),
            (Path("keys/recordings.key"), dice.randbytes(32)),
            (Path("keys/postgres.json"), b'{"suifang": "of the old machine"}'),
        ):
            (made.state_dir / member).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            (made.state_dir / member).write_bytes(content)
        yield made


@pytest.fixture
def new_place() -> Iterator[Settings]:
    with temporary_settings() as made:
        made.keys_dir.mkdir(parents=True, mode=0o700)
        (made.keys_dir / "postgres.json").write_text('{"suifang": "of the new machine"}')
        yield made


@pytest.fixture
def other_database_url(engines: Engines, _template: str) -> Iterator[str]:
    with cloned_database(engines, _template) as url:
        yield url


def add_patient(database_url: str, name: str) -> None:
    with psycopg.connect(libpq_url(database_url)) as connection:
        connection.execute(
            "INSERT INTO patients (id, record_number, name, language, zone, synthetic, slow_speech, created_at) "
            "VALUES (gen_random_uuid(), %s, %s, 'zh', 'Asia/Shanghai', true, false, now())",
            [name, name],
        )


def patients(database_url: str) -> list[str]:
    with psycopg.connect(libpq_url(database_url)) as connection:
        return [str(row[0]) for row in connection.execute("SELECT name FROM patients ORDER BY name")]


def test_database_recordings_and_keys_come_back_elsewhere(
    settings: Settings, new_place: Settings, database_url: str, other_database_url: str
) -> None:
    add_patient(database_url, "张三𠮷")
    backup = back_up(settings, database_url, None, NOW)
    made = backup.data
    assert made == settings.backups_dir / "suifang-20260504T030201Z.tar"
    assert backup.keys == settings.backups_dir / "suifang-20260504T030201Z.keys.tar"
    assert {stat.S_IMODE(file.stat().st_mode) for file in (backup.data, backup.keys)} == {0o600}

    manifest = restore(new_place, other_database_url, made, overwrite=False, now=NOW)

    assert manifest.hospital == "第一医院"
    assert patients(other_database_url) == ["张三𠮷"]
    for member in (FLAC, Path("spool/c1/patient.wav"), Path("keys/recordings.key")):
        assert (new_place.state_dir / member).read_bytes() == (settings.state_dir / member).read_bytes()
        assert stat.S_IMODE((new_place.state_dir / member).stat().st_mode) == 0o600
    assert "new machine" in (new_place.keys_dir / "postgres.json").read_text()
    add_patient(other_database_url, "afterwards")
    assert not list(new_place.state_dir.glob("restore-*"))


@pytest.mark.parametrize("harm", ["flipped", "cut", "missing", "added", "no manifest", "empty"])
def test_a_damaged_backup_is_refused_and_nothing_changes(
    settings: Settings,
    new_place: Settings,
    database_url: str,
    other_database_url: str,
    dice: random.Random,
    harm: str,
) -> None:
    add_patient(database_url, "张三")
    made = back_up(settings, database_url, None, NOW).data
    harmed = settings.state_dir / "harmed.tar"
    content = bytearray(made.read_bytes())
    with tarfile.open(made) as tar:
        flac = tar.getmember(FLAC.as_posix())
    if harm == "flipped":
        content[flac.offset_data + dice.randrange(flac.size)] ^= 1
        harmed.write_bytes(content)
    elif harm == "cut":
        harmed.write_bytes(content[: flac.offset_data + flac.size // 2])
    elif harm == "empty":
        harmed.write_bytes(b"")
    else:
        left_out = {"missing": FLAC.as_posix(), "no manifest": "manifest.json"}.get(harm)
        with tarfile.open(made) as tar, tarfile.open(harmed, "w") as changed:
            for member in tar:
                if member.name != left_out:
                    changed.addfile(member, tar.extractfile(member))
            if harm == "added":
                changed.add(settings.keys_dir / "recordings.key", arcname="store/more.flac")
    with pytest.raises(BackupError, match="another copy"):
        restore(new_place, other_database_url, harmed, overwrite=True, now=NOW)
    assert patients(other_database_url) == []
    assert not (new_place.state_dir / "store").exists()


def test_a_member_that_would_leave_the_folder_is_refused(settings: Settings, database_url: str) -> None:
    made = back_up(settings, database_url, None, NOW).data
    with tarfile.open(made, "a") as tar:
        tar.add(settings.keys_dir / "recordings.key", arcname="../outside")
    with pytest.raises(BackupError, match="outside"):
        verify(made)


def test_a_database_with_rows_is_refused_unless_told_and_then_replaced_whole(
    settings: Settings, new_place: Settings, database_url: str, other_database_url: str
) -> None:
    add_patient(database_url, "backed up")
    made = back_up(settings, database_url, None, NOW).data
    add_patient(other_database_url, "present")
    (new_place.state_dir / FLAC).parent.mkdir(parents=True)
    (new_place.state_dir / FLAC).write_bytes(b"present")
    with pytest.raises(BackupError, match=r"first patients.*--overwrite"):
        restore(new_place, other_database_url, made, overwrite=False, now=NOW)
    assert patients(other_database_url) == ["present"]

    restore(new_place, other_database_url, made, overwrite=True, now=NOW)

    assert patients(other_database_url) == ["backed up"]
    (aside,) = new_place.state_dir.glob("before-restore-*")
    assert (aside / FLAC).read_bytes() == b"present"
    assert (new_place.state_dir / FLAC).read_bytes() == (settings.state_dir / FLAC).read_bytes()


def test_recordings_without_a_database_are_not_overwritten_either(
    settings: Settings, new_place: Settings, database_url: str, other_database_url: str
) -> None:
    made = back_up(settings, database_url, None, NOW).data
    (new_place.state_dir / FLAC).parent.mkdir(parents=True)
    (new_place.state_dir / FLAC).write_bytes(b"present")
    with pytest.raises(BackupError, match="holds recordings"):
        restore(new_place, other_database_url, made, overwrite=False, now=NOW)


def test_a_database_in_use_is_refused(
    settings: Settings, new_place: Settings, database_url: str, other_database_url: str
) -> None:
    made = back_up(settings, database_url, None, NOW).data
    with (
        psycopg.connect(libpq_url(other_database_url)),
        pytest.raises(BackupError, match="stop every process"),
    ):
        restore(new_place, other_database_url, made, overwrite=True, now=NOW)


def test_a_dump_that_the_database_refuses_changes_nothing(
    settings: Settings, new_place: Settings, database_url: str, other_database_url: str
) -> None:
    add_patient(database_url, "backed up")
    with psycopg.connect(libpq_url(database_url)) as connection:
        # An index that can be made in this database only, as one whose extension is missing on the new machine.
        connection.execute(
            "CREATE FUNCTION at_home(word text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN "
            f"IF current_database() <> '{connection.info.dbname}' THEN RAISE 'not at home'; END IF; RETURN word; END $$"
        )
        connection.execute("CREATE TABLE homely (word text)")
        connection.execute("INSERT INTO homely VALUES ('row')")
        connection.execute("CREATE INDEX ON homely (at_home(word))")
    made = back_up(settings, database_url, None, NOW).data
    add_patient(other_database_url, "present")
    with pytest.raises(BackupError, match="is unchanged"):
        restore(new_place, other_database_url, made, overwrite=True, now=NOW)
    assert patients(other_database_url) == ["present"]
    assert not (new_place.state_dir / "store").exists()


def test_a_backup_never_overwrites_another_and_a_failed_one_leaves_nothing(
    settings: Settings, database_url: str
) -> None:
    target = settings.state_dir.parent / "mine.tar"
    target.write_text("precious")
    with pytest.raises(BackupError, match="exists already"):
        back_up(settings, database_url, target, NOW)
    assert target.read_text() == "precious"
    with pytest.raises(BackupError, match="cannot be dumped"):
        back_up(settings, database_url.replace("/test_", "/gone_"), None, NOW)
    assert list(settings.backups_dir.iterdir()) == []


def test_the_manifest_can_be_read_by_any_program(settings: Settings, database_url: str) -> None:
    made = back_up(settings, database_url, None, NOW).data
    with tarfile.open(made) as tar:
        member = tar.extractfile("manifest.json")
        assert member is not None
        written = json.load(member)
    assert written["version"] == 2
    assert set(written["members"]) == {
        "database.dump",
        FLAC.as_posix(),
        "spool/c1/patient.wav",
    }
    assert set(verify(keys_beside(made)).members) == {"keys/recordings.key", "keys/postgres.json"}


def test_sealed_recordings_come_back_with_their_keys_and_never_without(
    settings: Settings, new_place: Settings, database_url: str, other_database_url: str, tmp_path: Path
) -> None:
    uri = "store://recordings/2026/05/a2.flac.sealed"
    engine = make_engine(database_url)
    open_vault(settings, UnitsOfWork(engine)).put(uri, b"fLaC what was said")
    engine.dispose()
    backup = back_up(settings, database_url, None, NOW)
    assert b"fLaC what was said" not in backup.data.read_bytes()
    with tarfile.open(backup.data) as tar:
        assert not [member.name for member in tar if member.name.startswith("keys/")]
    apart = backup.keys.rename(tmp_path / "in the safe.tar")

    with pytest.raises(BackupError, match="that key is not here: name the file of keys"):
        restore(new_place, other_database_url, backup.data, overwrite=False, now=NOW)
    assert not (new_place.state_dir / "store").exists()

    elsewhere = new_place.model_copy(update={"vault_key_file": tmp_path / "keys of the new machine" / "vault.json"})
    restore(elsewhere, other_database_url, backup.data, overwrite=False, now=NOW, keys=apart)
    engine = make_engine(other_database_url)
    assert open_vault(elsewhere, UnitsOfWork(engine)).read(uri) == b"fLaC what was said"
    engine.dispose()
    assert stat.S_IMODE(elsewhere.vault_key_path.stat().st_mode) == 0o600
