"""The decision after every attempt: what comes next. Pure: time, openings and counts are arguments.

Every outcome has a row in the policy (content/attempt_policies); nothing is decided that the row does not say.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from followup.dialing_rules import SHORT_WAIT
from followup.messages import Channel
from followup.outcomes import NUMBER_IS_NO_USE, AttemptOutcome, TaskOutcome

Opening = Callable[[datetime], datetime | None]
"""The first instant at or after the one given at which the patient may be called; None if there is none in sight."""

NEXT_NUMBER = "next_number"
"""What a task's variables say of the number that the next try dials: the id of a contact point."""

_DAYS_LOOKED_AHEAD = 7
_BEST_HOUR_WAIT = timedelta(hours=24)
_BEST_HOUR_GAIN = 0.1
"""A part of the day is waited for only if it promises so much more, and comes within a day of the first one."""


class NextAction(StrEnum):
    """What comes after an attempt."""

    DONE = "done"
    CALL_AGAIN = "call_again"
    OTHER_CHANNEL = "other_channel"
    ESCALATE = "escalate"
    GIVE_UP = "give_up"


class DecisionReason(StrEnum):
    """Why it was decided so; content/decision_reasons.yaml has the words."""

    RESULT_GIVEN = "result_given"
    NOBODY_REACHED = "nobody_reached"
    FAST_REJECTION = "fast_rejection"
    FAULT_OF_OURS = "fault_of_ours"
    OTHER_NUMBER = "other_number"
    PERSON_WITHOUT_RESULT = "person_without_result"
    GATE_PASSES = "gate_passes"
    GATE_STAYS = "gate_stays"
    NO_NUMBER_LEFT = "no_number_left"
    TRIES_USED_UP = "tries_used_up"
    FAULTS_TOO_OFTEN = "faults_too_often"
    PERSON_HAS_TO_SAY = "person_has_to_say"
    WINDOW_CLOSES = "window_closes"
    WINDOW_OVER = "window_over"
    OTHER_CHANNEL_AT_ONCE = "other_channel_at_once"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRow:
    """What follows one outcome: a row of the policy's table."""

    gap: timedelta  # at least so long until the next try
    counts: bool  # it uses up one of the tries
    repeats: int = 0  # so many times in a row the next try comes right after the gap, whatever the part of the day
    at_most: int | None = None  # so many attempts of a task may end so; then its tries count as used up
    other_day_part: bool = False
    other_day: bool = False
    other_number: bool = False  # another number first, if there is one
    other_channel: bool = False  # no further call: the other channel at once
    message_before: str | None = None  # the text sent ahead of the next try
    message_after: str | None = None  # the text sent now
    escalate: bool = False  # a person says what comes next


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptPolicy:
    """How often, how soon and how else to try again (content/attempt_policies); a queue may change single values."""

    id: str
    version: int
    status: str
    source: str
    max_attempts: int
    rows: Mapping[AttemptOutcome, OutcomeRow]
    day_parts: tuple[time, ...]  # local starts of the parts of a day, ascending
    per_day: int | None = None  # tries of one task on one day
    spread_days: int = 1  # over so many days the tries of a task are spread at least
    spread_parts: int = 1  # and over so many parts of the day
    uncounted_limit: int = 10  # attempts that do not count before a person has to look
    when_exhausted: NextAction = NextAction.OTHER_CHANNEL
    fast_rejection: timedelta = timedelta(seconds=3)  # refused within so long of ringing: the patient's own hand
    fast_rejection_gap: timedelta = timedelta(hours=4)
    best_hour: bool = False
    channels: tuple[Channel, ...] = ()  # in the order in which they are thought of
    message_before_first: str | None = None
    message_lead: timedelta = timedelta(minutes=15)  # so long before the call it announces
    messages_after_misses: bool = False
    message_when_exhausted: str | None = None
    messages_per_task: int = 2
    messages_per_day: int = 2  # of one patient, over all tasks
    closing: timedelta = timedelta(hours=4)  # so long before its last opening a person is told of a task
    undo_within: timedelta = timedelta(minutes=30)

    def __post_init__(self) -> None:
        missing = sorted(outcome.value for outcome in AttemptOutcome if outcome not in self.rows)
        if missing:
            raise ValueError(f"attempt policy {self.id}: no row for {', '.join(missing)}; every outcome needs one")
        if self.when_exhausted not in (NextAction.OTHER_CHANNEL, NextAction.ESCALATE, NextAction.GIVE_UP):
            raise ValueError(f"attempt policy {self.id}: when_exhausted is other_channel, escalate or give_up")
        for outcome, row in self.rows.items():
            if row.gap <= timedelta(0):
                raise ValueError(f"attempt policy {self.id}: {outcome.value} needs a gap")
        for outcome in (AttemptOutcome.NETWORK_FAILURE, AttemptOutcome.BLOCKED_BY_POLICY):
            if self.rows[outcome].counts:
                raise ValueError(
                    f"attempt policy {self.id}: {outcome.value} says nothing about the patient and may not count"
                )
        if self.spread_parts > len(self.day_parts):
            raise ValueError(f"attempt policy {self.id}: it has fewer day_parts than the tries are spread over")


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One attempt as the decision sees it."""

    outcome: AttemptOutcome
    at: datetime
    rang: timedelta | None = None  # from the first ring to its end, if it rang


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """The decision: what, when, why, and what the task comes to (None while it stays open)."""

    action: NextAction
    reason: DecisionReason
    at: datetime | None = None
    task_outcome: TaskOutcome | None = None
    other_number: bool = False  # the next try dials another number, if there is one
    message_now: str | None = None
    message_ahead: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slot:
    at: datetime
    day: int
    part: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wishes:
    """What the next try should be like; taken back one after the other where the window leaves no such hour."""

    not_part: int | None = None
    not_days: frozenset[int] = field(default_factory=frozenset)
    not_parts: frozenset[int] = field(default_factory=frozenset)
    not_slot: tuple[int, int] | None = None

    def met_by(self, slot: _Slot) -> bool:
        return (
            slot.part != self.not_part
            and slot.day not in self.not_days
            and slot.part not in self.not_parts
            and (slot.day, slot.part) != self.not_slot
        )


def counted(policy: AttemptPolicy, tries: Sequence[Try]) -> int:
    """How many of the tries use up one of the policy's."""
    return sum(policy.rows[each.outcome].counts for each in tries)


