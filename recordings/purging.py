"""Recordings whose time is over are destroyed, words and copies with them; the proof stays.

First the rows, in one transaction: nobody can play or read it any more. Then the objects, one by one, each looked for
afterwards. Whoever dies in between leaves a proof that is begun, and the next run goes on there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from db.unit_of_work import UnitOfWork
from followup.events import EventKind
from followup.ledger import LedgerKind
from followup.recordings import REASON_LENGTH, Recording, RecordingState, RecordingTrigger, next_recording_state
from followup.retention import Keeping, Purge, PurgeState, RetentionRules, keeping_of, settle
from recordings.audio import SPOOL_FILES
from recordings.object_store import SCHEME, SEALED, ObjectStoreError, SoundStore
from runtime.identifiers import new_id

log = structlog.get_logger(__name__)

_PURGEABLE = (RecordingState.STORED, RecordingState.TRANSCRIBED, RecordingState.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeDesk:
    """What destruction goes by."""

    units_of_work: Callable[[], UnitOfWork]
    store: SoundStore
    rules: RetentionRules
    zone: ZoneInfo


def purge(desk: PurgeDesk, recording_id: str) -> None:
    """Destroy a recording if its time is over and nothing holds it; may run twice and be killed anywhere."""
    with desk.units_of_work() as uow:
        known = uow.purges.for_update(recording_id)
        begun = known is not None and known.state is PurgeState.BEGUN
        if known is None:
            begun = _begin(uow, desk, recording_id)
            uow.commit()
    if begun:
        _finish(desk, recording_id)


def _begin(uow: UnitOfWork, desk: PurgeDesk, recording_id: str) -> bool:
    recording = uow.recordings.for_update(recording_id)
    if recording is None or recording.state not in _PURGEABLE:
        return False
    over = _time_over(uow, desk, recording)
    if over is None:
        return False
    if uow.retention.is_held(recording.id, uow.now):
        log.info("recording_held", recording=recording.id)
        return False
    objects = _objects_of(uow, recording)
    uow.purges.add(
        Purge(
            id=new_id(),
            recording_id=recording.id,
            patient_id=recording.patient_id,
            rule=over.rule or "",
            edition=desk.rules.edition,
            kept_until=over.until or uow.now,
            uri=recording.uri,
            sha256=recording.sha256,
            size=recording.size,
            seconds=recording.seconds,
            removed={
                "redacted_copies": uow.redacted_copies.purge(recording.id),
                **uow.purges.remove_words(recording.id),
                "heard_answers": uow.heard_answers.forget(recording.id),
                "note_quotations": uow.notes.forget_what_was_heard(recording.id),
            },
            objects=objects,
            state=PurgeState.BEGUN,
            begun_at=uow.now,
        )
    )
    recording.state = next_recording_state(recording.state, RecordingTrigger.EXPIRE)
    recording.peaks, recording.spool = None, None
    for address in objects:
        uow.vault.destroy_key(address)  # from this commit on no copy of it can be opened, wherever the store is
    uow.vault.enter(LedgerKind.PURGED, recording, rule=over.rule, edition=desk.rules.edition)
    uow.emit(recording.event(EventKind.RECORDING_PURGED))
    uow.audit.note(
        user_id=None,
        action="recording_purged",
        subject_kind="recording",
        subject=recording.id,
        patient_id=recording.patient_id,
        detail={"rule": over.rule, "edition": desk.rules.edition},
    )
    return True


def _time_over(uow: UnitOfWork, desk: PurgeDesk, recording: Recording) -> Keeping | None:
    """What it was kept by, if that is over; what was learned of the call since then may keep it longer."""
    before = uow.retention.keepings([recording.id]).get(recording.id)
    if before is None or before.until is None or before.until > uow.now:
        return None
    facts = uow.retention.facts([recording.id])[recording.id]
    settled = settle(before, keeping_of(desk.rules, facts, desk.zone))
    if settled.holds.until is not None and settled.holds.until <= uow.now:
        return settled.holds
    uow.retention.save(recording.id, settled, edition=desk.rules.edition, now=uow.now)
    log.info("recording_kept_longer", recording=recording.id, rule=settled.holds.rule)
    return None


def _objects_of(uow: UnitOfWork, recording: Recording) -> list[str]:
    """Every address and folder where something of it may lie; what lay in clear before it was sealed too."""
    addresses = []
    if recording.uri is not None:
        addresses = list(dict.fromkeys([recording.uri, recording.uri.removesuffix(SEALED)]))
    copy = uow.recording_copies.of_recording(recording.id)
    if copy is not None:
        addresses.append(copy.uri)
    return [*addresses, *([recording.spool] if recording.spool else [])]


def _finish(desk: PurgeDesk, recording_id: str) -> None:
    with desk.units_of_work() as uow:
        begun = uow.purges.of_recording(recording_id)
        objects = list(begun.objects) if begun is not None and begun.state is PurgeState.BEGUN else []
    try:
        left = [each for each in objects if not _destroyed(desk.store, each)]
        trouble = f"still there: {', '.join(left)}" if left else ""
    except (ObjectStoreError, OSError) as error:
        trouble = str(error)
    with desk.units_of_work() as uow:
        proof = uow.purges.for_update(recording_id)
        if proof is None or proof.state is PurgeState.DONE:
            return
        proof.trouble = trouble[:REASON_LENGTH]
        if not trouble:
            proof.state, proof.done_at = PurgeState.DONE, uow.now
            proof.removed = {**proof.removed, "objects": len(objects)}
        uow.commit()
    if trouble:
        log.error("purge_not_finished", recording=recording_id, reason=trouble)
    else:
        log.info("recording_purged", recording=recording_id, objects=len(objects))


def _destroyed(store: SoundStore, place: str) -> bool:
    """Take it away, and look whether it is gone."""
    if place.startswith(SCHEME):
        store.delete(place)
        return not store.exists(place)
    folder = Path(place)
    for name in SPOOL_FILES:
        (folder / name).unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
    return not any((folder / name).exists() for name in SPOOL_FILES)
