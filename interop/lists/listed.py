"""What rows of lists say, once they are read: people, visits, results, medicines."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from care.consent import ConsentScope
from care.patients import NumberOwner
from db.listed_people import Key
from followup.imports import ListKind
from interop.lists.faults import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRules:
    """What holds for every row of one list."""

    kind: ListKind
    header: tuple[str, ...]
    mapping: Mapping[str, str]
    zone: ZoneInfo
    now: datetime
    templates: frozenset[str]
    template_id: str | None = None
    area_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedNumber:
    """A number in the order in which it is to be dialed."""

    number: str
    owner: NumberOwner
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedVisit:
    """The visit that the row tells of."""

    department: str
    occurred_at: datetime
    on_day: date
    number: str | None
    ward: str | None
    doctor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedResult:
    """A result as the row writes it, and in which column."""

    header: str
    code: str
    name: str
    value: str
    unit: str
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedExam:
    """What the row tells of an exam."""

    taken_at: datetime
    issued_at: datetime | None
    sample: str | None
    results: tuple[ListedResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedMedicine:
    """What the row tells of a medicine: how it is taken, and, if it was handed out, how long that lasts."""

    name: str
    atc: str
    code: str  # the hospital's own
    dose: str
    schedule: str
    on_day: date
    until: date | None  # when it is or was stopped
    days: int | None  # None: it was not handed out; 0: it was taken back
    number: str | None  # of what was handed out


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPerson:
    """A row that can be taken."""

    line: int
    name: str
    keys: tuple[Key, ...]
    born: date | None
    sex: str | None
    language: str | None
    dialect: str | None
    zone: str | None
    numbers: tuple[ListedNumber, ...]
    visit: ListedVisit | None
    exam: ListedExam | None = None
    medicine: ListedMedicine | None = None
    template_id: str | None
    consents: tuple[tuple[ConsentScope, bool], ...]
    remarks: tuple[Fault, ...]
