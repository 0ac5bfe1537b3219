"""Segments: groups of patients who are followed up alike, and what a segment says of plan, hour, language and way."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, time
from enum import StrEnum
from typing import Any, Self

from care.patients import PatientId
from care.tags import Condition, Look, TagFacts


class Hearing(StrEnum):
    """How well the patient hears on the telephone."""

    GOOD = "good"
    HARD = "hard"
    NONE = "none"


class PartOfDay(StrEnum):
    """When he would rather be rung."""

    MORNING = "morning"
    AFTERNOON = "afternoon"
    EVENING = "evening"
    ANY = "any"


class Channel(StrEnum):
    """How he would rather be reached."""

    PHONE = "phone"  # a person rings
    ROBOT = "robot"  # a machine may ring too
    MESSAGE = "message"
    ANY = "any"


@dataclass(kw_only=True, eq=False)
class ContactPreference:
    """What a patient said about how he wants to be reached; the newest word counts, the ones before are kept."""

    id: str
    patient_id: PatientId
    hearing: Hearing
    part_of_day: PartOfDay
    channel: Channel
    source: str
    recorded_at: datetime
    recorded_by: str | None
    superseded_at: datetime | None = None

    def says(self) -> tuple[object, ...]:
        """What it says, whoever wrote it down and when."""
        return (self.hearing, self.part_of_day, self.channel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """A span of the patient's day."""

    start: time
    end: time


@dataclass(frozen=True, slots=True, kw_only=True)
class Steering:
    """What a segment asks of scheduling; what it leaves open, others may say."""

    plans: tuple[str, ...] = ()  # templates that are proposed
    hours: tuple[Hours, ...] = ()
    language: str | None = None
    dialect: str | None = None
    slow_speech: bool = False
    by_person: bool = False  # no machine rings him

    def written(self) -> dict[str, Any]:
        """As it is kept with the patient."""
        return {
            **asdict(self),
            "plans": list(self.plans),
            "hours": [{"start": each.start.isoformat(), "end": each.end.isoformat()} for each in self.hours],
        }

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> Self:
        """From what is kept."""
        hours = tuple(
            Hours(start=time.fromisoformat(each["start"]), end=time.fromisoformat(each["end"]))
            for each in written["hours"]
        )
        return cls(**{**written, "plans": tuple(written["plans"]), "hours": hours})


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRule:
    """One rule of content/segments; of two that ask for different things the lower order counts."""

    id: str
    version: int
    order: int
    when: Condition
    steering: Steering

    @property
    def name(self) -> str:
        """As it is kept with the patient."""
        return f"{self.id}/{self.version}"


@dataclass(kw_only=True, eq=False)
class SegmentMember:
    """That a patient was in a segment from an instant to another."""

    id: str
    patient_id: PatientId
    segment: str
    rule: str  # id/version
    order: int
    steering: dict[str, Any]  # what it asks for, as its rule said when the patient came in
    evidence: list[dict[str, object]] = field(default_factory=list)
    since: datetime
    left_at: datetime | None = None


def segments_for(rules: Iterable[SegmentRule], facts: TagFacts) -> list[tuple[SegmentRule, Look]]:
    """The segments that a patient is in, those first that count first."""
    looks = ((rule, rule.when.look(facts)) for rule in sorted(rules, key=lambda rule: (rule.order, rule.id)))
    return [(rule, look) for rule, look in looks if look.holds]


def steering_of(said: Sequence[Steering]) -> Steering:
    """What segments ask for together, the first that says something of a matter counting for it."""
    return Steering(
        plans=tuple(dict.fromkeys(plan for each in said for plan in each.plans)),
        hours=next((each.hours for each in said if each.hours), ()),
        language=next((each.language for each in said if each.language is not None), None),
        dialect=next((each.dialect for each in said if each.dialect is not None), None),
        slow_speech=any(each.slow_speech for each in said),
        by_person=any(each.by_person for each in said),
    )
