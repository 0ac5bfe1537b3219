"""What a stage summary tells of one person and one period, gathered once: every number with its source and date."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from care.goals import GoalState


class Mark(StrEnum):
    """Where a result lies against its reference range."""

    LOW = "low"
    HIGH = "high"
    WITHIN = "within"
    UNKNOWN = "unknown"  # the result has no range


class ContactWay(StrEnum):
    """How the hospital and the patient spoke."""

    CALL = "call"  # a person called
    AUTOMATED = "automated"  # a machine called: never counted as a clinician's contact
    INBOUND = "inbound"  # the patient called
    FORM = "form"
    MESSAGE = "message"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """One text in both languages, kept with the facts: content may change after a signature, the document does not."""

    zh: str
    en: str

    def in_language(self, language: str) -> str:
        """The text in `language`, English where there is no other."""
        return self.zh if language == "zh" else self.en


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonFacts:
    """Who it is about, as the record said when the facts were gathered."""

    name: str
    record_number: str
    sex: str | None = None
    born: date | None = None

    def age_on(self, day: date) -> int | None:
        """Full years on that day."""
        if self.born is None:
            return None
        return day.year - self.born.year - ((day.month, day.day) < (self.born.month, self.born.day))


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultPoint:
    """One result, in the concept's unit."""

    at: datetime
    value: float
    text: str = ""  # of a bound, as it was sent: >33.3
    low: float | None = None
    high: float | None = None
    source: str

    @property
    def mark(self) -> Mark:
        """Where it lies against its own range."""
        if self.low is None and self.high is None:
            return Mark.UNKNOWN
        if self.low is not None and self.value < self.low:
            return Mark.LOW
        if self.high is not None and self.value > self.high:
            return Mark.HIGH
        return Mark.WITHIN

    def written(self, decimals: int) -> str:
        """As it is read."""
        return self.text or f"{self.value:.{decimals}f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultLine:
    """One concept over the period, oldest first."""

    code: str
    name: Words
    unit: str
    decimals: int = 1
    points: tuple[ResultPoint, ...]

    @property
    def change(self) -> float | None:
        """Last minus first; None with a single point."""
        return self.points[-1].value - self.points[0].value if len(self.points) > 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalLine:
    """One goal against the last result that speaks of it."""

    name: Words
    target: Words
    state: GoalState
    set_on: date | None = None
    due_on: date | None = None
    settled_on: date | None = None
    latest: str = ""  # as it is written, with its unit
    latest_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactLine:
    """One contact and what came of it; `outcome` is a code of followup/outcomes, a form's id or a message's state."""

    at: datetime
    way: ContactWay
    outcome: str
    reached: bool  # a person spoke, or answered in writing


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionLine:
    """A diagnosis or an allergy that held at the period's end."""

    name: str
    code: str = ""
    since: date | None = None
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MedicineLine:
    """A medicine as it is taken, with the share of days covered where it is known (0 to 1)."""

    name: str
    dose: str = ""
    since: date | None = None
    covered: float | None = None
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskLine:
    """A score that was reckoned, with the version of its rule."""

    name: Words
    value: str  # as it is written, with its unit
    band: Words
    at: datetime
    source: str  # the rule and its version


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceLine:
    """A piece of vetted advice that was given."""

    title: Words
    text: Words
    given_on: date | None = None
    source: str  # the article and its version


@dataclass(frozen=True, slots=True, kw_only=True)
class StageFacts:
    """Everything a stage summary shows besides the doctor's own words. A part that is empty is said to be empty."""

    person: PersonFacts
    since: date
    until: date  # the last day that counts
    zone: str
    gathered_at: datetime
    conditions: tuple[ConditionLine, ...] = ()
    allergies: tuple[ConditionLine, ...] = ()
    goals: tuple[GoalLine, ...] = ()
    results: tuple[ResultLine, ...] = ()
    medicines: tuple[MedicineLine, ...] = ()
    contacts: tuple[ContactLine, ...] = ()
    risks: tuple[RiskLine, ...] = ()
    advice: tuple[AdviceLine, ...] = ()

    def contacts_by_way(self) -> dict[ContactWay, tuple[int, int]]:
        """For each way: how many contacts, and in how many of them somebody was reached. Ways do not add up."""
        return {
            way: (len(lines), sum(line.reached for line in lines))
            for way in ContactWay
            if (lines := [line for line in self.contacts if line.way is way])
        }

    def goals_reached(self) -> int:
        """How many goals were reached."""
        return sum(goal.state is GoalState.ACHIEVED for goal in self.goals)


def ordered(lines: Sequence[ResultLine], first: Sequence[str]) -> tuple[ResultLine, ...]:
    """Result lines in the order of `first`, the others behind them by their codes."""
    places = {code: place for place, code in enumerate(first)}
    return tuple(sorted(lines, key=lambda line: (places.get(line.code, len(places)), line.code)))