def is_fast_rejection(policy: AttemptPolicy, last: Try) -> bool:
    """True if a ringing telephone was refused so soon that it must have been by hand, or by a filter."""
    if last.outcome not in (AttemptOutcome.REJECTED, AttemptOutcome.BUSY):
        return False
    if last.rang is None:
        return False
    return last.rang < policy.fast_rejection


def part_of(policy: AttemptPolicy, zone: str, moment: datetime) -> int:
    """Which part of the local day an instant lies in; what comes before the first belongs to the first."""
    local = moment.astimezone(ZoneInfo(zone)).time()
    return max((i for i, start in enumerate(policy.day_parts) if start <= local), default=0)


def decide_next(
    *,
    policy: AttemptPolicy,
    opening: Opening,
    zone: str,
    tries: Sequence[Try],
    task_result: TaskOutcome | None,
    latest_at: datetime,
    another_number: bool,
    now: datetime,
    block_passes: bool = False,
    chances: Mapping[int, float] | None = None,
) -> NextStep:
    """What comes next after the last of `tries` (oldest first, never empty).

    A result given by the person who spoke ends the task. A next try never falls outside the window or the openings.
    `another_number` says that a number is left that is of use; `block_passes` says of an attempt which the gate blocked
    at the last moment that waiting cures every one of its reasons. `chances` are those of an answer by part of the day.
    """
    if task_result is not None:
        return NextStep(action=NextAction.DONE, task_outcome=task_result, reason=DecisionReason.RESULT_GIVEN)
    last = tries[-1]
    row = policy.rows[last.outcome]
    blocked = last.outcome is AttemptOutcome.BLOCKED_BY_POLICY
    if blocked and not block_passes:
        return _a_person(DecisionReason.GATE_STAYS)
    if last.outcome in NUMBER_IS_NO_USE and not another_number:
        return _a_person(DecisionReason.NO_NUMBER_LEFT)
    used = counted(policy, tries)
    if used >= policy.max_attempts:
        return _exhausted(policy, DecisionReason.TRIES_USED_UP)
    if len(tries) - used >= policy.uncounted_limit:
        return _a_person(DecisionReason.FAULTS_TOO_OFTEN)
    if row.at_most is not None and sum(each.outcome is last.outcome for each in tries) >= row.at_most:
        return _exhausted(policy, DecisionReason.TRIES_USED_UP)
    if row.escalate:
        return _a_person(DecisionReason.PERSON_HAS_TO_SAY)
    if row.other_channel:
        return NextStep(
            action=NextAction.OTHER_CHANNEL,
            task_outcome=TaskOutcome.LOST_TO_FOLLOW_UP,
            reason=DecisionReason.OTHER_CHANNEL_AT_ONCE,
            message_now=policy.message_when_exhausted,
        )
    fast = is_fast_rejection(policy, last)
    # Of a call that the gate stopped nobody was rung, so nobody needs a rest; the gate says how long it takes.
    gap = SHORT_WAIT if blocked else max(row.gap, policy.fast_rejection_gap) if fast else row.gap
    at = _next_hour(
        policy, opening, zone, tries=tries, earliest=now + gap, latest_at=latest_at, now=now, chances=chances or {}
    )
    after = row.message_after if policy.messages_after_misses else None
    if at is None:
        hours_left = opening(now)
        if hours_left is not None and hours_left <= latest_at:
            # There is time for a call, but not after the rest that a machine has to keep: a person judges.
            return NextStep(action=NextAction.ESCALATE, reason=DecisionReason.WINDOW_CLOSES, message_now=after)
        return _exhausted(policy, DecisionReason.WINDOW_OVER)
    other = row.other_number or last.outcome in NUMBER_IS_NO_USE
    return NextStep(
        action=NextAction.CALL_AGAIN,
        at=at,
        reason=_why(last.outcome, fast=fast, other=other and another_number),
        other_number=other,
        message_now=after,
        message_ahead=row.message_before if policy.messages_after_misses else None,
    )


