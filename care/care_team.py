"""Who may open a patient's record: those who care for him, and who breaks the glass and says why."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from care.patients import PatientId

TIES_LAST = timedelta(days=730)
"""So long after a visit its department still cares: the longest follow-up we ship ends a year after it."""

CALLED_LAST = timedelta(days=7)
"""So long after a call its agent may look at what she wrote."""

GLASS_OPEN = timedelta(hours=1)
"""So long a broken glass stays open, for one user and one patient."""


class Ground(StrEnum):
    """Why somebody may open a record."""

    WHOLE_HOUSE = "whole_house"  # works for no department in particular: the call centre, the patient office
    NOBODYS_PATIENT = "nobodys_patient"  # no department has him yet
    DEPARTMENT = "department"  # a visit of his was there lately
    MEMBER = "member"  # named in his care team, himself or by department
    QUEUE = "queue"  # a task of his waits in a queue that the user serves
    CALLED = "called"  # she calls him, or has just done so
    BROKEN_GLASS = "broken_glass"


class GlassReason(StrEnum):
    """Why somebody outside the care team has to look; picked from a list, the words stand beside it."""

    EMERGENCY = "emergency"
    PATIENT_ON_THE_LINE = "patient_on_the_line"
    STANDS_IN = "stands_in"  # for a colleague of the care team
    COMPLAINT = "complaint"
    DUTY_BY_LAW = "duty_by_law"
    OTHER = "other"


class GlassReview(StrEnum):
    """What a second person thinks of it."""

    JUSTIFIED = "justified"
    NOT_JUSTIFIED = "not_justified"


@dataclass(kw_only=True, eq=False)
class CareTeamMember:
    """A user or a whole department that cares for a patient without a visit there (FHIR CareTeam.participant)."""

    id: str
    patient_id: PatientId
    user_id: str | None = None
    department: str | None = None
    role: str  # as the hospital says it
    reason: str
    since: datetime
    added_by: str | None = None
    until: datetime | None = None
    ended_by: str | None = None


@dataclass(kw_only=True, eq=False)
class BrokenGlass:
    """One user opened one record from outside, with a reason, for a while; a second person reviews it."""

    id: str
    patient_id: PatientId
    user_id: str
    reason: GlassReason
    text: str
    broken_at: datetime
    until: datetime
    review: GlassReview | None = None
    reviewed_by: str | None = None
    reviewed_at: datetime | None = None
    review_text: str = ""


class OutsideCareTeamError(Exception):
    """Somebody outside a patient's care team wants to see or change something of him."""

    def __init__(self, patient_id: str, user_id: str) -> None:
        super().__init__(f"user {user_id} is not of the care team of patient {patient_id}")
        self.patient_id = patient_id
        self.user_id = user_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who reads, and for which departments he works; none: for the whole house."""

    user_id: str
    departments: tuple[str, ...] = ()


def ground_of(reader: Reader, ties: Collection[Ground]) -> Ground | None:
    """The first ground on which the reader may open the record, None if he may not; ties are what the rows say."""
    if not reader.departments:
        return Ground.WHOLE_HOUSE
    return next((ground for ground in Ground if ground in ties), None)


def why_not_reviewed_by(glass: BrokenGlass, user_id: str) -> str | None:
    """Why this user cannot review it, in words; None if he can."""
    if glass.user_id == user_id:
        return "nobody reviews what he did himself"
    if glass.review is not None:
        return f"it was found {glass.review.value.replace('_', ' ')} already"
    return None
