"""A registry's figures for a year: who was managed, who as the specification says, whose last value was on target."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from followup.follow_up_rules import FollowUpRules, RuleChoice, age_on, number_in, rules_on

IN_FORCE = "in-force"
"""Not one set, but for each reading the one by which the hospital went on its day."""


class TargetState(StrEnum):
    """What the last value of the year says under a rule set."""

    ON_TARGET = "on_target"
    OFF_TARGET = "off_target"
    NO_READING = "no_reading"  # counts against the rate: nobody knows


@dataclass(frozen=True, slots=True, kw_only=True)
class LastReading:
    """The last value of a year, of all sources."""

    taken_at: datetime
    day: date  # the hospital's
    answers: Mapping[str, object]
    source: str  # result or follow_up: where the row stands


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryMember:
    """Somebody who has the illness, and his year."""

    patient_id: str
    born: date | None
    contacts: int  # days on which he was met or spoken to about it
    contacts_per_spec: int  # those of the ways that the specification counts
    last: LastReading | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlRate:
    """Last value of the year on target, of all who were managed in it, under one named rule set."""

    rule_set: str
    rules: tuple[str, ...]  # id/version of those that spoke
    on_target: int
    off_target: int
    no_reading: int

    @property
    def managed(self) -> int:
        """The denominator."""
        return self.on_target + self.off_target + self.no_reading


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryYear:
    """The figures of a registry for a year."""

    members: int
    managed: int
    managed_per_spec: int
    control: tuple[ControlRate, ...] = field(default=())


def target_state(rules: FollowUpRules | None, member: RegistryMember) -> TargetState:
    """Whether the last value is below the target for his age on its day; nothing but the values is asked."""
    last = member.last
    if rules is None or last is None:
        return TargetState.NO_READING
    if any(last.answers.get(item) not in wanted for item, wanted in rules.counted_only_when.items()):
        return TargetState.NO_READING
    age = age_on(member.born, last.day)
    target = next((each for each in rules.targets if each.holds_for(age)), None)
    values = {item: number_in(last.answers.get(item)) for item in target.below} if target is not None else {}
    if target is None or any(value is None for value in values.values()):
        return TargetState.NO_READING
    below = all(value is not None and value < target.below[item] for item, value in values.items())
    return TargetState.ON_TARGET if below else TargetState.OFF_TARGET


def rules_for(
    rule_set: str, topic: str, member: RegistryMember, known: Sequence[FollowUpRules], choices: Sequence[RuleChoice]
) -> FollowUpRules | None:
    """The rules of a set that a member's last value is held against; as if the hospital had gone by them."""
    if member.last is None:
        return None
    if rule_set == IN_FORCE:
        return rules_on(member.last.day, topic, known, choices)
    of_set = [rules for rules in known if rules.topic == topic and rules.rule_set == rule_set]
    begun = [rules for rules in of_set if rules.effective_from <= member.last.day]
    return max(begun or of_set, key=lambda rules: (rules.effective_from, rules.version), default=None)


def year_of(
    members: Sequence[RegistryMember],
    *,
    topic: str,
    known: Sequence[FollowUpRules],
    choices: Sequence[RuleChoice],
    contacts_per_spec: int,
) -> RegistryYear:
    """The figures, under every rule set that there is for the topic and under the one that was in force."""
    managed = [member for member in members if member.contacts > 0]
    sets = sorted({rules.rule_set for rules in known if rules.topic == topic})
    control = []
    for rule_set in (*sets, IN_FORCE):
        counts = dict.fromkeys(TargetState, 0)
        spoke: set[str] = set()
        for member in managed:
            rules = rules_for(rule_set, topic, member, known, choices)
            counts[target_state(rules, member)] += 1
            if rules is not None:
                spoke.add(f"{rules.id}/{rules.version}")
        control.append(
            ControlRate(
                rule_set=rule_set,
                rules=tuple(sorted(spoke)),
                on_target=counts[TargetState.ON_TARGET],
                off_target=counts[TargetState.OFF_TARGET],
                no_reading=counts[TargetState.NO_READING],
            )
        )
    return RegistryYear(
        members=len(members),
        managed=len(managed),
        managed_per_spec=sum(member.contacts_per_spec >= contacts_per_spec for member in managed),
        control=tuple(control),
    )
