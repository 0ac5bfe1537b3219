"""What a patient has and had: diagnoses, allergies, operations, the family's illnesses, each with its source."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from care.patients import PatientId


class HistoryKind(StrEnum):
    """What an entry tells of."""

    CONDITION = "condition"  # FHIR Condition; code: ICD-10
    ALLERGY = "allergy"  # FHIR AllergyIntolerance
    PROCEDURE = "procedure"  # FHIR Procedure; code: ICD-9-CM-3
    FAMILY = "family"  # FHIR FamilyMemberHistory; `relation` says whose


class EntryState(StrEnum):
    """Whether it holds."""

    ACTIVE = "active"
    RESOLVED = "resolved"
    REFUTED = "refuted"  # it was never so: kept, and nothing goes by it


class EntryOutdatedError(ValueError):
    """Somebody decided about a version that holds no more."""

    def __init__(self, entry_id: str) -> None:
        super().__init__(f"a newer version of entry {entry_id} holds by now; load the record again")


@dataclass(kw_only=True, eq=False)
class HistoryEntry:
    """One entry. Rows are never changed: a newer version of the same `source` and `source_key` supersedes the old."""

    id: str
    patient_id: PatientId
    kind: HistoryKind
    code: str = ""
    name: str
    state: EntryState = EntryState.ACTIVE
    since: date | None = None
    until: date | None = None
    relation: str = ""
    note: str = ""
    source: str
    source_key: str
    version: int = 1
    decided: bool = False  # a person's word on what the source sent; a later, different word of the source ends it
    stated_at: datetime | None = None  # by the source's own clock, where it has one: what comes late is not the newest
    superseded_at: datetime | None = None
    confirmed_at: datetime | None = None  # somebody asked the patient, and it holds
    recorded_at: datetime
    recorded_by: str | None = None

    def tells(self) -> tuple[object, ...]:
        """What it says, whoever says it and when: two versions that tell the same are no change."""
        return (self.kind, self.code, self.name, self.state, self.since, self.until, self.relation, self.note)


def groups_of(entries: Iterable[HistoryEntry], groups: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    """The groups of illnesses (content/diagnosis_groups) that active conditions belong to, by the begin of the code."""
    codes = {
        entry.code.upper()
        for entry in entries
        if entry.kind is HistoryKind.CONDITION and entry.state is EntryState.ACTIVE and entry.superseded_at is None
    }
    return frozenset(
        group for group, begins in groups.items() if any(code.startswith(begin) for code in codes for begin in begins)
    )
