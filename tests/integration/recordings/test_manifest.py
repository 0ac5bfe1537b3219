"""Manifests and the ledger's verification: whole is said of what is whole, and each harm is named, off-line too."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from sqlalchemy import text

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from recordings.ingest import ingest
from recordings.manifest import MANIFEST, PUBLIC_KEY, SIGNATURE, check_manifest
from recordings.opening import open_vault
from recordings.vault import Vault
from recordings.verify import FaultKind, verify, verify_ledger
from runtime.settings import Settings
from suifang import vault_command, verify_command
from suifang.vault_refusal import VaultCommandError
from tests.support.builders import a_call, a_patient, a_queue, a_recording, a_task, an_attempt
from tests.support.spool import voice, write_spool


@pytest.fixture(scope="module")
def units(module_database_url: str) -> Iterator[UnitsOfWork]:
    engine = make_engine(module_database_url)
    yield UnitsOfWork(engine)
    engine.dispose()


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(state_dir=tmp_path_factory.mktemp("installation") / "state", hospital_name="第一医院")


@pytest.fixture(scope="module")
def vault(settings: Settings, units: UnitsOfWork) -> Vault:
    return open_vault(settings, units)


@pytest.fixture(scope="module")
def stored(units: UnitsOfWork, vault: Vault, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Three calls in the vault."""
    ids = []
    for number in range(3):
        spool = write_spool(
            tmp_path_factory.mktemp("spool") / "call", agent=voice(number, 4000), patient=voice(9 - number, 4800)
        )
        with units() as uow:
            attempt = an_attempt(uow, a_task(uow, a_patient(uow), a_queue(uow)))
            ids.append(a_recording(uow, a_call(uow, attempt), spool).id)
            uow.commit()
        ingest(units, vault, ids[-1])
    return ids


@pytest.fixture
def folder(settings: Settings, units: UnitsOfWork, stored: list[str], tmp_path: Path) -> Path:
    said = io.StringIO()
    made = tmp_path / "manifest"
    assert vault_command.manifest(settings, units, made, recordings=(), with_sound=True, out=said) == 0
    assert vault_command.signing_key_of(settings).fingerprint in said.getvalue()
    return made


def test_a_manifest_with_its_sound_is_whole_and_holds_no_word_of_a_person(folder: Path, stored: list[str]) -> None:
    assert list(check_manifest(folder)) == []
    said = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    assert (said["hospital"], said["complete"], len(said["ledger"])) == ("第一医院", True, 3)
    assert {path.stem for path in folder.glob("*.flac")} == set(stored)
    assert "name" not in json.loads(said["ledger"][0]["text"])["facts"]


def test_the_signature_is_plain_ed25519_over_the_files_bytes(folder: Path) -> None:
    key = load_pem_public_key((folder / PUBLIC_KEY).read_bytes())
    assert isinstance(key, Ed25519PublicKey)
    key.verify((folder / SIGNATURE).read_bytes(), (folder / MANIFEST).read_bytes())


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        ("a word changed", "was changed after it was signed"),
        ("another key", "it is not this hospital's"),
        ("a line out", "the lines before it are missing"),
        ("a sound changed", "neither the file nor its sound"),
        ("a sound encoded anew", "but in another file than was stored"),
        ("a strange sound", "the manifest does not speak of it"),
    ],
)
def test_each_harm_is_named(folder: Path, stored: list[str], harm: str, told: str) -> None:
    manifest, sound = folder / MANIFEST, folder / f"{stored[0]}.flac"
    fingerprint = None
    if harm == "a word changed":
        manifest.write_text(manifest.read_text(encoding="utf-8").replace("第一", "第二"), encoding="utf-8")
    elif harm == "another key":
        fingerprint = "00" * 32
    elif harm == "a line out":
        said = json.loads(manifest.read_text(encoding="utf-8"))
        del said["ledger"][1]
        manifest.write_text(json.dumps(said), encoding="utf-8")
    elif harm == "a strange sound":
        sound.rename(folder / "somebody.flac")
    else:
        samples, rate = soundfile.read(sound, dtype="int16")
        if harm == "a sound changed":
            samples = np.array(samples)
            samples[100, 1] ^= 1
        soundfile.write(sound, samples, rate, subtype="PCM_16", compression_level=0.0)
    assert any(told in fault for fault in check_manifest(folder, fingerprint=fingerprint))


