"""What an administrator does to the vault: rotate its keys, seal what lies in clear, write a manifest."""

from collections.abc import Callable, Collection
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TextIO
from uuid import UUID

from db.unit_of_work import UnitOfWork
from recordings.manifest import ManifestError, check_manifest, write_manifest
from recordings.object_store import ObjectStoreError
from recordings.opening import open_vault
from recordings.rotation import Wrapped, wrap_anew
from recordings.sealing import SealBrokenError
from recordings.signing import SIGNING_FILE, SigningKey, signing_key
from recordings.tending import seal_clear, sign_head, take_away
from recordings.wrapping_keys import KeyFile, WrappingKeyError
from runtime.settings import Settings
from suifang.vault_refusal import VaultCommandError

P = ParamSpec("P")


def _in_a_sentence(work: Callable[P, int]) -> Callable[P, int]:
    @wraps(work)
    def worded(*args: P.args, **kwargs: P.kwargs) -> int:
        try:
            return work(*args, **kwargs)
        except (WrappingKeyError, ObjectStoreError, SealBrokenError, ManifestError, FileNotFoundError) as error:
            raise VaultCommandError(str(error)) from None

    return worded


def signing_key_of(settings: Settings) -> SigningKey:
    """The key of this installation that signs heads and manifests, made when there is none."""
    return signing_key(settings.vault_key_path.with_name(SIGNING_FILE))


@_in_a_sentence
def add_key(settings: Settings, *, out: TextIO) -> int:
    """Make a further key in the file, which wraps nothing until it is rotated to."""
    file = _key_file(settings)
    name = file.add()
    print(f"{name} is in {file.path}; copy the file to every machine, then: suifang vault rotate", file=out)
    return 0


@_in_a_sentence
def rotate(settings: Settings, units: Callable[[], UnitOfWork], *, out: TextIO) -> int:
    """Let the newest key wrap every recording's key; exit status 1 when some could not be."""
    if not settings.vault_key:
        file = _key_file(settings)
        newest = file.names()[-1]
        if newest == file.primary():
            with units() as uow:
                others = {name for name in uow.vault.wrapping_counts() if name != newest}
            # What a stopped rotation left behind is finished before another begins.
            newest = newest if others else file.add()
        file.promote(newest)
    vault = open_vault(settings, units)
    ended = Wrapped(done=0)
    for ended in wrap_anew(units, vault.keys):
        print(f"{ended.done} keys wrapped by {vault.keys.wrapping.primary}", file=out)
    for fault in ended.faults:
        print(fault, file=out)
    if not ended.faults:
        _tell_of_old_keys(settings, units, out)
    return 1 if ended.faults else 0


@_in_a_sentence
def drop_key(settings: Settings, units: Callable[[], UnitOfWork], name: str, *, out: TextIO) -> int:
    """Take a key out of the file, unless something still needs it."""
    with units() as uow:
        needed = uow.vault.wrapping_counts().get(name, 0)
    if needed:
        raise VaultCommandError(f"{name} still wraps the keys of {needed} recordings: suifang vault rotate first")
    file = _key_file(settings)
    if name not in file.names():
        raise VaultCommandError(f"{file.path} holds no key {name}; it holds {', '.join(file.names())}")
    file.drop(name)
    print(
        f"{name} is gone from {file.path}. Backups made before still hold recordings' keys wrapped by it: keep the old "
        "key file as long as them",
        file=out,
    )
    return 0


@_in_a_sentence
def seal(settings: Settings, units: Callable[[], UnitOfWork], *, out: TextIO) -> int:
    """Seal everything that lies in clear; exit status 1 when something could not be."""
    vault = open_vault(settings, units)
    sealed, left = seal_clear(units, vault)
    gone = take_away(units, vault)
    print(f"{sealed} recordings sealed, {gone} files taken away", file=out)
    for recording in left:
        print(f"recording {recording}: its file is not what was stored and stays in clear: suifang verify", file=out)
    return 1 if left else 0


@_in_a_sentence
def status(settings: Settings, units: Callable[[], UnitOfWork], *, out: TextIO) -> int:
    """Which keys hold what, how long the ledger is, and whose signature stands under it."""
    with units() as uow:
        counts, head, anchor = uow.vault.wrapping_counts(), uow.vault.head(), uow.vault.last_anchor()
        clear = len(uow.vault.in_clear(after=None, limit=10_000))
    for name, count in counts.items():
        print(f"{count} recordings' keys are wrapped by {name}", file=out)
    print(f"{clear if clear < 10_000 else '10000 or more'} recordings lie in clear", file=out)
    print(f"the ledger has {head.position if head else 0} lines", file=out)
    if anchor is not None:
        print(f"signed up to line {anchor.position} on {anchor.at:%Y-%m-%d %H:%M} UTC", file=out)
    print(f"the signing key's fingerprint, to be kept on paper: {signing_key_of(settings).fingerprint}", file=out)
    return 0


@_in_a_sentence
def manifest(
    settings: Settings,
    units: Callable[[], UnitOfWork],
    folder: Path,
    *,
    recordings: Collection[str],
    with_sound: bool,
    out: TextIO,
) -> int:
    """Sign the head and write a manifest."""
    for recording in recordings:
        try:
            UUID(recording)
        except ValueError:
            raise VaultCommandError(
                f"{recording} is not the id of a recording: give ids as the API shows them"
            ) from None
    key = signing_key_of(settings)
    sign_head(units, lambda: key)
    vault = open_vault(settings, units)
    lines = write_manifest(
        units, vault, key, folder, hospital=settings.hospital_name, recordings=recordings, with_sound=with_sound
    )
    print(f"{folder}: {lines} lines of the ledger, signed with the key {key.fingerprint}", file=out)
    if with_sound:
        print("the recordings lie there in clear: hand them over and take them away", file=out)
    return 0


@_in_a_sentence
def check(folder: Path, fingerprint: str | None, *, out: TextIO) -> int:
    """Check a manifest off-line; the exit status is 1 when there is a fault."""
    faults = list(check_manifest(folder, fingerprint=fingerprint))
    for fault in faults:
        print(fault, file=out)
    if faults:
        return 1
    print(
        f"{folder} is whole" if fingerprint else f"{folder} is whole; compare its key with the one on paper", file=out
    )
    return 0


def _key_file(settings: Settings) -> KeyFile:
    if settings.vault_key:
        raise VaultCommandError(f"SUIFANG_VAULT_KEY is {settings.vault_key}: its keys are made in the key service")
    file = KeyFile(settings.vault_key_path)
    if not file.exists():
        raise WrappingKeyError(f"{file.path} is missing; it is made with the first recording")
    return file


def _tell_of_old_keys(settings: Settings, units: Callable[[], UnitOfWork], out: TextIO) -> None:
    file = KeyFile(settings.vault_key_path)
    if not file.exists():
        return
    with units() as uow:
        needed = uow.vault.wrapping_counts()
    for name in file.names():
        if name not in needed and (settings.vault_key or name != file.primary()):
            print(f"{name} is needed by no recording any more: suifang vault drop-key {name}", file=out)
