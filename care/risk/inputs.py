"""What a score is made of: the inputs there are, and one value of one patient with its date and source."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

Value = float | bool | str
"""A number, a yes or no, or one of a few words."""


class InputKind(StrEnum):
    """How an input's value is written."""

    NUMBER = "number"
    YES_NO = "yes_no"
    CHOICE = "choice"


class CardField(StrEnum):
    """What the card tells."""

    AGE = "age"
    SEX = "sex"


class Origin(StrEnum):
    """Where a value comes from."""

    CARD = "card"
    RESULT = "result"
    RECKONED = "reckoned"  # from results
    HISTORY = "history"
    MEDICINES = "medicines"
    VISITS = "visits"
    STATED = "stated"  # by somebody of the hospital, for risk only
    ASSUMED = "assumed"  # nothing in the record speaks of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From and up to a number, both included; a bound that is None does not hold."""

    lowest: float | None = None
    highest: float | None = None

    def __contains__(self, value: float) -> bool:
        return (self.lowest is None or value >= self.lowest) and (self.highest is None or value <= self.highest)


ANYWHERE = Span()


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """Entries of the history that say yes: diagnoses and operations by the begin of their codes."""

    diagnoses: tuple[str, ...] = ()
    procedures: tuple[str, ...] = ()
    past_counts: bool = False  # what is over counts as well
    relatives: Mapping[str, str] = field(default_factory=dict)  # a family's illness: relation → the input's word


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """An illness's share in a sum; `unless` names a heavier form of it that takes its place."""

    name: str
    signs: Signs
    points: float
    unless: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskInput:
    """One thing that scores ask for (content/risk_inputs.yaml), and where it is looked for."""

    name: str
    titles: Mapping[str, str]
    kind: InputKind
    unit: str = ""
    choices: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # word → its titles
    card: CardField | None = None
    concept: str = ""  # of a result
    weight: str = ""  # of a body mass index: the concepts that it may be reckoned from as well
    height: str = ""
    signs: Signs | None = None
    medicines: tuple[str, ...] = ()  # an active one whose ATC code begins so says yes
    weights: tuple[Weight, ...] = ()
    visits_within_days: int | None = None  # discharges before this one
    stated: bool = False  # somebody may state it, for risk only
    stated_for_visit: bool = False  # and it holds for one visit
    plausible: Span = ANYWHERE
    absent: bool | None = None  # what it means that nothing speaks of it

    def is_written(self, value: Value) -> bool:
        """True if a value is of the input's kind and plausible."""
        if self.kind is InputKind.YES_NO:
            return isinstance(value, bool)
        if self.kind is InputKind.CHOICE:
            return isinstance(value, str) and value in self.choices
        return isinstance(value, int | float) and not isinstance(value, bool) and value in self.plausible


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A patient's value of an input, as the record has it."""

    name: str
    value: Value
    origin: Origin
    taken_at: datetime | None = None
    source: str = ""
    references: tuple[str, ...] = ()  # ids of the rows that say so


@dataclass(kw_only=True, eq=False)
class RiskFact:
    """A value that somebody stated for risk only (north of the river, LOS of a stay). Rows are never changed."""

    id: str
    patient_id: str
    encounter_id: str | None
    name: str
    value: Value
    taken_at: datetime
    recorded_at: datetime
    recorded_by: str
    superseded_at: datetime | None = None
