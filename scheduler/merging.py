"""Merging a patient into another record of the same person: plans, tasks and calls go over."""

import structlog

from care.patients import NumberQuality, Patient
from db.merges import Merged
from db.unit_of_work import UnitOfWork
from followup.plans import PlanChange

log = structlog.get_logger(__name__)


class MergeNotPossibleError(ValueError):
    """The two records cannot be merged now; the sentence says why and what helps."""


def merge_patients(uow: UnitOfWork, gone: Patient, kept: Patient, *, by: str, reason: str) -> Merged:
    """Move everything of `gone` to `kept`. Who was closed to calls, or died, still is."""
    if gone.id == kept.id:
        raise MergeNotPossibleError("this is one record: name two")
    for patient in (gone, kept):
        if uow.merges.merged_into(patient.id) is not None:
            raise MergeNotPossibleError("one of the two went into another record already: merge with that one")
        if not uow.patients.lock(patient.id) or uow.attempts.has_live(patient.id) or uow.calls.has_live(patient.id):
            raise MergeNotPossibleError("one of the two is being called: merge when the call and its wrap-up are over")
    plans = [plan.id for plan in uow.plans.unfinished_of_patient(gone.id)]
    deceased_at = gone.deceased_at
    _keep_what_is_known_of_numbers(gone, kept)
    uow.flush()
    merged = uow.merges.merge(from_patient=gone.id, into_patient=kept.id, reason=reason, by=by, at=uow.now)
    if deceased_at is not None and kept.deceased_at is None:
        kept.deceased_at = deceased_at
    for plan_id in plans:
        uow.plan_records.note(
            plan_id, PlanChange.MERGED, at=uow.now, by=by, reason=reason, detail={"from": gone.id, "into": kept.id}
        )
    uow.outbox.wake()
    log.info("patients_merged", gone=gone.id, kept=kept.id, merge=merged.id)
    return merged


def _keep_what_is_known_of_numbers(gone: Patient, kept: Patient) -> None:
    """A number that both have stays once; that it is wrong or closed to calls must not be forgotten with the other."""
    known = {point.number: point for point in gone.contact_points}
    for point in kept.contact_points:
        other = known.get(point.number)
        if other is None:
            continue
        point.do_not_call = point.do_not_call or other.do_not_call
        if other.quality is NumberQuality.WRONG:
            point.quality = NumberQuality.WRONG
