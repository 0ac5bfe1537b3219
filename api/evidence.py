"""An evidence pack: one patient's calls, notes, words, recordings with their checksums, and who saw them, in one zip.

`pack.json` names every other file with its SHA-256. The ledger's lines and the signed heads stand beside the
recordings, so that a checksum can be proved without this system (docs/retention.md tells how `suifang verify` does it).
"""

import hashlib
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from typing import IO, Any, BinaryIO

from db.quality import EvidencePack
from db.unit_of_work import UnitOfWork
from followup.recordings import Recording, RecordingState

_IN_MEMORY = 8 << 20
_PIECE = 1 << 20
_MOST_LOG_LINES = 100_000

Open = Callable[[Recording], BinaryIO]


def write_pack(uow: UnitOfWork, pack: EvidencePack, *, hospital: str, opened: Open) -> IO[bytes]:
    """The pack as a file, at its beginning; recordings lie in it in clear only where that was asked for."""
    file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 the caller reads and closes it
    sums: dict[str, str] = {}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as into:
        for name, content in _documents(uow, pack):
            body = json.dumps(content, ensure_ascii=False, indent=1, default=_plain).encode()
            into.writestr(name, body)
            sums[name] = hashlib.sha256(body).hexdigest()
        if pack.with_sound:
            for recording in _recordings(uow, pack):
                if recording.uri is not None and recording.state is not RecordingState.EXPIRED:
                    name = f"recordings/{recording.id}.flac"
                    sums[name] = _put(into, name, opened(recording))
        into.writestr(
            "pack.json",
            json.dumps(
                {
                    "version": 1,
                    "hospital": hospital,
                    "pack": pack.id,
                    "patient": pack.patient_id,
                    "reason": pack.reason,
                    "asked_by": pack.asked_by,
                    "asked_at": pack.asked_at,
                    "made_at": uow.now,
                    "sha256": sums,
                },
                ensure_ascii=False,
                indent=1,
                default=_plain,
            ),
        )
    file.seek(0)
    return file


def _documents(uow: UnitOfWork, pack: EvidencePack) -> Iterator[tuple[str, object]]:
    patient_id = pack.patient_id
    attempts = uow.attempts.of_patient(patient_id, limit=10_000)
    yield "attempts.json", [_row(each) for each in attempts]
    yield "calls.json", [_row(each) for each in uow.calls.of_patient(patient_id, limit=10_000)]
    yield (
        "identity_checks.json",
        [asdict(check) for attempt in attempts for check in uow.identity.of_attempt(attempt.id)],
    )
    recordings = _recordings(uow, pack)
    yield (
        "recordings.json",
        [
            {
                **{name: value for name, value in _row(each).items() if name not in ("peaks", "spool", "uri")},
                "ledger": [
                    {"position": line.position, "text": line.text, "hash": line.hash}
                    for line in uow.vault.lines_of(each.id)
                ],
            }
            for each in recordings
        ],
    )
    yield "ledger_heads.json", [asdict(each) for each in uow.vault.anchors()]
    for recording in recordings:
        for transcript in uow.recordings.transcripts(recording.id):
            yield f"transcripts/{recording.id}/{transcript.id}.json", _row(transcript)
    yield "notes.json", [_row(note) for note in uow.notes.of_patient(patient_id, limit=10_000)]
    yield (
        "answers.json",
        [
            {**_row(response), "history": [asdict(given) for given in uow.responses.history(response.id)]}
            for response in uow.responses.of_patient(patient_id, limit=10_000)
        ],
    )
    yield "alerts.json", [_row(each) for each in uow.alerts.of_patient(patient_id, limit=10_000)]
    lines = uow.audit.of_patients(uow.merges.whole(patient_id), before=None, limit=_MOST_LOG_LINES)
    yield "access_log.json", [dict(zip(line._fields, line, strict=True)) for line in lines]


def _recordings(uow: UnitOfWork, pack: EvidencePack) -> list[Recording]:
    return list(uow.recordings.of_patient(pack.patient_id, limit=10_000))


def _put(into: zipfile.ZipFile, name: str, sound: BinaryIO) -> str:
    checksum = hashlib.sha256()
    # Sound does not get smaller: it is stored as it is.
    with sound, into.open(zipfile.ZipInfo(name), "w", force_zip64=True) as target:
        while piece := sound.read(_PIECE):
            checksum.update(piece)
            target.write(piece)
    return checksum.hexdigest()


def _row(mapped: object) -> dict[str, Any]:
    """A mapped value's own fields, without what the mapper added."""
    return {name: value for name, value in vars(mapped).items() if not name.startswith("_")}


def _plain(value: object) -> object:
    match value:
        case datetime() | date():
            return value.isoformat()
        case set() | frozenset():
            return sorted(value)
        case _ if is_dataclass(value) and not isinstance(value, type):
            return _row(value) if hasattr(value, "__dict__") else asdict(value)
        case _:
            return str(value)
