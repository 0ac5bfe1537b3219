"""Results over the years: what was measured or found, in one unit per concept, with its source and its versions."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from care.patients import PatientId


class ObservationStatus(StrEnum):
    """How far a result can be relied on (FHIR Observation.status)."""

    PRELIMINARY = "preliminary"
    FINAL = "final"
    CORRECTED = "corrected"
    ENTERED_IN_ERROR = "entered_in_error"


class Setting(StrEnum):
    """Where it was measured: classes of blood pressure and glucose differ by it."""

    LABORATORY = "laboratory"
    OFFICE = "office"
    HOME = "home"
    DEVICE = "device"
    TOLD = "told"  # said on the telephone or written in a form


@dataclass(kw_only=True, eq=False)
class Observation:
    """One result (FHIR Observation). Rows are never changed: a correction is a new row that supersedes the old one.

    `code` is the concept of content/observations (systolic, glucose_fasting …); `value` is in the concept's own unit,
    what was sent stands beside it. The same `source` and `source_key` is the same result.
    """

    id: str
    patient_id: PatientId
    code: str
    value: float | None  # in the concept's unit; None for a finding in words
    text: str = ""  # a finding in words; with a value the sign before it: ">33.3" is kept as 33.3 and this text
    unit: str = ""  # the concept's unit, UCUM
    sent_code: str = ""  # as the source writes it
    sent_value: str = ""
    sent_unit: str = ""
    sent_reference: str = ""
    taken_at: datetime
    issued_at: datetime | None = None  # when its source gave out this version, if it says so
    setting: Setting = Setting.LABORATORY
    reference_low: float | None = None  # of this result, in the concept's unit
    reference_high: float | None = None
    status: ObservationStatus = ObservationStatus.FINAL
    source: str  # feed, list, form, call, device or hand, with the system's name: "hl7:LIS", "form:phq9"
    source_key: str
    derived_from: str | None = None  # the response or call that it was reckoned from
    encounter_id: str | None = None
    version: int = 1
    superseded_at: datetime | None = None  # a later version has taken its place
    recorded_at: datetime
    recorded_by: str | None = None

    def says_the_same_as(self, other: "Observation") -> bool:
        """True if the other is this version once more."""
        return all(getattr(self, name) == getattr(other, name) for name in _SAID)


_SAID = (
    "patient_id",
    "code",
    "value",
    "text",
    "sent_code",
    "sent_value",
    "sent_unit",
    "sent_reference",
    "taken_at",
    "issued_at",
    "setting",
    "status",
)

_RELIANCE = {
    ObservationStatus.PRELIMINARY: 0,
    ObservationStatus.FINAL: 1,
    ObservationStatus.CORRECTED: 2,
    ObservationStatus.ENTERED_IN_ERROR: 2,
}


def takes_the_place_of(new: Observation, held: Observation) -> bool:
    """Whether a differing version is newer than the one held; messages do not come in order.

    The instants at which their source gave them out decide; where one is missing, a preliminary one never follows a
    final one, nor a final one a corrected one, and of two alike the one that came later counts.
    """
    if new.issued_at is not None and held.issued_at is not None and new.issued_at != held.issued_at:
        return new.issued_at > held.issued_at
    return _RELIANCE[new.status] >= _RELIANCE[held.status]
