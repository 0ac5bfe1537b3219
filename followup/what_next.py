"""The decision after every call: what comes next. Pure; time is an argument."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from followup.dialing_rules import SHORT_WAIT, Profile, next_opening
from followup.outcomes import NOT_COUNTED, NUMBER_IS_NO_USE, AttemptOutcome, TaskOutcome


class NextAction(StrEnum):
    """What comes after an attempt."""

    DONE = "done"
    CALL_AGAIN = "call_again"
    OTHER_CHANNEL = "other_channel"
    ESCALATE = "escalate"
    GIVE_UP = "give_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptPolicy:
    """How often and how soon to try again, by outcome (content/attempt_policies)."""

    id: str
    version: int
    status: str
    source: str
    max_attempts: int
    gaps: Mapping[AttemptOutcome, timedelta]  # an outcome without a gap is not tried again
    default_gap: timedelta
    other_day_part: bool  # the next try falls into another part of the day
    day_parts: tuple[time, ...]  # local starts of the parts of a day, ascending
    uncounted_limit: int = 10  # tries that failed on our side before a person has to look
    when_exhausted: NextAction = NextAction.OTHER_CHANNEL


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """The decision: what, when, and what the task comes to (None while it stays open)."""

    action: NextAction
    at: datetime | None = None
    task_outcome: TaskOutcome | None = None
    reason: str = ""


def decide_next(
    *,
    policy: AttemptPolicy,
    profile: Profile,
    zone: str,
    outcomes: Sequence[AttemptOutcome],
    task_result: TaskOutcome | None,
    latest_at: datetime,
    another_number: bool,
    now: datetime,
    block_passes: bool = False,
) -> NextStep:
    """What comes next after the last of `outcomes` (oldest first, never empty).

    A result given by the person who spoke ends the task. Tries that failed on our side do not count against the
    patient's tries, but are limited. A next try never falls outside the window or the calling hours. `block_passes`
    says of an attempt that the gate blocked at the last moment that waiting cures every one of its reasons.
    """
    if task_result is not None:
        return NextStep(action=NextAction.DONE, task_outcome=task_result, reason="result given on the call")
    last = outcomes[-1]
    if last is AttemptOutcome.BLOCKED_BY_POLICY and not block_passes:
        return NextStep(action=NextAction.ESCALATE, reason="the gate refused the call for a reason that stays")
    if last in NUMBER_IS_NO_USE and not another_number:
        return NextStep(action=NextAction.ESCALATE, reason="no number left: the registrar has to find one")
    counted = [outcome for outcome in outcomes if outcome not in NOT_COUNTED]
    if len(counted) >= policy.max_attempts:
        return _exhausted(policy)
    if len(outcomes) - len(counted) >= policy.uncounted_limit:
        return NextStep(action=NextAction.ESCALATE, reason="tries failed on our side too often")
    if last not in policy.gaps and last not in NUMBER_IS_NO_USE and last not in NOT_COUNTED:
        return NextStep(action=NextAction.ESCALATE, reason="a person was reached without a result")
    gap = policy.gaps.get(last, policy.default_gap)
    if last is AttemptOutcome.BLOCKED_BY_POLICY:
        # Nobody was rung, so nobody needs a rest; the gate says how long it takes when it is asked again.
        gap = SHORT_WAIT
    earliest = now + gap
    if policy.other_day_part and last not in NOT_COUNTED and last is not AttemptOutcome.BUSY:
        earliest = _in_another_day_part(policy, zone, earliest, now)
    at = next_opening(profile, zone, earliest)
    if at is None or at > latest_at:
        at = next_opening(profile, zone, now + gap)
    if at is None or at > latest_at:
        return _exhausted(policy)
    return NextStep(action=NextAction.CALL_AGAIN, at=at, reason=f"after {last.value}")


def _exhausted(policy: AttemptPolicy) -> NextStep:
    return NextStep(
        action=policy.when_exhausted,
        task_outcome=TaskOutcome.LOST_TO_FOLLOW_UP,
        reason="all tries of this step are used up or its window closes",
    )


def _in_another_day_part(policy: AttemptPolicy, zone: str, earliest: datetime, now: datetime) -> datetime:
    tz = ZoneInfo(zone)

    def part_of(moment: datetime) -> int:
        local = moment.astimezone(tz).time()
        return max((i for i, start in enumerate(policy.day_parts) if start <= local), default=-1)

    if part_of(earliest) != part_of(now) or earliest.astimezone(tz).date() != now.astimezone(tz).date():
        return earliest
    later = [start for start in policy.day_parts if start > earliest.astimezone(tz).time()]
    day = earliest.astimezone(tz).date()
    if later:
        return datetime.combine(day, later[0], tzinfo=tz).astimezone(now.tzinfo)
    return datetime.combine(day + timedelta(days=1), policy.day_parts[0], tzinfo=tz).astimezone(now.tzinfo)
