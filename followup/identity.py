"""Who is on the line: which facts he has to say by himself, and whether enough of them were right."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from care.consent import Purpose

FAILURES_LIMIT = 2
"""After so many failed checks the call ends in neutral words."""
IDENTITY_FAILED = "identity-failed"
IDENTITY_NOTE = "identity"
"""The task's variable that bears the note."""


class IdentityCheck(StrEnum):
    """A fact that whoever answers says by himself; nobody reads it out to him."""

    NAME = "name"
    BORN_MONTH_DAY = "born_month_day"
    AGE = "age"
    DISCHARGE_MONTH = "discharge_month"
    WARD = "ward"
    RECORD_NUMBER = "record_number"
    ADDRESS = "address"
    ID_DIGITS = "id_digits"  # only where the queue's rule names it


class IdentityRisk(StrEnum):
    """How much harm it would do to speak with the wrong person."""

    LOW = "low"  # an appointment, a survey
    STANDARD = "standard"
    HIGH = "high"  # mind, suicide, what a neighbour must not hear


@dataclass(frozen=True, slots=True, kw_only=True)
class NeededChecks:
    """All of `every`, and `count` of `some`."""

    every: frozenset[IdentityCheck]
    some: frozenset[IdentityCheck] = frozenset()
    count: int = 0

    def __post_init__(self) -> None:
        if not self.every and not self.count:
            raise ValueError("an identity rule asks for one fact at least")
        if self.count > len(self.some):
            raise ValueError(f"an identity rule wants {self.count} of {len(self.some)} facts; list more of them")

    def met_by(self, passed: Collection[IdentityCheck]) -> bool:
        """True if enough facts were right. A fact that the rule does not name counts for nothing."""
        given = frozenset(passed)
        return self.every <= given and len((given & self.some) - self.every) >= self.count

    def missing(self, passed: Collection[IdentityCheck]) -> str:
        """What is still to be asked, in words."""
        given = frozenset(passed)
        parts = [check.value for check in sorted(self.every - given)]
        left = self.count - len((given & self.some) - self.every)
        if left > 0:
            parts.append(f"{left} of {', '.join(sorted(check.value for check in self.some - given))}")
        return " and ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityRule:
    """What a queue asks for at each risk (content/identity_rules)."""

    id: str
    version: int
    status: str
    source: str
    risks: dict[IdentityRisk, NeededChecks]
    known: NeededChecks  # for a verified number and the nurse who spoke with him before
    known_within: timedelta
    known_risks: frozenset[IdentityRisk] = frozenset({IdentityRisk.LOW, IdentityRisk.STANDARD})


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityFacts:
    """What the checks depend on."""

    risk: IdentityRisk
    number_verified: bool
    same_agent_spoke_at: datetime | None  # when this agent last confirmed this patient on this number
    now: datetime


def risk_of(purpose: Purpose, *, sensitive_form: bool) -> IdentityRisk:
    """How careful to be: a form about the mind asks for more, an appointment for less."""
    if sensitive_form:
        return IdentityRisk.HIGH
    return IdentityRisk.LOW if purpose in (Purpose.REMINDER, Purpose.SURVEY) else IdentityRisk.STANDARD


def needed_checks(rule: IdentityRule, facts: IdentityFacts) -> NeededChecks:
    """Which facts have to be said: fewer where the number is verified and the same nurse spoke with him lately."""
    spoke = facts.same_agent_spoke_at
    if (
        facts.number_verified
        and spoke is not None
        and facts.now - spoke <= rule.known_within
        and facts.risk in rule.known_risks
    ):
        return rule.known
    return rule.risks[facts.risk]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedIdentity:
    """One round of checks on an attempt; rounds are added, never changed."""

    id: str
    attempt_id: str
    patient_id: str
    person: str  # patient or relative
    relative_id: str | None
    rule: str  # id/version
    passed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    enough: bool
    by: str
    at: datetime