def test_the_command_tells_by_words_and_status(folder: Path, settings: Settings, tmp_path: Path) -> None:
    said = io.StringIO()
    fingerprint = vault_command.signing_key_of(settings).fingerprint
    assert vault_command.check(folder, fingerprint, out=said) == 0
    assert said.getvalue() == f"{folder} is whole\n"
    (folder / SIGNATURE).write_bytes(b"x" * 64)
    assert vault_command.check(folder, fingerprint, out=said) == 1
    with pytest.raises(VaultCommandError, match="does not hold a manifest"):
        vault_command.check(tmp_path / "nothing", None, out=said)


def test_a_manifest_of_one_recording_holds_its_lines_and_who_heard_it(
    settings: Settings, units: UnitsOfWork, stored: list[str], tmp_path: Path
) -> None:
    with units() as uow:
        uow.audit.note(user_id=None, action="recording_played", subject_kind="recording", subject=stored[1])
        uow.commit()
    made = tmp_path / "one"
    vault_command.manifest(settings, units, made, recordings=[stored[1]], with_sound=False, out=io.StringIO())
    said = json.loads((made / MANIFEST).read_text(encoding="utf-8"))
    assert [line["action"] for line in said["access"][stored[1]]] == ["recording_played"]
    assert [json.loads(line["text"])["recording"] for line in said["ledger"]] == [stored[1]]
    assert list(check_manifest(made)) == []
    with pytest.raises(VaultCommandError, match="is not empty"):
        vault_command.manifest(settings, units, made, recordings=(), with_sound=False, out=io.StringIO())
    with pytest.raises(VaultCommandError, match="is not the id of a recording"):
        vault_command.manifest(
            settings, units, tmp_path / "x", recordings=["nobody"], with_sound=False, out=io.StringIO()
        )


def test_verify_opens_every_sealed_file_and_names_what_is_harmed(
    settings: Settings, units: UnitsOfWork, vault: Vault, stored: list[str], module_database_url: str
) -> None:
    said = io.StringIO()
    assert verify_command.run(settings, module_database_url, out=said) == 0
    assert said.getvalue().splitlines()[:1] == ["3 recordings are whole, 0 are not"]
    with units() as uow:
        rows = {row.id: row.uri or "" for row in uow.recordings.in_vault(after=None, limit=10)}
    uris = [rows[each] for each in stored]
    before = [vault.objects.read(uri) for uri in uris]
    flipped = bytearray(before[0])
    flipped[len(flipped) // 2] ^= 1
    vault.objects.put(uris[0], bytes(flipped))
    vault.objects.delete(uris[1])
    key = settings.vault_key_path.rename(settings.vault_key_path.with_name("away"))
    assert {checked.fault for checked in verify(units, open_vault(settings, units))} == {FaultKind.LOCKED}
    key.rename(settings.vault_key_path)
    found = {checked.recording_id: checked.fault for checked in verify(units, open_vault(settings, units))}
    assert [found[each] for each in stored] == [FaultKind.CHANGED, FaultKind.MISSING, None]
    assert verify_command.run(settings, module_database_url, out=said) == 1
    for uri, content in zip(uris, before, strict=True):
        vault.objects.put(uri, content)


def test_a_row_that_was_changed_in_the_database_is_held_against_the_ledger(
    units: UnitsOfWork, stored: list[str], settings: Settings
) -> None:
    key = vault_command.signing_key_of(settings)
    keys = {key.fingerprint: key.private.public_key()}
    assert list(verify_ledger(units, keys)) == []
    with units.engine.begin() as connection:
        connection.execute(
            text("UPDATE recordings SET sha256 = :other WHERE id = :id"), {"other": "0" * 64, "id": stored[2]}
        )
    try:
        assert "names another checksum than the ledger" in "".join(verify_ledger(units, keys))
    finally:
        with units() as uow:
            sha256 = uow.vault.lines_of(stored[2])[0].facts["sha256"]
        with units.engine.begin() as connection:
            connection.execute(
                text("UPDATE recordings SET sha256 = :was WHERE id = :id"), {"was": sha256, "id": stored[2]}
            )


def test_whoever_rewrites_the_ledger_itself_is_found_by_the_signed_head(
    units: UnitsOfWork, stored: list[str], settings: Settings
) -> None:
    key = vault_command.signing_key_of(settings)
    keys = {key.fingerprint: key.private.public_key()}
    with units() as uow:
        anchor = uow.vault.last_anchor()
    assert anchor is not None
    assert anchor.position == 3  # by the first manifest of this module
    with units.engine.begin() as connection:
        connection.execute(text("ALTER TABLE vault_ledger DISABLE TRIGGER USER"))
        connection.execute(text("DELETE FROM vault_ledger WHERE position = 3"))
    assert "is missing from the ledger" in "".join(verify_ledger(units, keys))
    assert [fault for fault in verify_ledger(units, {}) if "missing" in fault]