def _why(outcome: AttemptOutcome, *, fast: bool, other: bool) -> DecisionReason:
    if fast:
        return DecisionReason.FAST_REJECTION
    if other:
        return DecisionReason.OTHER_NUMBER
    match outcome:
        case AttemptOutcome.BLOCKED_BY_POLICY:
            return DecisionReason.GATE_PASSES
        case AttemptOutcome.NETWORK_FAILURE | AttemptOutcome.CALLER_ABANDONED:
            return DecisionReason.FAULT_OF_OURS
        case AttemptOutcome.CONNECTED_PATIENT | AttemptOutcome.CONNECTED_PROXY:
            return DecisionReason.PERSON_WITHOUT_RESULT
        case _:
            return DecisionReason.NOBODY_REACHED


def _a_person(reason: DecisionReason) -> NextStep:
    return NextStep(action=NextAction.ESCALATE, reason=reason)


def _exhausted(policy: AttemptPolicy, reason: DecisionReason) -> NextStep:
    return NextStep(
        action=policy.when_exhausted,
        task_outcome=TaskOutcome.LOST_TO_FOLLOW_UP,
        reason=reason,
        message_now=policy.message_when_exhausted if policy.when_exhausted is NextAction.OTHER_CHANNEL else None,
    )


def _next_hour(
    policy: AttemptPolicy,
    opening: Opening,
    zone: str,
    *,
    tries: Sequence[Try],
    earliest: datetime,
    latest_at: datetime,
    now: datetime,
    chances: Mapping[int, float],
) -> datetime | None:
    slots = _slots(policy, opening, zone, earliest=earliest, latest_at=latest_at)
    for wishes in _wishes(policy, zone, tries, now):
        fitting = [slot for slot in slots if wishes.met_by(slot)]
        if fitting:
            return _likeliest(fitting, chances).at if policy.best_hour else fitting[0].at
    return None


