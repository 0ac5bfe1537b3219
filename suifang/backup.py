"""A backup is two tars, each with a manifest of checksums: one of database and recordings, one of keys.

The database is dumped before the files are read: a file is stored before its row is committed, so every row of the
dump finds its file in the tar. Sealed recordings cannot be opened with the first tar alone; what is written of patients
in the database can be read in it, and so can calls that were in the spool. Whoever has both has everything.
"""

import fcntl
import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO

from db.migrate import upgrade
from runtime.settings import Settings, private_folder
from suifang.database_dump import DumpError, dump, load, others_connected, tables_with_rows

_DATABASE = "database.dump"
_MANIFEST = "manifest.json"
# A recording moves from spool to store: read in this order it is met at least once.
_FOLDERS = ("spool", "store")
_KEYS = "keys"
_VAULT_KEY = "keys/vault.json"
_SIGNING_KEY = "keys/vault-signing.pem"
# These belong to the servers of one machine: another's would lock this one out.
_NOT_RESTORED = frozenset({"keys/postgres.json", "keys/valkey.json"})
_VERSION = 2
_READ = (1, 2)  # in the first, the keys lie in the one tar


class BackupError(Exception):
    """A backup that cannot be made, read or restored; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a tar holds: for each member its SHA-256; of a backup also which keys open it and where recordings lie."""

    created_at: str
    hospital: str
    members: dict[str, str]
    opened_by: tuple[str, ...] = ()  # wrapping keys that were in the key file
    bucket: str = ""  # recordings that are not in the tar


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """The two files of a backup."""

    data: Path
    keys: Path
    bucket: str


def keys_beside(data: Path) -> Path:
    """Where the keys of a backup are written; they are to be taken elsewhere."""
    return data.with_name(f"{data.stem}.keys.tar")


def back_up(settings: Settings, database_url: str, target: Path | None, now: datetime) -> Backup:
    """Write a backup to `target`, or into the backups folder; a file appears under its name only when it is whole."""
    path = target or private_folder(settings.backups_dir) / f"suifang-{now:%Y%m%dT%H%M%SZ}.tar"
    keys = keys_beside(path)
    for file in (path, keys):
        if file.exists():
            raise BackupError(f"{file} exists already: name another file, a backup never overwrites one")
    if not path.parent.is_dir():
        raise BackupError(f"the folder {path.parent} does not exist: make it, or name a file elsewhere")
    described = Manifest(
        created_at=now.isoformat(),
        hospital=settings.hospital_name,
        members={},
        opened_by=_wrapping_keys(settings.vault_key_path),
        bucket=settings.recordings_url,
    )
    with tempfile.TemporaryDirectory(dir=private_folder(settings.state_dir), prefix="backup-") as work:
        dumped = Path(work) / _DATABASE
        try:
            dump(database_url, dumped)
        except DumpError as error:
            raise BackupError(f"the database cannot be dumped: {error}") from None
        files = [(dumped, _DATABASE)]
        for name in _FOLDERS:
            files += [
                (found, found.relative_to(settings.state_dir).as_posix())
                for found in sorted((settings.state_dir / name).rglob("*"))
            ]
        _write(path, files, described, now)
    try:
        _write(keys, _key_files(settings), described, now)
    except BaseException:
        path.unlink()
        raise
    return Backup(data=path, keys=keys, bucket=settings.recordings_url)


def _write(path: Path, files: Iterable[tuple[Path, str]], described: Manifest, now: datetime) -> None:
    partial = path.with_name(path.name + ".partial")
    members: dict[str, str] = {}
    try:
        with _created(partial) as file, tarfile.open(fileobj=file, mode="w") as tar:
            for found, member in files:
                if found.is_file() and not found.is_symlink():
                    with suppress(FileNotFoundError):  # moved on since it was listed
                        members[member] = _add(tar, found, member)
            _add_manifest(tar, replace(described, members=members), now)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    partial.rename(path)


def _key_files(settings: Settings) -> list[tuple[Path, str]]:
    """Every key, those of the vault under one name wherever they lie."""
    vault = {settings.vault_key_path: _VAULT_KEY, settings.vault_key_path.with_name("vault-signing.pem"): _SIGNING_KEY}
    folder = settings.keys_dir
    others = [found for found in sorted(folder.rglob("*")) if found not in vault and not found.name.startswith(".")]
    return [*((found, f"{_KEYS}/{found.relative_to(folder).as_posix()}") for found in others), *vault.items()]


