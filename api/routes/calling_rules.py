"""When and how often this installation calls: the law's page it runs under, and the attempt policies."""

from datetime import time, timedelta

from fastapi import APIRouter, Request

from api.edge import Route
from api.fields import Answer
from api.permissions import Everybody
from api.wiring import wiring_of
from care.consent import Purpose
from followup.calling_hours import CallingHours, HolidayRule
from followup.dialing_rules import Counted, Profile
from followup.outcomes import AttemptOutcome
from followup.what_next import AttemptPolicy, NextAction

router = APIRouter(tags=["calling rules"], route_class=Route)


class CallingHoursAnswer(Answer):
    """A span of the patient's local time, on ISO weekdays (1 is Monday)."""

    weekdays: list[int]
    start: time
    end: time


class NoonRestAnswer(Answer):
    """When people from an age on are not rung."""

    start: time
    end: time
    from_age: int


class CapAnswer(Answer):
    """So many contacts with one patient in so many days."""

    at_most: int
    days: int
    counts: Counted
    purposes: list[Purpose]
    automated_only: bool


class ProfileAnswer(Answer):
    """The law's page; what a purpose's holiday rule does not name is closed on holidays."""

    id: str
    version: int
    status: str
    source: str
    hours: list[CallingHoursAnswer]
    outer_hours: list[CallingHoursAnswer]
    noon_rest: NoonRestAnswer | None
    on_holidays: dict[Purpose, HolidayRule]
    make_up_days_as_weekdays: bool
    attempts_per_day: int
    completed_per_day: int
    attempts_per_task: int | None
    rolling_caps: list[CapAnswer]
    recording_needs_consent: bool
    ahead_allowed: bool
    ahead_limit: float | None
    ahead_agents_least: int | None


class AfterOutcomeAnswer(Answer):
    """What follows one outcome: how long nobody tries again, and whether it uses up a try."""

    outcome: AttemptOutcome
    gap_seconds: int
    counts: bool
    at_most: int | None
    other_day_part: bool
    other_number: bool
    other_channel: bool
    escalate: bool


class AttemptPolicyAnswer(Answer):
    """An attempt policy: how often, how soon and how else to try again."""

    id: str
    version: int
    status: str
    source: str
    max_attempts: int
    per_day: int | None
    spread_days: int
    spread_parts: int
    when_exhausted: NextAction
    outcomes: list[AfterOutcomeAnswer]


class CallingRulesAnswer(Answer):
    """The rules in force: files of the installation's content, which its owner signs; none is changed from here."""

    mode: str
    profile: ProfileAnswer
    policies: list[AttemptPolicyAnswer]


@router.get("/calling-rules")
def read_calling_rules(caller: Everybody, request: Request) -> CallingRulesAnswer:  # noqa: ARG001
    """The rules in force."""
    wiring = wiring_of(request)
    return CallingRulesAnswer(
        mode=wiring.gate.mode.value,
        profile=_profile(wiring.gate.profile),
        policies=[_policy(policy) for _, policy in sorted(wiring.content.policies.items())],
    )


def _profile(profile: Profile) -> ProfileAnswer:
    rest, ahead = profile.noon_rest, profile.predictive
    return ProfileAnswer(
        id=profile.id,
        version=profile.version,
        status=profile.status,
        source=profile.source,
        hours=[_hours(each) for each in profile.hours],
        outer_hours=[_hours(each) for each in profile.outer_hours],
        noon_rest=NoonRestAnswer(start=rest.start, end=rest.end, from_age=rest.from_age) if rest else None,
        on_holidays=dict(profile.on_holidays),
        make_up_days_as_weekdays=profile.make_up_days_as_weekdays,
        attempts_per_day=profile.attempts_per_day,
        completed_per_day=profile.completed_per_day,
        attempts_per_task=profile.attempts_per_task,
        rolling_caps=[
            CapAnswer(
                at_most=cap.at_most,
                days=cap.days,
                counts=cap.counts,
                purposes=sorted(cap.purposes),
                automated_only=cap.automated_only,
            )
            for cap in profile.rolling_caps
        ],
        recording_needs_consent=profile.recording_needs_consent,
        ahead_allowed=bool(ahead and ahead.allowed),
        ahead_limit=ahead.limit if ahead else None,
        ahead_agents_least=ahead.agents_least if ahead else None,
    )


def _hours(hours: CallingHours) -> CallingHoursAnswer:
    return CallingHoursAnswer(weekdays=sorted(hours.weekdays), start=hours.start, end=hours.end)


def _policy(policy: AttemptPolicy) -> AttemptPolicyAnswer:
    return AttemptPolicyAnswer(
        id=policy.id,
        version=policy.version,
        status=policy.status,
        source=policy.source,
        max_attempts=policy.max_attempts,
        per_day=policy.per_day,
        spread_days=policy.spread_days,
        spread_parts=policy.spread_parts,
        when_exhausted=policy.when_exhausted,
        outcomes=[
            AfterOutcomeAnswer(
                outcome=outcome,
                gap_seconds=row.gap // timedelta(seconds=1),
                counts=row.counts,
                at_most=row.at_most,
                other_day_part=row.other_day_part,
                other_number=row.other_number,
                other_channel=row.other_channel,
                escalate=row.escalate,
            )
            for outcome, row in policy.rows.items()
        ],
    )
