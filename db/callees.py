"""The hours in which one person may be rung or written to: purpose, age, own hours, and the days around a moment."""

from datetime import datetime
from zoneinfo import ZoneInfo

from care.consent import Purpose
from care.patients import Patient
from db.unit_of_work import UnitOfWork
from followup.calling_hours import Callee
from followup.dialing_rules import Profile, next_opening


def callee_of(uow: UnitOfWork, patient: Patient, purpose: Purpose, *, region: str | None, at: datetime) -> Callee:
    """What the patient's hours depend on from `at` on; without a region every day is as its weekday says."""
    return Callee(
        purpose=purpose,
        born=patient.born,
        own=uow.objections.own_hours(patient.id),
        days=uow.gate_facts.days(region, at.astimezone(ZoneInfo(patient.zone)).date()),
    )


def opening_for(
    uow: UnitOfWork, patient: Patient, purpose: Purpose, at: datetime, *, profile: Profile, region: str | None
) -> datetime | None:
    """The first instant from `at` on in the patient's hours; None where none is near."""
    callee = callee_of(uow, patient, purpose, region=region, at=at)
    return next_opening(profile, patient.zone, at, callee=callee)