def _wrapping_keys(path: Path) -> tuple[str, ...]:
    """The names of the keys in a key file, as the vault's rows name them."""
    if not path.is_file():
        return ()
    try:
        keyset = json.loads(path.read_text(encoding="utf-8"))
        return tuple(f"file-key://{int(key['keyId']):08x}" for key in keyset["key"])
    except (ValueError, KeyError, TypeError) as error:
        raise BackupError(
            f"{path} cannot be read as a key file ({error}): bring it back before making a backup"
        ) from None


def verify(source: Path) -> Manifest:
    """Read the whole backup and compare every member with the manifest."""
    try:
        with tarfile.open(source, mode="r:") as tar:
            found: dict[str, str] = {}
            manifest: Manifest | None = None
            for member in tar:
                content = tar.extractfile(member)
                if content is None or member.name.startswith("/") or ".." in PurePosixPath(member.name).parts:
                    raise BackupError(f"{source} holds {member.name}, which no backup of Suifang holds: do not use it")
                if member.name == _MANIFEST:
                    manifest = _parsed(content.read(), source)
                else:
                    found[member.name] = _checksum(content)
    except (OSError, tarfile.TarError) as error:
        raise BackupError(f"{source} cannot be read as a backup ({error}): use another copy") from None
    if manifest is None:
        raise BackupError(f"{source} has no manifest: it was cut off while it was written. Use another copy")
    wrong = sorted(
        name for name in found.keys() | manifest.members.keys() if found.get(name) != manifest.members.get(name)
    )
    if wrong:
        raise BackupError(
            f"{source} is damaged: {len(wrong)} members differ from its manifest, first {wrong[0]}. Nothing was "
            "restored; use another copy"
        )
    return manifest


def restore(
    settings: Settings, database_url: str, source: Path, *, overwrite: bool, now: datetime, keys: Path | None = None
) -> Manifest:
    """Bring a backup back: checksums first, then the files beside the old ones, then the database in one transaction.

    Keys come from `keys`, or from the file that was written beside `source`. With `overwrite` the database's present
    rows are lost; present files are kept in folders named before-restore-….
    """
    manifest = verify(source)
    keys = keys or (keys_beside(source) if keys_beside(source).exists() else None)
    key_members = verify(keys).members if keys is not None else {}
    _refuse_without_keys(settings, manifest, key_members)
    with _nobody_works(settings):
        if connected := others_connected(database_url):
            raise BackupError(f"{connected} other connections use the database: stop every process of Suifang first")
        _refuse_unless_empty(settings, database_url, overwrite=overwrite)
        private_folder(settings.state_dir)
        with tempfile.TemporaryDirectory(dir=settings.state_dir, prefix="restore-") as work:
            folder = Path(work)
            _extract(source, folder, manifest.members)
            if keys is not None:
                _extract(keys, folder, key_members)
            try:
                load(database_url, folder / _DATABASE, folder)
            except DumpError as error:
                raise BackupError(f"the database refused the backup and is unchanged: {error}") from None
            _put_in_place(settings, folder, now)
    upgrade(database_url)
    return manifest


def _refuse_without_keys(settings: Settings, manifest: Manifest, key_members: Mapping[str, str]) -> None:
    if _VAULT_KEY in manifest.members or _VAULT_KEY in key_members:
        return
    missing = set(manifest.opened_by) - set(_wrapping_keys(settings.vault_key_path))
    if missing:
        raise BackupError(
            f"its recordings can be opened with {min(missing)} only, and that key is not here: name the file of keys "
            "that was written beside the backup (--keys)"
        )


def _refuse_unless_empty(settings: Settings, database_url: str, *, overwrite: bool) -> None:
    if overwrite:
        return
    filled = tables_with_rows(database_url)
    if filled:
        raise BackupError(
            f"the database is not empty: {len(filled)} tables hold rows, first {filled[0]}. Restore into an empty one, "
            "or say --overwrite to lose what it holds"
        )
    kept = [name for name in ("store", "spool") if any((settings.state_dir / name).glob("**/*.*"))]
    if kept:
        raise BackupError(
            f"{settings.state_dir / kept[0]} holds recordings: restore into another SUIFANG_STATE_DIR, or say "
            "--overwrite to set them aside"
        )


