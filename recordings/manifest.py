"""A signed manifest: what the hospital says it holds of its calls, to be checked by anybody without its system.

A folder with `manifest.json`, `manifest.json.sig` (Ed25519 over exactly the bytes of that file), `signing-key.pem` (the
public key), and, where they were asked for, the recordings in clear.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from db.unit_of_work import UnitOfWork
from db.vault import Anchor
from followup.ledger import LedgerKind, LedgerLine, checksum_of, faults_in
from followup.recordings import RecordingState
from recordings.signing import SigningKey, fingerprint_of, is_signed, public_key
from recordings.vault import Vault
from recordings.verify import anchor_faults
from runtime.settings import private_folder

MANIFEST = "manifest.json"
SIGNATURE = "manifest.json.sig"
PUBLIC_KEY = "signing-key.pem"
_VERSION = 1
_PIECE = 1 << 20
_PAGE = 1000


class ManifestError(Exception):
    """A manifest that cannot be made or read; the text says why and what to do."""


def write_manifest(
    units_of_work: Callable[[], UnitOfWork],
    vault: Vault,
    key: SigningKey,
    folder: Path,
    *,
    hospital: str,
    recordings: Collection[str] = (),
    with_sound: bool = False,
) -> int:
    """Write a manifest of these recordings, or of all; how many lines of the ledger it holds.

    The whole ledger proves that no line is missing; a part proves its own lines alone. Noted in the audit log.
    """
    if folder.exists() and any(folder.iterdir()):
        raise ManifestError(f"{folder} is not empty: name another folder, a manifest never overwrites anything")
    private_folder(folder)
    lines = list(_lines(units_of_work, recordings))
    if recordings and (unknown := set(recordings) - {line.recording_id for line in lines}):
        raise ManifestError(f"the ledger knows no recording {min(unknown)}: give ids as the console shows them")
    with units_of_work() as uow:
        now, anchors = uow.now, uow.vault.anchors()
        access = {recording: _access(uow, recording) for recording in sorted(recordings)}
        playable = {
            line.recording_id: row.uri
            for line in lines
            if (row := uow.recordings.get(line.recording_id)) and row.uri and row.state is not RecordingState.EXPIRED
        }
        uow.audit.note(
            user_id=None,
            action="manifest_exported",
            subject_kind="vault",
            subject=key.fingerprint,
            detail={"recordings": sorted(recordings) or "all", "lines": len(lines), "sound": with_sound},
        )
        uow.commit()
    content = json.dumps(
        {
            "version": _VERSION,
            "hospital": hospital,
            "made_at": now.astimezone(UTC).isoformat(),
            "key": key.fingerprint,
            "complete": not recordings,
            "ledger": [{"text": line.text, "hash": line.hash} for line in lines],
            "heads": [
                {"position": each.position, "hash": each.hash, "at": each.at.isoformat(), "key": each.key}
                | {"signature": each.signature}
                for each in anchors
            ],
            "access": access,
        },
        ensure_ascii=False,
        indent=1,
    ).encode()
    if with_sound:
        for recording, uri in playable.items():
            with vault.open(uri) as sound, (folder / f"{recording}.flac").open("wb") as file:
                while piece := sound.read(_PIECE):
                    file.write(piece)
    (folder / PUBLIC_KEY).write_text(key.public_pem, encoding="utf-8")
    (folder / MANIFEST).write_bytes(content)
    (folder / SIGNATURE).write_bytes(base64.b64decode(key.sign(content)))
    return len(lines)


def check_manifest(folder: Path, *, fingerprint: str | None = None) -> Iterator[str]:
    """A sentence for each fault, without database, store or network; `fingerprint` is the one kept elsewhere.

    Sound that lies in the folder is summed and decoded; sound that does not is not missed.
    """
    try:
        content = (folder / MANIFEST).read_bytes()
        signature = base64.b64encode((folder / SIGNATURE).read_bytes()).decode()
        key = public_key((folder / PUBLIC_KEY).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ManifestError(f"{folder} does not hold a manifest that can be read ({error})") from error
    if fingerprint is not None and fingerprint_of(key) != fingerprint.replace(":", "").lower():
        yield f"{PUBLIC_KEY} is the key {fingerprint_of(key)}, not the one that was named: it is not this hospital's"
    if not is_signed(content, signature, key):
        yield f"{SIGNATURE} does not belong to {MANIFEST}: the manifest was changed after it was signed"
    try:
        said = json.loads(content)
        lines = [_line(each) for each in said["ledger"]]
        heads = [_anchor(each) for each in said["heads"]]
        complete = bool(said["complete"])
    except (ValueError, KeyError, TypeError) as error:
        raise ManifestError(f"{folder / MANIFEST} is no manifest of Suifang ({error})") from error
    if complete:
        yield from faults_in(lines)
        by_position = {line.position: line for line in lines}
        for head in heads:
            if head.position in by_position:
                yield from anchor_faults(head, by_position[head.position], {fingerprint_of(key): key})
            else:
                yield f"the head that was signed at line {head.position} is missing from the ledger"
    else:
        yield from (
            f"ledger line {line.position}: its text was changed after it was written"
            for line in lines
            if checksum_of(line.text) != line.hash
        )
    newest = {line.recording_id: line for line in lines}
    for sound in sorted(folder.glob("*.flac")):
        if sound.stem not in newest:
            yield f"{sound.name}: the manifest does not speak of it"
        else:
            yield from _sound_faults(sound, newest[sound.stem])


def samples_checksum(path: Path) -> str:
    """SHA-256 over a sound's samples, interleaved and 16-bit little-endian, whatever file they lie in."""
    summed = hashlib.sha256()
    with soundfile.SoundFile(path) as sound:
        for block in sound.blocks(blocksize=_PIECE, dtype="int16", always_2d=True):
            summed.update(np.ascontiguousarray(block, dtype="<i2").tobytes())
    return summed.hexdigest()


