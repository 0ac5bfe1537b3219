"""A backup is one tar: the database, the recordings and the keys, with a manifest of checksums; restoring checks first.

The database is dumped before the files are read: a file is stored before its row is committed, so every row of the
dump finds its file in the tar. Whoever has the tar has everything, keys included: it is as secret as the system.
"""

import fcntl
import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO

from db.migrate import upgrade
from runtime.settings import Settings, private_folder
from suifang.database_dump import DumpError, dump, load, others_connected, tables_with_rows

_DATABASE = "database.dump"
_MANIFEST = "manifest.json"
# A recording moves from spool to store: read in this order it is met at least once.
_FOLDERS = ("spool", "store", "keys")
# These belong to the servers of one machine: another's would lock this one out.
_NOT_RESTORED = frozenset({"keys/postgres.json", "keys/valkey.json"})
_VERSION = 1


class BackupError(Exception):
    """A backup that cannot be made, read or restored; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup holds: for each member its SHA-256."""

    created_at: str
    hospital: str
    members: dict[str, str]


def back_up(settings: Settings, database_url: str, target: Path | None, now: datetime) -> Path:
    """Write a backup to `target`, or into the backups folder; the file appears under its name only when it is whole."""
    path = target or private_folder(settings.backups_dir) / f"suifang-{now:%Y%m%dT%H%M%SZ}.tar"
    if path.exists():
        raise BackupError(f"{path} exists already: name another file, a backup never overwrites one")
    if not path.parent.is_dir():
        raise BackupError(f"the folder {path.parent} does not exist: make it, or name a file elsewhere")
    partial = path.with_name(path.name + ".partial")
    with tempfile.TemporaryDirectory(dir=private_folder(settings.state_dir), prefix="backup-") as work:
        dumped = Path(work) / _DATABASE
        try:
            dump(database_url, dumped)
        except DumpError as error:
            raise BackupError(f"the database cannot be dumped: {error}") from None
        try:
            with _created(partial) as file, tarfile.open(fileobj=file, mode="w") as tar:
                members = {_DATABASE: _add(tar, dumped, _DATABASE)}
                for name in _FOLDERS:
                    for found in sorted((settings.state_dir / name).rglob("*")):
                        if found.is_file() and not found.is_symlink():
                            member = found.relative_to(settings.state_dir).as_posix()
                            with suppress(FileNotFoundError):  # moved on since it was listed
                                members[member] = _add(tar, found, member)
                _add_manifest(
                    tar, Manifest(created_at=now.isoformat(), hospital=settings.hospital_name, members=members), now
                )
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    partial.rename(path)
    return path


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


def restore(settings: Settings, database_url: str, source: Path, *, overwrite: bool, now: datetime) -> Manifest:
    """Bring a backup back: checksums first, then the files beside the old ones, then the database in one transaction.

    With `overwrite` the database's present rows are lost; present files are kept in folders named before-restore-….
    """
    manifest = verify(source)
    with _nobody_works(settings):
        if connected := others_connected(database_url):
            raise BackupError(f"{connected} other connections use the database: stop every process of Suifang first")
        _refuse_unless_empty(settings, database_url, overwrite=overwrite)
        private_folder(settings.state_dir)
        with tempfile.TemporaryDirectory(dir=settings.state_dir, prefix="restore-") as work:
            folder = Path(work)
            _extract(source, folder, manifest)
            try:
                load(database_url, folder / _DATABASE, folder)
            except DumpError as error:
                raise BackupError(f"the database refused the backup and is unchanged: {error}") from None
            _put_in_place(settings, folder, now)
    upgrade(database_url)
    return manifest


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


def _extract(source: Path, folder: Path, manifest: Manifest) -> None:
    with tarfile.open(source, mode="r:") as tar:
        for member in tar:
            if member.name in manifest.members:
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
    for key in sorted((folder / "keys").rglob("*")):
        if key.is_file():
            place = settings.state_dir / key.relative_to(folder)
            private_folder(place.parent)
            if place.exists():
                kept = aside / key.relative_to(folder)
                private_folder(kept.parent)
                place.rename(kept)
            key.rename(place)
    for name in _FOLDERS:
        _close_to_others(settings.state_dir / name)


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
        if written["version"] != _VERSION:
            raise BackupError(f"{source} is of backup version {written['version']}, this program reads {_VERSION}")
        return Manifest(created_at=written["created_at"], hospital=written["hospital"], members=written["members"])
    except (ValueError, KeyError):
        raise BackupError(f"the manifest of {source} is damaged: use another copy") from None


def _checksum(content: IO[bytes]) -> str:
    counted = hashlib.sha256()
    while chunk := content.read(1 << 20):
        counted.update(chunk)
    return counted.hexdigest()
