"""A list that came in: what kind it is, where it stands, and where each of its rows stands."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from care.consent import Purpose
from followup.states import follow


class ListKind(StrEnum):
    """What each row of the list tells."""

    DISCHARGE = "discharge"  # a person and the visit that is over
    APPOINTMENT = "appointment"  # a person and the visit that will be
    NUMBERS = "numbers"  # a person and the numbers by which to reach him
    EXAM = "exam"  # a person and what was measured of him: a result in each row, or in each of many columns
    MEDICINE = "medicine"  # a person and a medicine: how it is taken, what was handed out, how long that lasts

    @property
    def tells_of_a_visit(self) -> bool:
        """True if each row is a visit, with department and day."""
        return self in {ListKind.DISCHARGE, ListKind.APPOINTMENT}

    @property
    def brings_findings(self) -> bool:
        """True if each row goes into the record and nobody is called for it, so that it needs no number."""
        return self in {ListKind.EXAM, ListKind.MEDICINE}

    @property
    def purpose(self) -> Purpose:
        """What people on such a list are called for, where no plan template says it."""
        return _PURPOSES[self]


_PURPOSES = {
    ListKind.DISCHARGE: Purpose.CARE,
    ListKind.APPOINTMENT: Purpose.REMINDER,
    ListKind.NUMBERS: Purpose.SURVEY,
    ListKind.EXAM: Purpose.CARE,
    ListKind.MEDICINE: Purpose.CARE,
}


class ImportState(StrEnum):
    """Where an import is."""

    READ = "read"  # its rows are kept, but no column names the person: a mapping is wanted
    CHECKED = "checked"  # every row was looked at; nothing of it is written yet
    APPLYING = "applying"
    APPLIED = "applied"
    UNDOING = "undoing"
    UNDONE = "undone"


class ImportTrigger(StrEnum):
    """What moves an import."""

    CHECK = "check"
    MAP_AWAY = "map_away"
    APPLY = "apply"
    UNDO = "undo"
    FINISH = "finish"


IMPORT_TRANSITIONS: dict[tuple[ImportState, ImportTrigger], ImportState] = {
    (ImportState.READ, ImportTrigger.CHECK): ImportState.CHECKED,
    (ImportState.CHECKED, ImportTrigger.CHECK): ImportState.CHECKED,
    (ImportState.CHECKED, ImportTrigger.MAP_AWAY): ImportState.READ,
    (ImportState.READ, ImportTrigger.MAP_AWAY): ImportState.READ,
    (ImportState.CHECKED, ImportTrigger.APPLY): ImportState.APPLYING,
    (ImportState.APPLIED, ImportTrigger.APPLY): ImportState.APPLYING,
    (ImportState.APPLYING, ImportTrigger.FINISH): ImportState.APPLIED,
    (ImportState.READ, ImportTrigger.UNDO): ImportState.UNDOING,
    (ImportState.CHECKED, ImportTrigger.UNDO): ImportState.UNDOING,
    (ImportState.APPLIED, ImportTrigger.UNDO): ImportState.UNDOING,
    (ImportState.UNDOING, ImportTrigger.FINISH): ImportState.UNDONE,
}


def next_import_state(state: ImportState, trigger: ImportTrigger) -> ImportState:
    """The state after `trigger`; IllegalTransitionError if the import cannot do that now."""
    return follow("import", IMPORT_TRANSITIONS, state, trigger)


class RowState(StrEnum):
    """Where one row is."""

    READY = "ready"
    BAD = "bad"  # its faults say why; it is corrected in a file and sent again
    UNDECIDED = "undecided"  # somebody much like him is known: a human says whether it is he
    APPLIED = "applied"
    UNDONE = "undone"
    LEFT = "left"  # undone but for what has been used since


@dataclass(kw_only=True, eq=False)
class ListImport:
    """One list, from the moment it came in."""

    id: str
    kind: ListKind
    source: str  # the name of where it comes from; its mapping is remembered under it; may be empty
    file_name: str
    format: str  # csv, xls, xlsx or rows (by API)
    encoding: str
    header: list[str]
    header_line: int
    mapping: dict[str, str]  # header → field
    template_id: str | None = None  # a plan for every visit of the list
    area_code: str = ""  # of numbers written without one
    synthetic: bool = False
    state: ImportState = ImportState.READ
    total: int
    done: int = 0  # of what is under way: rows applied, or undone
    counts: dict[str, int] = field(default_factory=dict)
    created_by: str | None  # None: the command line
    created_at: datetime
    moved_at: datetime  # when it last got on
    rows_kept_until: datetime
    rows_forgotten_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRow:
    """One row of a list as it was written, and what became of it."""

    line: int
    cells: tuple[str, ...]
    state: RowState
    faults: tuple[dict[str, str], ...] = ()
    remarks: tuple[dict[str, str], ...] = ()
    change: dict[str, bool] = field(default_factory=dict)  # new_person, new_visit, new_numbers
    candidates: tuple[str, ...] = ()  # ids of patients, or `line:7` of this list
    decision: str | None = None  # `new`, or one of the candidates
    patient_id: str | None = None
    encounter_id: str | None = None
    made: dict[str, list[str]] = field(default_factory=dict)  # what applying it added: kind → ids
    plan_id: str | None = None
    plan_refusal: str | None = None
