"""Legal holds placed, lifted by two people and ended; each marks its recordings and writes to ledger and audit log."""

import structlog

from db.unit_of_work import UnitOfWork
from followup.ledger import LedgerKind
from followup.recordings import RecordingState
from followup.retention import HoldState, LegalHold

log = structlog.get_logger(__name__)


def place(uow: UnitOfWork, hold: LegalHold) -> int:
    """Hold from now on; how many recordings were marked."""
    uow.legal_holds.add(hold)
    uow.flush()
    _note(uow, hold, "legal_hold_placed", by=hold.placed_by, because=hold.reason)
    return mark(uow, patient_id=hold.patient_id)


def ask_release(uow: UnitOfWork, hold: LegalHold, *, by: str, because: str) -> None:
    """The first of two people; ValueError says why that cannot be."""
    hold.ask_release(by=by, because=because, now=uow.now)
    _note(uow, hold, "legal_hold_release_asked", by=by, because=because)


def refuse_release(uow: UnitOfWork, hold: LegalHold, *, by: str, because: str) -> None:
    """The second person does not agree; ValueError says why that cannot be."""
    hold.refuse_release()
    _note(uow, hold, "legal_hold_release_refused", by=by, because=because)


def release(uow: UnitOfWork, hold: LegalHold, *, by: str) -> int:
    """The second person agrees; how many recordings nothing holds any more. ValueError says why that cannot be."""
    hold.release(by=by, now=uow.now)
    _note(uow, hold, "legal_hold_released", by=by, because=hold.release_because)
    uow.flush()
    return mark(uow, patient_id=hold.patient_id)


def lapse(uow: UnitOfWork) -> int:
    """Holds whose own last day is over end by themselves; how many."""
    lapsed = uow.legal_holds.lapsed(uow.now)
    for hold in lapsed:
        hold.state, hold.ended_at = HoldState.LAPSED, uow.now
        _note(uow, hold, "legal_hold_lapsed", by=None, because="its last day is over")
    uow.flush()
    return len(lapsed)


def mark(uow: UnitOfWork, *, patient_id: str | None = None) -> int:
    """Bring the marks of recordings in line with holds and open disputes, each with its line in the ledger."""
    changed = 0
    for recording_id in uow.legal_holds.out_of_line(uow.now, patient_id=patient_id):
        recording = uow.recordings.for_update(recording_id)
        if recording is None or recording.state is RecordingState.EXPIRED:
            continue
        held = uow.retention.is_held(recording_id, uow.now)
        if held == recording.legal_hold:
            continue
        recording.legal_hold = held
        if recording.uri is not None:
            uow.vault.enter(LedgerKind.HELD if held else LedgerKind.RELEASED, recording)
        changed += 1
    return changed


def _note(uow: UnitOfWork, hold: LegalHold, action: str, *, by: str | None, because: str) -> None:
    uow.audit.note(
        user_id=by,
        action=action,
        subject_kind="legal_hold",
        subject=hold.id,
        patient_id=hold.patient_id,
        detail={"recording": hold.recording_id, "case": hold.case, "because": because},
    )
