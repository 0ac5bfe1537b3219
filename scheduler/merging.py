"""Merging a patient into another record of the same person, and back: plans, tasks and calls go over."""

from typing import Any

import structlog

from care.patients import NumberQuality, Patient
from db.merges import Merge, Merged, Undone
from db.unit_of_work import UnitOfWork
from followup.events import DomainEvent, EventKind
from followup.plans import PlanChange

log = structlog.get_logger(__name__)


class MergeNotPossibleError(ValueError):
    """The two records cannot be merged now; the sentence says why and what helps."""


def merge_patients(uow: UnitOfWork, gone: Patient, kept: Patient, *, by: str | None, reason: str) -> Merged:
    """Move everything of `gone` to `kept`. Who was closed to calls, or died, still is."""
    if gone.id == kept.id:
        raise MergeNotPossibleError("this is one record: name two")
    uow.feeds.wait_for_applying()
    for patient in (gone, kept):
        if uow.merges.merged_into(patient.id) is not None:
            raise MergeNotPossibleError("one of the two went into another record already: merge with that one")
        _leave_calls_alone(uow, patient.id)
    plans = [plan.id for plan in uow.plans.unfinished_of_patient(gone.id)]
    changed = _keep_what_is_known_of_numbers(gone, kept)
    if gone.deceased_at is not None and kept.deceased_at is None:
        changed[_DECEASED_AT] = [None, gone.deceased_at.isoformat()]
        kept.deceased_at = gone.deceased_at
    uow.flush()
    merged = uow.merges.merge(
        from_patient=gone.id, into_patient=kept.id, reason=reason, by=by, at=uow.now, changed=changed
    )
    for plan_id in plans:
        uow.plan_records.note(
            plan_id, PlanChange.MERGED, at=uow.now, by=by, reason=reason, detail={"from": gone.id, "into": kept.id}
        )
    _tell(uow, gone.id, kept.id)
    log.info("patients_merged", gone=gone.id, kept=kept.id, merge=merged.id)
    return merged


def undo_merge(uow: UnitOfWork, merge: Merge, *, by: str, reason: str) -> Undone:
    """They were two persons after all: what went over goes back. What came since stays, but for what hangs on it."""
    if merge.undone_at is not None:
        raise MergeNotPossibleError("this merger was taken back already")
    later = uow.merges.merged_into(merge.into_patient)
    if later is not None:
        raise MergeNotPossibleError(f"the record that stayed went into {later} since: take that merger back first")
    uow.feeds.wait_for_applying()
    for patient_id in (merge.from_patient, merge.into_patient):
        _leave_calls_alone(uow, patient_id)
    _restore(uow, merge)
    uow.flush()
    undone = uow.merges.undo(merge, reason=reason, by=by, at=uow.now)
    for plan in uow.plans.unfinished_of_patient(merge.from_patient):
        uow.plan_records.note(
            plan.id,
            PlanChange.MERGED,
            at=uow.now,
            by=by,
            reason=reason,
            detail={"from": merge.into_patient, "into": merge.from_patient, "undoes": merge.id},
        )
    _tell(uow, merge.from_patient, merge.into_patient)
    log.info("merge_undone", gone=merge.from_patient, kept=merge.into_patient, merge=merge.id)
    return undone


_DECEASED_AT = "deceased_at"


def _leave_calls_alone(uow: UnitOfWork, patient_id: str) -> None:
    if not uow.patients.lock(patient_id) or uow.attempts.has_live(patient_id) or uow.calls.has_live(patient_id):
        raise MergeNotPossibleError("one of the two is being called: ask again when the call and its wrap-up are over")


def _tell(uow: UnitOfWork, *patient_ids: str) -> None:
    for patient_id in patient_ids:
        uow.emit(DomainEvent(kind=EventKind.RECORD_CHANGED, subject=patient_id))
    uow.outbox.wake()


def _keep_what_is_known_of_numbers(gone: Patient, kept: Patient) -> dict[str, Any]:
    """A number that both have stays once; that it is wrong or closed to calls must not be forgotten with the other.

    What of the numbers that stay was made another, by their ids.
    """
    known = {point.number: point for point in gone.contact_points}
    changed: dict[str, Any] = {}
    for point in kept.contact_points:
        other = known.get(point.number)
        if other is None:
            continue
        before = [point.do_not_call, point.quality.value]
        point.do_not_call = point.do_not_call or other.do_not_call
        if other.quality is NumberQuality.WRONG:
            point.quality = NumberQuality.WRONG
        after = [point.do_not_call, point.quality.value]
        if before != after:
            changed[point.id] = [before, after]
    return changed


def _restore(uow: UnitOfWork, merge: Merge) -> None:
    """What the merger made another is as before, unless somebody has made it another again since."""
    kept = uow.patients.get(merge.into_patient)
    if kept is None:
        return
    death = merge.changed.get(_DECEASED_AT)
    if death is not None and kept.deceased_at is not None and kept.deceased_at.isoformat() == death[1]:
        kept.deceased_at = None
    for point in kept.contact_points:
        before, after = merge.changed.get(point.id, (None, None))
        if before is not None and [point.do_not_call, point.quality.value] == after:
            point.do_not_call, point.quality = before[0], NumberQuality(before[1])
