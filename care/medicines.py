"""Medicines: what was prescribed, what the patient says he takes, what was handed out and how long it lasts."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from care.patients import PatientId


class MedicineBasis(StrEnum):
    """Whose word it is."""

    PRESCRIBED = "prescribed"  # a doctor decided it (FHIR MedicationRequest)
    REPORTED = "reported"  # the patient or a relative says so (FHIR MedicationStatement)


class MedicineState(StrEnum):
    """Whether it is taken now."""

    ACTIVE = "active"
    ON_HOLD = "on_hold"
    STOPPED = "stopped"
    ENTERED_IN_ERROR = "entered_in_error"


@dataclass(kw_only=True, eq=False)
class MedicineStatement:
    """One medicine of a patient. Rows are never changed: a newer version of the same source and key supersedes."""

    id: str
    patient_id: PatientId
    basis: MedicineBasis
    code: str = ""  # ATC where it is known
    name: str
    dose: str = ""
    schedule: str = ""
    reason: str = ""  # why it was begun, changed or stopped
    state: MedicineState = MedicineState.ACTIVE
    since: date | None = None
    until: date | None = None
    source: str
    source_key: str
    version: int = 1
    restores: str | None = None  # the version that counts again by this one, because what followed it was undone
    superseded_at: datetime | None = None
    recorded_at: datetime
    recorded_by: str | None = None

    def tells(self) -> tuple[object, ...]:
        """What it says, without when and by whom it came in."""
        return (
            self.basis,
            self.code,
            self.name,
            self.dose,
            self.schedule,
            self.reason,
            self.state,
            self.since,
            self.until,
        )


@dataclass(kw_only=True, eq=False)
class Dispense:
    """A medicine handed out (FHIR MedicationDispense) and the days it lasts; 0 days: it was taken back."""

    id: str
    patient_id: PatientId
    code: str
    name: str
    dispensed_on: date
    days_supplied: int
    source: str
    source_key: str
    version: int = 1
    restores: str | None = None  # the version that counts again by this one, because what followed it was undone
    superseded_at: datetime | None = None
    recorded_at: datetime
    recorded_by: str | None = None

    def tells(self) -> tuple[object, ...]:
        """What it says, without when and by whom it came in."""
        return (self.code, self.name, self.dispensed_on, self.days_supplied)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Proportion of days covered (PDC) of one medicine: from its first supply in the period to the period's end."""

    code: str
    name: str
    starts_on: date
    ends_on: date
    days: int
    days_covered: int

    @property
    def share(self) -> float:
        """Days covered by all days."""
        return self.days_covered / self.days


def coverage_of(dispenses: Iterable[Dispense], *, starts_on: date, ends_on: date) -> tuple[Coverage, ...]:
    """PDC of each medicine handed out in the period, by code (by name where there is none).

    A supply fetched early is not lost: it begins when the one before has run out. A day counts once, and what lasts
    beyond the period counts up to its end.
    """
    by_medicine: dict[str, list[Dispense]] = {}
    for one in dispenses:
        if one.superseded_at is None and one.days_supplied > 0 and starts_on <= one.dispensed_on <= ends_on:
            by_medicine.setdefault(one.code or one.name, []).append(one)
    found = []
    for key in sorted(by_medicine):
        supplies = sorted(by_medicine[key], key=lambda one: (one.dispensed_on, one.id))
        first = supplies[0].dispensed_on
        free_from = first
        covered = 0
        for supply in supplies:
            begins = max(free_from, supply.dispensed_on)
            free_from = begins + timedelta(days=supply.days_supplied)
            covered += max(0, (min(free_from, ends_on + timedelta(days=1)) - begins).days)
        found.append(
            Coverage(
                code=key,
                name=supplies[-1].name,
                starts_on=first,
                ends_on=ends_on,
                days=(ends_on - first).days + 1,
                days_covered=covered,
            )
        )
    return tuple(found)