def _sound_faults(path: Path, line: LedgerLine) -> Iterator[str]:
    if line.kind is LedgerKind.PURGED:
        yield f"{path.name}: ledger line {line.position} says that this recording was purged"
        return
    with path.open("rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
    if checksum == line.facts.get("sha256"):
        return
    try:
        samples = samples_checksum(path)
    except soundfile.LibsndfileError as error:
        yield f"{path.name}: it is not the file of ledger line {line.position} and cannot be read ({error})"
        return
    if samples == line.facts.get("samples_sha256"):
        yield f"{path.name}: the sound is that of ledger line {line.position}, but in another file than was stored"
    else:
        yield f"{path.name}: neither the file nor its sound is that of ledger line {line.position}"


def _lines(units_of_work: Callable[[], UnitOfWork], recordings: Collection[str]) -> Iterator[LedgerLine]:
    if recordings:
        with units_of_work() as uow:
            found = [line for recording in recordings for line in uow.vault.lines_of(recording)]
        yield from sorted(found, key=lambda line: line.position)
        return
    after = 0
    while True:
        with units_of_work() as uow:
            page = uow.vault.lines(after=after, limit=_PAGE)
        if not page:
            return
        yield from page
        after = page[-1].position


def _access(uow: UnitOfWork, recording: str) -> list[dict[str, object]]:
    return [
        {"at": row.at.astimezone(UTC).isoformat(), "user": row.user_id, "action": row.action, "detail": row.detail}
        for row in uow.audit.of_subject("recording", recording)
    ]


def _line(written: dict[str, Any]) -> LedgerLine:
    said = json.loads(written["text"])
    return LedgerLine(
        position=int(said["position"]),
        at=datetime.fromisoformat(said["at"]),
        kind=LedgerKind(said["kind"]),
        recording_id=str(said["recording"]),
        text=written["text"],
        hash=written["hash"],
    )


def _anchor(written: dict[str, Any]) -> Anchor:
    return Anchor(
        position=int(written["position"]),
        hash=written["hash"],
        at=datetime.fromisoformat(written["at"]),
        key=written["key"],
        signature=written["signature"],
    )