def _extract(source: Path, folder: Path, members: Mapping[str, str]) -> None:
    with tarfile.open(source, mode="r:") as tar:
        for member in tar:
            if member.name in members:
                tar.extract(member, folder, filter="data")


def _put_in_place(settings: Settings, folder: Path, now: datetime) -> None:
    aside = settings.state_dir / f"before-restore-{now:%Y%m%dT%H%M%SZ}"
    for member in _NOT_RESTORED:
        (folder / member).unlink(missing_ok=True)
    for name in ("store", "spool"):
        present = settings.state_dir / name
        if present.exists() and any(present.iterdir()):
            present.rename(private_folder(aside) / name)
        if (folder / name).exists():
            shutil.rmtree(present, ignore_errors=True)
            (folder / name).rename(present)
    # Key by key: the folder also holds what the running servers need.
    for key in sorted((folder / _KEYS).rglob("*")):
        if key.is_file():
            place = _place_of(settings, key.relative_to(folder))
            private_folder(place.parent)
            if place.exists():
                kept = aside / key.relative_to(folder)
                private_folder(kept.parent)
                place.rename(kept)
            key.rename(place)
    for name in (*_FOLDERS, _KEYS):
        _close_to_others(settings.state_dir / name)


def _place_of(settings: Settings, member: Path) -> Path:
    if member.as_posix() == _VAULT_KEY:
        return settings.vault_key_path
    if member.as_posix() == _SIGNING_KEY:
        return settings.vault_key_path.with_name(member.name)
    return settings.state_dir / member


def _close_to_others(folder: Path) -> None:
    for found in (folder, *folder.rglob("*")):
        if found.exists():
            found.chmod(0o700 if found.is_dir() else 0o600)


@contextmanager
def _nobody_works(settings: Settings) -> Iterator[None]:
    """Hold the lock that `suifang up` holds."""
    descriptor = os.open(
        private_folder(settings.run_dir) / "supervision.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600
    )
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise BackupError(f"Suifang runs in {settings.state_dir}: stop it before restoring") from None
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _created(path: Path) -> Iterator[IO[bytes]]:
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


class _Counted:
    """Reads exactly as many bytes as a file had when it was opened (a recording may still grow), and sums them up."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self._remaining = size
        self.sum = hashlib.sha256()

    def read(self, size: int) -> bytes:
        chunk = self._file.read(min(size, self._remaining))
        self._remaining -= len(chunk)
        self.sum.update(chunk)
        return chunk


def _add(tar: tarfile.TarFile, path: Path, member: str) -> str:
    with path.open("rb") as file:
        described = tar.gettarinfo(arcname=member, fileobj=file)
        described.uid = described.gid = 0
        described.uname = described.gname = ""
        counted = _Counted(file, described.size)
        tar.addfile(described, counted)  # type: ignore[arg-type] # it only calls read(size)
        return counted.sum.hexdigest()


def _add_manifest(tar: tarfile.TarFile, manifest: Manifest, now: datetime) -> None:
    content = json.dumps(
        {
            "version": _VERSION,
            "created_at": manifest.created_at,
            "hospital": manifest.hospital,
            "members": manifest.members,
            "opened_by": list(manifest.opened_by),
            "bucket": manifest.bucket,
        },
        ensure_ascii=False,
        indent=1,
    ).encode()
    described = tarfile.TarInfo(_MANIFEST)
    described.size = len(content)
    described.mtime = int(now.timestamp())
    described.mode = 0o600
    tar.addfile(described, io.BytesIO(content))


def _parsed(content: bytes, source: Path) -> Manifest:
    try:
        written = json.loads(content)
        if written["version"] not in _READ:
            raise BackupError(f"{source} is of backup version {written['version']}, this program reads {_VERSION}")
        return Manifest(
            created_at=written["created_at"],
            hospital=written["hospital"],
            members=written["members"],
            opened_by=tuple(written.get("opened_by", ())),
            bucket=written.get("bucket", ""),
        )
    except (ValueError, KeyError):
        raise BackupError(f"the manifest of {source} is damaged: use another copy") from None


def _checksum(content: IO[bytes]) -> str:
    counted = hashlib.sha256()
    while chunk := content.read(1 << 20):
        counted.update(chunk)
    return counted.hexdigest()