def _slots(
    policy: AttemptPolicy, opening: Opening, zone: str, *, earliest: datetime, latest_at: datetime
) -> list[_Slot]:
    """The first opening, and the first in each later part of the days ahead, inside the window."""
    tz = ZoneInfo(zone)
    today = earliest.astimezone(tz).date()
    starts = [
        datetime.combine(today + timedelta(days=ahead), start, tzinfo=tz).astimezone(earliest.tzinfo)
        for ahead in range(_DAYS_LOOKED_AHEAD + 1)
        for start in policy.day_parts
    ]
    found: dict[tuple[int, int], _Slot] = {}
    for not_before in (earliest, *(start for start in starts if earliest < start <= latest_at)):
        at = opening(not_before)
        if at is None or at > latest_at:
            continue
        slot = _Slot(at=at, day=at.astimezone(tz).date().toordinal(), part=part_of(policy, zone, at))
        found.setdefault((slot.day, slot.part), slot)
    return sorted(found.values(), key=lambda slot: slot.at)


def _wishes(policy: AttemptPolicy, zone: str, tries: Sequence[Try], now: datetime) -> list[_Wishes]:
    """What the next try should be like, the fullest wish first and none last."""
    last = tries[-1]
    row = policy.rows[last.outcome]
    tz = ZoneInfo(zone)

    def day_of(moment: datetime) -> int:
        return moment.astimezone(tz).date().toordinal()

    that_count = [each for each in tries if policy.rows[each.outcome].counts]
    today, part = day_of(now), part_of(policy, zone, now)
    left = policy.max_attempts - len(that_count)
    days, parts = {day_of(each.at) for each in that_count}, {part_of(policy, zone, each.at) for each in that_count}
    full = frozenset(
        day
        for day in days
        if policy.per_day is not None and sum(day_of(each.at) == day for each in that_count) >= policy.per_day
    )
    in_a_row = 0
    for each in reversed(tries):
        if each.outcome is not last.outcome:
            break
        in_a_row += 1
    # Whatever keeps the tries spread is asked for only when the tries that are left would not do it otherwise.
    must_days = frozenset(days) if 0 < policy.spread_days - len(days) >= left else frozenset()
    must_parts = frozenset(parts) if 0 < policy.spread_parts - len(parts) >= left else frozenset()
    rested = row.counts and in_a_row > row.repeats
    not_days = full | must_days | (frozenset({today}) if row.other_day and rested else frozenset())
    # The part of the day in which the call was placed; the decision may come a moment after it ended.
    other_part = row.other_day_part and rested
    slot = (today, part) if other_part else None
    return [
        _Wishes(not_part=part if other_part else None, not_days=not_days, not_parts=must_parts, not_slot=slot),
        _Wishes(not_days=not_days, not_parts=must_parts, not_slot=slot),
        _Wishes(not_days=full | must_days, not_slot=slot),
        _Wishes(not_parts=must_parts, not_slot=slot),
        _Wishes(not_slot=slot),
        _Wishes(),
    ]


def _likeliest(slots: Sequence[_Slot], chances: Mapping[int, float]) -> _Slot:
    first = slots[0]
    near = [slot for slot in slots if slot.at - first.at <= _BEST_HOUR_WAIT]
    best = max(near, key=lambda slot: (chances.get(slot.part, 0.0), -slot.at.timestamp()))
    worth = chances.get(best.part, 0.0) - chances.get(first.part, 0.0)
    return best if worth >= _BEST_HOUR_GAIN else first
