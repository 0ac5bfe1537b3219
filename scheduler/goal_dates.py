"""What time alone changes in a record: goals past their last day, tags whose evidence is too old."""

from zoneinfo import ZoneInfo

from followup.events import DomainEvent, EventKind
from scheduler.reconcile import Repairs

PATIENTS_AT_ONCE = 500


def look_at_goals_past_due(repairs: Repairs) -> int:
    """Patients with an active goal of a day that is over: their records are followed, which moves the goal."""
    with repairs.units_of_work() as uow:
        today = uow.now.astimezone(ZoneInfo(repairs.zone)).date()
        patients = uow.goals.patients_past_due(today, limit=PATIENTS_AT_ONCE)
        for patient_id in patients:
            uow.emit(DomainEvent(kind=EventKind.RECORD_CHANGED, subject=patient_id, ids={"patient": patient_id}))
        uow.commit()
    return len(patients)


def look_at_old_tags(repairs: Repairs) -> int:
    """Patients with a tag whose evidence is too old by now: their records are followed, which ends or restates it."""
    with repairs.units_of_work() as uow:
        patients = uow.tags.to_look_at_again(uow.now, limit=PATIENTS_AT_ONCE)
        for patient_id in patients:
            uow.emit(DomainEvent(kind=EventKind.RECORD_CHANGED, subject=patient_id, ids={"patient": patient_id}))
        uow.commit()
    return len(patients)
