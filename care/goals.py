"""Goals: what a patient's results should come to, by when, and whether they have; decided from the results alone."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from care.observations import Observation, ObservationStatus
from care.patients import PatientId


class Comparator(StrEnum):
    """How a result is held against a goal."""

    BELOW = "<"
    AT_MOST = "<="
    AT_LEAST = ">="
    ABOVE = ">"


_HOLDS: dict[Comparator, Callable[[float, float], bool]] = {
    Comparator.BELOW: lambda value, limit: value < limit,
    Comparator.AT_MOST: lambda value, limit: value <= limit,
    Comparator.AT_LEAST: lambda value, limit: value >= limit,
    Comparator.ABOVE: lambda value, limit: value > limit,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One result of a goal, in the concept's own unit: systolic < 140."""

    code: str
    comparator: Comparator
    value: float

    def holds(self, value: float) -> bool:
        """Whether a result is on target."""
        return _HOLDS[self.comparator](value, self.value)

    def written(self) -> dict[str, object]:
        """As it is stored."""
        return {"code": self.code, "comparator": self.comparator.value, "value": self.value}

    @staticmethod
    def read(written: dict[str, Any]) -> "Target":
        """From what is stored."""
        return Target(
            code=str(written["code"]), comparator=Comparator(written["comparator"]), value=float(written["value"])
        )


class GoalState(StrEnum):
    """Where a goal is (FHIR Goal.achievementStatus in our words)."""

    ACTIVE = "active"
    ACHIEVED = "achieved"
    MISSED = "missed"  # its last day went by
    CANCELLED = "cancelled"


@dataclass(kw_only=True, eq=False)
class Goal:
    """A goal (FHIR Goal) with what is done for it, by whom, and why it was set. Its texts are in both languages."""

    id: str
    patient_id: PatientId
    template_id: str | None  # of content/goals; None: set by hand
    template_version: int | None = None
    title: dict[str, str]
    targets: list[dict[str, object]]
    readings: int  # days in a row on which every target has to hold
    action: dict[str, str]
    owner_id: str
    plan_id: str | None = None
    because: dict[str, object] = field(default_factory=dict)  # the risk, tag or result that it answers
    starts_on: date
    due_on: date
    zone: str
    state: GoalState = GoalState.ACTIVE
    state_since: datetime
    evidence: list[str] = field(default_factory=list)  # ids of the results that it was closed by
    set_by: str
    set_at: datetime

    @property
    def aims(self) -> tuple[Target, ...]:
        """Its targets."""
        return tuple(Target.read(written) for written in self.targets)


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalVerdict:
    """What the results say of a goal, and which of them."""

    state: GoalState
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What became of one result of a goal: the last before it or the first under it, and the last."""

    code: str
    before: float | None
    before_at: datetime | None
    latest: float | None
    latest_at: datetime | None

    @property
    def change(self) -> float | None:
        """How much it moved."""
        return None if self.before is None or self.latest is None else self.latest - self.before


class GoalNotPossibleError(ValueError):
    """A goal cannot be set as it is asked for; the sentence says what to change."""


def verdict_on(
    targets: Sequence[Target],
    readings: int,
    *,
    starts_on: date,
    due_on: date,
    results: Iterable[Observation],
    zone: ZoneInfo,
    today: date,
) -> GoalVerdict:
    """Whether the results of a goal's days have reached it.

    A day counts if every target was measured on it; its last result of each counts. The goal is achieved by the first
    `readings` such days in a row on which all targets hold. The order in which results came in makes no difference,
    and a correction that takes the evidence away opens the goal again.
    """
    last = _last_of_each_day(results, {target.code for target in targets}, zone)
    run: list[Observation] = []
    days = 0
    for day in sorted(last):
        found = [last[day].get(target.code) for target in targets]
        measured = [one for one in found if one is not None]
        if not starts_on <= day <= due_on or len(measured) < len(targets):
            continue
        on_target = all(
            target.holds(one.value)
            for target, one in zip(targets, measured, strict=True)
            if one.value is not None  # those without a value were left out before
        )
        run, days = (run + measured, days + 1) if on_target else ([], 0)
        if days == readings:
            return GoalVerdict(state=GoalState.ACHIEVED, evidence=tuple(dict.fromkeys(one.id for one in run)))
    return GoalVerdict(state=GoalState.MISSED if today > due_on else GoalState.ACTIVE)


def effects_of(goal: Goal, results: Collection[Observation]) -> tuple[Effect, ...]:
    """What became of each result of a goal since it was set."""
    zone = ZoneInfo(goal.zone)
    found = []
    for code in dict.fromkeys(target.code for target in goal.aims):
        own = sorted((one for one in results if one.code == code and _counts(one)), key=lambda one: one.taken_at)
        since = [one for one in own if one.taken_at.astimezone(zone).date() >= goal.starts_on]
        earlier = [one for one in own if one not in since]
        before = earlier[-1] if earlier else (since[0] if since else None)
        latest = since[-1] if since else None
        found.append(
            Effect(
                code=code,
                before=before.value if before else None,
                before_at=before.taken_at if before else None,
                latest=latest.value if latest else None,
                latest_at=latest.taken_at if latest else None,
            )
        )
    return tuple(found)


def check_goal(targets: Sequence[Target], readings: int, starts_on: date, due_on: date) -> None:
    """GoalNotPossibleError if nothing could ever come of it."""
    if not targets:
        raise GoalNotPossibleError("a goal needs at least one target: name a result, a comparator and a value")
    if readings < 1:
        raise GoalNotPossibleError("readings must be 1 or more")
    if due_on < starts_on:
        raise GoalNotPossibleError("the goal is due before it begins: choose a later day")
    if (due_on - starts_on).days + 1 < readings:
        raise GoalNotPossibleError(f"{readings} days with results do not fit before {due_on}: choose a later day")
    for target in targets:
        low = [one.value for one in targets if one.code == target.code and one.comparator in _FROM_BELOW]
        high = [one.value for one in targets if one.code == target.code and one.comparator not in _FROM_BELOW]
        if low and high and max(low) > min(high):
            raise GoalNotPossibleError(f"no value of {target.code} can meet all its targets: correct one of them")


_FROM_BELOW = frozenset({Comparator.AT_LEAST, Comparator.ABOVE})


def _counts(result: Observation) -> bool:
    return (
        result.value is not None
        and result.superseded_at is None
        and result.status in (ObservationStatus.FINAL, ObservationStatus.CORRECTED)
    )


def _last_of_each_day(
    results: Iterable[Observation], codes: Collection[str], zone: ZoneInfo
) -> dict[date, dict[str, Observation]]:
    found: dict[date, dict[str, Observation]] = {}
    for one in sorted(results, key=lambda one: (one.taken_at, one.id)):
        if one.code in codes and _counts(one):
            found.setdefault(one.taken_at.astimezone(zone).date(), {})[one.code] = one
    return found
