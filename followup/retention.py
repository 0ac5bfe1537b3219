"""How long a recording is kept: rules by what the call was about; the longest wins, nothing is shortened unasked."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, time
from enum import StrEnum
from zoneinfo import ZoneInfo

from care.consent import Purpose
from followup.alerts import AlertLevel
from followup.offsets import Offset
from followup.outcomes import AttemptOutcome


class HoldState(StrEnum):
    """Where a legal hold is."""

    HELD = "held"
    RELEASE_ASKED = "release_asked"  # one person wants it lifted; it still holds until a second one agrees
    RELEASED = "released"
    LAPSED = "lapsed"  # its own last day is over


HOLDING = frozenset({HoldState.HELD, HoldState.RELEASE_ASKED})
"""While a hold stands so, nothing under it is destroyed, whatever any rule says."""


class PurgeState(StrEnum):
    """Where the destruction of a recording is."""

    BEGUN = "begun"  # the rows say so and nobody can play it; its objects may still be there
    DONE = "done"  # every object was looked for and is gone


@dataclass(kw_only=True, eq=False)
class LegalHold:
    """Nobody may destroy a recording, or any of a patient's; to lift it takes two people."""

    id: str
    patient_id: str
    recording_id: str | None  # None: every recording of the patient, also those to come
    case: str  # the dispute's or inquiry's own number
    reason: str
    placed_by: str
    placed_at: datetime
    until: datetime | None  # None: until it is lifted
    state: HoldState = HoldState.HELD
    release_asked_by: str | None = None
    release_asked_at: datetime | None = None
    release_because: str = ""
    ended_by: str | None = None
    ended_at: datetime | None = None

    def ask_release(self, *, by: str, because: str, now: datetime) -> None:
        """The first of two people wants it lifted; ValueError says why that cannot be."""
        if self.state is not HoldState.HELD:
            raise ValueError(f"the hold is {self.state.value}")
        self.state = HoldState.RELEASE_ASKED
        self.release_asked_by, self.release_asked_at, self.release_because = by, now, because

    def refuse_release(self) -> None:
        """The second person does not agree: it holds as before."""
        if self.state is not HoldState.RELEASE_ASKED:
            raise ValueError(f"the hold is {self.state.value}; nobody has asked to lift it")
        self.state = HoldState.HELD
        self.release_asked_by, self.release_asked_at, self.release_because = None, None, ""

    def release(self, *, by: str, now: datetime) -> None:
        """The second person agrees; ValueError says why that cannot be."""
        if self.state is not HoldState.RELEASE_ASKED:
            raise ValueError(f"the hold is {self.state.value}; somebody has to ask for its release first")
        if by == self.release_asked_by:
            raise ValueError("whoever asked to lift the hold cannot agree to it as well; a second person has to")
        self.state, self.ended_by, self.ended_at = HoldState.RELEASED, by, now


@dataclass(kw_only=True, eq=False)
class Purge:
    """Proof of a destruction: what was destroyed, when and by which rule. The row stays."""

    id: str
    recording_id: str
    patient_id: str
    rule: str
    edition: str
    kept_until: datetime
    uri: str | None
    sha256: str | None
    size: int | None
    seconds: float | None
    removed: dict[str, int]  # how many rows of each table, how many objects and spool files
    state: PurgeState
    begun_at: datetime
    done_at: datetime | None = None
    objects: list[str] = field(default_factory=list)  # addresses and spool folders that have to be gone
    trouble: str = ""  # why it is not done yet


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepingFacts:
    """What rules ask of a recording; a call about several tasks has the purposes of all."""

    begun_at: datetime
    purposes: frozenset[Purpose]
    departments: frozenset[str] = frozenset()
    outcome: AttemptOutcome | None = None
    alert_levels: frozenset[AlertLevel] = frozenset()
    complaint: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRule:
    """So long recordings of a class are kept; a condition that names nothing holds for every recording."""

    id: str
    keep: Offset | None  # None: for ever
    purposes: frozenset[Purpose] = frozenset()
    departments: frozenset[str] = frozenset()
    outcomes: frozenset[AttemptOutcome] = frozenset()
    alert_levels: frozenset[AlertLevel] = frozenset()
    complaint: bool = False

    def matches(self, facts: KeepingFacts) -> bool:
        """Whether the recording is of this class."""
        return (
            _meet(self.purposes, facts.purposes)
            and _meet(self.departments, facts.departments)
            and _meet(self.outcomes, {facts.outcome} if facts.outcome else ())
            and _meet(self.alert_levels, facts.alert_levels)
            and (facts.complaint or not self.complaint)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRules:
    """A jurisdiction's rules; no recording is destroyed before the law's own time (`floor`) is over."""

    id: str
    version: int
    floor: Offset
    rules: tuple[RetentionRule, ...]

    @property
    def edition(self) -> str:
        """Name and version, as each keeping remembers it."""
        return f"{self.id}/{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepingPolicy:
    """By which rules an installation keeps, whether it destroys by itself, and in which local hours copies are made."""

    rules: RetentionRules
    zone: ZoneInfo
    purges: bool = False
    copy_hours: tuple[time, time] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """By which rule a recording is kept, and until when; no rule or no end: for ever."""

    rule: str | None
    until: datetime | None

    def is_shorter_than(self, other: "Keeping") -> bool:
        """True if this one ends while the other still keeps."""
        return self.until is not None and (other.until is None or self.until < other.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What holds from now on, and the shorter time that the rules would give, which somebody has to confirm."""

    holds: Keeping
    shorter: Keeping | None = None


def keeping_of(rules: RetentionRules, facts: KeepingFacts, zone: ZoneInfo) -> Keeping:
    """The longest of the rules that match; a recording that no rule knows is kept for ever."""
    longest: Keeping | None = None
    for rule in rules.rules:
        if not rule.matches(facts):
            continue
        until = rule.keep.after(facts.begun_at, zone) if rule.keep is not None else None
        found = Keeping(rule=rule.id, until=until)
        if longest is None or longest.is_shorter_than(found):
            longest = found
    if longest is None or longest.until is None:
        return longest or Keeping(rule=None, until=None)
    return replace(longest, until=max(longest.until, rules.floor.after(facts.begun_at, zone)))


def settle(before: Keeping | None, wanted: Keeping) -> Settled:
    """Rules may lengthen what was said before by themselves, never shorten it."""
    if before is None or not wanted.is_shorter_than(before):
        return Settled(holds=wanted)
    return Settled(holds=before, shorter=wanted)


def rules_below_floor(rules: Iterable[RetentionRule], floor: Offset) -> list[str]:
    """Ids of rules that would destroy before the law lets them."""
    return [rule.id for rule in rules if rule.keep is not None and not floor.is_at_most(rule.keep)]


def _meet(wanted: Collection[object], found: Collection[object]) -> bool:
    return not wanted or not set(wanted).isdisjoint(found)
